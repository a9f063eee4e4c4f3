"""What the detectors of meters remember: a little per EVSE with a meter, a little per site."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.places import SiteId, StationId


class Metered(msgspec.Struct, gc=False):
    """One EVSE. Energies in Wh, power in W. The second half begins anew with a transaction."""

    register_wh: float | None = None
    register_at: datetime | None = None  # by the station's clock where it says, else by ours
    register_in: str = ""  # the transaction it was read in
    is_anew: bool = False  # a transaction began or ended since
    step_wh: float = 0.0  # the smallest step it made: it counts no finer
    peak_w: float = 0.0  # the most power ever seen here
    has_three: bool = False  # three phases carried current here once
    odd_phase: int = 0  # the phase that carried none while two others did; 0: none
    odd_count: int = 0  # transactions in a row in which that was so
    odd_tokens: list[str] = []  # of whom, each once
    three_count: int = 0  # transactions before them with three phases, the latest few
    empty_count: int = 0  # transactions in a row into which no energy went

    began_at: datetime | None = None
    charging_since: datetime | None = None
    first_wh: float | None = None  # the register when this transaction was first read
    flowed_wh: float = 0.0  # what power says went through
    read_at: datetime | None = None  # our clock: the last reading
    still_wh: float = 0.0  # what power says went through since the register last moved
    top_w: float = 0.0  # the most power of this transaction
    is_odd: bool = False  # `odd_count` has this transaction in it
    is_three: bool = False  # `three_count` has it
    token: str = ""  # who charges
    is_empty: bool = False  # it was seen to stay empty


class Share(msgspec.Struct, frozen=True, gc=False):
    """What one EVSE draws of its site's connection: amperes on each phase."""

    at: datetime
    currents: tuple[float, float, float]


class Metering(msgspec.Struct):
    """By station and EVSE; for the sites with a known limit, by site and place."""

    evses: dict[StationId, dict[int, Metered]] = {}
    serials: dict[StationId, str] = {}  # as of the last boot: another one has another meter
    shares: dict[SiteId, dict[str, Share]] = {}
