"""What people here classified: a dictionary of their own, `words.yaml` in the data directory.

Entries have the form of the shipped dictionary and go before it, so that the file can be handed
on as it is. Nothing in it names a person.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from app.messages import ClassifyWord
from app.rule_files import read_words
from app.rule_yaml import Mistake
from domain.faults import Severity
from domain.remedies import Owner
from rules.dictionary import VendorCode
from rules.vendor_words import bare_of

HEAD = """\
# Vendors' words as they were classified here: `foretell dictionary classify` writes this file,
# and it may be edited (then `foretell rules reload`). `foretell dictionary export` prints it.
"""
MOST_WORD = 200
"""Characters of a word: OCPP allows a vendor 50."""


class BadWordError(Exception):
    """What a person said of a word cannot be kept; the message says why."""


class OwnWordsFile:
    """The file, read and written whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> list[VendorCode]:
        """Return what is in it. Raises `BadWordError` for a file somebody broke."""
        mistakes: list[Mistake] = []
        found = read_words(self._path, mistakes) if self._path.exists() else []
        if mistakes:
            raise BadWordError(f"mend the file first: {mistakes[0]}")
        return [entry for _, entry in found]

    def keep(self, entry: VendorCode) -> None:
        """Write an entry, in the place of one for the same word of the same stations."""
        others = [one for one in self.entries() if _name(one) != _name(entry)]
        part = self._path.with_suffix(".part")
        part.write_text(as_yaml([*others, entry]), "utf-8")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(self._path)

    def text(self) -> str:
        """Return the file's text, or that of an empty one."""
        return self._path.read_text("utf-8") if self._path.exists() else as_yaml([])


def entry_of(said: ClassifyWord, at: datetime) -> VendorCode:
    """Return a dictionary's entry. Raises `BadWordError`."""
    word = said.word.strip()
    if not word or len(word) > MOST_WORD or any(not sign.isprintable() for sign in word):
        raise BadWordError(f"a word of 1 to {MOST_WORD} printable characters is needed")
    if not bare_of(word):
        raise BadWordError(f"{word!r} has neither letter nor digit")
    if not said.meaning:
        raise BadWordError("a meaning is needed: a code, or none where it reports no fault")
    if said.severity and said.severity not in tuple(Severity):
        raise BadWordError(f"severity: one of {', '.join(Severity)}")
    strangers = sorted(set(said.owner) - set(Owner))
    if strangers:
        raise BadWordError(f"owner: one of {', '.join(Owner)}, not {strangers[0]}")
    try:
        return VendorCode(
            word=word,
            meaning=said.meaning,
            vendor=said.vendor.strip(),
            model=said.model.strip(),
            severity=Severity(said.severity) if said.severity else None,
            owner=tuple(Owner(owner) for owner in said.owner),
            part=said.part.strip(),
            source=said.note.strip() or f"classified here, {at:%Y-%m-%d}",
        )
    except ValueError as error:
        raise BadWordError(str(error)) from error


def asks_for(key: str, entry: VendorCode) -> bool:
    """Tell whether a ticket's key is that of the task to classify this word."""
    kind, _, rest = key.partition(":")  # the vendor's id may hold colons itself
    ending = f":{entry.word.casefold()}"
    if kind != "unknown-code" or not rest.endswith(ending):
        return False
    vendor = rest.removesuffix(ending)
    return not entry.vendor or not vendor or entry.vendor.casefold() in vendor


def as_yaml(entries: list[VendorCode]) -> str:
    """Write entries as a dictionary file."""
    rows = [_plain(entry) for entry in entries]
    listed = yaml.safe_dump(rows, allow_unicode=True, sort_keys=False, width=1_000)
    return f"{HEAD}{listed}"


def _plain(entry: VendorCode) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(entry)
    return {key: value for key, value in row.items() if value not in ("", None, (), [])}


def _name(entry: VendorCode) -> tuple[object, ...]:
    words = tuple(sorted(bare_of(word) for word in entry.words or (entry.word,)))
    narrow = (entry.vendor, entry.model, entry.firmware, entry.protocol)
    rest = (entry.shape, entry.phrase, entry.text)
    return (words, *(part.casefold() for part in narrow), *rest)
