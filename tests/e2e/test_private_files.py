"""What the service writes names customers and their people: no other user may read it."""

import pytest

pytestmark = pytest.mark.e2e


def test_no_file_of_the_service_can_be_read_by_another_user(start_service, connect) -> None:
    service = start_service()
    station = connect(service, "N-001")
    fault = {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"}
    station.call("f", "StatusNotification", fault)
    service.wait_for(lambda: list(service.data.glob("mail/*.eml")), "the mail")
    service.stop()
    # What the test itself put there is its own matter.
    files = [path for path in service.data.rglob("*") if path.name != "fleet.yaml"]
    assert {"tickets.db", "snapshot", "core.lock"} <= {path.name for path in files}
    assert [str(path) for path in files if path.stat().st_mode & 0o077] == []
