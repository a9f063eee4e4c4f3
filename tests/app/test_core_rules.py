"""Rules exchanged in a running core: at once, or not at all, and nothing known is lost."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from websockets.asyncio.client import connect

from app.core import Core
from app.core_requests import Requests
from app.messages import (
    ClassifyWord,
    GetOwnWords,
    GetRules,
    Refusal,
    ReloadRules,
    RulesInForce,
)
from app.own_words import asks_for
from app.settings import Settings
from domain.events import AnyEvent, RulesLoaded
from domain.faults import ClearedBy
from domain.journal import EntryKind
from domain.tickets import TicketState
from gateway.journal import JournalReader
from rules.dictionary import VendorCode

FLEET = """
customers: [{id: acme, name: ACME}]
sites:
  - {id: north, customer: acme, timezone: Europe/Berlin, stations: [{id: N-1, evses: 1}]}
"""
RULE = """\
- rule: broken
  summary: A place is Faulted.
  detector: reported-fault
  severity: major
  raise_after: 1ms
  clear_after: 5m
  advice: Look at it.
"""
OTHER_RULE = RULE.replace("broken", "other").replace("1ms", "2h")
STATUS = (
    '[2,"s","StatusNotification",{"connectorId":1,"status":"Faulted",'
    '"errorCode":"OtherError","vendorId":"acme","vendorErrorCode":"E17"}]'
)


@pytest.fixture
def settings(tmp_path):
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text(FLEET)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "mine.yaml").write_text(RULE)
    (rules / "dictionary.yaml").write_text("[]")
    return Settings(
        data=tmp_path / "data", fleet=fleet, rules=rules, ocpp={"port": 0, "ping_every_s": 60}
    )


class Running:
    def __init__(self, settings):
        self.core = Core(settings)
        self.settings = settings
        parts = self.core.parts
        self.requests = Requests(self.core, parts, self.core.endpoint.commands, self.core.clock)

    async def __aenter__(self):
        self.ports = await self.core.start()
        return self

    async def __aexit__(self, *_):
        await self.core.close(drain_s=0.1)

    async def reload(self) -> RulesInForce:
        return await self.requests.answer(ReloadRules(who="kim"))

    def write(self, text, name="mine.yaml"):
        (self.settings.rules / name).write_text(text)

    async def say(self, *frames):
        url = f"ws://127.0.0.1:{self.ports.ocpp}/ocpp/N-1"
        async with connect(url, subprotocols=["ocpp1.6"]) as station:
            for frame in frames:
                await station.send(frame)
                await station.recv()
            await self.core.recorder.flush()
            await asyncio.sleep(0.01)  # the rules' patience is a millisecond
            self.core._turn([])

    def faults(self):
        return self.core.parts.engine.active_faults()

    def ticket(self, rule):
        found = [t for t in self.core.parts.store.tickets().items if rule in t.rules]
        assert len(found) == 1
        return found[0]


def loaded(settings):
    reader = msgspec.json.Decoder(AnyEvent)
    entries = JournalReader(settings.data / "journal").read()
    read = [reader.decode(e.body) for e in entries if e.kind is EntryKind.FACT]
    return [fact for fact in read if isinstance(fact, RulesLoaded)]


async def test_a_changed_patience_counts_without_a_restart(settings):
    async with Running(settings) as running:
        before = await running.requests.answer(GetRules())
        running.write(RULE.replace("1ms", "10m"))
        after = await running.reload()
        assert after.mistakes == ()
        assert after.version != before.version
        assert after.rules[0].raise_after_s == 600
        assert await running.requests.answer(GetRules()) == after
        [fact] = loaded(settings)
        assert (fact.version, fact.who) == (after.version, "kim")
        await running.say(STATUS)
        assert running.faults() == ()


async def test_files_with_a_mistake_leave_everything_as_it_was_and_are_told(settings):
    async with Running(settings) as running:
        before = await running.requests.answer(GetRules())
        running.write(RULE.replace("major", "terrible"))
        answer = await running.reload()
        [mistake] = answer.mistakes
        assert mistake.startswith(f"{settings.rules}/mine.yaml:4: rule broken, severity")
        assert answer.version == before.version
        assert "foretell_rule_mistakes 1.0" in running.core.metrics.text()
        assert running.core.health().is_ready
        assert loaded(settings) == []
        running.write(RULE)
        assert (await running.reload()).mistakes == ()
        assert "foretell_rule_mistakes 0.0" in running.core.metrics.text()
        assert loaded(settings) == []  # the same as before: nothing was exchanged
        assert f'version="{before.version}"' in running.core.metrics.text()


async def test_what_a_rule_had_found_goes_on_when_another_changes(settings):
    async with Running(settings) as running:
        await running.say(STATUS)
        [before] = running.faults()
        running.write(RULE + OTHER_RULE)
        await running.reload()
        assert running.faults() == (before,)
        assert running.ticket("broken").state is TicketState.NEW


async def test_a_rule_that_was_taken_out_clears_what_it_had_found(settings):
    async with Running(settings) as running:
        await running.say(STATUS)
        version = running.core.parts.engine.rules_version
        running.write(OTHER_RULE)
        await running.reload()
        assert running.faults() == ()
        ticket = running.ticket("broken")
        assert ticket.state is TicketState.RESOLVED
        [held] = ticket.faults
        assert held.fault.cleared_by is ClearedBy.PERSON
        raised, cleared = (line for line in ticket.history if line.what.startswith("fault "))
        assert raised.rules_version == version
        assert cleared.rules_version == running.core.parts.engine.rules_version != version
        assert "its rule was taken out" in cleared.why


async def test_a_word_that_is_known_now_changes_what_is_open(settings):
    async with Running(settings) as running:
        await running.say(STATUS)
        assert running.ticket("broken").codes == ("OtherError",)
        running.write("[{word: E17, vendor: acme, meaning: CX017}]", "dictionary.yaml")
        await running.reload()
        ticket = running.ticket("broken")
        assert ticket.severity == "critical"
        [held] = ticket.faults
        assert held.fault.codes == ("CX017",)
        assert held.fault.is_danger
        assert any("the dictionary knows what was said" in line.why for line in ticket.history)
    async with Running(settings) as again:  # and a restart knows the same
        [fault] = again.faults()
        assert fault.codes == ("CX017",)
        assert len(loaded(settings)) == 1


async def test_words_that_changed_while_we_were_down_change_what_is_open_at_the_start(
    settings,
):
    async with Running(settings) as running:
        await running.say(STATUS)
    (settings.rules / "dictionary.yaml").write_text("[{word: E17, meaning: CX014}]")
    async with Running(settings) as again:
        [fault] = again.faults()
        assert fault.codes == ("CX014",)
        assert again.ticket("broken").codes == ("CX014", "OtherError")
    assert [fact.who for fact in loaded(settings)] == ["start"]


async def test_the_same_journal_without_a_snapshot_comes_to_the_same(settings):
    async with Running(settings) as running:
        await running.say(STATUS)
        running.write("[{word: E17, vendor: acme, meaning: CX014}]", "dictionary.yaml")
        await running.reload()
        before = running.ticket("broken")
    for snapshot in settings.data.glob("snapshot*"):
        snapshot.unlink()
    async with Running(settings) as again:
        assert again.ticket("broken") == before


def said(meaning="CX014", **more):
    return ClassifyWord(word="E17", meaning=meaning, vendor="acme", who="kim", **more)


async def test_a_word_that_a_person_explains_counts_at_once_and_resolves_its_task(settings):
    async with Running(settings) as running:
        await running.say(STATUS)
        task = running.ticket("unknown-code")
        answer = await running.requests.answer(
            said(severity="minor", owner=("vehicle",), part="none", note="manual, page 12")
        )
        assert isinstance(answer, RulesInForce)
        [fault] = running.faults()
        assert fault.codes == ("CX014",)
        assert fault.remedy.owners == ("vehicle",)
        after = running.ticket("unknown-code")
        assert (after.id, after.state) == (task.id, TicketState.RESOLVED)
        assert any("classified as CX014" in line.why for line in after.history)
        own = await running.requests.answer(GetOwnWords())
        assert "source: manual, page 12" in own.text
        assert "kim" not in own.text
        assert "[]" not in own.text
        assert (settings.data / "words.yaml").read_text() == own.text
    async with Running(settings) as again:
        assert again.faults()[0].codes == ("CX014",)


async def test_a_second_word_for_the_same_code_takes_the_place_of_the_first(settings):
    async with Running(settings) as running:
        await running.requests.answer(said())
        await running.requests.answer(said(meaning="CX001"))
        [entry] = running.core.rules.words.entries()
        assert entry.meaning == "CX001"
        await running.requests.answer(said(meaning="CX003", model="plus"))
        assert len(running.core.rules.words.entries()) == 2


async def test_a_word_that_means_no_fault_ends_its_error_but_not_a_faulted_place(settings):
    async with Running(settings) as running:
        await running.say(STATUS)
        await running.requests.answer(said(meaning="none"))
        [fault] = running.faults()
        assert fault.codes == ("OtherError",)
        assert running.ticket("unknown-code").state is TicketState.RESOLVED


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"meaning": "CX099"}, "CX099 is no code"),
        ({"meaning": ""}, "a meaning is needed"),
        ({"severity": "awful"}, "severity: one of"),
        ({"owner": ("aunt",)}, "not aunt"),
        ({"word": "  "}, "a word of 1 to"),
        ({"word": "--"}, "neither letter nor digit"),
        ({"word": "a\nb"}, "printable"),
    ],
)
async def test_what_cannot_be_kept_is_refused_with_the_reason(settings, wrong, words):
    async with Running(settings) as running:
        answer = await running.requests.answer(msgspec.structs.replace(said(), **wrong))
        assert isinstance(answer, Refusal)
        assert words in answer.reason
        assert not (settings.data / "words.yaml").exists()


async def test_a_file_of_words_that_somebody_broke_is_not_written_over(settings):
    async with Running(settings) as running:
        (settings.data / "words.yaml").write_text("- word: [")
        answer = await running.requests.answer(said())
        assert "mend the file first" in answer.reason
        assert (settings.data / "words.yaml").read_text() == "- word: ["
        assert (await running.reload()).mistakes
        (settings.data / "words.yaml").unlink()


@pytest.mark.parametrize(
    ("key", "is_asked"),
    [
        ("unknown-code:com.acme:e17", True),
        ("unknown-code::e17", True),
        ("unknown-code:urn:x:acme:e17", True),
        ("unknown-code:other:e17", False),
        ("unknown-code:acme:e170", False),
        ("unknown-station:e17", False),
    ],
)
def test_a_task_is_found_by_its_word_and_vendor(key, is_asked):
    assert asks_for(key, VendorCode(word="E17", vendor="Acme", meaning="CX014")) is is_asked
