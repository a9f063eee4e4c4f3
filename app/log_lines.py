"""The log format of `replay`: JSON Lines into journal entries, in the order of their moments.

A line that cannot be used is named with its number and its reason; it never stops the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from app.interpret import Interpreter
from domain.events import (
    AnyEvent,
    Connected,
    ContactMade,
    DeafnessEnded,
    DeafnessNoticed,
    Disconnected,
    MaintenancePlanned,
    ServiceStarted,
    ServiceStopped,
    Ticked,
)
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Registry
from ocpp_server import frames
from ocpp_server.asking import triggered_by
from ocpp_server.hearing import LoggedHearing

LATE_CLOSE = timedelta(minutes=30)
"""A close within this after a connection was replaced is the replaced one's: servers close the
old connection at once, half-open ones end with their timeouts."""

ASSUMED_PROTOCOL = "ocpp1.6"
"""Of a connection that names none, until its payload says otherwise."""

_Id = Annotated[str, msgspec.Meta(min_length=1)]


class LogLine(msgspec.Struct, kw_only=True):
    """One line as it stands in the log. Which members matter depends on `event`."""

    at: datetime
    event: str
    station: _Id | None = None
    site: _Id | None = None
    customer: _Id | None = None
    frame: str | None = None
    protocol: str | None = None
    code: int | None = None
    until: datetime | None = None
    note: str | None = None
    channel: str | None = None
    text: str | None = None
    number: int = 0  # of the line in its file, set by `read_logs`
    file: str | None = None


class Skipped(msgspec.Struct, frozen=True):
    """A line that was not used. `file` is set where more than one was read."""

    line: int
    reason: str
    file: str | None = None


class UnusableLineError(Exception):
    """A line that cannot be used; the message is the reason."""


class LogReader:
    """Turns lines into events through the same translations as a live connection."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._interpreter = Interpreter()
        self._connected: set[StationId] = set()
        self._replaced_at: dict[StationId, list[datetime]] = {}
        self._hearing: dict[StationId, LoggedHearing] = {}  # of stations that were called
        self._is_up = True
        self._readers: dict[str, Callable[[LogLine, int], Iterator[AnyEvent]]] = {
            "connected": self._on_connected,
            "disconnected": self._on_disconnected,
            "received": self._on_received,
            "sent": self._on_sent,
            "maintenance": self._on_maintenance,
            "contact": self._on_contact,
            "service_stopped": self._on_stopped,
            "service_started": self._on_started,
            "tick": self._on_tick,
        }

    def read(self, line: LogLine, position: int) -> list[AnyEvent]:
        """Return the events of a line. Raises `UnusableLineError`."""
        reader = self._readers.get(line.event)
        if line.event == "mqtt":
            raise UnusableLineError("MQTT lines need the bridge, which is not built yet")
        if reader is None:
            raise UnusableLineError(
                f"unknown event {line.event!r}; expected {', '.join(sorted(self._readers))}"
            )
        return list(reader(line, position))

    def _on_connected(self, line: LogLine, position: int) -> Iterator[AnyEvent]:
        station = self._station(line)
        if station in self._connected:
            self._replaced_at.setdefault(station, []).append(line.at)
        yield self._connect(station, line.at, position, line.protocol or "")

    def _connect(
        self, station: StationId, at: datetime, position: int, protocol: str
    ) -> AnyEvent:
        self._connected.add(station)
        self._hearing.pop(station, None)
        self._interpreter.connected(station, protocol)
        said = protocol or ASSUMED_PROTOCOL
        return Connected(
            observed_at=at,
            position=position,
            station=station,
            protocol=said,
            is_assumed=not protocol,
        )

    def _on_disconnected(self, line: LogLine, position: int) -> Iterator[AnyEvent]:
        station = self._station(line)
        replaced = self._replaced_at.get(station, [])
        replaced = [at for at in replaced if line.at - at <= LATE_CLOSE]
        self._replaced_at[station] = replaced[1:]
        if replaced or station not in self._connected:
            return  # the close of a connection that was replaced, or that we never saw open
        self._connected.discard(station)
        yield Disconnected(
            observed_at=line.at, position=position, station=station, code=line.code
        )

    def _on_received(self, line: LogLine, position: int) -> Iterator[AnyEvent]:
        station, frame = self._station(line), _frame_of(line)
        if station not in self._connected:
            yield self._connect(station, line.at, position, line.protocol or "")
        translation = self._interpreter.translation(station)
        reading = translation.read(frame, at=line.at, position=position)
        yield from reading.events
        hearing = self._hearing.get(station)
        if hearing is None:
            return
        hearing.pass_time(line.at)
        if reading.result_of is not None or hearing.is_asked_for(reading.action):
            if hearing.answered():
                yield DeafnessEnded(observed_at=line.at, position=position, station=station)
        elif (told := hearing.heard()) is not None:
            count, since_at = told
            yield DeafnessNoticed(
                observed_at=line.at,
                position=position,
                station=station,
                unanswered_count=count,
                since_at=since_at,
            )

    def _on_sent(self, line: LogLine, position: int) -> Iterator[AnyEvent]:
        station, frame = self._station(line), _frame_of(line)
        yield from self._interpreter.translation(station).sent(
            frame, at=line.at, position=position
        )
        told = frames.read(frame)
        if isinstance(told, frames.Call):
            hearing = self._hearing.setdefault(station, LoggedHearing())
            hearing.called(told.message_id, line.at, asked_for=triggered_by(told))

    def _on_maintenance(self, line: LogLine, position: int) -> Iterator[AnyEvent]:
        if line.until is None or line.until.tzinfo is None:
            raise UnusableLineError("maintenance needs `until`, a moment with a time zone")
        if line.until <= line.at:
            raise UnusableLineError("maintenance that is over before it begins")
        if line.station is not None:
            place = Place.of_station(self._station(line))
        elif line.site is not None:
            if SiteId(line.site) not in self._registry.sites:
                raise UnusableLineError(f"site {line.site!r} is not in the fleet file")
            place = Place.of_site(SiteId(line.site))
        else:
            raise UnusableLineError("maintenance needs `site` or `station`")
        yield MaintenancePlanned(
            observed_at=line.at,
            position=position,
            place=place,
            until=line.until.astimezone(UTC),
            note=line.note or "",
        )

    def _on_contact(self, line: LogLine, position: int) -> Iterator[AnyEvent]:
        station = self._station(line) if line.station is not None else None
        site = SiteId(line.site) if line.site is not None else None
        if site is not None and site not in self._registry.sites:
            raise UnusableLineError(f"site {site!r} is not in the fleet file")
        customer = CustomerId(line.customer) if line.customer else None
        if customer is None:
            place = Place.of_site(site) if site is not None else station
            owner = self._registry.customer_of(place) if place is not None else None
            customer = owner.id if owner else None
        if customer is None:
            raise UnusableLineError("contact needs `customer`, or a place of one")
        if customer not in self._registry.customers:
            raise UnusableLineError(f"customer {customer!r} is not in the fleet file")
        yield ContactMade(
            observed_at=line.at,
            position=position,
            customer=customer,
            channel=line.channel or "phone",
            station=station,
            site=site,
            text=line.text or "",
        )

    def _on_stopped(self, line: LogLine, position: int) -> Iterator[AnyEvent]:
        self._connected.clear()
        self._replaced_at.clear()
        yield ServiceStopped(observed_at=line.at, position=position)

    def _on_started(self, line: LogLine, position: int) -> Iterator[AnyEvent]:
        self._connected.clear()
        self._replaced_at.clear()
        yield ServiceStarted(observed_at=line.at, position=position)

    def _on_tick(self, line: LogLine, position: int) -> Iterator[AnyEvent]:
        yield Ticked(observed_at=line.at, position=position)

    def _station(self, line: LogLine) -> StationId:
        if line.station is None:
            raise UnusableLineError(f"{line.event} needs `station`")
        return self._registry.station_named(line.station) or StationId(line.station)


def _frame_of(line: LogLine) -> bytes:
    if line.frame is None:
        raise UnusableLineError(f"{line.event} needs `frame`, the message as text")
    return line.frame.encode("utf-8", "surrogatepass")


_LINE_READER = msgspec.json.Decoder(LogLine)


def parse_line(text: bytes) -> LogLine:
    """Read one line. Raises `UnusableLineError` with what was expected."""
    try:
        line = _LINE_READER.decode(text)
    except msgspec.ValidationError as error:
        raise UnusableLineError(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableLineError(f"not one JSON object: {error}") from error
    except RecursionError as error:
        raise UnusableLineError("nested too deep") from error
    if line.at.tzinfo is None:
        raise UnusableLineError("`at` needs a time zone, such as 2026-01-05T08:00:00Z")
    line.at = line.at.astimezone(UTC)
    return line


def read_logs(files: list[Path]) -> tuple[list[LogLine], list[Skipped], int]:
    """Read log files and merge their lines by time; equal moments keep their order.

    Returns the lines, those that cannot be read, and how many lines there were. Raises OSError
    for a file that cannot be opened.
    """
    lines: list[LogLine] = []
    skipped: list[Skipped] = []
    count = 0
    for file in files:
        name = str(file) if len(files) > 1 else None
        for number, text in enumerate(file.read_bytes().split(b"\n"), start=1):
            stripped = text.strip().removeprefix(b"\xef\xbb\xbf")
            if not stripped:
                continue
            count += 1
            try:
                line = parse_line(stripped)
            except UnusableLineError as error:
                skipped.append(Skipped(number, str(error), name))
                continue
            line.number, line.file = number, name
            lines.append(line)
    lines.sort(key=lambda line: line.at)
    return lines, skipped, count
