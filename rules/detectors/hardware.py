"""The detector of replaced hardware: another make, model or serial number under the same id.

What we believe of the station (its faults, its vendor's words, its EVSEs) was true of the old
one; a person looks whether the registry still is. It is work for us, never a fault: nobody is
told, and whatever the station reports counts as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from domain.events import Booted
from domain.faults import WorkFound
from domain.places import Place
from rules.detectors.handlers import Handlers
from rules.state import Hardware
from rules.workplace import Workplace

TASKS_PER_DAY = 3
"""Changes of one station that become tasks within `DAY`. A technician who tries boards makes
as many; two stations that share an id, or one that invents its serial, make no flood."""

DAY = timedelta(hours=24)


class ReplacedHardware:
    """Compares every boot of a registered station with its last one."""

    def __init__(self, work: Workplace) -> None:
        self._registry = work.registry
        self._state = work.state
        self._ledger = work.ledger

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        return {Booted: self.on_booted}

    def on_booted(self, event: Booted) -> None:
        """Note what the station is; where it was another one, that is work for us."""
        station = event.station
        if station not in self._registry.stations:
            return  # a stranger is a task of its own already
        known = self._state.hardware.setdefault(station, Hardware())
        said = {name: getattr(event, name).strip() for name in ("vendor", "model", "serial")}
        changes = differences(known, said)
        before = identity_of(known)
        for name, value in said.items():
            if value:
                setattr(known, name, value)
        if changes:
            self._find_work(event, known, before, changes)

    def _find_work(
        self, event: Booted, known: Hardware, before: str, changes: list[str]
    ) -> None:
        at = event.observed_at
        key = f"hardware-replaced:{event.station}:{before}>{identity_of(known)}"
        if key in self._state.known_work:
            return
        known.tasks_at = [moment for moment in known.tasks_at if at - moment < DAY]
        if len(known.tasks_at) >= TASKS_PER_DAY:
            return
        known.tasks_at.append(at)
        detail = f"Other hardware than at its last boot: {', '.join(changes)}"
        if len(known.tasks_at) == TASKS_PER_DAY:
            detail += (
                "; further changes of this day are not told: do two stations share the id?"
            )
        self._ledger.find_work(
            WorkFound(
                key=key,
                rule="hardware-replaced",
                place=Place.of_station(event.station),
                at=at,
                detail=detail,
                evidence=(event.position,) if event.position else (),
            )
        )


def differences(known: Hardware, said: Mapping[str, str]) -> list[str]:
    """Say what differs, `model X to Y`; [] where nothing does or either side never said."""
    return [
        f"{name} {was} to {value}"
        for name, value in said.items()
        if value and (was := getattr(known, name)) and was.casefold() != value.casefold()
    ]


def identity_of(hardware: Hardware) -> str:
    """Return vendor, model and serial in one line, whatever their case."""
    return f"{hardware.vendor}/{hardware.model}/{hardware.serial}".casefold()
