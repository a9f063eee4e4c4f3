"""What every detector is given: registry, rules, and the ledger it tells what it saw."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.beliefs import Fleet
from domain.registry import Registry
from rules.catalogue import Catalogue
from rules.dictionary import Dictionary
from rules.ledger import Ledger
from rules.presence import Presence
from rules.readings import Readings
from rules.state import EngineState


@dataclass(frozen=True, slots=True)
class Workplace:
    """A detector's surroundings. `state` holds its memory: nothing is kept outside of it, or a
    restart would forget it."""

    registry: Registry
    catalogue: Catalogue
    dictionary: Dictionary
    state: EngineState
    ledger: Ledger
    presence: Presence
    readings: Readings = field(default_factory=Readings)

    @property
    def fleet(self) -> Fleet:
        """What is believed of the stations now."""
        return self.state.fleet
