"""Mail: notices as messages, through a mail server or as files in a folder."""

from __future__ import annotations

import asyncio
import os
import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import aiosmtplib

from domain.ports import Outcome, Rejected, RetryLater, Sent
from domain.tickets import Notice, NoticeReason

TIMEOUT_S = 30.0
_NOT_FOR_FILES = re.compile(r"[^A-Za-z0-9.-]+")


def message_of(notice: Notice, sender: str) -> EmailMessage:
    """Build the mail of a notice; the same notice gives the same Message-ID, always.

    Mails of one ticket to one reader share a thread. Raises ValueError or MessageError for an
    address that cannot stand in a header.
    """
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    thread = f"<{_digest(notice.ticket, notice.to)}.thread@{domain}>"
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(display_name=notice.name, addr_spec=notice.to)
    message["Subject"] = notice.subject
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = f"<{_digest(notice.key)}@{domain}>"
    message["References"] = thread
    if notice.reason is not NoticeReason.OPENED:
        message["In-Reply-To"] = thread
    message["Content-Language"] = notice.language
    # RFC 3834: tells other machines not to answer; RFC 2919: lets people sort.
    message["Auto-Submitted"] = "auto-generated"
    message["List-Id"] = f"Notices about charging stations <notices.{domain}>"
    if notice.is_danger:
        message["Importance"] = "high"
    message.set_content(notice.text, cte="quoted-printable")
    return message


class FileMail:
    """Writes each mail as a file into a folder; the same notice always into the same file."""

    def __init__(self, folder: Path, *, sender: str = "foretell@localhost") -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, notice: Notice) -> Outcome:
        """Write the mail, whole or not at all."""
        try:
            message = message_of(notice, self._sender)
        except (ValueError, MessageError) as error:
            return Rejected(f"the mail cannot be built: {error}")
        # A file is for people to open: unlike a mail server it takes letters as they are.
        message.set_content(notice.text, cte="8bit")
        try:
            name = await asyncio.to_thread(self._write, notice, message.as_bytes())
        except OSError as error:
            return RetryLater(f"the mail folder refuses: {error}")
        return Sent(name)

    def _write(self, notice: Notice, content: bytes) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        stamp = notice.at.strftime("%Y%m%dT%H%M%SZ")
        label = _NOT_FOR_FILES.sub("-", f"{stamp}-{notice.ticket}-{notice.reason.value}")
        name = f"{label}-{_digest(notice.key)[:10]}.eml"
        temporary = self._folder / f".{name}.part"
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._folder / name)
        return name


class SmtpMail:
    """Hands mails to a mail server, one connection per mail.

    What the server may take later is RetryLater: every 4xx, no connection, and what is wrong
    with us rather than with the mail (login, sender, TLS). A 5xx about the reader or the mail
    itself is Rejected.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str = "",
        password: str = "",
        sender: str = "foretell@localhost",
        tls: Literal["starttls", "tls", "none"] = "starttls",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._host, self._port = host, port
        self._user, self._password = user, password
        self._sender = sender
        self._tls = tls
        self._timeout_s = timeout_s

    async def send(self, notice: Notice) -> Outcome:
        """Send one mail."""
        try:
            message = message_of(notice, self._sender)
        except (ValueError, MessageError) as error:
            return Rejected(f"the mail cannot be built: {error}")
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._user or None,
                password=self._password or None,
                use_tls=self._tls == "tls",
                start_tls=self._tls == "starttls",
                timeout=self._timeout_s,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refused(error.recipients[0] if error.recipients else error)
        except (aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPSenderRefused) as error:
            return RetryLater(f"the mail server does not accept us: {error}")
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            return RetryLater(f"the mail server cannot be reached: {error}")
        return Sent(message["Message-ID"])


def _refused(error: aiosmtplib.SMTPException) -> Outcome:
    code = getattr(error, "code", 0)
    said = f"the mail server answers {code}: {getattr(error, 'message', error)}"
    return Rejected(said) if 500 <= code < 600 else RetryLater(said)


def _digest(*parts: str) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
