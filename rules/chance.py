"""How likely something is by chance: the few tails that detectors of habits ask for. Pure."""

from __future__ import annotations

import math


def binomial_tail(count: int, of: int, share: float) -> float:
    """Return the probability of `count` or more hits in `of` tries of probability `share`.

    Exact; 1.0 for a count of 0 or less, 0.0 for more hits than tries.
    """
    if count <= 0:
        return 1.0
    if count > of:
        return 0.0
    return math.fsum(
        math.comb(of, hits) * share**hits * (1 - share) ** (of - hits)
        for hits in range(count, of + 1)
    )


def shrunk_share(hits: float, of: float, *, prior: float, weight: float) -> float:
    """Return a share that begins at `prior` and follows its own history with more of it.

    `weight` is how many tries of its own outweigh the prior (an empirical Bayes mean).
    """
    return (hits + weight * prior) / (of + weight)


def quiet_tail(expected: float, shape: float) -> float:
    """Return the probability of no event where `expected` were due, of a rate that varies.

    Rates of use vary from week to week: with a Gamma of `shape` over the rate the count is
    negative binomial, and a long quiet time far likelier than Poisson has it.
    """
    return math.pow(1 + expected / shape, -shape)
