"""The checker of frequencies itself: it passes what is true, finds what is planted, and its p-values are bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from sandbox.interfaces import Numbers
from sandbox.law_stream import Batch
from sandbox.streams.recommendation import Recommendation
from sandbox.streams.spam import Spam
from tests.frequencies import DECILES, Frequencies, check_frequencies, frequencies

Change = Callable[[Batch], Batch]


def coins(p: np.ndarray, rng: np.random.Generator, group: int = 0) -> Batch:
    """Return tosses of coins (n,) that fall heads with probability `p`; a choice says heads, or tails."""
    heads = rng.random(len(p)) < p
    nothing = np.zeros(len(p), dtype=np.int64)
    values = np.stack([p, -(1.0 - p)], axis=1)
    rewards = np.stack([heads.astype(float), -(~heads).astype(float)], axis=1)
    return Batch(Numbers(p[:, None]), heads.astype(np.int64), nothing, nothing + group, nothing, values, rewards)


def of(*batches: Batch, variance: Callable[[Batch], np.ndarray] | None = None) -> Frequencies:
    return frequencies(Spam(), 0, batches=batches, variance=variance)


def test_bins_are_what_a_naive_count_finds() -> None:
    rng = np.random.default_rng(0)
    batches = [coins(rng.random(3000), rng, group) for group in (0, 2, 2)]
    found = of(*batches)
    keys = {look: [one for one in found.bins if one.look == look and one.choice == 0] for look in {"group", "decile"}}
    luck = [batch.rewards[:, 0] - batch.values[:, 0] for batch in batches]
    counted = [((0,), 3000, luck[0].mean()), ((2,), 6000, np.concatenate(luck[1:]).mean())]
    assert [(one.key, one.draws, pytest.approx(one.excess)) for one in keys["group"]] == counted
    assert len(keys["decile"]) == DECILES and sum(one.draws for one in keys["decile"]) == 9000
    spread = float(np.concatenate([b.values[:, 0] * (1 - b.values[:, 0]) for b in batches]).sum())
    t = abs(np.concatenate(luck).sum())
    everything = next(one for one in found.bins if one.look == "everything")
    assert everything.p == pytest.approx(min(1.0, 2.0 * math.exp(-t * t / (2.0 * spread + 2.0 / 3.0 * t))))


@pytest.mark.parametrize("p", [0.5, 0.01, 0.0002])
@pytest.mark.parametrize("kind", ["two numbers", "told the variance", "neither"])
def test_p_values_are_bounds_however_rare_what_happens_is(p: float, kind: str) -> None:
    """Of 1,000 groups of 300 tosses, no larger share has a p-value under a level than the level says."""
    rng, groups = np.random.default_rng(1), np.repeat(np.arange(1000), 300)
    batch = coins(np.full(len(groups), p), rng)._replace(group=groups)
    if kind != "two numbers":  # a third number that choices earn, with its price
        batch.rewards[::300] = batch.values[::300] = 0.25
    known = (lambda one: one.values.clip(0.0) * (1.0 - one.values.clip(0.0))) if kind.startswith("told") else None
    found = [one.p for one in of(batch, variance=known).bins if one.look == "group" and one.choice == 0]
    assert len(found) == 1000
    for level in (0.5, 0.1, 0.01):
        assert np.mean(np.array(found) <= level) <= level + 3.0 * math.sqrt(level * (1.0 - level) / 1000)
    assert kind != "two numbers" or p < 0.5 or min(found) < 0.05  # and the bounds are no idle ones


@pytest.mark.parametrize("stream", [Spam(), Spam(drift="gradual@5000~20000"), Recommendation()], ids=lambda s: s.kind)
def test_true_worlds_pass(stream: Spam | Recommendation) -> None:
    found = check_frequencies(stream, 30_000)
    assert len(found.bins) > 100 and found.p > 1e-3


def shaded(batch: Batch) -> Batch:
    """Return prices that are a little too sure."""
    p = -batch.values[:, 0]
    sure = p * p / (p * p + (1.0 - p) * (1.0 - p))
    return batch._replace(values=np.stack([-sure, -10.0 * (1.0 - sure)], axis=1))


def in_one_cell(batch: Batch) -> Batch:
    wrong = batch.values.copy()
    wrong[batch.cell == 2] *= 0.8
    return batch._replace(values=wrong)


def shuffled(batch: Batch) -> Batch:
    return batch._replace(values=np.random.default_rng(0).permutation(batch.values))


@pytest.mark.parametrize("plant", [shaded, in_one_cell, shuffled])
def test_wrong_prices_are_found(plant: Change) -> None:
    def batches() -> Iterator[Batch]:
        for start in range(0, 40_000, 4000):
            yield plant(Spam().batch(0, start, 4000))

    with pytest.raises(AssertionError, match=r"Spam: choice \d in .* more than the law says"):
        check_frequencies(Spam(), 0, batches=batches())


def test_what_is_not_a_number_is_no_frequency() -> None:
    batch = coins(np.full(100, 0.5), np.random.default_rng(0))
    batch.values[7, 1] = math.nan
    with pytest.raises(AssertionError, match="not finite"):
        of(batch)
