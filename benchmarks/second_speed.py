"""The second speed on one core: world, agent, trace, prices and evaluation, against loops that only learn.

A ratio is of decisions a second. Ours counts everything that a run does, from the making of the agent to its scores.
What the others are given is ready made: their messages and slates were drawn, split and, where it says so, counted
before the clock starts, and they keep no score.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
from measure import Row, at_least, paired, runs_of
from open_loop import bare_loop
from river import feature_extraction, linear_model, naive_bayes, optim

from sandbox.catalog import make_world

REPEATS = 10  # of our run for one of theirs: it would be too short to time


def _row(name: str, theirs: Callable[[], None], ours: Callable[[], None], n: int, pairs: int, bound: Any) -> Row:
    ratio, bare, own = paired(theirs, ours, pairs)
    detail = f"{n * REPEATS / own / 1e6:.3g} M against {n / bare / 1000:.3g} k decisions/s"
    return at_least(name, ratio * REPEATS, bound, detail)


def tables(quick: bool) -> list[Row]:
    """Compiled Q-learning, ledger and evaluation included, against a bare Gymnasium loop with the same rule."""
    steps, pairs = (20_000, 3) if quick else (200_000, 7)
    ours = runs_of(make_world("FrozenLake-v1:map_name=8x8"), "q-learning", steps, REPEATS)

    def bare() -> None:
        bare_loop("FrozenLake-v1", {"map_name": "8x8"}, steps)

    return [_row("compiled q-learning / bare Gymnasium loop, FrozenLake-v1 8x8", bare, ours, steps, pairs, 50)]


def _progressive(model: Any, pairs: list[tuple[Any, bool]]) -> None:
    """The loop that a River user writes: a probability for each message, then its label."""
    for x, y in pairs:
        model.predict_proba_one(x)
        model.learn_one(x, y)


def words(quick: bool) -> list[Row]:
    """Compiled `logistic` and `naive-bayes` on spam against River's on the same messages.

    A River user hands texts to a pipeline, which counts their words: the bound is for that. River's share without the
    counting is told beside it. Our agents read the sender too.
    """
    rows = []
    takes = (
        ("logistic", lambda: linear_model.LogisticRegression(optim.SGD(0.1)), 50_000, 20),
        ("naive-bayes", lambda: naive_bayes.MultinomialNB(1.0), 20_000, 150),
    )
    world = make_world("spam")
    for agent, model, n, bound in takes:
        n = n // 10 if quick else n
        texts = list(islice(world.stream, n))
        counter = feature_extraction.BagOfWords(on="body")
        counted = [(counter.transform_one(x), y) for x, y in texts]
        ours = runs_of(world, agent, n, REPEATS)

        def pipeline(model=model, texts=texts) -> None:
            _progressive(feature_extraction.BagOfWords(on="body") | model(), texts)

        def alone(model=model, counted=counted) -> None:
            _progressive(model(), counted)

        name = f"compiled {agent} / River's, spam"
        rows.append(_row(f"{name}, texts", pipeline, ours, n, 3 if quick else 7, bound))
        rows.append(_row(f"{name}, counted words", alone, ours, n, 3 if quick else 5, None))
    return rows


def slates(quick: bool) -> list[Row]:
    """Compiled `linucb` on 50 items, all expected rewards included; also against LinUCB as anybody writes it."""
    n, pairs = (3_000, 3) if quick else (16_000, 7)
    world = make_world("recommendation:items=50")
    batch = world.stream.batch(0, 0, n)
    context, item, rewards = batch.seen.context, batch.seen.item, batch.rewards

    def plain() -> None:
        size = context.shape[1]
        inverse, weights = np.stack([np.eye(size)] * 50), np.zeros((50, size))
        held = item[0].copy()
        for t in range(n):
            new = item[t] != held
            if new.any():
                inverse[new], weights[new], held = np.eye(size), 0.0, item[t].copy()
            x = context[t]
            width = np.sqrt(np.einsum("i,kij,j->k", x, inverse, x))
            k = int(np.argmax(weights @ x + width))
            moved = inverse[k] @ x
            scale = 1.0 + moved @ x
            weights[k] += moved * ((rewards[t, k] - weights[k] @ x) / scale)
            inverse[k] -= np.outer(moved, moved) / scale

    ours = runs_of(world, "linucb", n, REPEATS)
    ratio, bare, own = paired(plain, ours, pairs)
    speed = n * REPEATS / own
    told = f"NumPy: {n / bare / 1000:.3g} k decisions/s, its slates and rewards ready made"
    return [
        at_least("decisions/s of compiled linucb, recommendation of 50 items", speed, 20_000, ""),
        at_least("compiled linucb / a plain NumPy loop, the same", ratio * REPEATS, None, told),
    ]
