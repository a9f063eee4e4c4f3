"""From marked nodes to the registry: what a fleet may say, and every mistake in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from app import fleet_fields as fields
from app.fleet_tree import Entry, Mapping, Mark, Mistake, Node, Scalar, Sequence, kind_of
from domain.registry import Contact, Customer, Registry, Role, Segment, Site, Station

MAX_MISTAKES = 1_000
"""Mistakes after which reading stops: nobody mends more in one go."""

Built = TypeVar("Built")


class TooManyMistakesError(Exception):
    """Reading stopped after `MAX_MISTAKES`."""


@dataclass(frozen=True, slots=True)
class Record:
    """The keys of one kind of thing in the fleet file."""

    name: str
    required: tuple[str, ...]
    plain: Table[str, fields.Read]
    lists: tuple[str, ...] = ()

    @property
    def keys(self) -> list[str]:
        """Every key there may be, in the order of the reference."""
        return [*self.plain, *self.lists]


LANGUAGE = fields.word_of(fields.LANGUAGES)

CONTACT = Record(
    "contact",
    ("name", "role"),
    {
        "name": fields.text,
        "role": fields.word_of(Role),
        "email": fields.email,
        "phone": fields.phone,
        "language": LANGUAGE,
        "channel": fields.word_of(("email", "sms")),
    },
    ("sites",),
)
CUSTOMER = Record(
    "customer",
    ("id", "name"),
    {
        "id": fields.identifier,
        "name": fields.text,
        "segment": fields.word_of(Segment),
        "language": LANGUAGE,
    },
    ("contacts",),
)
SITE = Record(
    "site",
    ("id", "customer", "timezone"),
    {
        "id": fields.identifier,
        "customer": fields.identifier,
        "timezone": fields.timezone,
        "name": fields.text,
        "address": fields.text,
        "country": fields.shaped(r"[A-Z]{2}", "an ISO 3166 country such as DE"),
        "region": fields.shaped(r"[A-Z0-9]{1,3}", "an ISO 3166-2 subdivision such as NW"),
        "latitude": fields.number_between(-90, 90),
        "longitude": fields.number_between(-180, 180),
        "opening_hours": fields.opening_hours,
        "carrier": fields.text,
        "gateway": fields.identifier,
        "fuse_limit_a": fields.number_between(1, 100_000),
    },
    ("stations",),
)
STATION = Record(
    "station",
    ("id", "evses"),
    {
        "id": fields.identifier,
        "evses": fields.number_of_evses,
        "vendor": fields.text,
        "model": fields.text,
        "protocol": fields.word_of(("ocpp", "mqtt")),
        "profile": fields.text,
        "topic_root": fields.topic_root,
    },
)
FLEET = Record("fleet", (), {}, ("customers", "sites"))


@dataclass(slots=True)
class _Seen:
    """Ids that were read, and where each first stood."""

    what: str
    fold: bool = False
    first: dict[str, Mark] = field(default_factory=dict)

    def key(self, name: str) -> str:
        return name.casefold() if self.fold else name


class FleetReader:
    """Reads one fleet. Goes on after a mistake, so that all of them are found in one go."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self._customers = _Seen("customer")
        self._sites = _Seen("site")
        self._stations = _Seen("station", fold=True)
        self._owner_of: dict[str, str] = {}  # site -> customer, as written
        self._named: list[
            tuple[Scalar, str]
        ] = []  # sites that contacts name, and whose contact

    def read(self, root: Node, strays: Iterable[tuple[str, Mapping]] = ()) -> Registry | None:
        """Return the registry; None where there were mistakes, which are in `mistakes`.

        `strays` are contacts and stations that belong to nothing: a mistake by themselves,
        and their own mistakes are found all the same.
        """
        node = self._record(root, FLEET)
        if node is None:
            return None
        customers = [self._customer(item) for item in self._items(node, "customers")]
        sites = [self._site(item) for item in self._items(node, "sites")]
        for key, node in strays:
            if key == "contacts":
                self._contact(node, "")
            else:
                self._station(node)
        self._check_named_sites()
        if self.mistakes:
            return None
        return Registry(
            tuple(customer for customer in customers if customer is not None),
            tuple(site for site in sites if site is not None),
        )

    # --- the records ----------------------------------------------------------------------

    def _customer(self, node: Node) -> Customer | None:
        record = self._record(node, CUSTOMER)
        if record is None:
            return None
        values = self._values(record, CUSTOMER)
        name = self._claim(record, self._customers)
        contacts = [self._contact(item, name) for item in self._items(record, "contacts")]
        return self._build({**values, "contacts": contacts}, Customer)

    def _contact(self, node: Node, customer: str) -> Contact | None:
        record = self._record(node, CONTACT)
        if record is None:
            return None
        values = self._values(record, CONTACT)
        sites = [item for item in self._items(record, "sites") if self._is_text(item)]
        self._named += [(item, customer) for item in sites if isinstance(item, Scalar)]
        if "email" not in record.entries and "phone" not in record.entries:
            self._note(record.mark, "email or phone in every contact")
        needed = {"sms": "phone", "email": "email"}.get(str(values.get("channel")))
        if needed and needed not in record.entries:
            mark = record.entries["channel"].mark
            self._note(mark, f"{needed} for a contact whose channel is {values['channel']}")
        names = [item.text for item in sites if isinstance(item, Scalar)]
        return self._build({**values, "sites": names}, Contact)

    def _site(self, node: Node) -> Site | None:
        record = self._record(node, SITE)
        if record is None:
            return None
        values = self._values(record, SITE)
        name = self._claim(record, self._sites)
        self._owner_of.setdefault(name, str(values.get("customer", "")))
        self._check_customer(record, values)
        if ("latitude" in values) != ("longitude" in values):
            self._note(record.mark, "latitude and longitude together")
        stations = [self._station(item) for item in self._items(record, "stations")]
        return self._build({**values, "stations": stations}, Site)

    def _station(self, node: Node) -> Station | None:
        record = self._record(node, STATION)
        if record is None:
            return None
        values = self._values(record, STATION)
        self._claim(record, self._stations)
        return self._build(values, Station)

    # --- references -----------------------------------------------------------------------

    def _claim(self, record: Mapping, seen: _Seen) -> str:
        """Take an id for this record; a mistake where another has it. "" where it has none."""
        entry = record.entries.get("id")
        if entry is None or not isinstance(entry.value, Scalar) or entry.value.is_null:
            return ""
        name = entry.value.text
        first = seen.first.get(seen.key(name))
        if first is None:
            seen.first[seen.key(name)] = entry.value.mark
        else:
            case = " (case does not tell ids apart)" if seen.fold else ""
            said = f"each {seen.what} once: {name!r} again, first at {first}{case}"
            self._note(entry.value.mark, said)
        return name

    def _check_customer(self, record: Mapping, values: Table[str, object]) -> None:
        customer = values.get("customer")
        if isinstance(customer, str) and customer not in self._customers.first:
            near = _nearest(customer, self._customers.first)
            said = f"a customer that is listed under customers, not {customer!r}{near}"
            self._note(record.entries["customer"].value.mark, said)

    def _check_named_sites(self) -> None:
        for item, customer in self._named:
            owner = self._owner_of.get(item.text)
            if owner is None:
                near = _nearest(item.text, self._owner_of)
                said = f"a site that is listed under sites, not {item.text!r}{near}"
                self._note(item.mark, said)
            elif owner and customer and owner != customer:
                said = f"a site of customer {customer}; {item.text!r} belongs to {owner}"
                self._note(item.mark, said)

    # --- nodes ----------------------------------------------------------------------------

    def _record(self, node: Node, record: Record) -> Mapping | None:
        if not isinstance(node, Mapping):
            keys = ", ".join(record.required or record.keys)
            self._note(node.mark, f"a {record.name} as a map ({keys}), not {kind_of(node)}")
            return None
        for key, entry in node.entries.items():
            if key not in record.plain and key not in record.lists:
                near = _nearest(key, record.keys)
                known = ", ".join(record.keys)
                self._note(entry.mark, f"one of {known}; unknown key {key!r}{near}")
        for key in record.required:
            found = node.entries.get(key)
            if found is None:
                self._note(node.mark, f"{key!r} in every {record.name}")
            elif isinstance(found.value, Scalar) and found.value.is_null:
                self._note(found.mark, f"a value for {key!r}")
        return node

    def _values(self, node: Mapping, record: Record) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, entry in node.entries.items():
            read = record.plain.get(key)
            if read is None or (isinstance(entry.value, Scalar) and entry.value.is_null):
                continue
            if not isinstance(entry.value, Scalar):
                self._note(entry.mark, f"one value for {key!r}, not {kind_of(entry.value)}")
                continue
            try:
                values[key] = read(entry.value.text)
            except ValueError as error:
                self._note(entry.value.mark, f"under {key!r} {error}")
        return values

    def _items(self, node: Mapping, key: str) -> Iterator[Node]:
        match node.entries.get(key):
            case Entry(value=Sequence(items=items)):
                yield from items
            case None | Entry(value=Scalar(is_null=True)):
                return
            case Entry(mark=mark, value=value):
                self._note(mark, f"a list under {key!r}, not {kind_of(value)}")

    def _is_text(self, node: Node) -> bool:
        if isinstance(node, Scalar) and not node.is_null:
            return True
        self._note(node.mark, f"an id, not {kind_of(node)}")
        return False

    def _build(self, values: Table[str, object], into: type[Built]) -> Built | None:
        """Build the value where nothing was wrong so far; otherwise nobody will use it."""
        if self.mistakes:
            return None
        return msgspec.convert(values, into)

    def _note(self, mark: Mark, said: str) -> None:
        if len(self.mistakes) >= MAX_MISTAKES:
            raise TooManyMistakesError
        self.mistakes.append(Mistake(mark, f"expected {said}"))


def _nearest(word: str, words: Table[str, object] | list[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
