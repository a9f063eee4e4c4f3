"""Our answers write moments as every station reads them, whatever is asked, in any version."""

import json
import re
from datetime import UTC, datetime

import pytest

from domain.places import StationId
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v2x.requests import CALLS
from ocpp_server.v16.dialect import Dialect16
from ocpp_server.v16.messages import REQUESTS

STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, 0, 999_999, tzinfo=UTC)
CHAIN = {
    "certificateStatusRequests": [
        {
            "source": "OCSP",
            "urls": ["http://ocsp.example"],
            "certificateHashData": {
                "hashAlgorithm": "SHA256",
                "issuerNameHash": "aa",
                "issuerKeyHash": "bb",
                "serialNumber": "01",
            },
        }
    ]
}


def told(protocol, action):
    translation = Translation(station=STATION, protocol=protocol)
    dialect = (Dialect2x if protocol.startswith("ocpp2") else Dialect16)(STATION, translation)
    payload = CHAIN if action == "GetCertificateChainStatus" else {}
    frame = json.dumps([2, "1", action, payload]).encode()
    return dialect.receive(frame, now=NOW, position=1).answer.decode()


@pytest.mark.parametrize(
    ("protocol", "action"),
    [
        *(("ocpp1.6", action) for action in sorted(REQUESTS)),
        *(("ocpp2.0.1", action) for action in sorted(CALLS["v201"])),
        *(("ocpp2.1", action) for action in sorted(CALLS["v21"])),
    ],
)
def test_moments_are_whole_seconds_with_z_in_every_answer(protocol, action):
    # Quirk B8.
    answer = told(protocol, action)
    dated = re.findall(r"\d{4}-\d\d-\d\d[^\"]*", answer)
    assert set(dated) <= {"2026-01-05T08:00:00Z"}
    has_moment = action in {"BootNotification", "Heartbeat", "GetCertificateChainStatus"}
    assert bool(dated) is has_moment
