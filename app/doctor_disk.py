"""Judging what is on the disk: data directory, stores, fleet file, rules. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.doctor_facts import Facts, Finding, StoreFacts, ok, problem, warning

NO_ROOM_BYTES = 1_000_000_000
"""Free space below which the next day may fill the disk: then stations get no answers."""

SLOW_SYNC_MS = 25.0
"""From here on stations wait noticeably; a disk that turns takes about 10."""

TOO_SLOW_SYNC_MS = 250.0
"""From here on a storm of reconnects takes minutes: something is wrong with the disk."""

FEW_FILES = 10_240
"""Below it a fleet of thousands does not get in; systems allow 1,024 by default."""

_SHOWN = 3  # of many mistakes; `fleet check` shows all


def check_data(facts: Facts) -> Iterator[Finding]:
    """Judge the data directory."""
    data, check = facts.data, "data"
    if data.refusal:
        do = "give it to the user that runs the service, or name another with --data"
        yield problem(check, f"{data.folder} cannot be written: {data.refusal}", do)
        return
    if not data.is_there:
        yield ok(check, f"{data.folder} is not there yet: the first start makes it")
    elif not data.is_private:
        do = f"chmod 700 {data.folder}"
        yield warning(check, f"other users can look into {data.folder}", do)
    else:
        yield ok(check, f"{data.folder} can be written")
    if data.free_bytes < NO_ROOM_BYTES:
        do = "make room: on a full disk stations get no answers until there is some"
        yield problem(check, f"{_gb(data.free_bytes)} are free on its disk", do)


def check_disk_speed(facts: Facts) -> Iterator[Finding]:
    """Judge how long a durable write takes: every answer waits for one."""
    sync_ms, check = facts.data.sync_ms, "disk-speed"
    if sync_ms is None:
        yield ok(check, "not measured: nothing can be written there")
        return
    says = f"a write is durable after {sync_ms:.1f} ms"
    if sync_ms >= TOO_SLOW_SYNC_MS:
        yield problem(check, says, "move --data to another disk: stations wait for this one")
    elif sync_ms >= SLOW_SYNC_MS:
        do = "prefer a local SSD to a network share or a disk that others keep busy"
        yield warning(check, says, do)
    else:
        yield ok(check, says)


def check_retention(facts: Facts) -> Iterator[Finding]:
    """Judge whether the journal fits: as it grew until now, or as large as it may become."""
    limits, data = facts.settings.journal, facts.data
    at_most = limits.max_gb * 1e9
    if data.journal_days > 1:
        at_most = min(at_most, data.journal_bytes / data.journal_days * limits.retention_days)
    to_come = max(at_most - data.journal_bytes, 0)
    says = f"raw frames take {_gb(data.journal_bytes)} and will take up to {_gb(at_most)}"
    if to_come > data.free_bytes - NO_ROOM_BYTES:
        do = "lower journal.max_gb or journal.retention_days, or give the disk more room"
        yield warning("retention", f"{says}; {_gb(data.free_bytes)} are free", do)
    else:
        yield ok("retention", says)


def check_stores(facts: Facts) -> Iterator[Finding]:
    """Judge every store that is there."""
    if not facts.stores:
        yield ok("stores", "none yet: the first start makes them")
        return
    findings = [found for store in facts.stores for found in _store(store)]
    yield from findings
    if not findings:
        yield ok("stores", f"{', '.join(store.name for store in facts.stores)}: readable")


def _store(store: StoreFacts) -> Iterator[Finding]:
    if store.trouble:
        do = "restore it from a backup (`foretell restore`), or ask for help with the file"
        yield problem("stores", f"{store.name} cannot be read: {store.trouble}", do)
    elif store.version == "newer":
        do = "run that release, or restore a backup of before it"
        yield problem("stores", f"{store.name} is of a newer release", do)
    elif store.version == "older":
        says = f"{store.name} is of an older release: the next start brings it up to date"
        yield ok("stores", f"{says}, and keeps a copy")


def check_secret(facts: Facts) -> Iterator[Finding]:
    """Judge the key that signs sessions and links, and keys stations' passwords."""
    if facts.secret_trouble:
        do = "restore the file `secret` from a backup; keep it readable by its owner only"
        yield problem("secret", facts.secret_trouble, do)
    else:
        yield ok("secret", "as it should be")


def check_open_files(facts: Facts) -> Iterator[Finding]:
    """Judge how many connections the system lets us have."""
    limit, stations = facts.file_limit, len(facts.fleet.stations)
    says = f"{limit} files and connections at once"
    do = "raise it: LimitNOFILE=65536 in the service's unit, or ulimit -n"
    if stations * 2 > limit:
        yield problem("open-files", f"{says}, and {stations} stations", do)
    elif limit < FEW_FILES:
        yield warning("open-files", says, do)
    else:
        yield ok("open-files", says)


def check_fleet(facts: Facts) -> Iterator[Finding]:
    """Judge the fleet file, and whether anybody hears of faults."""
    fleet = facts.fleet
    if fleet.path is None:
        do = "set `fleet`, or `foretell fleet import FILE`"
        yield warning("fleet", "no fleet: nobody is told of faults", do)
    elif fleet.mistakes:
        more = len(fleet.mistakes) - _SHOWN
        some = "; ".join(fleet.mistakes[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        yield problem("fleet", some, f"`foretell fleet check {fleet.path}` lists all of them")
    elif fleet.sites_without_readers:
        says = f"{fleet.sites_without_readers} sites have nobody who would get a notice"
        yield warning("fleet", says, "add contacts to their customers")
    else:
        yield ok("fleet", f"{fleet.path}: {len(fleet.stations)} stations")


def check_rules(facts: Facts) -> Iterator[Finding]:
    """Judge the rules."""
    if facts.rules_trouble:
        do = "`foretell rules check` lists every mistake"
        yield problem("rules", facts.rules_trouble, do)
    else:
        folder = facts.settings.rules
        yield ok("rules", "those that come with Foretell" if folder is None else str(folder))


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
