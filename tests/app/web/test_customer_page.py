"""A customer's page: true, plain, in their language, and theirs alone."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.pages.customer import customer_page, paragraphs
from app.web.tokens import PageToken, read_token, status_page_url
from domain.places import CustomerId, TicketId
from domain.tickets import TicketState

SECRET = b"k" * 32


def link(world, customer: str, ticket: str) -> str:
    return status_page_url(world.secret, "", CustomerId(customer), TicketId(ticket))


async def page_of(world, address: str, **headers: str):
    # As anybody on the internet: no login, not this machine.
    async with world.client(peer="203.0.113.9") as client:
        return await client.get(address, headers={"accept": "text/html", **headers})


async def test_the_page_says_what_is_wrong_and_when_they_hear_next(world) -> None:
    answer = await page_of(world, link(world, "acme", "T-1001"))
    assert answer.status_code == 200
    for words in ('lang="de"', "Laden nicht möglich: Ladepunkt 1", "Sie hören von uns bis",
                  "Mo., 5. Jan., 16:00 Uhr", "North depot", "Wir arbeiten daran"):  # fmt: skip
        assert words in answer.text, words


async def test_nothing_internal_is_on_it(world) -> None:
    for customer, ticket in (("acme", "T-1001"), ("miller", "T-1002"), ("acme", "T-1003")):
        text = (await page_of(world, link(world, customer, ticket))).text
        for word in ("CX0", "connector-faulted", "alfen", "GroundFailure", "EVSE", "kim",
                     "it smells", "Faulted", "projects@", "/console", "severity"):  # fmt: skip
            assert word not in text, (ticket, word)


async def test_it_is_not_indexed_and_its_address_goes_to_nobody(world) -> None:
    answer = await page_of(world, link(world, "acme", "T-1001"))
    assert "noindex" in answer.headers["x-robots-tag"]
    assert '<meta name="robots" content="noindex' in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r'(src|href)="https?://', answer.text)


async def test_danger_is_the_first_word_and_a_broken_promise_is_owned_up_to(world) -> None:
    text = (await page_of(world, link(world, "miller", "T-1002"))).text
    assert '<section class="now danger">' in text
    assert "<h1>Do not use: your charging station</h1>" in text
    assert "We promised you news by Mon 5 Jan, 11:56 and are late. We are sorry." in text


async def test_a_resolved_ticket_says_so_and_promises_nothing(world) -> None:
    text = (await page_of(world, link(world, "acme", "T-1003"))).text
    assert "<h1>Wieder bereit: Ladestation N-002</h1>" in text
    assert "Sie hören von uns bis" not in text
    assert "Laden gelingt nicht immer" in text  # the history of what we wrote


async def test_the_reader_can_choose_the_other_language(world) -> None:
    text = (await page_of(world, link(world, "acme", "T-1001") + "?lang=en")).text
    assert "You will hear from us by" in text
    assert "Mon 5 Jan, 16:00" in text


@pytest.mark.parametrize("spoil", ["x", "", "a.b", "%00", "a" * 5000])
async def test_a_link_that_is_not_ours_leads_nowhere_in_plain_words(world, spoil) -> None:
    answer = await page_of(world, f"/s/{spoil}", **{"accept-language": "de-DE,de"})
    assert answer.status_code == 404
    if spoil:
        assert "Dieser Link führt nirgendwohin" in answer.text


async def test_a_link_of_another_customer_shows_nothing_of_the_ticket(world) -> None:
    answer = await page_of(world, link(world, "miller", "T-1001"))
    assert answer.status_code == 404
    assert "N-001" not in answer.text


async def test_it_works_while_core_is_away(lonely) -> None:
    assert (await page_of(lonely, link(lonely, "acme", "T-1001"))).status_code == 200


async def test_a_failure_is_told_in_plain_words(world) -> None:
    for path in world.settings.data_dir.glob("tickets.db*"):
        path.unlink()
    world.app.state.web.reading.close()
    answer = await page_of(world, link(world, "acme", "T-1001"))
    assert answer.status_code == 503
    assert "This page does not work at the moment" in answer.text
    assert "tickets" not in answer.text


def test_a_link_is_the_same_every_time() -> None:
    urls = {
        status_page_url(SECRET, "https://x.example/", CustomerId("a"), TicketId("T-1"))
        for _ in range(3)
    }
    assert len(urls) == 1
    assert urls.pop().startswith("https://x.example/s/")


def test_without_a_customer_there_is_no_link() -> None:
    assert status_page_url(SECRET, "https://x.example", None, TicketId("T-1")) == ""


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_a_link_names_what_it_was_made_for(customer: str, ticket: str) -> None:
    url = status_page_url(SECRET, "", CustomerId(customer), TicketId(ticket))
    token = url.removeprefix("/s/")
    assert re.fullmatch(r"[\w.\-]+", token)
    assert read_token(SECRET, token) == PageToken(CustomerId(customer), TicketId(ticket))
    assert read_token(b"z" * 32, token) is None


@given(st.text(max_size=60))
def test_no_other_text_is_a_link(token: str) -> None:
    assert read_token(SECRET, token) is None


@given(st.data())
def test_a_changed_link_is_no_link(data: st.DataObject) -> None:
    url = status_page_url(SECRET, "", CustomerId("acme"), TicketId("T-1001"))
    token = url.removeprefix("/s/")
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019-_"))
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        found = read_token(SECRET, changed)
        # The last character of base64 holds spare bits: the same bytes, so the same link.
        assert found is None or place == len(token) - 1


def shown(world, ticket: str, **changes: object):
    web = world.app.state.web
    found = msgspec.structs.replace(web.reading.ticket(ticket), **changes)
    notices, _ = web.reading.notices(ticket=ticket)
    named = PageToken(found.customer, found.id)
    page = customer_page(found, notices, named, web.registry, now=web.now())
    assert page is not None
    return page


async def test_a_subject_that_is_not_true_any_more_is_not_repeated(world) -> None:
    now = world.clock.now()
    resolved = shown(world, "T-1001", state=TicketState.RESOLVED, resolved_at=now, faults=())
    assert (resolved.subject, resolved.tone) == ("", "resolved")
    back = shown(world, "T-1003", state=TicketState.NEW, resolved_at=None, reopened=1)
    assert (back.subject, back.headline) == ("", "Wir arbeiten daran")


async def test_people_of_one_customer_see_each_message_once(world) -> None:
    web = world.app.state.web
    ticket = web.reading.ticket("T-1001")
    [one], _ = web.reading.notices(ticket="T-1001")
    other = msgspec.structs.replace(one, to="desk@acme.example", language="en", key="k2")
    later = msgspec.structs.replace(one, at=one.at + timedelta(minutes=5), key="k3")
    page = customer_page(
        ticket, [other, one, later], PageToken(ticket.customer, ticket.id), web.registry,
        now=web.now(),
    )  # fmt: skip
    assert page is not None
    assert [written.subject for written in page.history] == [one.subject]


def test_greeting_signature_and_own_link_are_left_out() -> None:
    text = "Hello Desk,\n\nIt charges.\nTicket T-1: https://x.example/s/abc\n\nService team\n"
    assert paragraphs(text, "Desk", "Service team") == ("It charges.",)
    assert paragraphs(text, "Other") == ("Hello Desk,", "It charges.", "Service team")
    assert paragraphs("It charges, Desk,\nwell.", "") == ("It charges, Desk,", "well.")
