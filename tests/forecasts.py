"""What tests of streams that settle decisions share: frequencies, drifts of every kind, and runs that are priced."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import sandbox
from sandbox.law_stream import BATCH, Batch, LawStream
from sandbox.metrics import audit_failures
from tests.frequencies import Frequencies, check_frequencies

DRAWS = int(os.environ.get("SANDBOX_DRAWS", "40000"))  # questions of each world; 2,000,000 for the whole check
SPECS = {
    "abrupt": "abrupt@300",
    "gradual": "gradual@300~400",
    "incremental": "incremental@300~400",
    "recurring": "recurring@300",
    "random-walk": "random-walk@5",
}
FEEDBACKS = ("delayed=20", "partial=0.7", "noisy=0.1", "active=100", "delayed=uniform(0,9)+partial=0.8+noisy=0.05")


def columns(batch: Batch) -> list[np.ndarray]:
    return [*batch.seen, *batch[1:]]


def same(one: Batch, other: Batch) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(columns(one), columns(other), strict=True))


def batches(stream: LawStream, draws: int, told: Callable[[Batch], tuple[Any, Any]], seed: int = 7) -> Iterator[Batch]:
    """Yield the batches of a run with `told` of each as rewards and values: what came, and its mean under the law."""
    for start in range(0, draws, BATCH):
        batch = stream.batch(seed, start, min(BATCH, draws - start))
        came, expected = told(batch)
        yield batch._replace(rewards=np.asarray(came, dtype=np.float64), values=np.asarray(expected))


def frequencies_agree(
    stream: LawStream, told: Callable[[Batch], tuple[Any, Any]], draws: int = DRAWS, seed: int = 7
) -> Frequencies:
    """Fail where what came is not, on average, what the law says, by concept, group, cell and size, corrected."""
    return check_frequencies(stream, draws, batches=batches(stream, draws, told, seed))


LOOKS = ((), ("concept",), ("group",), ("cell",), ("decile",), ("concept", "group"))
_FEW, _SOME = 200, 1000  # draws in a bin from which a sum is normal enough: of known variance, and of squares


def deviates(stream: LawStream, draws: int = DRAWS, seed: int = 7, factor: float = 1.0) -> list[float]:
    """Return normal deviates of numbers, and of their squared distances from the mean, from what the law says.

    They are those of sums over bins by concept, group, cell, and decile of the mean. `factor` times the mean is what
    the law is taken to say: another than 1 must be found out.
    """
    sums: dict[tuple[Any, ...], np.ndarray] = {}
    edges: np.ndarray | None = None
    for start in range(0, draws, BATCH):
        batch = stream.batch(seed, start, min(BATCH, draws - start))
        mean, variance = factor * batch.values[:, 0], batch.values[:, 1]
        edges = np.quantile(mean, np.linspace(0.1, 0.9, 9)) if edges is None else edges
        off, codes = batch.truth - mean, batch._asdict() | {"decile": np.searchsorted(edges, mean)}
        rest = np.square(off) - variance
        terms = np.stack([np.ones_like(off), off, variance, rest, np.square(rest)], axis=1)
        for look in LOOKS:
            keys = np.stack([np.zeros_like(batch.cell), *(codes[name] for name in look)], axis=1)
            found, where = np.unique(keys, axis=0, return_inverse=True)
            for k, key in enumerate(found.tolist()):
                sums[look, *key] = sums.get((look, *key), 0.0) + terms[where == k].sum(axis=0)
    known = [row[1] / math.sqrt(row[2]) for row in sums.values() if row[0] >= _FEW]
    squares = [row[3] / math.sqrt(row[4]) for row in sums.values() if row[0] >= _SOME]
    return known + squares


def moments_agree(stream: LawStream, draws: int = DRAWS) -> None:
    """Fail where numbers do not have the mean and variance that the law says, three standard errors for all bins."""
    found = deviates(stream, draws)
    assert max(map(abs, found)) < bound(len(found)), (max(found, key=abs), len(found))


def bound(count: int) -> float:
    """Return what none of so many normal numbers exceeds in size, but in 27 of 10,000 cases."""
    return -NormalDist().inv_cdf(0.0027 / 2.0 / count)


def equal_rows(one: Batch, other: Batch) -> np.ndarray:
    """Return which questions (n,) are the same in both, and have the same prices."""
    pairs = [(a, b) for a, b in zip(columns(one), columns(other), strict=True) if a is not one.concept]
    return np.all([(a == b).reshape(len(a), -1).all(axis=1) for a, b in pairs], axis=0)


def goes_from_one_law_to_the_other(kind: str, world: LawStream, old: LawStream, new: LawStream) -> None:
    """Fail unless a drift of `SPECS` begins in the one world, and ends in the other."""
    for seed in (0, 1):
        batch, before, after = (one.batch(seed, 0, 1000) for one in (world, old, new))
        assert np.array_equal(batch.concept, world.schedule.concepts(seed, 0, 1000))
        is_old, is_new = equal_rows(batch, before), equal_rows(batch, after)
        assert not equal_rows(before, after).all()
        if kind == "random-walk":
            levels = np.array([world.schedule.levels_of(c)[0] for c in batch.concept.tolist()])
            assert is_old[levels == 0].all() and len(set(levels.tolist())) > 5
        else:
            assert is_old[:300].all() and (is_new[300:600] if kind == "recurring" else is_new[700:]).all()
        if kind == "recurring":
            assert is_old[600:900].all() and is_new[900:].all()
        if kind == "abrupt":
            assert is_new[300:].all()


def is_the_same_however_it_is_cut(stream: LawStream, seed: int, cuts: Sequence[int], count: int = 300) -> None:
    """Fail unless questions do not depend on the batch in which they come."""
    whole, edges = stream.batch(seed, 0, count), sorted({0, count, *(cut for cut in cuts if cut < count)})
    parts = [stream.batch(seed, a, b - a) for a, b in pairwise(edges)]
    for column, several in zip(columns(whole), zip(*map(columns, parts), strict=True), strict=True):
        assert column.tobytes() == np.concatenate(several).tobytes()


def priced(world: str, agents: Sequence[Any], **options: Any) -> dict[str, Any]:
    """Return what a study found of each agent; fail if an audit fails, or the oracle has any regret."""
    result = sandbox.run(world, ["oracle", *agents], **({"seeds": 2, "steps": 800, "jobs": 1} | options))
    found = {agent.name: agent for agent in result.agents}
    for name, agent in found.items():
        assert not agent.failed, (name, agent.failed)
        for run in agent.done:
            assert audit_failures(run.scores.metrics) == [], name
            assert run.scores.metrics["ledger_error"] <= 1e-9
    assert found["oracle"].values("regret") == pytest.approx([0.0] * len(found["oracle"].done), abs=1e-9)
    assert found["oracle"].values("mistakes") == [0.0] * len(found["oracle"].done)
    return found


def no_better_than_the_oracle(found: dict[str, Any]) -> None:
    """Fail if a learner lost less than nothing: prices are exact, so noise plays no part."""
    for agent in found.values():
        assert min(agent.values("regret")) >= -1e-9 and all(map(math.isfinite, agent.values("reward")))
