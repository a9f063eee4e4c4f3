"""Every vendor word means what its entry says, when a station's own frame brings it."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.rule_files import SHIPPED, RuleFilesError, load_rules
from domain.codes import MREC, MREC_NAMES, MREC_OF_V16, V16_ONLY
from domain.events import ErrorRaised, ErrorReport, StatusReported
from domain.faults import Severity
from domain.places import StationId
from ocpp_server.translate import Translation
from rules.dictionary import Dictionary, Meaning, VendorCode, canonical

ENTRIES = msgspec.convert(
    yaml.safe_load((SHIPPED / "dictionary.yaml").read_text("utf-8")), list[VendorCode]
)
DICTIONARY = Dictionary(ENTRIES)
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def name_of(entry):
    said = entry.word or entry.phrase or entry.shape or entry.text or entry.words[0]
    return f"{entry.vendor} {said}".strip()


def error_in(frame):
    """Read a frame as the endpoint does; return the one error report it brings."""
    is_2x = json.loads(frame)[2] == "NotifyEvent"
    protocol = "ocpp2.0.1" if is_2x else "ocpp1.6"
    translation = Translation(station=StationId("N-001"), protocol=protocol)
    events = translation.received(frame.encode(), at=NOW, position=1)
    told = [event for event in events if isinstance(event, StatusReported | ErrorRaised)]
    assert len(told) == 1
    return told[0].error


def examples(entry):
    """The entry's frame, once with each of its words."""
    first = entry.words[0] if entry.words else ""
    for word in entry.words or ("",):
        yield entry.example.replace(
            f'"vendorErrorCode":"{first}"', f'"vendorErrorCode":"{word}"'
        )


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_an_example_means_what_its_entry_says(entry):
    assert entry.source
    for frame in examples(entry):
        meaning = DICTIONARY.meaning(error_in(frame), entry.make)
        assert meaning.unknown == ()
        assert meaning.severity == entry.severity
        if entry.meaning == "none":
            assert meaning.codes == ()
        elif entry.meaning:
            assert meaning.codes == (entry.meaning,)


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_an_example_names_its_word(entry):
    assert len(set(examples(entry))) == max(len(entry.words), 1)


def test_no_vendor_word_is_listed_twice():
    words = [
        (entry.vendor.casefold(), word.casefold())
        for entry in ENTRIES
        for word in (entry.words or (entry.word,))
        if word
    ]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("error", "make"),
    [
        (ErrorReport("NoError", "com.wallbox", "", ""), ""),
        (ErrorReport("NoError", "EV-BOX", "", "230"), "EVBox"),
        (ErrorReport("NoError", "", "", '{"reason":"plugInGun","cpv":0,"rv":0}'), "EN+"),
        (ErrorReport("NoError", "generalConfiguration", "", ""), ""),
    ],
)
def test_what_comes_beside_no_error_is_no_fault(error, make):
    assert not DICTIONARY.meaning(error, make).codes


@pytest.mark.parametrize(
    "payload",
    [
        {"vendorErrorCode": "", "vendorId": "com.wallbox"},
        {"vendorErrorCode": "0x00"},
        {"vendorErrorCode": "0x0000", "info": "null"},
        {"vendorErrorCode": "none", "info": "none", "vendorId": "ABL"},
        {"info": "No error.", "vendorErrorCode": "0"},
        {"info": "Status Update", "vendorId": "MENNEKES"},
        {"info": "", "vendorId": ""},
        {"VendorErrorCode": None, "level": "Info"},
        {"info": "B;400"},
        {"info": "C;330"},
        {"info": "B;210"},
        {"info": "Pilot and Charger:10h", "vendorId": "UC"},
        {"info": "Pilot and Charger:20h", "vendorId": "UC"},
        {"info": "SCN(16A)", "errorCode": "Charging"},
        {"vendorErrorCode": "AMINA_INFO", "severity": 1, "vendorId": "amina"},
        {"vendorErrorCode": "0" * 32, "vendorId": "EN+"},
        {"errorCode": "No_Fault", "vendorErrorCode": "no faults", "info": "No error detected."},
        {"errorCode": "noerror", "vendorErrorCode": "NIL", "info": "Fault: none"},
        {"vendorErrorCode": "OK", "info": "normal"},
    ],
)
def test_every_spelling_of_no_error_is_no_error(payload):
    whole = {"connectorId": 1, "errorCode": "NoError", "status": "Available", **payload}
    assert error_in(json.dumps([2, "1", "StatusNotification", whole])) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("groundFailure", "CX002"),
        ("mode3Error", "EVCommunicationError"),
        ("overCurrentFailure", "CX004"),
        ("powerSwitchFailure", "CX017"),
    ],
)
def test_benders_internal_names_need_no_entry(name, code):
    assert DICTIONARY.meaning(ErrorReport(name)).codes == (code,)


def test_a_resolution_ends_only_its_own_error():
    said = ErrorReport("HighTemperature", text="Residual current situation resolved")
    assert DICTIONARY.meaning(said).codes == ("CX003",)


def test_the_worst_of_several_evgo_codes_counts():
    said = ErrorReport("OtherError", "com.evgo.mrec", "A0A1,F0A1", "5,6")
    assert DICTIONARY.meaning(said) == Meaning(("OtherError",), Severity.CRITICAL)


def test_a_number_of_another_vendor_stays_unknown():
    said = ErrorReport("OtherError", "acme", "15")
    assert DICTIONARY.meaning(said) == Meaning(("OtherError",), None, ("15",))


def test_the_bits_of_en_plus_are_kept_as_they_came():
    bits = "00001000000000000000000000000000"
    (entry,) = (e for e in ENTRIES if bits in e.example)
    error = error_in(entry.example)
    assert error.vendor_code == bits
    assert json.loads(error.text)["reason"] == "faults"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('{vendor: acme, shape: "[", meaning: none}', "no expression"),
        ("{word: x, meaning: CX999}", "CX999 is no code"),
        ("{word: x, meening: CX001}", "meening"),
        ("{meaning: CX001}", "one of word"),
        ("{word: x, phrase: y, meaning: CX001}", "one of word"),
    ],
)
def test_an_entry_that_makes_no_sense_is_told_with_its_line(tmp_path, entry, why):
    (tmp_path / "dictionary.yaml").write_text(f"- {entry}\n")
    with pytest.raises(RuleFilesError, match=rf"dictionary\.yaml:1: .*{why}"):
        load_rules(tmp_path)


# --- several errors in one message ----------------------------------------------------------

ONE_CODE = [  # a vendor's word, and the code it means, whoever says it
    *((code, code) for code in sorted(MREC)),
    *((name, code) for code, name in MREC_NAMES.items()),
    *((name, code) for name, code in MREC_OF_V16.items()),
    *((name, name) for name in sorted(V16_ONLY - {"OtherError"})),
    ("board/MREC2GroundFailure", "CX002"),
    ("cx-14", "CX014"),
    ("mode3Error", "EVCommunicationError"),
    ("ContactorPosition", "CX017"),
    ("EVSE_FAULT_ACT_LOCK_FAULT", "CX001"),
]
NOTHINGS = st.sampled_from(
    ["", " ", "NoError", "none", "null", "0", "0x0000", "No error.", "-"]
)
SPELLINGS = st.sampled_from([str, str.lower, str.upper])


@given(
    said=st.lists(st.sampled_from(ONE_CODE), min_size=1, max_size=6),
    nothings=st.lists(NOTHINGS, max_size=4),
    separator=st.sampled_from([",", ";", ", ", " ; ", ";;", " | "]),
    spelling=SPELLINGS,
    order=st.randoms(use_true_random=False),
    field=st.sampled_from(["code", "vendor_code"]),
)
def test_a_list_means_each_of_its_codes_once_in_any_order(
    said, nothings, separator, spelling, order, field
):
    words = [spelling(word) for word, _ in said] + nothings
    order.shuffle(words)
    codes = {code for _, code in said}
    if field == "code":
        codes = {code for word, code in said if not word.startswith("EVSE_")} | (
            {"CX001"} if any(word.startswith("EVSE_") for word, _ in said) else set()
        )
    report = {"code": "OtherError", field: separator.join(words)}
    meaning = DICTIONARY.meaning(ErrorReport(**report))
    assert meaning.codes == tuple(sorted(codes))
    assert meaning.unknown == ()


@given(
    known=st.lists(st.sampled_from(["F009", "A001", "F010"]), min_size=1, max_size=3),
    unknown=st.lists(st.sampled_from(["x91", "burnt", "Q-7"]), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_an_unknown_word_is_named_wherever_it_stands_in_a_list(known, unknown, order):
    words = known + unknown
    order.shuffle(words)
    meaning = DICTIONARY.meaning(ErrorReport("OtherError", "com.evgo.mrec", ",".join(words)))
    assert set(meaning.unknown) == set(unknown)
    assert "CX019" in meaning.codes or "F009" not in known


BENDER = [(e.undoes, e.phrase, e.ends) for e in ENTRIES if e.undoes]


@given(
    history=st.lists(st.tuples(st.sampled_from(BENDER), st.booleans()), min_size=1, max_size=8),
    separator=st.sampled_from(["; ", ", ", " / ", "\n", ". "]),
    spelling=SPELLINGS,
    code=st.sampled_from(["OtherError", "groundFailure", "mode3Error", "NoError"]),
)
def test_what_began_and_did_not_end_after_it_counts(history, separator, spelling, code):
    text = separator.join(
        begun if is_begun else ended for (begun, ended, _), is_begun in history
    )
    active = {}
    for (begun, _, means), is_begun in history:
        active[begun] = (means, is_begun)
    holds = {means for means, is_begun in active.values() if is_begun}
    over = {means for (_, _, means), is_begun in history if not is_begun} - holds
    named = {"groundFailure": {"CX002"}, "mode3Error": {"EVCommunicationError"}}.get(
        code, set()
    )
    meaning = DICTIONARY.meaning(ErrorReport(code, text=spelling(text)))
    assert set(meaning.codes) == holds | (named - over)


def test_there_are_eight_pairs_of_bender():
    assert len(BENDER) == 8
    begins = {entry.phrase: entry.meaning for entry in ENTRIES if entry.phrase}
    assert all(begins[begun] == means for begun, _, means in BENDER)


# --- emergency stops ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Emergency button pressed",
        "EmergencyStop",
        "EMERGENCY_STOP_ACTIVE",
        "emergency-stop",
        "Emergency stop pressed, reset required",
        "Emergency stop: session ended",
        "Emergency stop not released",
        "Emergency button must be released",
        "Emergency stop: station off",
        "EmergencyStopSensor.Active",
    ],
)
@pytest.mark.parametrize("field", ["text", "vendor_code", "code"])
def test_a_text_that_names_an_emergency_is_one(text, field):
    report = {"code": "OtherError", field: text}
    if field == "vendor_code":
        text = text.replace(",", "")
    meaning = DICTIONARY.meaning(ErrorReport(**report))
    assert "CX008" in meaning.codes
    if canonical(text) is None:
        assert meaning.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "text",
    [
        "EmergencyButtonReleased",
        "Emergency button released",
        "emergency_stop_released",
        "Emergency stop has been released by kim",
        "Emergency switch was reset",
        "Emergency stop: resolved",
        "Resolve: Emergency stop",
        "Emergency stop not pressed",
        "no emergency",
        "EmergencyStopSensor.Active = false",
        "Emergency Stop OK",
    ],
)
@pytest.mark.parametrize("field", ["text", "vendor_code"])
def test_an_emergency_that_is_over_is_none(text, field):
    report = {"code": "OtherError", field: text}
    assert DICTIONARY.meaning(ErrorReport(**report)) == Meaning(is_harmless=True)


def test_an_emergency_stop_of_the_vehicle_is_no_button():
    for text in ("EmergencyStopCP_Unplug", "EmergencyStopCP_DuringCharging"):
        meaning = DICTIONARY.meaning(ErrorReport("OtherError", vendor_code=text))
        assert meaning.codes == ("EVCommunicationError",)
        assert meaning.severity is Severity.MINOR
        assert meaning.remedy.owners == ("vehicle",)


# --- what is known of the station, and how bad it is ----------------------------------------


@pytest.mark.parametrize(
    ("vendor", "words", "text", "codes", "severity"),
    [
        # a mild code beside one whose severity the status decides
        ("alpitronic", "52,18", "", ("CX011", "EVCommunicationError"), None),
        ("", "CX002", "in safe mode", ("CX002",), None),
        ("", "", "in safe mode", ("OtherError",), Severity.MINOR),
        ("Alpitronic HYC_300", "018", "", ("CX011",), None),
        ("alpitronic", "Isolation Fault", "", ("CX011",), None),
        ("alpitronic", "0,18", "", ("CX011",), None),
        ("com.evgo.mrec", "f009", "", ("CX019",), None),
        ("com.evgo.mrec", "F0FF", "", ("OtherError",), Severity.CRITICAL),
        ("com.evgo.mrec", "F009,F0FF", "", ("CX019", "OtherError"), Severity.CRITICAL),
        ("", "", "fault CX014 since noon", ("CX014",), None),
        # the name of a vendor inside another word is another vendor
        ("xalpitronics", "18", "", ("OtherError",), None),
    ],
)
def test_the_severity_is_known_only_where_every_word_of_it_is(
    vendor, words, text, codes, severity
):
    for error, make in (
        (ErrorReport("OtherError", vendor, words, text), ""),
        (ErrorReport("OtherError", "", words, text), vendor),
    ):
        read = DICTIONARY.meaning(error, make)
        assert (read.codes, read.severity) == (codes, severity)


def test_what_a_text_says_is_over_is_not_counted_though_its_code_is_sent():
    # EVerest/EVerest#2455: the code of what ended, errorCode of what is left
    said = ErrorReport("HighTemperature", "", "CX002", "Error CX002 resolved")
    assert DICTIONARY.meaning(said).codes == ("CX003",)
    said = ErrorReport("OtherError", "", "CX002", "CX002: Error CX002 resolved")
    assert DICTIONARY.meaning(said).codes == ()
    said = ErrorReport("OtherError", "", "CX002", "Error XCX002 resolved, CX002 goes on")
    assert DICTIONARY.meaning(said).codes == ("CX002",)
    word = "board/MREC2GroundFailure"
    said = ErrorReport("OtherError", "", word, f"Error {word} resolved")
    assert DICTIONARY.meaning(said).codes == ()


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_no_words_break_the_dictionary(code, vendor_code, text, vendor):
    meaning = DICTIONARY.meaning(ErrorReport(code, vendor, vendor_code, text), vendor)
    assert list(meaning.codes) == sorted(set(meaning.codes))


@pytest.mark.parametrize(
    "part", ["emergency ", "E", "e-", "error,", "cx0", " not", "is was ", "_", "- -", "1"]
)
@pytest.mark.timeout(10)
def test_no_text_makes_the_dictionary_slow(part):
    DICTIONARY.meaning(ErrorReport("x", "", part * 20_000, part * 20_000))


# --- OCPP 2.x: the same words in another message --------------------------------------------


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.word and not e.vendor], ids=name_of)
def test_a_word_means_the_same_as_a_techcode(entry):
    data = {
        "eventId": 1,
        "timestamp": "2026-01-05T08:00:00Z",
        "trigger": "Delta",
        "actualValue": "true",
        "techCode": entry.word,
        "eventNotificationType": "CustomMonitor",
        "component": {"name": "Controller"},
        "variable": {"name": "Active"},
    }
    payload = {"generatedAt": "2026-01-05T08:00:00Z", "seqNo": 0, "eventData": [data]}
    error = error_in(json.dumps([2, "1", "NotifyEvent", payload]))
    assert DICTIONARY.meaning(error).codes == (entry.meaning,)
