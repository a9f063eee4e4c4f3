"""What a person is told when a command fails: never a traceback, unless they ask for one."""

from __future__ import annotations

import traceback

from app.cli_common import SURPRISE, USAGE, is_debugging, warn

MENDABLE = frozenset(
    {
        "app.backup_files.BackupError",
        "app.cli_common.CliError",
        "app.fleet_file.FleetFileError",
        "app.process_words.StartError",
        "app.rule_files.RuleFilesError",
        "app.rulelab.UnknownRuleError",
        "app.settings_load.BadSettingsError",
        "app.token_file.TokenFileError",
        "domain.stores.StoreTooNewError",
        "domain.stores.StoreUnavailableError",
    }
)
"""Errors whose message tells the person what to do. By name: their modules are loaded late."""


def report(error: Exception) -> int:
    """Say what went wrong in as many lines as it needs; return the exit status."""
    if is_debugging():
        traceback.print_exc()
    if not _is_mendable(error):
        warn(f"foretell: an error of ours: {type(error).__name__}: {_first_line(error)}")
        if not is_debugging():
            warn("set FORETELL_DEBUG=1 for the traceback")
        return SURPRISE
    for line in _told(error).splitlines() or [type(error).__name__]:
        warn(line)
    return USAGE


def _is_mendable(error: Exception) -> bool:
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if kinds & MENDABLE:
        return True
    # A path the person named: what the system says about it is the whole story.
    return isinstance(error, OSError) and error.filename is not None


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: cannot be opened: {error.strerror}"
    return str(error)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
