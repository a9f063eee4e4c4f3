from __future__ import annotations

from pathlib import Path

import pytest

from app.reference import pages

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    committed = (DOCS / name).read_text(encoding="utf-8")
    assert committed == pages()[name], "out of date: run `make docs`"


def test_the_reference_names_every_command_once() -> None:
    headings = [line for line in pages()["reference/cli.md"].splitlines() if line[:2] == "##"]
    assert len(headings) == len(set(headings)) == 31
