"""Seasons, fashions, satiety, new users of the recommendation world: prices are the law's, whatever was shown."""

from __future__ import annotations

import math
import os
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from frequencies import check_frequencies
from scipy import stats

import sandbox
import sandbox.envs
from sandbox import draws
from sandbox.draws import keyed_uniform
from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Slate, settings_of
from sandbox.law_stream import Batch
from sandbox.streams import (
    recommendation_course,
    recommendation_law,
    recommendation_people,
    recommendation_price,
    recommendation_slate,
)
from sandbox.streams.recommendation import Recommendation
from sandbox.streams.recommendation_law import affinity_of, draw_items, expected_reward
from sandbox.streams.recommendation_people import own_taste
from sandbox.streams.recommendation_price import in_fashion

DRAWS = int(os.environ.get("RECOMMENDATION_DRAWS", "100000"))  # 2,000,000 for the long version
ALL = {"season": 1.0, "year": 640, "fashion": 1.5, "fashion_life": 50, "user_life": 300, "satiation": 0.7}


def small(**given_settings: Any) -> Recommendation:
    return Recommendation(**({"users": 12, "items": 5, "dimensions": 3, "item_life": 700} | given_settings))


def columns(batch: Batch) -> list[Any]:
    return [*batch.seen, *batch[1:]]


def same(one: Batch, other: Batch) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(columns(one), columns(other), strict=True))


def rows(batch: Batch, at: slice) -> Batch:
    return Batch(Slate(*(part[at] for part in batch.seen)), *(part[at] for part in batch[1:]))


def walked(stream: Recommendation, draws: int, policy: int) -> Iterator[Batch]:
    """Yield what is met in a run of seed 5 by one who chooses by `policy`, 5,000 steps at a time."""
    satiety = stream.rested()
    for start in range(0, draws, 5_000):
        come = stream.come(5, start, min(5_000, draws - start))
        _, values, rewards = stream._price(5, start, come, satiety, policy)
        seen = Slate(come.person, come.context, come.item)
        yield Batch(seen, np.full(len(values), -1), come.group, come.group, come.concept, values, rewards)


# --- what moves the worth of items ------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", [None, "abrupt@100:season=2.0,fashion=0.5,satiation=1.5"])
def test_values_are_the_formula_of_taste_season_fashion_and_satiety(drift: Any) -> None:
    """Told again from the description, with levels as the contexts show them."""
    stream = small(**(ALL | {"user_life": 0, "profile_noise": 0.0, "segments": 3, "drift": drift}))
    batch, checked = stream.batch(5, 0, 200), set()
    for step in range(0, 200, 3):
        user, context, items = (part[step] for part in batch.seen)
        season, fashion, satiation = (2.0, 0.5, 1.5) if drift and step >= 100 else (1.0, 1.5, 0.7)
        goods = np.empty((5, 5))
        draw_items(0, items, goods)
        vogue = in_fashion(5, step, 50, 4)
        angle = 2 * math.pi * (step % 640 // 10) / 64
        assert context[-2:] == pytest.approx([math.cos(angle), math.sin(angle)])
        for j in range(5):
            level, late = context[4 + j % 4], (j % 4) / 4 + user % 3 / 12
            wave = math.cos(angle - 2 * math.pi * late)
            moved = season * wave + fashion * (vogue == j % 4) - satiation * level
            worth = expected_reward(affinity_of(context[1:4], goods[j]) + moved, goods[j, -1], 0.5, 0.2, 0.8)
            assert batch.values[step, j] == pytest.approx(worth, rel=1e-9)
            checked.add((int(level), bool(vogue == j % 4)))
    assert len(checked) > 4


def test_a_year_of_seasons_adds_up_to_nothing_and_repeats() -> None:
    wave = recommendation_price.waves(3, 4)
    np.testing.assert_allclose(wave.sum(axis=0), 0.0, atol=1e-12)
    assert wave.max() == 1.0 and len({wave[:, g, c].argmax() for g in range(3) for c in range(4)}) == 12
    stream = small(season=1.0, year=500, item_life=0)
    phases = [recommendation_price.phase_of(step, 500) for step in range(1_500)]
    assert phases[:500] == phases[500:1_000] == phases[1_000:] and phases[:500] == sorted(phases[:500])
    assert set(phases) == set(range(64)) and stream.observation_space["context"].shape == (6,)  # type: ignore[index]


def test_half_of_the_spans_have_a_fashion_and_all_categories_their_turn() -> None:
    found = np.array([[in_fashion(3, 40 * span + at, 40, 5) for at in (0, 17, 39)] for span in range(8_000)])
    assert (found == found[:, :1]).all()
    some = found[:, 0] >= 0
    assert stats.binomtest(int(some.sum()), 8_000, 0.5).pvalue > 1e-4
    assert stats.chisquare(np.bincount(found[some, 0], minlength=5)).pvalue > 1e-4
    assert in_fashion(3, 5, 0, 5) == -1


# --- satiety ----------------------------------------------------------------------------------------------------------


def test_levels_go_up_with_what_is_seen_and_down_by_chance() -> None:
    """Told again in plain Python, for an agent that shows what it likes; levels are those of contexts."""
    stream = small(satiation=0.7, recovery=0.3, levels=3, user_life=200, slots=2)
    levels: dict[int, list[int]] = {}
    downs = chances = 0
    for step, asked in enumerate(islice(stream.questions(8), 3_000)):
        seen, order = asked.observation, [(7 * step) % 5, (7 * step + 1 + step % 4) % 5]
        level = levels.setdefault(seen["user"], [0] * 4)
        assert stream.levels_in(seen["context"]).tolist() == level
        shows = step % 5 > 0
        scores = [float(j == order[1]) for j in range(5)]
        made = stream.settle(asked, Decision(order[0] if shows else None, scores=scores))
        looked = sum(keyed_uniform(8, step, 33) < chance for chance in (1.0, 0.5)) if shows else 0
        assert not shows or list(made.vector or ()) == order
        met = {j % 4 for j in order[:looked]}
        for c in range(4):
            down = draws.uniform(np.uint64(draws.stream_of(8, step, 35)), c) < 0.3
            downs, chances = downs + (level[c] > 0 and c not in met and down), chances + (level[c] > 0 and c not in met)
            level[c] = min(3, level[c] + 1) if c in met else level[c] - (level[c] > 0 and down)
    assert stats.binomtest(downs, chances, 0.3).pvalue > 1e-4 and chances > 1_000
    assert len(levels) > 100 and {one for level in levels.values() for one in level} == {0, 1, 2, 3}


def test_an_item_that_is_always_shown_is_worth_less_and_less_and_recovers() -> None:
    stream = small(users=1, segments=1, item_life=0, satiation=1.0, recovery=1.0)
    worths = []
    for step, asked in enumerate(islice(stream.questions(0), 12)):
        assert asked.values is not None
        worths.append(asked.values[2])
        stream.settle(asked, Decision(2 if step < 6 else None))
    assert worths[:5] == sorted(worths[:5], reverse=True) and len(set(worths[:5])) == 5
    assert worths[4] == worths[5] == worths[6] and worths[6:11] == worths[4::-1] and worths[11] == worths[0]


def test_batches_are_what_the_oracle_meets() -> None:
    stream = small(**ALL, slots=2, drift="gradual@300~400")
    batch = stream.batch(5, 0, 900)
    answered = []
    for asked in islice(stream.questions(5), 900):
        answered.append(asked)
        stream.settle(asked, stream.ideal(asked))
    left = list(islice(stream.questions(5), 900))  # not answered: as the oracle would
    for got in (answered, left):
        assert [asked.values for asked in got] == batch.values.tolist()
        assert all((a.observation["context"] == c).all() for a, c in zip(got, batch.seen.context, strict=True))
    assert batch.seen.context[:, 4:8].max() == 4.0


def test_what_is_met_depends_on_what_was_shown_and_on_nothing_else() -> None:
    stream = small(**ALL)

    def values(seed: int, choice: int | None) -> list[Any]:
        found = []
        for asked in islice(stream.questions(seed), 300):
            stream.settle(asked, Decision(choice))
            found.append(asked.values)
        return found

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(values, [1, 1, 2, 1], [0, None, 0, 0]))
    assert together[0] == together[3] == values(1, 0) and together[0] != together[1] and together[0] != together[2]


# --- new users --------------------------------------------------------------------------------------------------------


def test_places_are_taken_by_new_people_in_turn() -> None:
    stream = small(user_life=120)
    batch = stream.batch(0, 0, 6_000)
    person, place = batch.seen.user, batch.seen.user % 12
    generation = person // 12
    for u in range(12):
        at = np.flatnonzero(place == u)
        assert (generation[at] == (at + u * 10) // 120).all()
    assert generation.max() > 45 and (batch.group == place % 4).all()
    asked = next(stream.questions(0)).observation
    assert stream.observation_space.contains(asked)
    for someone in np.unique(person)[:40]:  # who somebody says they are stays the same
        assert len(np.unique(batch.seen.context[person == someone], axis=0)) == 1


@pytest.mark.parametrize("noise", [0.0, 0.5, 2.0])
def test_new_people_have_tastes_and_profiles_like_the_first(noise: float) -> None:
    stream = small(users=2_000, segments=1_000, user_life=1, profile_noise=noise, dimensions=4)
    come = stream.come(0, 10**6, 4_000)
    law, taste = stream.law(0), np.empty((4_000, 1, 4))
    for i in range(4_000):
        recommendation_people.taste_of(0, law, int(come.user[i]), int(come.person[i]), taste[i])
    assert (come.person >= 2_000).all() and len(np.unique(come.person)) == 4_000
    tastes, told = taste[:, 0], come.context[:, 1:]
    assert (tastes.std(), told.std()) == (pytest.approx(1.0, abs=0.04), pytest.approx(1.0, abs=0.04))
    correlation = np.corrcoef(tastes.ravel(), told.ravel())[0, 1]
    assert correlation == pytest.approx(1 / math.sqrt(1 + noise**2), abs=0.03)
    centre = stream._people.centre[come.group]
    assert np.corrcoef(tastes.ravel(), centre.ravel())[0, 1] == pytest.approx(math.sqrt(0.5), abs=0.03)


def test_new_people_come_with_the_tastes_of_the_concept() -> None:
    stream = small(user_life=50, renewal=0.36, drift="gradual@1000~2000")
    law, taste = stream.law(20), np.empty((2, 3))
    recommendation_people.taste_of(0, law, 1, 1 + 12 * 7, taste)
    centres = [recommendation_people.fresh_centres(0, change, 4, 3)[1] for change in (0, 1)]
    owns = [np.array([own_taste(0, 85, change, d) for d in range(3)]) for change in (0, 1)]
    old, new = ((centre + own) / math.sqrt(2) for centre, own in zip(centres, owns, strict=True))
    np.testing.assert_allclose(taste[0], old)
    np.testing.assert_allclose(taste[1], 0.8 * old + 0.6 * new)


# --- luck has mean zero, in every mood --------------------------------------------------------------------------------

DRIFTS = [
    None,
    "abrupt@30000:satiation=0.2",
    "gradual@10000~60000",
    "incremental@10000~60000:season=2.0",
    "recurring@20000",
    "random-walk@500",
    ("gradual@20000~40000:fashion=3.0", "abrupt@50000:sigma=1.5,satiation=1.4"),
]


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("policy", [recommendation_price.ORACLE, recommendation_price.RANDOM])
def test_frequencies_in_every_mood(drift: Any, policy: int) -> None:
    stream = small(**ALL, drift=drift)
    check_frequencies(stream, DRAWS, batches=walked(stream, DRAWS, policy))


def test_wrong_moods_are_found_out() -> None:
    """Prices of somewhat weaker seasons, fashions and satiety do not pass."""
    right = small(**ALL)
    for name in ("season", "fashion", "satiation"):
        wrong = small(**(ALL | {name: 0.8 * ALL[name]}))
        pairs = zip(walked(right, 100_000, 1), walked(wrong, 100_000, 1), strict=True)
        with pytest.raises(AssertionError, match="earned"):
            check_frequencies(right, 0, batches=(a._replace(values=b.values) for a, b in pairs))


def test_oracle_regret_is_nothing_and_shortfall_is_told() -> None:
    result = sandbox.run(small(**ALL, drift="recurring@300"), ["oracle", "linucb", "random"], seeds=2, steps=1_000)
    for agent in result.agents:
        assert max(agent.values("ledger_error")) < 1e-9 and np.abs(agent.values("luck_z")).max() < 4.5
        shortfall = np.array(agent.values("shortfall"))
        assert (shortfall == 0.0).all() == (agent.name == "oracle") == (max(agent.values("regret")) == 0.0)
    assert any(text.startswith("gaps are myopic") for text in result.warnings())


def test_as_an_environment_and_a_river_stream_users_tire_of_what_is_chosen() -> None:
    env = gym.make("sandbox/Recommendation-v0", users=12, items=5, dimensions=3, satiation=0.7)
    stream = Recommendation(users=12, items=5, dimensions=3, satiation=0.7)
    for step, asked in enumerate(islice(stream.questions(3), 200)):
        observation, _ = env.reset(seed=3) if step == 0 else env.reset()
        assert (observation["context"] == asked.observation["context"]).all()
        *_, told = (_, reward, _, _, _) = env.step(1)
        assert reward == stream.settle(asked, Decision(1)).reward and "watch_seconds" not in told
    assert observation["context"][5] > 0
    logged, rated = stream.questions(0), list(islice(stream, 300))
    for (x, rating), asked in zip(rated, logged, strict=False):
        choice = asked.observation["items"].tolist().index(int(x["item"][1:]))
        assert rating == stream.settle(asked, Decision(choice)).reward


# --- the same world, whatever the chunks; both texts ------------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("tires", [0.0, 0.7])
def test_questions_do_not_depend_on_the_chunks(slots: int, tires: float) -> None:
    given_settings = ALL | {"satiation": tires, "slots": slots, "drift": ("recurring@700", "gradual@100~900")}
    whole, stream = small(**given_settings).batch(5, 0, 3_000), small(**given_settings)
    cuts = [0, 1, 2, 700, 1_499, 1_500, 3_000]
    for start, end in [*pairwise(cuts), *reversed(list(pairwise(cuts)))]:
        assert same(rows(whole, slice(start, end)), stream.batch(5, start, end - start))


def test_moods_that_are_nothing_leave_the_world_as_it_was() -> None:
    plain, moody = small(), small(season=0.0, fashion=0.0, satiation=0.0, categories=3, year=7, fashion_life=3)
    assert same(plain.batch(2, 0, 3_000), moody.batch(2, 0, 3_000))
    assert moody.observation_space == plain.observation_space and not moody.settles and not moody.reactive
    slate = small(slots=3, attention=2.0).batch(2, 0, 3_000)
    assert (slate.values == plain.batch(2, 0, 3_000).values).all()


def test_the_default_world_is_that_of_version_one() -> None:
    """Numbers of before it was widened."""
    batch = Recommendation(drift="gradual@2000~4000").batch(3, 1000, 6000)
    assert batch.values[[0, 2999, 5999], [0, 7, 19]] == pytest.approx(
        [-0.04429161113980504, 0.5466249671056813, 0.6969379094717272]
    )
    assert batch.rewards[[0, 2999, 5999], [0, 7, 19]] == pytest.approx([-0.2, 1.5, 1.5])


@pytest.mark.parametrize("slots", [1, 2])
def test_plain_text_equals_compiled(monkeypatch: pytest.MonkeyPatch, slots: int) -> None:
    made = small(**(ALL | {"users": 5, "user_life": 30, "slots": slots, "drift": ("gradual@20~40", "abrupt@30")}))
    whole = made.batch(1, 0, 80)
    modules = (draws, recommendation_law, recommendation_people, recommendation_slate, recommendation_price)
    plain: dict[str, Any] = {}
    for module in modules:
        plain |= {name: thing.py_func for name, thing in vars(module).items() if hasattr(thing, "py_func")}
    for module in (*modules, recommendation_course):
        for name in plain.keys() & vars(module).keys():
            monkeypatch.setattr(module, name, plain[name])
    assert isinstance(recommendation_course.price, types.FunctionType)
    with np.errstate(over="ignore"):
        assert same(small(**settings_of(made)).batch(1, 0, 80), whole)


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"satiation": -1.0}, "satiation=-1.0 is out of range"),
        ({"recovery": 1.5}, "recovery=1.5 is out of range"),
        ({"levels": 0}, "levels=0 is out of range"),
        ({"categories": 2.5}, "categories=2.5 is not a whole number"),
        ({"fashion_life": 0}, "fashion_life=0 is out of range"),
        ({"year": 0}, "year=0 is out of range"),
        ({"user_life": -1}, "user_life=-1 is out of range"),
        ({"drift": "abrupt@5:season=-1"}, "season=-1 is out of range"),
        ({"users": 10_000, "categories": 1_000, "satiation": 1.0}, "10000 users tire of 1000 categories"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given_settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        small(**given_settings)
