"""What the doctor makes of facts. Pure: values in, findings out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.doctor import CHECKS, bad_settings, doctor_reference, examine
from app.doctor_facts import (
    CertificateFacts,
    ClockFacts,
    DataFacts,
    Facts,
    FleetFacts,
    Grade,
    PortFacts,
    ServiceFacts,
    StoreFacts,
)
from app.settings import Settings
from domain.places import StationId

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CHAIN = Path("/etc/chain.pem")
TLS = {"tls_cert": "/etc/chain.pem", "tls_key": "/etc/key.pem"}
N1 = StationId("N-1")


def well(**settings):
    """Settings with which nothing is to be said."""
    return Settings(
        data=Path("/data"),
        **{"smtp": {"host": "mail.example.org", "from": "desk@example.org"}, **settings},
        texts={"phone": "+49 30 23125 100"},
    )


def facts(settings=None, **changed):
    found = {
        "data": DataFacts(folder=Path("/data"), free_bytes=100 * 10**9, sync_ms=1.0),
        "fleet": FleetFacts(path=Path("/fleet.yaml"), stations=frozenset({N1})),
        "passwords": frozenset({N1}),
        "clock": ClockFacts(now=NOW, is_synchronised=True),
        "ports": (PortFacts(setting="http.port", host="::1", port=8000, state="free"),),
    }
    return Facts(settings=settings or well(), **found | changed)


def told(check, facts):
    """What one check says, as lines; what is not well says what to do."""
    findings = [finding for finding in examine(facts) if finding.check == check]
    assert all(bool(finding.do) == (finding.grade is not Grade.OK) for finding in findings)
    return [f"{finding.grade.value}: {finding.says}" for finding in findings]


def data(**changed):
    return DataFacts(**{"folder": Path("/data"), "free_bytes": 100 * 10**9} | changed)


def certificate(**changed):
    usual = {"file": CHAIN, "subject": "ocpp.example.org", "names": ("ocpp.example.org",)}
    times = {"begins_at": NOW - timedelta(days=1), "ends_at": NOW + timedelta(days=60)}
    return CertificateFacts(**usual | times | changed)


def test_every_check_says_something_and_all_can_be_well() -> None:
    findings = examine(facts())
    assert {finding.check for finding in findings} == {"settings", *CHECKS}
    assert [finding for finding in findings if finding.grade is not Grade.OK] == []


def test_bad_settings_are_told_mistake_by_mistake() -> None:
    first, second = bad_settings(["a.toml:1: port: expected ...", "b"])
    assert (first.check, first.grade) == ("settings", Grade.PROBLEM)
    assert second.says == "b"


def test_the_reference_has_a_line_for_each_check() -> None:
    assert doctor_reference().count("\n") == len(CHECKS) + 3


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (data(refusal="Read-only file system"), "problem: /data cannot be written: Read-only"),
        (data(is_there=False), "ok: /data is not there yet"),
        (data(is_private=False), "warning: other users can look into /data"),
        (data(), "ok: /data can be written"),
    ],
)
def test_the_data_directory_is_judged(found, says) -> None:
    [said] = told("data", facts(data=found))
    assert said.startswith(says)


def test_a_disk_that_is_nearly_full_is_a_problem() -> None:
    said = told("data", facts(data=data(free_bytes=10**8)))
    assert said[-1] == "problem: 0.1 GB are free on its disk"


@pytest.mark.parametrize(
    ("sync_ms", "grade"), [(None, "ok"), (24.9, "ok"), (25.0, "warning"), (250.0, "problem")]
)
def test_a_slow_disk_is_told(sync_ms, grade) -> None:
    [said] = told("disk-speed", facts(data=data(sync_ms=sync_ms)))
    assert said.startswith(f"{grade}: ")


@pytest.mark.parametrize(
    ("found", "grade", "most"),
    [
        (data(free_bytes=22 * 10**9), "ok", "20.0"),  # nothing known: the most it may take
        (data(free_bytes=20 * 10**9), "warning", "20.0"),
        (data(free_bytes=8 * 10**9, journal_bytes=10**9, journal_days=5), "ok", "6.0"),
        (data(free_bytes=5 * 10**9, journal_bytes=10**9, journal_days=5), "warning", "6.0"),
    ],
)
def test_the_journal_must_fit_as_it_grew_until_now(found, grade, most) -> None:
    [said] = told("retention", facts(data=found))
    assert said.startswith(f"{grade}: ")
    assert f"up to {most} GB" in said


def test_stores_are_judged_one_by_one() -> None:
    stores = (
        StoreFacts(name="a.db"),
        StoreFacts(name="b.db", trouble="file is not a database"),
        StoreFacts(name="c.db", version="newer"),
        StoreFacts(name="d.db", version="older"),
    )
    assert [line.split(" is ")[0] for line in told("stores", facts(stores=stores))] == [
        "problem: b.db cannot be read: file",
        "problem: c.db",
        "ok: d.db",
    ]
    assert told("stores", facts(stores=stores[:1])) == ["ok: a.db: readable"]
    assert told("stores", facts())[0].startswith("ok: none yet")


@pytest.mark.parametrize(
    ("limit", "stations", "grade"),
    [(65_536, 1, "ok"), (1_024, 1, "warning"), (1_024, 600, "problem")],
)
def test_open_files_are_counted_against_the_fleet(limit, stations, grade) -> None:
    known = frozenset(StationId(f"N-{number}") for number in range(stations))
    fleet = FleetFacts(path=Path("/f"), stations=known)
    [said] = told("open-files", facts(fleet=fleet, file_limit=limit))
    assert said.startswith(f"{grade}: ")


def test_a_service_that_takes_no_stations_on_is_a_problem() -> None:
    service = ServiceFacts(is_running=True, reasons=("journal not writable: full",))
    [said] = told("service", facts(service=service))
    assert said.startswith("problem: runs, and takes no stations on: journal not writable")
    assert told("service", facts(service=ServiceFacts(is_running=True))) == [
        "ok: runs and is ready"
    ]


@pytest.mark.parametrize(
    ("state", "grade"),
    [
        ("free", "ok"),
        ("ours", "ok"),
        ("any", "ok"),
        ("taken", "problem"),
        ("refused", "problem"),
    ],
)
def test_a_port_is_free_or_ours(state, grade) -> None:
    port = PortFacts(setting="ocpp.port", host="h", port=9000, state=state, said="no")
    [said] = told("ports", facts(ports=(port,)))
    assert said.startswith(f"{grade}: ocpp.port ")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, "ok: ocpp.example.org (ocpp.example.org): in force until 2026-03-06"),
        ({"trouble": "no key"}, "problem: no key"),
        ({"ends_at": NOW}, "problem: ocpp.example.org (ocpp.example.org) has expired on"),
        (
            {"ends_at": NOW + timedelta(days=29)},
            "warning: ocpp.example.org (ocpp.example.org) expires on 2026-02-03",
        ),
        (
            {"begins_at": NOW + timedelta(1)},
            "problem: ocpp.example.org (ocpp.example.org) is in",
        ),
    ],
)
def test_a_certificate_is_judged_by_its_days(changed, says) -> None:
    for check, found in (
        ("certificate", {"certificate": certificate(**changed)}),
        ("client-ca", {"client_ca": (certificate(**changed),)}),
    ):
        settings = well(ocpp={**TLS, "tls_client_ca": "/etc/ca.pem"})
        [said] = told(check, facts(settings, **found))
        assert said.startswith(says)


def test_a_certificate_is_judged_by_chain_name_and_key() -> None:
    found = certificate(lacks_issuer="R11", names=(), is_key_open=True)
    said = told("certificate", facts(well(ocpp=TLS), certificate=found))
    assert [line.split(":")[0] for line in said] == ["ok", "warning", "warning", "warning"]
    assert "R11" in said[1]


def test_loopback_lets_nobody_in_who_is_not_here_already() -> None:
    [said] = told("access", facts(well(ocpp={"allow_empty_password": True})))
    assert said.startswith("ok: ")


@pytest.mark.parametrize(
    ("ocpp", "grades"),
    [
        ({}, ["problem"]),
        (TLS | {"unknown_stations": "refuse"}, ["ok"]),
        (TLS, ["warning"]),
        ({"insecure": True, "unknown_stations": "refuse"}, ["warning"]),
        ({"insecure": True, "allow_empty_password": True}, ["warning"] * 3),
    ],
)
def test_an_open_address_is_judged_by_what_it_lets_in(ocpp, grades) -> None:
    said = told("access", facts(well(host="0.0.0.0", ocpp=ocpp)))
    assert [line.split(":")[0] for line in said] == grades


def test_a_start_that_would_be_refused_says_why_and_what_to_do() -> None:
    settings = well(host="0.0.0.0", ocpp=TLS)
    [said] = told("access", facts(settings, passwords=frozenset()))
    assert said.startswith("problem: the service refuses to start: 0.0.0.0 is not loopback")


@pytest.mark.parametrize(
    ("host", "authorize", "count", "grade"),
    [
        ("127.0.0.1", "accept", 0, "ok"),
        ("0.0.0.0", "accept", 5, "warning"),
        ("0.0.0.0", "list", 5, "ok"),
        ("127.0.0.1", "list", 0, "problem"),
    ],
)
def test_who_may_charge_is_judged(host, authorize, count, grade) -> None:
    settings = well(host=host, ocpp=TLS | {"authorize": authorize})
    [said] = told("tokens", facts(settings, token_count=count))
    assert said.startswith(f"{grade}: ")


def test_mail_that_does_not_leave_is_a_problem_and_none_set_a_warning() -> None:
    assert told("mail", facts(mail_trouble="no route"))[0] == (
        "problem: mail.example.org:587: no route"
    )
    assert told("mail", facts(well(smtp={})))[0].startswith("warning: no mail server is set")
    silent = Settings(smtp={"host": "mail.example.org"})
    assert [line.split(" ")[0] for line in told("mail", facts(silent))] == [
        "ok:",
        "warning:",
        "warning:",
    ]


@pytest.mark.parametrize(
    ("found", "grade"),
    [
        (FleetFacts(), "warning"),
        (FleetFacts(path=Path("/f"), mistakes=("a", "b", "c", "d")), "problem"),
        (FleetFacts(path=Path("/f"), sites_without_readers=2), "warning"),
    ],
)
def test_the_fleet_is_judged(found, grade) -> None:
    [said] = told("fleet", facts(fleet=found))
    assert said.startswith(f"{grade}: ")
    assert ("and 1 more" in said) == bool(found.mistakes)


@pytest.mark.parametrize("check", ["secret", "rules", "zones"])
def test_other_troubles_are_problems_as_they_are_worded(check) -> None:
    name = "time-zones" if check == "zones" else check
    assert told(name, facts(**{f"{check}_trouble": "gone"})) == ["problem: gone"]


@pytest.mark.parametrize(
    ("changed", "grade"),
    [
        ({}, "ok"),
        ({"is_synchronised": True}, "ok"),
        ({"is_synchronised": False}, "warning"),
        ({"drift_s": -3.0}, "warning"),
        ({"newest_file": "snapshot", "newest_file_at": NOW + timedelta(seconds=60)}, "ok"),
        ({"newest_file": "snapshot", "newest_file_at": NOW + timedelta(hours=1)}, "problem"),
    ],
)
def test_the_clock_is_judged_by_files_jumps_and_ntp(changed, grade) -> None:
    [said] = told("clock", facts(clock=ClockFacts(now=NOW, **changed)))
    assert said.startswith(f"{grade}: ")
