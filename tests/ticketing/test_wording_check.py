"""The wording check: catches what we do not say, and lets through what only looks like it."""

import pytest

from ticketing.wording import load_wording
from ticketing.wording_check import Draft, check_notice, check_text, without_names

W = load_wording()

GOOD = {
    "en": [
        "Nobody could charge there on Mon 5 Jan, 09:12.",
        "The visit is booked for Tue 5 May, 08:00 to 10:00.",
        "We continue as soon as we have your answer.",
        "You may park there while charging is not possible.",
        "More charging attempts than usual fail there.",
        "The airport site is connected again.",
        "The report is on the page.",
        "If you did not get the first message, it is on the page.",
        "You will hear from us by Mon 5 Jan, 16:00, even if nothing has changed.",
    ],
    "de": [
        "Der Schutz gegen Stromschlag hat abgeschaltet.",
        "Das betrifft sowohl Ladepunkt 1 als auch Ladepunkt 2.",
        "Sobald Ihre Antwort da ist, arbeiten wir weiter.",
        "Der Netzbetreiber arbeitet an der Leitung.",
        "Haben Sie das Kabel nicht dabei, nutzen Sie ein anderes.",
        "Niemand konnte dort laden.",
        "Sie haben nichts zu tun.",
        "Guten Morgen",
        "Die dreifache Leistung ist möglich.",
    ],
}
BAD = {
    "en": [
        "Your charging station should be working again.",
        "There seems to be a problem at your site.",
        "We will get back to you as soon as possible.",
        "Kindly check all fuses and reboot the charger.",
        "It is probably the network.",
        "We sincerely apologise for any inconvenience.",
        "You did not plug in the cable correctly.",
        "EVSE 1 is Faulted with CX014.",
        "Simply unplug the cable, it is really easy.",
        "The repairman will call you when he arrives.",
        "We would like to inform you of this.",
        "Do it now!",
        "READ this: it is WRONG and LOUD.",
        "It works 😀",
        "Is it lit? Is it warm?",
        "Value {place} is missing.",
    ],
    "de": [
        "Ihre Ladestation müsste jetzt wieder funktionieren.",
        "An Ihrem Standort scheint es ein Problem zu geben.",
        "Der Vorgang wird mit Hochdruck bearbeitet.",
        "Wir melden uns zeitnah bei Ihnen.",
        "Vermutlich liegt es am Netzwerk.",
        "Wir entschuldigen uns vielmals für die Unannehmlichkeiten.",
        "Sie haben das Kabel falsch eingesteckt.",
        "EVSE 1 ist Faulted mit CX014.",
        "Ziehen Sie einfach das Kabel ab.",
        "Hiermit möchten wir Sie darüber informieren.",
        "Die Ladesäule ist offline.",
        "Unser Techniker meldet sich bei dir.",
    ],
}


@pytest.mark.parametrize(("language", "text"), [(l, t) for l in GOOD for t in GOOD[l]])  # noqa: E741
def test_what_only_looks_wrong_passes(language, text):
    assert [f for f in check_text(text, language, W) if f.is_error] == []


@pytest.mark.parametrize(("language", "text"), [(l, t) for l in BAD for t in BAD[l]])  # noqa: E741
def test_what_we_do_not_say_is_caught(language, text):
    assert [f for f in check_text(text, language, W) if f.is_error]


def test_names_are_not_judged():
    names = ("Port North", "RFID Works", "EVSE-07")
    text = "Charging station EVSE-07 of RFID Works at Port North is ready."
    assert check_text(text, "en", W, names=names) == ()
    assert check_text(text, "en", W)


def test_a_name_is_taken_out_only_as_a_whole_word():
    assert without_names("Nord und Norden", ("Nord",), "de", W) == "Nn und Norden"


def test_one_apology_passes_where_it_is_due_and_a_second_does_not():
    text = "We are sorry that it is late."
    assert check_text(text, "en", W, allows_apology=True) == ()
    assert check_text(text, "en", W)
    assert check_text(f"{text} We are sorry.", "en", W, allows_apology=True)


def test_a_long_sentence_is_an_error_and_german_moments_end_none():
    long = "Der Ladepunkt ist " + "sehr " * 22 + "warm."
    assert [f.rule for f in check_text(long, "de", W)] == ["sentence_words"]
    fine = "Sie hören bis Di., 6. Jan., 16:00 Uhr auf jeden Fall von uns. " * 3
    assert check_text(fine, "de", W) == ()


@pytest.mark.parametrize(
    ("draft", "rule"),
    [
        (Draft(subject="x" * 91, body="Fine.", language="en"), "subject_characters"),
        (Draft(subject="s", body="Good word. " * 45, language="en"), "text_words"),
        (Draft(subject="s", body="Good. " * 11, language="en"), "sentences"),
        (Draft(subject="s", body="b", language="en", impact="w " * 19), "impact_words"),
        (Draft(subject="s", body="b", language="en", reader_action="w " * 21),
         "reader_action_words"),
    ],
)  # fmt: skip
def test_limits(draft, rule):
    assert rule in [finding.rule for finding in check_notice(draft, W)]
