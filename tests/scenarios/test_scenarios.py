"""What the contracts promise of a log, played through the whole core to the notice."""

from __future__ import annotations

import json


def test_scenario(scenario, play, mismatches):
    report = play(scenario)
    wrong = mismatches(scenario, report)
    assert not wrong, "\n".join(wrong)
    assert json.loads(json.dumps(report)) == report
    assert _order_is_kept(report)


def _order_is_kept(report):
    tickets = [(t["opened_at"], t["id"]) for t in report["tickets"]]
    notices = [(n["at"], n["ticket"], n["to"]) for n in report["notices"]]
    faults = [(f["raised_at"], f["place"]) for f in report["faults"]]
    stations = [s["id"] for s in report["stations"]]
    skipped = [s["line"] for s in report["skipped"]]
    return all(one == sorted(one) for one in (tickets, notices, faults, stations, skipped))
