"""Pairs: Holm's correction, the probability of improvement and its interval, seeds that settle."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.comparison.intervals import paired_difference
from sandbox.comparison.pairs import checked_p, holm, improvement, power_of, seeds_for, seeds_to_settle
from sandbox.errors import SandboxError

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray[Any, Any]]
SCORES: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "lognormal": lambda rng, size: rng.lognormal(size=size),
    "0/1": lambda rng, size: (rng.random(size) < 0.5).astype(float),
    "one in five fails": lambda rng, size: np.where(rng.random(size) < 0.2, -10.0, rng.normal(size=size)),
}


def test_holm_as_published() -> None:
    """SAS/STAT user's guide, PROC MULTTEST, example 5: 24 p values, of which 24 * .03498 alone is under 1."""
    p = [
        0.28282, 0.30688, 0.71022, 0.77175, 0.78180, 0.88581, 0.54685, 0.84978, 0.24228, 0.58977, 0.03498, 0.41607,
        0.31631, 0.05254, 0.45061, 0.75758, 0.12496, 0.49485, 0.21572, 0.50505, 0.94372, 0.81260, 0.77596, 0.36889,
    ]  # fmt: skip
    found = holm(p)
    assert found[10] == pytest.approx(0.8395, abs=5e-5)
    assert [value for k, value in enumerate(found) if k != 10] == [1.0] * 23


def test_holm_of_four() -> None:
    """Of the worked example in Wikipedia, Holm-Bonferroni method: at .05 the first and the fourth are rejected."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.one_of(st.floats(0.0, 1.0), st.just(math.nan)), max_size=6))
@settings(max_examples=200, deadline=None)
def test_holm_is_bonferroni_in_every_subset(p: list[float]) -> None:
    """The closed test: a p value holds if every subset of tests with it would be rejected by Bonferroni's."""
    tests = [k for k, value in enumerate(p) if not math.isnan(value)]
    subsets = [s for size in range(1, len(tests) + 1) for s in itertools.combinations(tests, size)]
    for k, found in enumerate(holm(p)):
        if k in tests:
            assert found == pytest.approx(max(min(1.0, len(s) * min(p[i] for i in s)) for s in subsets if k in s))
        else:
            assert math.isnan(found)


@pytest.mark.parametrize("agents", [3, 5])
@pytest.mark.parametrize("kind", SCORES)
def test_equal_agents_are_seldom_called_unequal(kind: str, agents: int) -> None:
    """The error over all pairs; at full size it is in make bench."""
    wrong = 0
    for seed in range(150):
        scores = SCORES[kind](np.random.default_rng(seed), (agents, 10))
        p = [checked_p(paired_difference(a, b).p, a, b) for a, b in itertools.combinations(scores, 2)]
        wrong += any(value <= 0.05 for value in holm(p))
    assert wrong <= 17  # of 150 at .06; more has a probability of .004


@pytest.mark.parametrize("n", [5, 8, 10, 11, 13, 14, 20])
@pytest.mark.parametrize("tests", [1, 3, 6, 10])
def test_the_p_value_of_successes_is_exact_in_the_tail(n: int, tests: int) -> None:
    """Of two agents that succeed in half of their runs, over all outcomes; Student's p errs by .024 for .0167."""
    from scipy.stats import multinomial

    law = multinomial(n, [0.25, 0.25, 0.5])  # wins, losses, ties
    error = 0.0
    for wins, losses in itertools.product(range(n + 1), repeat=2):
        if wins + losses <= n:
            a = [1.0] * wins + [0.0] * losses + [1.0] * (n - wins - losses)
            b = [0.0] * wins + [1.0] * losses + [1.0] * (n - wins - losses)
            if checked_p(paired_difference(a, b).p, a, b) <= 0.05 / tests:
                error += law.pmf([wins, losses, n - wins - losses])
    assert error <= 0.05 / tests


def test_the_sign_test_is_asked_only_where_differences_are_alike() -> None:
    """Dixon and Mood's table: 1 of 9 the other way is rare enough at .05, 1 of 8 is not."""
    assert checked_p(0.001, [1.0] * 9, [0.0] * 8 + [2.0]) == pytest.approx(20 / 512)
    assert checked_p(0.001, [1.0] * 8, [0.0] * 7 + [2.0]) == pytest.approx(18 / 256)
    assert checked_p(0.0, [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]) == 0.25
    assert checked_p(0.2, [1.0] * 9, [0.0] * 9) == 0.2
    assert checked_p(0.01, [1.0, 2.0, 4.0], [0.0, 0.0, 0.0]) == 0.01
    assert checked_p(1.0, [1.0, 1.0], [1.0, 1.0]) == 1.0
    assert math.isnan(checked_p(math.nan, [1.0, 1.0], [0.0, 0.0]))


def test_improvement_counts_wins_and_half_the_ties() -> None:
    a, b = [3.0, 2.0, 1.0, 5.0, math.nan], [1.0, 2.0, 2.0, 4.0, 0.0]
    assert improvement(a, b, True)[::3] == (0.625, 4)
    assert improvement(a, b, False)[::3] == (0.375, 4)
    assert improvement([1.0], [0.0], True)[::3] == (1.0, 1)
    assert all(math.isnan(bound) for bound in improvement([1.0], [0.0], True)[1:3])
    assert all(math.isnan(value) for value in improvement([math.nan], [0.0], True)[:3])
    with pytest.raises(SandboxError, match="do not pair"):
        improvement([1.0, 2.0], [1.0], True)


def test_improvement_has_wilsons_interval() -> None:
    """R. Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263, and 15 of 148, by the score method."""
    for wins, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        found = improvement([1.0] * wins + [0.0] * (n - wins), [0.5] * n, True)
        assert tuple(found) == (pytest.approx(wins / n), *(pytest.approx(one, abs=5e-5) for one in (low, high)), n)


@given(st.lists(st.integers(-1, 1), min_size=2, max_size=40))
@settings(max_examples=100, deadline=None)
def test_improvement_mirrors(signs: list[int]) -> None:
    a, b = [float(s) for s in signs], [0.0] * len(signs)
    value, low, high, n = improvement(a, b, True)
    assert 0.0 <= low <= value <= high <= 1.0
    assert improvement(b, a, True) == pytest.approx((1 - value, 1 - high, 1 - low, n))
    assert improvement(a, b, False) == improvement(b, a, True)


@pytest.mark.parametrize("ties", [0.0, 0.3])
@pytest.mark.parametrize("n", [10, 20, 30])
def test_the_interval_of_improvement_covers(n: int, ties: float) -> None:
    """Its exact coverage, summed over all outcomes, of shares from one half to near 1."""
    from scipy.special import gammaln

    bounds = {w: improvement([1.0] * (w // 2) + [0.5] * (w % 2) + [0.0] * (n - w // 2 - w % 2), [0.5] * n, True)[1:3]
              for w in range(2 * n + 1)}  # fmt: skip
    counts = np.array([(w, t, n - w - t) for w in range(n + 1) for t in range(n + 1 - w)], dtype=float)
    inside = []
    for share in (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995):
        tie = ties * 2 * (1 - share)  # ties take the place of as many wins as losses
        law = np.array([share - tie / 2, tie, 1 - share - tie / 2])
        logs = gammaln(n + 1) - gammaln(counts + 1).sum(axis=1) + (counts * np.log(np.maximum(law, 1e-300))).sum(axis=1)
        covered = [bounds[int(2 * w + t)][0] <= share <= bounds[int(2 * w + t)][1] for w, t, _ in counts]
        inside.append(float(np.exp(logs)[covered].sum()))
    assert min(inside) >= 0.92, inside
    assert np.mean(inside) >= 0.945


def test_seeds_for_as_published() -> None:
    """G*Power's sizes for a paired t test, two-sided at .05 with power .8 (Faul and others 2007): dz .2, .5, .8, 1."""
    assert [seeds_for(effect) for effect in (0.2, 0.5, 0.8, 1.0)] == [199, 34, 15, 10]
    assert power_of(1.0, 10) == pytest.approx(0.803, abs=5e-4)
    assert power_of(0.5, 34) == pytest.approx(0.808, abs=5e-4)
    assert power_of(0.0, 10) == pytest.approx(0.05)


def test_no_number_of_seeds_settles_nothing() -> None:
    assert seeds_for(0.0) is None
    assert seeds_for(1e-6) is None
    assert seeds_for(0.05, most=1000) is None
    assert seeds_for(1e9) == 2
    chance = np.random.default_rng(0)
    a = chance.normal(size=12)
    assert seeds_to_settle(a.tolist(), a.tolist()) is None
    assert seeds_to_settle([1.0, math.nan, 3.0], [0.0, 1.0, 2.0]) is None
    assert seeds_to_settle([1.0], [0.0]) is None
    assert seeds_to_settle([1.1, 2.1, 3.1], [1.0, 2.0, 3.0]) == 3  # six of six the same way: p = 1/32


@given(st.floats(0.08, 3.0), st.sampled_from([0.05, 0.01, 0.005]))
@settings(max_examples=40, deadline=None)
def test_the_number_of_seeds_is_the_least(effect: float, level: float) -> None:
    n = seeds_for(effect, level, most=5000)
    assert n is not None and power_of(effect, n, level) >= 0.8
    assert n == 2 or power_of(effect, n - 1, level) < 0.8


@pytest.mark.parametrize(("n", "level"), [(4, 0.05), (6, 0.05 / 3)])
def test_so_many_seeds_settle_it_in_four_of_five(n: int, level: float) -> None:
    """A difference of one sd, seen as it is: with the seeds that it asks for, the power is about .8."""
    seen = np.linspace(-1.0, 1.0, n)
    seen = 1.0 + seen / seen.std(ddof=1)
    more = seeds_to_settle(seen.tolist(), [0.0] * n, level)
    assert more is not None
    chance = np.random.default_rng(1)
    draws = chance.normal(1.0, 1.0, size=(800, n + more))
    found = sum(paired_difference(draw, [0.0] * (n + more)).p <= level for draw in draws.tolist())
    assert 0.76 <= found / 800 <= 0.85
