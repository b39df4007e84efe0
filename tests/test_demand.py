"""Demand: counts are what the law says, orders and quantiles cost what brute force says, and sales are censored."""

from __future__ import annotations

import math
import tracemalloc
from itertools import islice
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from river import linear_model, optim, preprocessing
from scipy import stats

import sandbox
import sandbox.envs  # registers the environments
from sandbox import draws
from sandbox.drift import KINDS
from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Experience, Question, settings_of
from sandbox.law_stream import BATCH, Batch
from sandbox.streams import _counts, demand_law
from sandbox.streams._counts import LAW, MOST, count_of, left_over, quantile_of
from sandbox.streams.demand import Demand
from sandbox.streams.demand_law import DECISIONS, LAWS, PRODUCTS, WEEKDAYS
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

QUICK = (Phase.explicit, Phase.generate)  # to shrink a world to a smaller one takes minutes
LINEAR = "river:StandardScaler() | LinearRegression(intercept_lr=.1)"
WORLDS: list[dict[str, Any]] = [
    {},
    {"dispersion": 0.0, "products": 3, "promotion": 0.5},
    {"dispersion": 1.0, "volume": 60.0, "season": 0.8, "trend": 0.05},
    {"drift": "gradual@1000~30000"},
    {"drift": "incremental@1000~30000:volume=50,dispersion=0.5"},
    {"drift": ("recurring@5000", "gradual@10000~20000:promotion=0.6,stock=0.5"), "products": 2},
    {"drift": "random-walk@700"},
]


def laws_of(values: Any) -> list[tuple[float, float, float]]:
    """Return weight, mean and dispersion of each law of a question."""
    return [tuple(row) for row in np.reshape(values[LAWS:], (-1, LAW)).tolist()]


def chances(laws: list[tuple[float, float, float]], most: int) -> np.ndarray:
    """Return the probability of each count (most,) under a mixture, as SciPy has it."""
    k, total = np.arange(most), np.zeros(most)
    for weight, mean, dispersion in laws:
        if weight and dispersion:
            total += weight * stats.nbinom.pmf(k, 1.0 / dispersion, 1.0 / (1.0 + mean * dispersion))
        elif weight:
            total += weight * stats.poisson.pmf(k, mean)
    return total


def up_to_the_best(batch: Batch) -> tuple[Any, Any]:
    """Return which demands a quantile covers, and how many it should."""
    best, covered = batch.values[:, demand_law.BEST], np.zeros(len(batch.truth))
    for at in range(LAWS, batch.values.shape[1], LAW):
        weight, mean, dispersion = batch.values[:, at : at + LAW].T
        r = 1.0 / np.where(dispersion > 0.0, dispersion, 1.0)
        many = np.where(dispersion > 0.0, stats.nbinom.cdf(best, r, r / (r + mean)), stats.poisson.cdf(best, mean))
        covered += np.where(weight > 0.0, weight * many, 0.0)
    return (batch.truth <= best)[:, None], covered[:, None]


@pytest.mark.parametrize("made", WORLDS, ids=str)
def test_demand_has_the_mean_and_variance_of_the_law(made: dict[str, Any]) -> None:
    moments_agree(Demand(**made))


@pytest.mark.parametrize("made", WORLDS, ids=str)
@pytest.mark.parametrize("level", [0.2, 0.9])
def test_quantiles_cover_what_they_should(made: dict[str, Any], level: float) -> None:
    frequencies_agree(Demand(decision="quantile", level=level, **made), up_to_the_best)


def test_a_wrong_law_is_found() -> None:
    found = deviates(Demand(), factor=1.03)
    assert max(map(abs, found)) > 1.5 * bound(len(found))
    with pytest.raises(AssertionError, match="more than the law says"):
        frequencies_agree(
            Demand(decision="quantile"), lambda batch: (up_to_the_best(batch)[0], 0.98 * up_to_the_best(batch)[1])
        )


def luck(world: Demand, batch: Batch, choice: Any) -> np.ndarray:
    """Return reward minus value (n,) of each of the choices (n,) of a batch."""
    found = np.empty(len(batch.truth))
    for i, (truth, values, one) in enumerate(zip(batch.truth.tolist(), batch.values.tolist(), choice, strict=True)):
        settled = world.settle(Question(None, truth, values=values), Decision(one))
        found[i] = settled.reward - settled.value
    return found


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("choose", ["the best", "too little", "what comes to mind"])
def test_rewards_average_to_what_choices_are_worth(decision: str, choose: str) -> None:
    world = Demand(decision=decision, drift="gradual@1000~8000")
    batch = world.batch(1, 0, 10_000)
    choice = batch.values[:, demand_law.BEST] * (0.4 if choose == "too little" else 1.0)
    if choose == "what comes to mind":
        choice = np.random.default_rng(0).normal(20.0, 20.0, 10_000)
    came = luck(world, batch, choice.tolist())
    bins = [came, *(came[batch.group == k] for k in range(5)), *(came[batch.cell % 4 == k] for k in range(4))]
    z = [one.sum() / math.sqrt(np.square(one - one.mean()).sum()) for one in bins]
    assert max(map(abs, z)) < bound(len(z)) and came.std() > 1.0


def mean_of(world: Demand, concept: int, x: dict[str, float]) -> list[float]:
    """Return the mean demand under each law of a concept, spelt out from what an agent sees."""
    product = next(k for k, name in enumerate(world.group_names) if x[name])
    weekday = next(k for k, name in enumerate(WEEKDAYS) if x[name])
    found = []
    for _, parts in world.parts(concept):
        total = 0.0
        for part in parts:
            now = {name: part.settings.get(name, getattr(world, name)) for name in ("volume", "season", "trend")}
            drawn = world._drawn(part.change)[product]
            log = math.log(now["volume"]) + drawn[0] + drawn[1 + weekday] + drawn[10] * x["promotion"]
            log += now["season"] * (drawn[8] * x["spring"] + drawn[9] * x["summer"]) + now["trend"] * min(x["year"], 20)
            total += part.share * log
        found.append(min(MOST, math.exp(total)))
    return found


@pytest.mark.parametrize("made", WORLDS, ids=str)
def test_the_law_is_that_of_brute_force(made: dict[str, Any]) -> None:
    world = Demand(decision="order", **made)
    for start in (0, 7000, 15_000, 40_000):
        batch = world.batch(5, start, 6)
        for i in range(6):
            concept, values = int(batch.concept[i]), batch.values[i]
            laws, known = laws_of(values), world.parts(concept)
            assert [one[1] for one in laws[: len(known)]] == pytest.approx(
                mean_of(world, concept, world.observation(batch, i)), rel=1e-10
            )
            assert [one[0] for one in laws] == pytest.approx([w for w, _ in known] + [0.0] * (len(laws) - len(known)))
            p = chances(laws, 12_000)
            k = np.arange(12_000)
            assert p.sum() == pytest.approx(1.0) and values[0] == pytest.approx(p @ k)
            assert values[1] == pytest.approx(p @ np.square(k - values[0]))
            best = int(np.searchsorted(np.cumsum(p), 0.75))  # at 3 to 1
            assert values[demand_law.BEST] == best
            worth = p @ (3.0 * np.minimum(k, best) - np.maximum(best - k, 0))
            assert values[demand_law.BEST_VALUE] == pytest.approx(worth)


LAW_OF_COUNTS = st.tuples(st.floats(0.01, MOST), st.sampled_from([0.0, 0.01, 0.3, 2.0]))


@settings(max_examples=60, deadline=None, phases=QUICK)
@given(LAW_OF_COUNTS, LAW_OF_COUNTS, st.floats(0.0, 1.0), st.floats(0.001, 0.999), st.floats(-5.0, 2000.0))
def test_counts_quantiles_and_leftovers_are_those_of_brute_force(
    one: tuple[float, float], other: tuple[float, float], share: float, level: float, order: float
) -> None:
    laws = [(share, *one), (1.0 - share, *other)]
    row, most = np.array(laws).ravel(), 25_000
    p, k = chances(laws, most), np.arange(most)
    found = quantile_of(row, level, np.empty(2))
    assert p[:found].sum() < level + 1e-9 and p[: found + 1].sum() > level - 1e-9
    over = left_over(row, order)
    assert over == pytest.approx(p @ np.maximum(order - k, 0.0), rel=1e-6, abs=1e-9)
    drawn = count_of(*one, level)
    alone = chances([(1.0, *one)], most)
    assert alone[:drawn].sum() <= level + 1e-9 and alone[: drawn + 1].sum() > level - 1e-9


@settings(max_examples=60, deadline=None, phases=QUICK)
@given(
    st.integers(0, 400),
    st.floats(-10.0, 1e6),
    st.sampled_from(["order", "quantile"]),
    st.floats(0.01, 0.99),
    st.sampled_from([None, "gradual@1~400"]),
)
def test_nothing_is_worth_more_than_the_quantile(
    step: int, choice: float, decision: str, level: float, drift: str | None
) -> None:
    world = Demand(decision=decision, level=level, margin=level, waste=1.0 - level, drift=drift)
    assert world.game.level == pytest.approx(level) and world.quantile == world.game.level
    batch = world.batch(0, step, 1)
    question = Question(None, float(batch.truth[0]), values=batch.values[0].tolist())
    best, made = world.settle(question, world.ideal(question)), world.settle(question, Decision(choice))
    assert best.best == made.best and best.best - best.value == 0.0 and made.value <= made.best + 1e-12
    p, k = chances(laws_of(batch.values[0]), 5000), np.arange(5000)
    short, over = np.maximum(k - choice, 0.0), np.maximum(choice - k, 0.0)
    value = -p @ (level * short + (1.0 - level) * over)
    if decision == "order":
        order = max(choice, 0.0)
        value = p @ (level * np.minimum(k, order) - (1.0 - level) * np.maximum(order - k, 0.0))
    assert made.value == pytest.approx(value, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("unit", [1.0, 1000.0])
@pytest.mark.parametrize("decision", ["order", "quantile"])
def test_rounding_makes_nothing_worth_more_than_the_best(decision: str, unit: float) -> None:
    world, seen = Demand(decision=decision, margin=unit, waste=unit, volume=100.0), 0
    for question in islice(world.questions(0), 300):
        assert question.values is not None
        best = question.values[demand_law.BEST]
        for off in (0.0, 1e-13, -1e-13, 1e-12, -1e-12, 1e-10, -1e-10):
            made = world.settle(question, Decision(best + off))
            assert made.value <= made.best
            seen += made.value < made.best
        wrong = question._replace(values=[*question.values[:4], question.values[4] - 1e-6 * unit, *question.values[5:]])
        made = world.settle(wrong, Decision(best))
        assert made.value > made.best  # an oracle that is wrong is not covered up
    assert seen > 100


def test_what_is_told_is_what_was_sold() -> None:
    for decision in DECISIONS:
        for censored in (True, False):
            world = Demand(decision=decision, censored=censored)
            batch = world.batch(0, 0, 400)
            short = 0
            for question in islice(world.questions(0), 400):
                told = world.settle(question, Decision(20.0)).told
                limit = 20.0 if decision == "order" else question.values[demand_law.STOCK]
                short += question.truth > limit
                assert told == (min(question.truth, limit) if censored else question.truth)
                assert question.observation.get("stock", limit) == limit
            assert short > 80 and ("stock" in world.features) == (censored and decision != "order")
            assert same(batch, Demand(decision=decision, censored=censored).batch(0, 0, 400))


def test_a_profit_tells_no_more_than_what_was_sold() -> None:
    """Of an order, reward is the same for all demands that it does not meet: else censoring would be undone."""
    world = Demand(decision="order")
    question = next(world.questions(0))
    earned = {world.settle(question._replace(truth=wanted), Decision(10.0)).reward for wanted in (10.0, 11.0, 300.0)}
    assert earned == {30.0} and world.settle(question._replace(truth=4.0), Decision(10.0)).reward == 3 * 4 - 6
    assert world.settle(question, Decision(-3.0)).reward == 0.0 == world.settle(question, Decision(None)).reward


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("feedback", [None, "delayed=3"])
def test_learners_hear_of_sales_only(decision: str, feedback: str | None) -> None:
    """What a learner is told, reward and all, is what it would be if no more had been wanted than was sold."""
    world, told = Demand(decision=decision), []

    class Listener:
        def begin(self, *_: Any) -> None: ...
        def act(self, observation: Any) -> float:
            return 15.0

        def learn(self, experience: Experience) -> None:
            told.append(experience)

    sandbox.run(f"demand:decision={decision}", Listener(), seeds=[0], steps=300, feedback=feedback)
    asked, short = list(islice(world.questions(0), 300)), 0
    for one in told:
        question = asked[one.asked_at]
        limit = 15.0 if decision == "order" else question.values[demand_law.STOCK]
        short += question.truth > limit
        sold = min(question.truth, limit)
        assert one.truth == sold
        assert one.reward == world.settle(question._replace(truth=sold), Decision(15.0)).reward
    assert len(told) >= 297 and short > 60


@pytest.mark.parametrize("decision", DECISIONS)
def test_the_scale_is_what_the_best_constant_costs(decision: str) -> None:
    world = Demand(decision=decision, trend=0.0)
    batch = world.batch(3, 0, 5 * 365 * 8)  # eight years
    truth = batch.truth
    best = world.best_values(batch).mean()
    constants = np.arange(80.0)[:, None]
    rewards = {
        "forecast": -np.square(constants - truth).mean(axis=1),
        "quantile": -np.maximum(0.9 * (truth - constants), 0.1 * (constants - truth)).mean(axis=1),
        "order": (4.0 * np.minimum(truth, constants) - constants).mean(axis=1),
    }[decision]
    assert world.simple_values()[1] == pytest.approx(rewards.max(), rel=0.05)
    assert world.gap_range == pytest.approx(best - rewards.max(), rel=0.06)
    assert world.abstention == pytest.approx(rewards[0], rel=0.05, abs=1e-9)
    assert world.expected_best(0) == pytest.approx(best, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [{}, {"volume": 40.0, "dispersion": 0.6}, {"season": 0.9, "promotion": 0.6}])
def test_every_drift_goes_from_one_law_to_the_other(kind: str, change: dict[str, float]) -> None:
    named = ":" + ",".join(f"{key}={value}" for key, value in change.items()) if change else ""
    world = Demand(drift=SPECS[kind] + named, censored=False)
    old = world.pin(int(world.schedule.concepts(0, 0, 1)[0]))
    last = max(range(world.n_concepts), key=lambda concept: world.schedule.levels_of(concept))
    new = world.pin(last)
    goes_from_one_law_to_the_other(kind, world, old, new)
    fresh = Demand(censored=False, **change) if change else Demand(censored=False, drift="abrupt@1").pin(1)
    one, other = new.batch(0, 0, 100), fresh.batch(0, 0, 100)
    assert np.array_equal(one.seen.values, other.seen.values) and np.array_equal(one.truth, other.truth)
    assert np.array_equal(one.values[:, 0], other.values[:, 0])


@settings(max_examples=25, deadline=None, phases=QUICK)
@given(
    st.fixed_dictionaries(
        {
            "law_seed": st.integers(0, 2**62),
            "decision": st.sampled_from(DECISIONS),
            "products": st.integers(1, len(PRODUCTS)),
            "volume": st.floats(1.0, 100.0),
            "dispersion": st.floats(0.0, 2.0),
            "season": st.floats(0.0, 1.0),
            "trend": st.floats(-0.1, 0.1),
            "promotion": st.floats(0.0, 1.0),
            "stock": st.floats(0.1, 100.0),
            "censored": st.booleans(),
            "level": st.floats(0.001, 0.999),
            "drift": st.sampled_from([None, *SPECS.values(), "gradual@20~100:dispersion=0.0"]),
        }
    ),
    st.integers(0, 2**62),
    st.lists(st.integers(1, 299), max_size=3),
)
def test_whatever_the_settings(kept: dict[str, Any], seed: int, cuts: list[int]) -> None:
    world = Demand(**kept)
    is_the_same_however_it_is_cut(world, seed, cuts)
    assert settings_of(world) == kept | {"margin": 3.0, "waste": 1.0} and world.gap_range > 0.0
    batch = world.batch(seed, 10**5, 100)
    assert np.isfinite(batch.values).all() and batch.truth.min() >= 0.0 and (batch.truth % 1.0 == 0.0).all()
    assert batch.cell.max() < world.n_cells == 4 * kept["products"] and (batch.cell // 4 == batch.group).all()
    assert kept["decision"] == "order" or (world.best_values(batch) <= 0.0).all()


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("feedback", [None, *FEEDBACKS])
def test_runs_are_priced_under_every_feedback(decision: str, feedback: str | None) -> None:
    world = f"demand:decision={decision}"
    found = priced(world, ["mean", LINEAR], drift="gradual@200~200", feedback=feedback, steps=500)
    no_better_than_the_oracle(found)


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("drift", [*SPECS.values(), "abrupt@300:volume=50"])
def test_runs_are_priced_under_every_drift(decision: str, drift: str) -> None:
    found = priced(f"demand:decision={decision},censored=False", ["mean", LINEAR], drift=drift, steps=500)
    no_better_than_the_oracle(found)


def test_who_orders_what_was_sold_on_average_spirals_down() -> None:
    """Sales are at most the order, so their mean is below it (Cooper, Homem-de-Mello & Kleywegt 2006)."""
    told, whole = (
        priced(f"demand:decision=order,censored={censored}", ["mean"], steps=600)["mean"] for censored in (True, False)
    )
    assert max(told.values("reward")) == 0.0 < 20.0 < min(whole.values("reward"))  # it never ordered, and never sold


def test_stock_outs_make_forecasts_too_low() -> None:
    ends = []
    for censored in (True, False):
        found = priced(f"demand:censored={censored},stock=0.8", ["mean"], steps=2000)["mean"]
        ends.append(np.mean(found.values("regret")))
    assert ends[0] > 1.2 * ends[1]


def test_demands_that_are_shuffled_are_worth_the_mean() -> None:
    world = Demand()
    one, other = (world.batch(0, start, 20_000) for start in (0, 20_000))
    x, unseen = (np.column_stack([batch.seen.values, np.ones(20_000)]) for batch in (one, other))
    rng, y = np.random.default_rng(0), other.truth
    shuffled, answers = rng.permutation(one.truth), rng.permutation(y)
    learned, misled = (np.linalg.lstsq(x, truth, rcond=None)[0] for truth in (one.truth, shuffled))
    assert np.square(y - unseen @ learned).mean() < 0.7 * y.var()
    assert np.square(answers - unseen @ misled).mean() > 0.99 * y.var()
    assert np.square(answers - other.values[:, 0]).mean() > y.var()  # the oracle knows nothing of them


def test_a_quantile_regression_of_rivers_learns_from_it() -> None:
    loss = optim.losses.Quantile(alpha=0.9)
    model, errors = preprocessing.StandardScaler() | linear_model.LinearRegression(loss=loss, intercept_lr=0.1), []
    for x, y in Demand(decision="quantile", censored=False).take(6000):
        short = y - model.predict_one(x)
        errors.append(max(0.9 * short, -0.1 * short))
        model.learn_one(x, y)
    assert np.mean(errors[-1000:]) < 0.8 * np.mean(errors[:200])


@pytest.mark.parametrize("decision", DECISIONS)
def test_as_an_environment(decision: str) -> None:
    env, stream = gym.make("sandbox/Demand-v0", decision=decision), Demand(decision=decision)
    observation, _ = env.reset(seed=4)
    for question in islice(stream.questions(4), 20):
        assert observation == question.observation and stream.observation_space.contains(observation)
        _, reward, terminated, _, info = env.step(np.array(20.0))
        sold = min(question.truth, 20.0 if decision == "order" else question.values[demand_law.STOCK])
        assert info["truth"] == sold and terminated
        assert reward == stream.settle(question._replace(truth=sold), Decision(20.0)).reward
        observation, _ = env.reset()


@pytest.mark.parametrize("made", [{}, {"decision": "order", "drift": "gradual@10~100"}], ids=str)
def test_the_plain_text_equals_the_compiled_one_bit_for_bit(
    made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Demand(**made).batch(3, 0, 60)
    scale = Demand(**made)
    for module in (demand_law, _counts, draws):
        for name, thing in list(vars(module).items()):
            if hasattr(thing, "py_func"):
                monkeypatch.setattr(module, name, thing.py_func)
    with np.errstate(over="ignore"):
        assert same(scale.batch(3, 0, 60), wanted) and not hasattr(demand_law.trade, "py_func")


def test_memory_does_not_grow_with_the_run() -> None:
    world = Demand(decision="quantile", drift="random-walk@700")
    for code in range(world.n_concepts):
        world.market(code)
    tracemalloc.start()
    for start in range(0, max(DRAWS, 200_000), BATCH):
        world.batch(0, start, BATCH)
        if start == 2 * BATCH:
            early = tracemalloc.get_traced_memory()[0]
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert late < early + 300_000  # what is kept of the random walk itself


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_number_that_runs_away_ends_the_run_in_one_line(decision: str) -> None:
    class Wild:
        def begin(self, *_: Any) -> None:
            self.number = 1.0

        def act(self, observation: Any) -> float:
            return self.number

        def learn(self, experience: Experience) -> None:
            self.number *= 1e10

    result = sandbox.run(f"demand:decision={decision}", Wild(), seeds=1, steps=50)
    error = result.agents[0].failed[0].error
    assert "step 16: the number 1e+160 is too far off" in error and "\n" not in error


REFUSED = [
    ({"decision": "forcast"}, "there is no decision 'forcast'; did you mean 'forecast'?"),
    ({"decision": 3}, "there is no decision 3; one of forecast, quantile, order"),
    ({"censored": 1}, "censored=1 is neither True nor False"),
    ({"products": 0}, "products=0 is out of range"),
    ({"products": 2.5}, "products=2.5 is not a whole number"),
    ({"products": "many"}, "products='many' is not a number"),
    ({"level": 1.0}, "level=1.0 is out of range"),
    ({"waste": 0.0}, "waste=0.0 is out of range"),
    ({"dispersion": math.nan}, "dispersion=nan is out of range"),
    ({"drift": "abrupt@5:volum=3"}, "'volum' cannot drift; did you mean 'volume'?"),
    ({"drift": "abrupt@5:level=0.5"}, "'level' cannot drift"),
    ({"drift": "abrupt@5:season=2"}, "season=2 is out of range"),
    ({"drift": "abrupt@5:mine.py:change"}, "it changes tastes, or named settings"),
]


@pytest.mark.parametrize(("made", "why"), REFUSED, ids=str)
def test_what_makes_no_sense_is_refused_in_one_line(made: dict[str, Any], why: str) -> None:
    with pytest.raises(SandboxError) as caught:
        Demand(**made)
    assert why in str(caught.value) and str(caught.value).startswith("demand: ") and "\n" not in str(caught.value)
