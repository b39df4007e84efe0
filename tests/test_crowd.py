"""A crowd of agents is thinned to those that are best, in the order in which they came."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from test_sensitivity import result_of

from sandbox.plots.crowd import MOST, thinned
from sandbox.yardsticks import is_yardstick

REWARD = st.one_of(st.just(math.nan), st.floats(-10, 10))


@given(st.lists(REWARD, max_size=20), st.integers(1, 9), st.booleans())
def test_no_learner_left_out_is_better_than_one_that_is_shown(rewards: list[float], most: int, yardstick: bool) -> None:
    agents = {f"q:a={k}": [reward] for k, reward in enumerate(rewards)} | ({"random": [99.0]} if yardstick else {})
    result = result_of(agents)
    shown, told = thinned(result, most)
    names = [agent.name for agent in shown.agents]
    assert names == [name for name in agents if name in names] and ("random" in names) == yardstick
    learners = [name for name in names if not is_yardstick(name)]
    assert len(learners) == min(most, len(rewards))
    assert told == (f"the best {most} of {len(rewards)} agents" if len(rewards) > most else "")
    worth = {name: -math.inf if math.isnan(value) else value for name, (value,) in agents.items()}
    left = [worth[name] for name in agents if name not in names]
    assert not left or max(left) <= min(worth[name] for name in learners)


def test_few_agents_are_left_alone() -> None:
    result = result_of({f"q:a={k}": [1.0] for k in range(MOST)})
    assert thinned(result) == (result, "")
