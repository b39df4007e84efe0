"""How fast runs learn: grids, areas and steps to a threshold, by hand, by brute force, and as properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.comparison.learning import (
    Reached,
    area,
    default_threshold,
    mean_curve,
    on_grid,
    shared_grid,
    speed,
    steps_to,
    values_on,
)
from sandbox.errors import SandboxError
from sandbox.table import FloatArray

LEVELS = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


def curve(steps: list[float], values: list[float]) -> tuple[FloatArray, FloatArray]:
    return np.array(steps, dtype=float), np.array(values, dtype=float)


@st.composite
def curves(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    values = draw(LEVELS)
    lengths = draw(st.lists(st.integers(1, 9), min_size=len(values), max_size=len(values)))
    return np.cumsum(lengths).astype(float), np.array(values, dtype=float)


def test_a_seed_counts_between_its_own_ends() -> None:
    grid, values = on_grid([curve([k, end], [k, 3 * k]) for k, end in ((1, 10), (2, 100), (3, 201), (4, 300))], 200)
    assert (grid[0], grid[-1], len(grid)) == (2, 201, 200) and values.shape == (4, 200)
    assert np.isnan(values[0, grid > 10]).all() and values[0, 0] == pytest.approx(1 + 2 / 9)
    assert np.isnan(values[3, grid < 4]).all() and values[2, -1] == 9
    grid, values = on_grid([curve([1], [5]), curve([2], [6])])
    assert len(grid) == 0 and values.shape == (2, 0)
    assert mean_curve([])[0].shape == (0,)


def test_two_agents_meet_on_one_grid() -> None:
    short, long = [curve([1, 50], [0, 1])] * 3, [curve([5, 500], [0, 1])] * 2
    grid = shared_grid([short, long], 10)
    assert (grid[0], grid[-1], len(grid)) == (5, 50, 10)
    assert not np.isnan(values_on(grid, short)).any() and not np.isnan(values_on(grid, long)).any()
    assert len(shared_grid([short, [curve([60, 70], [0, 1])]])) == 0 == len(shared_grid([short, []]))


def test_areas_by_hand() -> None:
    step, value = curve([10, 20, 40], [0, 4, 4])
    assert area(step, value, 40) == (0 + 20 + 80) / 40
    assert area(step, value, 15) == (0.5 * 5 * 2) / 15 and area(step, value, 5) == 0
    assert area(*curve([7], [3]), 7) == 3 and math.isnan(area(step, value, 41))


@given(curves(), st.floats(0.01, 1.0), st.floats(-3, 3))
def test_an_area_is_a_level_of_its_curve(one: tuple[FloatArray, FloatArray], share: float, shift: float) -> None:
    step, value = one
    to = float(share * step[-1])
    found = area(step, value, to)
    assert value.min() - 1e-9 <= found <= value.max() + 1e-9
    assert area(step, 2.0 * value + shift, to) == pytest.approx(2.0 * found + shift, abs=1e-9)
    fine = (np.arange(20_000) + 0.5) * to / 20_000
    assert found == pytest.approx(np.interp(fine, step, value).mean(), abs=1e-2)


def test_steps_to_a_threshold_by_hand() -> None:
    step, value = curve([10, 20, 30, 40, 50, 60], [0, 5, 2, 5, 6, 7])
    assert steps_to(step, value, 5, higher=True) == Reached(20, True)
    assert steps_to(step, value, 5, higher=True, hold=10) == Reached(40, True)
    assert steps_to(step, value, 5, higher=True, hold=9) == Reached(20, True)  # no point lies in between
    assert steps_to(step, value, 7, higher=True, hold=0) == Reached(60, True)
    assert steps_to(step, value, 7, higher=True, hold=10) == Reached(50, False)  # what holds till the end is not known
    assert steps_to(step, value, 8, higher=True) == Reached(60, False)
    assert steps_to(step, value, 8, higher=True, hold=100) == Reached(0, False)
    assert steps_to(step, value, 2, higher=False, hold=0) == Reached(10, True)


@given(curves(), st.integers(-6, 6), st.integers(0, 40), st.booleans())
def test_steps_to_a_threshold_by_brute_force(
    one: tuple[FloatArray, FloatArray], threshold: int, hold: int, higher: bool
) -> None:
    step, value = one
    pairs = list(zip(step.tolist(), value.tolist(), strict=True))
    judged = [at for at, _ in pairs if at + hold <= pairs[-1][0]]

    def good(at: float) -> bool:
        levels = [level for when, level in pairs if at <= when <= at + hold]
        return bool(min(levels) >= threshold if higher else max(levels) <= threshold)

    first = next((at for at in judged if good(at)), None)
    found = steps_to(step, value, threshold, higher, hold)
    assert found == (Reached(max(judged, default=0.0), False) if first is None else Reached(first, True))
    assert steps_to(step, -value, -threshold, not higher, hold) == found


def test_speeds_of_runs_of_which_some_never_learn() -> None:
    late = [curve([k, 100], [1, 1]) for k in (10, 20, 30)] + [curve([10, 100], [0, 0])] * 2
    found = speed(late, 1.0, True, np.random.default_rng(0))
    assert found.median.median == 30 and found.reached == 0.6 and found.n == 5
    assert found.mean.mean == pytest.approx((10 + 20 + 30 + 100 + 100) / 5)
    never = speed(late[3:], 1.0, True, np.random.default_rng(0))
    assert math.isnan(never.median.median) and never.reached == 0.0 and math.isnan(never.mean.low)
    assert math.isnan(speed([], 1.0, True, np.random.default_rng(0)).reached)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_counts_as_learned(sign: int) -> None:
    rising, flat = np.linspace(0.0, 10.0, 400), np.full(400, 1.0)
    best = rising[-40:].mean()
    found = default_threshold([sign * flat, sign * rising], higher=sign > 0)
    assert found.value == pytest.approx(sign * 0.9 * best) and f"{sign * best:.4g}" in found.told
    found = default_threshold([sign * rising], higher=sign > 0, start=sign * 5.0)
    assert found.value == pytest.approx(sign * (5.0 + 0.9 * (best - 5.0))) and "yardstick" in found.told
    nobody = default_threshold([sign * flat], higher=sign > 0, start=sign * 5.0)
    assert math.isnan(nobody.value) and nobody.told == f"no agent became better than a yardstick's level, {sign * 5}"
    assert math.isnan(default_threshold([np.full(5, np.nan)], higher=True).value)


@settings(max_examples=60)
@given(st.lists(LEVELS, min_size=1, max_size=4), st.booleans())
def test_the_threshold_lies_between_start_and_best(levels: list[list[int]], higher: bool) -> None:
    means = [np.array([math.nan, *level], dtype=float) for level in levels]
    value = default_threshold(means, higher).value
    every = np.concatenate(means)
    assert math.isnan(value) or np.nanmin(every) < value < np.nanmax(every)
    assert default_threshold([-m for m in means], not higher).value == pytest.approx(-value, nan_ok=True)


def test_bad_input_is_named() -> None:
    with pytest.raises(SandboxError, match="one value for each"):
        area(*curve([1, 2], [1]), 1)
    with pytest.raises(SandboxError, match="must ascend"):
        steps_to(*curve([1, 1], [1, 2]), 1, True)
    with pytest.raises(SandboxError, match="must have a value"):
        area(*curve([1, 2], [1, math.nan]), 1)
    with pytest.raises(SandboxError, match="to=0"):
        area(*curve([1, 2], [1, 2]), 0)
    with pytest.raises(SandboxError, match="finite threshold"):
        steps_to(*curve([1, 2], [1, 2]), math.nan, True)
