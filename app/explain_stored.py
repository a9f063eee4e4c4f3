"""An explanation from the stores of a data directory, where no service runs on it."""

from __future__ import annotations

from pathlib import Path

from app.core_parts import JOURNAL_FOLDER, TICKETS_FILE
from app.core_rules import in_force
from app.explain import ExplanationView, Rules, explanation_of, positions_of
from app.rule_files import WORDS_FILE, RuleFilesError, load_rules
from gateway.journal_reader import JournalReader
from ticketing.store_reading import TicketReader


def stored_explanation(data: Path, rules: Path | None, ticket: str) -> ExplanationView | None:
    """Explain a ticket from the stores below `data`; None where there is no such ticket.

    Whoever can read the stores may read them as they are: nothing is masked. Raises what the
    stores raise where they cannot be read.
    """
    tickets = TicketReader(data / TICKETS_FILE)
    try:
        found = tickets.ticket(ticket)
        if found is None:
            return None
        page = tickets.notices(ticket=ticket, limit=500, is_newest_first=False)
    finally:
        tickets.close()
    entries = JournalReader(data / JOURNAL_FOLDER).at(positions_of(found))
    return explanation_of(
        found, page.items, entries, _rules(rules, data / WORDS_FILE), is_raw=True
    )


def _rules(folder: Path | None, words: Path) -> Rules:
    try:
        catalogue, _ = load_rules(folder, words)
    except RuleFilesError:
        return Rules()  # what happened is told without them
    known = in_force(catalogue)
    return Rules.of(known.version, known.rules)
