"""One suite for every channel: the fake, mails as files, and a real mail server."""

from __future__ import annotations

import asyncio
import email
import email.policy
from datetime import UTC, datetime

import pytest
from aiosmtpd.smtp import SMTP

from domain.ports import Outcome, Rejected, RetryLater, Sent
from domain.tickets import Notice, NoticeReason
from ticketing.adapters.mail import FileMail, SmtpMail, message_of

AT = datetime(2026, 1, 5, 9, 12, tzinfo=UTC)
SENDER = "Charging service <service@charging.example>"


def notice(**about) -> Notice:
    about = {
        "key": "T-1001/opened/20260105T091200Z/email:depot@acme.example",
        "at": AT,
        "ticket": "T-1001",
        "customer": "acme",
        "to": "depot@acme.example",
        "channel": "email",
        "language": "de",
        "reason": NoticeReason.OPENED,
        "subject": "Laden nicht möglich: Ladepunkt 1",
        "text": "Guten Tag Müller,\n\nLaden ist dort nicht möglich.\n",
        "name": "Jörg Müller",
    } | about
    return Notice(**about)


class FakeChannel:
    """The fake other tests use: keeps what it was given, once per key."""

    def __init__(self) -> None:
        self.sent: dict[str, Notice] = {}

    async def send(self, one: Notice) -> Outcome:
        if "\n" in one.to or "@" not in one.to:
            return Rejected("no address")
        self.sent[one.key] = one
        return Sent(one.key)

    def mails(self):
        return [message_of(one, SENDER) for one in self.sent.values()]


class Files:
    def __init__(self, folder) -> None:
        self.folder = folder
        self._channel = FileMail(folder, sender=SENDER)
        self.send = self._channel.send

    def mails(self):
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(self.folder.iterdir())
        ]


class Inbox:
    """A mail server that keeps mails, or answers what it is told to."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.rcpt_answer = ""
        self.data_answer = "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):  # noqa: N802
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.data_answer.startswith("250"):
            self.received.append(envelope.content)
        return self.data_answer


class Server:
    """A real mail server on an ephemeral port, and our channel to it."""

    def __init__(self) -> None:
        self.inbox = Inbox()

    async def start(self) -> Server:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self.inbox), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        channel = SmtpMail(host="127.0.0.1", port=self.port, sender=SENDER, tls="none")
        self.send = channel.send
        return self

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def mails(self):
        by_id = {}
        for raw in self.inbox.received:
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            by_id[mail["Message-ID"]] = mail  # what a mailbox does with a repeat
        return list(by_id.values())


@pytest.fixture
async def server():
    one = await Server().start()
    yield one
    await one.stop()


@pytest.fixture(params=["fake", "files", pytest.param("smtp", marks=pytest.mark.e2e)])
async def channel(request, tmp_path):
    if request.param == "fake":
        yield FakeChannel()
    elif request.param == "files":
        yield Files(tmp_path / "mail")
    else:
        one = await Server().start()
        yield one
        await one.stop()


async def test_a_notice_arrives_as_it_was_written(channel):
    assert isinstance(await channel.send(notice()), Sent)
    (mail,) = channel.mails()
    assert mail["To"].addresses[0].addr_spec == "depot@acme.example"
    assert mail["To"].addresses[0].display_name == "Jörg Müller"
    assert mail["Subject"] == "Laden nicht möglich: Ladepunkt 1"
    assert mail.get_content().replace("\r\n", "\n") == notice().text
    assert mail["Date"].datetime == AT


async def test_the_same_notice_twice_is_one_mail(channel):
    first = await channel.send(notice())
    second = await channel.send(notice())
    assert first == second
    assert len(channel.mails()) == 1


async def test_two_notices_are_two_mails_of_one_thread(channel):
    await channel.send(notice())
    await channel.send(notice(key="T-1001/resolved/x", reason=NoticeReason.RESOLVED))
    first, second = channel.mails()
    assert first["Message-ID"] != second["Message-ID"]
    assert first["References"] == second["References"]
    replies = [mail["In-Reply-To"] for mail in (first, second)]
    assert sorted(map(bool, replies)) == [False, True]


async def test_machines_are_told_not_to_answer(channel):
    await channel.send(notice(is_danger=True))
    (mail,) = channel.mails()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "<notices.charging.example>" in mail["List-Id"]
    assert mail["Importance"] == "high"


@pytest.mark.parametrize("to", ["nobody", "a@b.example\nBcc: c@d.example"])
async def test_an_address_that_is_none_is_rejected_and_nothing_is_sent(channel, to):
    outcome = await channel.send(notice(to=to, key="k"))
    assert isinstance(outcome, Rejected)
    assert outcome.reason


async def test_a_subject_cannot_smuggle_a_header_in():
    outcome = await FileMail(None).send(notice(subject="x\r\nBcc: c@d.example"))
    assert isinstance(outcome, Rejected)


# --- what only a server can answer ------------------------------------------------------------


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("rcpt", "data", "expected"),
    [
        ("450 mailbox busy", "250 OK", RetryLater),
        ("550 no such user", "250 OK", Rejected),
        ("", "451 try later", RetryLater),
        ("", "554 spam", Rejected),
    ],
)
async def test_four_hundreds_are_tried_again_and_five_hundreds_are_not(
    server, rcpt, data, expected
):
    server.inbox.rcpt_answer, server.inbox.data_answer = rcpt, data
    outcome = await server.send(notice())
    assert isinstance(outcome, expected)
    assert (rcpt or data)[:3] in outcome.reason


@pytest.mark.e2e
async def test_a_server_that_is_not_there_is_tried_again(server):
    await server.stop()
    assert isinstance(await server.send(notice()), RetryLater)


@pytest.mark.e2e
async def test_what_is_wrong_with_us_is_no_reason_to_drop_the_mail(server):
    port = server.port
    wants_tls = SmtpMail(host="127.0.0.1", port=port, sender=SENDER, tls="starttls")
    assert isinstance(await wants_tls.send(notice()), RetryLater)
    login = SmtpMail(
        host="127.0.0.1", port=port, user="u", password="p", sender=SENDER, tls="none"
    )
    assert isinstance(await login.send(notice()), RetryLater)


# --- what only files can show ---------------------------------------------------------------


async def test_a_mail_file_appears_whole_and_can_be_read_by_people(tmp_path):
    channel = FileMail(tmp_path / "mail", sender=SENDER)
    sent = await channel.send(notice())
    names = [path.name for path in (tmp_path / "mail").iterdir()]
    assert names == [sent.remote_id]
    assert names[0].startswith("20260105T091200Z-T-1001-opened-")
    assert names[0].endswith(".eml")
    assert "Laden ist dort nicht möglich." in (tmp_path / "mail" / names[0]).read_text("utf-8")


async def test_a_folder_that_refuses_is_tried_again(tmp_path):
    blocked = tmp_path / "mail"
    blocked.write_text("a file where the folder belongs")
    assert isinstance(await FileMail(blocked).send(notice()), RetryLater)
