"""The file of tokens: CSV in, tokens or every mistake out; and tokens written as such a file.

Columns are found by name, in OCPP's words or ours. Only the id must be there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from app.fleet_tree import Mark, Mistake
from domain.tokens import GROUP_LIMIT, ID_LIMIT, KINDS, LISTED, Token, TokenStatus, key_of

MAX_BYTES = 64 * 1024 * 1024
"""Size above which a file is refused: about a million tokens."""

MISTAKE_LIMIT = 100
"""Mistakes listed; a file of another kind has one on every line."""

NOTE_LIMIT = 200
"""Characters of a note."""

COLUMNS = ("id", "type", "status", "group", "expires_at", "note")
"""The columns as we write them."""

_NAMES = {
    "id": ("id", "token", "idtag", "idtoken"),
    "type": ("type", "kind", "idtokentype"),
    "status": ("status",),
    "group": ("group", "parentidtag", "groupidtoken"),
    "expires_at": ("expiresat", "expires", "expiry", "expirydate", "cacheexpirydatetime"),
    "note": ("note", "notes", "comment"),
}
_COLUMN_OF = {name: column for column, names in _NAMES.items() for name in names}
_KIND_OF = {key_of(kind): kind for kind in KINDS}
_STATUS_OF = {key_of(status): status for status in LISTED}


class TokenFileError(Exception):
    """A file of tokens with mistakes; `mistakes` lists them in the order of the file."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


def read_tokens(path: Path) -> list[Token]:
    """Read a file of tokens. Raises `TokenFileError`, and OSError where it cannot be opened."""
    raw = path.read_bytes()
    mark = Mark(str(path), 0)
    if len(raw) > MAX_BYTES:
        said = f"expected at most {MAX_BYTES // 1024 // 1024} MiB"
        raise TokenFileError([Mistake(mark, said)])
    try:
        text = raw.decode("utf-8-sig")  # spreadsheets write a byte order mark
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        said = "expected text in UTF-8: save the file with that encoding"
        raise TokenFileError([Mistake(Mark(str(path), line), said)]) from None
    return parse_tokens(text, str(path))


def parse_tokens(text: str, file: str) -> list[Token]:
    """Read the text of a file of tokens. Raises `TokenFileError` with every mistake."""
    reader = _Reader(file)
    reader.read(text)
    if not reader.mistakes and not reader.tokens:
        reader.mistakes.append(Mistake(Mark(file, 0), "expected at least one token"))
    if reader.mistakes:
        found = reader.mistakes
        if len(found) > MISTAKE_LIMIT:
            more = f"and {len(found) - MISTAKE_LIMIT} more"
            found = [*found[:MISTAKE_LIMIT], Mistake(Mark(file, 0), more)]
        raise TokenFileError(found)
    return list(reader.tokens.values())


def write_tokens(tokens: Iterable[Token]) -> str:
    """Write tokens as a file that `parse_tokens` reads back as the same tokens."""
    written = io.StringIO(newline="")
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(COLUMNS)
    for token in tokens:
        expires_at = "" if token.expires_at is None else written_moment(token.expires_at)
        row = (token.id, token.kind, token.status, token.group, expires_at, token.note)
        lines.writerow(row)
    return written.getvalue()


def written_moment(moment: datetime) -> str:
    """Write a UTC moment in whole seconds, with its Z."""
    return f"{moment.isoformat()[:19]}Z"


class _Reader:
    """Collects the tokens and the mistakes of one file."""

    def __init__(self, file: str) -> None:
        self.tokens: dict[tuple[str, str], Token] = {}
        self.mistakes: list[Mistake] = []
        self._file = file
        self._lines: dict[tuple[str, str], int] = {}

    def read(self, text: str) -> None:
        columns: list[str] | None = None
        for line, cells in self._rows(text):
            if columns is None:
                columns = self._columns(cells, line)
                if columns is None:
                    return
            elif len(cells) > len(columns):
                said = f"expected at most {len(columns)} cells, as in the first line"
                self._wrong(line, f"{said}; there are {len(cells)}")
            else:  # a short row: the rest is empty
                row = dict(zip(columns, cells, strict=False))
                self._take(row, line)
        if columns is None and not self.mistakes:
            said = "expected a first line with the names of the columns; the file is empty"
            self._wrong(0, said)

    def _rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Yield each line that says something, with the number of its first line."""
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        before = 0
        try:
            for cells in lines:
                line, before = before + 1, lines.line_num
                trimmed = [cell.strip() for cell in cells]
                if any(trimmed):
                    yield line, trimmed
        except csv.Error as error:
            self._wrong(before + 1, f"expected CSV: {error}")

    def _columns(self, cells: list[str], line: int) -> list[str] | None:
        if len(cells) == 1 and (";" in cells[0] or "\t" in cells[0]):
            self._wrong(line, "expected columns separated by commas")
            return None
        found = [_COLUMN_OF.get(key_of(cell).replace("_", ""), "") for cell in cells]
        unknown = [repr(cell) for cell, name in zip(cells, found, strict=True) if not name]
        if unknown:
            said = f"expected columns {', '.join(COLUMNS)}, not {', '.join(unknown)}"
        elif len(set(found)) < len(found):
            said = "expected each column once"
        elif "id" not in found:
            said = "expected a column 'id' (or idTag, idToken)"
        else:
            return found
        self._wrong(line, said)
        return None

    def _take(self, row: Mapping[str, str], line: int) -> None:
        before = len(self.mistakes)
        token = Token(
            id=self._text(row, "id", ID_LIMIT, line),
            kind=self._kind(row.get("type", ""), line),
            status=self._status(row.get("status", ""), line),
            group=self._text(row, "group", GROUP_LIMIT, line),
            expires_at=self._moment(row.get("expires_at", ""), line),
            note=self._text(row, "note", NOTE_LIMIT, line),
        )
        if not token.id:
            self._wrong(line, "expected an id")
        elif token.key in self._lines:
            said = f"expected each token once; this one stands in line {self._lines[token.key]}"
            self._wrong(line, said)
        if len(self.mistakes) == before:
            self.tokens[token.key] = token
        self._lines.setdefault(token.key, line)

    def _text(self, row: Mapping[str, str], column: str, limit: int, line: int) -> str:
        text = row.get(column, "")
        if len(text) > limit:
            self._wrong(line, f"{column}: expected at most {limit} characters")
        elif not text.isprintable():
            self._wrong(line, f"{column}: expected one line of printable characters")
        return text

    def _kind(self, text: str, line: int) -> str:
        kind = _KIND_OF.get(key_of(text), "")
        if text and not kind:
            self._wrong(line, f"type: expected one of {', '.join(KINDS)}, or nothing")
        return kind

    def _status(self, text: str, line: int) -> TokenStatus:
        if not text:
            return TokenStatus.ACCEPTED
        status = _STATUS_OF.get(key_of(text))
        if status is None:
            self._wrong(line, f"status: expected one of {', '.join(LISTED)}, or nothing")
        return status or TokenStatus.INVALID

    def _moment(self, text: str, line: int) -> datetime | None:
        if not text:
            return None
        moment = read_expiry(text)
        if moment is None:
            said = "a day as in 2026-12-31, or a moment as in 2026-12-31T18:00:00Z"
            self._wrong(line, f"expires_at: expected {said}")
        return moment

    def _wrong(self, line: int, expected: str) -> None:
        self.mistakes.append(Mistake(Mark(self._file, line), expected))


def read_expiry(text: str) -> datetime | None:
    """Read until when a token is good, in whole seconds; a day counts to its end, in UTC.

    None for what is no day, nor a moment with its zone.
    """
    try:
        if len(text) == len("2026-12-31"):
            midnight = datetime.combine(date.fromisoformat(text), time(), UTC)
            return midnight + timedelta(days=1)
        moment = datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            return None
        return moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None
