"""The rules of a running core: read again on demand, exchanged between two events.

The files are read by a process of their own (`app.rule_child`): parsing takes a second of pure
Python, and a thread beside the loop would make every station wait. Where the files have
mistakes, the rules in force stay, and log, metrics and the asker hear of it.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from app.core_metrics import CoreMetrics
from app.core_parts import Parts
from app.messages import RuleInForce, RulesInForce
from app.own_words import OwnWordsFile
from app.recorder import GroupRecorder
from app.rule_child import Loaded
from app.rule_files import WORDS_FILE
from app.settings import Settings
from domain.events import AnyEvent, RulesLoaded
from domain.ports import Clock
from rules.catalogue import Catalogue
from rules.dictionary import Dictionary

log = structlog.get_logger(__name__)

READ_WITHIN_S = 60.0
MOST_MISTAKES = 200
"""Told to the asker; more are counted."""

Record = Callable[[Callable[[int, datetime], AnyEvent]], Awaitable[int]]


class RulesInCore:
    """What decides in core, and how that is exchanged."""

    def __init__(
        self, settings: Settings, parts: Parts, metrics: CoreMetrics, record_event: Record
    ) -> None:
        self._metrics = metrics
        self._settings = settings
        self._engine = parts.engine
        self._pipeline = parts.pipeline
        self._record_event = record_event
        self._turn = asyncio.Lock()
        self.mistakes: tuple[str, ...] = ()
        self.words = OwnWordsFile(settings.data / WORDS_FILE)

    def in_force(self) -> RulesInForce:
        """Return the rules that decide now, and why the newest files do not."""
        return in_force(self._engine.rules[0], self.mistakes)

    async def reload(self, who: str) -> RulesInForce:
        """Read the files again and go on with what they say, if they have no mistakes."""
        async with self._turn:
            loaded = await self._read()
            self.mistakes = loaded.mistakes[:MOST_MISTAKES]
            self._metrics.rule_mistakes = len(loaded.mistakes)
            if loaded.mistakes:
                log.error(
                    "rules not loaded, the old ones stay",
                    version=self._engine.rules_version,
                    count=len(loaded.mistakes),
                    mistakes=list(loaded.mistakes[:5]),
                )
            elif loaded.version == self._engine.rules_version:
                log.info("rules are as they were", version=loaded.version)
            else:
                await self._exchange(loaded, who)
            return self.in_force()

    async def _exchange(self, loaded: Loaded, who: str) -> None:
        before = self._engine.rules_version
        catalogue = Catalogue(loaded.rules, loaded.version, loaded.remedies)
        self._pipeline.prepare((catalogue, Dictionary(loaded.codes)))

        def make(position: int, at: datetime) -> AnyEvent:
            return RulesLoaded(
                observed_at=at, position=position, version=loaded.version, who=who
            )

        await self._record_event(make)
        log.info("rules loaded", version=loaded.version, before=before, who=who)

    async def _read(self) -> Loaded:
        command = (sys.executable, "-m", "app.rule_child", str(self._settings.rules or ""))
        words = str(self._settings.data / WORDS_FILE)
        process = await asyncio.create_subprocess_exec(
            *command, words, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                said, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            return Loaded(mistakes=(f"the files were not read within {READ_WITHIN_S:g} s",))
        if process.returncode:
            return Loaded(mistakes=(f"reading them ended with status {process.returncode}",))
        loaded: Loaded = pickle.loads(said)  # noqa: S301  from our own child, over a pipe
        return loaded

    def note_start(self, recorder: GroupRecorder, clock: Clock) -> None:
        """Say in the journal that other rules decide than before the start, where they do."""
        version, state = self._engine.rules_version, self._engine.state
        if state.rules_version and state.rules_version != version:
            recorder.record_fact(
                lambda position: RulesLoaded(
                    observed_at=clock.now(), position=position, version=version, who="start"
                ),
                None,
            )
        else:
            state.rules_version = version


def in_force(catalogue: Catalogue, mistakes: tuple[str, ...] = ()) -> RulesInForce:
    """Return what others are told of a catalogue."""
    rules = tuple(
        RuleInForce(
            name=rule.name,
            summary=rule.summary,
            detector=rule.detector.value,
            severity=rule.severity.value,
            raise_after_s=rule.raise_after.total_seconds(),
            clear_after_s=rule.clear_after.total_seconds(),
            advice=rule.advice,
            version=rule.version,
        )
        for rule in catalogue.rules.values()
    )
    return RulesInForce(version=catalogue.version, rules=rules, mistakes=mistakes)
