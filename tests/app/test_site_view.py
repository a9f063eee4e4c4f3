"""What the desk may say of a site, by what is believed of it."""

from datetime import UTC, datetime

import pytest

from app.rule_files import load_rules
from app.site_view import BelievedSites
from domain.events import Connected, GatewayOffline, GatewayOnline, Status, StatusReported
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station
from rules.engine import Engine

AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
OWN, BEHIND = StationId("own"), StationId("behind")


@pytest.fixture
def engine():
    stations = (Station(id=OWN, evses=1), Station(id=BEHIND, evses=1, protocol="mqtt"))
    site = Site(id=SiteId("s"), customer=CustomerId("c"), timezone="UTC", stations=stations)
    registry = Registry((Customer(id=CustomerId("c"), name="C"),), (site,))
    engine = Engine(registry, *load_rules())
    for station in (OWN, BEHIND):
        engine.step(AT, Connected(observed_at=AT, station=station))
        place = Place.of_station(station, 1)
        engine.step(AT, StatusReported(observed_at=AT, place=place, status=Status.AVAILABLE))
    return engine, BelievedSites(registry, engine)


def test_what_is_behind_a_lost_controller_is_not_visible_and_the_rest_is(engine):
    engine, sites = engine
    points = {Place.of_station(OWN, 1): True, Place.of_station(BEHIND, 1): True}
    assert sites.points_at(SiteId("s")) == points
    engine.step(AT, GatewayOnline(observed_at=AT, site=SiteId("s")))
    engine.step(AT, GatewayOffline(observed_at=AT, site=SiteId("s")))
    assert sites.points_at(SiteId("s")) == points | {Place.of_station(BEHIND, 1): None}


def test_of_an_unknown_site_nothing_is_known(engine):
    assert engine[1].points_at(SiteId("x")) == {}
