"""The page of quirks is whole, and every test it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

TESTS = Path(__file__).parent
STORIES = TESTS.parent / "rules" / "stories"
PAGE = TESTS.parent / "docs" / "reference" / "quirks.md"
LAST = {"A": 19, "B": 10, "C": 18, "D": 14, "E": 4, "F": 9, "G": 8, "J": 17, "K": 10}
KNOWN = {f"{letter}{n}" for letter, last in LAST.items() for n in range(1, last + 1)}
KNOWN |= {"H", "I"}
# Of the collection those that were kept; the others were taken out before it came to us.
SEQUENCES = {f"S{number}" for number in range(1, 34, 2)}

_ROW = re.compile(r"^\| ([A-K][0-9]*) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
_NUMBER = re.compile(r"quirks? ([A-K][0-9]+)")
ROWS = {row[0]: row[1:] for row in _ROW.findall(PAGE.read_text("utf-8"))}


def named(quirk: str) -> list[str]:
    """The tests that a row names."""
    return re.findall(r"`([^`]+)`", ROWS[quirk][2])


@cache
def functions(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@cache
def sentences(file: Path, key: str = "scenario") -> set[str]:
    # Scalars as texts: a story's times are no numbers.
    return {one[key] for one in yaml.load(file.read_text("utf-8"), Loader=yaml.BaseLoader)}


def is_there(test: str) -> bool:
    if test.startswith("golden/"):
        return (TESTS / f"{test}.jsonl").exists()
    if test.startswith("scenarios/"):
        file, _, sentence = test.partition(": ")
        return (TESTS / file).exists() and sentence in sentences(TESTS / file)
    if test.startswith("stories/"):
        file, _, sentence = test.partition(": ")
        path = STORIES / file.removeprefix("stories/")
        return path.exists() and sentence in sentences(path, "story")
    file, _, name = test.partition("::")
    return (TESTS / file).exists() and name in functions(TESTS / file)


def test_every_known_quirk_has_a_row_and_no_row_is_of_another() -> None:
    assert set(ROWS) == KNOWN


@pytest.mark.parametrize("quirk", sorted(KNOWN))
def test_each_row_names_tests_and_they_are_there(quirk: str) -> None:
    assert named(quirk)
    assert [test for test in named(quirk) if not is_there(test)] == []


def test_every_golden_case_of_a_quirk_stands_in_the_row_of_its_quirks() -> None:
    """`quirk-b5-b6-b7-odd-boots` stands in the rows of B5, B6 and B7."""
    missing = []
    for case in sorted((TESTS / "golden").glob("*quirk-*.jsonl")):
        found = re.match(r"(?:2x_)?quirk-((?:[a-k]\d+-)+)", case.stem)
        for quirk in found[1].upper().strip("-").split("-") if found else ():
            if f"golden/{case.stem}" not in " ".join(named(quirk)):
                missing.append(f"{quirk}: {case.stem}")
    assert missing == []


def test_every_sequence_has_a_scenario() -> None:
    told = {one.split()[0] for one in sentences(TESTS / "scenarios" / "sequences.yaml")}
    assert told == SEQUENCES


def test_a_number_in_a_comment_is_one_of_the_page() -> None:
    unknown = [
        f"{file.name}: {number}"
        for package in ("domain", "ocpp_server", "rules", "app", "gateway", "ticketing")
        for file in (TESTS.parent / package).rglob("*.py")
        for number in _NUMBER.findall(file.read_text("utf-8"))
        if number not in KNOWN
    ]
    assert unknown == []
