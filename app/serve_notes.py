"""What an operator should know of settings that work, but are rarely meant so."""

from __future__ import annotations

from pathlib import Path

from app.settings import Settings
from app.token_store import TokenReader
from domain.stores import StoreUnavailableError


def notes_on(settings: Settings) -> list[str]:
    """Return what an operator should know of settings that work, but are rarely meant so."""
    notes = []
    if not settings.smtp.host:
        notes.append(
            f"no mail server is set (smtp.host): mails are files in {settings.data}/mail"
        )
    if not settings.texts.phone:
        notes.append(
            "no phone number is set (texts.phone): notices name none,"
            " and every notice of danger opens a task for us"
        )
    if settings.fleet_path is None:
        notes.append(
            "no fleet is set (fleet): stations are taken on, but nobody is told of their faults"
        )
    if settings.ocpp.authorize == "list" and not _is_a_token_listed(settings.data):
        notes.append(
            "no token is listed (ocpp.authorize is list): nobody may charge;"
            " `foretell tokens import FILE` counts at once"
        )
    return notes


def _is_a_token_listed(data: Path) -> bool:
    reader = TokenReader(data)
    try:
        return reader.count() > 0
    except StoreUnavailableError:
        return True  # then everybody is accepted, and the log says why
    finally:
        reader.close()
