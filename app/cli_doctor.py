"""`foretell doctor`: looks whether all is well, and says what to do where it is not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from app.cli_common import (
    DONE,
    MISTAKES,
    ConfigOption,
    DataOption,
    JsonOption,
    SetOption,
    finish,
    quiet_logs,
    say,
    say_json,
    settings_from,
    warn,
)

if TYPE_CHECKING:
    from app.doctor_facts import Finding

_SIGNS = {"ok": "  ok      ", "warning": "! warning ", "problem": "X problem "}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    config: ConfigOption = None,
    data: DataOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look whether all is well with settings, disk, ports, certificates, mail and clock.

    Works whether the service runs or not. Run it as the user that runs the service.
    """
    from app.doctor import bad_settings, examine, not_ours
    from app.settings_load import BadSettingsError

    quiet_logs()
    if config is not None:
        config.open("rb").close()  # exit status 2: there is nothing to look at
    try:
        settings = settings_from({"data": data}, config=config, assignments=assignments or ())
    except BadSettingsError as error:
        findings = bad_settings(error.mistakes)
    else:
        from app.doctor_gather import gather

        if sys.stderr.isatty():
            warn("looking ...")
        try:
            findings = examine(gather(settings))
        except PermissionError as error:
            findings = [not_ours(str(error.filename))]
    _tell(findings, as_json=as_json)
    finish(MISTAKES if _count(findings, "problem") else DONE)


def _tell(findings: list[Finding], *, as_json: bool) -> None:
    problems, warnings = _count(findings, "problem"), _count(findings, "warning")
    if as_json:
        checks = [
            {"check": f.check, "grade": f.grade.value, "says": f.says, "do": f.do}
            for f in findings
        ]
        say_json({"checks": checks, "problems": problems, "warnings": warnings})
        return
    for finding in findings:
        say(f"{_SIGNS[finding.grade.value]}{finding.check}: {finding.says}")
        if finding.do:
            say(f"{' ' * 12}do: {finding.do}")
    say(f"{problems} problem{_s(problems)}, {warnings} warning{_s(warnings)}")


def _count(findings: list[Finding], grade: str) -> int:
    return sum(finding.grade.value == grade for finding in findings)


def _s(count: int) -> str:
    return "" if count == 1 else "s"
