"""The catalogue: rules as typed values, parsed once from plain mappings (YAML in the files).

A rule names a detector, its parameters, patience and severity. No expression is ever evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from domain.codes import DANGER
from domain.faults import Severity
from domain.remedies import Remedy, RemoteAction
from rules.parameters import (
    SPAN_WORDS,
    Parameters,
    names_of,
    read_count,
    read_flag,
    read_parameters,
    read_span,
    read_text,
)

_Set = TypeVar("_Set", bound=Parameters)


class Detector(StrEnum):
    """The detectors there are; `rules.detectors` has the classes and their parameters."""

    REPORTED_FAULT = "reported-fault"
    OFFLINE = "offline"
    SILENT = "silent"
    CONNECTION_FLAPPING = "connection-flapping"
    SITE_DARK = "site-dark"
    GATEWAY_LOST = "gateway-lost"
    CARRIER_LOST = "carrier-lost"
    FLEET_DROP = "fleet-drop"
    BROKER_LOST = "broker-lost"
    STUCK_STATUS = "stuck-status"
    BOOT_LOOP = "boot-loop"
    DEAF = "deaf"
    QUEUE_BLOCKED = "queue-blocked"
    UPDATE_FAILED = "update-failed"
    UPDATE_STUCK = "update-stuck"
    UPLOAD_FAILED = "upload-failed"
    CLOCK_WRONG = "clock-wrong"
    CERTIFICATE_EXPIRING = "certificate-expiring"
    SECURITY_EVENT = "security-event"
    NO_ENERGY = "no-energy"
    METER_FROZEN = "meter-frozen"
    METER_IMPLAUSIBLE = "meter-implausible"
    PHASE_MISSING = "phase-missing"
    DEGRADED = "degraded"
    LOAD_EXCEEDED = "load-exceeded"
    LOAD_SAFE_MODE = "load-safe-mode"
    FAILED_STARTS = "failed-starts"
    AUTHORIZATION_FAILING = "authorization-failing"
    DISUSE = "disuse"


OF_THE_LINK = frozenset({Detector.OFFLINE, Detector.SILENT, Detector.CONNECTION_FLAPPING})
"""What is found by the connection itself."""

OF_OURSELVES = frozenset({Detector.FLEET_DROP, Detector.BROKER_LOST})
"""What is wrong with us and not with anybody's hardware."""

OF_LOST_LINKS = OF_THE_LINK | {
    Detector.SITE_DARK,
    Detector.GATEWAY_LOST,
    Detector.CARRIER_LOST,
}
"""What counts for nobody while the fault is ours."""

WIDER = OF_OURSELVES | {Detector.SITE_DARK, Detector.GATEWAY_LOST, Detector.CARRIER_LOST}
"""What is found of more than one station. All others live on what a station says: while it is
dark their dwell is suspended."""


class Worsening(msgspec.Struct, frozen=True):
    """The severity a fault grows to when its condition has lasted `after`."""

    after: timedelta
    to: Severity


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A condition, the patience it deserves, and what it means.

    `parameters` are the detector's own. `stops_charging`: nothing charges at the place while
    the fault lasts, so that it is critical where nothing else of the site is left (None: as
    the detector has it). `confirmed_by_customer`: a customer's report makes a pending fault
    count at once. `person_may_end`: the condition may never be said to be over, so a person who
    closes the ticket ends the fault.
    """

    name: str
    detector: Detector
    severity: Severity
    raise_after: timedelta
    clear_after: timedelta
    parameters: Parameters = Parameters()
    stops_charging: bool | None = None
    confirmed_by_customer: bool = False
    person_may_end: bool = False
    worsens: Worsening | None = None
    flapping_clear_after: timedelta = timedelta(minutes=30)
    code: str = ""  # of findings that carry no code of their own
    advice: str = ""
    summary: str = ""
    version: int = 1

    def set_for(self, kind: type[_Set]) -> _Set:
        """Return the parameters as the detector's own type has them."""
        if not isinstance(self.parameters, kind):
            raise AssertionError(f"{self.name} has no {kind.__name__}")  # noqa: TRY004
        return self.parameters


class RuleMistake(msgspec.Struct, frozen=True):
    """What is wrong with one rule, in words for its author."""

    rule: str
    key: str
    expected: str


def parse_rule(
    raw: Mapping[str, Any], kinds: Mapping[Detector, type[Parameters]]
) -> tuple[Rule | None, list[RuleMistake]]:
    """Read one rule; the list says everything that is wrong with it.

    `kinds` says what can be set for each detector.
    """
    name = str(raw.get("rule", ""))
    detector = _detector(raw.get("detector"))
    kind = kinds.get(detector, Parameters) if detector else Parameters
    known = sorted({*_KEYS, *names_of(kind)})
    mistakes = [
        RuleMistake(name, key, f"unknown key; expected one of {', '.join(known)}")
        for key in raw
        if key not in known
    ]
    mistakes += [
        RuleMistake(name, key, "missing, and required")
        for key in ("rule", "detector", "severity", "raise_after", "clear_after")
        if key not in raw
    ]
    values: dict[str, Any] = {}
    for key, value in raw.items():
        read = _KEYS.get(key)
        if read is None:
            continue
        field, reader, expected = read
        parsed = reader(value)
        if parsed is None:
            mistakes.append(RuleMistake(name, key, f"expected {expected}"))
        else:
            values[field] = parsed
    own = {key: value for key, value in raw.items() if key in names_of(kind)}
    values["parameters"], wrong = read_parameters(kind, own)
    mistakes += [RuleMistake(name, key, f"expected {words}") for key, words in wrong.items()]
    if mistakes:
        return None, mistakes
    return Rule(**values), []


def _word(value: object) -> str | None:
    text = read_text(value)
    return text if text and re.fullmatch(r"[a-z0-9-]+", text) else None


def _severity(value: object) -> Severity | None:
    return Severity(str(value)) if value in tuple(Severity) else None


def _detector(value: object) -> Detector | None:
    return Detector(str(value)) if value in tuple(Detector) else None


def _worsening(value: object) -> Worsening | None:
    if not isinstance(value, Mapping) or set(value) != {"after", "to"}:
        return None
    after, to = read_span(value["after"]), _severity(value["to"])
    return Worsening(after, to) if after is not None and to is not None else None


_KEYS: dict[str, tuple[str, Any, str]] = {
    "rule": ("name", _word, "a name of small letters, digits and hyphens"),
    "summary": ("summary", read_text, "a text"),
    "detector": ("detector", _detector, f"one of {', '.join(Detector)}"),
    "severity": ("severity", _severity, f"one of {', '.join(Severity)}"),
    "raise_after": ("raise_after", read_span, SPAN_WORDS),
    "clear_after": ("clear_after", read_span, SPAN_WORDS),
    "flapping_clear_after": ("flapping_clear_after", read_span, SPAN_WORDS),
    "worsens": ("worsens", _worsening, "{after: <duration>, to: <severity>}"),
    "stops_charging": ("stops_charging", read_flag, "true or false"),
    "confirmed_by_customer": ("confirmed_by_customer", read_flag, "true or false"),
    "person_may_end": ("person_may_end", read_flag, "true or false"),
    "code": ("code", read_text, "a fault code"),
    "advice": ("advice", read_text, "a text for agents"),
    "version": ("version", read_count, "a whole number of 1 or more"),
}


class Catalogue:
    """All rules by name, and by detector. `version` names them together with the dictionary."""

    def __init__(
        self,
        rules: Iterable[Rule],
        version: str = "",
        remedies: Mapping[str, Remedy] | None = None,
    ) -> None:
        self.rules: dict[str, Rule] = {rule.name: rule for rule in rules}
        self.version = version
        self.remedies = remedies or {}

    def remedy_of(self, codes: Collection[str], known: Remedy | None = None) -> Remedy | None:
        """Return what helps against a fault: what is known of its words, then of its codes.

        Of several codes the most careful counts: where one forbids a restart, nothing is done.
        About a danger nothing is done from afar, whatever a word says.
        """
        of_codes = [self.remedies[code] for code in codes if code in self.remedies]
        general = next(
            (one for one in of_codes if one.remote is RemoteAction.NOTHING),
            of_codes[0] if of_codes else None,
        )
        if known is None:
            return general
        helps = known.over(general)
        if DANGER.intersection(codes) and helps.remote is not RemoteAction.NOTHING:
            return msgspec.structs.replace(helps, remote=RemoteAction.NOTHING)
        return helps

    def of(self, detector: Detector) -> tuple[Rule, ...]:
        """Return the rules that use a detector, in the order of the catalogue."""
        return tuple(rule for rule in self.rules.values() if rule.detector is detector)

    def one(self, detector: Detector) -> Rule | None:
        """Return the rule of a detector that is used once; None where there is none."""
        rules = self.of(detector)
        return rules[0] if rules else None

    @property
    def reported(self) -> tuple[Rule, ...]:
        """The rules that live on what a station says of itself and its EVSEs."""
        return tuple(
            rule
            for rule in self.rules.values()
            if rule.detector not in OF_THE_LINK and rule.detector not in WIDER
        )
