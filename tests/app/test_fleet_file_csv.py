from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.fleet_file import FleetFileError, read_fleet
from domain.places import CustomerId, SiteId, StationId

FILES = {
    "customers.csv": (
        "id,name,segment,language\nacme,ACME Logistics,fleet,de\nsolo,Solo,private,\n"
    ),
    "contacts.csv": (
        "customer,name,role,email,phone,sites\n"
        "acme,Project office,project_manager,p@acme.example,+49 30 23125 001,\n"
        'acme,Depot desk,site,d@acme.example,,"north; south"\n'
    ),
    "sites.csv": (
        "id,customer,timezone,name,latitude,longitude,opening_hours\n"
        'north,acme,Europe/Berlin,"North, the depot",51.95,7.64,Mo-Fr 06:00-22:00\n'
        "south,acme,Europe/Berlin,South,,,\n"
    ),
    "stations.csv": (
        "site,id,vendor,evses,protocol,profile\nnorth,N-001,Alfen,2,,\nsouth,S-001,,1,mqtt,warp\n"
    ),
}

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    def write(**changed: str | None) -> Path:
        files: dict[str, str | None] = {**FILES}
        files.update({f"{name}.csv": text for name, text in changed.items()})
        for name, text in files.items():
            if text is not None:
                (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        return tmp_path

    return write


def mistakes_in(path: Path) -> list[str]:
    with pytest.raises(FleetFileError) as caught:
        read_fleet(path)
    return [str(mistake).replace(f"{path}/", "") for mistake in caught.value.mistakes]


def test_a_folder_of_csv_files_is_the_same_fleet_as_the_yaml(folder: Folder) -> None:
    registry = read_fleet(folder())
    assert [contact.name for contact in registry.customers[CustomerId("acme")].contacts] == [
        "Project office",
        "Depot desk",
    ]
    desk = registry.customers[CustomerId("acme")].contacts[1]
    assert desk.sites == (SiteId("north"), SiteId("south"))
    assert registry.customers[CustomerId("solo")].language == "en"
    assert registry.sites[SiteId("north")].name == "North, the depot"
    assert registry.sites[SiteId("south")].latitude is None
    assert registry.stations[StationId("S-001")].profile == "warp"
    assert registry.stations[StationId("N-001")].evses == 2


def test_stations_and_contacts_may_be_missing_customers_and_sites_may_not(
    folder: Folder, tmp_path: Path
) -> None:
    assert not read_fleet(folder(contacts=None, stations=None)).stations
    empty = tmp_path / "empty"
    empty.mkdir()
    assert mistakes_in(empty) == [
        "customers.csv: expected this file in a fleet folder",
        "sites.csv: expected this file in a fleet folder",
    ]


def test_a_spreadsheets_line_ends_and_byte_order_mark_are_no_mistake(folder: Folder) -> None:
    text = "\ufeff" + FILES["customers.csv"].replace("\n", "\r\n") + "\r\n,,\r\n"
    assert len(read_fleet(folder(customers=text)).customers) == 2


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("stations", "site,id,evses\nnorth,A,0\n", "stations.csv:2: expected under 'evses'"),
        ("stations", "site,id,evses\n\nwest,A,1\n", "stations.csv:3: expected a site that is"),
        ("stations", "site,id,evses\n,A,1\n", "stations.csv:2: expected 'site' in every row"),
        (
            "stations",
            "site,id,evses\nnorth,A,1,9\n",
            "stations.csv:2: expected at most 3 cells",
        ),
        ("stations", "site,id,evses\nnorth,A\n", "stations.csv:2: expected 'evses' in every"),
        ("stations", "site,id,evses,hue\nnorth,A,1,x\n", "stations.csv:2: expected one of"),
        ("stations", "site;id;evses\nnorth;A;1\n", "expected columns separated by commas"),
        ("stations", "site,id,id\n", "stations.csv:1: expected each column once, not 'id'"),
        ("stations", "", "stations.csv: expected a first line with the names"),
        ("stations", 'site,id,evses\nnorth,"A,1\n', "stations.csv:2: expected CSV"),
        ("stations", "site,id,evses\nnorth,A,1\nsouth,a,1\n", "stations.csv:3: expected each"),
        (
            "contacts",
            "customer,name,role,phone,sites\nacme,N,site,112,north;west\n",
            "contacts.csv:2: expected a site that is listed under sites, not 'west'",
        ),
        (
            "contacts",
            "customer,name,role,phone\nzeta,N,site,112\n",
            "contacts.csv:2: expected a",
        ),
        ("sites", "id,customer,timezone\nnorth,zeta,UTC\n", "sites.csv:2: expected a customer"),
        ("station", "id\n", "station.csv: expected only customers.csv"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line(
    folder: Folder, file: str, text: str, said: str
) -> None:
    mistakes = mistakes_in(folder(**{file: text}))
    assert any(said in mistake for mistake in mistakes), mistakes


def test_a_row_whose_owner_is_missing_is_still_checked_itself(folder: Folder) -> None:
    text = "site,id,evses\nwest,A,0\n"
    mistakes = mistakes_in(folder(stations=text))
    assert [mistake.split(" ")[0] for mistake in mistakes] == ["stations.csv:2:"] * 2


def test_a_quoted_cell_over_several_lines_does_not_shift_the_line_numbers(
    folder: Folder,
) -> None:
    text = 'site,id,vendor,evses\nnorth,A,"two words",1\n\nnorth,B,"V",none\n'
    (mistake,) = [m for m in mistakes_in(folder(stations=text, contacts=None))]
    assert mistake.startswith("stations.csv:4: expected under 'evses'")


def test_text_in_another_encoding_is_said_so(folder: Folder, tmp_path: Path) -> None:
    folder()
    (tmp_path / "sites.csv").write_bytes("id,customer\nnörth,acme\n".encode("latin-1"))
    (mistake,) = mistakes_in(tmp_path)
    assert mistake.startswith("sites.csv:2: expected text in UTF-8")
