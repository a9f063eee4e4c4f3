"""Settings: one typed, frozen object, read once at the start and passed down.

Sources in rising order of strength: the TOML file, the environment, flags. What is wrong is
reported with its source (file and line, variable or flag), its key and what was expected.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.settings_parts import (
    HttpSettings,
    JournalSettings,
    LogSettings,
    OcppSettings,
    QuietSettings,
    SmtpSettings,
    TextSettings,
)
from domain.places import StationId

ENV_PREFIX = "FORETELL_"
CONFIG_NAME = "foretell.toml"
"""The settings file that is read from the data directory where there is one."""


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
    def plain_host(self) -> str:
        """Where plain websockets are taken: beyond loopback only if TLS is nobody's choice."""
        if self.is_loopback or self.ocpp.insecure or not self.ocpp.has_tls:
            return self.host
        return "127.0.0.1"  # passwords would cross the network in clear

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
    and a password for every registered station or a certificate asked of all, or `insecure`
    must say that this is meant.
    """
    if settings.is_loopback or settings.ocpp.insecure:
        return None
    advice = "or say --insecure if this network is closed to strangers"
    if not settings.ocpp.has_tls:
        return f"{settings.host} is not loopback: set ocpp.tls_cert and ocpp.tls_key, {advice}"
    if settings.ocpp.require_client_cert:
        return None
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
