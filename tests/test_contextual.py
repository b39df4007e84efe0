"""Contextual bandits: their rules against dense algebra and closed forms, and faults planted in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bandits import (
    BOX,
    FEEDBACKS,
    IDS,
    LEVEL,
    Chunk,
    D,
    K,
    as_python,
    compiled,
    held_by,
    in_the_open,
    made_up,
    mutate,
    reward,
    started,
)  # fmt: skip
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sandbox.agents import contextual
from sandbox.agents.bandits.ucb import Ucb
from sandbox.agents.contextual import _ridge
from sandbox.agents.contextual.lin_ts import LinTs
from sandbox.agents.contextual.linucb import Linucb
from sandbox.agents.contextual.ridge_greedy import RidgeGreedy
from sandbox.errors import SandboxError
from sandbox.feedback import Feedback
from sandbox.interfaces import Slate

AGENTS: dict[str, Callable[[], Any]] = {
    "linucb": lambda: Linucb(0.7, 0.5),
    "lin-ts": lambda: LinTs(0.7, 0.5),
    "ridge-greedy": RidgeGreedy,
    "ridge-greedy, greedy": lambda: RidgeGreedy(0.0, 0.5),
}


@pytest.mark.parametrize("feedback", FEEDBACKS, ids=str)
@pytest.mark.parametrize("name", AGENTS)
def test_compiled_and_plain_are_bit_identical(name: str, feedback: Feedback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions, what was learned and the generator; the rules as Python against the compiled loop."""
    chunk, agents = made_up(3), [started(AGENTS[name](), 5) for _ in range(3)]
    made = [compiled(agents[0], chunk, feedback, 11), in_the_open(agents[1], chunk, feedback, 11)]
    with monkeypatch.context() as patch:
        as_python(patch)
        made.append(in_the_open(agents[2], chunk, feedback, 11))
    states = [agent.rng.bit_generator.state for agent in agents]
    assert states[0] == states[1] == states[2]
    for other in (1, 2):
        for a, b in zip((*made[0], *held_by(agents[0])), (*made[other], *held_by(agents[other])), strict=True):
            np.testing.assert_array_equal(a, b)
    assert (made[0].answered_at >= 0).sum() > 10 and len(set(made[0].choice)) == K


# --- rules ------------------------------------------------------------------------------------------------------------


def check_regressions() -> None:
    """Ridge regression by numpy.linalg after every reward: means, and A^-1 itself."""
    chunk, agent = made_up(1, 200, life=10**6), started(RidgeGreedy(0.3, 0.4))
    a, b = np.stack([0.4 * np.eye(D)] * K), np.zeros((K, D))
    for step in range(200):
        x, made = chunk.seen.context[step], agent.act(chunk.observation(step))
        theta = np.stack([np.linalg.solve(a[j], b[j]) for j in range(K)])
        assert made.scores == pytest.approx((theta @ x).tolist(), abs=1e-9)
        assert made.explored or made.scores[made.choice] == max(made.scores)
        value = chunk.rewards[step, made.choice] + 0.3 * x[1] * made.choice
        reward(agent, made.choice, value, chunk.observation(step), step)
        a[made.choice] += np.outer(x, x)
        b[made.choice] += value * x
    np.testing.assert_allclose(agent.ridges.inverse, np.linalg.inv(a), atol=1e-9)


def check_draws() -> None:
    """LinTS chooses an item as often as weights drawn from the posteriors make it the best: by their closed form."""
    agent, seen = started(LinTs(0.8, 0.5), 4, BOX, 2), np.random.default_rng(5).standard_normal((12, D))
    for step, x in enumerate(seen):
        reward(agent, step % 2, float(x[0] * (step % 2) + 0.2), x, step)
    x = np.array([0.5, -1.0, 0.8])
    mean, variance = np.zeros(2), np.zeros(2)
    for slot in range(2):
        own = seen[slot::2]
        a = 0.5 * np.eye(D) + own.T @ own
        mean[slot] = np.linalg.solve(a, own.T @ (own[:, 0] * slot + 0.2)) @ x
        variance[slot] = 0.64 * (x @ np.linalg.solve(a, x))
    share = stats.norm.cdf((mean[0] - mean[1]) / math.sqrt(variance.sum()))
    made = [agent.act(x) for _ in range(6_000)]
    assert 0.1 < share < 0.9 and made[0].scores == pytest.approx(mean.tolist(), abs=1e-9)
    assert stats.binomtest(sum(d.choice == 0 for d in made), len(made), share).pvalue > LEVEL
    assert all(d.explored == (d.scores[d.choice] < max(d.scores)) for d in made)


def check_widths() -> None:
    """sqrt(x' A^-1 x) by numpy.linalg, for items with rewards and without."""
    agent, seen = started(LinTs(1.0, 0.4)), np.random.default_rng(6).standard_normal((30, D))
    a = np.stack([0.4 * np.eye(D)] * K)
    for step, x in enumerate(seen):
        reward(agent, step % 3, 1.0, {"user": 0, "context": x, "items": np.arange(K)}, step)
        a[step % 3] += np.outer(x, x)
    x, widths = np.array([0.5, -1.0, 0.8]), np.empty(K)
    _ridge.widths_of(agent.ridges, np.array([0, 1, 77, 3, 4]), x, widths, 0.4)
    a[2] = 0.4 * np.eye(D)  # another item took this slot
    np.testing.assert_allclose(widths, np.sqrt([x @ np.linalg.solve(a[j], x) for j in range(K)]), rtol=1e-9)


def check_exploration() -> None:
    """A share of epsilon is uniformly random."""
    agent, x = started(RidgeGreedy(0.3), 2, BOX), np.ones(D)
    reward(agent, 2, 1.0, x)
    made = [agent.act(x) for _ in range(5_000)]
    explored = [d.choice for d in made if d.explored]
    assert stats.binomtest(len(explored), len(made), 0.3).pvalue > LEVEL
    assert stats.chisquare(np.bincount(explored, minlength=K)).pvalue > LEVEL
    assert {d.choice for d in made if not d.explored} == {2}


CHECKS = [check_regressions, check_draws, check_widths, check_exploration]


@pytest.mark.parametrize("check", CHECKS)
def test_rule_is_right(check: Callable[[], None]) -> None:
    check()


FAULTS: list[tuple[str, str, str, str, Callable[[], None]]] = [
    ("_ridge", "reward_ridge", "moved[a] / scale * error", "moved[a] * error", check_regressions),
    ("_ridge", "reward_ridge", "error -= weights[slot, a] * context[a]", "pass", check_regressions),
    ("_ridge", "reward_ridge", "inverse[slot, a, b] -=", "inverse[slot, a, b] +=", check_regressions),
    ("_ridge", "reward_ridge", "1.0 / regularization", "regularization", check_regressions),
    ("_ridge", "width_of", "2.0 * right", "right", check_widths),
    ("_ridge", "widths_of", "fresh /= regularization", "pass", check_widths),
    ("lin_ts", "choose_lin_ts", "exploration * index[j]", "index[j]", check_draws),
    ("lin_ts", "choose_lin_ts", "rng.standard_normal()", "abs(rng.standard_normal())", check_draws),
    ("ridge_greedy", "choose_ridge_greedy", "rng.random() < epsilon", "rng.random() > epsilon", check_exploration),
]


@pytest.mark.parametrize(("module", "name", "old", "new", "check"), FAULTS)
def test_a_planted_fault_is_found(
    module: str, name: str, old: str, new: str, check: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch, contextual, module, name, old, new)
    with pytest.raises(AssertionError):
        check()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, K - 1), st.lists(st.floats(-2, 2), min_size=D, max_size=D)), max_size=25))
def test_widths_shrink(told: list[tuple[int, list[float]]]) -> None:
    """What is learned never widens the bound of any item in any context (A only grows)."""
    agent = started(Linucb(1.0, 0.5), seen=BOX)
    grid = [np.array(x, dtype=np.float64) for x in ([1, 0, 0], [1, 1, -1], [0.3, -2, 0.1])]
    for step, (slot, context) in enumerate(told):
        before = [
            x @ agent.ridges.inverse[slot] @ x if agent.ridges.held.item[slot] == slot else 2 * x @ x for x in grid
        ]
        reward(agent, slot, 0.5, np.array(context), step)
        after = [x @ agent.ridges.inverse[slot] @ x for x in grid]
        assert all(b <= a + 1e-9 for a, b in zip(before, after, strict=True)) and min(after) > -1e-12


def test_without_exploration_all_are_greedy() -> None:
    """LinUCB and LinTS with exploration 0 and ridge greedy with epsilon 0 expect the same and choose it."""
    chunk, rng = made_up(6, 300), np.random.default_rng(0)
    agents = [started(Linucb(0.0)), started(LinTs(0.0)), started(RidgeGreedy(0.0))]
    for step in range(300):
        made = [agent.act(chunk.observation(step)) for agent in agents]
        assert made[0].scores == made[1].scores == made[2].scores
        assert all(d.scores[d.choice] == max(d.scores) and not d.explored for d in made)
        slot, value = int(rng.integers(K)), float(rng.standard_normal())
        for agent in agents:
            reward(agent, slot, value, chunk.observation(step), step)


# --- worlds -----------------------------------------------------------------------------------------------------------


def liked(seed: int, n: int = 4_000) -> tuple[Chunk, np.ndarray]:
    """Slates where every user likes another item, and one item is liked a little by all; and the values."""
    rng = np.random.default_rng(seed)
    context = np.eye(D)[rng.integers(D, size=n)]
    values = context @ np.array([[1.0, 0, 0, 0, 0.4], [0, 1.0, 0, 0, 0.4], [0, 0, 1.0, 0, 0.4]])
    seen = Slate(np.zeros(n, dtype=np.int64), context, np.tile(np.arange(K), (n, 1)))
    return Chunk(seen, values + 0.2 * rng.standard_normal((n, K))), values


@pytest.mark.parametrize("kind", [Linucb, LinTs, RidgeGreedy])
def test_contexts_are_worth_something(kind: Callable[[], Any]) -> None:
    """Everybody, as it comes, finds who likes what; an average cannot."""
    for seed in range(3):
        chunk, values = liked(seed)
        earned = {}
        for make in (kind, Ucb):
            choice = compiled(started(make()), chunk, Feedback(), 0).choice.astype(int)
            earned[make] = values[np.arange(4_000), choice][1000:].mean()
        assert earned[kind] > 0.85 and earned[Ucb] < 0.45


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinTs(exploration=-0.5), "LinTs: exploration=-0.5 is out of range"),
        (lambda: LinTs(regularization=0.0), "LinTs: regularization=0.0 is out of range"),
        (lambda: RidgeGreedy(epsilon=1.5), "RidgeGreedy: epsilon=1.5 is out of range"),
        (lambda: RidgeGreedy(regularization=math.inf), "RidgeGreedy: regularization=inf is out of range"),
        (lambda: started(LinTs(), seen=spaces.Discrete(4)), "LinTs needs a context.*not Discrete"),
        (lambda: started(RidgeGreedy(), seen=spaces.Dict({"items": IDS})), "RidgeGreedy needs a context.*not Dict"),
        (lambda: started(LinTs(), seen=BOX).act(np.zeros(2)), "the context has 2 numbers, and 3 were announced"),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)
