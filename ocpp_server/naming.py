"""Which station an address or a user name means (quirks A5, A18, J11). Pure."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from domain.places import StationId

_ROOT_SEGMENT = "ocpp"


def station_name_in(target: str) -> str:
    """Return the last non-empty path segment, url-decoded and trimmed; "" if there is none.

    Tenants, tokens and doubled ids before it are skipped. A path that is nothing but our own
    root (`/ocpp/`) names no station.
    """
    path = target
    if "://" in path:  # absolute form, as to a proxy
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    path = path.partition("?")[0].partition("#")[0]
    segments = [_decoded(segment).strip() for segment in path.split("/")]
    named = [segment for segment in segments if segment]
    if not named or (len(named) == 1 and named[0].lower() == _ROOT_SEGMENT):
        return ""
    return named[-1]


def _decoded(segment: str) -> str:
    raw = unquote_to_bytes(segment.encode("latin-1", "replace"))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def resolve_name(name: str, find: Callable[[str], StationId | None]) -> StationId:
    """Return the registered id that a station's name for itself means, else that name.

    Some stations append their id to the server's address without a slash, or to an address
    that ends with the id already: what stands before it is then our root, or the id again.
    Nothing else is cut off, or a stranger could be taken for a registered station.
    """
    found = find(name)
    if found is not None:
        return found
    if name[: len(_ROOT_SEGMENT)].casefold() == _ROOT_SEGMENT:
        found = find(name[len(_ROOT_SEGMENT) :])
        if found is not None:
            return found
    half, odd = divmod(len(name), 2)
    if not odd and half and name[:half].casefold() == name[half:].casefold():
        found = find(name[half:])
    return found or StationId(name)
