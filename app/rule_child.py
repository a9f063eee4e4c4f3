"""Reads rules and dictionary for core: `python -m app.rule_child FOLDER WORDS`.

A process of its own, so that parsing YAML takes nothing from core's loop. The result goes to
standard output in Python's own form; nobody but core reads it.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import msgspec

from app.rule_files import RuleFilesError, read_rules
from domain.remedies import Remedy
from rules.catalogue import Rule
from rules.dictionary import VendorCode


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What the files say, or (`mistakes`) what is wrong with them."""

    version: str = ""
    rules: tuple[Rule, ...] = ()
    codes: tuple[VendorCode, ...] = ()
    remedies: dict[str, Remedy] = {}
    mistakes: tuple[str, ...] = ()


def load(folder: Path | None, words: Path | None) -> Loaded:
    """Read the files."""
    try:
        files = read_rules(folder, words)
    except RuleFilesError as error:
        return Loaded(mistakes=tuple(str(mistake) for mistake in error.mistakes))
    return Loaded(
        version=files.catalogue.version,
        rules=tuple(files.catalogue.rules.values()),
        codes=tuple(code for _, code in files.codes),
        remedies=dict(files.catalogue.remedies),
    )


def main(folder: str, words: str) -> None:
    """Write what the files say to standard output."""
    os.nice(10)
    loaded = load(Path(folder) if folder else None, Path(words) if words else None)
    sys.stdout.buffer.write(pickle.dumps(loaded))


if __name__ == "__main__":
    # Under its own name, so that what is written can be read where it is imported.
    from app import rule_child

    rule_child.main(*sys.argv[1:3])
