"""Journal entries and log lines into events: the one place where raw frames are read again."""

from __future__ import annotations

import msgspec

from domain.events import AnyEvent, Connected
from domain.journal import Entry, EntryKind
from domain.places import StationId
from ocpp_server.translate import Translation

_FACT_READER = msgspec.json.Decoder(AnyEvent)


class Interpreter:
    """Reads entries in order; remembers per station what its next frames refer to."""

    def __init__(self, translations: dict[StationId, Translation] | None = None) -> None:
        self.translations = translations if translations is not None else {}

    def translation(self, station: StationId) -> Translation:
        """Return the station's translation; it lives on across connections."""
        known = self.translations.get(station)
        if known is None:
            known = self.translations[station] = Translation(station=station)
        return known

    def connected(self, station: StationId, protocol: str) -> Translation:
        """Note a new connection of the station, and return its translation."""
        translation = self.translation(station)
        translation.connected(protocol)
        return translation

    def read(self, entry: Entry) -> tuple[AnyEvent, ...]:
        """Return the events of an entry, in order."""
        if entry.kind is EntryKind.FACT or entry.station is None:
            event = _FACT_READER.decode(entry.body)
            if isinstance(event, Connected):
                self.connected(event.station, "" if event.is_assumed else event.protocol)
            return (event,)
        translation = self.translation(entry.station)
        read = translation.sent if entry.kind is EntryKind.SENT else translation.received
        return read(entry.body, at=entry.at, position=entry.position)
