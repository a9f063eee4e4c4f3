"""The wording check: whether a text may go to a customer without a person looking at it.

Pure. Names, places, moments, links and numbers are taken out first, so that a site called "Port
North" is no jargon and a long place is one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from ticketing.wording import Limits, Turn, Wording

_NAME = "Nn"
_LINK = re.compile(r"\b(?:https?|mailto):\S+|\S+@\S+\.\S+")
_TICKET = re.compile(r"\bT-\d+\b")
_CAPITALS = re.compile(r"\b[A-ZÄÖÜ]{4,}\b")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\S*\w\S*")


class Finding(msgspec.Struct, frozen=True):
    """One thing the check objects to: what was said, and what to write instead."""

    rule: str
    said: str
    say: str = ""
    is_error: bool = True


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A filled notice before it is sent. `body` has no greeting and no signature.

    `names` are the values that are not ours to judge: people, sites, stations, places, numbers.
    """

    subject: str
    body: str
    language: str
    impact: str = ""
    reader_action: str = ""
    names: tuple[str, ...] = ()
    allows_apology: bool = False


def check_notice(draft: Draft, wording: Wording) -> tuple[Finding, ...]:
    """Return everything that speaks against sending the notice; errors stop it."""
    limits = wording.limits
    bare = {
        part: without_names(getattr(draft, part), draft.names, draft.language, wording)
        for part in ("subject", "body", "impact", "reader_action")
    }
    counts = (
        ("subject_characters", len(draft.subject), limits.subject_characters),
        ("text_words", length_of(draft.body), limits.text_words),
        ("sentences", len(list(_sentences(bare["body"]))), limits.sentences),
        ("impact_words", _words_in(bare["impact"]), limits.impact_words),
        ("reader_action_words", _words_in(bare["reader_action"]), limits.reader_action_words),
    )
    too_much = tuple(
        Finding(rule, f"{count} instead of at most {most}")
        for rule, count, most in counts
        if count > most
    )
    return too_much + check_text(
        f"{draft.subject}\n{draft.body}",
        draft.language,
        wording,
        names=draft.names,
        allows_apology=draft.allows_apology,
    )


def check_text(
    text: str,
    language: str,
    wording: Wording,
    *,
    names: Iterable[str] = (),
    allows_apology: bool = False,
) -> tuple[Finding, ...]:
    """Return what is wrong with a piece of text: its words, marks and sentence lengths."""
    bare = without_names(text, names, language, wording)
    found = [*_marks(bare, language, wording)]
    apologies = 0
    for turn in wording.turns[language]:
        for said in _hits(turn, bare):
            if turn.kind == "apology" and allows_apology:
                apologies += 1
                if apologies <= wording.limits.apologies:
                    continue
            found.append(Finding(f"{turn.kind}/{turn.id}", said, turn.say, turn.is_error))
    return tuple(found)


def without_names(text: str, names: Iterable[str], language: str, wording: Wording) -> str:
    """Return the text with names, moments, links and ticket numbers as one word each."""
    bare = _LINK.sub("", text)
    bare = re.sub(wording.limits.moments[language], _NAME, bare)
    spoken = {name for name in names if name.strip() and name in bare}
    for name in sorted(spoken, key=len, reverse=True):
        bare = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", _NAME, bare)
    return _TICKET.sub(_NAME, bare)


def fits(body: str, bare: str, limits: Limits) -> bool:
    """Tell whether a body is short enough; `bare` is the same without names."""
    is_short = length_of(body) <= limits.text_words
    return is_short and sum(1 for _ in _sentences(bare)) <= limits.sentences


def length_of(body: str) -> int:
    """Return how many words a reader reads; links count as none."""
    return _words_in(_LINK.sub("", body))


def _hits(turn: Turn, text: str) -> Iterator[str]:
    excepted = [match.span() for pattern in turn.excepted for match in pattern.finditer(text)]
    for match in turn.pattern.finditer(text):
        if not any(start <= match.start() and match.end() <= end for start, end in excepted):
            yield match.group()


def _marks(text: str, language: str, wording: Wording) -> Iterator[Finding]:
    limits = wording.limits
    if text.count("?") > limits.questions:
        yield Finding("questions", "?", "one question at most")
    if "!" in text:
        yield Finding("exclamation_marks", "!", ".")
    for pattern, rule in ((_CAPITALS, "words_in_capitals"), (_EMOJI, "emoji")):
        for match in pattern.finditer(text):
            yield Finding(rule, match.group())
    for sentence in _sentences(text):
        if _words_in(sentence) > limits.sentence_words[language]:
            yield Finding("sentence_words", sentence, "two sentences")


def _sentences(text: str) -> Iterator[str]:
    return (part for part in _SENTENCE_END.split(text) if _WORD.search(part))


def _words_in(text: str) -> int:
    return len(_WORD.findall(text))
