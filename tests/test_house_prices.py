"""House prices: what is forecast is the conditional mean of the law, in every concept, and prices say so."""

from __future__ import annotations

import math
import tracemalloc
from functools import partial
from itertools import islice
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, preprocessing
from scipy import stats

import sandbox.envs  # noqa: F401  registers the environments
from sandbox import draws
from sandbox.drift import KINDS
from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Number, Question, settings_of
from sandbox.law_stream import BATCH, Batch
from sandbox.streams import _normal, house_prices, house_prices_law
from sandbox.streams.house_prices import HousePrices
from sandbox.streams.house_prices_law import DISTRICTS, FEATURES
from tests.forecasts import (
    DRAWS,
    FEEDBACKS,
    SPECS,
    bound,
    deviates,
    frequencies_agree,
    goes_from_one_law_to_the_other,
    is_the_same_however_it_is_cut,
    moments_agree,
    no_better_than_the_oracle,
    priced,
    same,
)

LINEAR = "river:StandardScaler() | LinearRegression(intercept_lr=.1)"
WORLDS: list[dict[str, Any]] = [
    {},
    {"noise": 0.3, "season": 0.2, "trend": 0.05, "law_seed": 3},
    {"drift": "gradual@1000~30000"},
    {"drift": "incremental@1000~30000:level=600,noise=0.25"},
    {"drift": ("recurring@5000", "gradual@10000~20000:noise=0.3")},
    {"drift": "random-walk@700"},
]


def log_means(taste: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the mean log price (n,) of houses (n, 11) under the coefficients of a law."""
    area, rooms, age, distance, quality, *districts, year, spring, _ = x.T
    parts = [np.ones(len(x)), np.log(area / 90), rooms - area / 30 - 0.5, -age / 100, -distance, quality - 3]
    parts += [age / 100 * districts[0], *districts, spring, np.minimum(year, 20.0)]
    return np.stack(parts, axis=1) @ taste


def below_the_mean(world: HousePrices, batch: Batch) -> tuple[Any, Any]:
    """Return which prices are below the mean, and how many should be: a mixture of normal distributions says so."""
    chance, mean = np.zeros(len(batch.truth)), batch.values[:, 0]
    for code in np.unique(batch.concept).tolist():
        rows = batch.concept == code
        for weight, _, taste, noise in zip(*world.market(code), strict=True):
            z = (np.log(mean[rows]) - log_means(taste, batch.seen.values[rows])) / noise
            chance[rows] += weight * stats.norm.cdf(z)
    return (batch.truth <= mean)[:, None], chance[:, None]


@pytest.mark.parametrize("given_settings", WORLDS, ids=str)
def test_prices_are_spread_as_the_law_says(given_settings: dict[str, Any]) -> None:
    world = HousePrices(**given_settings)
    moments_agree(world)
    frequencies_agree(world, partial(below_the_mean, world))


def test_a_wrong_law_is_found() -> None:
    """Prices are compared with a mean that leaves out what noise adds to it: exp(noise^2 / 2)."""
    found = deviates(HousePrices(noise=0.3), factor=math.exp(-0.045))
    assert max(map(abs, found)) > 2.0 * bound(len(found))


def log_mean(world: HousePrices, coefficients: dict[str, float], x: dict[str, float]) -> float:
    """Return the mean log price of a house by the words of the docstring, from what an agent sees."""
    c, century = coefficients, x["age"] / 100
    total = c["level"] + c["area"] * math.log(x["area"] / 90) + c["rooms"] * (x["rooms"] - x["area"] / 30 - 0.5)
    total += c["quality"] * (x["quality"] - 3) - c["age"] * century - c["distance"] * x["distance"]
    total += sum(c[name] * x[name] for name in DISTRICTS) + c["charm"] * century * x["centre"]
    return total + c["season"] * x["spring"] + c["trend"] * min(x["year"], 20.0)


def brute_force(world: HousePrices, question: Question) -> tuple[float, float]:
    """Return mean and variance of a price by adding up a fine grid of its law, mixture and blends spelt out."""
    z = (np.arange(20_000) + 0.5) / 20_000
    z = stats.norm.ppf(z)
    laws = []
    for weight, parts in world.parts(question.concept):
        blended: dict[str, float] = {}
        for part in parts:
            own = dict(zip((*house_prices_law.TASTES, "season", "trend"), world._taste(part).tolist(), strict=True))
            for name, value in own.items():
                blended[name] = blended.get(name, 0.0) + part.share * value
        spread = sum(part.share * part.settings.get("noise", world.noise) for part in parts)
        laws.append((weight, np.exp(log_mean(world, blended, question.observation) + spread * z)))
    mean = sum(weight * price.mean() for weight, price in laws)
    return mean, sum(weight * np.square(price - mean).mean() for weight, price in laws)


@pytest.mark.parametrize("given_settings", WORLDS, ids=str)
def test_mean_and_variance_are_those_of_brute_force(given_settings: dict[str, Any]) -> None:
    world = HousePrices(**given_settings)
    for start in (0, 7000, 15_000, 40_000):
        batch = world.batch(5, start, 6)
        for i in range(6):
            values = batch.values[i].tolist()
            question = Question(world.observation(batch, i), 0.0, 0, 0, int(batch.concept[i]), values)
            assert values == pytest.approx(brute_force(world, question), rel=5e-4)


def test_a_market_pays_what_the_settings_say() -> None:
    world = HousePrices(drift=("abrupt@5", "abrupt@9:level=500,trend=0.1", "abrupt@12"))
    taste = [world.market(concept).taste[0] for concept in range(4)]
    assert world.n_concepts == 4 and taste[0][0] == math.log(250.0)
    assert taste[2][0] - taste[1][0] == pytest.approx(math.log(2.0))
    assert not np.isclose(taste[0][:-2], taste[1][:-2]).any() and np.array_equal(taste[1][1:-1], taste[2][1:-1])
    assert taste[2][-1] == 0.1 and not np.isclose(taste[3][:-2], taste[2][:-2]).any()
    plain = HousePrices(noise=0.0)
    batch = plain.batch(0, 0, 500)
    assert batch.truth == pytest.approx(batch.values[:, 0], rel=1e-12) and np.abs(batch.values[:, 1]).max() < 1e-9


def test_the_scale_is_that_of_the_houses() -> None:
    """Gap range: the variance of means; no forecast: the mean square of prices; a constant: the variance of prices."""
    world = HousePrices(trend=0.0, season=0.0)
    batch = world.batch(3, 0, 200_000)
    mean, variance = batch.values.T
    assert world.gap_range == pytest.approx(mean.var(), rel=0.05)
    assert world.abstention == pytest.approx(-np.square(batch.truth).mean(), rel=0.05)
    assert world.simple_values()[1] == pytest.approx(-batch.truth.var(), rel=0.05)
    assert world.expected_best(0) == pytest.approx(-variance.mean(), rel=0.05) and -variance.max() > world.abstention
    assert np.array_equal(np.bincount(batch.group) > 0.25 * len(mean), [True, True, True])
    assert batch.cell.max() < world.n_cells == len(world.cell_names) and set(batch.cell // 4 - batch.group) == {0}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [{}, {"level": 400.0, "noise": 0.3}, {"season": 0.2, "trend": 0.1}])
def test_every_drift_goes_from_one_market_to_the_other(kind: str, change: dict[str, float]) -> None:
    named = ":" + ",".join(f"{key}={value}" for key, value in change.items()) if change else ""
    world = HousePrices(drift=SPECS[kind] + named)
    new = HousePrices(**change) if change else HousePrices(drift="abrupt@1").pin(1)
    goes_from_one_law_to_the_other(kind, world, HousePrices(), new)


@settings(max_examples=30, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "law_seed": st.integers(0, 2**62),
            "level": st.floats(1.0, 1e5),
            "noise": st.floats(0.0, 1.0),
            "season": st.floats(0.0, 0.5),
            "trend": st.floats(-0.1, 0.1),
            "drift": st.sampled_from([None, *SPECS.values(), "gradual@20~100:noise=0.0"]),
        }
    ),
    st.integers(0, 2**62),
    st.lists(st.integers(1, 299), max_size=3),
    st.floats(-1e6, 1e6),
)
def test_whatever_the_settings(kept: dict[str, Any], seed: int, cuts: list[int], forecast: float) -> None:
    world = HousePrices(**kept)
    is_the_same_however_it_is_cut(world, seed, cuts)
    assert settings_of(world) == kept and world.gap_range > 0.0
    for question in islice(world.questions(seed), 20):
        assert question.values is not None and min(question.truth, question.values[0]) > 0.0
        best = world.settle(question, world.ideal(question))
        made = world.settle(question, Decision(forecast))
        assert best.best == best.value == made.best >= made.value - 1e-9 * abs(made.value)
        if best.best > world.abstention:
            assert made.best - made.value == pytest.approx((forecast - question.values[0]) ** 2, rel=1e-6, abs=1e-6)
        assert made.reward == pytest.approx(-((forecast - question.truth) ** 2))


def test_years_that_never_end_do_not_matter() -> None:
    batch = HousePrices(trend=0.1).batch(0, 10**12, 100)
    assert np.isfinite(batch.values).all() and batch.seen.values[0, FEATURES.index("year")] == 1e9


@pytest.mark.parametrize("feedback", [None, *FEEDBACKS])
def test_runs_are_priced_under_every_feedback(feedback: str | None) -> None:
    found = priced("house-prices", ["mean", LINEAR], drift="gradual@200~200", feedback=feedback)
    no_better_than_the_oracle(found)
    if feedback is None:
        assert max(found[LINEAR].values("regret")) < 0.7 * min(found["mean"].values("regret"))


@pytest.mark.parametrize("drift", [None, *SPECS.values(), "abrupt@300:level=500"])
def test_runs_are_priced_under_every_drift(drift: str | None) -> None:
    no_better_than_the_oracle(priced("house-prices", ["mean", LINEAR], drift=drift))


def test_an_abstention_costs_what_the_world_says() -> None:
    world = HousePrices()
    question = next(world.questions(0))
    none = world.settle(question, Decision(None))
    assert none.value == none.reward == world.abstention < none.best == -question.values[1]
    always = HousePrices(noise=1.0)
    dear = next(q for q in always.questions(0) if -q.values[1] < always.abstention)
    assert always.ideal(dear).choice is None and always.settle(dear, always.ideal(dear)).best == always.abstention


def weights(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]


def test_prices_that_are_shuffled_are_worth_the_mean() -> None:
    world = HousePrices()
    one, other = (world.batch(0, start, 20_000) for start in (0, 20_000))
    x, y = np.column_stack([other.seen.values, np.ones(20_000)]), other.truth
    learned = weights(one.seen.values, one.truth)
    rng = np.random.default_rng(0)
    shuffled, answers = rng.permutation(one.truth), rng.permutation(y)
    assert np.square(y - x @ learned).mean() < 0.2 * y.var()
    assert np.square(answers - x @ weights(one.seen.values, shuffled)).mean() > 0.99 * y.var()
    assert np.square(answers - other.values[:, 0]).mean() > y.var()  # the oracle knows nothing of them


def test_river_learns_from_it_as_from_its_own() -> None:
    model, errors = preprocessing.StandardScaler() | linear_model.LinearRegression(intercept_lr=0.1), []
    for x, y in HousePrices().take(3000):
        errors.append(abs(y - model.predict_one(x)))
        model.learn_one(x, y)
    assert tuple(x) == FEATURES and np.mean(errors[-500:]) < 0.75 * np.mean(errors[:50])


def test_as_an_environment() -> None:
    env, stream = gym.make("sandbox/HousePrices-v0", noise=0.2), HousePrices(noise=0.2)
    observation, _ = env.reset(seed=4)
    for question in islice(stream.questions(4), 20):
        assert observation == question.observation and stream.observation_space.contains(observation)
        _, reward, terminated, _, info = env.step(np.array(300.0))
        assert (
            reward == pytest.approx(-((300.0 - question.truth) ** 2)) and terminated and info["truth"] == question.truth
        )
        observation, _ = env.reset()
    assert isinstance(stream.choice_space, Number)


def test_the_plain_text_equals_the_compiled_one_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"drift": "gradual@10~100"}
    wanted = HousePrices(**made).batch(3, 0, 120)
    for module in (house_prices, house_prices_law, _normal, draws):
        for name, thing in list(vars(module).items()):
            if hasattr(thing, "py_func"):
                monkeypatch.setattr(module, name, thing.py_func)
    with np.errstate(over="ignore"):
        assert same(HousePrices(**made).batch(3, 0, 120), wanted)


def test_memory_does_not_grow_with_the_run() -> None:
    world = HousePrices(drift="random-walk@700")
    world.batch(0, 0, BATCH)
    tracemalloc.start()
    for start in range(0, max(DRAWS, 200_000), BATCH):
        world.batch(0, start, BATCH)
        if start == 20 * BATCH:
            early = tracemalloc.get_traced_memory()[0]
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert late < early + 300_000  # the laws of some more levels, and the walk


REFUSED = [
    ({"noise": 1.5}, "noise=1.5 is out of range"),
    ({"level": 0.0}, "level=0.0 is out of range"),
    ({"level": math.nan}, "level=nan is out of range"),
    ({"trend": "up"}, "trend='up' is not a number"),
    ({"law_seed": 1.5}, "law_seed=1.5 is not a whole number"),
    ({"drift": "abrupt@5:levl=3"}, "'levl' cannot drift; did you mean 'level'?"),
    ({"drift": "abrupt@5:law_seed=3"}, "'law_seed' cannot drift"),
    ({"drift": "abrupt@5:noise=2"}, "noise=2 is out of range"),
    ({"drift": "abrupt@5:mine.py:change"}, "it changes the market, or named settings"),
]


@pytest.mark.parametrize(("made", "why"), REFUSED, ids=str)
def test_what_makes_no_sense_is_refused_in_one_line(made: dict[str, Any], why: str) -> None:
    with pytest.raises(SandboxError) as caught:
        HousePrices(**made)
    assert why in str(caught.value) and str(caught.value).startswith("house-prices: ") and "\n" not in str(caught.value)
