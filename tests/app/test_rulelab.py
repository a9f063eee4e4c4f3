"""The rule lab: every mistake with its line, and a diff that a person can read."""

import json
import random
import shutil
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rule_check import mistakes_in, wording_mistakes
from app.rule_files import SHIPPED, RuleFilesError, load_rules, load_stories, read_rules
from app.rule_yaml import Mistake, read_entries
from app.rulelab import UnknownRuleError, main
from ticketing.wording import load_wording

RULE = """\
- rule: broken
  summary: A place is Faulted.
  detector: reported-fault
  severity: major
  raise_after: 2m
  clear_after: 5m
  advice: Look at it.
"""
RAISED = """\
- story: it lasts
  rule: broken
  at 0s: {station: A, evse: 1, status: Faulted, error: GroundFailure}
  until: 1m
  expect:
    - {at: 0s, change: raised, rule: broken, place: A/1}
"""
QUIET = """\
- story: it is over
  rule: broken
  at 0s: {station: A, evse: 1, status: Faulted, error: OtherError}
  at 1m: {station: A, evse: 1, status: Available}
  until: 1h
  expect: []
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "stories").mkdir()
    (tmp_path / "catalogue" / "mine.yaml").write_text(RULE)
    (tmp_path / "stories" / "mine.yaml").write_text(RAISED + QUIET)
    return tmp_path


def write(folder, text, name="catalogue/mine.yaml"):
    (folder / name).write_text(text)


def said_of(folder):
    return [(mistake.line, mistake.expected) for mistake in mistakes_in(folder)]


def test_the_shipped_rules_have_no_mistakes():
    assert mistakes_in(None) == []


def test_every_code_has_words_in_every_language():
    assert wording_mistakes(load_wording()) == []


def test_a_folder_of_ones_own_is_all_right(folder, capsys):
    assert main("check", folder=folder) == 0
    assert main("test", folder=folder) == 0
    assert capsys.readouterr().out.count("1 rules, 2 stories: all right (version ") == 2


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("severity: major", "severity: bad", 4, "one of info, minor"),
        ("raise_after: 2m", "raise_after: soon", 5, "a duration such as 90s"),
        ("raise_after: 2m", "raise_after: 99999999999999d", 5, "a duration such as 90s"),
        ("  clear_after: 5m\n", "", 1, "clear_after: missing, and required"),
        ("clear_after: 5m", "clear_after: 5m\n  patience: 3", 7, "unknown key"),
        ("reported-fault", "crystal-ball", 3, "one of reported-fault, offline"),
        ("clear_after: 5m", "clear_after: 5m\n  scope: moon", 7, "one of evse, station"),
        ("advice: Look at it.", "version: 1", 1, "advice: what an agent should look at"),
        ("advice: Look", "code: NoSuchCode\n  advice: Look", 1, "'NoSuchCode' has no words"),
        ("severity: major", "severity: major\n  severity: minor", 5, "it is there twice"),
        ("  severity", "\tseverity", 4, "YAML: "),
        ("2m", "2m: 3m", 5, "YAML: mapping values are not allowed"),
        ("clear_after: 5m", "clear_after: 5m\n  version: " + "9" * 5_000, 7, "cannot be read"),
        ("clear_after: 5m", "clear_after: 2026-99-99", 6, "cannot be read"),
        ("clear_after: 5m", "clear_after: !!int ''", 6, "cannot be read"),
        ("clear_after: 5m", "clear_after: !!python/object:os.system x", 6, "YAML: "),
        ("Look at it.", "[" * 1_500, 1, "nested too deep"),
        ("Look at it.", "*nowhere", 7, "YAML: found undefined alias"),
        ("- rule: broken", "- rule: broken\n- 17", 3, "YAML: "),
        (RULE, "rule: broken", 1, "a list of entries"),
        (RULE, "- broken", 1, "a map for each entry"),
        (RULE, RULE + RULE, 8, "rule broken is there twice"),
        (RULE, "", 1, "a list of entries"),
    ],
)
def test_a_mistake_is_told_with_its_line(folder, before, after, line, words):
    write(folder, RULE.replace(before, after))
    found = [(at, said) for at, said in said_of(folder) if words in said]
    assert [at for at, _ in found] == [line], said_of(folder)


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ("status: Faulted", "status: Broken", 3, "at 0s: status: one of"),
        ("evse: 1", "evse: one", 3, "at 0s: status: cannot be read"),
        ("at 0s", "at once", 3, "expected `at <duration>`"),
        ("until: 1m", "until: [1]", 4, "until: expected a duration"),
        ("change: raised", "changed: raised", 5, "expect: a map with keys of"),
        ("until: 1m", "until: 1m\n  sites: {S: {A: {evses: many}}}", 5, "sites: a station is"),
        ("until: 1m", "until: 1m\n  sites: 7", 5, "sites: a map of sites"),
        ("until: 1m", "until: 1m\n  sites: {S: {fuse_limit_a: x, stations: {}}}", 5, "sites"),
        ("rule: broken", "rule: another", 1, "story of a rule that is not there"),
        ("- story: it lasts", "- tale: it lasts", 1, "a story begins with"),
        ("until: 1m", "until: 1m\n  mood: sad", 1, "unknown key 'mood'"),
        (RAISED, "", 1, "needs a story more: one in which it raises"),
    ],
)
def test_a_mistake_in_a_story_is_told_with_its_line(folder, before, after, line, words):
    write(folder, (RAISED + QUIET).replace(before, after, 1), "stories/mine.yaml")
    assert (line, words) in [(at, words) for at, said in said_of(folder) if words in said]


def test_a_word_without_meaning_is_told_with_its_line(folder):
    text = "- word: E1\n  source: x\n  meaning: CX999\n- word: E2\n  severity: bad\n"
    write(folder, text, "dictionary.yaml")
    assert [line for line, _ in said_of(folder)] == [1, 5]


def test_all_mistakes_are_told_at_once(folder):
    write(folder, RULE.replace("major", "bad").replace("2m", "soon"))
    write(folder, RAISED.replace("Faulted", "Broken"), "stories/mine.yaml")
    assert len(said_of(folder)) == 3


def test_a_story_that_did_not_come_out_shows_its_timeline(folder, capsys):
    text = RAISED.replace(
        "until: 1m", "at 1m: {station: A, evse: 1, status: Available}"
    ).replace("    - {at: 0s", "    - {at: 0s, change: cleared, rule: broken}\n    - {at: 0s")
    write(folder, text + QUIET, "stories/mine.yaml")
    assert main("test", folder=folder) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{folder}/stories/mine.yaml:1: it lasts"
    assert lines[1].startswith("  > expected  at 0:00:00, change cleared")
    assert lines[2] == "    was       nothing"
    assert lines[3].startswith(
        "    as told   at 0:00:00, change raised, rule broken, place A/1"
    )
    assert lines[-1] == "1 of 2 stories did not come out as told"


def test_what_differs_is_named(folder, capsys):
    write(folder, RAISED.replace("A/1}", "A/2}") + QUIET, "stories/mine.yaml")
    assert main("test", folder=folder) == 1
    assert "(differs: place)" in capsys.readouterr().out


def test_json_holds_the_same(folder, capsys):
    write(folder, RAISED.replace("A/1}", "A/2}") + QUIET, "stories/mine.yaml")
    assert main("test", folder=folder, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["mistakes"][0]["line"] == 1
    assert document["missed"][0]["timeline"][0]["wrong"] == ["place"]
    write(folder, "- 1")
    for action in ("check", "test"):
        assert main(action, folder=folder, as_json=True) == 1
        assert json.loads(capsys.readouterr().out)["mistakes"]


def test_show_names_the_rules_there_are(folder):
    with pytest.raises(UnknownRuleError, match="there are broken"):
        main("show", folder=folder, rule="whole")


def test_comments_do_not_change_the_version_and_patience_does(folder):
    before = load_rules(folder)[0].version
    write(folder, f"# a remark\n{RULE}")
    assert load_rules(folder)[0].version == before
    write(folder, RULE.replace("2m", "3m"))
    assert load_rules(folder)[0].version != before


def test_a_file_too_large_is_not_read(folder):
    write(folder, RULE + "#" * 5_000_000)
    assert "at most 4,000,000 bytes" in said_of(folder)[0][1]


def test_bytes_that_are_no_text_are_told_with_their_line(folder):
    (folder / "catalogue" / "mine.yaml").write_bytes(b"- rule: a\n  code: \xff\xfe\n")
    assert said_of(folder)[0][0] in (1, 2)


def test_a_rule_knows_where_it_stands():
    files = read_rules()
    where = files.where["silent"]
    text = (SHIPPED / "catalogue" / "connection.yaml").read_text().splitlines()
    assert "silent" in text[where.line - 1]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    base = tmp_path_factory.mktemp("rules")
    for name in ("catalogue", "stories"):
        (base / name).mkdir()
    shutil.copy(SHIPPED / "catalogue" / "reported.yaml", base / "catalogue")
    (base / "dictionary.yaml").write_text("- word: E1\n  meaning: none\n")
    text = (SHIPPED / "stories" / "reported.yaml").read_text()[:3_000]
    (base / "stories" / "some.yaml").write_text(text[: text.rindex("\n- story")] + "\n")
    return base


PIECES = (
    "\t", "\n", "- ", ": ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "!!int ", "!!timestamp ",
    "!!binary ", "!!bool ", "? ", "| ", "'", '"', "9" * 400, "1e999", ".nan", "~", "%YAML 9.9",
    "\x00", "\ud7ff", "true", "at 5m: ", "times: 99", "expect: ", "station: [", "2026-13-45",
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_a_file_holds_it_is_a_list_of_mistakes_and_no_traceback(shipped, data):
    seed = data.draw(st.integers(0, 2**32))
    chance = random.Random(seed)
    for name in ("catalogue/reported.yaml", "stories/some.yaml"):
        whole = (shipped / name).read_text()
        at = chance.randrange(len(whole))
        begin = max(0, at - chance.randrange(600))
        text = (
            whole[begin:at] + chance.choice(PIECES) + whole[at + chance.randrange(9) : at + 400]
        )
        found: list[Mistake] = []
        path = shipped / "fuzzed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shipped / "dictionary.yaml", shipped / "fuzzed")
        path.write_text(text)
        list(read_entries(path, found))
        assert all(mistake.line >= 1 for mistake in found)
    for load in (load_rules, load_stories):
        with suppress(RuleFilesError):
            load(shipped / "fuzzed")
