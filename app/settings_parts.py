"""The tables of the settings: what can be set about each part of the service."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

Port = Annotated[int, Field(ge=0, le=65_535)]
"""A TCP port; 0 lets the system choose a free one."""


class _Part(BaseModel):
    """A table of settings: nothing unknown in it, nothing changed after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)


class OcppSettings(_Part):
    """The central system that stations connect to."""

    port: Port = Field(
        default=9000, description="Port for OCPP over plain websockets; 0 chooses one."
    )
    port_tls: Port = Field(
        default=9443, description="Port for OCPP over TLS, once a certificate is set."
    )
    tls_cert: Path | None = Field(
        default=None, description="Certificate chain (PEM) for OCPP over TLS; needs tls_key."
    )
    tls_key: Path | None = Field(
        default=None, description="Private key (PEM) of the certificate."
    )
    tls_client_ca: Path | None = Field(
        default=None,
        description="Certificates (PEM) of those who sign stations' client certificates. With "
        "it stations are asked for one; its CN or a SAN must be the station's id, and it takes "
        "the password's place.",
    )
    require_client_cert: bool = Field(
        default=False,
        description="Take on stations with a client certificate only; needs tls_client_ca.",
    )
    unknown_stations: Literal["accept", "refuse"] = Field(
        default="accept",
        description="What becomes of a station that is not in the fleet file and has no "
        "password: it waits for its onboarding, or gets 404.",
    )
    allow_empty_password: bool = Field(
        default=False,
        description="Let a station that has a password come in with an empty one: some cannot "
        "be given any.",
    )
    authorize: Literal["accept", "list"] = Field(
        default="accept",
        description="What stations hear when a token is shown: that it may charge, always, or "
        "what the list of `foretell tokens` says.",
    )
    heartbeat_every_s: int = Field(
        default=300,
        ge=10,
        le=86_400,
        description="Heartbeat interval that boot answers name, seconds.",
    )
    ping_every_s: float = Field(
        default=60.0, ge=5, le=3_600, description="How often we ping a connection, seconds."
    )
    insecure: bool = Field(
        default=False,
        description="Listen beyond loopback even without TLS and station passwords.",
    )

    @model_validator(mode="after")
    def _what_tls_needs_comes_together(self) -> OcppSettings:
        if (self.tls_cert is None) != (self.tls_key is None):
            message = "tls_cert and tls_key must be set together"
            raise ValueError(message)
        if self.tls_client_ca is not None and self.tls_cert is None:
            message = "tls_client_ca needs tls_cert and tls_key"
            raise ValueError(message)
        if self.require_client_cert and self.tls_client_ca is None:
            message = "require_client_cert needs tls_client_ca"
            raise ValueError(message)
        return self

    @property
    def has_tls(self) -> bool:
        """Whether OCPP over TLS is offered."""
        return self.tls_cert is not None


class HttpSettings(_Part):
    """The web server: console, API and customers' pages."""

    port: Port = Field(default=8000, description="Port for HTTP; 0 chooses one.")
    public_url: HttpUrl | None = Field(
        default=None,
        description="Address under which people reach the web server, for links in notices; "
        "without it, http://HOST:PORT.",
    )


class JournalSettings(_Part):
    """How long raw frames are kept. Whole days are dropped, never today's."""

    retention_days: int = Field(default=30, ge=1, le=3_650, description="Days that are kept.")
    max_gb: float = Field(
        default=20.0, gt=0, description="Size at which the oldest days go, GB."
    )


class SmtpSettings(_Part):
    """The mail server. Without a host, mails are written to DATA/mail/*.eml."""

    host: str = Field(default="", description="Mail server; empty writes mails as files.")
    port: Port = Field(default=587, description="Its port.")
    user: str = Field(default="", description="Login; empty sends without one.")
    password: SecretStr = Field(default=SecretStr(""), description="Password of the login.")
    sender: str = Field(
        default="foretell@localhost",
        alias="from",
        min_length=3,
        pattern=r"^[^\r\n]*[^@\s]+@[^@\s]+$",
        description="Sender of notices, as in `Service desk <service@example.org>`.",
    )
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection to the mail server is protected."
    )


class TextSettings(_Part):
    """What notices say about us."""

    phone: str = Field(
        default="", description="Our phone number; without it that line is left out."
    )
    team_name: str = Field(
        default="Foretell", min_length=1, description="How notices are signed."
    )
    emergency_number: str = Field(
        default="",
        pattern=r"^[0-9 ]{0,12}$",
        description="Number to call in an emergency; without it that of the site's country.",
    )


class QuietSettings(_Part):
    """Hours, in each site's zone, in which notices that can wait do wait."""

    begins_at: time = Field(default=time(21), description="Start of the quiet hours.")
    ends_at: time = Field(default=time(7), description="End of the quiet hours.")


class LogSettings(_Part):
    """What the service writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe line that is written."
    )
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="auto: console on a terminal, json otherwise."
    )
