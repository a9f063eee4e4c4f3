"""Fixtures of this room's tests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import structlog


@dataclass(frozen=True)
class CliResult:
    """What a run of the command line left behind."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command sets up logging for its process; the next test has other streams."""
    kept = structlog.get_config()
    yield
    structlog.configure(**kept)


@pytest.fixture
def run_cli(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., CliResult]:
    """Run `foretell` with the given arguments in this process, as a person would."""
    from app import cli

    def run(*arguments: object) -> CliResult:
        monkeypatch.setattr(sys, "argv", ["foretell", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = capfd.readouterr()
        code = stopped.value.code
        return CliResult(code if isinstance(code, int) else 0 if code is None else 1, out, err)

    return run
