"""What holds for every history: seeds of random decisions, contacts, actions and nights."""

from collections import defaultdict
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.events import ContactMade
from domain.faults import Change, Severity
from domain.places import CustomerId, StationId
from ticketing.commands import CloseTicket, RefusedError, SendNotice, TakeTicket

PLACES = ("N-001", "N-001/1", "N-001/2", "N-002/1", "S-001/1", "site:north")
SEVERITIES = tuple(Severity)
ENTITLED = {
    "north": {"depot@acme.example", "pm@acme.example"},
    "south": {"pm@acme.example"},
}

moves = st.lists(
    st.tuples(
        st.integers(0, 14 * 60),  # minutes since the move before
        st.sampled_from(PLACES),
        st.sampled_from(["toggle", "toggle", "toggle", "worsen", "improve", "flap", "inhibit",
                         "call", "take", "close"]),
        st.sampled_from(SEVERITIES),
        st.booleans(),  # danger, or a maintenance window over the end
    ),
    min_size=1,
    max_size=30,
)  # fmt: skip
stories = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def play(world, story, *, pauses=False, restarts=False):
    """Let a story happen; with pauses, time also passes in between; with restarts, we fall."""
    at = world.at(8)
    for number, (minutes, name, what, severity, flag) in enumerate(story):
        before = at
        at += timedelta(minutes=minutes)
        if pauses and minutes > 2:
            world.passes(before + (at - before) / 3)
            world.passes(before + (at - before) / 2)
        for given_ in inputs(world, at, name, what, severity, flag, number):
            try:
                world.take(at, given_)
            except RefusedError:
                continue
            assert world.wake_at is None or world.wake_at > at
        if restarts:
            world.restarts()
    world.passes(at + timedelta(days=3))
    return world


def inputs(world, at, name, what, severity, flag, number):
    rule = "site-dark" if name.startswith("site:") else "connector-faulted"
    live = world.live.get(f"{rule}@{name}")
    is_active = live is not None and live.cleared_at is None
    if what == "call":
        station = None if name.startswith("site:") else StationId(name.partition("/")[0])
        yield ContactMade(
            observed_at=at,
            customer=CustomerId("acme"),
            channel="phone",
            station=station,
            position=number + 1,
        )
    elif what in ("take", "close"):
        act = {"ticket": f"T-{1001 + number % 3}", "who": "kim", "key": f"k{number}"}
        yield TakeTicket(**act) if what == "take" else CloseTicket(why="done", **act)
    elif what == "toggle" and not is_active:
        is_danger = flag and severity is Severity.CRITICAL
        yield world.decision(
            at, Change.RAISED, name, rule=rule, severity=severity, is_danger=is_danger
        )
    elif what == "toggle":
        until = at + timedelta(hours=5) if flag else None
        yield world.decision(at, Change.CLEARED, name, rule=rule, quiet_until=until)
    elif is_active:
        yield from changes(world, at, name, rule, what, live)


def changes(world, at, name, rule, what, live):
    step = {"worsen": 1, "improve": -1}.get(what)
    if what == "flap":
        yield world.decision(at, Change.FLAPPING, name, rule=rule, is_flapping=True)
    elif what == "inhibit" and live.inhibited_by is None:
        yield world.decision(
            at, Change.INHIBITED, name, rule=rule, inhibited_by="site-dark@site:north"
        )
    elif what == "inhibit":
        yield world.decision(at, Change.RELEASED, name, rule=rule)
    elif step is not None and 0 <= live.severity.rank + step < len(SEVERITIES):
        change = Change.WORSENED if step > 0 else Change.IMPROVED
        severity = SEVERITIES[live.severity.rank + step]
        yield world.decision(at, change, name, rule=rule, severity=severity)


@stories
@given(story=moves)
def test_notices_go_to_the_entitled_with_a_reason_and_never_swamp_anybody(make_world, story):
    world = play(make_world(), story)
    sent = defaultdict(list)
    told = defaultdict(set)
    for notice in world.notices:
        ticket = world.tickets[notice.ticket]
        assert notice.to in ENTITLED[ticket.site]
        assert ticket.kind in ("fault", "site")
        if notice.reason == "opened":
            assert notice.to not in told[notice.ticket], "opened once"
            told[notice.ticket].add(notice.to)
        assert notice.to in told[notice.ticket], f"{notice.reason} to somebody not told"
        if not notice.is_danger:
            sent[notice.ticket, notice.to].append(notice.at)
    for moments in sent.values():
        for first, fifth in zip(moments, moments[4:], strict=False):
            assert fifth - first >= timedelta(hours=12)
    assert [t.title for t in world.tickets.values() if "notice about" in t.title] == []


@stories
@given(story=moves)
def test_resolved_and_reopened_alternate_for_every_reader(make_world, story):
    world = play(make_world(), story)
    last = {}
    for notice in world.notices:
        key = notice.ticket, notice.to
        if notice.reason == "resolved":
            assert last[key] != "resolved"
        elif notice.reason == "reopened":
            assert last[key] == "resolved"
        else:
            assert last.get(key) != "resolved"
        last[key] = notice.reason


@stories
@given(story=moves)
def test_a_fault_is_in_at_most_one_unresolved_ticket_and_states_fit(make_world, story):
    world = make_world()
    original = world._keep

    def watching(step):
        original(step)
        holders = defaultdict(int)
        for ticket in world.tickets.values():
            is_unresolved = ticket.state in ("new", "open", "waiting")
            assert is_unresolved == (ticket.resolved_at is None)
            active = [h for h in ticket.faults if h.is_active]
            assert is_unresolved or not active
            for held in active:
                holders[held.fault.fingerprint] += 1
        assert all(count == 1 for count in holders.values())

    world._keep = watching
    play(world, story)


@stories
@given(story=moves)
def test_asking_more_often_changes_nothing(make_world, story):
    once = play(make_world(), story)
    often = play(make_world(), story, pauses=True)
    assert often.notices == once.notices
    assert often.tickets == once.tickets


@stories
@given(story=moves)
def test_a_restart_after_every_step_changes_nothing(make_world, story):
    steady = play(make_world(), story)
    shaken = play(make_world(), story, restarts=True)
    assert [c.key for c in shaken.commands] == [c.key for c in steady.commands]
    assert shaken.notices == steady.notices
    assert shaken.tickets == steady.tickets


@stories
@given(story=moves)
def test_keys_never_repeat_and_revisions_only_grow(make_world, story):
    world = play(make_world(), story)
    keys = [command.key for command in world.commands]
    assert len(keys) == len(set(keys))
    revisions = defaultdict(int)
    for command in world.commands:
        if not isinstance(command, SendNotice):
            ticket = command.ticket
            assert ticket.revision == revisions[ticket.id] + 1
            revisions[ticket.id] = ticket.revision


@pytest.mark.parametrize("hours", [1, 30])
def test_the_desk_can_be_asked_late_and_tells_as_of_each_due_time(make_world, hours):
    world = make_world()
    world.raised(world.at(9), "N-001/1", severity=Severity.MINOR)
    world.passes(world.at(13) + timedelta(hours=hours))
    assert {notice.at for notice in world.notices} == {world.at(13)}
