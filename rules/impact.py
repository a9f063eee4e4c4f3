"""What a fault means for its site, and which fault speaks for which other. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from domain.registry import Station
from rules.catalogue import OF_LOST_LINKS, OF_THE_LINK, Detector
from rules.tracks import Phase, Track


def can_nobody_charge(station: Station, blocked: AbstractSet[int]) -> bool:
    """Tell whether no EVSE of the station is left that can charge; `blocked` 0 is all of it.

    An EVSE that we cannot see counts as able to charge.
    """
    return 0 in blocked or all(evse in blocked for evse in range(1, station.evses + 1))


def speaks_for(wider: Track, track: Track, wider_is: Detector, track_is: Detector) -> bool:
    """Tell whether `wider` is the cause that `track` would only repeat.

    What is wrong with us speaks for all lost links, once active; so does a dark site for those
    of its stations, and a lost site controller for the stations behind it. Where a site is dark
    and its controller lost, the dark site leads, from the moment it is pending: more than one
    way to us failed, so power or network is likelier than the controller. A silent station that
    then loses its link is told once, and so is one whose link goes with each of its boots. The
    rest is what a station reports.
    """
    match wider_is:
        case Detector.FLEET_DROP:
            return track_is in OF_LOST_LINKS and wider.phase is Phase.ACTIVE
        case Detector.BROKER_LOST:
            return track_is is Detector.GATEWAY_LOST and wider.phase is Phase.ACTIVE
        case Detector.SITE_DARK if track_is is Detector.GATEWAY_LOST:
            return True
        case Detector.SITE_DARK | Detector.GATEWAY_LOST:
            return track_is in OF_THE_LINK and wider.phase is Phase.ACTIVE
        case Detector.BOOT_LOOP:  # each boot takes the link with it
            return track_is is Detector.CONNECTION_FLAPPING
        case Detector.SILENT:
            return track_is is Detector.OFFLINE and wider.phase is Phase.ACTIVE
        case Detector.REPORTED_FAULT if track_is is Detector.REPORTED_FAULT:
            return _is_repeated(wider, track)
        case _:
            return False


def is_part_of(wider: Track, track: Track, wider_is: Detector, track_is: Detector) -> bool:
    """Tell whether `track` is one of many effects of `wider`, each told to its own customer.

    The outage of a carrier: the sites and stations that are lost by it keep their tickets.
    """
    return (
        wider_is is Detector.CARRIER_LOST
        and wider.phase is Phase.ACTIVE
        and track_is in OF_LOST_LINKS
        and track_is is not Detector.CARRIER_LOST
    )


def _is_repeated(wider: Track, track: Track) -> bool:
    """Tell whether one report of a station only repeats another one, or follows from it.

    A station's own report speaks for its EVSEs that report the same code (connector 0 pairs),
    from the moment it is pending. A Faulted status speaks for an error of the same code that
    was reported apart (OCPP 2.x says it with both NotifyEvent and StatusNotification). An error
    that names another one as its cause (2.x) follows from that, whatever part it is at.
    A danger only a danger covers, and nothing covers what is worse than itself.
    """
    if wider.base.rank < track.base.rank or (track.is_danger and not wider.is_danger):
        return False
    if follows_from(track, wider):
        return True
    is_wider_place = track.place.evse > 0 and wider.place.evse == 0
    is_status_of_same = wider.place == track.place and bool(track.keys) and not wider.keys
    return (is_wider_place or is_status_of_same) and not set(wider.codes).isdisjoint(
        track.codes
    )


def follows_from(track: Track, other: Track) -> bool:
    """Tell whether each error of a track was caused by an error of another one."""
    return bool(track.keys) and all(
        track.causes.get(key, "") in other.keys for key in track.keys
    )
