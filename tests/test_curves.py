"""Sums, windows, fading means and curves equal their definitions, however many values there are."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import naive_curve

from sandbox.curves import BINS, Track, curve_of, lost, make_track, push, tail_mean, total_of
from sandbox.errors import SandboxError

SIGNALS = st.integers(0, 2**32 - 1)


def push_rows(track: Track, values: np.ndarray, at: np.ndarray) -> None:
    """Push rows (n, K), in which signal k is column k."""
    push(track, np.ascontiguousarray(values.T), np.arange(values.shape[1]), at)


def pushed(values: np.ndarray, window: int = 10, fading: float = 0.9, pushes: int | None = None) -> Track:
    track = make_track(values.shape[1], window, fading, pushes)
    push_rows(track, values, np.arange(1, len(values) + 1))
    return track


def with_gaps(rng: np.random.Generator, rows: int, columns: int = 2) -> np.ndarray:
    values = rng.normal(size=(rows, columns))
    values[rng.random((rows, columns)) < rng.choice([0.0, 0.3, 1.0])] = math.nan
    return values


@settings(max_examples=60, deadline=None)
@given(SIGNALS, st.integers(1, 700), st.integers(1, 50), st.sampled_from([1.0, 0.999, 0.5]))
def test_curve_against_its_definition(seed: int, rows: int, window: int, fading: float) -> None:
    values = with_gaps(np.random.default_rng(seed), rows)
    track = pushed(values, window, fading)
    for k in range(2):
        curve = curve_of(track, k, rows)
        wanted = naive_curve(values[:, k].tolist(), list(range(1, rows + 1)), window, fading)
        for name, points in wanted.items():
            got = getattr(curve, name)
            got = got() if callable(got) else got
            assert got == pytest.approx(np.array(points, dtype=float), rel=1e-9, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("rows", [1, 511, 512, 513, 1024, 1025, 5_000, 100_000])
def test_a_curve_of_any_length_has_at_most_512_points(rows: int) -> None:
    values = np.random.default_rng(rows).normal(size=(rows, 1))
    curve = curve_of(pushed(values), 0, rows)
    assert len(curve.step) <= BINS and (rows < BINS or len(curve.step) > BINS // 2)
    assert curve.step[-1] == rows and (np.diff(curve.step) > 0).all() and curve.number.sum() == rows
    assert curve.total.sum() == pytest.approx(values.sum(), rel=1e-9, abs=1e-9)
    assert curve.cumulative()[-1] == pytest.approx(values.mean(), rel=1e-9, abs=1e-9)
    assert curve.windowed[-1] == pytest.approx(values[-10:].mean(), rel=1e-9, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(SIGNALS, st.integers(1, 1_500), st.lists(st.integers(0, 1_500), max_size=6))
def test_chunks_do_not_matter(seed: int, rows: int, cuts: list[int]) -> None:
    values = with_gaps(np.random.default_rng(seed), rows)
    whole, parts = pushed(values, pushes=rows), make_track(2, 10, 0.9, rows)
    edges = [0, *sorted(min(c, rows) for c in cuts), rows]
    for begin, end in itertools.pairwise(edges):
        push_rows(parts, values[begin:end], np.arange(begin + 1, end + 1))
    for mine, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_looking_at_a_curve_does_not_change_the_run() -> None:
    values = np.random.default_rng(0).normal(size=(1_301, 2))
    looked, left = make_track(2, 10, 0.9, None), make_track(2, 10, 0.9, None)
    for i in range(len(values)):
        push_rows(looked, values[i : i + 1], np.array([i + 1]))
        push_rows(left, values[i : i + 1], np.array([i + 1]))
        if i % 50 == 0:
            curve_of(looked, 0, i + 1)
            tail_mean(looked, 1)
    for mine, other in zip(looked, left, strict=True):
        np.testing.assert_array_equal(mine, other)


@settings(max_examples=60, deadline=None)
@given(SIGNALS, st.integers(1, 400))
def test_final_tenth(seed: int, rows: int) -> None:
    """Exact where the number of pushes is known beforehand, and for runs of up to 512 pushes where it is not."""
    values = with_gaps(np.random.default_rng(seed), rows, 1)
    last = [v for v in values[rows - max(1, rows // 10) :, 0].tolist() if not math.isnan(v)]
    wanted = math.fsum(last) / len(last) if last else math.nan
    for pushes in (rows, None):
        got = tail_mean(pushed(values, pushes=pushes), 0)
        assert got == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("rows", [513, 1_000, 7_777, 60_000])
def test_final_tenth_of_a_run_of_unknown_length(rows: int) -> None:
    """It starts inside a bin, which is shared out: on a ramp, the error stays within one bin's share."""
    ramp = np.linspace(0.0, 1.0, rows)[:, None]
    wanted = float(ramp[rows - rows // 10 :].mean())
    assert tail_mean(pushed(ramp), 0) == pytest.approx(wanted, abs=1 / 256)
    assert tail_mean(pushed(ramp, pushes=rows), 0) == pytest.approx(wanted, abs=1e-12)


def test_sums_are_compensated() -> None:
    """Ten million tenths and one number that swallows them: a plain sum is off in the 8th place."""
    values = np.full((100_000, 1), 0.1)
    values[0] = 1e16
    track = pushed(values)
    assert total_of(track, 0) - 1e16 == pytest.approx(0.1 * 99_999, abs=2.0)
    naive = 0.0
    for value in values[:, 0].tolist():
        naive += value
    assert abs(naive - 1e16 - 0.1 * 99_999) > 2.0
    total, rest = 0.0, 0.0
    for value in (1.0, 1e100, 1.0, -1e100):  # Neumaier's example
        total, rest = total + value, rest + lost(total, value)
    assert total + rest == 2.0


def test_a_window_does_not_drift() -> None:
    """A huge value that has left the window leaves nothing behind after a lap."""
    values = np.ones((1_000, 1))
    values[100] = 1e18
    curve = curve_of(pushed(values, window=50), 0, 1_000)
    assert curve.windowed[-1] == 1.0


def test_a_signal_without_values() -> None:
    track = pushed(np.full((20, 1), math.nan), pushes=20)
    assert math.isnan(total_of(track, 0)) and math.isnan(tail_mean(track, 0))
    curve = curve_of(track, 0, 20)
    assert np.isnan(curve.windowed).all() and np.isnan(curve.fading).all() and np.isnan(curve.cumulative()).all()


def test_a_value_that_is_missing_does_not_forget() -> None:
    """The fading mean and its clock move with values only; the window's clock moves with every push."""
    values = np.array([[1.0], [math.nan], [math.nan], [0.0]])
    curve = curve_of(pushed(values, window=2, fading=0.5), 0, 4)
    assert curve.fading.tolist() == [1.0, 1.0, 1.0, pytest.approx(1 / 3)]
    assert curve.windowed.tolist()[::3] == [1.0, 0.0] and math.isnan(curve.windowed[2])


@pytest.mark.parametrize(("window", "fading"), [(0, 0.9), (-1, 0.9), (10, 0.0), (10, 1.1), (10, math.nan)])
def test_settings_out_of_range(window: int, fading: float) -> None:
    with pytest.raises(SandboxError, match="out of range"):
        make_track(1, window, fading, None)
