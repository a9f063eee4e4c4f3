"""A disk that takes nothing more: no answer is given for what is not kept; then all is well.

The limit on the size of files (RLIMIT_FSIZE) stands in for a full disk: every store of core
meets it at once, and it can be lifted without being root.
"""

from __future__ import annotations

import json
import resource
import socket

import httpx
import pytest

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="prlimit is Linux's"),
]

ROOM_BYTES = 4096
"""Less than one page of a store: nothing can be written at all."""


def readiness(service) -> tuple[int, str]:
    """Return the status of /readyz and what it says."""
    answer = httpx.get(service.url + "/readyz", timeout=10.0)
    return answer.status_code, answer.text


def test_nothing_is_answered_while_the_disk_is_full_and_nothing_is_lost(
    start_service, connect
) -> None:
    service = start_service()
    core = service.children()["core"]
    station = connect(service, "N-001", timeout_s=3.0)
    assert station.call("before", "DataTransfer", {"vendorId": "x"})[:2] == [3, "before"]

    limits = resource.prlimit(core, resource.RLIMIT_FSIZE)
    resource.prlimit(core, resource.RLIMIT_FSIZE, (ROOM_BYTES, limits[1]))
    status = {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"}
    said = json.dumps([2, "full", "StatusNotification", status])
    station.send(said)
    service.wait_for(lambda: readiness(service)[0] == 503, "it to say that it is not ready")
    assert "journal not writable" in readiness(service)[1]
    with pytest.raises(TimeoutError):
        station.receive()
    assert service.items("tickets") == []
    with socket.create_connection(("127.0.0.1", service.ocpp_port), 10.0) as late:
        late.sendall(
            b"GET /ocpp/N-002 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert late.recv(1000).startswith(b"HTTP/1.1 503 ")
    station.send(json.dumps([2, "unheard", "DataTransfer", {"vendorId": "x"}]))

    resource.prlimit(core, resource.RLIMIT_FSIZE, limits)
    service.wait_for(lambda: readiness(service)[0] == 200, "it to be ready again")
    answer = station.receive()
    assert isinstance(answer, bytes)
    assert json.loads(answer) == [3, "full", {}]
    assert station.call("after", "DataTransfer", {"vendorId": "x"})[:2] == [3, "after"]
    service.wait_for(
        lambda: len([t for t in service.items("tickets") if t["kind"] == "fault"]) == 1,
        "the ticket of the fault that waited",
    )
    service.wait_for(lambda: len(service.items("notices")) > 0, "its notice")
    frames = service.frames("N-001")
    assert frames.count(said.encode()) == 1
    assert not any(b'"unheard"' in frame for frame in frames)  # not kept, so never answered
    assert service.children()["core"] == core
    station.socket.close()
    assert service.stop() == 0
    positions = [entry.position for entry in service.entries()]
    assert positions == list(range(1, len(positions) + 1))
    service.assert_no_bug()
