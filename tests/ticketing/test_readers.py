"""Who reads notices, by role, segment and site."""

import pytest

from domain.places import CustomerId, SiteId
from domain.registry import Contact, Customer, Role, Segment
from ticketing.readers import readers_of

SITE = Contact(name="site", role=Role.SITE, email="site@x.example", sites=(SiteId("north"),))
ANY_SITE = Contact(name="any", role=Role.SITE, email="any@x.example")
MANAGER = Contact(name="pm", role=Role.PROJECT_MANAGER, email="pm@x.example")
OWNER = Contact(name="owner", role=Role.OWNER, email="owner@x.example")
BILLING = Contact(name="books", role=Role.BILLING, email="books@x.example")
ALL = (BILLING, OWNER, MANAGER, ANY_SITE, SITE)


def names(contacts, segment=Segment.COMPANY, site="north"):
    customer = Customer(
        id=CustomerId("x"), name="X", segment=segment, language="de", contacts=contacts
    )
    return [reader.name for reader in readers_of(customer, SiteId(site)).readers]


@pytest.mark.parametrize(
    ("contacts", "segment", "site", "expected"),
    [
        (ALL, Segment.COMPANY, "north", ["any", "site", "pm"]),
        (ALL, Segment.FLEET, "south", ["any", "pm"]),
        (ALL, Segment.PRIVATE, "north", ["any", "site", "owner"]),
        ((SITE, OWNER), Segment.COMPANY, "south", ["owner"]),
        ((SITE, OWNER), Segment.COMPANY, "north", ["site"]),
        ((MANAGER,), Segment.PRIVATE, "north", []),
        ((BILLING,), Segment.COMPANY, "north", []),
    ],
)
def test_readers_by_role_segment_and_site(contacts, segment, site, expected):
    assert names(contacts, segment, site) == expected


def test_an_owner_stands_in_where_the_others_cannot_be_reached():
    silent = Contact(name="silent", role=Role.SITE)
    customer = Customer(id=CustomerId("x"), name="X", contacts=(silent, OWNER))
    choice = readers_of(customer, SiteId("north"))
    assert [reader.name for reader in choice.readers] == ["owner"]
    assert choice.unreachable == ("silent",)


def test_one_address_is_written_to_once_in_the_first_role():
    twice = Contact(name="both", role=Role.PROJECT_MANAGER, email="any@x.example")
    assert names((twice, ANY_SITE)) == ["any"]


def test_language_and_channel_come_from_the_contact_then_the_customer():
    contacts = (
        Contact(name="a", role=Role.SITE, email="a@x.example", language="en"),
        Contact(name="b", role=Role.SITE, phone="+49 1", channel="sms"),
    )
    customer = Customer(id=CustomerId("x"), name="X", language="de", contacts=contacts)
    readers = readers_of(customer, None).readers
    assert [(r.language, r.channel, r.address) for r in readers] == [
        ("en", "email", "a@x.example"),
        ("de", "sms", "+49 1"),
    ]
