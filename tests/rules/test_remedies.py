"""What helps: of the code, of the vendor's word, and the most specific entry of several."""

import msgspec
import pytest

from app.rule_files import RuleFilesError, load_rules, read_rules
from domain.codes import DANGER, MREC, OWN, V16_ONLY
from domain.events import ErrorReport
from domain.remedies import Owner, Remedy, RemoteAction
from rules.dictionary import Dictionary, StationKind, VendorCode

CATALOGUE, _ = load_rules()


def entry(**said):
    return VendorCode(word="E1", **said)


def test_there_is_a_remedy_for_every_code():
    assert set(CATALOGUE.remedies) == (MREC | V16_ONLY | OWN) - {"unknown-code"}


@pytest.mark.parametrize("code", sorted(DANGER))
def test_nothing_is_done_from_afar_about_a_danger(code):
    assert CATALOGUE.remedies[code].remote is RemoteAction.NOTHING


def test_of_several_codes_the_most_careful_counts():
    remedy = CATALOGUE.remedy_of(["CX001", "CX002"])
    assert remedy.remote is RemoteAction.NOTHING
    assert CATALOGUE.remedy_of([]) is None


def test_what_a_word_says_goes_before_what_its_code_says():
    known = Remedy(part="fuse F3", source="manual")
    remedy = CATALOGUE.remedy_of(["CX014"], known)
    assert (remedy.part, remedy.remote) == ("fuse F3", RemoteAction.RESTART_WHEN_IDLE)
    assert known.over(None) is known
    assert CATALOGUE.remedy_of(["no-such-code"], known) is known


def test_no_word_allows_a_restart_where_there_is_danger():
    known = Remedy(remote=RemoteAction.RESTART_WHEN_IDLE, part="fuse")
    remedy = CATALOGUE.remedy_of(["CX014", "CX017"], known)
    assert (remedy.remote, remedy.part) == (RemoteAction.NOTHING, "fuse")


KIND = StationKind("acme plus", "1.10.2", "ocpp1.6")


@pytest.mark.parametrize(
    ("narrow", "fits"),
    [
        ({"vendor": "acme", "model": "plus"}, True),
        ({"vendor": "acme", "model": "plus pro"}, False),
        ({"vendor": "acme", "firmware": ">=1.9 <2"}, True),
        ({"vendor": "acme", "firmware": "<1.9"}, False),
        ({"vendor": "acme", "protocol": "ocpp1.6"}, True),
        ({"vendor": "acme", "protocol": "ocpp2"}, False),
        ({"vendor": "other", "model": "plus", "firmware": "1"}, False),
    ],
)
def test_the_entry_that_names_most_of_what_fits_counts(narrow, fits):
    entries = [entry(vendor="acme", meaning="CX014"), entry(meaning="CX001")]
    said = ErrorReport("OtherError", "", "E1")
    for order in (1, -1):
        words = [*entries, entry(meaning="CX010", **narrow)][::order]
        meaning = Dictionary(words).meaning(said, KIND)
        assert meaning.codes == (("CX010",) if fits else ("CX014",))


def test_of_equals_the_first_counts():
    words = [entry(vendor="acme", meaning="CX010"), entry(vendor="acme", meaning="CX014")]
    assert Dictionary(words).meaning(ErrorReport("", "acme", "E1")).codes == ("CX010",)


def test_a_phrase_is_narrowed_the_same_way():
    words = [
        VendorCode(phrase="fan stuck", meaning="CX003"),
        VendorCode(phrase="fan stuck", meaning="CX014", vendor="acme", firmware=">=1.10"),
    ]
    said = ErrorReport("OtherError", "", "", "Fan stuck")
    assert Dictionary(words).meaning(said, KIND).codes == ("CX014",)
    assert Dictionary(words).meaning(said, StationKind("acme", "1.9")).codes == ("CX003",)


def test_a_word_says_whose_it_is():
    words = [
        entry(meaning="CX014", owner=(Owner.VEHICLE,), part="none", agent="ask the driver")
    ]
    remedy = Dictionary(words).meaning(ErrorReport("", "", "E1")).remedy
    assert (remedy.owners, remedy.part, remedy.agent) == (
        (Owner.VEHICLE,),
        "none",
        "ask the driver",
    )


def test_mistakes_in_remedies_and_ranges_are_told_with_their_line(tmp_path):
    (tmp_path / "mine.yaml").write_text("[]")
    (tmp_path / "dictionary.yaml").write_text(
        "- word: E1\n  meaning: CX014\n  firmware: '=>1'\n- word: E2\n  owner: [nobody]\n"
    )
    (tmp_path / "remedies.yaml").write_text("- {code: CX001, owner: [driver]}\n")
    with pytest.raises(RuleFilesError) as error:
        read_rules(tmp_path)
    told = [(m.file.rpartition("/")[2], m.line) for m in error.value.mistakes]
    assert told == [("dictionary.yaml", 1), ("dictionary.yaml", 5), ("remedies.yaml", 1)]


def test_remedies_are_part_of_the_version(tmp_path):
    (tmp_path / "mine.yaml").write_text(msgspec.json.encode([]).decode())
    assert CATALOGUE.version == load_rules()[0].version
