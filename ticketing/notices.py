"""Notices: one text for one reader on one occasion, checked before it leaves the desk.

Nothing is guessed: a sentence whose value is not known falls away. What fails the wording check
is not sent, except danger, which goes without the sentence that failed.
"""

from __future__ import annotations

import msgspec

from domain.tickets import Reader, Ticket
from ticketing.facts import Facts, gather
from ticketing.occasions import Occasion, Sources
from ticketing.phrasing import fill
from ticketing.shortening import fitting, lines_of, subject_of
from ticketing.wording import Pattern, Wording, language_or_default
from ticketing.wording_check import Draft, check_notice, check_text


class Written(msgspec.Struct, frozen=True):
    """A text that may go. `left_out`: what a danger notice had to do without, for a person."""

    subject: str
    text: str
    left_out: tuple[str, ...] = ()


class Unwritable(msgspec.Struct, frozen=True):
    """A text that may not go, and why."""

    because: str


class NoticeWriter:
    """Writes notices from facts and wording."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    @property
    def wording(self) -> Wording:
        """The words it writes with."""
        return self._sources.wording

    def write(self, ticket: Ticket, reader: Reader, occasion: Occasion) -> Written | Unwritable:
        """Write one notice in the reader's language and for their role."""
        language = language_or_default(reader.language)
        facts = gather(ticket, reader, occasion, self._sources)
        if facts is None:
            return Unwritable("the customer or the site is not registered")
        pattern = self.wording.patterns[facts.pattern][language]
        values = fitting(pattern, facts, language, self.wording)
        if occasion.is_danger:
            lines, left_out = self._without_failing(pattern, values, facts, language)
        else:
            lines, left_out = lines_of(pattern, values), ()
        if not facts.values.get("impact") and occasion.promise_at is not None:
            left_out += ("what it means for charging is not known",)
            if not occasion.is_danger:
                return Unwritable(left_out[-1])
        subject = subject_of(pattern, values, self.wording)
        draft = self._draft(subject, lines, values, facts, language)
        errors = [f for f in check_notice(draft, self.wording) if f.is_error]
        if errors:
            because = "; ".join(f"{finding.rule}: {finding.said}" for finding in errors)
            if not occasion.is_danger:
                return Unwritable(f"the wording check objects: {because}")
            left_out += (because,)
        if reader.channel == "sms":
            return Written(subject, self._short(subject, lines, facts, language), left_out)
        return Written(subject, self._letter(lines, facts, reader, language), left_out)

    def _without_failing(
        self, pattern: Pattern, values: dict[str, str], facts: Facts, language: str
    ) -> tuple[list[str], tuple[str, ...]]:
        lines: list[str] = []
        left_out = list(facts.missing)
        for sentences in pattern.lines:
            kept: list[str] = []
            for sentence in sentences:
                said = fill(sentence, values)
                errors = [
                    finding
                    for finding in check_text(said, language, self.wording, names=facts.names)
                    if finding.is_error
                ]
                if errors:
                    left_out.append(f"{errors[0].rule}: {said}")
                elif said:
                    kept.append(said)
            if kept:
                lines.append(" ".join(kept))
        return lines, tuple(left_out)

    def _draft(
        self,
        subject: str,
        lines: list[str],
        values: dict[str, str],
        facts: Facts,
        language: str,
    ) -> Draft:
        return Draft(
            subject=subject,
            body="\n".join(lines),
            language=language,
            impact=values.get("impact", "").partition(". ")[0],
            reader_action=values.get("reader_action", ""),
            names=facts.names,
            allows_apology=facts.is_sorry,
        )

    def _letter(self, lines: list[str], facts: Facts, reader: Reader, language: str) -> str:
        greeting = fill(
            self.wording.phrase("other", "greeting", language),
            {"contact_name": facts.contact_name},
        ) or self.wording.phrase("other", "greeting_plain", language)
        return (
            "\n\n".join((greeting, "\n".join(lines), self._sources.settings.team_name)) + "\n"
        )

    def _short(self, subject: str, lines: list[str], facts: Facts, language: str) -> str:
        """Return subject, first two sentences and phone, as far as they fit."""
        sentences = [part for line in lines for part in _sentences(line)][:2]
        for count in (2, 1, 0):
            parts = [f"{subject}.", *sentences[:count], facts.values.get("call_phone", "")]
            text = " ".join(part for part in parts if part)
            if len(text) <= self.wording.limits.sms_characters:
                return text
        return subject[: self.wording.limits.sms_characters]


def _sentences(line: str) -> list[str]:
    parts = line.replace(". ", ".\n").split("\n")
    merged: list[str] = []
    for part in parts:
        # "Mo., 5. Jan., 09:12": a full stop before a number or after one ends no sentence.
        if merged and (merged[-1].rstrip(".")[-1:].isdigit() or not part[:1].isupper()):
            merged[-1] = f"{merged[-1]} {part}"
        else:
            merged.append(part)
    return merged
