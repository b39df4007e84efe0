"""River's own loop and ours give the same number for the same model, to the last bit."""

from __future__ import annotations

import copy
import itertools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from river import (
    datasets,
    dummy,
    ensemble,
    evaluate,
    feature_extraction,
    forest,
    linear_model,
    metrics,
    multiclass,
    naive_bayes,
    neighbors,
    optim,
    preprocessing,
    stats,
    tree,
)

from sandbox.catalog import make_agent, make_world
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator, Scores
from sandbox.streams.spam import Spam
from sandbox.trace import TRACE_COLUMNS, Trace, join
from sandbox.world import Budget

SAME = 1e-12
ELECTRICITY = Path(os.environ.get("SANDBOX_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "elec.csv"


def ours(world: Any, agent: Any, seed: int = 0, steps: int | None = None) -> tuple[Scores, Trace]:
    made, chunks = make_world(world), []
    judge = Evaluator(made.meta)

    def sink(trace: Trace) -> None:
        judge.update(trace)
        chunks.append(trace)

    made.run(make_agent(agent, made), seed, made.budget(Budget(steps=steps)), sink)
    return judge.finish(), join(chunks)


def rivers(dataset: Any, model: Any, metric: Any) -> float:
    return float(evaluate.progressive_val_score(dataset, copy.deepcopy(model), metric).get())


def scaled(model: Any) -> Any:
    return preprocessing.StandardScaler() | model


# --- published numbers ------------------------------------------------------------------------------------------------


def test_phishing() -> None:
    model = scaled(linear_model.LogisticRegression(optimizer=optim.SGD(0.1)))
    scores, _ = ours("river:Phishing", "river:StandardScaler() | LogisticRegression(optimizer=SGD(.1))")
    assert round(100 * scores.metrics["accuracy"], 2) == 88.96
    assert scores.metrics["accuracy"] == pytest.approx(rivers(datasets.Phishing(), model, metrics.Accuracy()), abs=SAME)
    assert scores.metrics["log_loss"] == pytest.approx(rivers(datasets.Phishing(), model, metrics.LogLoss()), abs=SAME)


def test_trump_approval() -> None:
    model = scaled(linear_model.LinearRegression(intercept_lr=0.1))
    scores, _ = ours("river:TrumpApproval", "river:StandardScaler() | LinearRegression(intercept_lr=.1)")
    assert scores.metrics["mae"] == pytest.approx(0.558735, abs=5e-7)
    for name, metric in (("mae", metrics.MAE()), ("rmse", metrics.RMSE())):
        assert scores.metrics[name] == pytest.approx(rivers(datasets.TrumpApproval(), model, metric), abs=SAME)
    assert scores.metrics["reward"] == pytest.approx(-(scores.metrics["rmse"] ** 2), abs=SAME)


@pytest.mark.skipif(not ELECTRICITY.is_file(), reason=f"the Electricity data is not at {ELECTRICITY}")
def test_electricity_says_the_last_label_again() -> None:
    """Žliobaitė 2013."""
    scores, trace = ours(f"{ELECTRICITY}:class", "no-change")
    assert scores.decisions == 45_312 and scores.metrics["abstentions"] == 1
    assert round(100 * scores.metrics["accuracy"], 2) == 85.33
    repeated = float((trace.truth[1:] == trace.truth[:-1]).mean())
    assert scores.metrics["accuracy_answered"] == pytest.approx(repeated, abs=SAME)


# --- many models ------------------------------------------------------------------------------------------------------

MULTICLASS: dict[str, Callable[[], Any]] = {
    "naive Bayes": naive_bayes.GaussianNB,
    "tree": lambda: tree.HoeffdingTreeClassifier(grace_period=50),
    "pipeline": lambda: scaled(tree.HoeffdingTreeClassifier(grace_period=50)),
    "softmax": lambda: scaled(linear_model.SoftmaxRegression()),
    "one against the rest": lambda: scaled(multiclass.OneVsRestClassifier(linear_model.LogisticRegression())),
    "neighbours": lambda: scaled(neighbors.KNNClassifier(3, engine=neighbors.LazySearch(window_size=100))),
    "majority": dummy.PriorClassifier,
    "no change": dummy.NoChangeClassifier,
}


@pytest.mark.parametrize("name", MULTICLASS)
def test_image_segments(name: str) -> None:
    """River drops what a model does not answer; we count it, and report both."""
    model, dataset = MULTICLASS[name](), datasets.ImageSegments().take(700)
    pairs = list(dataset)
    scores, trace = ours(Segments(pairs), model)
    dropped = int(np.isnan(trace.choice).sum())
    assert scores.metrics["abstentions"] == dropped
    said = rivers(pairs, model, metrics.Accuracy())
    assert scores.metrics["accuracy_answered"] == pytest.approx(said, abs=SAME)
    assert scores.metrics["accuracy"] == pytest.approx(said * (700 - dropped) / 700, abs=SAME)
    codes = {label: code for code, label in enumerate(sorted({y for _, y in pairs}))}
    fresh, answers = copy.deepcopy(model), []
    for x, y in pairs:
        answers.append(codes.get(fresh.predict_one(x), math.nan))
        fresh.learn_one(x, y)
    np.testing.assert_array_equal(trace.choice, answers)


class Segments(datasets.base.Dataset):
    """The first rows of a dataset, as a dataset."""

    def __init__(self, pairs: list[Any], task: str = datasets.base.MULTI_CLF) -> None:
        super().__init__(n_features=len(pairs[0][0]), n_samples=len(pairs), task=task)
        self.pairs = pairs

    def __iter__(self) -> Any:
        return iter(self.pairs)


BINARY: dict[str, Callable[[], Any]] = {
    "logistic": lambda: scaled(linear_model.LogisticRegression()),
    "perceptron": lambda: scaled(linear_model.Perceptron()),
    "passive-aggressive": lambda: scaled(linear_model.PAClassifier()),
    "naive Bayes": naive_bayes.GaussianNB,
    "bagging": lambda: ensemble.BaggingClassifier(scaled(linear_model.LogisticRegression()), n_models=3, seed=1),
    "forest": lambda: forest.ARFClassifier(n_models=3, seed=1),
}


@pytest.mark.parametrize("name", BINARY)
def test_bananas(name: str) -> None:
    pairs, model = list(datasets.Bananas().take(600)), BINARY[name]()
    scores, trace = ours(Segments(pairs, datasets.base.BINARY_CLF), model)
    said = rivers(pairs, model, metrics.Accuracy())
    assert scores.metrics["accuracy_answered"] == pytest.approx(said, abs=SAME)
    fresh, total = copy.deepcopy(model), []
    for seen, (x, y) in enumerate(pairs):
        found = fresh.predict_proba_one(x)
        if found and not np.isnan(trace.likelihood[seen]):
            total.append(-math.log(min(1.0, max(found.get(y, 0.0), 1e-15))))
        fresh.learn_one(x, y)
    assert scores.metrics["log_loss"] == pytest.approx(np.mean(total), abs=1e-10)


REGRESSION: dict[str, Callable[[], Any]] = {
    "linear": lambda: scaled(linear_model.LinearRegression()),
    "tree": tree.HoeffdingTreeRegressor,
    "neighbours": lambda: scaled(neighbors.KNNRegressor(engine=neighbors.LazySearch(window_size=100))),
    "mean": lambda: dummy.StatisticRegressor(stats.Mean()),
}


@pytest.mark.parametrize("name", REGRESSION)
def test_regression(name: str) -> None:
    pairs, model = list(datasets.TrumpApproval().take(500)), REGRESSION[name]()
    scores, _ = ours(Segments(pairs, datasets.base.REG), model)
    assert scores.metrics["mae"] == pytest.approx(rivers(pairs, model, metrics.MAE()), rel=SAME)
    assert scores.metrics["rmse"] == pytest.approx(rivers(pairs, model, metrics.RMSE()), rel=SAME)


def test_our_yardsticks_are_rivers() -> None:
    pairs = list(datasets.ImageSegments().take(500))
    for agent, model in (("no-change", dummy.NoChangeClassifier()), ("majority", dummy.PriorClassifier())):
        scores, _ = ours(Segments(pairs), agent)
        said = rivers(pairs, model, metrics.Accuracy())
        tolerance = SAME if agent == "no-change" else 0.05  # ties fall differently
        assert scores.metrics["accuracy_answered"] == pytest.approx(said, abs=tolerance)


# --- seeds ------------------------------------------------------------------------------------------------------------

STOCHASTIC: dict[str, Callable[[], Any]] = {
    "forest": lambda: forest.ARFClassifier(n_models=3, leaf_prediction="mc"),
    "bagging in a pipeline": lambda: scaled(ensemble.BaggingClassifier(tree.HoeffdingTreeClassifier(), n_models=3)),
}


@pytest.mark.parametrize("name", STOCHASTIC)
def test_a_seed_left_open_is_drawn_from_the_run(name: str) -> None:
    """Same run seed, same trace, whatever the global generators do and whatever was run before; another one differs."""
    import random

    pairs, model, traces = list(datasets.ImageSegments().take(400)), STOCHASTIC[name](), []
    for seed in (3, 3, 4):
        np.random.seed(len(traces))  # noqa: NPY002 - the global state must not matter
        random.seed(len(traces))
        traces.append(ours(Segments(pairs), model, seed=seed)[1])
    for column in TRACE_COLUMNS:
        np.testing.assert_array_equal(getattr(traces[0], column), getattr(traces[1], column))
    assert not np.array_equal(traces[0].confidence, traces[2].confidence, equal_nan=True)


def test_a_seed_of_the_models_own_is_kept() -> None:
    pairs = list(datasets.ImageSegments().take(300))
    model = forest.ARFClassifier(n_models=3, seed=5)
    one, two = (ours(Segments(pairs), model, seed=seed)[1] for seed in (1, 2))
    np.testing.assert_array_equal(one.choice, two.choice)


def test_the_users_model_is_not_trained() -> None:
    model = scaled(linear_model.LogisticRegression())
    ours("river:Phishing", model, steps=50)
    assert not model["LogisticRegression"].weights


@pytest.mark.parametrize(
    ("world", "agent", "message"),
    [
        ("river:ImageSegments", "river:LogisticRegression()", "knows two labels"),
        ("river:TrumpApproval", "river:GaussianNB()", "asks for numbers"),
        ("river:Phishing", "river:LinearRegression()", "asks for labels"),
        ("FrozenLake-v1", "river:GaussianNB()", "only gives rewards"),
        ("river:Phishing", "river:StandardScaler()", "no predict_one"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(world: str, agent: str, message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        ours(world, agent, steps=5)


# --- our own streams --------------------------------------------------------------------------------------------------

FILTERS: dict[str, Callable[[], Any]] = {
    "BagOfWords(on='body') | MultinomialNB()": lambda: (
        feature_extraction.BagOfWords(on="body") | naive_bayes.MultinomialNB()
    ),
    "BagOfWords(on='body') | BernoulliNB()": lambda: (
        feature_extraction.BagOfWords(on="body") | naive_bayes.BernoulliNB()
    ),
    "TFIDF(on='body') | LogisticRegression(optimizer=SGD(0.5))": lambda: (
        feature_extraction.TFIDF(on="body") | linear_model.LogisticRegression(optimizer=optim.SGD(0.5))
    ),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("drift", ["", "abrupt@700"])
def test_spam_filters(name: str, drift: str) -> None:
    """A plain River loop over the stream, written out, decides and believes what our loop says it does."""
    model, decided, believed = FILTERS[name](), [], []
    for message, is_spam in itertools.islice(Spam(drift=drift), 1500):
        answer, chances = model.predict_one(message), model.predict_proba_one(message)
        decided.append(math.nan if answer is None else float(answer))
        believed.append(math.nan if answer is None else chances.get(is_spam, 0.0))
        model.learn_one(message, is_spam)
    world = f"spam:drift={drift!r}" if drift else "spam"
    scores, trace = ours(world, f"river:{name}", steps=1500)
    np.testing.assert_array_equal(trace.choice, decided)
    np.testing.assert_array_equal(trace.likelihood, believed)
    assert scores.metrics["ledger_error"] <= 1e-9 and scores.metrics["regret"] > 0
