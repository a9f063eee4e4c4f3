"""The words: complete in every language, within the limits, and clean by their own check."""

import re

import pytest
import yaml

from domain import codes as known_codes
from ticketing.phrasing import fill
from ticketing.wording import (
    LANGUAGES,
    WordingError,
    language_or_default,
    load_wording,
    parse_wording,
)
from ticketing.wording_check import check_text

W = load_wording()
MREC = [f"CX{number:03}" for number in range(1, 27)]
OCPP_16 = [
    "ConnectorLockFailure", "EVCommunicationError", "GroundFailure", "HighTemperature",
    "InternalError", "LocalListConflict", "OtherError", "OverCurrentFailure", "OverVoltage",
    "PowerMeterFailure", "PowerSwitchFailure", "ReaderFailure", "ResetFailure",
    "UnderVoltage", "WeakSignal",
]  # fmt: skip
OURS = [
    "offline", "silent", "boot-loop", "connection-flapping", "deaf", "queue-blocked",
    "stuck-status", "no-energy", "meter-frozen", "meter-implausible", "failed-starts",
    "authorization-failing", "phase-missing", "degraded", "load-limit", "disuse",
    "clock-wrong", "update-failed", "certificate-expiring", "security-event",
    "gateway-lost", "site-dark", "unknown-code",
]  # fmt: skip
PATTERNS = [
    "opened_point", "opened_station", "opened_site", "opened_danger", "added",
    "update_news", "update_no_news", "reopened", "resolved_status", "resolved_session",
    "resolved_connection", "resolved_fault", "resolved_part", "retracted",
]  # fmt: skip
NAMES = {
    "place": "Nn", "at_place": "at Nn", "place_subject": "Nn", "place_full": "Nn, Nn",
    "site_name": "Nn", "phone": "Nn", "emergency_number": "112", "ticket": "T-1001",
    "status_page": "https://x.example/s/1", "effect": "Nn", "impact": "Nn.", "since": "Nn",
    "next_update_at": "Nn", "meanwhile": "", "action": "", "reader_action": "",
}  # fmt: skip


@pytest.mark.parametrize("code", MREC + OCPP_16 + OURS)
def test_every_code_has_words_in_every_language(code):
    words = W.faults[code]
    assert words.agent
    assert words.effect in W.phrases["effect"]
    for language in LANGUAGES:
        assert words.texts[language].impact.endswith(".")


def test_every_code_of_the_fault_words_is_known_and_the_other_way_round():
    assert set(W.faults) == {*MREC, *OCPP_16, *OURS}
    for code in getattr(known_codes, "DANGER", ()):
        assert W.faults[code].level == "danger", code


@pytest.mark.parametrize("code", sorted(W.faults))
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentences_of_a_code_pass_the_check_and_its_limits(code, language):
    text = W.faults[code].texts[language]
    for template in (text.impact, text.reader_action, text.faulted):
        said = fill(template, NAMES)
        assert bool(said) == bool(template)
        assert not re.search(r"[\[\]{}|]", said)
        assert check_text(said, language, W) == ()
    generic = ("faulted", "reported", "danger")
    for key in generic if text.finding else ():
        template = W.phrase("impact", key, language)
        said = fill(template, NAMES | {"finding": text.finding})
        assert check_text(said, language, W) == (), said
    assert len(fill(text.reader_action, NAMES).split()) <= W.limits.reader_action_words + 8
    first = fill(text.impact, NAMES).partition(". ")[0]
    assert len(first.split()) <= W.limits.impact_words


@pytest.mark.parametrize("code", sorted(W.faults))
def test_danger_tells_people_what_to_do_even_without_a_phone(code):
    words = W.faults[code]
    if words.level != "danger":
        return
    for language in LANGUAGES:
        without = fill(words.texts[language].reader_action, NAMES | {"phone": ""})
        assert without
        assert "Nn" not in without


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_pattern_is_there_and_passes_the_check(name, language):
    pattern = W.patterns[name][language]
    for sentences in pattern.lines:
        for sentence in sentences:
            said = re.sub(r"\{[a-z_]+\}", "Nn", sentence)
            allowed = name in ("retracted", "reopened")
            assert check_text(said, language, W, allows_apology=allowed) == (), said
    assert {name for name in W.patterns} == set(PATTERNS)


def test_both_languages_of_a_pattern_say_the_same_things():
    for name, by_language in W.patterns.items():
        used = [
            sorted(re.findall(r"\{[a-z_]+\}", f"{p.subject} {p.lines}"))
            for p in by_language.values()
        ]
        assert used[0] == used[1], name


@pytest.mark.parametrize("name", [n for n in PATTERNS if not n.startswith(("resol", "retr"))])
def test_a_notice_about_something_that_lasts_says_when_they_hear_next(name):
    for pattern in W.patterns[name].values():
        assert "{next_update_at}" in str(pattern.lines)
        assert "{ticket}" in str(pattern.lines)
        assert "{impact}" in str(pattern.lines)


def test_phrases_pass_the_check_in_both_languages():
    for group, rows in W.phrases.items():
        for key, said in rows.items():
            if group == "emergency" or not said:
                continue
            assert len(said) == len(LANGUAGES), (group, key)
            for language, phrase in zip(LANGUAGES, said, strict=True):
                bare = re.sub(r"\{[a-z_]+\}", "Nn", phrase)
                bare = re.sub(r"\[([^\[\]|]*)\|?[^\[\]]*\]", r"\1", bare)
                late = key == "late"
                assert check_text(bare, language, W, allows_apology=late) == (), phrase


def test_a_language_without_words_reads_english_and_dialects_their_language():
    assert [language_or_default(word) for word in ("de-AT", "DE", "fr", "", "en_GB")] == [
        "de",
        "de",
        "en",
        "en",
        "en",
    ]


def test_an_unknown_code_reads_as_an_unnamed_fault():
    assert W.of_code("0x17") is W.faults["OtherError"]


def test_emergency_numbers_by_country():
    numbers = [W.emergency_number(country) for country in ("DE", "us", "")]
    assert numbers == ["112", "911", "112"]


@pytest.mark.parametrize("name", ["faults", "phrases", "patterns", "limits", "check_en"])
def test_words_that_cannot_be_read_say_so(name):
    from importlib.resources import files

    documents = {
        one: files("ticketing.wording").joinpath(f"{one}.yaml").read_text(encoding="utf-8")
        for one in ("faults", "phrases", "patterns", "limits", "check_en", "check_de")
    }
    documents[name] = yaml.safe_dump({"x": {"y": 1}}) if name != "check_en" else "a: [{id: x}]"
    with pytest.raises(WordingError):
        parse_wording(documents)


def test_fill_drops_a_sentence_without_its_value_and_never_reads_values_as_templates():
    assert fill("a {b} c", {}) == ""
    assert fill("a {b} c", {"b": "{d}"}) == "a {d} c"
    assert fill("x[ and {b}|, y].", {"b": ""}) == "x, y."
    assert fill("x[ and {b}].", {"b": "1"}) == "x and 1."
