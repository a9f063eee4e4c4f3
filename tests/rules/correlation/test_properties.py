"""Random fleets and outages, through engine and desk: what holds whatever goes together."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pipeline import Pipeline
from app.rule_files import load_rules
from app.site_view import BelievedSites
from domain.events import Connected, Disconnected, Heard, ServiceStarted, ServiceStopped
from domain.faults import Change, Decision
from domain.places import CustomerId, SiteId, StationId
from domain.registry import Contact, Customer, Registry, Role, Site, Station
from domain.tickets import NoticeReason, TicketKind
from rules.engine import Engine
from rules.state import EngineState
from ticketing.commands import SendNotice
from ticketing.desk import Desk
from ticketing.settings import DeskSettings

CATALOGUE, DICTIONARY = load_rules()
START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
BEAT = timedelta(minutes=10)
some = settings(max_examples=25, deadline=None)


def fleet(plan):
    """A registry of one site per entry: (stations, carrier), each of its own customer."""
    customers, sites = [], []
    for number, (count, carrier) in enumerate(plan):
        customer = CustomerId(f"c{number}")
        reader = Contact(name="Desk", role=Role.SITE, email=f"c{number}@example.com")
        customers.append(Customer(id=customer, name=customer, contacts=(reader,)))
        sites.append(
            Site(
                id=SiteId(f"s{number}"),
                customer=customer,
                timezone="Europe/Berlin",
                carrier=carrier,
                stations=tuple(
                    Station(id=StationId(f"s{number}-{n}"), evses=1) for n in range(count)
                ),
            )
        )
    return Registry(tuple(customers), tuple(sites))


class House:
    """Engine and desk over a fleet, and everything that came of a timeline."""

    def __init__(self, registry, state=None):
        self.registry = registry
        self.engine = Engine(registry, CATALOGUE, DICTIONARY, state)
        desk = Desk(
            registry,
            DeskSettings(is_rehearsal=True),
            status_page=lambda _, ticket: f"/s/{ticket}",
            view=BelievedSites(registry, self.engine),
        )
        self.pipeline = Pipeline(self.engine, desk)
        self.tickets, self.notices, self.decisions = {}, [], []

    def feed(self, at, *events):
        outcome = self.pipeline.feed(at, events)
        self.decisions += [d for d in outcome.decisions if isinstance(d, Decision)]
        for command in outcome.commands:
            if isinstance(command, SendNotice):
                self.notices.append(command.notice)
            else:
                self.tickets[command.ticket.id] = command.ticket

    def play(self, events, until):
        for event in events:
            self.feed(event.observed_at, event)
        self.feed(until)


def links(registry, outages, until, restarts=()):
    """The events of outages: (stations, from minute, to minute), and signs of life between."""
    away = defaultdict(list)
    for stations, first, last in outages:
        for number, station in enumerate(sorted(stations)):
            jitter = timedelta(seconds=number % 7)
            away[station].append(
                (
                    START + timedelta(minutes=first) + jitter,
                    START + timedelta(minutes=last) + jitter,
                )
            )
    events = [Connected(observed_at=START, station=s) for s in registry.stations]
    for station in registry.stations:
        spans = merged(away[station])
        for lost_at, back_at in spans:
            events.append(Disconnected(observed_at=lost_at, station=station))
            events.append(Connected(observed_at=back_at, station=station))
        beat = START + BEAT
        while beat <= until:
            if not any(lost_at <= beat <= back_at for lost_at, back_at in spans):
                events.append(Heard(observed_at=beat, station=station))
            beat += BEAT
    for minute in restarts:
        down = START + timedelta(minutes=minute)
        up = down + timedelta(minutes=2)
        events += [ServiceStopped(observed_at=down), ServiceStarted(observed_at=up)]
        for station in registry.stations:
            back = up + timedelta(minutes=1)
            if not any(
                lost_at <= back <= back_at for lost_at, back_at in merged(away[station])
            ):
                events.append(Connected(observed_at=back, station=station))
    return sorted(events, key=lambda event: event.observed_at)


def merged(spans):
    joined = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


plans = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(["", "", "k0", "k0", "k1"])),
    min_size=1,
    max_size=8,
)


@some
@given(plans, st.data())
def test_one_cause_is_told_once_to_each_customer_it_concerns(plan, data):
    registry = fleet(plan)
    scopes = [frozenset(s.id for s in site.stations) for site in registry.sites.values()]
    for carrier in ("k0", "k1"):
        sites = [site for site in registry.sites.values() if site.carrier == carrier]
        if sites:
            scopes.append(frozenset(s.id for site in sites for s in site.stations))
    scopes.append(frozenset(registry.stations))
    stations = data.draw(st.sampled_from(scopes))
    last = 30 + data.draw(st.sampled_from([8, 15, 45, 200, 400]))
    until = START + timedelta(minutes=last + 120)
    house = House(registry)
    house.play(links(registry, [(stations, 30, last)], until), until)

    told = Counter(t.customer for t in house.tickets.values() if t.first_notice_at)
    assert all(count == 1 for count in told.values())
    fleet_tickets = [t for t in house.tickets.values() if t.kind is TicketKind.FLEET]
    assert len(fleet_tickets) <= 1
    is_ours = any("fleet-drop" in ticket.rules for ticket in fleet_tickets)
    if is_ours:
        assert not told
    elif last - 30 >= 200:
        assert set(told) == {registry.customer_of(s).id for s in stations}
    if last - 30 < 10 and not is_ours:
        assert not house.tickets
    assert all(not ticket.state.is_unresolved for ticket in house.tickets.values())
    assert not house.engine.active_faults()
    check(house)


outages = st.lists(
    st.tuples(
        st.integers(0, 9), st.integers(10, 200), st.sampled_from([1, 7, 12, 35, 90, 300])
    ),
    min_size=1,
    max_size=6,
)


def scoped(registry, picks):
    """Outages of sites, carriers, the fleet or one station, as the numbers pick them."""
    sites = list(registry.sites.values())
    stations = list(registry.stations)
    for pick, first, lasts in picks:
        if pick == 0:
            concerned = set(stations)
        elif pick in (1, 2):
            concerned = {s.id for x in sites if x.carrier == f"k{pick - 1}" for s in x.stations}
        elif pick < 6:
            concerned = {s.id for s in sites[(pick * first) % len(sites)].stations}
        else:
            concerned = {stations[(pick * first) % len(stations)]}
        yield concerned, first, first + lasts


@some
@given(plans, outages, st.lists(st.integers(20, 300), max_size=1))
def test_whatever_goes_together_ends_told_or_cleared(plan, picks, restarts):
    registry = fleet(plan)
    until = START + timedelta(minutes=800)
    house = House(registry)
    house.play(links(registry, scoped(registry, picks), until, restarts), until)
    check(house)
    assert not house.engine.active_faults()
    assert all(not ticket.state.is_unresolved for ticket in house.tickets.values())
    outages = house.engine.state.outages
    assert (outages.carriers, outages.dropped, house.engine.state.sites) == ({}, {}, {})


@some
@given(plans, outages, st.integers(0, 600))
def test_a_snapshot_in_the_middle_changes_nothing(plan, picks, minute):
    registry = fleet(plan)
    until = START + timedelta(minutes=700)
    events = links(registry, scoped(registry, picks), until)
    whole, cut = (
        Engine(registry, CATALOGUE, DICTIONARY),
        Engine(registry, CATALOGUE, DICTIONARY),
    )
    expected, decisions, is_cut = [], [], False
    for event in events:
        if not is_cut and event.observed_at >= START + timedelta(minutes=minute):
            frozen = msgspec.msgpack.encode(cut.state)
            thawed = msgspec.msgpack.decode(frozen, type=EngineState)
            cut, is_cut = Engine(registry, CATALOGUE, DICTIONARY, thawed), True
        expected += whole.step(event.observed_at, event).decisions
        decisions += cut.step(event.observed_at, event).decisions
    assert decisions == expected
    assert cut.step(until) == whole.step(until)


def check(house):
    """What holds of every history, seen from outside."""
    said = Counter((n.ticket, n.to, n.reason) for n in house.notices)
    opened = {key[:2] for key in said if key[2] is NoticeReason.OPENED}
    assert all(count == 1 for key, count in said.items() if key[2] is NoticeReason.OPENED)
    for ticket, reader in opened:
        ends = said[ticket, reader, NoticeReason.RESOLVED]
        again = said[ticket, reader, NoticeReason.REOPENED]
        assert ends == again + (not house.tickets[ticket].state.is_unresolved)
    for ticket in house.tickets.values():
        assert (ticket.kind is TicketKind.FLEET) == (ticket.customer is None)
        for other in ticket.linked:
            assert ticket.id in house.tickets[other].linked
    active = {}
    for decision in house.decisions:
        fault = decision.fault
        assert decision.because
        if decision.change is Change.CLEARED:
            del active[fault.name]
        else:
            active[fault.name] = fault
        by = fault.inhibited_by
        if decision.change in (Change.RAISED, Change.INHIBITED) and by is not None:
            assert by in active, "a cause speaks only while it is active itself"
        if decision.change is Change.RELEASED:
            assert by is None
            holders = [t for t in house.tickets.values() if fault.name in names_of(t)]
            assert holders, "who is released is in a ticket"


def names_of(ticket):
    return {held.fault.name for held in ticket.faults}
