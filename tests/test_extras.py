"""What worlds report of each decision becomes a metric and a curve of that name, and nothing where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator, evaluate
from sandbox.extras import EXTRAS
from sandbox.metrics import METRICS
from sandbox.trace import Meta, join, make_trace

TOLD = np.array([0.5, math.nan, 1.0, 0.0, 0.5])
SAVED = np.array([1.0, 0.0, 2.0, math.nan, 1.0])
META = Meta("control", why_unpriced="test", episodic=False, extras=("recall_at_k", "cards_saved"))


def test_a_mean_and_a_total_by_hand() -> None:
    trace = make_trace(5, {"reward": 0.0}, extras={"recall_at_k": TOLD, "cards_saved": SAVED})
    scores = evaluate(trace, META, window=2)
    assert scores.metrics["recall_at_k"] == 0.5 and scores.metrics["cards_saved"] == 4.0
    assert scores.curves["recall_at_k"].number.tolist() == [1, 0, 1, 1, 1]
    assert scores.curves["cards_saved"].windowed.tolist() == [1.0, 0.5, 1.0, 2.0, 1.0]


def test_worlds_that_report_nothing_have_nothing() -> None:
    trace = make_trace(5, {"reward": 0.0}, extras={"recall_at_k": TOLD})
    scores = evaluate(trace, Meta("control", why_unpriced="test", episodic=False))
    assert all(math.isnan(scores.metrics[name]) for name in EXTRAS) and "recall_at_k" not in scores.curves
    missing = evaluate(make_trace(5, {"reward": 0.0}), META)
    assert math.isnan(missing.metrics["recall_at_k"]) and "recall_at_k" not in missing.curves


def test_chunks_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    told = rng.random(3_000)
    told[rng.random(3_000) < 0.2] = math.nan
    parts = [make_trace(n, {"reward": 0.0, "step": at + np.arange(n)}, extras={"recall_at_k": told[at : at + n]})
             for at, n in ((0, 1), (1, 1_999), (2_000, 1_000))]  # fmt: skip
    whole, judge = join(parts), Evaluator(META, pushes=3_000)
    for part in parts:
        judge.update(part)
    for scores in (judge.finish(), evaluate(whole, META)):
        assert scores.metrics["recall_at_k"] == pytest.approx(np.nanmean(told), rel=1e-12)
    np.testing.assert_array_equal(whole.columns()["recall_at_k"], told)


def test_an_unknown_name_is_refused_in_one_line() -> None:
    for names, text in ((("recal_at_k",), "'recal_at_k'.*recall_at_k"), (("cost", "cost"), "twice: cost, cost")):
        with pytest.raises(SandboxError, match=text) as found:
            Evaluator(Meta("control", "shop", extras=names))
        assert "\n" not in str(found.value) and "shop" in str(found.value)


def test_every_extra_is_a_metric() -> None:
    assert EXTRAS.items() <= METRICS.items() and all(metric.signal == name for name, metric in EXTRAS.items())
