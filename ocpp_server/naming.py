"""Which station an address or a user name means (quirks A5, A18, J11). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import unquote, unquote_to_bytes

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
    Some escape it twice. Nothing else is cut off, or a stranger could be taken for a registered
    station.
    """
    found = (find(meant) for meant in _readings(name))
    return next(filter(None, found), StationId(name))


def _readings(name: str) -> Iterator[str]:
    """Yield what a name may mean, the likeliest first."""
    yield name
    if "%" in name:
        yield unquote(name)
    if "+" in name:  # a blank, as web forms write it
        yield name.replace("+", " ")
    if name[: len(_ROOT_SEGMENT)].casefold() == _ROOT_SEGMENT:
        yield name[len(_ROOT_SEGMENT) :]
    half, odd = divmod(len(name), 2)
    if not odd and half and name[:half].casefold() == name[half:].casefold():
        yield name[half:]
