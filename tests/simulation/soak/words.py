"""What stations of 1.6, 2.0.1 and 2.1 say, as frames; the quirks of the corpus among them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

CORPUS = Path(__file__).parents[2] / "data" / "ocpp_frames.jsonl"
_CALL_WITH_ID = re.compile(r'^\s*\[\s*2\s*,\s*"((?:[^"\\]|\\.)*)"')
_BROKEN = (
    b'[2,"cut","StatusNotification",{"connectorId":1,"errorCode":"NoErr',
    b"\x00\xff\xfe no frame at all",
    b"pong",
    b'[3,"stray",{}]',
)
_POWERS_W = (3_680, 7_360, 11_040, 22_080, 50_000)


class Said(NamedTuple):
    """One call: its action, and its payload as JSON."""

    action: str
    payload: bytes


@dataclass
class Charging:
    """A transaction as its station counts it. `number` is ours to give in 1.6."""

    number: int
    meter_wh: int
    power_w: int
    seq: int = 0


def new_charging(number: int, meter_wh: int, pick: int) -> Charging:
    return Charging(number, meter_wh, _POWERS_W[pick % 5])


class Words16:
    """OCPP 1.6."""

    protocol = "ocpp1.6"

    def boot(self, serial: str) -> Said:
        return Said(
            "BootNotification",
            b'{"chargePointVendor":"Soak","chargePointModel":"S16",'
            b'"chargePointSerialNumber":"%b","firmwareVersion":"1.2.3"}' % serial.encode(),
        )

    def status(self, evse: int, word: str, error: str, at: bytes) -> Said:
        return Said(
            "StatusNotification",
            b'{"connectorId":%d,"errorCode":"%b","status":"%b","timestamp":"%b"}'
            % (evse, (error or "NoError").encode(), word.encode(), at),
        )

    def authorize(self, tag: str) -> Said:
        return Said("Authorize", b'{"idTag":"%b"}' % tag.encode())

    def start(self, evse: int, tag: str, charging: Charging, at: bytes) -> Said:
        return Said(
            "StartTransaction",
            b'{"connectorId":%d,"idTag":"%b","meterStart":%d,"timestamp":"%b"}'
            % (evse, tag.encode(), charging.meter_wh, at),
        )

    def meter(self, evse: int, charging: Charging, at: bytes) -> Said:
        return Said(
            "MeterValues",
            b'{"connectorId":%d,"transactionId":%d,"meterValue":[{"timestamp":"%b",'
            b'"sampledValue":[%b]}]}' % (evse, charging.number, at, _samples16(charging)),
        )

    def stop(self, evse: int, charging: Charging, at: bytes) -> Said:
        return Said(
            "StopTransaction",
            b'{"transactionId":%d,"meterStop":%d,"timestamp":"%b","reason":"EVDisconnected"}'
            % (charging.number, charging.meter_wh, at),
        )

    def chatter(self, turn: int, at: bytes) -> Said:
        if turn % 2:
            return Said("FirmwareStatusNotification", b'{"status":"Idle"}')
        return Said(
            "DataTransfer",
            b'{"vendorId":"Soak","messageId":"telemetry","data":"{\\"rssi\\":-%d}"}'
            % (50 + turn % 40),
        )


def _samples16(charging: Charging) -> bytes:
    return (
        b'{"value":"%d","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register",'
        b'"unit":"Wh"},{"value":"%d","measurand":"Power.Active.Import","unit":"W"},'
        b'{"value":"%.2f","measurand":"Current.Import","phase":"L1","unit":"A"},'
        b'{"value":"230.1","measurand":"Voltage","phase":"L1","unit":"V"}'
    ) % (charging.meter_wh, charging.power_w, charging.power_w / 690)


class Words2x:
    """OCPP 2.0.1 and 2.1, which agree in all that is said here."""

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol

    def boot(self, serial: str) -> Said:
        return Said(
            "BootNotification",
            b'{"reason":"PowerUp","chargingStation":{"vendorName":"Soak","model":"S2",'
            b'"serialNumber":"%b","firmwareVersion":"2.0.0"}}' % serial.encode(),
        )

    def status(self, evse: int, word: str, error: str, at: bytes) -> Said:
        if evse == 0:
            return Said(
                "NotifyEvent",
                b'{"generatedAt":"%b","seqNo":0,"tbc":false,"eventData":[{"eventId":1,'
                b'"timestamp":"%b","trigger":"Alerting","actualValue":"%b","eventNotification'
                b'Type":"HardWiredNotification","cleared":%b,"component":{"name":'
                b'"ChargingStation"},"variable":{"name":"Problem"}}]}'
                % (at, at, b"true" if error else b"false", b"false" if error else b"true"),
            )
        words = {"Available": "Available", "Faulted": "Faulted"}
        said = words.get(word, "Occupied").encode()
        return Said(
            "StatusNotification",
            b'{"timestamp":"%b","connectorStatus":"%b","evseId":%d,"connectorId":1}'
            % (at, said, evse),
        )

    def authorize(self, tag: str) -> Said:
        token = b'{"idToken":"%b","type":"ISO14443"}' % tag.encode()
        return Said("Authorize", b'{"idToken":%b}' % token)

    def start(self, evse: int, tag: str, charging: Charging, at: bytes) -> Said:
        extra = (
            b',"evse":{"id":%d,"connectorId":1},"idToken":{"idToken":"%b","type":"ISO14443"}'
        )
        return _transaction("Started", "Authorized", charging, at, extra % (evse, tag.encode()))

    def meter(self, evse: int, charging: Charging, at: bytes) -> Said:
        return _transaction("Updated", "MeterValuePeriodic", charging, at)

    def stop(self, evse: int, charging: Charging, at: bytes) -> Said:
        return _transaction("Ended", "EVDeparted", charging, at)

    def chatter(self, turn: int, at: bytes) -> Said:
        if turn % 2:
            return Said("FirmwareStatusNotification", b'{"status":"Idle"}')
        return Said(
            "SecurityEventNotification",
            b'{"type":"SettingSystemTime","timestamp":"%b","techInfo":"%d"}' % (at, turn),
        )


def _transaction(
    kind: str, trigger: str, charging: Charging, at: bytes, extra: bytes = b""
) -> Said:
    charging.seq += 1
    return Said(
        "TransactionEvent",
        b'{"eventType":"%b","timestamp":"%b","triggerReason":"%b","seqNo":%d,'
        b'"transactionInfo":{"transactionId":"T-%d","chargingState":"Charging"}%b,'
        b'"meterValue":[{"timestamp":"%b","sampledValue":[{"value":%d,"measurand":'
        b'"Energy.Active.Import.Register","unitOfMeasure":{"unit":"Wh"}},{"value":%d,'
        b'"measurand":"Power.Active.Import","unitOfMeasure":{"unit":"W"}}]}]}'
        % (
            kind.encode(),
            at,
            trigger.encode(),
            charging.seq - 1,
            charging.number,
            extra,
            at,
            charging.meter_wh,
            charging.power_w,
        ),
    )


Words = Words16 | Words2x
WORDS: tuple[Words, ...] = (Words16(), Words2x("ocpp2.0.1"), Words2x("ocpp2.1"))


class Odd(NamedTuple):
    """A frame of the corpus. `head` and `tail` stand around its id, where it has one."""

    frame: bytes
    head: bytes
    tail: bytes

    def with_id(self, message_id: bytes) -> bytes:
        return self.head + message_id + self.tail


def odd_frames(protocol: str) -> list[Odd]:
    """Return the corpus frames that stations of a version send, in its order."""
    version = protocol.removeprefix("ocpp")
    found = [Odd(frame, b"", b"") for frame in _BROKEN]
    for line in CORPUS.read_text().splitlines():
        row = json.loads(line)
        if row["version"] != version or row["direction"] != "cp->cs":
            continue
        frame = row["frame"]
        seen = _CALL_WITH_ID.match(frame)
        head, tail = (frame[: seen.start(1)], frame[seen.end(1) :]) if seen else ("", "")
        found.append(Odd(*(t.encode("utf-8", "surrogatepass") for t in (frame, head, tail))))
    return found
