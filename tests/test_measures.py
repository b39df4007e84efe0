"""Measures of labels, probabilities and forecasts: by hand on five rows, against other libraries, and as properties."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_labels import NAMES, naive_auc, naive_label_metrics
from river import metrics as river_metrics

import sandbox.calibration
import sandbox.labelled
import sandbox.ranked
import sandbox.slates
from sandbox.evaluator import Scores, evaluate
from sandbox.label_metrics import LABEL_METRICS, lam
from sandbox.metrics import METRICS, own_metrics
from sandbox.ranked import MOST, STEPS, Scored, roc_auc, step_of
from sandbox.table import FloatArray
from sandbox.trace import Meta, Trace, make_trace

NAN = math.nan
TWO = Meta("classification", labels=("ham", "spam"), n_choices=2, why_unpriced="test", episodic=False)
SEEDS = st.integers(0, 2**32 - 1)


def labels_of(count: int) -> Meta:
    return Meta("classification", labels=tuple(range(count)), n_choices=count, why_unpriced="test", episodic=False)


def judged(meta: Meta, extras: dict[str, FloatArray] | None = None, **columns: Any) -> Scores:
    return evaluate(make_trace(len(columns["choice"]), {"reward": 0.0} | columns, extras=extras), meta)


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_two_labels_by_hand() -> None:
    """Five messages: ham passed, spam stopped, spam passed, ham stopped, spam on which nothing was decided."""
    found = judged(
        TWO, truth=[0, 1, 1, 0, 1], choice=[0, 1, 0, 1, NAN], confidence=[0.9, 0.6, 0.7, 0.8, NAN],
        likelihood=[0.9, 0.6, 0.3, 0.2, NAN],
    ).metrics  # fmt: skip
    wanted = {
        "accuracy": 2 / 5,
        "probabilities_told": 4 / 5,
        "brier": (0.01 + 0.16 + 0.49 + 0.64) / 4,
        "calibration_error": (0.1 + 0.4 + 0.7 + 0.8) / 4,  # each in a bin of its own
        "roc_auc": 2 / 4,  # spam at .6 and .3, ham at .1 and .8
        "roca_error": 2 / 4,
        "false_positive_rate": 1 / 2,
        "false_negative_rate": 2 / 3,
        "lam": math.sqrt(2) / (1 + math.sqrt(2)),  # odds 1 and 2, so sqrt(2)
        "g_mean": math.sqrt(1 / 2 * 1 / 3),
        "kappa": 0.0,  # by chance (2 x 2 + 3 x 2) / 25
        "kappa_temporal": (2 / 5 - 1 / 5) / (1 - 1 / 5),  # the last label is right once, for the third
        "kappa_majority": 2 / 5,  # the commonest so far is never right
        "final_false_positive_rate": NAN,
        "final_false_negative_rate": 1.0,
        "final_lam": NAN,
        "final_roca_error": NAN,
        "coverage": NAN,
        "pinball": NAN,
    }
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-12, abs=1e-15, nan_ok=True)
    assert set(wanted) - {"accuracy", "pinball"} == set(NAMES) == {metric.name for metric in LABEL_METRICS}


def test_three_labels_by_hand() -> None:
    probabilities = np.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6], [0.0, 0.0, 1.0], [0.25, 0.5, 0.25], [0.4, 0.6, 0.0]])
    truth, choice = np.array([0, 1, 2, 0, 1]), np.array([0, 2, 2, 1, 1])
    found = judged(
        labels_of(3), {"sharpness": (probabilities**2).sum(axis=1)}, truth=truth, choice=choice,
        confidence=probabilities[range(5), choice], likelihood=probabilities[range(5), truth],
    ).metrics  # fmt: skip
    assert found["brier"] == pytest.approx((0.375 + 1.04 + 0.0 + 0.875 + 0.32) / 5, rel=1e-12)
    # In the bins up to .5333, .6 and 1: one of two right at .5; one of two at .6; one of one at 1.
    assert found["calibration_error"] == pytest.approx((0.0 + 2 * 0.1 + 0.0) / 5, abs=1e-12)
    assert found["g_mean"] == pytest.approx((1 / 2 * 1 / 2 * 1) ** (1 / 3), rel=1e-12)
    assert found["kappa"] == pytest.approx((3 / 5 - 8 / 25) / (1 - 8 / 25), rel=1e-12)  # 2 x 1 + 2 x 2 + 1 x 2
    assert all(math.isnan(found[name]) for name in ("roc_auc", "roca_error", "false_positive_rate", "lam", "final_lam"))


def test_forecasts_by_hand() -> None:
    meta = Meta("regression", why_unpriced="test", episodic=False, quantile=0.9)
    scores = judged(meta, choice=[1.0, 2.0, 3.0, NAN, 5.0], truth=[2.0, 2.0, 1.0, 1.0, 9.0])
    assert scores.metrics["pinball"] == pytest.approx((0.9 + 0.0 + 0.2 + 3.6) / 4, rel=1e-12)
    assert scores.curves["pinball"].total.tolist() == pytest.approx([0.9, 0.0, 0.2, 0.0, 3.6], abs=1e-12)
    assert scores.metrics["mae"] == 7 / 4


def test_slates_by_hand() -> None:
    meta = Meta("control", why_unpriced="test", episodic=False, catalogue=5)
    slates = np.array([[0.0, 3.0], [3.0, NAN], [0.0, -1.0], [5.0, 3.0], [3.0, 0.0]])
    assert evaluate(make_trace(5, {"reward": 0.0}, slates), meta).metrics["coverage"] == 2 / 5


def test_the_last_tenth_can_disagree_with_the_whole_run() -> None:
    """Ham is missed for long and then never, spam the other way round."""
    n = 200
    truth = np.tile([0.0, 1.0], n // 2)
    choice = np.where(np.arange(n) < n - 20, 1.0, 0.0)
    likelihood = np.where(np.arange(n) < n - 20, 0.5, 0.5 + truth / 4)
    found = judged(TWO, truth=truth, choice=choice, likelihood=likelihood).metrics
    assert (found["false_positive_rate"], found["final_false_positive_rate"]) == (0.9, 0.0)
    assert (found["false_negative_rate"], found["final_false_negative_rate"]) == (0.1, 1.0)
    assert found["lam"] == pytest.approx(0.5, rel=1e-12)
    assert found["final_lam"] == pytest.approx(lam(0, 10, 10, 10), rel=1e-12) == pytest.approx(0.5, rel=1e-12)
    assert found["roca_error"] > found["final_roca_error"]


# --- against other libraries ------------------------------------------------------------------------------------------


def random_run(seed: int, rows: int, labels: int) -> tuple[Trace, FloatArray]:
    """A run of random probabilities, with many ties, and choices that follow them."""
    rng = np.random.default_rng(seed)
    probabilities = rng.integers(1, 6, size=(rows, labels)).astype(float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    truth, choice = rng.integers(labels, size=rows), probabilities.argmax(axis=1)
    at = np.arange(rows)
    columns = {"truth": truth, "choice": choice, "confidence": probabilities[at, choice],
               "likelihood": probabilities[at, truth], "reward": 0.0}  # fmt: skip
    return make_trace(rows, columns, extras={"sharpness": (probabilities**2).sum(axis=1)}), probabilities


@pytest.mark.parametrize("labels", [2, 3, 5])
def test_as_scikit_learn(labels: int) -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the development extra's")
    for seed in range(5):
        trace, p = random_run(seed, 400, labels)
        found = evaluate(trace, labels_of(labels)).metrics
        truth, choice = trace.truth.astype(int), trace.choice.astype(int)
        assert found["kappa"] == pytest.approx(sk.cohen_kappa_score(truth, choice), rel=1e-12)
        recalls = sk.recall_score(truth, choice, average=None)
        assert found["g_mean"] == pytest.approx(math.prod(recalls) ** (1 / labels), rel=1e-12)
        assert found["log_loss"] == pytest.approx(sk.log_loss(truth, p), rel=1e-12)
        assert found["brier"] == pytest.approx(
            sk.brier_score_loss(truth, p[:, 1] if labels == 2 else p, scale_by_half=labels == 2), rel=1e-12
        )
        if labels == 2:
            assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(truth, p[:, 1]), rel=1e-12)
            assert len(np.unique(p[:, 1])) < 30  # ties, and many


def test_forecasts_as_scikit_learn() -> None:
    sk = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the development extra's")
    rng = np.random.default_rng(0)
    for quantile in (0.1, 0.5, 0.95):
        truth, choice = rng.normal(size=(2, 200))
        meta = Meta("regression", why_unpriced="test", episodic=False, quantile=quantile)
        wanted = sk.mean_pinball_loss(truth, choice, alpha=quantile)
        assert judged(meta, truth=truth, choice=choice).metrics["pinball"] == pytest.approx(wanted, rel=1e-12)


def test_kappa_and_g_mean_as_river() -> None:
    for labels in (2, 4):
        trace, _ = random_run(7, 300, labels)
        found, kappa, mean = evaluate(trace, labels_of(labels)).metrics, river_metrics.CohenKappa(), None
        mean = river_metrics.GeometricMean()
        for truth, choice in zip(trace.truth.astype(int).tolist(), trace.choice.astype(int).tolist(), strict=True):
            kappa.update(truth, choice)
            mean.update(truth, choice)
        assert found["kappa"] == pytest.approx(kappa.get(), rel=1e-12)
        assert found["g_mean"] == pytest.approx(mean.get(), rel=1e-12)


# --- properties -------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 80), st.sampled_from([1, 2, 3, 6]))
def test_every_measure_by_its_definition(seed: int, rows: int, labels: int) -> None:
    trace, _ = random_run(seed, rows, labels)
    found, wanted = evaluate(trace, labels_of(labels)).metrics, naive_label_metrics(trace, labels_of(labels))
    assert {name: found[name] for name in NAMES} == pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True)
    for name in NAMES:
        low, high = METRICS[name].reach
        assert math.isnan(found[name]) or low - 1e-12 <= found[name] <= high + 1e-12, name


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 200), st.integers(2, 4))
def test_rules_that_look_at_no_question_have_no_kappa(seed: int, rows: int, labels: int) -> None:
    """Who says the last label again, or the commonest, is exactly as good as that; a right one has all kappas 1."""
    truth = np.random.default_rng(seed).integers(labels, size=rows).astype(float)
    again = np.append(NAN, truth[:-1])
    counts = np.cumsum(np.eye(labels)[truth.astype(int)], axis=0)
    commonest = np.append(NAN, counts.argmax(axis=1)[:-1])
    for name, choice, wanted in (
        ("kappa_temporal", again, 0.0), ("kappa_majority", commonest, 0.0), ("kappa", np.zeros(rows), 0.0),
        ("kappa_temporal", truth, 1.0), ("kappa_majority", truth, 1.0), ("kappa", truth, 1.0), ("g_mean", truth, 1.0),
    ):  # fmt: skip
        found = judged(labels_of(labels), truth=truth, choice=choice).metrics[name]
        assert math.isnan(found) or found == pytest.approx(wanted, abs=1e-12)
    assert judged(labels_of(labels), truth=truth, choice=np.full(rows, NAN)).metrics["g_mean"] == 0.0


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 60))
def test_the_area_knows_order_only(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(8, size=rows) / 8, rng.integers(2, size=rows)
    found = roc_auc(scores, labels)
    assert roc_auc(scores**3 / 2, labels) == pytest.approx(found, nan_ok=True)
    assert roc_auc(scores, 1 - labels) == pytest.approx(1 - found, nan_ok=True)
    assert roc_auc(np.zeros(rows), labels) == pytest.approx(0.5 if 0 < labels.sum() < rows else NAN, nan_ok=True)


@pytest.mark.parametrize("p", [0.1, 0.2, 0.3, 1 / 3, 0.45, 0.877, 1e-20])
def test_one_probability_for_all_ranks_nothing(p: float) -> None:
    truth = np.array([0, 1, 1, 0, 0, 1, 0])
    likelihood = np.where(truth == 1, p, 1 - p)
    found = judged(TWO, truth=truth, choice=np.full(7, NAN), likelihood=likelihood).metrics
    assert found["roc_auc"] == 0.5
    unknown = judged(TWO, truth=truth, choice=np.full(7, NAN), likelihood=np.full(7, NAN)).metrics
    assert math.isnan(unknown["roc_auc"])


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 400), st.integers(0, 100), st.booleans(), st.sampled_from([1.0, 30.0]))
def test_beyond_so_many_scores_the_area_is_on_a_grid(
    seed: int, rows: int, most: int, announced: bool, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=rows).astype(float)
    likelihood = 1 / (1 + np.exp(-spread * rng.normal(size=rows)))
    likelihood[rng.random(rows) < 0.2] = NAN
    kept, at = Scored(rows if announced else None, most), 0
    exact = Scored(rows)
    while at < rows:
        size = int(rng.integers(1, 60))
        part = {"truth": truth[at : at + size], "likelihood": likelihood[at : at + size]}
        for one in (kept, exact):
            one.update(make_trace(len(part["truth"]), part))
        at += size
    told = [(NAN, t, NAN, p) for t, p in zip(truth, likelihood, strict=True)]
    final = told[rows - max(1, rows // 10) :]
    assert exact.area() == pytest.approx(naive_auc(told), nan_ok=True, rel=1e-12) and exact.slack() == 0.0
    assert exact.area(final=True) == pytest.approx(naive_auc(final), nan_ok=True, rel=1e-12)
    assert kept.area() == pytest.approx(exact.area(), nan_ok=True, abs=kept.slack() + 1e-12)
    if announced:
        slack = kept.slack(final=True) + 1e-12
        assert kept.area(final=True) == pytest.approx(exact.area(final=True), nan_ok=True, abs=slack)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_steps_of_the_grid_keep_order(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    assert 0 <= step_of(low) <= step_of(high) < STEPS
    if high < 0.5 and low > 2.0**-50:
        assert step_of(low) < step_of(high) or high / low < 1.0005


@given(st.integers(1, 50), st.integers(1, 50), st.data())
def test_lam_lies_between_its_sides(of_first: int, of_second: int, data: st.DataObject) -> None:
    first, second = data.draw(st.integers(0, of_first)), data.draw(st.integers(0, of_second))
    found = lam(first, of_first, second, of_second)
    assert found == pytest.approx(lam(second, of_second, first, of_first)) and 0.0 < found < 1.0
    if 0 < first < of_first and 0 < second < of_second:
        shares = sorted((first / of_first, second / of_second))
        assert shares[0] - 1e-12 <= found <= shares[1] + 1e-12
        assert lam(first, of_first, first, of_first) == pytest.approx(first / of_first)


def test_lam_of_no_errors_is_finite_and_falls_with_the_evidence() -> None:
    assert lam(0, 100, 0, 100) == pytest.approx(0.5 / 100)
    assert lam(100, 100, 100, 100) == pytest.approx(99.5 / 100) and math.isnan(lam(0, 0, 1, 10))
    assert lam(1, 2, 1, 2) == 0.5


def test_confidence_that_is_borne_out_has_no_calibration_error() -> None:
    rng = np.random.default_rng(3)
    sure = rng.random(200_000)
    truth = np.where(rng.random(len(sure)) < sure, 1.0, 0.0)
    scores = judged(TWO, truth=truth, choice=np.ones(len(sure)), confidence=sure, likelihood=sure)
    assert scores.metrics["calibration_error"] < 0.006  # sqrt(15 / n) and a little
    bins = scores.tables["reliability"]
    assert bins.shape == (15, 3) and bins[:, 0].sum() == len(sure) and bins[:, 2].sum() == truth.sum()
    boastful = judged(TWO, truth=truth, choice=np.ones(len(sure)), confidence=np.sqrt(sure)).metrics
    assert boastful["calibration_error"] == pytest.approx(2 / 3 - 1 / 2, abs=0.01)


def test_worlds_without_labels_have_none_of_this() -> None:
    trace = make_trace(20, {"reward": 0.0, "choice": 1.0, "truth": 1.0, "confidence": 0.5, "likelihood": 0.5})
    for task in ("control", "regression"):
        scores = evaluate(trace, Meta(task, why_unpriced="test", episodic=False))  # type: ignore[arg-type]
        assert all(math.isnan(scores.metrics[name]) for name in NAMES) and not scores.tables
    empty = judged(TWO, choice=[0.0, 1.0], truth=[NAN, NAN])
    assert all(math.isnan(empty.metrics[name]) for name in NAMES)


def test_memory_is_bounded_however_many_scores_come() -> None:
    kept = Scored(most=1_000)
    trace = make_trace(500, {"truth": np.arange(500) % 2, "likelihood": np.linspace(0, 1, 500)})
    for _ in range(2):
        kept.update(trace)
    assert kept.slack() == 0.0 and len(kept._scores) <= 1_000 and MOST == 2**20
    kept.update(trace)
    assert len(kept._scores) == 0 and kept.slack() > 0.0


def test_compiled_and_plain_are_the_same_text() -> None:
    for module in (sandbox.labelled, sandbox.calibration, sandbox.ranked, sandbox.slates):
        assert any(hasattr(thing, "py_func") for _, thing in inspect.getmembers(module)), module
    for p in (0.0, 1e-300, 2.0**-51, 0.1, 0.5, np.nextafter(0.5, 0), 0.9, 1.0, 1.000000001):
        assert step_of(p) == step_of.py_func(p)  # type: ignore[attr-defined]


def test_what_a_world_is_about_is_shown() -> None:
    assert own_metrics(TWO) == ()
    meta = Meta("regression", quantile=0.9, extras=("cost",), catalogue=3)
    assert own_metrics(meta) == ("pinball", "cost", "coverage")


def test_rounding_breaks_no_tie_in_favour_of_a_label() -> None:
    """Softmax of ten levels: 1 - p is not always the other label's probability to the last bit."""
    rng = np.random.default_rng(5)
    odds = rng.integers(1, 11, size=4_000) / 3.0
    p = np.stack([1.0 / (1.0 + odds), odds / (1.0 + odds)], axis=1)
    truth, choice, at = rng.integers(2, size=4_000), p.argmax(axis=1), np.arange(4_000)
    found = judged(TWO, truth=truth, choice=choice, confidence=p[at, choice], likelihood=p[at, truth]).metrics
    assert len(np.unique(np.where(truth == 1, p[at, truth], 1 - p[at, truth]))) > 10  # told by the truth it would
    order = np.searchsorted(np.unique(odds), odds)
    assert found["roc_auc"] == roc_auc(order.astype(float), truth)
