"""What a decision is held to have cost: its gap, or minus the return of its episode."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.harm import Harm, slight, slight_text
from sandbox.recovery import GapLog
from sandbox.trace import Meta, Trace, make_trace


def made(rewards: list[float], ends: list[int], first: int = 0) -> Trace:
    n = len(rewards)
    over, odd = np.isin(np.arange(first, first + n), ends), np.arange(n) % 2 == 1
    told = {"step": np.arange(first, first + n), "reward": np.array(rewards), "episode": 0}
    return make_trace(n, told | {"terminated": over & ~odd, "truncated": over & odd})


UNPRICED = Meta("control", why_unpriced="nobody knows", reference_return=-50.0)


def test_an_episode_is_told_when_it_has_ended() -> None:
    harm = Harm(UNPRICED)
    steps, told = harm.of(made([1.0, 2.0, 4.0, 8.0], [1]))
    assert steps.tolist() == [0, 1] and told.tolist() == [-3.0, -3.0]
    steps, told = harm.of(made([16.0], [], 4))
    assert len(steps) == len(told) == 0
    steps, told = harm.of(made([32.0, 64.0], [5, 6], 5))
    assert steps.tolist() == [2, 3, 4, 5, 6] and told.tolist() == [-60.0] * 4 + [-64.0]


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=1, max_size=40),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_chunks_do_not_matter(rows: list[tuple[int, bool]], cuts: list[int]) -> None:
    rewards, ends = [float(reward) for reward, _ in rows], [i for i, (_, over) in enumerate(rows) if over]
    harm, steps, told = Harm(UNPRICED), list[int](), list[float]()
    edges = [0, *sorted({min(cut, len(rows)) for cut in cuts}), len(rows)]
    for low, high in itertools.pairwise(edges):
        if low < high:
            part = harm.of(made(rewards[low:high], ends, low))
            steps, told = steps + part[0].tolist(), told + part[1].tolist()
    begin, expected = 0, list[float]()
    for end in ends:
        expected += [-sum(rewards[begin : end + 1])] * (end + 1 - begin)
        begin = end + 1
    assert steps == list(range(len(expected))) and told == expected


def test_where_prices_are_known_it_is_the_gap() -> None:
    trace = make_trace(3, {"best": np.array([5.0, 4.0, 3.0]), "value": np.array([5.0, 3.0, 1.0])})
    steps, told = Harm(Meta("control", gap_range=8.0)).of(trace)
    assert steps.tolist() == [0, 1, 2] and told.tolist() == [0.0, 1.0, 2.0]


def test_what_is_too_little_to_be_a_drop() -> None:
    twin = GapLog()
    twin.add(np.arange(4), np.array([-10.0, -20.0, -30.0, -40.0]))
    assert slight(Meta("control", gap_range=8.0), twin) == pytest.approx(0.08)
    assert slight(UNPRICED, twin) == pytest.approx(5.0) and "5 of an episode's return" in slight_text(UNPRICED)
    unknown = Meta("control", why_unpriced="nobody knows")
    assert slight(unknown, twin) == pytest.approx(2.5) and "twin" in slight_text(unknown)
    assert math.isnan(slight(unknown, GapLog()))
