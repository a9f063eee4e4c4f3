"""Replay as a whole: the report's shape, its bytes, and the command line around it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import yaml

FLEET = {
    "customers": [
        {
            "id": "acme",
            "name": "ACME [/b] Logistics",
            "contacts": [
                {"name": "Desk", "role": "site", "email": "desk@acme.example"},
                {"name": "PM", "role": "project_manager", "email": "pm@acme.example"},
            ],
        }
    ],
    "sites": [
        {
            "id": "north",
            "customer": "acme",
            "timezone": "Europe/Berlin",
            "stations": [{"id": f"N-{n:03}", "evses": 2} for n in range(1, 6)],
        }
    ],
}
KEYS = {
    "tickets": {
        "id", "kind", "state", "customer", "site", "stations", "places", "rules", "codes",
        "severity", "opened_at", "resolved_at", "reopened", "flapping", "late", "notified",
        "title",
    },
    "notices": {
        "at", "ticket", "customer", "to", "channel", "language", "reason", "subject", "text",
    },
    "faults": {"rule", "place", "raised_at", "cleared_at", "inhibited_by"},
    "stations": {"id", "online", "status", "firmware"},
    "skipped": {"line", "reason"},
}  # fmt: skip
SCALARS = {"told_first_rate", "unreadable", "nonconforming", "lines"}


@pytest.fixture
def fleet(tmp_path):
    file = tmp_path / "fleet.yaml"
    file.write_text(yaml.safe_dump(FLEET), "utf-8")
    return file


@pytest.fixture
def log(tmp_path):
    """Twelve hours of five stations, with faults, losses, calls, work and nonsense."""
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(made_up(random.Random(7))) + "\n", "utf-8")
    return file


def made_up(dice):
    at = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
    for number in range(600):
        at += timedelta(seconds=dice.randint(0, 140))
        moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        station = f"N-{dice.randint(1, 6):03}"
        line = {"at": moment, "station": station}
        match dice.randint(0, 19):
            case 0:
                line["event"] = "connected"
            case 1:
                line |= {"event": "disconnected", "code": 1006}
            case 2:
                line |= {"event": "contact", "customer": "acme", "channel": "phone"}
            case 3:
                line |= {"event": "received", "frame": "garbage"}
            case 4:
                yield "{broken"
                continue
            case 5 if number % 3 == 0:
                until = (at + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
                line |= {"event": "maintenance", "until": until}
            case _:
                status = dice.choice(["Faulted", "Faulted", "Available", "Charging"])
                error = dice.choice(["NoError", "InternalError", "GroundFailure", "Odd"])
                payload = {
                    "connectorId": dice.randint(0, 2),
                    "status": status,
                    "errorCode": error,
                }
                frame = json.dumps([2, str(number), "StatusNotification", payload])
                line |= {"event": "received", "frame": frame}
        yield json.dumps(line)


def replayed(run_cli, *arguments):
    result = run_cli("replay", *arguments, "--json")
    assert result.status == 0, result.err
    assert result.err == ""
    return json.loads(result.out)


def test_the_report_has_every_key_of_the_contract_and_one_document(run_cli, log, fleet):
    report = replayed(run_cli, log, "--fleet", fleet, "--until", "2026-01-06T08:00:00Z")
    assert set(report) == SCALARS | set(KEYS)
    for name, keys in KEYS.items():
        assert report[name], f"no {name}: the log has something for every list"
        for entry in report[name]:
            assert keys <= set(entry)
    assert report["lines"] == 600


def test_moments_are_utc_with_a_z_and_lists_are_in_order(run_cli, log, fleet):
    report = replayed(run_cli, log, "--fleet", fleet)
    for name, key, then in (
        ("tickets", "opened_at", "id"),
        ("notices", "at", "ticket"),
        ("faults", "raised_at", "place"),
    ):
        order = [(entry[key], entry[then]) for entry in report[name]]
        assert order == sorted(order)
        for entry in report[name]:
            assert entry[key].endswith("Z")
            assert datetime.fromisoformat(entry[key]).tzinfo is UTC
    for ticket in report["tickets"]:
        for key in ("stations", "places", "rules", "codes"):
            assert ticket[key] == sorted(set(ticket[key]))


def test_a_log_in_two_files_is_the_same_log(run_cli, log, fleet, tmp_path):
    lines = log.read_text("utf-8").splitlines()
    good = [line for line in lines if line != "{broken"]
    whole = tmp_path / "whole.jsonl"
    whole.write_text("\n".join(good), "utf-8")
    parts = [tmp_path / "early.jsonl", tmp_path / "late.jsonl"]
    parts[0].write_text("\n".join(good[:250]), "utf-8")
    parts[1].write_text("\n".join(good[250:]), "utf-8")
    assert replayed(run_cli, *parts, "--fleet", fleet) == replayed(
        run_cli, whole, "--fleet", fleet
    )


def test_ticks_in_between_change_nothing_but_the_count_of_lines(run_cli, log, fleet, tmp_path):
    ticks = tmp_path / "ticks.jsonl"
    start = datetime(2026, 1, 5, 6, 0, 30, tzinfo=UTC)
    moments = [start + timedelta(minutes=7) * n for n in range(150)]
    ticks.write_text(
        "\n".join(json.dumps({"at": at.isoformat(), "event": "tick"}) for at in moments),
        "utf-8",
    )
    until = ("--until", "2026-01-06T08:00:00Z")
    without = replayed(run_cli, log, "--fleet", fleet, *until)
    with_ticks = replayed(run_cli, log, ticks, "--fleet", fleet, *until)
    assert with_ticks.pop("lines") == without.pop("lines") + len(moments)
    named = [{k: v for k, v in line.items() if k != "file"} for line in with_ticks["skipped"]]
    assert named == without["skipped"]
    del with_ticks["skipped"], without["skipped"]
    assert with_ticks == without


@pytest.mark.e2e
def test_two_runs_print_the_same_bytes_whatever_the_hash_seed_and_the_zone(log, fleet):
    printed = set()
    for seed, zone in (("0", "UTC"), ("1", "America/New_York"), ("4711", "Asia/Tokyo")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone}
        run = subprocess.run(
            [sys.executable, "-m", "app", "replay", log, "--fleet", fleet, "--json"],
            capture_output=True,
            env=environment,
            timeout=60,
            check=True,
        )
        printed.add(run.stdout)
    assert len(printed) == 1


def test_an_empty_log_is_an_empty_report(run_cli, fleet, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    report = replayed(run_cli, empty, "--fleet", fleet, "--until", "2026-01-06T08:00:00Z")
    assert report["tickets"] == report["notices"] == report["faults"] == report["skipped"] == []
    assert report["told_first_rate"] is None
    assert (report["unreadable"], report["nonconforming"], report["lines"]) == (0, 0, 0)
    assert [station["online"] for station in report["stations"]] == [None] * 5


def test_for_people_it_prints_tickets_and_notices_whatever_words_they_hold(
    run_cli, fleet, tmp_path
):
    log = tmp_path / "log.jsonl"
    call = {
        "at": "2026-01-05T08:00:00Z",
        "event": "contact",
        "customer": "acme",
        "channel": "phone",
        "text": "it says [/bold] and [red]",
    }
    fault = {
        "at": "2026-01-05T11:00:00Z",
        "event": "received",
        "station": "N-001",
        "frame": '[2,"1","StatusNotification",'
        '{"connectorId":1,"status":"Faulted","errorCode":"GroundFailure"}]',
    }
    log.write_text("\n".join([json.dumps(call), json.dumps(fault), "[/oops]"]), "utf-8")
    result = run_cli("replay", log, "--fleet", fleet)
    assert result.status == 0, result.err
    assert "desk@acme.example" in result.out
    assert "it says [/bold] and [red]" in result.out
    assert "line 3" in result.out


# --- what a person may get wrong --------------------------------------------------------------


def test_a_log_that_is_not_there_is_named(run_cli, log, fleet, tmp_path):
    result = run_cli("replay", log, tmp_path / "none.jsonl", "--fleet", fleet, "--json")
    assert (result.status, result.out) == (2, "")
    assert "none.jsonl" in result.err


def test_a_folder_is_no_log(run_cli, fleet, tmp_path):
    result = run_cli("replay", tmp_path, "--fleet", fleet, "--json")
    assert (result.status, result.out) == (2, "")
    assert str(tmp_path) in result.err


def test_a_fleet_that_is_not_there_is_named(run_cli, log, tmp_path):
    result = run_cli("replay", log, "--fleet", tmp_path / "none.yaml", "--json")
    assert (result.status, result.out) == (2, "")
    assert "none.yaml" in result.err


def test_a_bad_fleet_is_told_with_file_and_line(run_cli, log, tmp_path):
    fleet = tmp_path / "bad.yaml"
    fleet.write_text("customers:\n  - id: acme\n    name: ACME\n    colour: red\n", "utf-8")
    result = run_cli("replay", log, "--fleet", fleet, "--json")
    assert (result.status, result.out) == (2, "")
    assert f"{fleet}:4" in result.err


@pytest.mark.parametrize("until", ["soon", "2026-01-05", "2026-01-05T08:00:00", ""])
def test_a_moment_without_a_zone_is_no_moment(run_cli, log, fleet, until):
    result = run_cli("replay", log, "--fleet", fleet, "--until", until, "--json")
    assert (result.status, result.out) == (2, "")
    assert "until" in result.err.lower() or until in result.err


def test_rules_that_are_not_there_are_named(run_cli, log, fleet, tmp_path):
    missing = tmp_path / "rules"
    result = run_cli("replay", log, "--fleet", fleet, "--rules", missing, "--json")
    assert (result.status, result.out) == (2, "")
    assert "rules" in result.err


def test_without_a_fleet_the_usage_says_so(run_cli, log):
    result = run_cli("replay", log, "--json")
    assert (result.status, result.out) == (2, "")
    assert "--fleet" in result.err
