"""What a fault means for its site, and which fault speaks for which other. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from domain.places import Place
from domain.registry import Site
from rules.catalogue import OF_THE_LINK, Detector
from rules.tracks import Phase, Track


def can_nobody_charge(site: Site, blocked: AbstractSet[Place]) -> bool:
    """Tell whether no EVSE of the site is left that can charge.

    An EVSE that we cannot see counts as able to charge.
    """
    return all(
        Place.of_station(station.id) in blocked or Place.of_station(station.id, evse) in blocked
        for station in site.stations
        for evse in range(1, station.evses + 1)
    )


def speaks_for(wider: Track, track: Track, wider_is: Detector, track_is: Detector) -> bool:
    """Tell whether `wider` is the cause that `track` would only repeat.

    A dark site speaks for lost links of its stations, once active. A silent station that then
    loses its link is told once. A station's own report speaks for its EVSEs that report the
    same code (connector 0 pairs), from the moment it is pending; a danger only a danger covers.
    A Faulted status speaks for an error of the same code that was reported apart (OCPP 2.x says
    it with both NotifyEvent and StatusNotification).
    """
    if wider_is is Detector.SITE_DARK:
        return track_is in OF_THE_LINK and wider.phase is Phase.ACTIVE
    if wider_is is Detector.SILENT:
        return track_is is Detector.OFFLINE and wider.phase is Phase.ACTIVE
    if wider_is is Detector.REPORTED_FAULT and track_is is Detector.REPORTED_FAULT:
        is_wider_place = track.place.evse > 0 and wider.place.evse == 0
        is_status_of_same = wider.place == track.place and bool(track.keys) and not wider.keys
        return (
            (is_wider_place or is_status_of_same)
            and wider.base.rank >= track.base.rank
            and (wider.is_danger or not track.is_danger)
            and not set(wider.codes).isdisjoint(track.codes)
        )
    return False
