"""StatusNotifications between the editions: 2.x by their numbers, 1.6 by their words. Pure.

Firmware that was ported from 1.6 to 2.x keeps a member's old name here and there, or names the
EVSE as the other messages of 2.x do. A fault must not be lost over that.
"""

from __future__ import annotations

from domain.events import Breach

_OLD_NAME, _NAME = "status", "connectorStatus"


def in_own_words(payload: dict[str, object], breaches: list[Breach]) -> dict[str, object]:
    """Return a StatusNotification's payload with its members where 2.x has them.

    `status` is taken for `connectorStatus`, `evse.id` for `evseId`, where those are missing.
    """
    meant = dict(payload)
    if _NAME not in meant and _OLD_NAME in meant:
        meant[_NAME] = meant.pop(_OLD_NAME)
        breaches.append(Breach(_OLD_NAME, f"should be called {_NAME}"))
    evse = meant.get("evse")
    if "evseId" not in meant and isinstance(evse, dict) and "id" in evse:
        del meant["evse"]
        meant["evseId"] = evse["id"]
        if "connectorId" in evse:
            meant.setdefault("connectorId", evse["connectorId"])
        breaches.append(Breach("evse", "should be called evseId"))
    return meant
