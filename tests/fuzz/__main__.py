"""`make fuzz`: mutated frames, heads and wire traffic for minutes, until something gives.

The seed is printed; what was found is saved as a reproducer that `--again FILE` plays. Each
case follows from seed and number alone; frames also from those before them, which are saved.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import secrets
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
import uvloop

from tests.fuzz.heads import check_head, drawn_head
from tests.fuzz.house import STATIONS, FoundError, House
from tests.fuzz.limits import Growth
from tests.fuzz.mutations import mutated
from tests.fuzz.wire import Script, Wire, drawn_script

KEPT_FRAMES = 300
"""Of a station's past, saved with what was found."""

MOST_FOUND = 5
"""Kinds of failures after which a run ends; others of the same kind are only counted."""

SAY_EVERY_S = 15.0
_SHARES = {"frames": 0.5, "heads": 0.15, "wire": 0.35}


class Run:
    """One run: what was tried, what was found, and where it was saved."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.tried: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self._folder = folder

    def note(self, target: str, case: int, error: Exception, **how: object) -> None:
        """Save a reproducer, unless one of this kind was saved before."""
        kind = f"{target}: {type(error).__name__} {str(error)[:60]}"
        self.found[kind] += 1
        if self.found[kind] > 1:
            return
        text = "".join(traceback.format_exception(error))
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{target}-{self.seed}-{case}.json"
        saved = {"target": target, "seed": self.seed, "case": case, "error": text, **how}
        path.write_text(json.dumps(saved, indent=1))
        print(f"FOUND {kind}\n{text[-3000:]}")
        print(f"play it again: make fuzz FUZZ_ARGS='--again {path}'")

    @property
    def is_enough(self) -> bool:
        return len(self.found) >= MOST_FOUND


def main() -> int:
    """Fuzz, or play a reproducer; return the exit status."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", choices=list(_SHARES), default=None)
    parser.add_argument("--again", type=Path, help="a saved reproducer")
    parser.add_argument("--to", type=Path, default=Path("data/fuzz"), help="for reproducers")
    wanted = parser.parse_args()
    told: list[str] = []
    structlog.configure(processors=[_note_errors(told)], cache_logger_on_first_use=False)
    if wanted.again is not None:
        return _again(json.loads(wanted.again.read_text()))
    seed = secrets.randbits(32) if wanted.seed is None else wanted.seed
    print(f"fuzz: {wanted.minutes} minutes, seed {seed}", flush=True)
    run = Run(seed, wanted.to)
    for target, share in _SHARES.items():
        if wanted.only in (None, target):
            seconds = wanted.minutes * 60 * (1.0 if wanted.only else share)
            _TARGETS[target](run, time.perf_counter() + seconds)
    for line in told[:5]:
        print(f"FOUND logged as an error: {line}")
    print(f"tried {dict(run.tried)}; found {dict(run.found) or 'nothing'}; seed {seed}")
    return 1 if run.found or told else 0


def _note_errors(told: list[str]) -> Callable[[Any, str, Any], Any]:
    def note(_: object, level: str, event: dict[str, Any]) -> Any:
        if level in ("error", "critical", "exception"):
            told.append(str(event)[:1000])
        raise structlog.DropEvent

    return note


def fuzz_frames(run: Run, until_s: float, *, most: int = sys.maxsize) -> Growth:
    """Say mutated frames to the same three stations, for as long as there is time."""
    house, growth, say = House(), Growth(), _Teller()
    past: deque[list[Any]] = deque(maxlen=KEPT_FRAMES)
    for case in range(most):
        if time.perf_counter() >= until_s or run.is_enough:
            break
        frame, protocol, seconds = drawn_frame(run.seed, case)
        past.append([base64.b64encode(frame).decode(), protocol, seconds])
        run.tried["frames"] += 1
        try:
            say_drawn(house, frame, protocol, seconds)
        except Exception as error:  # noqa: BLE001 - whatever escapes is a find
            run.note("frames", case, error, past=list(past))
            house = House()
            growth = Growth()
            past.clear()
        if case % 1000 == 999:
            growth.look(house)
            say(lambda: f"frames {run.tried['frames']:9,}  {growth}")  # noqa: B023 - now
    for breach in growth.breaches():
        run.note("frames", run.tried["frames"], FoundError(breach))
    print(f"frames: {run.tried['frames']:,}; {growth}", flush=True)
    return growth


def drawn_frame(seed: int, case: int) -> tuple[bytes, str, float]:
    """Return a case: frame, protocol of the station that says it, seconds since the last."""
    dice = random.Random(f"{seed}:{case}")
    frame = mutated(dice)
    return frame, dice.choice(list(STATIONS)), dice.choice((0.1, 1.0, 5.0, 60.0))


def say_drawn(house: House, frame: bytes, protocol: str, seconds: float) -> None:
    """Say a case's frame; now and then on a new connection."""
    if frame[-3:-2] == b"7":  # some, the same each time
        house.connect(protocol)
    house.say(frame, protocol, seconds=seconds)


def fuzz_heads(run: Run, until_s: float) -> None:
    """Judge beginnings of connections."""
    case, say = 0, _Teller()
    while time.perf_counter() < until_s and not run.is_enough:
        raw = drawn_head(random.Random(f"{run.seed}:{case}"))
        try:
            check_head(raw)
        except Exception as error:  # noqa: BLE001 - whatever escapes is a find
            run.note("heads", case, error, head=base64.b64encode(raw).decode())
        case += 1
        run.tried["heads"] = case
        say(lambda: f"heads {case:9,}")  # noqa: B023 - printed now
    print(f"heads: {case:,}", flush=True)


def fuzz_wire(run: Run, until_s: float) -> None:
    """Attack a live endpoint."""
    uvloop.run(_fuzz_wire(run, until_s))


async def _fuzz_wire(run: Run, until_s: float) -> None:
    case, say = 0, _Teller()
    async with Wire() as wire:
        while time.perf_counter() < until_s and not run.is_enough:
            script = drawn_script(random.Random(f"{run.seed}:{case}"))
            try:
                await wire.play(script)
                if case % 100 == 99:
                    await wire.settle()
            except Exception as error:  # noqa: BLE001 - whatever escapes is a find
                run.note("wire", case, error, script=_saved(script))
                wire.endpoint.counters.failures = 0
            case += 1
            run.tried["wire"] = case
            say(lambda: f"wire {case:9,}  {wire.endpoint.counters.accepted:,} websockets")  # noqa: B023
        await wire.settle()
    print(f"wire: {case:,}", flush=True)


def _saved(script: Script) -> dict[str, object]:
    chunks = [base64.b64encode(chunk).decode() for chunk in script.chunks]
    return {**vars(script), "chunks": chunks}


class _Teller:
    """Prints how far it is, not too often."""

    def __init__(self) -> None:
        self._next_s = time.perf_counter() + SAY_EVERY_S

    def __call__(self, words: Callable[[], str]) -> None:
        if time.perf_counter() >= self._next_s:
            self._next_s = time.perf_counter() + SAY_EVERY_S
            print(words(), flush=True)


def _again(saved: dict[str, Any]) -> int:
    """Play a reproducer; its failure is raised again."""
    print(f"{saved['target']} case {saved['case']} of seed {saved['seed']}")
    match saved["target"]:
        case "frames":
            house = House()
            for frame, protocol, seconds in saved["past"]:
                say_drawn(house, base64.b64decode(frame), protocol, seconds)
        case "heads":
            check_head(base64.b64decode(saved["head"]))
        case "wire":
            chunks = [base64.b64decode(chunk) for chunk in saved["script"].pop("chunks")]
            uvloop.run(_play_again(Script(chunks, **saved["script"])))
    print("nothing happened")
    return 0


async def _play_again(script: Script) -> None:
    async with Wire() as wire:
        await wire.play(script)
        await wire.settle()


_TARGETS: dict[str, Callable[[Run, float], object]] = {
    "frames": fuzz_frames,
    "heads": fuzz_heads,
    "wire": fuzz_wire,
}

if __name__ == "__main__":
    sys.exit(main())
