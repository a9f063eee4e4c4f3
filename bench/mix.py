"""The load: which messages the stations send, as prepared frames, and the fleet they stand in.

60 % MeterValues of 10 samples (about 1.4 KB), 25 % Heartbeat, 15 % StatusNotification: what a
fleet in the field sends while most of it charges.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import msgspec

SHARES = {"MeterValues": 12, "Heartbeat": 5, "StatusNotification": 3}
"""Of twenty messages."""

VARIANTS = 1_000
"""Different bodies per kind, so that nothing profits from seeing one text again and again."""

_SPREAD_S = 60
"""Stations' clocks and reports are not of one second."""

_STATUSES = (
    "Available",
    "Preparing",
    "Charging",
    "Charging",
    "SuspendedEV",
    "SuspendedEVSE",
    "Finishing",
    "Available",
)
_PHASES = ("L1", "L2", "L3")
_REGISTER_WH = 4_815_000
_TRANSACTION = 481_516


def station_name(number: int) -> str:
    """Return the id of the n-th station, from 0."""
    return f"BENCH-{number:05}"


def write_fleet(folder: Path, stations: int, *, sites: int, evses: int = 2) -> Path:
    """Write a fleet folder (CSV) with the stations spread evenly over the sites."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[Sequence[object]]] = {
        "customers": [("id", "name"), *((f"c{n}", f"Customer {n}") for n in range(sites))],
        "contacts": [
            ("customer", "name", "role", "email"),
            *((f"c{n}", "Site", "site", f"site{n}@example.org") for n in range(sites)),
        ],
        "sites": [
            ("id", "customer", "name", "timezone"),
            *((f"s{n}", f"c{n}", f"Site {n}", "Europe/Berlin") for n in range(sites)),
        ],
        "stations": [
            ("id", "site", "evses", "vendor", "model"),
            *(
                (station_name(n), f"s{n % sites}", evses, "Benchmark", "B2")
                for n in range(stations)
            ),
        ],
    }
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder


@lru_cache(maxsize=2)
def payloads(at: datetime) -> dict[str, list[bytes]]:
    """Return the variants of every kind of message, as JSON payloads."""
    rng = random.Random(16)
    return {
        "MeterValues": [_meter_values(rng, at) for _ in range(VARIANTS)],
        "Heartbeat": [b"{}"],
        "StatusNotification": [_status(rng, index, at) for index in range(VARIANTS)],
    }


def boot() -> bytes:
    """Return a BootNotification's payload."""
    return msgspec.json.encode(
        {
            "chargePointVendor": "Benchmark",
            "chargePointModel": "B2",
            "chargePointSerialNumber": "0815",
            "firmwareVersion": "1.2.3",
        }
    )


def first_status(connector: int, at: datetime) -> bytes:
    """Return the status a station reports after its boot."""
    return _status_of(connector, "Available", at)


def order(station: int) -> list[str]:
    """Return the kinds of one round of twenty messages, in this station's own order."""
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    random.Random(station).shuffle(kinds)
    return kinds


def endless(station: int, at: datetime) -> Iterator[tuple[str, bytes]]:
    """Yield a station's messages as (action, payload) for ever."""
    bodies = payloads(at)
    kinds = order(station)
    turn = station
    while True:
        for kind in kinds:
            turn += 1
            yield kind, bodies[kind][turn % len(bodies[kind])]


def now_text(at: datetime) -> str:
    """Write a moment as stations do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(rng: random.Random, index: int, at: datetime) -> bytes:
    said_at = at - timedelta(seconds=rng.randrange(_SPREAD_S))
    return _status_of(rng.randint(1, 2), _STATUSES[index % len(_STATUSES)], said_at)


def _status_of(connector: int, status: str, at: datetime) -> bytes:
    return msgspec.json.encode(
        {
            "connectorId": connector,
            "errorCode": "NoError",
            "status": status,
            "timestamp": now_text(at),
        }
    )


def _meter_values(rng: random.Random, at: datetime) -> bytes:
    """Return what a healthy station says while it charges.

    All stations send from the same bodies, in any order: registers lie so close together that
    none falls by more than noise, or every station would be one with a broken meter.
    """
    amperes = rng.uniform(10, 32)
    samples: list[tuple[str, str, str, str | None]] = [
        ("Energy.Active.Import.Register", "Wh", str(_REGISTER_WH + rng.randrange(90)), None),
        ("Power.Active.Import", "W", f"{3 * 230 * amperes:.1f}", None),
        *(
            ("Current.Import", "A", f"{amperes + rng.uniform(-0.5, 0.5):.2f}", phase)
            for phase in _PHASES
        ),
        *(("Voltage", "V", f"{rng.uniform(225, 235):.1f}", phase) for phase in _PHASES),
        ("Current.Offered", "A", "32.00", None),
        ("Temperature", "Celsius", f"{rng.uniform(15, 45):.1f}", None),
    ]
    values = [
        {
            "value": value,
            "context": "Sample.Periodic",
            "format": "Raw",
            "measurand": measurand,
            **({"phase": phase} if phase else {}),
            "location": "Outlet",
            "unit": unit,
        }
        for measurand, unit, value, phase in samples
    ]
    measured_at = at - timedelta(seconds=rng.randrange(_SPREAD_S))
    return msgspec.json.encode(
        {
            "connectorId": rng.randint(1, 2),
            "transactionId": _TRANSACTION,
            "meterValue": [{"timestamp": now_text(measured_at), "sampledValue": values}],
        }
    )
