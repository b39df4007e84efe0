"""Keyed random numbers: uniform, independent of each other, the same at both speeds; alias tables are exact."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gymnasium.envs.toy_text.utils import categorical_sample
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from sandbox import draws
from sandbox.draws import DRIFT, FEEDBACK, OUTCOME, RESET, WORLD

N = 40_000
PURPOSES = (WORLD, RESET, FEEDBACK, DRIFT, OUTCOME)
SURE = 1e-5  # of a false alarm; every test here is of fixed numbers


def by_step(seed: int = 3, purpose: int = WORLD, start: int = 0) -> Any:
    return draws.keyed_uniforms(seed, start, N, purpose)


def by_seed(step: int = 17, purpose: int = WORLD) -> Any:
    return np.array([draws.keyed_uniform(seed, step, purpose) for seed in range(N)])


def by_index(seed: int = 3, step: int = 17) -> Any:
    stream = np.uint64(draws.stream_of(seed, step, OUTCOME))
    return np.array([draws.uniform(stream, k) for k in range(N)])


def by_purpose(k: int = 1) -> Any:
    cycle = zip(range(N), itertools.cycle(range(7)))
    return np.array([draws.uniform(np.uint64(draws.stream_of(5, i // 7, purpose)), k) for i, purpose in cycle])


def far_off() -> Any:
    return by_step(2**62 - 1, FEEDBACK, 2**61)


SEQUENCES: list[Callable[[], Any]] = [by_step, by_seed, by_index, by_purpose, far_off]


@pytest.mark.parametrize("draw", SEQUENCES)
def test_numbers_are_uniform(draw: Callable[[], Any]) -> None:
    u = draw()
    assert u.min() >= 0.0 and u.max() < 1.0 and len(np.unique(u)) == N
    assert stats.kstest(u, "uniform").pvalue > SURE
    low_bits = (u * 2.0**53).astype(np.int64) % 64
    for cells in (np.bincount((u * 100).astype(np.int64), minlength=100), np.bincount(low_bits, minlength=64)):
        assert stats.chisquare(cells).pvalue > SURE


@pytest.mark.parametrize("draw", SEQUENCES)
@pytest.mark.parametrize("lag", [1, 2, 7, 64])
def test_neighbours_say_nothing_of_each_other(draw: Callable[[], Any], lag: int) -> None:
    u = draw()
    check_independent(u[:-lag], u[lag:])


def check_independent(u: Any, v: Any) -> None:
    """Compare pairs of numbers with the product of two uniform laws, on a grid."""
    cells = np.bincount((u * 12).astype(np.int64) * 12 + (v * 12).astype(np.int64), minlength=144)
    assert stats.chisquare(cells).pvalue > SURE
    assert abs(float(np.corrcoef(u, v)[0, 1])) < 5.0 / math.sqrt(len(u))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[((3, a, 0), (3, b, 0)) for a, b in itertools.combinations(PURPOSES, 2)],
        *[((3, WORLD, 0), (seed, WORLD, 0)) for seed in (2, 4, 3 + 2**32, 3 + 2**61)],
        ((3, WORLD, 0), (3, WORLD, 1)),  # the run of a seed a step later
        ((3, WORLD, 0), (4, WORLD, 1)),
        ((3, WORLD, 0), (4, RESET, 1)),
    ],
)
def test_keys_that_differ_give_other_numbers(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    (seed, purpose, start), (another, else_, later) = one, other
    u, v = by_step(seed, purpose, start), by_step(another, else_, later)
    assert not (u == v).any()
    check_independent(u, v)


def test_what_is_drawn_after_does_not_matter() -> None:
    whole = draws.keyed_uniforms(1, 0, 100, WORLD)
    for start, count in ((0, 1), (40, 60), (99, 1), (7, 0)):
        assert np.array_equal(draws.keyed_uniforms(1, start, count, WORLD), whole[start : start + count])
    assert [draws.keyed_uniform(1, step, WORLD) for step in range(100)] == whole.tolist()


def test_against_the_published_numbers() -> None:
    # SplitMix64 from the state 1234567: the reference outputs of Vigna's splitmix64.c.
    wanted = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    state = np.uint64(1234567)
    with np.errstate(over="ignore"):  # it is meant to
        found = [int(draws.mixed(state + np.uint64(k + 1) * draws._GOLDEN)) for k in range(5)]
    assert found == wanted
    assert [draws.uniform(state, k) for k in range(5)] == [(value >> 11) / 2.0**53 for value in wanted]


def test_a_stream_may_be_a_plain_integer() -> None:
    # which numba takes for a signed one: what is mixed with unsigned ones becomes a float there
    assert draws.uniform(1234567, 3) == draws.uniform(np.uint64(1234567), 3)


def test_normal_numbers_are_normal() -> None:
    streams = [np.uint64(draws.stream_of(9, step, OUTCOME)) for step in range(N // 2)]
    x = np.array([draws.normal(stream, 0) for stream in streams])
    y = np.array([draws.normal(stream, 2) for stream in streams])
    for z in (x, y):
        assert stats.kstest(z, "norm").pvalue > SURE
    check_independent(stats.norm.cdf(x), stats.norm.cdf(y))
    assert np.isfinite([draws.normal(np.uint64(0), k) for k in range(1000)]).all()


# --- both speeds ------------------------------------------------------------------------------------------------------


def plain_text() -> Any:
    """Return the module's functions as plain Python, which call each other as plain Python."""
    found = dict(vars(draws))
    source = {name: thing.py_func for name, thing in found.items() if hasattr(thing, "py_func")}
    for name, function in source.items():
        found[name] = type(function)(function.__code__, found, name)
    return SimpleNamespace(**found)


@settings(deadline=None)
@given(seed=st.integers(0, 2**62), step=st.integers(0, 2**62), purpose=st.integers(0, 9), k=st.integers(0, 2**32 - 2))
@example(0, 0, 0, 0)
@example(2**62, 2**62, 9, 2**32 - 2)
def test_plain_equals_compiled(seed: int, step: int, purpose: int, k: int) -> None:
    plain = plain_text()
    with np.errstate(over="ignore"):
        slow, quick = plain.stream_of(seed, step, purpose), np.uint64(draws.stream_of(seed, step, purpose))
        assert int(slow) == int(quick)
        assert plain.uniform(slow, k) == draws.uniform(quick, k)
        assert plain.normal(slow, k) == draws.normal(quick, k)
        assert plain.keyed_uniform(seed, step, purpose) == draws.keyed_uniform(seed, step, purpose)
        assert plain.keyed_uniforms(seed, step, 3, purpose).tolist() == (
            draws.keyed_uniforms(seed, step, 3, purpose).tolist()
        )


# --- picking ----------------------------------------------------------------------------------------------------------

weights = st.lists(st.one_of(st.just(0.0), st.floats(1e-12, 1e6)), min_size=1, max_size=40).filter(any)


@settings(deadline=None)
@given(weights, st.floats(0.0, 1.0, exclude_max=True))
@example([0.0, 0.0, 1.0], 0.0)
@example([0.1] * 10, 1.0 - 2.0**-53)  # whose sum is below 1, and below this number
@example([1.0, 0.0], 0.9)
def test_pick_is_gymnasiums(weight: list[float], u: float) -> None:
    probability = np.array(weight) / sum(weight)
    chance = SimpleNamespace(random=lambda: u)
    found = draws.pick(np.cumsum(probability), u)
    assert found == int(categorical_sample(probability, chance))
    if np.cumsum(probability)[-1] > u:
        assert probability[found] > 0.0
    assert plain_text().pick(np.cumsum(probability), u) == found


@settings(deadline=None)
@given(weights)
@example([1.0])
@example([0.0, 1.0, 0.0])
@example([1e-12, 1e6, 1e-12, 3.0])
@example([1.0] * 37)
def test_alias_tables_are_exact(weight: list[float]) -> None:
    probability = np.array(weight) / math.fsum(weight)
    n = len(probability)
    keep, other = np.empty(n), np.empty(n, dtype=np.int64)
    draws.make_alias(probability, keep, other)
    assert (keep >= 0.0).all() and (keep <= 1.0).all() and (other >= 0).all() and (other < n).all()
    share = [math.fsum([keep[i], *(1.0 - keep[other == i])]) / n for i in range(n)]
    np.testing.assert_allclose(share, probability, rtol=0.0, atol=1e-14 * n)
    slow, aliases = np.empty(n), np.empty(n, dtype=np.int64)
    plain_text().make_alias(probability, slow, aliases)
    assert np.array_equal(slow, keep) and np.array_equal(aliases, other)


@settings(deadline=None)
@given(weights, st.floats(0.0, 1.0, exclude_max=True))
@example([1.0] * 37, 1.0 - 2.0**-53)
def test_an_alias_is_picked_as_its_table_says(weight: list[float], u: float) -> None:
    probability = np.array(weight) / math.fsum(weight)
    n = len(probability)
    keep, other = np.empty(n), np.empty(n, dtype=np.int64)
    draws.make_alias(probability, keep, other)
    found = draws.pick_alias(keep, other, u)
    slot = math.floor(u * n)
    assert found in (slot, other[slot]) and found == plain_text().pick_alias(keep, other, u)
    assert (found == slot) == (u * n - slot < keep[slot] or other[slot] == slot)


def test_alias_tables_draw_what_they_hold() -> None:
    probability = np.array([0.5, 0.0, 0.03, 0.27, 0.2])
    keep, other = np.empty(5), np.empty(5, dtype=np.int64)
    draws.make_alias(probability, keep, other)
    counts = np.bincount([draws.pick_alias(keep, other, u) for u in by_step().tolist()], minlength=5)
    assert counts[1] == 0
    assert stats.chisquare(counts[[0, 2, 3, 4]], N * probability[[0, 2, 3, 4]]).pvalue > SURE
