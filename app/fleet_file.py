"""The fleet file: YAML or a folder of CSV files in, the registry or every mistake out."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

from app.fleet_csv import read_csv_folder
from app.fleet_reader import FleetReader, TooManyMistakesError
from app.fleet_tree import FoundFleet, Mark, Mistake
from app.fleet_yaml import read_yaml
from domain.registry import Registry

MAX_BYTES = 64 * 1024 * 1024
"""Size above which a fleet file is refused; 1,800 stations take 0.4 MB."""


class FleetFileError(Exception):
    """A fleet file with mistakes; `mistakes` lists all of them in the order of the file."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class FleetFileMissingError(FleetFileError):
    """A fleet file that cannot be opened."""


def read_fleet(path: Path) -> Registry:
    """Read a fleet from a YAML file, or from a folder of CSV files.

    Raises `FleetFileError` with every mistake, and its subclass `FleetFileMissingError` where
    the file cannot be opened at all.
    """
    found = _read_folder(path) if path.is_dir() else _read_file(path)
    mistakes, registry = found.mistakes, None
    if found.root is not None:
        reader = FleetReader()
        try:
            registry = reader.read(found.root, found.strays)
        except TooManyMistakesError:
            reader.mistakes.append(Mistake(Mark(str(path), 0), "and more: reading stopped"))
        mistakes += reader.mistakes
    if mistakes or registry is None:
        raise FleetFileError(_in_order(mistakes))
    return registry


def _in_order(mistakes: list[Mistake]) -> list[Mistake]:
    """Sort by file and line, whole-file ones last; each once."""
    return sorted(set(mistakes), key=lambda m: (m.line == 0, m.file, m.line, m.expected))


def _read_file(path: Path) -> FoundFleet:
    text, mistakes = _text_of(path)
    if text is None:
        return FoundFleet(None, mistakes)
    root, mistakes = read_yaml(text, str(path))
    if root is None and not mistakes:
        said = "expected customers and sites; the file is empty"
        mistakes = [Mistake(Mark(str(path), 1), said)]
    return FoundFleet(root, mistakes)


def _read_folder(path: Path) -> FoundFleet:
    texts: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for file in sorted(path.glob("*.csv")):
        text, wrong = _text_of(file)
        mistakes += wrong
        texts[file.name] = text or ""
    if mistakes:
        return FoundFleet(None, mistakes)
    return read_csv_folder(path, texts)


def _text_of(path: Path) -> tuple[str | None, list[Mistake]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        said = f"cannot be opened: {error.strerror}"
        raise FleetFileMissingError([Mistake(Mark(str(path), 0), said)]) from None
    if len(raw) > MAX_BYTES:
        said = f"expected at most {MAX_BYTES // 1024 // 1024} MiB"
        return None, [Mistake(Mark(str(path), 0), said)]
    try:
        return raw.decode("utf-8-sig"), []  # spreadsheets write a byte order mark
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        said = "expected text in UTF-8: save the file with that encoding"
        return None, [Mistake(Mark(str(path), line), said)]


def write_fleet_yaml(registry: Registry) -> str:
    """Write the registry as a fleet file that `read_fleet` reads back as the same registry."""
    fleet = {
        "customers": [_plain(customer) for customer in registry.customers.values()],
        "sites": [_plain(site) for site in registry.sites.values()],
    }
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    written: str = yaml.dump(
        fleet, Dumper=dumper, sort_keys=False, allow_unicode=True, width=96
    )
    return written


def _plain(value: msgspec.Struct) -> dict[str, object]:
    """Turn a customer or site into plain values, leaving out what stands at its default."""
    plain: dict[str, object] = {}
    for info in msgspec.structs.fields(value):
        held = getattr(value, info.name)
        if held is None or held in ("", ()) or held == info.default:
            continue
        if isinstance(held, tuple):
            plain[info.name] = [
                _plain(item) if isinstance(item, msgspec.Struct) else str(item) for item in held
            ]
        else:
            plain[info.name] = held if isinstance(held, int | float) else str(held)
    return plain
