"""Frames that were recorded, and what the field, a bad line or malice would make of them.

All dice come from the `random.Random` handed in: the same one gives the same frame.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

CORPUS = Path(__file__).parents[1] / "data" / "ocpp_frames.jsonl"

TOKENS = (
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\x00"),
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-", b"0", b"9" * 30, b"9" * 5000),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xc3", b"\xf0\x9f\x98\x80", b"\r\n", b" ", b"[" * 600),
)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 65, 2**31, 2**63, 2**64, 10**40, 1.5, -0.0, 1e308),
    *("", " ", "0", "-1", "null", "\x00", "\ud800", "\u202e", "é", "A" * 21, "A" * 5000),
    *("2026-01-05T08:00:00Z", "2026-02-30T25:61:61Z", "0001-01-01T00:00:00Z", "now"),
    *("9999-12-31T23:59:59.999999999+14:00", "1970-01-01", "2026-01-05 08:00:00"),
    *("NoError", "Faulted", "Available", "1e999", "NaN", "12,5", "0x10"),
    *([], {}, [[]], [{}], {"": {}}, [None], {"value": {"value": {"value": 1}}}),
)
HUGE = "H" * 200_000


class Recorded(NamedTuple):
    """One frame of the corpus."""

    version: str
    frame: str


@cache
def recorded() -> tuple[Recorded, ...]:
    """Return the corpus, both directions: stations do echo what they were sent."""
    rows = map(json.loads, CORPUS.read_text().splitlines())
    return tuple(Recorded(row["version"], row["frame"]) for row in rows)


@cache
def _calls() -> tuple[str, ...]:
    """Return the frames that are whole calls, as JSON."""
    found = []
    for row in recorded():
        try:
            value = json.loads(row.frame)
        except ValueError:
            continue
        if isinstance(value, list) and len(value) == 4 and value[0] == 2:
            found.append(row.frame)
    return tuple(found)


@cache
def _actions() -> tuple[str, ...]:
    return tuple(sorted({json.loads(frame)[2] for frame in _calls()}))


def mutated(dice: random.Random) -> bytes:
    """Return a frame: mostly a recorded call with a few things wrong, sometimes rubbish."""
    kind = dice.randrange(20)
    if kind == 0:
        return bytes(dice.choices(range(256), k=dice.randrange(300)))
    if kind <= 5:
        text = dice.choice(recorded()).frame.encode("utf-8", "surrogatepass")
        return damaged(text, dice)
    value = json.loads(dice.choice(_calls()))
    for _ in range(dice.choice((0, 1, 1, 1, 2, 4))):
        value = dice.choice(_CHANGES)(value, dice)
    text = json.dumps(
        value,
        ensure_ascii=dice.random() < 0.7,
        indent=dice.choice((None, None, None, 2)),
        separators=dice.choice((None, (",", ":"))),
    )
    raw = text.encode("utf-8", "surrogatepass")
    return damaged(raw, dice) if dice.randrange(10) == 0 else raw


def damaged(frame: bytes, dice: random.Random) -> bytes:
    """Return the bytes with a few of them flipped, cut, put in, doubled or swapped."""
    found = bytearray(frame)
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(len(found) + 1)
        match dice.randrange(6):
            case 0:
                found[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                found[at:at] = dice.choice(TOKENS)
            case 2:
                del found[at : at + dice.randrange(1, 40)]
            case 3:
                del found[at:]
            case 4:
                end = at + dice.randrange(60)
                found[at:at] = found[at:end]
            case _:
                other = dice.choice(recorded()).frame.encode("utf-8", "surrogatepass")
                start = dice.randrange(len(other))
                found[at:at] = other[start : start + 30]
    return bytes(found)


# --- changes of a call as JSON ------------------------------------------


def _odd(dice: random.Random) -> Any:
    """Return an odd value; a copy, for what is put in may be changed further."""
    return copy.deepcopy(dice.choice(ODD_VALUES))


def _another_id(call: Any, dice: random.Random) -> Any:
    odd = (_odd(dice), _odd(dice), "x" * 36, "x" * 300, str(dice.random()))
    return [call[0], dice.choice(odd), *call[2:]] if len(call) > 1 else call


def _another_action(call: Any, dice: random.Random) -> Any:
    names = (*_actions(), "Nonsense", "", "heartbeat", "StatusNotificationRequest", "A" * 999)
    return [*call[:2], dice.choice(names), *call[3:]]


def _another_shape(call: Any, dice: random.Random) -> Any:
    match dice.randrange(5):
        case 0:
            return call[: dice.randrange(len(call) + 1)]
        case 1:
            return [*call, _odd(dice)]
        case 2:
            return [dice.choice((3, 4, 5, 6, 0, -1, "2", 2.0, None)), *call[1:]]
        case 3:
            return [*call[:3], _odd(dice)]
        case _:
            return [*call[:3], call[3:4]]


def _odd_value(call: Any, dice: random.Random) -> Any:
    holder, key = _somewhere(call, dice)
    if holder is not None:
        holder[key] = HUGE if dice.randrange(60) == 0 else _odd(dice)
    return call


def _value_of_another(call: Any, dice: random.Random) -> Any:
    holder, key = _somewhere(call, dice)
    other, from_key = _somewhere(json.loads(dice.choice(_calls())), dice)
    if holder is not None and other is not None:
        holder[key] = other[from_key]
    return call


def _fresh_text(call: Any, dice: random.Random) -> Any:
    """Texts that never were before: whatever is remembered by name must have a limit."""
    holder, key = _somewhere(call, dice, wants=str)
    if holder is not None:
        holder[key] = f"fresh-{dice.getrandbits(48):x}"
    return call


def _fresh_number(call: Any, dice: random.Random) -> Any:
    holder, key = _somewhere(call, dice, wants=int)
    if holder is not None:
        holder[key] = dice.randrange(-5, 2**31)
    return call


def _without(call: Any, dice: random.Random) -> Any:
    holder, key = _somewhere(call, dice)
    if holder is not None:
        del holder[key]
    return call


def _member_of_another(call: Any, dice: random.Random) -> Any:
    other = json.loads(dice.choice(_calls()))[3]
    if len(call) > 3 and isinstance(call[3], dict) and isinstance(other, dict):
        call[3].update(other)
    return call


def _more_of_it(call: Any, dice: random.Random) -> Any:
    holder, key = _somewhere(call, dice, wants=list)
    if holder is not None and 0 < len(holder[key]) < 50:
        holder[key] = holder[key] * dice.choice((2, 5, 100))
    return call


_CHANGES: Sequence[Callable[[Any, random.Random], Any]] = (
    _another_id,
    _another_action,
    _another_shape,
    *(_odd_value,) * 3,
    *(_value_of_another,) * 2,
    *(_fresh_text,) * 3,
    _fresh_number,
    _without,
    _member_of_another,
    _more_of_it,
)


def _somewhere(call: Any, dice: random.Random, wants: type | None = None) -> tuple[Any, Any]:
    """Return a holder and a key inside a call's payload, or (None, None)."""
    found: list[tuple[Any, Any]] = []
    waiting = [call[3]] if len(call) > 3 else []
    while waiting and len(found) < 500:
        value = waiting.pop()
        if isinstance(value, dict):
            found += ((value, key) for key in value)
            waiting += value.values()
        elif isinstance(value, list):
            found += ((value, index) for index in range(len(value)))
            waiting += value
    if wants is not None:
        found = [(holder, key) for holder, key in found if type(holder[key]) is wants]
    return dice.choice(found) if found else (None, None)
