"""What must hold of the answer to any frame, by the standards' schemas. Knows no code of ours.

A call is one where a JSON reader finds an array of kind 2, an id and an action. Those of the
first general rule are never refused; every answer carries the call's own id and is valid by a
schema of its action.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator

_PACKAGE = Path(find_spec("ocpp").submodule_search_locations[0])  # type: ignore
FOLDERS = {"ocpp1.6": "v16", "ocpp2.0.1": "v201", "ocpp2.1": "v21"}

NEVER_REFUSED = frozenset(
    {
        "BootNotification",
        "DataTransfer",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyEvent",
        "SecurityEventNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
        "TransactionEvent",
    }
)
"""What loses a fault where it is refused: general rule 1 of the quirks."""

ERROR_CODES = {
    "1.6": {"FormationViolation", "NotImplemented", "NotSupported"},
    "2.x": {
        "FormatViolation",
        "NotImplemented",
        "NotSupported",
        "OccurrenceConstraintViolation",
        "RpcFrameworkError",
    },
}


@cache
def _schema(folder: str, action: str) -> Draft4Validator | None:
    path = _PACKAGE / folder / "schemas" / f"{action}Response.json"
    if len(action) > 64 or not (action.isascii() and action.isalnum() and path.exists()):
        return None
    return Draft4Validator(json.loads(path.read_text("utf-8-sig")))


def call_in(frame: bytes) -> tuple[Any, str] | None:
    """Return id and action of a frame that is a call beyond doubt; None where it is not."""
    try:
        value = json.loads(frame.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list) or len(value) < 4 or type(value[0]) is not int:
        return None
    kind, message_id, action, *_ = value
    if kind != 2 or type(message_id) is not str or type(action) is not str:
        return None
    if any("\ud800" <= letter <= "\udfff" for letter in message_id + action):
        return None
    return message_id, action


def fault_of(frame: bytes, answer: bytes | None, protocol: str) -> str:
    """Say what is wrong with an answer; "" where nothing is."""
    call = call_in(frame)
    if answer is None:
        return "" if call is None else f"a {call[1][:40]} without an answer"
    try:
        said = json.loads(answer.decode())
    except ValueError:
        return "an answer that is no JSON"
    if not isinstance(said, list) or len(said) not in (3, 5) or said[0] not in (3, 4):
        return f"an answer of no known shape: {answer[:100]!r}"
    if call is None:
        return ""
    message_id, action = call
    if said[1] != message_id:
        return f"answered {said[1]!r} instead of {message_id!r}"
    if said[0] == 4:
        return _refusal_fault(said, action, protocol)
    return _result_fault(said, action)


def _refusal_fault(said: list[Any], action: str, protocol: str) -> str:
    if action in NEVER_REFUSED:
        return f"{action} was refused: {said[2:]}"
    edition = "1.6" if protocol == "ocpp1.6" else "2.x"
    # A message of the other edition is refused in that edition's words.
    words = ERROR_CODES["1.6"] | ERROR_CODES["2.x"]
    if said[2] not in words:
        return f"{said[2]} is no code of OCPP {edition}"
    if type(said[3]) is not str or len(said[3]) > 255 or type(said[4]) is not dict:
        return "a refusal that is not shaped as one"
    return ""


def _result_fault(said: list[Any], action: str) -> str:
    schemas = [s for f in FOLDERS.values() if (s := _schema(f, action)) is not None]
    if schemas and not any(schema.is_valid(said[2]) for schema in schemas):
        why = next(schemas[0].iter_errors(said[2])).message
        return f"the answer to {action} is not valid: {why[:200]}"
    if not schemas and said[2] != {}:
        return f"the answer to {action}, which no schema has, is not empty"
    return ""
