"""What core and its neighbours (web, CLI through web) say to each other over the link.

Requests are answered with exactly one answer. A subscriber gets `Changed` messages until it
goes away; they name what changed, and the reader fetches it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.beliefs import StationBelief
from domain.faults import Fault
from ticketing.commands import Action

# --- requests ---------------------------------------------------------------------------------


class GetFleet(msgspec.Struct, frozen=True, tag="get-fleet"):
    """Ask for all beliefs and active faults as of now. Answer: `FleetView`."""


class GetHealth(msgspec.Struct, frozen=True, tag="get-health"):
    """Ask whether core is ready, and for its counters. Answer: `Health`."""


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe"):
    """Ask for `Changed` messages on this connection from now on. Answer: `Done`, then those."""


class RecordContact(msgspec.Struct, frozen=True, kw_only=True, tag="contact"):
    """A customer got in touch. Answer: `Done` with the ticket it went to, or `Refusal`."""

    customer: str
    channel: str
    station: str | None = None
    site: str | None = None
    text: str = ""


class PlanMaintenance(msgspec.Struct, frozen=True, kw_only=True, tag="maintenance"):
    """Work begins now at a site or station. Answer: `Done` or `Refusal`."""

    until: datetime
    site: str | None = None
    station: str | None = None
    note: str = ""


class ActOnTicket(msgspec.Struct, frozen=True, tag="act"):
    """A person's action on a ticket. Answer: `Done` or `Refusal`."""

    action: Action


class GetRules(msgspec.Struct, frozen=True, tag="get-rules"):
    """Ask which rules decide now. Answer: `RulesInForce`."""


class ReloadRules(msgspec.Struct, frozen=True, kw_only=True, tag="reload-rules"):
    """Read rules and dictionary again. Answer: `RulesInForce`, with `mistakes` the old ones."""

    who: str = ""


class ClassifyWord(msgspec.Struct, frozen=True, kw_only=True, tag="classify"):
    """A person says what a vendor's word means. Answer: `RulesInForce`, or `Refusal`.

    `vendor` "" is for whoever says it. It counts from now on, for what is open as well, and
    resolves the task that asked for it.
    """

    word: str
    meaning: str  # a canonical code, "none": it reports no fault
    vendor: str = ""
    model: str = ""
    severity: str = ""
    owner: tuple[str, ...] = ()
    part: str = ""
    note: str = ""  # where it is known from
    who: str = ""


class GetOwnWords(msgspec.Struct, frozen=True, tag="own-words"):
    """Ask for what people here classified. Answer: `OwnWords`."""


class SendCommand(msgspec.Struct, frozen=True, kw_only=True, tag="command"):
    """Send one OCPP command. `payload` is JSON text. Answer: `CommandDone` or `Refusal`."""

    station: str
    action: str
    payload: str = "{}"
    timeout_s: float = 30.0
    who: str = ""


class SaveUser(msgspec.Struct, frozen=True, kw_only=True, tag="save-user"):
    """Create or replace a person's login. `password_hash` is argon2id. Answer: `Done`."""

    name: str
    role: str  # viewer | agent | lead | admin
    password_hash: str


class SaveToken(msgspec.Struct, frozen=True, kw_only=True, tag="save-token"):
    """Create an API token, stored as its BLAKE2b digest. Answer: `Done`."""

    name: str
    digest: str
    scopes: tuple[str, ...]  # read | write | command | admin


class SaveStationPassword(msgspec.Struct, frozen=True, kw_only=True, tag="save-station-pw"):
    """Set a station's Basic auth password, hashed by `app.access`. Answer: `Done`."""

    station: str
    password_hash: str


Request = (
    GetFleet
    | GetHealth
    | Subscribe
    | RecordContact
    | PlanMaintenance
    | ActOnTicket
    | GetRules
    | ReloadRules
    | ClassifyWord
    | GetOwnWords
    | SendCommand
    | SaveUser
    | SaveToken
    | SaveStationPassword
)

# --- answers ----------------------------------------------------------------------------------


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It is done, and durable. `reference` names what came of it, where there is a name."""

    reference: str = ""


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """It was not done. `reason` is a sentence for the person who asked; `is_missing`: 404."""

    reason: str
    is_missing: bool = False


class FleetView(msgspec.Struct, frozen=True, tag="fleet"):
    """Everything believed now."""

    at: datetime
    stations: tuple[StationBelief, ...]
    faults: tuple[Fault, ...]  # active ones


class Health(msgspec.Struct, frozen=True, tag="health"):
    """Whether core takes stations on, and why not. `metrics` is Prometheus text."""

    is_ready: bool
    reasons: tuple[str, ...]
    metrics: str


class RuleInForce(msgspec.Struct, frozen=True, kw_only=True):
    """What an explanation says of a rule."""

    name: str
    summary: str
    detector: str
    severity: str
    raise_after_s: float
    clear_after_s: float
    advice: str
    version: int


class RulesInForce(msgspec.Struct, frozen=True, kw_only=True, tag="rules"):
    """The rules that decide now. `mistakes`: why what is in the files does not."""

    version: str
    rules: tuple[RuleInForce, ...]
    mistakes: tuple[str, ...] = ()


class OwnWords(msgspec.Struct, frozen=True, tag="words"):
    """What people here classified, as YAML in the form of the dictionary."""

    text: str


class CommandDone(msgspec.Struct, frozen=True, tag="command-done"):
    """What became of a command, as `domain.ports.CommandResult` words it; payload is JSON."""

    outcome: str
    payload: str


Answer = Done | Refusal | FleetView | Health | RulesInForce | OwnWords | CommandDone


class Changed(msgspec.Struct, frozen=True, kw_only=True, tag="changed"):
    """Something a page may show changed: tickets by id, stations by id, notices by key."""

    at: datetime
    tickets: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
