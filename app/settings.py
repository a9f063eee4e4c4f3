"""Settings: one typed, frozen object, read once at the start and passed down.

Sources in rising order of strength: the TOML file, the environment, flags. What is wrong is
reported with its source (file and line, variable or flag), its key and what was expected.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from domain.places import StationId

ENV_PREFIX = "FORETELL_"
CONFIG_NAME = "foretell.toml"
"""The settings file that is read from the data directory where there is one."""

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
    def _certificate_and_key_come_together(self) -> OcppSettings:
        if (self.tls_cert is None) != (self.tls_key is None):
            message = "tls_cert and tls_key must be set together"
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


class Settings(BaseSettings):
    """Everything that can be set. Built by `app.settings_load.load_settings`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
    )

    data: Path = Field(default=Path("data"), description="Directory of every store.")
    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    fleet: Path | None = Field(
        default=None,
        description="Fleet file or folder; without it DATA/fleet.yaml where there is one.",
    )
    rules: Path | None = Field(
        default=None,
        description="Folder of rules; without it the rules that come with Foretell.",
    )
    demo: bool = Field(
        default=False, description="Log people in by themselves, on loopback only; for `demo`."
    )
    one_process: bool = Field(
        default=False, description="Run everything in one process (tests)."
    )
    ocpp: OcppSettings = OcppSettings()
    http: HttpSettings = HttpSettings()
    journal: JournalSettings = JournalSettings()
    smtp: SmtpSettings = SmtpSettings()
    texts: TextSettings = TextSettings()
    quiet: QuietSettings = QuietSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing by itself: `load_settings` hands in what it read from all sources."""
        return (init_settings,)

    @model_validator(mode="after")
    def _demo_stays_on_loopback(self) -> Settings:
        if self.demo and not self.is_loopback:
            message = "demo logs people in by itself and is refused on an open address"
            raise ValueError(message)
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach us."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # a name: we cannot know what it resolves to tomorrow

    @property
    def public_url(self) -> str:
        """Address of the web server for people, without a slash at its end."""
        if self.http.public_url is not None:
            return str(self.http.public_url).rstrip("/")
        return self.local_url

    @property
    def local_url(self) -> str:
        """Address of the web server for programs on this machine."""
        return f"http://{_reachable(self.host)}:{self.http.port}"

    @property
    def address_path(self) -> Path:
        """Where a running service leaves its address for the command line of this machine."""
        return self.data / "address"

    @property
    def link_path(self) -> Path:
        """The Unix socket of core, for the web process and the command line."""
        return self.data / "core.sock"

    @property
    def fleet_path(self) -> Path | None:
        """The fleet file to read: as set, else the imported one, else None."""
        if self.fleet is not None:
            return self.fleet
        imported = self.imported_fleet
        return imported if imported.exists() else None

    @property
    def imported_fleet(self) -> Path:
        """Where `foretell fleet import` puts the fleet."""
        return self.data / "fleet.yaml"


def _reachable(host: str) -> str:
    """Turn an address to listen on into one to connect to."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def reason_to_refuse(
    settings: Settings,
    *,
    stations: Collection[StationId],
    with_password: Collection[StationId],
) -> str | None:
    """Say why the service must not start on this address; None where it may.

    Beyond loopback anybody could speak in a station's name, or read along: there must be TLS,
    and a password for every registered station, or `insecure` must say that this is meant.
    """
    if settings.is_loopback or settings.ocpp.insecure:
        return None
    advice = "or say --insecure if this network is closed to strangers"
    if not settings.ocpp.has_tls:
        return f"{settings.host} is not loopback: set ocpp.tls_cert and ocpp.tls_key, {advice}"
    missing = sorted(set(stations) - set(with_password))
    if missing:
        some = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        return (
            f"{settings.host} is not loopback and {len(missing)} of {len(stations)} stations "
            f"have no password ({some}): `foretell station password ID` sets one, {advice}"
        )
    if not with_password:
        return (
            f"{settings.host} is not loopback and no station has a password: "
            f"`foretell station password ID` sets one, {advice}"
        )
    return None
