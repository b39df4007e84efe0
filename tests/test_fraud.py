"""The fraud world knows its own law: posteriors, rewards, and what is known of cards and terminals are what it says."""

from __future__ import annotations

import math
import os
import time
import tracemalloc
from itertools import islice
from statistics import NormalDist

import numpy as np
import pytest
from river import linear_model, preprocessing

from sandbox import draws
from sandbox.drift import KINDS as DRIFTS
from sandbox.errors import SandboxError
from sandbox.law_stream import Batch
from sandbox.streams import _normal, fraud, fraud_law
from sandbox.streams.fraud import Fraud
from sandbox.streams.fraud_law import CARD_DAYS, FEATURES, HARMLESS, LARGEST, TERMINAL_DAYS, USUAL_SPREAD, WIDEST
from tests.frequencies import check_frequencies, frequencies

DRAWS = int(os.environ.get("SANDBOX_DRAWS", "60000"))  # payments of each world; 2,000,000 for the whole check
AT = {name: k for k, name in enumerate(FEATURES)}
SMALL = {"per_day": 40, "alerts": 3, "cards": 90, "terminals": 30}
WORLDS = [
    {},
    {"saves": "one", "inspection_cost": 0.02, "per_day": 200, "cards": 400, "terminals": 50},
    {"drift": "abrupt@20000"},
    {"drift": "gradual@1000~30000:terminal_fraud=0.1,card_fraud=0.1,amount_fraud=0.1"},
    {"drift": "incremental@1000~30000:disguise=0.9"},
    {"drift": ("recurring@5000", "gradual@10000~20000:card_fraud=0"), "law_seed": 3},
    {"drift": ("random-walk@700:terminal_fraud=0.02", "abrupt@9000")},
]


def column(batch: Batch, name: str) -> np.ndarray:
    return batch.seen.values[:, AT[name]]  # type: ignore[union-attr]


def chance(world: Fraud, batch: Batch) -> np.ndarray:
    """Return P(fraud) of each payment, from what an alert is expected to gain."""
    saved = column(batch, "amount") if world.saves == "amount" else 1.0
    return (batch.values[:, 1] + world.inspection_cost) / saved


def variance(world: Fraud):
    def of(batch: Batch) -> np.ndarray:
        p, saved = chance(world, batch), batch.rewards[:, 1] - batch.rewards[:, 1]
        saved = column(batch, "amount") if world.saves == "amount" else saved + 1.0
        return np.stack([np.zeros(len(p)), saved * saved * p * (1.0 - p)], axis=1)

    return of


@pytest.mark.parametrize("settings", WORLDS, ids=str)
def test_what_is_drawn_is_what_the_law_says(settings: dict) -> None:
    world = Fraud(**settings)
    check_frequencies(world, DRAWS, seed=7, variance=variance(world))


def test_a_wrong_law_is_found() -> None:
    world = Fraud(saves="one", terminal_fraud=0.5)
    law = world.law(0)
    batches = []
    for start in range(0, 160_000, 8000):
        batch = world.batch(7, start, 8000)
        world._laws[0] = law._replace(rate=law.rate * 0.8)
        claimed = world.batch(7, start, 8000).values
        world._laws[0] = law
        batches.append(batch._replace(values=claimed))
    assert frequencies(world, 0, batches=batches, variance=variance(world)).p < 1e-4


def by_hand(world: Fraud, concept: int, x: dict[str, float]) -> float:
    """Return P(fraud) of a payment by Bayes' rule over all laws of a concept and all scenarios."""
    law, usual = world.law(concept), NormalDist(0.0, USUAL_SPREAD)

    def density(normal: NormalDist) -> float:
        inside = normal.cdf(WIDEST) - normal.cdf(-WIDEST)
        return normal.pdf(math.log(x["amount"] / x["card_usual"])) / inside

    fraud, honest = 0.0, 0.0
    for m, weight in enumerate(law.weight):
        by_risk = [max(0.0, x[name] - HARMLESS) / (1.0 - HARMLESS) for name in ("terminal_risk", "card_exposure")]
        by_place = law.week[m, int(x["weekday"] >= 5)] * law.kind[m, int(x["terminal_kind"])]
        rates = law.rate[m] * law.hour[m, int(x["hour"])] * [*by_risk, by_place]
        fraud += weight * sum(
            r * density(NormalDist(s, USUAL_SPREAD)) for r, s in zip(rates, law.shift[m], strict=True)
        )
        honest += weight * (1.0 - sum(rates)) * density(usual)
    return fraud / (fraud + honest)


@pytest.mark.parametrize("drift", [None, "gradual@100~4000", "incremental@100~4000:disguise=0.7,card_fraud=0.1"])
def test_posteriors_are_bayes_rule(drift: str | None) -> None:
    world = Fraud(drift=drift)
    batch = world.batch(3, 0, 5000)
    found = chance(world, batch)
    some = np.argsort(-found)[:300].tolist() + list(range(0, 5000, 50))
    for i in some:
        wanted = by_hand(world, int(batch.concept[i]), world.observation(batch, i))
        assert found[i] == pytest.approx(wanted, rel=1e-9)
    assert found.max() > 0.3


def test_the_law_of_a_concept_is_the_blend_of_its_settings() -> None:
    world = Fraud(drift="incremental@1~1000:card_fraud=0,disguise=1")
    first, middle, last = (world.law(c) for c in (0, 32, 64))
    assert np.allclose(middle.rate, 0.5 * (first.rate + last.rate)) and last.rate[0, 1] == 0.0 < first.rate[0, 1]
    assert np.allclose(middle.shift, 0.5 * first.shift) and not last.shift.any()
    mixed = Fraud(drift="gradual@1~1000").law(32)
    assert mixed.weight.tolist() == [0.5, 0.5] and not np.array_equal(mixed.hour[0], mixed.hour[1])
    assert (mixed.rate.sum(axis=1) < 1.0).all() and mixed.hour.max() <= 1.0


def test_other_fraudsters_have_another_favourite() -> None:
    world = Fraud(drift=("abrupt@10", "abrupt@20", "abrupt@30"))
    settings = np.array([world.terminal_fraud, world.card_fraud, world.amount_fraud])
    favourites = [int((world.law(c).rate[0] / settings).argmax()) for c in range(4)]
    assert favourites == [0, 1, 2, 0]
    assert len({world.law(c).hour[0].tobytes() for c in range(4)}) == 4


def test_what_is_known_of_cards_is_what_they_did() -> None:
    world, days = Fraud(**SMALL), 40
    batch = world.batch(5, 0, days * 40)
    day, card = np.arange(days * 40) // 40, column(batch, "card")
    assert all(len(set(card[day == d])) == 40 for d in range(days))  # nobody pays twice a day
    for i in np.flatnonzero(day >= CARD_DAYS):
        before = (card == card[i]) & (day < day[i]) & (day >= day[i] - CARD_DAYS)
        assert column(batch, "card_count")[i] == before.sum()
        assert column(batch, "card_exposure")[i] == column(batch, "terminal_risk")[before].max(initial=0.0)
    assert set(card.tolist()) == set(range(90))
    for name in ("segment", "card_usual"):
        assert len(set(zip(card.tolist(), column(batch, name).tolist(), strict=True))) == 90


def test_terminals_are_compromised_for_four_weeks() -> None:
    seen = np.array([[fraud_law.risk_of(1, terminal, day) for day in range(600)] for terminal in range(300)])
    assert seen.min() >= 0.0 and seen.max() <= 1.0
    spells = []
    for row in seen > HARMLESS:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        spells += (edges[1::2] - edges[::2]).tolist()
    assert max(spells) <= 2 * TERMINAL_DAYS and 18 < np.median(spells) <= TERMINAL_DAYS
    assert abs((seen > HARMLESS).mean() - 0.055) < 0.01
    batch = Fraud().batch(1, 0, 5000)
    risk = {
        (int(t), i // 500): r for i, (t, r) in enumerate(batch.seen.values[:, [AT["terminal"], AT["terminal_risk"]]])
    }
    assert all(r == fraud_law.risk_of(1, t, d + 1024) for (t, d), r in risk.items())


def test_amounts_and_shares() -> None:
    world = Fraud(terminal_fraud=0.0, amount_fraud=0.0)
    batch = world.batch(0, 0, 400_000)
    log = np.log(column(batch, "amount_over_usual"))
    stolen, honest = log[batch.truth == 1], log[batch.truth == 0]
    assert abs(stolen.mean() - math.log(5.0)) < 0.15 and abs(honest.mean()) < 0.01  # cut at 12 times the usual
    assert np.abs(log).max() <= WIDEST and column(batch, "amount").max() < LARGEST
    shares = [Fraud().batch(seed, 0, 100_000).truth.mean() for seed in range(4)]
    assert all(0.003 < share < 0.01 for share in shares)
    hours = np.histogram(column(batch, "hour"), [0, 7, 18, 24])[0] / 400_000
    assert np.allclose(hours, [0.1, 0.6, 0.3], atol=0.01)
    assert batch.truth[column(batch, "card_exposure") <= HARMLESS].sum() == 0


def test_the_level_of_a_concept_is_what_the_best_alerts_of_a_day_gain() -> None:
    world = Fraud(drift="abrupt@1000:card_fraud=0.05", **SMALL)
    for concept in (0, 1):
        pinned = world.pin(concept)
        days = np.stack([pinned.batch(5000 + s, s % 7 * 40, 40).values[:, 1] for s in range(2000)])
        best = np.sort(days, axis=1)[:, -3:].sum(axis=1) / 40.0
        sd = best.std() * math.sqrt(2.0 / 2000.0)
        assert abs(best.mean() - world.expected_best(concept)) < 4.0 * sd
    by_chance, fixed = world.simple_values()
    assert by_chance == fixed < 0.0 < world.expected_best(0)


REFUSED = [
    ({"drift": "abrupt@5:disguse=0.5"}, "did you mean 'disguise'?"),
    ({"drift": "abrupt@5:per_day=9"}, "'per_day' cannot drift"),
    ({"drift": "abrupt@5:card_fraud=0.9"}, "card_fraud=0.9 is out of range"),
    ({"drift": "abrupt@5:mine.py:change"}, "it changes the fraudsters, or named settings"),
    ({"alerts": 501}, "alerts=501 <= per_day=500 <= cards=5000 does not hold"),
    ({"cards": 400}, "alerts=10 <= per_day=500 <= cards=400 does not hold"),
    ({"saves": "all"}, "saves='all' is neither 'amount' nor 'one'"),
    ({"label_delay": 0}, "label_delay=0 is out of range"),
    ({"label_share": 1.5}, "label_share=1.5 is out of range"),
    ({"terminals": 2.5}, "terminals=2.5 is not a whole number"),
    ({"inspection_cost": math.nan}, "inspection_cost=nan is out of range"),
]


@pytest.mark.parametrize(("settings", "why"), REFUSED, ids=str)
def test_what_makes_no_sense_is_refused_in_one_line(settings: dict, why: str) -> None:
    with pytest.raises(SandboxError) as caught:
        Fraud(**settings)
    assert why in str(caught.value) and str(caught.value).startswith("fraud: ") and "\n" not in str(caught.value)


def test_every_kind_of_drift() -> None:
    wide = {kind: "~50" if kind in ("gradual", "incremental") else "" for kind in DRIFTS}
    for kind in DRIFTS:
        batch = Fraud(drift=f"{kind}@40{wide[kind]}", **SMALL).batch(0, 0, 200)
        assert len(np.unique(batch.concept)) > 1 and np.isfinite(batch.values).all()


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every rule of this world run as plain Python."""
    for module in (fraud, fraud_law, draws, _normal):
        for name, thing in list(vars(module).items()):
            if hasattr(thing, "py_func"):
                monkeypatch.setattr(module, name, thing.py_func)


@pytest.mark.parametrize("settings", [{}, {"drift": "gradual@10~100"}], ids=str)
def test_the_plain_text_equals_the_compiled_one_bit_for_bit(settings: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Fraud(**settings).batch(3, 0, 150)
    plain(monkeypatch)
    assert not hasattr(fraud.pay, "py_func")
    with np.errstate(over="ignore"):
        found = Fraud(**settings).batch(3, 0, 150)
    pairs = zip((*found.seen, *found[1:]), (*wanted.seen, *wanted[1:]), strict=True)
    assert all(np.array_equal(a, b) and a.tobytes() == b.tobytes() for a, b in pairs)


def test_a_river_model_learns_it() -> None:
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    scores, truths = [], []
    for x, y in islice(Fraud(), 40_000):
        assert type(y) is bool
        scores.append(model.predict_proba_one(x)[True])
        truths.append(y)
        model.learn_one(x, y)
    late, truth = np.array(scores[10_000:]), np.array(truths[10_000:])
    above = (late[truth][:, None] > late[~truth][None, ::50]).mean()
    assert above > 0.85  # the area under the ROC curve


def test_it_is_quick_and_any_number_of_payments_takes_the_same_memory() -> None:
    world = Fraud(drift=("random-walk@500", "recurring@3000"))
    world.batch(0, 0, 8192)
    plain_world = Fraud()
    began = time.perf_counter()
    for start in range(0, 400_000, 8192):
        plain_world.batch(0, start, 8192)
    assert 400_000 / (time.perf_counter() - began) > 200_000
    peaks = []
    tracemalloc.start()
    for n in (100_000, 500_000):
        tracemalloc.reset_peak()
        for start in range(10_000_000, 10_000_000 + n, 8192):
            world.batch(0, start, 8192)
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
