"""What core is made of, built from settings and what is on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.access import AccessStore
from app.data_lock import DataLock
from app.failures import Failures
from app.fleet_file import read_fleet
from app.interpret import Interpreter
from app.pipeline import Pipeline
from app.recovery import CoreSnapshot, load_snapshot
from app.rule_files import WORDS_FILE, load_rules
from app.settings import Settings
from app.site_view import BelievedSites
from app.token_store import TokenReader, authorize_by
from app.web.tokens import status_page_url
from domain.places import CustomerId, StationId, TicketId
from domain.ports import Channel, Clock, Recorder
from domain.registry import Registry
from gateway.journal import DayFileJournal
from ocpp_server.gate import GateRules, PasswordGate
from ocpp_server.limits import Limits
from ocpp_server.listener import Endpoint
from ocpp_server.naming import resolve_name
from ocpp_server.protocol import Dialect
from ocpp_server.tls import ServerTls
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v16.dialect import Dialect16
from rules.engine import Engine
from rules.state import EngineState
from ticketing.adapters.mail import FileMail, SmtpMail
from ticketing.desk import Desk
from ticketing.outbox import Outbox
from ticketing.settings import DeskSettings
from ticketing.store import TicketStore

TICKETS_FILE = "tickets.db"
ACCESS_FILE = "access.db"
SNAPSHOT_FILE = "snapshot"
JOURNAL_FOLDER = "journal"
MAIL_FOLDER = "mail"

MOST_STRANGERS = 20_000
"""Stations without an entry in the registry that are let in, ever: each takes some KiB of
memory and opens a task, and names are free to whoever can connect. Beyond it: 503."""

OLDEST = "ocpp1.6"
"""What is assumed of a station that offers no subprotocol of ours (quirk A1)."""

PROTOCOLS = ("ocpp2.1", "ocpp2.0.1", OLDEST)
"""Subprotocols spoken; of several that a station offers, the first of these is chosen."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The cores and stores, opened and consistent with each other."""

    registry: Registry
    journal: DayFileJournal
    store: TicketStore
    access: AccessStore
    tokens: TokenReader
    snapshot: CoreSnapshot | None
    snapshot_path: Path
    interpreter: Interpreter
    engine: Engine
    pipeline: Pipeline
    failures: Failures
    lock: DataLock

    def close(self) -> None:
        """Close every store, then let another core in."""
        self.journal.close()
        self.store.close()
        self.access.close()
        self.tokens.close()
        self.lock.close()


def build_parts(settings: Settings, clock: Clock) -> Parts:
    """Open the stores, read registry and rules, load the snapshot and the desk.

    Raises `DataBusyError`, `TlsFilesError`, and what the readers raise: FleetFileError,
    RuleFilesError, StoreTooNewError, ...
    """
    server_tls(settings)  # a wrong file is told before anything is opened
    settings.data.mkdir(parents=True, exist_ok=True)
    lock = DataLock(settings.data)  # before anything is opened: opening repairs and migrates
    try:
        return _build_parts(settings, clock, lock)
    except BaseException:
        lock.close()
        raise


def _build_parts(settings: Settings, clock: Clock, lock: DataLock) -> Parts:
    data = settings.data
    registry = read_fleet(settings.fleet_path) if settings.fleet_path else Registry()
    catalogue, dictionary = load_rules(settings.rules, data / WORDS_FILE)
    store = TicketStore(data / TICKETS_FILE)
    access = AccessStore(data / ACCESS_FILE)
    journal = DayFileJournal(data / JOURNAL_FOLDER, not_below=store.position())
    snapshot = load_snapshot(data / SNAPSHOT_FILE)
    state: EngineState | None = snapshot.engine if snapshot else None
    failures = Failures()
    engine = Engine(registry, catalogue, dictionary, state, failures.note)
    secret = access.secret

    def status_page(customer: CustomerId | None, ticket: TicketId) -> str:
        return status_page_url(secret, settings.public_url, customer, ticket)

    desk = Desk(
        registry,
        desk_settings(settings),
        status_page=status_page,
        view=BelievedSites(registry, engine),
        on_failure=failures.note,
    )
    loaded = store.load(now=clock.now())
    if loaded.next_number is not None:
        desk.load(loaded.tickets, loaded.next_number, at=loaded.watermark)
    return Parts(
        registry=registry,
        journal=journal,
        store=store,
        access=access,
        tokens=TokenReader(data),
        snapshot=snapshot,
        snapshot_path=data / SNAPSHOT_FILE,
        interpreter=Interpreter(snapshot.translations if snapshot else None),
        engine=engine,
        pipeline=Pipeline(engine, desk),
        lock=lock,
        failures=failures,
    )


def desk_settings(settings: Settings) -> DeskSettings:
    """Return the desk's part of the settings."""
    return DeskSettings(
        phone=settings.texts.phone,
        team_name=settings.texts.team_name,
        emergency_number=settings.texts.emergency_number,
        quiet_from=settings.quiet.begins_at,
        quiet_until=settings.quiet.ends_at,
    )


def make_endpoint(
    settings: Settings, parts: Parts, recorder: Recorder, clock: Clock
) -> Endpoint:
    """Build the OCPP endpoint."""
    authorize = authorize_by(parts.tokens) if settings.ocpp.authorize == "list" else None

    def make_dialect(station: StationId, protocol: str) -> Dialect:
        translation = parts.interpreter.connected(station, protocol)
        dialect = Dialect16 if protocol in ("", OLDEST) else Dialect2x
        return dialect(
            station,
            translation,
            heartbeat_every_s=settings.ocpp.heartbeat_every_s,
            authorize=authorize,
        )

    def resolve(name: str) -> StationId:
        return resolve_name(name, parts.registry.station_named)

    def evses(station: StationId) -> int:
        named = parts.registry.station_named(station)
        return parts.registry.stations[named].evses if named is not None else 0

    def has_room(station: StationId) -> bool:
        known, registered = parts.engine.fleet.stations, parts.registry.stations
        return station in known or len(known) - len(registered) < MOST_STRANGERS

    def is_unpinged(station: StationId) -> bool:
        believed = parts.engine.fleet.stations.get(station)
        return believed is not None and believed.is_unpinged

    ocpp = settings.ocpp
    limits = Limits(protocols=PROTOCOLS, ping_every_s=ocpp.ping_every_s)
    gate = PasswordGate(
        parts.access.station_password_hash,
        resolve,
        has_room,
        is_registered=parts.registry.stations.__contains__,
        rules=GateRules(
            accepts_unknown=ocpp.unknown_stations == "accept",
            allows_empty_password=ocpp.allow_empty_password,
            requires_certificate=ocpp.require_client_cert,
        ),
        key=parts.access.station_key,
        limits=limits,
    )
    return Endpoint(
        recorder, clock, gate, make_dialect, limits, evses=evses, is_unpinged=is_unpinged
    )


def make_outbox(settings: Settings, parts: Parts, clock: Clock) -> Outbox:
    """Build the outbox with the channels that are configured."""
    smtp = settings.smtp
    mail: Channel
    if smtp.host:
        mail = SmtpMail(
            host=smtp.host,
            port=smtp.port,
            user=smtp.user,
            password=smtp.password.get_secret_value(),
            sender=smtp.sender,
            tls=smtp.tls,
        )
    else:
        mail = FileMail(settings.data / MAIL_FOLDER, sender=smtp.sender)
    return Outbox(parts.store.outbox, {"email": mail}, clock)


def server_tls(settings: Settings) -> ServerTls | None:
    """Build our side of TLS for stations; None where no certificate is set.

    Raises `TlsFilesError`.
    """
    ocpp = settings.ocpp
    if ocpp.tls_cert is None or ocpp.tls_key is None:
        return None
    return ServerTls(ocpp.tls_cert, ocpp.tls_key, ocpp.tls_client_ca)
