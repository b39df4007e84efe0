"""The planner of the recommendation world: the best there is, by brute force, and better than the best at once."""

from __future__ import annotations

from itertools import islice, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.insiders import StreamOracle
from sandbox.stream_loop import run_stream
from sandbox.streams.recommendation import Recommendation
from sandbox.streams.recommendation_plan import Planner, after, earned_by, greedy, plan
from sandbox.table import FloatArray
from sandbox.trace import Trace, join

REWARDS = st.lists(st.sampled_from([-0.5, 0.0, 0.2, 0.7, 1.0]), min_size=6, max_size=6)


def small(**given_settings: Any) -> Recommendation:
    made: dict[str, Any] = {"users": 10, "items": 8, "item_life": 0, "satiation": 0.5}
    return Recommendation(**(made | given_settings))


def run(stream: Recommendation, agent: Any, seed: int, steps: int = 3_000) -> Trace:
    chunks: list[Trace] = []
    run_stream(stream, agent, chunks.append, seed=seed, steps=steps)
    return join(chunks)


def transition(levels: tuple[int, ...], shown: int, top: int, recovery: float) -> dict[tuple[int, ...], float]:
    """Where a visit leads, told again."""
    found: dict[tuple[int, ...], float] = {}
    for downs in product((0, 1), repeat=len(levels)):
        chance, to = 1.0, []
        for c, level in enumerate(levels):
            chance *= recovery if downs[c] else 1.0 - recovery
            to.append(min(top, level + 1) if c == shown else max(0, level - downs[c]))
        found[tuple(to)] = found.get(tuple(to), 0.0) + chance
    return found


def chain(top: int, recovery: float) -> tuple[list[tuple[int, ...]], FloatArray]:
    """Return the states of two categories, and where each choice (0, 1, none) leads (3, S, S)."""
    states = list(product(range(top + 1), repeat=2))
    moves = np.zeros((3, len(states), len(states)))
    for action, (i, state) in product(range(3), enumerate(states)):
        for to, chance in transition(state, action, top, recovery).items():
            moves[action, i, states.index(to)] += chance
    return states, moves


def best_gain(reward: FloatArray, recovery: float) -> float:
    """Return the best average reward of all stationary policies of two categories, from rest, one by one."""
    states, moves = chain(reward.shape[1] - 1, recovery)
    earns = np.array([[reward[0, s[0]] for s in states], [reward[1, s[1]] for s in states], [0.0] * len(states)])
    policies = np.array(list(product(range(3), repeat=len(states))))
    found, at = -np.inf, np.arange(len(states))
    for some in np.array_split(policies, max(1, len(policies) // 2_000)):
        half = 0.5 * (moves[some, at] + np.eye(len(states)))
        for _ in range(14):
            half = half @ half
        found = max(found, float((half[:, 0] * earns[some, at]).sum(axis=1).max()))
    return found


@given(REWARDS, st.sampled_from([0.1, 0.5, 1.0]))
@settings(max_examples=8, deadline=None)
def test_the_plan_is_the_best_of_all_policies(rewards: list[float], recovery: float) -> None:
    """Three levels of two categories: 19,683 policies; what wears out earns less."""
    reward = -np.sort(-np.array(rewards).reshape(2, 3), axis=1)
    low, high, action = plan(reward[None], recovery, 1e-8)
    assert low[0] - 1e-5 <= best_gain(reward, recovery) <= high[0] + 1e-5 and high[0] - low[0] < 1e-8
    assert action.shape == (1, 3, 3) and action.max() <= 2


@given(st.lists(st.floats(-1, 1), min_size=9, max_size=9), st.integers(0, 2), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_where_a_visit_leads_is_what_the_chain_says(values: list[float], shown: int, recovery: float) -> None:
    states, moves = chain(2, recovery)
    found = after(np.array(values).reshape(1, 3, 3), shown, recovery).ravel()
    np.testing.assert_allclose(found, moves[shown] @ np.array(values), atol=1e-12)
    assert states[0] == (0, 0)


def test_the_planner_earns_more_than_what_is_best_at_once_and_errs_for_it() -> None:
    stream = small()
    planner, oracle = Planner(stream), StreamOracle(stream.ideal)
    more = []
    for seed in range(5):
        planned, greedy = run(stream, planner, seed), run(stream, oracle, seed)
        assert (greedy.best - greedy.value).sum() == 0.0 and (planned.best - planned.value).sum() > 500.0
        more.append(planned.reward.sum() - greedy.reward.sum())
    mean, error = np.mean(more), np.std(more, ddof=1) / np.sqrt(5)
    assert mean - 5 * error > 400.0  # shortfall: minus that


def test_it_earns_what_its_bounds_say() -> None:
    stream = small(users=4, satiation=1.0, recovery=0.2)
    planner = Planner(stream)
    trace = run(stream, planner, 0, 20_000)
    often = stream._people.keep + np.bincount(stream._people.other, 1.0 - stream._people.keep, minlength=4)
    wanted = float(often @ planner.plan.low) / 4
    parts = trace.value[500:].reshape(-1, 500).mean(axis=1)
    assert trace.value.mean() == pytest.approx(wanted, abs=4 * parts.std() / np.sqrt(len(parts)))
    assert (planner.plan.high - planner.plan.low).max() < 1e-5 and (planner.plan.low >= 0.0).all()


def test_it_chooses_what_the_plan_says() -> None:
    stream = small()
    planner = Planner(stream)
    planner.begin(stream.observation_space, stream.choice_space, np.random.default_rng(0))
    items = set()
    for asked in islice(stream.questions(0), 400):
        made = planner.act(asked.observation)
        if made.choice is not None:
            assert asked.values is not None
            own = [asked.values[j] for j in range(8) if j % 4 == made.choice % 4]
            assert asked.values[made.choice] == pytest.approx(max(own))  # the best of its category
        items.add(made.choice)
        stream.settle(asked, made)
    assert len(items) > 4


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"item_life": 500}, "has no best-planned with item_life"),
        ({"user_life": 500, "season": 1.0}, "has no best-planned with user_life, season"),
        ({"slots": 2}, "has no best-planned with its drift, its slots"),
        ({"drift": "abrupt@100"}, "has no best-planned with its drift, its slots"),
        ({"satiation": 0.0}, "users who never tire"),
        ({"categories": 8, "levels": 9}, "1,000,000,000 states, more than 4,000,000"),
    ],
)
def test_what_cannot_be_planned_is_refused(given_settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        Planner(small(**given_settings))


def test_it_plays_in_its_own_world_only() -> None:
    with pytest.raises(SandboxError, match="another world"):
        run(small(items=9), Planner(small()), 0, 5)


@given(REWARDS, st.sampled_from([0.0, 0.3, 1.0]), st.lists(st.integers(0, 2), min_size=9, max_size=9))
@settings(max_examples=30, deadline=None)
def test_what_is_earned_is_what_the_chain_says(rewards: list[float], recovery: float, action: list[int]) -> None:
    reward = np.array(rewards).reshape(2, 3)
    states, moves = chain(2, recovery)
    earns = np.array([(*(reward[c, s[c]] for c in range(2)), 0.0)[a] for s, a in zip(states, action, strict=True)])
    law, at, total = moves[action, np.arange(9)], np.eye(9)[0], [0.0]
    for _ in range(12):
        total.append(total[-1] + float(at @ earns))
        at = at @ law
    found = earned_by(reward[None], recovery, np.array(action).reshape(1, 3, 3), 12)
    np.testing.assert_allclose(found[0], total, atol=1e-12)
    best_now = greedy(reward[None]).ravel()
    assert all(best_now[i] == np.argmax([reward[0, s[0]], reward[1, s[1]], 0.0]) for i, s in enumerate(states))


def test_nobody_earns_more_than_the_plan_in_the_long_run() -> None:
    planner = Planner(small())
    reward, recovery = planner.plan.reward, 0.25
    ours, at_once = (earned_by(reward, recovery, a, 600) for a in (planner.plan.action, greedy(reward)))
    rates = [(one[:, 600] - one[:, 300]) / 300 for one in (ours, at_once)]
    assert (rates[0] > rates[1] - 1e-9).all() and (rates[0] > rates[1] + 0.01).any()
    np.testing.assert_allclose(rates[0], planner.plan.low, atol=2e-3)
