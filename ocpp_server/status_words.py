"""Words for a status, in whatever spelling: what they say in ours. Data, and a look-up. Pure.

Blanks, dashes, underscores and case do not matter: `SUSPENDED_EVSE`, `Suspended EV`.
"""

from __future__ import annotations

from domain.events import Status

_EXACT: dict[str, Status] = {status.value: status for status in Status}
_MEANT = {
    "fault": Status.FAULTED,
    "error": Status.FAULTED,
    # Stations behind a roaming hub say what the hub does (OCPI 2.2.1 §8.4.22).
    "outoforder": Status.FAULTED,
    "inoperative": Status.UNAVAILABLE,
    "outofservice": Status.UNAVAILABLE,
    **{status.value.casefold(): status for status in Status},
}


def status_meant(word: str) -> Status:
    """Return the status a word names; UNKNOWN where it names none."""
    exact = _EXACT.get(word)
    if exact is not None:
        return exact
    bare = "".join(letter for letter in word if letter.isalnum())
    return _MEANT.get(bare.casefold(), Status.UNKNOWN)
