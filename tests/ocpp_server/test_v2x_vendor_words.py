"""OCPP 2.x: many entries in one NotifyEvent say what each of them would say alone."""

import json
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import ErrorCleared, ErrorRaised
from domain.places import StationId
from ocpp_server.translate import Translation

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
STATION = StationId("N-001")


@st.composite
def entries(draw):
    """Entries about different components, each in one of the ways stations have."""
    found = []
    for number in range(draw(st.integers(1, 6))):
        entry = {
            "eventId": number,
            "timestamp": "2026-01-05T08:00:00Z",
            "trigger": draw(st.sampled_from(["Alerting", "Delta", "Periodic"])),
            "actualValue": draw(st.sampled_from(["true", "false", "31", "1", "0"])),
            "eventNotificationType": "CustomMonitor",
            "component": {"name": f"Part{number}", "evse": {"id": draw(st.integers(1, 3))}},
            "variable": {"name": draw(st.sampled_from(["Problem", "Active", "Temperature"]))},
        }
        optional = {
            "techCode": st.sampled_from(
                ["CX014", "none", "0x00", "PowerModuleFault", "Q;CX001"]
            ),
            "techInfo": st.sampled_from(["RCD triggered", "", "wrong password"]),
            "cleared": st.booleans(),
            "severity": st.integers(0, 9),
            "cause": st.integers(0, 6),
        }
        for name, values in optional.items():
            if draw(st.booleans()):
                entry[name] = draw(values)
        found.append(entry)
    return found


def errors(*said):
    """Let a station say entries, each list in a NotifyEvent; return errors by their key."""
    translation = Translation(station=STATION, protocol="ocpp2.1")
    told = []
    for number, data in enumerate(said):
        payload = {"generatedAt": "2026-01-05T08:00:00Z", "seqNo": 0, "eventData": data}
        frame = json.dumps([2, str(number), "NotifyEvent", payload]).encode()
        told += translation.received(frame, at=NOW, position=1)
    kinds = ErrorRaised | ErrorCleared
    return [
        (
            type(event).__name__,
            event.key,
            event.error,
            event.place,
            getattr(event, "severity", 0),
        )
        for event in told
        if isinstance(event, kinds)
    ]


@given(entries())
@settings(max_examples=80, deadline=None)
def test_entries_together_say_what_each_says_alone(said):
    assert errors(said) == errors(*([entry] for entry in said))


@given(entries(), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_the_order_of_entries_about_different_parts_does_not_matter(said, order):
    shuffled = [*said]
    order.shuffle(shuffled)
    assert sorted(map(repr, errors(shuffled))) == sorted(map(repr, errors(said)))


@given(entries())
@settings(max_examples=80, deadline=None)
def test_what_was_raised_is_ended_under_its_key_by_a_clear_of_the_same(said):
    raised = {key for kind, key, *_ in errors(said) if kind == "ErrorRaised"}
    ends = [{**entry, "cleared": True, "trigger": "Delta", "severity": 3} for entry in said]
    ended = {key for kind, key, *_ in errors(said, ends) if kind == "ErrorCleared"}
    assert raised <= ended
