"""Golden cases: recorded frames in, events and answers out."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the expected events of golden cases; review the diff",
    )


@pytest.fixture
def is_updating(request):
    # Known only where pytest was started on this folder: elsewhere nothing is rewritten.
    return request.config.getoption("--update-golden", default=False)


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        cases = sorted(HERE.glob("*.jsonl"))
        metafunc.parametrize("case", cases, ids=[case.stem for case in cases])
