import json
from datetime import UTC, datetime
from random import Random

import pytest

from simulator.dress import Dresser
from simulator.places import Report
from simulator.plan import Segment
from simulator.vendors import VENDORS, IdStyle, Quirks, StampStyle, model_named, vendor_named

CASES = [(vendor, model) for vendor in VENDORS for model in vendor.models]


def _busy_week(stage, vendor, model):
    """Everything a station ever says: life, faults on all places, triggers, chatter."""
    station = stage.station(
        evses=2,
        vendor=vendor.name,
        model=model.name,
        segment=Segment.PUBLIC,
        chatter_s=600.0,
        boots_on_return=True,
        world={"speed": 120.0},
    )
    station.start()
    for number in range(3):
        stage.run_for(400.0)
        report = Report(
            code="OtherError", vendor_id="com.example", vendor_code="17", text="broken"
        )
        station.report(number, report)
        stage.run_for(100.0)
        station.report(number, None)
        station.evses[0].say_meter("Trigger")
        stage.run_for(100.0)
        station.link.drop()
    stage.run_for(4000.0)
    return stage.central.frames


@pytest.mark.parametrize(("vendor", "model"), CASES, ids=lambda item: item.name)
def test_a_vendor_breaks_the_schema_only_where_its_data_says_so(
    stage, breaches_of, vendor, model
):
    frames = _busy_week(stage, vendor, model)
    actions = {json.loads(frame)[2] for frame in frames}
    assert actions == {
        "BootNotification", "StatusNotification", "Heartbeat", "Authorize", "DataTransfer",
        "StartTransaction", "StopTransaction", "MeterValues",
    }  # fmt: skip
    broken = {json.loads(frame)[2] for frame in frames if breaches_of(frame)}
    quirks = vendor.quirks
    declared = {
        action
        for action, breaks in (
            ("BootNotification", quirks.breaking_boot),
            ("StatusNotification", quirks.breaking_faults),
            ("MeterValues", quirks.has_numeric_samples),
        )
        if breaks
    }
    assert broken == declared
    assert quirks.conforms == (not declared)


def test_a_vendor_breaks_only_a_small_part_of_its_statuses(stage, breaches_of):
    vendor = vendor_named("Amina")
    frames = _busy_week(stage, vendor, vendor.models[0])
    statuses = [f for f in frames if json.loads(f)[2] == "StatusNotification"]
    broken = [f for f in statuses if breaches_of(f)]
    assert broken
    assert all(json.loads(frame)[3]["errorCode"] != "NoError" for frame in broken)


def test_words_for_no_error_never_hide_what_a_fault_says(stage):
    station = stage.settled(vendor="ABL", model="eMH2")
    station.report(1, Report(code="InternalError", vendor_code="F3", text="relay"))
    stage.run_for(1.0)
    station.report(1, None)
    stage.run_for(1.0)
    broken, healed = stage.central.calls("StatusNotification")
    assert (broken["info"], broken["vendorErrorCode"]) == ("relay", "F3")
    assert (healed["info"], healed["vendorErrorCode"]) == ("none", "none")


def test_some_vendors_tell_the_station_beside_each_evse(stage):
    station = stage.settled(vendor="Wall Box Chargers", model="PLP2-M-2-4")
    station.report(1, Report(code="InternalError"))
    stage.run_for(1.0)
    numbers = [body["connectorId"] for body in stage.central.calls("StatusNotification")]
    assert numbers == [1, 0]


def test_pretty_frames_span_lines_and_still_are_one_message(stage):
    station = stage.settled(vendor="Vestel", model="EVC04-AC11")
    station.say_heartbeat()
    frame = stage.central.frames[-1]
    assert "\n" in frame
    assert json.loads(frame)[2] == "Heartbeat"


@pytest.mark.parametrize(
    ("style", "stamp"),
    [
        (StampStyle.SECONDS, "2026-01-05T08:00:00Z"),
        (StampStyle.MILLIS, "2026-01-05T08:00:00.042Z"),
        (StampStyle.OFFSET, "2026-01-05T09:00:00+01:00"),
    ],
)
def test_moments_are_written_in_the_vendors_way_and_mean_the_same(style, stamp):
    moment = datetime(2026, 1, 5, 8, 0, 0, 42_000, tzinfo=UTC)
    written = Dresser(Quirks(stamp_style=style), Random(1)).stamp(moment)
    assert written == stamp
    assert abs((datetime.fromisoformat(written) - moment).total_seconds()) < 1


def test_a_wrong_clock_shifts_stamps_only(stage):
    station = stage.settled(clock_offset_s=7200.0)
    station.say_status(station.place)
    assert stage.central.calls("StatusNotification")[0]["timestamp"] == "2026-01-05T10:00:02Z"


def test_counting_vendors_begin_at_one_with_each_boot():
    dresser = Dresser(Quirks(id_style=IdStyle.COUNTER), Random(1))
    assert [dresser.message_id() for _ in range(3)] == ["1", "2", "3"]
    dresser.restart()
    assert dresser.message_id() == "1"


def test_unknown_vendors_and_models_behave_plainly():
    assert vendor_named("ALFEN BV").name == "Alfen BV"
    vendor = vendor_named("Nobody")
    assert vendor.quirks == Quirks()
    assert not model_named(vendor, "X").is_dc
