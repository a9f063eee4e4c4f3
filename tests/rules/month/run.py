"""A month of a town through the engine: what was raised, and what of it has a cause."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.rule_files import load_rules
from domain.events import TransactionStarted
from domain.faults import Change, Decision, Fault
from rules.engine import Engine
from tests.rules.month.faults import Label, inject
from tests.rules.month.fleet import Town, build
from tests.rules.month.life import live
from tests.rules.month.noise import noisy

TRUE_BUT_PASSING = {"offline", "silent", "site-dark", "connection-flapping", "carrier-lost"}
"""Rules of the link: what they find in the noise is true (class B of 2.7), not judged here."""


@dataclass
class Played:
    """What came of a month."""

    stations: int
    events: int
    starts: int
    raised: list[Fault] = field(default_factory=list)
    unexplained: list[Fault] = field(default_factory=list)
    recall: dict[str, list[bool]] = field(default_factory=dict)


def month(seed: int, days: int, each: int) -> Played:
    """Play a month with `each` faults of every kind; 0: nothing but normal life and noise."""
    town = build(seed, days)
    said = live(town, seed, days)
    labels = list(inject(town, said, seed, days, each)) if each else []
    events = noisy(town, said, seed, days)
    catalogue, dictionary = load_rules()
    engine = Engine(town.registry, catalogue, dictionary)
    starts = sum(isinstance(event, TransactionStarted) for event in events)
    played = Played(len(town.bodies), len(events), starts)
    for event in events:
        for decision in engine.step(event.observed_at, event).decisions:
            if isinstance(decision, Decision) and decision.change is Change.RAISED:
                played.raised.append(decision.fault)
    played.unexplained = [
        fault
        for fault in played.raised
        if fault.rule not in TRUE_BUT_PASSING and not _has_cause(fault, labels, town)
    ]
    for label in labels:
        hits = played.recall.setdefault(label.kind, [])
        hits.append(any(_finds(fault, label, town) for fault in played.raised))
    return played


def _has_cause(fault: Fault, labels: list[Label], town: Town) -> bool:
    """Whether a fault is at a place with a label, once that has begun."""
    return any(
        _is_there(fault, label, town) and fault.raised_at >= label.begins for label in labels
    )


def _finds(fault: Fault, label: Label, town: Town) -> bool:
    if not fault.rule.startswith(label.rule) or not _is_there(fault, label, town):
        return False
    return label.begins <= fault.raised_at


def _is_there(fault: Fault, label: Label, town: Town) -> bool:
    if fault.place.station is None:
        site = town.registry.site_of(label.place)
        return site is not None and fault.place.name == site.id
    return fault.place.station == label.place.station
