"""Vendors, their models and their quirks, as data.

The quirks are ones that real stations are publicly known for; how often a vendor occurs in an
invented fleet says nothing about any market. `quirks.py` applies them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

JsonValue = str | int | float | bool | None
Members = tuple[tuple[str, JsonValue], ...]
"""Members of a JSON object, frozen."""


def members(**values: JsonValue) -> Members:
    """Write members down with the names they have in a frame."""
    return tuple(values.items())


class IdStyle(StrEnum):
    """How a station numbers its messages."""

    UUID = "uuid"
    COUNTER = "counter"  # begins at 1 after each boot
    DIGITS = "digits"  # ten random digits


class StampStyle(StrEnum):
    """How a station writes moments."""

    SECONDS = "seconds"  # 2026-01-05T08:00:00Z
    MILLIS = "millis"  # 2026-01-05T08:00:00.000Z
    OFFSET = "offset"  # 2026-01-05T09:00:00+01:00


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How the frames of a station differ from the plainest ones.

    `healthy` and `every_status` are members of StatusNotification, sent with NoError or always.
    `breaking_boot` and `breaking_faults` are members of BootNotification, and of
    StatusNotifications with an error, that the schema of OCPP 1.6 forbids or limits: those
    messages do not conform.
    """

    id_style: IdStyle = IdStyle.UUID
    stamp_style: StampStyle = StampStyle.SECONDS
    is_pretty: bool = False
    has_status_stamp: bool = True
    reports_station: bool = False  # a StatusNotification of connector 0 beside each other one
    skips_finishing: bool = False
    healthy: Members = ()
    every_status: Members = ()
    boot: Members = ()
    breaking_boot: Members = ()
    breaking_faults: Members = ()
    has_numeric_samples: bool = False  # sampled values as JSON numbers: breaks the schema

    @property
    def conforms(self) -> bool:
        """True when every frame keeps to the schemas of OCPP 1.6."""
        return not (self.breaking_boot or self.breaking_faults or self.has_numeric_samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of a vendor. `power_kw` is what one EVSE can give."""

    name: str
    power_kw: float = 11.0
    is_dc: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor as the simulator plays it."""

    name: str
    models: tuple[Model, ...]
    firmwares: tuple[str, ...]
    quirks: Quirks = field(default_factory=Quirks)

    def model(self, name: str) -> Model | None:
        """Return the model of that name, None if there is none."""
        return next((model for model in self.models if model.name == name), None)


VENDORS: tuple[Vendor, ...] = (
    Vendor(
        name="Alfen BV",
        models=(Model(name="NG910-60023"), Model(name="NG920-61031", power_kw=22.0)),
        firmwares=("6.4.0-4208", "6.5.1-4267"),
        quirks=Quirks(id_style=IdStyle.COUNTER, stamp_style=StampStyle.MILLIS),
    ),
    Vendor(
        name="Wall Box Chargers",
        models=(Model(name="PLP2-M-2-4"), Model(name="CPB1-S-2-4", power_kw=22.0)),
        firmwares=("5.17.67", "6.1.31", "6.6.12"),
        quirks=Quirks(
            id_style=IdStyle.DIGITS,
            reports_station=True,
            every_status=members(vendorId="com.wallbox"),
            healthy=members(info="", vendorErrorCode=""),
            boot=members(iccid="", imsi="", meterSerialNumber=""),
        ),
    ),
    Vendor(
        name="MENNEKES",
        models=(Model(name="AMTRON 4You 300"), Model(name="AMEDIO Pro", power_kw=22.0)),
        firmwares=("5.22.3", "5.33.0"),
        quirks=Quirks(
            reports_station=True,
            every_status=members(vendorId="MENNEKES"),
            healthy=members(info="Status Update"),
        ),
    ),
    Vendor(
        name="EV-BOX",
        models=(Model(name="G3-M5320E"), Model(name="B3322-55062", power_kw=22.0)),
        firmwares=("G3P0424B0000", "P0126B0017"),
        quirks=Quirks(healthy=members(info="No error.")),
    ),
    Vendor(
        name="ABL",
        models=(Model(name="eMH2"), Model(name="eMC3", power_kw=22.0)),
        firmwares=("1.9p5", "2.1"),
        quirks=Quirks(
            stamp_style=StampStyle.OFFSET,
            every_status=members(vendorId="ABL"),
            healthy=members(info="none", vendorErrorCode="none"),
        ),
    ),
    Vendor(
        name="Zaptec",
        models=(Model(name="ZAPTEC GO"), Model(name="ZAPTEC PRO", power_kw=22.0)),
        firmwares=("2.4.2.1", "2.6.0.4"),
        quirks=Quirks(skips_finishing=True),
    ),
    Vendor(
        name="alpitronic",
        models=(
            Model(name="HYC150", power_kw=150.0, is_dc=True),
            Model(name="HYC50", power_kw=50.0, is_dc=True),
        ),
        firmwares=("2.2.4", "2.3.1"),
        quirks=Quirks(reports_station=True, stamp_style=StampStyle.MILLIS),
    ),
    Vendor(
        name="Vestel",
        models=(Model(name="EVC04-AC22SW-T2P", power_kw=22.0), Model(name="EVC04-AC11")),
        firmwares=("v3.156.0", "v3.187.0"),
        quirks=Quirks(
            is_pretty=True,
            id_style=IdStyle.DIGITS,
        ),
    ),
    Vendor(
        name="ABB",
        models=(
            Model(name="CDT_TACW22::NET_WIFI", power_kw=22.0),
            Model(name="TACW11"),
            Model(name="Terra 124", power_kw=120.0, is_dc=True),
        ),
        firmwares=("V1.8.21", "V1.8.32"),
        quirks=Quirks(
            id_style=IdStyle.DIGITS,
            has_status_stamp=False,
            healthy=members(info="null", vendorErrorCode="0x0000"),
            # The schema allows 25 characters; some real serial numbers are longer.
            breaking_boot=members(chargeBoxSerialNumber="TACW2242222T6786::AUXILIARY-BOARD"),
        ),
    ),
    Vendor(
        name="Amina",
        models=(Model(name="Amina S"), Model(name="Amina S2", power_kw=22.0)),
        firmwares=("1.3.2", "1.4.0"),
        quirks=Quirks(
            every_status=members(vendorId="amina"),
            breaking_faults=members(severity=2),
        ),
    ),
    Vendor(
        name="OpenEVSE",
        models=(Model(name="openevse_wifi_v1", power_kw=7.4), Model(name="openevse_esp32")),
        firmwares=("4.1.7", "4.2.2"),
        quirks=Quirks(id_style=IdStyle.COUNTER, has_numeric_samples=True),
    ),
)
"""Vendor profiles, the commonest of an invented fleet first."""

UNKNOWN_VENDOR = Vendor(name="", models=(Model(name=""),), firmwares=("1.0.0",))
"""What a station of a vendor without a profile behaves like: plainly."""

_BY_NAME = {vendor.name.casefold(): vendor for vendor in VENDORS}


def vendor_named(name: str) -> Vendor:
    """Return the profile of a vendor, ignoring case; the plain one where there is none."""
    return _BY_NAME.get(name.casefold(), UNKNOWN_VENDOR)


def model_named(vendor: Vendor, name: str) -> Model:
    """Return a vendor's model, or an AC model of that name with 11 kW where it is unknown."""
    return vendor.model(name) or Model(name=name)
