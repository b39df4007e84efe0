"""Recovery, drop and cost of a change: worlds whose answer is known, brute force, long runs, many seeds."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sandbox import recovery
from sandbox.comparison.intervals import mean_interval
from sandbox.comparison.survival import kaplan_meier, median_time, restricted_mean
from sandbox.drift import Schedule, parse_drifts
from sandbox.errors import SandboxError
from sandbox.recovery import (
    NOT_COMPLETE,
    TOO_SHORT,
    UNPRICED,
    GapLog,
    Recovery,
    Segment,
    recover,
    segments_of,
    summary,
    undecided,
)

NAN = math.nan
CHANGE, STEPS, WINDOW, DELTA = 1_000, 5_000, 50, 0.01  # in most tests: a mistake costs 1
SEGMENT = Segment(CHANGE, CHANGE, STEPS)


def logged(gaps: np.ndarray, known: bool = True, chunk: int = 1_024) -> GapLog:
    log = GapLog(len(gaps) if known else None)
    for k in range(0, len(gaps), chunk):
        part = gaps[k : k + chunk]
        log.add(np.arange(k, k + len(part)), part)
    return log


def against_perfect(
    gaps: np.ndarray, segment: Segment = SEGMENT, window: int = WINDOW, delta: float = DELTA
) -> Recovery:
    """Return the recovery of a run whose twin makes no mistake."""
    return recover(logged(gaps), logged(np.zeros(len(gaps))), segment, window, delta)


def wrong_for(k: int, steps: int = STEPS, change: int = CHANGE) -> np.ndarray:
    """Return the gaps of a run that is perfect but for the k decisions after the change."""
    gaps = np.zeros(steps)
    gaps[change : change + k] = 1.0
    return gaps


def same(one: Recovery, other: Recovery) -> bool:
    """NaN equals NaN."""
    return all(
        a == pytest.approx(b, nan_ok=True) if isinstance(a, float) else a == b for a, b in zip(one, other, strict=True)
    )


# --- worlds whose answer is known -------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 49, 50, 51, 777, STEPS - CHANGE - 2 * WINDOW])
def test_wrong_until_step_k_is_recovered_at_k(k: int) -> None:
    """A single wrong decision is the quickest recovery there is: one decision."""
    found = against_perfect(wrong_for(k))
    assert found.at_risk and found.steps == k and math.isnan(found.censored_at) and not found.note
    assert found.drop == pytest.approx(min(1.0, k / WINDOW)) and found.cost == pytest.approx(k)
    assert (found.change, found.complete) == (CHANGE, CHANGE)


@pytest.mark.parametrize("k", [STEPS - CHANGE - 2 * WINDOW + 1, STEPS - CHANGE])
def test_never_recovered_is_censored_at_the_last_step_that_can_be_told(k: int) -> None:
    found = against_perfect(wrong_for(k))
    assert found.at_risk and math.isnan(found.steps) and found.censored_at == STEPS - CHANGE - 2 * WINDOW
    assert found.cost == pytest.approx(k)


def test_no_drop_is_not_at_risk() -> None:
    """A perfect run; one whose excess is delta and no more; one that gains by the change."""
    before = np.where(np.arange(STEPS) < CHANGE, 1.0, 0.0)  # what was before the change does not count
    for gaps, cost in ((before, 0.0), (np.full(STEPS, DELTA), 40.0), (before - 1.0, -4_000.0)):
        found = against_perfect(gaps)
        assert not found.at_risk and math.isnan(found.steps) and math.isnan(found.censored_at) and not found.note
        assert found.cost == pytest.approx(cost) and found.drop == pytest.approx(cost / 4_000)
    assert against_perfect(np.full(STEPS, DELTA * 1.001)).at_risk


def test_a_twin_with_the_same_luck_cancels() -> None:
    """What both pay alike, exploring or learning, is nobody's drift."""
    luck = np.random.default_rng(0).exponential(size=STEPS)
    run, twin = logged(luck + wrong_for(300)), logged(luck)
    assert same(recover(run, twin, SEGMENT, WINDOW, DELTA), against_perfect(wrong_for(300)))
    idle = recover(twin, twin, SEGMENT, WINDOW, 0.0)
    assert not idle.at_risk and idle.cost == 0.0 and idle.drop == 0.0


def test_a_relapse_within_the_window_does_not_count() -> None:
    """Right for a window and one decision, then wrong again: recovered only after that; a later relapse costs."""
    for pause, recovered in ((2 * WINDOW - 1, 100 + 2 * WINDOW), (2 * WINDOW, 100)):
        gaps = wrong_for(100)
        gaps[CHANGE + 100 + pause] = 1.0
        found = against_perfect(gaps)
        assert found.steps == recovered, pause
        assert found.cost == pytest.approx(101)


def test_two_changes() -> None:
    gaps = wrong_for(200) + wrong_for(40, change=3_000)
    run, twin = logged(gaps), logged(np.zeros(STEPS))
    schedule = Schedule(parse_drifts(["abrupt@1000", "abrupt@3000"]))
    segments = segments_of(schedule.changes(STEPS), STEPS)
    assert segments == (Segment(1_000, 1_000, 3_000), Segment(3_000, 3_000, 5_000))
    first, second = (recover(run, twin, segment, WINDOW, DELTA) for segment in segments)
    assert (first.steps, first.cost, second.steps, second.cost) == (200, 200, 40, 40)
    late = recover(logged(wrong_for(1_950) + wrong_for(40, change=3_000)), twin, segments[0], WINDOW, DELTA)
    assert math.isnan(late.steps) and late.censored_at == 1_900  # the second change hides what comes later


def test_segments() -> None:
    """Changes that begin together are one, complete when the last is; those after the end are none."""
    assert segments_of([], 100) == () and segments_of([(100, 100)], 100) == ()
    assert segments_of([(50, 80), (10, 10), (50, 50)], 100) == (Segment(10, 10, 50), Segment(50, 80, 100))
    both = Schedule(parse_drifts(["recurring@30", "gradual@60~20"])).changes(100)
    assert segments_of(both, 100) == (Segment(30, 30, 60), Segment(60, 80, 90), Segment(90, 90, 100))


def test_a_change_that_takes_time() -> None:
    """The harm builds up: the drop is its peak, and well is who stays well until the change is complete."""
    gaps = np.zeros(STEPS)
    gaps[1_500:1_600] = gaps[1_900:2_200] = 1.0
    found = against_perfect(gaps, Segment(1_000, 2_000, STEPS))
    assert (
        found.at_risk and found.drop == pytest.approx(1.0) and found.steps == 1_200 and found.cost == pytest.approx(400)
    )
    assert against_perfect(gaps, Segment(1_000, 1_700, STEPS)).steps == 600
    assert not against_perfect(gaps, Segment(1_000, 1_000, STEPS)).at_risk  # all at once it would have shown at once


@pytest.mark.parametrize("seed", range(8))
def test_noise(seed: int) -> None:
    """Run and twin err by chance, each on its own: the window averages it out, and k is found to some decisions."""
    rng = np.random.default_rng(seed)
    steps, k, window, delta = 60_000, 10_000, 2_000, 0.1
    noise = [np.where(rng.random(steps) < 0.05, 1.0, 0.0) for _ in "ab"]
    gaps = np.maximum(noise[0], wrong_for(k, steps))
    found = recover(logged(gaps), logged(noise[1]), Segment(CHANGE, CHANGE, steps), window, delta)
    assert found.drop == pytest.approx(0.95, abs=0.03)
    # A window of which a share delta / 0.95 is still wrong is within delta; 3 standard errors are 0.021.
    early = window * delta / 0.95
    assert found.steps == pytest.approx(k - early, abs=window * 0.035)
    assert found.cost == pytest.approx(0.95 * k, abs=4 * math.sqrt(0.095 * steps))


# --- what cannot be told ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["run", "twin"])
def test_one_unknown_gap_leaves_its_segment_unpriced(side: str) -> None:
    hole = np.zeros(STEPS)
    hole[2_900] = NAN
    run, twin = wrong_for(10) + (hole if side == "run" else 0.0), (hole if side == "twin" else np.zeros(STEPS))
    first, second = Segment(CHANGE, CHANGE, 2_000), Segment(2_000, 2_000, STEPS)
    assert recover(logged(run), logged(twin), first, WINDOW, DELTA).steps == 10
    found = recover(logged(run), logged(twin), second, WINDOW, DELTA)
    assert same(found, Recovery(2_000, 2_000, NAN, False, NAN, NAN, NAN, UNPRICED))
    assert against_perfect(wrong_for(10), delta=NAN).note == UNPRICED


def test_too_short_or_not_complete_in_time() -> None:
    assert against_perfect(wrong_for(4), Segment(CHANGE, CHANGE, CHANGE + 7)).note == TOO_SHORT
    assert against_perfect(wrong_for(4), Segment(CHANGE, CHANGE, CHANGE + 8)).steps == 4
    assert against_perfect(wrong_for(4), Segment(6_000, 6_000, 7_000)).note == TOO_SHORT
    late = against_perfect(wrong_for(4), Segment(CHANGE, STEPS - WINDOW + 1, STEPS))
    assert late.note == NOT_COMPLETE and not late.at_risk and math.isnan(late.drop) and late.cost == 4.0
    assert against_perfect(wrong_for(4), Segment(CHANGE, STEPS - WINDOW, STEPS)).steps == 4


def test_the_shorter_of_run_and_twin_ends_the_segment() -> None:
    long, short = wrong_for(3_000, 6_000), np.zeros(STEPS)
    for run, twin in ((long, short), (long[:STEPS], np.zeros(6_000))):
        found = recover(logged(run), logged(twin), Segment(CHANGE, CHANGE, 6_000), WINDOW, DELTA)
        assert found.steps == 3_000 and found.cost == 3_000
    assert math.isnan(recover(logged(long[:4_050]), logged(short), SEGMENT, WINDOW, DELTA).steps)


@pytest.mark.parametrize(("window", "delta", "said"), [(0, 0.1, "window=0"), (10, -0.1, "delta=-0.1")])
def test_settings_out_of_range(window: int, delta: float, said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        against_perfect(wrong_for(4), window=window, delta=delta)


def test_the_way_to_json_and_back() -> None:
    for found in (against_perfect(wrong_for(30)), against_perfect(wrong_for(4_000)), undecided(SEGMENT, UNPRICED)):
        packed = json.loads(json.dumps(list(found)))
        assert same(Recovery(*packed), found) and type(found.at_risk) is bool and type(found.drop) is float


# --- brute force ------------------------------------------------------------------------------------------------------


def naive(excess: list[int], complete: int, window: int, delta: float) -> tuple[float, bool, float, float]:
    """Return drop, at risk, steps and censored_at, by their definitions."""
    n = len(excess)
    w = min(window, n // 4)
    smoothed = [sum(excess[t : t + w]) / w for t in range(n - w + 1)]
    drop = max(smoothed[: complete + 1])
    if drop <= delta:
        return drop, False, NAN, NAN
    for t in range(n - 2 * w + 1):
        if all(smoothed[later] <= delta for later in range(t, max(t + w, complete) + 1)):
            return drop, True, float(t), NAN
    return drop, True, NAN, float(n - 2 * w)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([0, 0, 0, 0, 1, 4, -2]), min_size=8, max_size=60),
    st.integers(0, 5),
    st.integers(0, 20),
    st.integers(1, 20),
    st.sampled_from([0.0, 0.25, 1.0]),
)
def test_against_brute_force(excess: list[int], begin: int, width: int, window: int, delta: float) -> None:
    n = len(excess)
    w = min(window, n // 4)
    assume(width <= n - w)
    gaps = np.append(np.full(begin, 9.0), np.array(excess, dtype=float))
    twin = np.random.default_rng(n).integers(0, 5, size=begin + n).astype(float)
    found = recover(logged(gaps + twin), logged(twin), Segment(begin, begin + width, begin + n), window, delta)
    drop, at_risk, steps, censored_at = naive(excess, width, window, delta)
    wanted = Recovery(begin, begin + width, drop, at_risk, steps, censored_at, float(sum(excess)))
    assert same(found, wanted), (found, wanted)


# --- long runs --------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.booleans(), st.integers(1, 90), st.integers(0, 9))
def test_bins_hold_the_sums_of_their_decisions(steps: int, known: bool, chunk: int, seed: int) -> None:
    gaps = np.random.default_rng(seed).integers(0, 9, size=steps).astype(float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "BINS", 64)
        log = logged(gaps, known, chunk)
    stride = -(-steps // 64)
    assert log.stride == (stride if known else 1 << (stride - 1).bit_length()) and log.steps == steps
    for wide in (log.stride, 3 * log.stride):
        whole = steps // wide
        assert log.sums(wide, 0, whole).tolist() == gaps[: whole * wide].reshape(whole, wide).sum(axis=1).tolist()


@settings(max_examples=100, deadline=None)
@given(st.integers(100, 200), st.lists(st.integers(0, 120), min_size=3, max_size=3), st.booleans())
def test_a_long_run_agrees_within_a_bin(begin: int, lengths: list[int], known: bool) -> None:
    """Excess that only falls after the change: recovery of bins and of single decisions differ by less than a bin."""
    steps, window = 2_000, 160
    gaps = np.zeros(steps)
    gaps[:begin] = 5.0
    heights = np.repeat([3.0, 2.0, 1.0], lengths)
    gaps[begin : begin + len(heights)] = heights
    twin = np.random.default_rng(begin).integers(0, 5, size=steps).astype(float)
    segment = Segment(begin, begin, steps)
    exact = recover(logged(gaps + twin), logged(twin), segment, window, 0.25)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "BINS", 200)
        one, other = logged(gaps + twin, known), logged(twin)
    stride = math.lcm(one.stride, other.stride)
    assert stride == (10 if known else 80)  # 16 and 10 have 80 in common
    binned = recover(one, other, segment, window, 0.25)
    assert not binned.note and math.isnan(binned.censored_at) and math.isnan(exact.censored_at)
    assert abs(np.nan_to_num(binned.steps) - np.nan_to_num(exact.steps)) < stride
    assert binned.steps % stride == 0 if binned.at_risk else not exact.at_risk or exact.steps < stride
    assert exact.cost == heights.sum() and exact.cost - 3 * stride <= binned.cost <= exact.cost


def test_memory_does_not_grow_with_the_run() -> None:
    """A million decisions more than fit: the same room, and every sum still right."""
    for known in (True, False):
        log = logged(np.ones(1_300_000), known, 50_000)
        assert log.stride == (5 if known else 8) and log._sums.nbytes <= 8 * recovery.BINS
        assert (log.sums(40, 0, 32_500) == 40.0).all()
    more = GapLog(recovery.BINS)  # announced, and exceeded
    for k in range(0, 300_000, 50_000):
        more.add(np.arange(k, k + 50_000), np.ones(50_000))
    assert more.stride == 2 and more._sums.sum() == 300_000


@pytest.mark.parametrize("step", [[1, 2, 3], [0, 1, 3], [0, 1]])
def test_steps_follow_each_other(step: list[int]) -> None:
    with pytest.raises(SandboxError, match="in order from step 0"):
        GapLog().add(np.array(step), np.zeros(3))


# --- over seeds -------------------------------------------------------------------------------------------------------


def came_through(steps: float = NAN, censored_at: float = NAN, drop: float = 1.0, cost: float = 10.0) -> Recovery:
    at_risk = not (math.isnan(steps) and math.isnan(censored_at))
    return Recovery(CHANGE, CHANGE, drop, at_risk, steps, censored_at, cost)


def test_summary_over_seeds() -> None:
    recovered = [came_through(float(k), cost=k) for k in (10, 20, 20, 40, 70)]
    runs = [*recovered, came_through(censored_at=90.0, cost=100.0), came_through(drop=0.0, cost=0.0)]
    runs.append(undecided(SEGMENT, UNPRICED))
    found = summary(runs, np.random.default_rng(7))
    times, seen = [10, 20, 20, 40, 70, 90], [True] * 5 + [False]
    assert (found.change, found.complete, found.n, found.undecided) == (CHANGE, CHANGE, 7, 1)
    assert (found.at_risk, found.recovered, found.horizon) == (6, 5, 90.0)
    assert found.censored == pytest.approx(1 / 6)
    assert found.median == median_time(times, seen, np.random.default_rng(7)) and found.median.median == 20.0
    assert found.restricted_mean == restricted_mean(times, seen)
    assert found.restricted_mean.mean == pytest.approx(250 / 6)
    assert found.drop == mean_interval([1.0] * 6 + [0.0])
    assert found.cost.mean == pytest.approx(260 / 7)
    assert found.cost == mean_interval([one.cost for one in runs[:7]])
    assert kaplan_meier(times, seen).share[-1] == pytest.approx(found.censored)
    assert summary(runs, np.random.default_rng(7)) == found


def test_summary_of_runs_that_all_failed_to_recover_or_had_nothing_to_recover_from() -> None:
    never = summary([came_through(censored_at=50.0)] * 4, np.random.default_rng(0))
    assert (never.at_risk, never.recovered, never.censored, never.horizon) == (4, 0, 1.0, 50.0)
    assert math.isnan(never.median.median) and never.restricted_mean.mean == 50.0
    calm = summary([came_through()] * 4, np.random.default_rng(0))
    assert (calm.n, calm.at_risk, calm.recovered, calm.median.n) == (4, 0, 0, 0)
    assert math.isnan(calm.censored) and math.isnan(calm.horizon) and math.isnan(calm.restricted_mean.mean)
    blind = summary([undecided(SEGMENT, TOO_SHORT)] * 3, np.random.default_rng(0))
    assert (blind.n, blind.undecided, blind.at_risk) == (0, 3, 0) and math.isnan(blind.drop.mean)


def test_no_interval_from_one_seed() -> None:
    found = summary([came_through(5.0)], np.random.default_rng(0))
    assert (found.median.median, found.restricted_mean.mean, found.drop.mean, found.cost.mean) == (5.0, 5.0, 1.0, 10.0)
    for bounds in (found.median, found.restricted_mean, found.drop, found.cost):
        assert math.isnan(bounds.low) and math.isnan(bounds.high) and bounds.n == 1


def test_a_summary_is_of_one_change() -> None:
    other = came_through(5.0)._replace(change=7)
    for runs in ([], [came_through(5.0), other]):
        with pytest.raises(SandboxError, match="one change"):
            summary(runs, np.random.default_rng(0))


def test_a_change_is_complete_when_those_before_it_are() -> None:
    """The twin of a change made while another goes on would be that of a law which the run leaves at once."""
    assert segments_of([(1000, 6000), (3000, 3000)], 20_000) == ((1000, 6000, 3000), (3000, 6000, 20_000))
