"""Mistakes in agents' rules that a reading with the papers at hand has found; each test failed before."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.agents.bandits.exp3s import make_shares, reward_exp3s
from sandbox.agents.bandits.sliding_window_ucb import SlidingWindowUcb, reward_window
from sandbox.agents.provable.psrl import Psrl
from sandbox.interfaces import Experience


@settings(max_examples=200, deadline=None)
@given(
    shown=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=60),
    window=st.integers(1, 12),
)
def test_sliding_window_forgets_what_an_item_earned_before_it_left_its_slot(
    shown: list[tuple[int, int]], window: int
) -> None:
    """Items come back to their slots: mean and count are those of the window, since the item came last."""
    agent = SlidingWindowUcb(window)
    agent.n_slots = 2
    agent._forget()
    past: list[tuple[int, int, float]] = []
    for step, (slot, item) in enumerate(shown):
        reward = 1.0 + step
        reward_window(agent.recent, agent.arms, slot, item, step, reward)
        past.append((slot, item, reward))
        for place in range(2):
            mine = [(at, what, won) for at, (where, what, won) in enumerate(past) if where == place]
            last = [at for at, what, _ in mine if what != mine[-1][1]]  # of another item
            stay = [won for at, _, won in mine if at > max(last, default=-1) and at >= len(past) - window]
            assert agent.arms.tries[place] == len(stay)
            if stay:
                assert agent.arms.value[place] == pytest.approx(np.mean(stay))


def test_exp3s_without_sharing_finds_its_way_back() -> None:
    """Weights that rounding makes 0 stayed so for ever, and where the last other one left nothing was left to share."""
    shares = make_shares(3)
    for step in range(3):
        reward_exp3s(shares, step, step, step, 0.0, 1.0 / 3.0, 1.0, 0.0)
    for step in range(3, 3000):
        reward_exp3s(shares, 0, 0, step, 1.0, 1.0 / 3.0, 1.0, 0.0)
    assert shares.weight[0] == pytest.approx(1.0)
    for step in range(3000, 6000):
        reward_exp3s(shares, 1, 1, step, 1.0, 1.0 / 3.0, 1.0, 0.0)
    assert shares.weight[1] == pytest.approx(1.0)
    reward_exp3s(shares, 1, 7, 6000, 0.5, 1.0 / 3.0, 1.0, 0.0)
    assert np.isfinite(shares.weight).all() and shares.weight.sum() == pytest.approx(1.0)


def test_psrl_takes_a_reward_beyond_its_range_as_the_nearest() -> None:
    """One by one, not in sum: a jackpot of 100 made failures look like successes, and a loss ate the successes."""
    agent = Psrl(horizon=10)
    agent.begin(spaces.Discrete(1), spaces.Discrete(2), np.random.default_rng(0))
    for step in range(10):
        for choice, reward in ((0, 100.0 if step == 0 else 0.0), (1, -5.0 if step == 0 else 1.0)):
            agent.learn(Experience(0, choice, reward, 0, False, False, None, step))
    assert agent.memory.counts.earned.tolist() == [[1.0, 9.0]]
