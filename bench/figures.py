"""Figures in words: medians with their range, ratios of runs that followed each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Run = dict[str, Any]
Read = Callable[[Run], float]


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns behind the first, and lines of cells."""

    title: str
    columns: tuple[str, ...]
    lines: Sequence[tuple[str, ...]]


def spread(figures: Sequence[float]) -> str:
    """Write the median, and in brackets the range where there is one; "" of nothing."""
    if not figures:
        return ""
    middle = number(median(figures))
    if len(figures) == 1:
        return middle
    return f"{middle} ({number(min(figures))} to {number(max(figures))})"


def number(figure: float) -> str:
    """Write a figure with as many digits as mean something."""
    if abs(figure) >= 1000:
        return f"{figure:,.0f}"
    return f"{figure:.3g}" if abs(figure) < 100 else f"{figure:.0f}"


def of(runs: Sequence[Run], server: str, read: Read) -> list[float]:
    """Return one server's figures, in the order of the rounds."""
    return [read(run) for run in runs if run["server"] == server]


def ratios(runs: Sequence[Run], above: str, below: str, read: Read) -> list[float]:
    """Return how many times the second server's figure the first one's is, round by round."""
    pairs = zip(of(runs, above, read), of(runs, below, read), strict=False)
    return [over / under for over, under in pairs if under]
