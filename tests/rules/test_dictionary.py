"""Every vendor word means what its entry says, when a station's own frame brings it."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
import yaml

from app.rule_files import SHIPPED, RuleFilesError, load_rules
from domain.codes import MREC, OWN, V16_ONLY
from domain.events import ErrorRaised, ErrorReport, StatusReported
from domain.faults import Severity
from domain.places import StationId
from ocpp_server.translate import Translation
from rules.dictionary import Dictionary, Meaning, VendorCode

ENTRIES = msgspec.convert(
    yaml.safe_load((SHIPPED / "dictionary.yaml").read_text("utf-8")), list[VendorCode]
)
DICTIONARY = Dictionary(ENTRIES)
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def name_of(entry):
    said = entry.word or entry.phrase or entry.shape or entry.words[0]
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
def test_an_entry_is_well_formed(entry):
    assert [bool(s) for s in (entry.word, entry.words, entry.shape, entry.phrase)].count(
        True
    ) == 1
    assert entry.meaning in {"", "none"} | MREC | V16_ONLY | OWN
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
    assert DICTIONARY.meaning(error, make) == Meaning()


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
    said = ErrorReport("OtherError", "com.evgo.mrec", "A012,F001", "5,6")
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


def test_a_shape_that_is_no_expression_is_told_with_its_line(tmp_path):
    (tmp_path / "dictionary.yaml").write_text('- {vendor: acme, shape: "[", meaning: none}\n')
    with pytest.raises(RuleFilesError, match=r"dictionary\.yaml:1: .*no expression"):
        load_rules(tmp_path)
