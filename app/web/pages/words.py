"""Short words for places and states in the console, in one place so that all pages agree."""

from __future__ import annotations

from collections.abc import Iterable

from domain.beliefs import Link, StationBelief
from domain.places import Place, PlaceKind
from domain.registry import Registry, Site
from domain.remedies import Remedy, RemoteAction
from domain.tickets import Ticket, TicketKind, TicketState
from ticketing.wording import Wording

STATE_WORDS = {
    TicketState.NEW: "New",
    TicketState.OPEN: "Open",
    TicketState.WAITING: "Waiting",
    TicketState.RESOLVED: "Resolved",
    TicketState.CLOSED: "Closed",
}

KIND_WORDS = {
    TicketKind.FAULT: "Fault",
    TicketKind.SITE: "Site",
    TicketKind.FLEET: "Fleet",
    TicketKind.PROBLEM: "Problem",
    TicketKind.REQUEST: "Request",
    TicketKind.TASK: "Task",
}

LINK_WORDS = {
    Link.UP: "Connected",
    Link.LOST: "Not connected",
    Link.UNKNOWN: "Not known",
    Link.NEVER: "Never connected",
}


CHANNELS = {"phone": "Phone", "email": "E-mail", "in-person": "In person", "other": "Other"}
"""How a customer can get in touch, as the form offers it."""

_BY_CHANNEL = {"phone": "by phone", "email": "by e-mail", "in-person": "in person"}


def by_channel(channel: str) -> str:
    """Say how somebody got in touch: `by phone`; a channel of the API's caller as it is."""
    return _BY_CHANNEL.get(channel, "" if channel == "other" else f"by {channel}")


def finding_of(codes: Iterable[str], wording: Wording) -> str:
    """Say what fault codes mean, for an agent: `the plug lock does not work`."""
    said = (wording.of_code(code).texts["en"].finding for code in codes)
    return "; ".join(dict.fromkeys(one for one in said if one))


def advice_on(codes: Iterable[str], wording: Wording) -> tuple[str, ...]:
    """Return what an agent should know of fault codes: likely causes, checks, part, remote."""
    return tuple(dict.fromkeys(wording.of_code(code).agent for code in codes))


_FROM_HERE = {
    RemoteAction.NOTHING: "no remote reset",
    RemoteAction.RESTART_WHEN_IDLE: "restart when idle",
    RemoteAction.UNLOCK: "unlock, then restart when idle",
    RemoteAction.LOWER_LIMIT: "lower the current limit",
    RemoteAction.CORRECT_LIMIT: "correct the limit",
    RemoteAction.RESTART_MODEM: "restart the modem when idle",
    RemoteAction.RECONNECT: "drop the connection once, then ask for the status",
    RemoteAction.BLOCK_PLACE: "take the EVSE out of use",
    RemoteAction.RESEND_LIST: "send the local list again",
    RemoteAction.SET_CLOCK: "set the time source",
    RemoteAction.RETRY_UPDATE: "try the update once more in a quiet hour",
    RemoteAction.RENEW_CERTIFICATE: "renew the certificate",
}


def remedy_words(remedy: Remedy | None) -> str:
    """Say whose a fault likely is, which part it needs, and what is safe from here."""
    if remedy is None:
        return ""
    said = (
        f"Likely {' or '.join(remedy.owners)}" if remedy.owners else "",
        f"part: {remedy.part}" if remedy.part else "",
        f"from here: {_FROM_HERE[remedy.remote]}" if remedy.remote else "",
    )
    return " · ".join(part for part in said if part)


def place_words(place: Place, registry: Registry) -> str:
    """Name a place for an agent: `N-001, EVSE 1`, `Site North depot`, `The whole fleet`."""
    match place.kind:
        case PlaceKind.EVSE:
            return f"{place.name}, EVSE {place.evse}"
        case PlaceKind.STATION:
            return place.name
        case PlaceKind.SITE:
            site = registry.site_of(place)
            return f"Site {site.title if site else place.name}"
        case PlaceKind.CARRIER:
            return f"Carrier {place.name}"
        case PlaceKind.FLEET:
            return "The whole fleet"


def site_of_ticket(ticket: Ticket, registry: Registry) -> Site | None:
    """Return the registered site of a ticket; None where it has none or a strange one."""
    return registry.sites.get(ticket.site) if ticket.site is not None else None


def status_words(belief: StationBelief, evses: int) -> list[tuple[int, str]]:
    """Name each EVSE's status, the silent ones as `?`: (number, word), by number."""
    numbers = sorted({*range(1, evses + 1), *(n for n in belief.status if n > 0)})
    unknown = "?"
    return [(n, belief.status[n].value if n in belief.status else unknown) for n in numbers]
