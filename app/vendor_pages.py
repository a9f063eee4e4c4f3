"""The reference page of what we know of vendors' words: from the YAML that is read at start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import yaml

from app.rule_files import SHIPPED, read_rules
from domain.codes import MREC_NAMES
from domain.remedies import Remedy
from ocpp_server.vendor.dialects import Dialect, load
from rules.vendor_words import VendorCode

INTRO = """\
# Words of vendors

What stations say in words of their own, what we take it for, and who told us. A word that is
not here is kept as it came and opens, once, a task [to classify
it](../how-to/classify-a-code.md).

Names of OCPP 1.6 and 1.5 and of ChargeX (MREC) are known by themselves, as numbers (`CX002`)
or names, in errorCode, vendorErrorCode or techCode, alone or in lists (`;` or `,`), in any
case. So are the spellings of no error (`NoError`, `none`, `null`, `0`, `0x0000`, ...).

A phrase is looked for in the whole of what is said; case, hyphens, underscores and CamelCase
do not matter, and the longer of two phrases counts. *Released*, *resolved*, *cleared*, *not
active* and the like right after it, or *resolved:* and the like right before, say that it is
over.

Of several entries that fit a station the one that names more of it counts: vendor, model, range
of firmware, protocol.

Severity is named where it is known to differ from what the status says: Faulted is major,
danger critical, an error without Faulted minor.
"""

_DIALECTS = """\
## DataTransfers

Every DataTransfer is answered with Accepted, and kept as it came. What these hold is read
besides; `ocpp_server/vendor/dialects.yaml` says where in the text it stands.
"""

_REMEDIES = """\
## What helps

By code, where an entry above does not know it better; `rules/remedies.yaml`.
"""


def vendor_reference() -> str:
    """Return the page below its heading comment: tables of words, phrases and DataTransfers."""
    file = SHIPPED / "dictionary.yaml"
    entries = msgspec.convert(yaml.safe_load(file.read_text("utf-8")), list[VendorCode])
    words = [entry for entry in entries if not (entry.phrase or entry.text)]
    phrases = [entry for entry in entries if entry.phrase or entry.text]
    parts = (
        "## Words",
        "",
        *_table(words),
        "",
        "## Phrases",
        "",
        *_table(phrases),
        "",
        _DIALECTS,
        *_dialects(load()),
        "",
        _REMEDIES,
        *_remedies(),
    )
    return "\n".join(parts)


def _table(entries: Iterable[VendorCode]) -> Iterator[str]:
    yield "| said | by | means | severity | helps | source |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for entry in entries:
        severity = entry.severity.value if entry.severity else ""
        helps = "; ".join(remedy_parts(entry.remedy))
        row = (_said(entry), _by(entry), _means(entry), severity, helps, entry.source)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _said(entry: VendorCode) -> str:
    if entry.shape or entry.text:
        return f"like `{entry.shape or entry.text}`"
    return ", ".join(f"`{word}`" for word in entry.words or (entry.word or entry.phrase,))


def _by(entry: VendorCode) -> str:
    named = (entry.vendor, entry.model, entry.firmware, entry.protocol)
    return " ".join(part for part in named if part) or "any"


def remedy_parts(remedy: Remedy | None) -> Iterator[str]:
    """Yield what a remedy says, a few words each."""
    if remedy is None:
        return
    if remedy.owners:
        yield " or ".join(remedy.owners)
    if remedy.part:
        yield f"part: {remedy.part}"
    if remedy.remote:
        yield f"from here: {remedy.remote}"
    if remedy.agent:
        yield remedy.agent


def _remedies() -> Iterator[str]:
    yield "| code | likely whose | part | from here |"
    yield "| --- | --- | --- | --- |"
    for code, remedy in read_rules().catalogue.remedies.items():
        owners = ", ".join(remedy.owners)
        yield f"| {_named(code)} | {owners} | {remedy.part} | {remedy.remote or ''} |"


def _means(entry: VendorCode) -> str:
    if entry.ends:
        return f"{_named(entry.ends)} is over"
    if entry.meaning == "none":
        return "no error"
    return _named(entry.meaning) if entry.meaning else "says nothing about the code"


def _named(code: str) -> str:
    name = MREC_NAMES.get(code)
    return f"{code} {name}" if name else code


def _dialects(dialects: Iterable[Dialect]) -> Iterator[str]:
    yield "| vendorId | messageId | packed as | what we read | source |"
    yield "| --- | --- | --- | --- | --- |"
    for dialect in dialects:
        yield (
            f"| `{dialect.vendor}` | {', '.join(f'`{m}`' for m in dialect.messages) or 'any'}"
            f" | {dialect.codec.value} | {'; '.join(_told(dialect))} | {dialect.source} |"
        )


def _told(dialect: Dialect) -> Iterator[str]:
    if dialect.status:
        yield "status and error"
    if dialect.samples:
        yield ", ".join(f"{s.measurand} {s.phase}".strip() for s in dialect.samples)
    if dialect.settings:
        yield f"settings {', '.join(f'`{name}`' for name in dialect.settings)}"
    if dialect.note:
        yield dialect.note
