"""The second speed on one core: world, agent, trace, prices and evaluation, against loops that only learn.

A ratio is of decisions a second. Ours counts everything that a run does, from the making of the agent to its scores.
What the others are given is ready made: their messages and slates were drawn, split and, where it says so, counted
before the clock starts, and they keep no score.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import gymnasium as gym
import numpy as np
from measure import Row, at_least, paired, runs_of
from open_loop import bare_loop
from river import feature_extraction, linear_model, naive_bayes, optim

from sandbox.catalog import make_agent, make_world
from sandbox.discovery import discover
from sandbox.loop import agent_rng

REPEATS = 10  # of our run for one of theirs: it would be too short to time


def _row(name: str, theirs: Callable[[], None], ours: Callable[[], None], n: int, pairs: int, bound: Any) -> Row:
    ratio, bare, own = paired(theirs, ours, pairs)
    detail = f"{n * REPEATS / own / 1e6:.3g} M against {n / bare / 1000:.3g} k decisions/s"
    return at_least(name, ratio * REPEATS, bound, detail)


def _bare_rules(agent: str, steps: int) -> Callable[[], None]:
    """Return the bare loop of Gymnasium with the two rules of `agent` as plain Python; nothing is kept."""

    def bare() -> None:
        env = gym.make("FrozenLake-v1", map_name="8x8")
        learner: Any = make_agent(agent, make_world("FrozenLake-v1:map_name=8x8"))
        learner.begin(env.observation_space, env.action_space, agent_rng(0))
        (act, learn), memory, settings, rng = learner.rules, learner.memory, learner._given, learner.rng
        state, _ = env.reset(seed=0)
        for _ in range(steps):
            choice, _ = act(memory, settings, state, rng)
            following, reward, terminated, truncated, _ = env.step(choice)
            learn(memory, settings, state, choice, reward, following, terminated, truncated, rng)
            state = following
            if terminated or truncated:
                state, _ = env.reset()

    return bare


def tables(quick: bool) -> list[Row]:
    """Every tabular agent compiled, ledger and evaluation included, against a bare Gymnasium loop with the same rule.

    Agents that predict are told beside them: no bound was promised.
    """
    steps, pairs = (20_000, 3) if quick else (200_000, 7)
    world, rows = make_world("FrozenLake-v1:map_name=8x8"), []
    families = {"tabular": 30, "prediction": None}
    agents = [one for one in discover("agents").values() if one.family in families]
    for one in sorted(agents, key=lambda one: (one.family != "tabular", one.name != "q-learning")):
        bound, n, rounds = families[one.family], steps // 4, (pairs + 1) // 2  # in plain Python some are very slow
        bare = _bare_rules(one.name, n)
        if one.name == "q-learning":
            bound, n, rounds = 50, steps, pairs
            bare = partial(bare_loop, "FrozenLake-v1", {"map_name": "8x8"}, n)
        name = f"compiled {one.name} / bare Gymnasium loop, FrozenLake-v1 8x8"
        rows.append(_row(name, bare, runs_of(world, one.name, n, REPEATS), n, rounds, bound))
    return rows


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
