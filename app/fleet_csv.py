"""A folder of CSV files into the same marked nodes as YAML: one file per kind of thing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.fleet_tree import Entry, FoundFleet, Mapping, Mark, Mistake, Node, Scalar, Sequence

LIST_SEPARATOR = ";"


@dataclass(frozen=True, slots=True)
class Kind:
    """One file of the folder. `parent`: the column that names the row's owner, and its list."""

    file: str
    is_required: bool
    parent: tuple[str, str, str] | None = None  # (column, owner's file, key of the list there)
    lists: tuple[str, ...] = ()


KINDS = (
    Kind("customers.csv", is_required=True),
    Kind("sites.csv", is_required=True),
    Kind(
        "contacts.csv",
        is_required=False,
        parent=("customer", "customers.csv", "contacts"),
        lists=("sites",),
    ),
    Kind("stations.csv", is_required=False, parent=("site", "sites.csv", "stations")),
)


def read_csv_folder(folder: Path, texts: dict[str, str]) -> FoundFleet:
    """Read the files' texts, keyed by file name, into one fleet."""
    mistakes: list[Mistake] = []
    rows: dict[str, list[Mapping]] = {}
    for kind in KINDS:
        path = str(folder / kind.file)
        if kind.file in texts:
            rows[kind.file] = list(_rows(texts[kind.file], path, kind, mistakes))
        elif kind.is_required:
            mistakes.append(Mistake(Mark(path, 0), "expected this file in a fleet folder"))
    for name in sorted(set(texts) - {kind.file for kind in KINDS}):
        known = ", ".join(kind.file for kind in KINDS)
        mistakes.append(Mistake(Mark(str(folder / name), 0), f"expected only {known}"))
    strays: list[tuple[str, Mapping]] = []
    for kind in KINDS:
        strays += _hang(kind, rows, mistakes)
    return FoundFleet(_fleet(folder, rows), mistakes, strays)


def _fleet(folder: Path, rows: dict[str, list[Mapping]]) -> Mapping:
    mark = Mark(str(folder), 0)
    fleet = Mapping(mark)
    for key in ("customers", "sites"):
        items: list[Node] = list(rows.get(f"{key}.csv", []))
        fleet.entries[key] = Entry(mark, Sequence(mark, items))
    return fleet


def _rows(text: str, path: str, kind: Kind, mistakes: list[Mistake]) -> Iterator[Mapping]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    before = 0
    columns: list[str] | None = None
    try:
        for cells in lines:
            mark, before = Mark(path, before + 1), lines.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _columns(cells, mark, mistakes)
                if columns is None:
                    return
            elif len(cells) > len(columns):
                said = f"expected at most {len(columns)} cells, as in the first line"
                mistakes.append(Mistake(mark, f"{said}; there are {len(cells)}"))
            else:
                yield _row(columns, cells, mark, kind)
    except csv.Error as error:
        mistakes.append(Mistake(Mark(path, before + 1), f"expected CSV: {error}"))
    if columns is None:
        said = "expected a first line with the names of the columns; the file is empty"
        mistakes.append(Mistake(Mark(path, 0), said))


def _columns(cells: list[str], mark: Mark, mistakes: list[Mistake]) -> list[str] | None:
    columns = [cell.strip() for cell in cells]
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        mistakes.append(Mistake(mark, "expected columns separated by commas"))
        return None
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        said = f"expected each column once, not {', '.join(map(repr, repeated))} again"
        mistakes.append(Mistake(mark, said))
        return None
    return columns


def _row(columns: list[str], cells: list[str], mark: Mark, kind: Kind) -> Mapping:
    row = Mapping(mark)
    for column, cell in zip(columns, cells, strict=False):  # a short row: the rest is empty
        written = cell.strip()
        if not written:
            continue
        value: Node = Scalar(mark, written)
        if column in kind.lists:
            parts = [part.strip() for part in written.split(LIST_SEPARATOR)]
            value = Sequence(mark, [Scalar(mark, part) for part in parts if part])
        row.entries[column] = Entry(mark, value)
    return row


def _hang(
    kind: Kind, rows: dict[str, list[Mapping]], mistakes: list[Mistake]
) -> list[tuple[str, Mapping]]:
    """Move each row into the list of the row that owns it; return those without one."""
    strays: list[tuple[str, Mapping]] = []
    if kind.parent is None:
        return strays
    column, file, key = kind.parent
    owners = {_text(row, "id"): row for row in reversed(rows.get(file, []))}
    for row in rows.get(kind.file, []):
        named = row.entries.pop(column, None)
        name = named.value.text if named and isinstance(named.value, Scalar) else ""
        owner = owners.get(name) if name else None
        if owner is None:
            strays.append((key, row))
        if not name:
            mistakes.append(Mistake(row.mark, f"expected {column!r} in every row"))
        elif owner is None:
            said = f"expected a {column} that is listed in {file}, not {name!r}"
            mistakes.append(Mistake(row.mark, said))
        else:
            entry = owner.entries.setdefault(key, Entry(owner.mark, Sequence(owner.mark)))
            if isinstance(entry.value, Sequence):
                entry.value.items.append(row)
    return strays


def _text(row: Mapping, key: str) -> str:
    entry = row.entries.get(key)
    return entry.value.text if entry and isinstance(entry.value, Scalar) else ""
