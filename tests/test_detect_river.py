"""River's detectors under our names: alarm for alarm River's, also where a whole run is told at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift
from river.drift import binary
from scipy.stats import ks_2samp

from sandbox.agents.adapters.river_detectors import HddmA, HddmW, Kswin, p_of_rise
from sandbox.detection.alarms import alarms_of
from sandbox.detection.detectors import detector_of
from sandbox.detection.heard import Heard
from sandbox.detection.scores import PER

OURS = {binary.HDDMA: HddmA, binary.HDDMW: HddmW, drift.KSWIN: Kswin}


def one_by_one(detector: Any, values: list[Any]) -> list[int]:
    """Return where a detector alarms, as River's own examples ask it."""
    found = []
    for i, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            found.append(i)
    return found


def runs(seed: int, steps: int) -> np.ndarray[Any, Any]:
    """Return errors (steps,) whose rate jumps now and then."""
    rng = np.random.default_rng(seed)
    rate = np.repeat(rng.choice([0.0, 0.05, 0.2, 0.5, 0.9, 1.0], size=8), -(-steps // 8))[:steps]
    return (rng.random(steps) < rate).astype(np.float64)


def at_once(detector: Any, values: np.ndarray[Any, Any], most: float = np.inf) -> list[int]:
    return list(alarms_of(detector, Heard(values, np.arange(len(values)), len(values)), "it", most).at)


@pytest.mark.parametrize("given_settings", [{}, {"drift_confidence": 0.2}, {"drift_confidence": 1e-6}])
@pytest.mark.parametrize("made", [binary.HDDMA, binary.HDDMW])
def test_hddm_told_at_once_is_rivers(made: Any, given_settings: dict[str, Any]) -> None:
    total = 0
    for seed in range(6):
        values = runs(seed, 2500)
        expected = one_by_one(made(**given_settings), values.astype(int).tolist())
        assert at_once(OURS[made](**given_settings), values) == expected
        assert one_by_one(OURS[made](**given_settings), values.astype(int).tolist()) == expected
        assert at_once(OURS[made](**given_settings), values, 1) == expected[:2]
        total += len(expected)
    assert total > 5
    both = made(two_sided_test=True)
    assert at_once(OURS[made](two_sided_test=True), values) == one_by_one(both, values.astype(int).tolist())


@pytest.mark.parametrize("given_settings", [{}, {"alpha": 0.2}, {"alpha": 0.05, "window_size": 60, "stat_size": 20}])
def test_kswin_told_at_once_is_rivers(given_settings: dict[str, Any]) -> None:
    total = 0
    for seed in range(2):
        values = runs(seed, 1000)
        expected = one_by_one(drift.KSWIN(seed=seed, **given_settings), values.astype(int).tolist())
        assert at_once(Kswin(seed=seed, **given_settings), values) == expected
        assert one_by_one(Kswin(seed=seed, **given_settings), values.astype(int).tolist()) == expected
        total += len(expected)
    assert total > 2


def test_kswin_of_any_numbers_is_rivers() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=400), rng.normal(2.0, 1.0, size=300), np.round(rng.normal(size=300))])
    expected = one_by_one(drift.KSWIN(seed=4, alpha=0.01), values.tolist())
    assert at_once(Kswin(seed=4, alpha=0.01), values) == expected and len(expected) >= 2


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(size=st.integers(1, 40), data=st.data())
@settings(max_examples=30, deadline=None)
def test_p_values_are_scipys(size: int, data: st.DataObject) -> None:
    pair = [data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)) for _ in range(2)]
    found = ks_2samp(*pair, method="auto")
    assert p_of_rise(round(found.statistic * size), size) == pytest.approx(found.pvalue, rel=1e-9)


@pytest.mark.parametrize("name", ["adwin", "page-hinkley:threshold=10.0", "ddm", "eddm", "hddm-a", "hddm-w", "kswin"])
def test_what_our_names_stand_for(name: str) -> None:
    classes = {
        "adwin": drift.ADWIN, "page-hinkley": drift.PageHinkley, "ddm": binary.DDM, "eddm": binary.EDDM,
        "hddm-a": binary.HDDMA, "hddm-w": binary.HDDMW, "kswin": drift.KSWIN,
    }  # fmt: skip
    made = detector_of(name)
    given_settings = made.settings | ({"seed": 3} if name == "kswin" else {})
    values = runs(5, 1200)
    river = classes[made.name](**given_settings)
    assert at_once(made.fresh(3), values) == one_by_one(river, values.astype(int).tolist())
    if name.startswith("eddm"):  # which refuses a level of warning under that of alarms
        assert made.at_level(0.99).fresh(0).alpha >= made.at_level(0.99).fresh(0).beta > 0.95


def test_false_alarms_are_counted_per_ten_thousand() -> None:
    assert PER == 10_000
