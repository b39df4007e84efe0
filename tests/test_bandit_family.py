"""More bandits: their rules against the papers' own definitions, and faults planted in them that must be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bandits import FEEDBACKS, SEEN, K, as_python, compiled, held_by, in_the_open, made_up, reward, started
from gymnasium import spaces

from sandbox.agents.bandits.discounted_thompson import DiscountedThompson
from sandbox.agents.bandits.discounted_ucb import DiscountedUcb
from sandbox.agents.bandits.exp3 import Exp3
from sandbox.agents.bandits.exp3s import Exp3s
from sandbox.agents.bandits.gradient_bandit import GradientBandit
from sandbox.agents.bandits.kl_ucb import KlUcb
from sandbox.agents.bandits.restarting_ucb import RestartingUcb
from sandbox.agents.bandits.sliding_window_ucb import SlidingWindowUcb
from sandbox.agents.bandits.thompson_beta import ThompsonBeta
from sandbox.feedback import Feedback

AGENTS: dict[str, Callable[[], Any]] = {
    "kl-ucb": lambda: KlUcb(3.0, -0.5, 1.0),
    "thompson-beta": lambda: ThompsonBeta(0.5, 2.0, -0.4, 1.1),
    "gradient-bandit": GradientBandit,
    "gradient-bandit, no baseline": lambda: GradientBandit(0.5, False),
    "exp3": lambda: Exp3(0.2, -0.5, 1.0),
    "exp3s": lambda: Exp3s(0.1, 0.01, -0.5, 1.0),
    "discounted-ucb": lambda: DiscountedUcb(0.95),
    "sliding-window-ucb": lambda: SlidingWindowUcb(37, 0.8),
    "discounted-thompson": lambda: DiscountedThompson(0.9, 1.0, 1.0, -0.5, 1.0),
    "restarting-ucb": lambda: RestartingUcb(1.0, 1.5, 0.05),
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
    assert (made[0].answered_at >= 0).sum() > 10 and (made[0].greedy != made[0].choice).any()
    assert len(held_by(agents[0])) > 2 and all(np.isfinite(array).all() for array in held_by(agents[0]))


@pytest.mark.parametrize("name", AGENTS)
def test_acting_learns_nothing_and_an_abstention_teaches_nothing(name: str) -> None:
    agent, chunk = started(AGENTS[name]()), made_up(5, 200, life=10)
    for step in range(60):
        reward(agent, step % K, 0.25 * step, chunk.observation(step), step)
    before = [array.copy() for array in held_by(agent)]
    for step in range(200):
        agent.act(chunk.observation(step))
    reward(agent, None, 5.0, chunk.observation(199), 199)
    for a, b in zip(before, held_by(agent), strict=True):
        np.testing.assert_array_equal(a, b)
    agent.begin(SEEN, spaces.Discrete(K), np.random.default_rng(0))
    for a, b in zip(held_by(agent), held_by(started(AGENTS[name]())), strict=True):
        np.testing.assert_array_equal(a, b)
