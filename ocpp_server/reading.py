"""What reading one frame gives, in every OCPP version: events, and what is due. Pure."""

from __future__ import annotations

import msgspec

from domain.events import AnyEvent
from ocpp_server.repeats import Earlier


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One frame, read. `raw_id` is set where an answer is due (b"" where none is).

    With `refusal` (a CALLERROR code) the answer is a refusal for the reason `because`, else it
    is the result that belongs to `action`. `is_fact`: our answer will carry a fact of its own,
    which `Translation.sent` reads. `is_conforming`: a call without any breach of its schema.
    For answers to our commands see `protocol.Reaction`.

    `is_2x`: the message is of OCPP 2.x, and so is the answer due; `told` is the payload of that
    answer where the action alone does not settle it. `is_foreign`: nothing was read, because
    the message is of the other edition; `translate` then asks the reader of that one.
    `repeats`: the call was answered before on this connection, and is answered likewise.
    """

    events: tuple[AnyEvent, ...]
    action: str = ""
    raw_id: bytes = b""
    refusal: str = ""
    because: str = ""
    is_heartbeat: bool = False
    is_fact: bool = False
    result_of: str | None = None
    result: bytes = b""
    is_error: bool = False
    is_conforming: bool = False
    is_2x: bool = False
    told: bytes = b""
    is_foreign: bool = False
    repeats: Earlier | None = None
