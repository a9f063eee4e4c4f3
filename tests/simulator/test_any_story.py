"""Whatever happens to a station in whatever order, it stays a station."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.acts import Boot, Break, DialAgain, Drop, Leave, Return, SendRaw
from simulator.director import perform
from simulator.places import Report
from simulator.plan import Segment

REPORTS = [
    None,
    Report(code="GroundFailure"),
    Report(code="WeakSignal", status=""),
    Report(code="NoError"),
]
ACTS = st.one_of(
    st.builds(
        Break,
        station=st.just("S-1"),
        connector=st.integers(0, 2),
        report=st.sampled_from(REPORTS),
    ),
    st.sampled_from(
        [
            Drop(station="S-1"),
            Leave(station="S-1"),
            Leave(station="S-1", loses_power=True),
            Return(station="S-1"),
            Boot(station="S-1"),
            DialAgain(station="S-1"),
            SendRaw(station="S-1", frame="[2,"),
        ]
    ),
)
MOODS = st.sampled_from(["well", "away", "mute", "cross", "cut"])
STORY = st.lists(st.tuples(st.floats(0.01, 90.0), st.one_of(ACTS, MOODS)), max_size=25)


def _set_mood(central, mood):
    central.is_away = mood == "away"
    central.is_mute = mood == "mute"
    central.errors = {"StartTransaction": "InternalError"} if mood == "cross" else {}
    if mood == "cut":
        for wire in central.wires:
            wire.break_off()


@settings(max_examples=60, deadline=None)
@given(story=STORY)
def test_after_any_story_a_station_is_whole_again(make_stage, breaches_of, story):
    stage = make_stage()
    station = stage.station(
        evses=2, segment=Segment.PUBLIC, arrival_factor=20.0, world={"speed": 240.0}
    )
    station.start()
    for wait_s, happening in story:
        stage.run_for(wait_s)
        if isinstance(happening, str):
            _set_mood(stage.central, happening)
        else:
            perform(happening, station)
    _set_mood(stage.central, "well")
    for place in (station.place, *(evse.place for evse in station.evses)):
        if place.report is not None:
            station.report(place.number, None)
    station.come_back()
    stage.run_for(900.0)
    for _ in range(100):
        if not station.is_quiet:
            stage.run_for(0.05)

    assert station.is_up
    assert stage.counters.up_count == 1
    assert stage.counters.stray_count == 0
    frames = [frame for frame in stage.central.frames if frame.endswith("]")]
    assert not [frame for frame in frames if breaches_of(frame)]
    last = {}
    for body in stage.central.calls("StatusNotification"):
        last[body["connectorId"]] = (body["status"], body["errorCode"])
    for evse in station.evses:
        told, true = last[evse.place.number], (evse.place.status, evse.place.code)
        assert told == true, "the central system knows what is"
    _no_transaction_is_told_twice(frames)


def _no_transaction_is_told_twice(frames):
    """Once answered, a Start or Stop is not sent again, and registers never fall."""
    registers = {}
    stopped = []
    for frame in frames:
        _, _, action, body = json.loads(frame)
        if action == "StopTransaction":
            stopped.append((body["transactionId"], body["meterStop"], body["timestamp"]))
        if action == "StartTransaction":
            place = body["connectorId"]
            assert body["meterStart"] >= registers.get(place, 0)
            registers[place] = body["meterStart"]
    known = [number for number, *_ in set(stopped) if number >= 0]
    assert len(known) == len(set(known)), "two different stops of one transaction"
