from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fleet_file import (
    FleetFileError,
    FleetFileMissingError,
    read_fleet,
    write_fleet_yaml,
)
from domain.places import CustomerId, SiteId, StationId
from domain.registry import Contact, Customer, Registry, Role, Segment, Site, Station

EXAMPLE = """\
customers:
  - id: acme
    name: ACME Logistics
    segment: fleet
    language: de
    contacts:
      - {name: Project office, role: project_manager, email: p@acme.example, phone: "+49 30 23125 001"}
      - {name: Depot desk, role: site, sites: [north], email: depot@acme.example}
sites:
  - id: north
    customer: acme
    name: North depot
    timezone: Europe/Berlin
    address: Depot street 1, Exampletown
    country: DE
    region: NW
    latitude: 51.95
    longitude: 7.64
    opening_hours: "Mo-Fr 06:00-22:00"
    carrier: telco-a
    gateway: gw-north
    fuse_limit_a: 250
    stations:
      - {id: N-001, vendor: Alfen, model: NG910, evses: 2}
      - {id: N-002, evses: 1, protocol: mqtt, profile: warp, topic_root: warp3/2eNY}
"""  # noqa: E501 - as people write it

MistakesOf = Callable[[str | bytes], list[str]]
ReadText = Callable[[str | bytes], Registry]


@pytest.fixture
def read_text(tmp_path: Path) -> ReadText:
    def read(text: str | bytes) -> Registry:
        file = tmp_path / "fleet.yaml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_fleet(file)

    return read


@pytest.fixture
def mistakes_of(read_text: ReadText, tmp_path: Path) -> MistakesOf:
    """Return the mistakes of a text as `line: what was expected`."""

    def mistakes(text: str | bytes) -> list[str]:
        with pytest.raises(FleetFileError) as caught:
            read_text(text)
        return [str(m).replace(f"{tmp_path}/fleet.yaml:", "") for m in caught.value.mistakes]

    return mistakes


def with_site(extra: str) -> str:
    return (
        "customers: [{id: c, name: C}]\n"
        "sites:\n"
        f"  - {{id: s, customer: c, timezone: Europe/Berlin, {extra}}}\n"
    )


def with_contact(contact: str) -> str:
    return f"customers:\n  - id: c\n    name: C\n    contacts:\n      - {{{contact}}}\n"


def with_station(station: str) -> str:
    return (
        "customers: [{id: c, name: C}]\n"
        "sites:\n"
        "  - id: s\n    customer: c\n    timezone: UTC\n    stations:\n"
        f"      - {{{station}}}\n"
    )


def test_the_example_of_the_contracts_is_read_whole(read_text: ReadText) -> None:
    registry = read_text(EXAMPLE)
    assert registry.customers == {
        CustomerId("acme"): Customer(
            id=CustomerId("acme"),
            name="ACME Logistics",
            segment=Segment.FLEET,
            language="de",
            contacts=(
                Contact(
                    name="Project office",
                    role=Role.PROJECT_MANAGER,
                    email="p@acme.example",
                    phone="+49 30 23125 001",
                ),
                Contact(
                    name="Depot desk",
                    role=Role.SITE,
                    sites=(SiteId("north"),),
                    email="depot@acme.example",
                ),
            ),
        )
    }
    assert registry.sites[SiteId("north")] == Site(
        id=SiteId("north"),
        customer=CustomerId("acme"),
        name="North depot",
        timezone="Europe/Berlin",
        address="Depot street 1, Exampletown",
        country="DE",
        region="NW",
        latitude=51.95,
        longitude=7.64,
        opening_hours="Mo-Fr 06:00-22:00",
        carrier="telco-a",
        gateway="gw-north",
        fuse_limit_a=250.0,
        stations=(
            Station(id=StationId("N-001"), vendor="Alfen", model="NG910", evses=2),
            Station(
                id=StationId("N-002"),
                evses=1,
                protocol="mqtt",
                profile="warp",
                topic_root="warp3/2eNY",
            ),
        ),
    )
    assert registry.station_named("n-001") == "N-001"


def test_what_is_left_out_has_the_defaults_of_the_contracts(read_text: ReadText) -> None:
    registry = read_text(with_station("id: S1, evses: 1"))
    customer = registry.customers[CustomerId("c")]
    assert (customer.segment, customer.language) == (Segment.COMPANY, "en")
    station = registry.stations[StationId("S1")]
    assert (station.protocol, station.profile, station.topic_root) == ("ocpp", "native", "")


def test_words_that_yaml_takes_for_something_else_stay_words(read_text: ReadText) -> None:
    registry = read_text(with_site("country: NO, name: 2026-01-05, gateway: 007, carrier: yes"))
    site = registry.sites[SiteId("s")]
    assert (site.country, site.name, site.gateway, site.carrier) == (
        "NO",
        "2026-01-05",
        "007",
        "yes",
    )


@pytest.mark.parametrize("written", ["", "~", "null"])
def test_an_optional_key_without_a_value_counts_as_left_out(
    read_text: ReadText, written: str
) -> None:
    text = f"customers: [{{id: c, name: C, contacts: {written}}}]\nsites: {written}\n"
    assert read_text(text).customers[CustomerId("c")].contacts == ()


def test_an_anchor_may_be_used_again(read_text: ReadText) -> None:
    text = (
        "customers:\n  - {id: a, name: A, contacts: &desk "
        "[{name: Desk, role: site, email: d@a.example}]}\n"
        "  - {id: b, name: B, contacts: *desk}\n"
    )
    customers = read_text(text).customers
    assert customers[CustomerId("a")].contacts == customers[CustomerId("b")].contacts


def test_a_byte_order_mark_is_no_mistake(read_text: ReadText) -> None:
    assert read_text(b"\xef\xbb\xbf" + EXAMPLE.encode()).stations


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: expected customers and sites; the file is empty"),
        ("# nothing\n", "1: expected customers and sites; the file is empty"),
        ("just words", "1: expected a fleet as a map (customers, sites), not 'just words'"),
        ("- a\n", "1: expected a fleet as a map (customers, sites), not a list"),
        ("customers: {id: c}\n", "1: expected a list under 'customers', not a map"),
        ("customers:\n  - c\n", "2: expected a customer as a map (id, name), not 'c'"),
        ("customers:\n  -\n", "2: expected a customer as a map (id, name), not nothing"),
        ("sites:\n\t- id: s\n", "2: expected spaces: tabs cannot indent YAML"),
        ("sites: [\n", "expected YAML: while parsing a flow"),
        ("sites: []\nsites: []\n", "2: expected each key once: 'sites' again, first in line 1"),
        ("sites: []\ncustomer: []\n", "(did you mean customers?)"),
        ("a: 1\n--- \nb: 2\n", "2: expected one YAML document, not several"),
        ("sites: \x07\n", "1: expected text: a control character (U+0007) stands here"),
        ("? [a]\n: b\n", "1: expected a plain word as key"),
        ("sites: *nowhere\n", "1: expected a known anchor, not *nowhere"),
        ("sites: &a [*a]\n", "1: expected a known anchor, not *a"),
        ("x: " + "[" * 100_000, "1: expected at most 16 levels of nesting"),
        (b"sites:\n  - id: M\xfcnchen\n", "2: expected text in UTF-8"),
        ("sites: []".encode("utf-16"), "1: expected text in UTF-8"),
    ],
)
def test_a_broken_file_gives_a_line_and_a_sentence(
    mistakes_of: MistakesOf, text: str | bytes, said: str
) -> None:
    assert said in "\n".join(mistakes_of(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("customers: [{name: C}]", "1: expected 'id' in every customer"),
        ("customers: [{id: c}]", "1: expected 'name' in every customer"),
        ("customers: [{id: c, name: }]", "1: expected a value for 'name'"),
        ("customers: [{id: c, name: [C]}]", "1: expected one value for 'name', not a list"),
        ("customers: [{id: c d, name: C}]", "expected under 'id' an id without ' '"),
        ("customers: [{id: c, name: C, segment: firm}]", "one of private, company, fleet, not"),
        ("customers: [{id: c, name: C, language: fr}]", "one of de, en, not 'fr'"),
        ("sites: [{id: s, customer: c}]", "1: expected 'timezone' in every site"),
        (with_site("lattitude: 3"), "unknown key 'lattitude' (did you mean latitude?)"),
        (with_site("latitude: 3"), "3: expected latitude and longitude together"),
        (with_site("latitude: 91, longitude: 0"), "a number from -90 to 90, not '91'"),
        (with_site("latitude: 9, longitude: -180.5"), "a number from -180 to 180"),
        (with_site("latitude: nan, longitude: 0"), "a number from -90 to 90, not 'nan'"),
        (with_site("fuse_limit_a: 0"), "3: expected under 'fuse_limit_a' a number from 1"),
        (with_site("fuse_limit_a: 1_000"), "a number from 1 to 100000, not '1_000'"),
        (with_site("country: de"), "an ISO 3166 country such as DE, not 'de'"),
        (with_site("region: DE-NW"), "an ISO 3166-2 subdivision such as NW, not 'DE-NW'"),
        (with_site("opening_hours: 6 to 22"), "opening hours such as"),
        (with_site("stations: none"), "3: expected a list under 'stations', not 'none'"),
        (with_station("id: S1"), "7: expected 'evses' in every station"),
        (with_station("evses: 1"), "7: expected 'id' in every station"),
        (with_station("id: S1, evses: 0"), "a whole number from 1 to 1000, not '0'"),
        (with_station("id: S1, evses: two"), "a whole number from 1 to 1000, not 'two'"),
        (with_station("id: S1, evses: 1.5"), "a whole number from 1 to 1000, not '1.5'"),
        (with_station("id: S1, evses: true"), "a whole number from 1 to 1000, not 'true'"),
        (with_station("id: S/1, evses: 1"), "7: expected under 'id' an id without '/'"),
        (with_station(f"id: {'x' * 65}, evses: 1"), "an id of 1 to 64 characters"),
        (with_station("id: fleet, evses: 1"), "does not read like a place of ours"),
        (with_station("id: 'site:x', evses: 1"), "does not read like a place of ours"),
        (with_station("id: S1, evses: 1, protocol: OCPP"), "one of ocpp, mqtt, not 'OCPP'"),
        (with_station("id: S1, evses: 1, topic_root: /a"), "topic levels such as"),
        (with_station("id: S1, evses: 1, topic_root: a/+"), "topic levels such as"),
        (with_contact("name: N, email: a@b.example"), "5: expected 'role' in every contact"),
        (
            with_contact("name: N, role: boss, email: a@b.example"),
            "one of site, project_manager",
        ),
        (with_contact("name: N, role: site"), "5: expected email or phone in every contact"),
        (with_contact("name: N, role: site, email: a.example"), "an e-mail address such as"),
        (
            with_contact('name: N, role: site, email: "a@b.example\\nBcc: x@y.example"'),
            "an e-mail",
        ),
        (with_contact("name: N, role: site, phone: call me"), "a phone number such as"),
        (
            with_contact("name: N, role: site, email: a@b.example, channel: sms"),
            "5: expected phone for a contact whose channel is sms",
        ),
        (
            with_contact("name: N, role: site, phone: '112', channel: fax"),
            "one of email, sms, not 'fax'",
        ),
        (
            with_contact("name: N, role: site, phone: '112', sites: [west]"),
            "5: expected a site that is listed under sites, not 'west'",
        ),
        (
            with_contact("name: N, role: site, phone: '112', sites: west"),
            "5: expected a list under 'sites', not 'west'",
        ),
        (
            "sites: [{id: s, customer: c, timezone: UTC}]",
            "1: expected a customer that is listed under customers, not 'c'",
        ),
    ],
)
def test_a_wrong_value_gives_its_line_and_what_was_expected(
    mistakes_of: MistakesOf, text: str, said: str
) -> None:
    assert any(said in mistake for mistake in mistakes_of(text)), mistakes_of(text)


@pytest.mark.parametrize("zone", ["Berlin", "Europe", "../etc/passwd", "Europe/Berlin/x", "/"])
def test_a_time_zone_must_exist(mistakes_of: MistakesOf, zone: str) -> None:
    text = f"customers: [{{id: c, name: C}}]\nsites: [{{id: s, customer: c, timezone: {zone}}}]"
    (mistake,) = mistakes_of(text)
    assert mistake.startswith("2: expected under 'timezone' a time zone such as Europe/Berlin")


@pytest.mark.parametrize(
    "hours",
    [
        "24/7",
        "Mo-Fr 06:00-22:00",
        "Mo-Fr 06:00-22:00; Sa 08:00-12:00",
        "Mo,We,Fr 08:00-12:00,13:00-17:00; PH off",
        "08:00-20:00",
        "Mo-Su 00:00-24:00;",
        "Fr-Sa 18:00-02:00",
    ],
)
def test_plausible_opening_hours_are_taken(read_text: ReadText, hours: str) -> None:
    assert read_text(with_site(f"opening_hours: '{hours}'")).sites[SiteId("s")].opening_hours


@pytest.mark.parametrize(
    "hours",
    [
        "always",
        "Mo-Fr",
        "Mo-Fr 25:00-26:00",
        "Mo-Fr 6-22",
        "Xx 08:00-12:00",
        ";",
        "24:30-24:40",
    ],
)
def test_implausible_opening_hours_are_not(mistakes_of: MistakesOf, hours: str) -> None:
    (mistake,) = mistakes_of(with_site(f"opening_hours: '{hours}'"))
    assert "opening hours such as" in mistake


def test_ids_are_taken_once_and_stations_without_regard_to_case(
    mistakes_of: MistakesOf,
) -> None:
    mistakes = mistakes_of(
        "customers:\n"
        "  - {id: c, name: C}\n"
        "  - {id: c, name: D}\n"
        "sites:\n"
        "  - {id: s, customer: c, timezone: UTC, stations: [{id: N-1, evses: 1}]}\n"
        "  - {id: s, customer: c, timezone: UTC}\n"
        "  - {id: t, customer: c, timezone: UTC, stations: [{id: n-1, evses: 1}]}\n"
    )
    assert [mistake.split(", first at")[0] for mistake in mistakes] == [
        "3: expected each customer once: 'c' again",
        "6: expected each site once: 's' again",
        "7: expected each station once: 'n-1' again",
    ]
    assert mistakes[0].endswith("first at 2")
    assert mistakes[2].endswith("first at 5 (case does not tell ids apart)")


def test_a_station_used_twice_through_an_anchor_is_a_duplicate(mistakes_of: MistakesOf) -> None:
    text = with_site("stations: [&s {id: S1, evses: 1}, *s]")
    (mistake,) = mistakes_of(text)
    assert "each station once: 'S1' again" in mistake


def test_a_contact_names_only_sites_of_its_own_customer(mistakes_of: MistakesOf) -> None:
    (mistake,) = mistakes_of(
        "customers:\n"
        "  - id: a\n    name: A\n    contacts:\n"
        "      - {name: N, role: site, phone: '112', sites: [s]}\n"
        "  - {id: b, name: B}\n"
        "sites: [{id: s, customer: b, timezone: UTC}]\n"
    )
    assert mistake == "5: expected a site of customer a; 's' belongs to b"


def test_all_mistakes_are_listed_in_the_order_of_the_file(mistakes_of: MistakesOf) -> None:
    mistakes = mistakes_of(
        "customers:\n"
        "  - id: c\n"
        "    nam: C\n"
        "    contacts:\n"
        "      - {name: N, role: site, email: nobody, sites: [nowhere]}\n"
        "sites:\n"
        "  - id: s\n"
        "    customer: d\n"
        "    timezone: Mars\n"
        "    stations:\n"
        "      - {id: S1, evses: 0, color: red}\n"
    )
    assert [int(mistake.split(":")[0]) for mistake in mistakes] == [2, 3, 5, 5, 8, 9, 11, 11]


def test_mistakes_without_end_stop_at_a_limit(mistakes_of: MistakesOf) -> None:
    mistakes = mistakes_of("sites:\n" + "  - 1\n" * 5_000)
    assert len(mistakes) == 1_001
    assert mistakes[-1].endswith("and more: reading stopped")


def test_a_file_that_cannot_be_opened_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FleetFileMissingError, match="cannot be opened: No such file"):
        read_fleet(tmp_path / "none.yaml")


def test_five_hundred_sites_are_read_within_two_seconds(read_text: ReadText) -> None:
    lines = ["customers:"]
    lines += [
        f"  - {{id: c{n}, name: Customer {n}, contacts: "
        f"[{{name: D, role: site, email: d@c{n}.example}}]}}"
        for n in range(500)
    ]
    lines.append("sites:")
    for n in range(500):
        lines += [
            f"  - id: s{n}",
            f"    customer: c{n}",
            "    timezone: Europe/Berlin",
            f"    name: Site {n}",
            "    stations:",
        ]
        lines += [f"      - {{id: S{n}-{k}, vendor: V, model: M, evses: 2}}" for k in range(4)]
    started = time.process_time()
    registry = read_text("\n".join(lines))
    assert time.process_time() - started < 2
    assert len(registry.stations) == 2_000


WORD = st.text("abcXYZ019-_.", min_size=1, max_size=10)
LINE = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20
) | st.sampled_from(["yes", "NO", "null", "~", "1e3", "- x", "a: b", "#x", "'", '"', "ü & ö"])


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    contacts = st.builds(
        Contact,
        name=LINE,
        role=st.sampled_from(Role),
        email=st.just("a@b.example"),
        language=st.sampled_from(["", "de", "en"]),
    )
    customers = draw(
        st.lists(
            st.builds(
                Customer,
                id=WORD,
                name=LINE,
                segment=st.sampled_from(Segment),
                language=st.sampled_from(["de", "en"]),
                contacts=st.lists(contacts, max_size=2).map(tuple),
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda customer: customer.id,
        )
    )
    stations = draw(
        st.lists(
            st.builds(Station, id=WORD, evses=st.integers(1, 9), vendor=LINE, model=LINE),
            max_size=4,
            unique_by=lambda station: station.id.casefold(),
        )
    )
    site = Site(
        id=SiteId(draw(WORD)),
        customer=customers[0].id,
        timezone="Europe/Berlin",
        name=draw(LINE),
        country=draw(st.sampled_from(["", "NO", "DE"])),
        latitude=(where := draw(st.none() | st.floats(-90, 90))),
        longitude=where,
        stations=tuple(stations),
    )
    return Registry(tuple(customers), (site,))


@given(registries())
def test_what_is_written_reads_back_as_the_same_fleet(
    tmp_path_factory: pytest.TempPathFactory, registry: Registry
) -> None:
    file = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
    file.write_text(write_fleet_yaml(registry), encoding="utf-8")
    again = read_fleet(file)
    assert again.customers == registry.customers
    assert again.sites == registry.sites


@given(st.binary(max_size=200) | st.text("abc: -[]{}\n\t&*!|>'\"#%@`?,~", max_size=80))
def test_no_input_gives_anything_but_a_registry_or_mistakes(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes | str
) -> None:
    file = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
    file.write_bytes(junk if isinstance(junk, bytes) else junk.encode())
    with contextlib.suppress(FleetFileError):
        read_fleet(file)
