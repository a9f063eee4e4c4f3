"""Vendor dialects: what the DataTransfers of a vendor hold, and where. Data, and look-ups.

`dialects.yaml` has one entry per message, each with its source and a frame of a real station;
it is read once, when this package is loaded, like the schemas of OCPP.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
import yaml

from ocpp_server.vendor.codecs import Codec

FILE = Path(__file__).with_name("dialects.yaml")


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of an entry. Every field that names a place in the text names one of its codec."""


class StatusAt(_Part, frozen=True, kw_only=True):
    """Where a status stands, with the error beside it. Status and connector must be there."""

    status: str
    code: str = ""
    text: str = ""
    vendor_code: str = ""
    alarm: str = ""  # a field that tells of an error whatever the code says
    alarm_is: str = ""  # by being this word
    alarm_text: str = ""  # what the error is called where nothing else names it
    pilot: str = ""  # the state of the pilot line (IEC 61851-1): A is no vehicle, B to D one


class SampleAt(_Part, frozen=True, kw_only=True):
    """Where a measured value stands, and in which unit: divided by `per` it is in `unit`.

    Measurands that OCPP does not have are named after the field, their unit where it is known.
    """

    at: str
    measurand: str
    unit: str = ""
    phase: str = ""
    per: float = 1.0
    is_zero_unread: bool = False  # 0 means that there is no meter, or that it was not read


class Dialect(_Part, frozen=True, kw_only=True):
    """One kind of DataTransfer. Without `messages` it is every one of the vendor.

    `each` is the JSON list whose items are alike: each gives events of its own.
    """

    vendor: str
    messages: tuple[str, ...] = ()
    codec: Codec
    each: str = ""
    least: int = 1  # fields; a text with fewer is something else
    connector: str = ""
    transaction: str = ""  # where no connector is named: that of the transaction
    moment: str = ""
    status: StatusAt | None = None
    samples: tuple[SampleAt, ...] = ()
    settings: tuple[str, ...] = ()  # fields that say what the station is or is set to
    note: str = ""
    source: str
    example: str

    def __post_init__(self) -> None:
        if not (self.status or self.samples or self.settings):
            raise ValueError("an entry that tells nothing")
        if self.status and not self.connector:
            raise ValueError("a status needs a connector")

    @property
    def name(self) -> str:
        """What people call it: vendor and messages."""
        return f"{self.vendor} {' '.join(self.messages)}".strip()


class Dialects:
    """Look-ups of dialects by what a DataTransfer names. Case and punctuation do not matter."""

    def __init__(self, entries: Iterable[Dialect]) -> None:
        self._by_name: dict[tuple[str, str], Dialect] = {}
        for entry in entries:
            for message in entry.messages or ("",):
                key = (_plain(entry.vendor), _plain(message))
                if key in self._by_name:
                    raise ValueError(f"{entry.name} is there twice")
                self._by_name[key] = entry

    def find(self, vendor_id: str, message_id: str) -> Dialect | None:
        """Return the dialect of a DataTransfer; None where nobody has described it."""
        vendor = _plain(vendor_id)
        return self._by_name.get((vendor, _plain(message_id))) or self._by_name.get(
            (vendor, "")
        )


def load(file: Path = FILE) -> list[Dialect]:
    """Read the entries of a file. Raises msgspec.ValidationError where one is wrong."""
    return msgspec.convert(yaml.safe_load(file.read_text("utf-8")), list[Dialect])


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum() or letter == "+")


SHIPPED = Dialects(load())
"""The dialects that come with the product."""
