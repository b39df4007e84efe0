"""The recommendation world earns what its closed form says, under every drift, and is the same whoever acts in it."""

from __future__ import annotations

import copy
import math
import os
import types
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import reco
from scipy import special, stats

from sandbox import draws
from sandbox.discovery import discover
from sandbox.drift import Drift
from sandbox.errors import SandboxError
from sandbox.interfaces import Slate, settings_of
from sandbox.law_stream import Batch
from sandbox.streams import recommendation_law as law_module
from sandbox.streams.recommendation import Recommendation
from sandbox.streams.recommendation_law import draw_items, expected_reward, watched_share

DRAWS = int(os.environ.get("RECOMMENDATION_DRAWS", "200000"))  # 2,000,000 for the long version
DRIFTS = [
    None,
    "abrupt@3000",
    "gradual@2000~4000",
    "incremental@2000~4000",
    "recurring@1500",
    "random-walk@50",
    "abrupt@3000:like_bonus=2.0,sigma=1.5",
    "gradual@1000~6000:skip_cost=1.0",
    ("recurring@2500", "incremental@1000~2000:sigma=0.3", "abrupt@4000"),
]


def small(**given_settings: Any) -> Recommendation:
    return Recommendation(**({"users": 24, "items": 5, "dimensions": 3, "item_life": 700} | given_settings))


def columns(batch: Batch) -> list[Any]:
    return [*batch.seen, *batch[1:]]


def same(one: Batch, other: Batch) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(columns(one), columns(other), strict=True))


def rows(batch: Batch, at: Any) -> Batch:
    return Batch(Slate(*(part[at] for part in batch.seen)), *(part[at] for part in batch[1:]))


# --- the closed form --------------------------------------------------------------------------------------------------


def integrated_share(log_median: float, sigma: float) -> float:
    """E[min(exp(log_median + sigma z), 1)] by Gauss and Legendre's rule, cut at the kink."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    total, kink = 0.0, -log_median / sigma
    for low, high in ((-40.0, min(max(kink, -40.0), 40.0)), (min(max(kink, -40.0), 40.0), 40.0)):
        edges = np.linspace(low, high, 161)
        half = np.diff(edges)[:, None] / 2
        z = edges[:-1, None] + half * (1 + nodes)
        density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        total += float((half * weights * density * np.exp(np.minimum(log_median + sigma * z, 0.0))).sum())
    return total


@given(st.floats(-60, 60), st.floats(0.02, 10))
@settings(max_examples=150, deadline=None)
def test_watched_share_is_the_integral(log_median: float, sigma: float) -> None:
    assert watched_share(log_median, sigma) == pytest.approx(integrated_share(log_median, sigma), abs=1e-10)


def test_watched_share_of_known_values() -> None:
    # E[min(T, 1)] with median 1: exp(s s / 2) Phi(-s) + 1/2; s = 1: 1.6487213 * 0.1586553 + 0.5
    assert watched_share(0.0, 1.0) == pytest.approx(0.7615783, abs=1e-7)
    assert watched_share(-3.0, 0.01) == pytest.approx(math.exp(-3.0 + 0.00005), abs=1e-12)  # never cut
    assert [watched_share(r, s) for r in (-1e5, 1e5) for s in (0.01, 10.0)] == [0.0, 0.0, 1.0, 1.0]


@given(
    affinity=st.floats(-4, 4) | st.sampled_from([-900.0, -30.0, 30.0, 900.0]),
    seconds=st.floats(5, 1800) | st.sampled_from([1e-6, 0.5, 1e6, 1e12]),
    like_bonus=st.floats(0, 3),
    skip_cost=st.floats(0, 3),
    sigma=st.sampled_from([0.01, 0.3, 0.8, 2.0, 10.0]),
)
@settings(max_examples=60, deadline=None)
def test_expected_reward_against_simulation(
    affinity: float, seconds: float, like_bonus: float, skip_cost: float, sigma: float
) -> None:
    """The law as the module's first lines tell it, simulated in seconds and in plain numpy."""
    rng, n = np.random.default_rng(7), 100_000
    stays = special.expit(0.5 + 1.2 * affinity)
    watched = rng.random(n) < stays
    with np.errstate(over="ignore"):
        time = np.exp(np.log(30 * math.sqrt(seconds / 30)) + 0.6 * affinity + sigma * rng.standard_normal(n))
    liked = rng.random(n) < special.expit(1.5 * affinity - 1.5)
    reward = np.where(watched, np.minimum(time, seconds) / seconds + like_bonus * liked, -skip_cost)
    value = expected_reward(affinity, seconds, like_bonus, skip_cost, sigma)
    rare = (1 + like_bonus + skip_cost) * 20 / n  # what an event too rare to be seen could add
    assert value == pytest.approx(reward.mean(), abs=5.5 * reward.std() / math.sqrt(n) + rare)
    assert -skip_cost - 1e-12 <= value <= 1 + like_bonus + 1e-12


@given(st.floats(-5, 5), st.floats(0.01, 3), st.floats(5, 1800), st.floats(0.05, 3))
@settings(max_examples=100, deadline=None)
def test_a_higher_affinity_earns_more(affinity: float, more: float, seconds: float, sigma: float) -> None:
    low, high = (expected_reward(a, seconds, 0.5, 0.2, sigma) for a in (affinity, affinity + more))
    assert low < high


@pytest.mark.parametrize("changed", [{}, {"like_bonus": 0.0, "skip_cost": 2.0, "sigma": 2.0}, {"item_life": 0}])
def test_values_are_the_formula_of_tastes_and_items(changed: dict[str, Any]) -> None:
    stream = small(profile_noise=0.0, **changed)
    batch = stream.batch(3, 0, 400)
    user, context, item = batch.seen
    goods = np.empty((item.size, 5))
    draw_items(stream.law_seed, item.ravel(), goods)
    features, quality, seconds = goods[:, :3].reshape(400, 5, 3), goods[:, 3].reshape(400, 5), goods[:, 4]
    affinity = np.einsum("nd,nkd->nk", context[:, 1:], features) + quality  # without noise the profile is the taste
    stay, like = special.expit(0.5 + 1.2 * affinity), special.expit(1.5 * affinity - 1.5)
    length = seconds.reshape(400, 5)
    watch = stats.lognorm(stream.sigma, scale=30 * np.sqrt(length / 30) * np.exp(0.6 * affinity))
    partial = watch.mean() * special.ndtr(special.ndtri(watch.cdf(length)) - stream.sigma)
    share = partial / length + watch.sf(length)
    expected = stay * (share + stream.like_bonus * like) - (1 - stay) * stream.skip_cost
    np.testing.assert_allclose(batch.values, expected, rtol=1e-9)
    assert (batch.truth == -1).all() and len(np.unique(user)) > 20


# --- luck has mean zero -----------------------------------------------------------------------------------------------


def luck_scores(stream: Recommendation, n: int, seed: int = 0, priced_by: Recommendation | None = None) -> Any:
    """Return the studentised mean of luck of every (concept, group, choice) that occurs 100 times."""
    keys, sums = stream.schedule.n_concepts * stream.segments, {}
    count = np.zeros(keys)
    for power in (1, 2):
        sums[power] = np.zeros((keys, stream.items))
    for start in range(0, n, 8192):
        batch = stream.batch(seed, start, min(8192, n - start))
        priced = batch if priced_by is None else priced_by.batch(seed, start, len(batch.truth))
        luck = batch.rewards - priced.values
        key = batch.concept * stream.segments + batch.group
        count += np.bincount(key, minlength=keys)
        for power, total in sums.items():
            np.add.at(total, key, luck**power)
    n_each = count[count >= 100][:, None]
    mean = sums[1][count >= 100] / n_each
    spread = np.sqrt(np.maximum(sums[2][count >= 100] / n_each - mean * mean, 1e-12))
    return mean / (spread / np.sqrt(n_each))


def limit(scores: Any) -> float:
    """Three standard errors, corrected for the number of cells."""
    return float(stats.norm.isf(stats.norm.sf(3.0) / scores.size))


@pytest.mark.parametrize("drift", DRIFTS)
def test_luck_has_mean_zero_in_every_concept_and_group(drift: Any) -> None:
    scores = luck_scores(small(drift=drift), DRAWS)
    assert scores.size >= 20 and np.abs(scores).max() < limit(scores)


@pytest.mark.parametrize("wrong", [{"sigma": 0.7}, {"like_bonus": 0.53}, {"skip_cost": 0.23}])
def test_a_wrong_law_is_found_out(wrong: dict[str, float]) -> None:
    scores = luck_scores(small(), DRAWS, priced_by=small(**wrong))
    assert np.abs(scores).max() > limit(scores)


def test_prices_and_luck_stay_within_what_is_declared() -> None:
    for drift in DRIFTS:
        stream = small(drift=drift)
        batch = stream.batch(1, 0, 8000)
        best = np.maximum(batch.values.max(axis=1), stream.abstention)
        assert 0.3 * stream.gap_range < (best[:, None] - batch.values).max() <= stream.gap_range
        assert np.abs(batch.rewards - batch.values).max() <= stream.luck_reach
        assert batch.cell.max() < stream.n_cells == len(stream.group_names)


# --- the same world, whoever acts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", DRIFTS)
def test_questions_do_not_depend_on_the_chunks(drift: Any) -> None:
    whole, stream = small(drift=drift).batch(5, 0, 7000), small(drift=drift)
    cuts = [0, 1, 2, 700, 1499, 1500, 3001, 6100, 7000]
    for start, end in reversed(list(pairwise(cuts))):  # in any order
        assert same(rows(whole, slice(start, end)), stream.batch(5, start, end - start))


def test_same_seed_same_bytes_another_seed_another_course() -> None:
    stream = small(drift="gradual@500~500")
    first, again, other = stream.batch(2, 0, 2000), copy.deepcopy(stream).batch(2, 0, 2000), stream.batch(3, 0, 2000)
    assert same(first, again)
    assert (first.seen.user != other.seen.user).mean() > 0.9
    assert first.seen.item.tobytes() == other.seen.item.tobytes()  # the law is the same for every seed
    of_user = {int(u): c.tobytes() for u, c in zip(first.seen.user, first.seen.context, strict=True)}
    assert all(of_user[int(u)] == c.tobytes() for u, c in zip(other.seen.user, other.seen.context, strict=True))


def test_seeds_may_run_at_the_same_time_on_one_stream() -> None:
    shared = small(drift="gradual@500~1000")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: shared.batch(seed, 0, 3000), range(8)))
    alone = small(drift="gradual@500~1000")
    assert all(same(batch, alone.batch(seed, 0, 3000)) for seed, batch in enumerate(found))


def test_every_choice_meets_the_same_user_and_luck() -> None:
    stream = small(drift="gradual@100~200")
    batch = stream.batch(4, 0, 400)
    watched_some = liked_some = 0
    for step in range(0, 400, 7):
        shown = [stream.outcome(4, step, choice) for choice in range(stream.items)]
        assert [made.reward for made in shown] == batch.rewards[step].tolist()
        lengths = stream.observation(batch, step)["durations"]
        for made, length in zip(shown, lengths, strict=True):
            assert made.watch_seconds == pytest.approx(made.watch_fraction * length)
            earned = made.watch_fraction + stream.like_bonus * made.like
            assert made.reward == (-stream.skip_cost if made.skip else earned)
            assert not (made.skip and (made.like or made.watch_seconds))
        watched_some += any(made.skip for made in shown) and not all(made.skip for made in shown)
        liked_some += any(made.like for made in shown)
    assert watched_some > 10 and liked_some > 5


def test_a_user_who_skips_skips_whatever_suits_less() -> None:
    stream = small()
    batch = stream.batch(0, 0, 2000)
    skipped = batch.rewards == -stream.skip_cost
    affinity = np.empty_like(batch.values)
    goods = np.empty((stream.items, 5))
    for i, (user, _, items) in enumerate(zip(*batch.seen, strict=True)):
        draw_items(stream.law_seed, items, goods)
        affinity[i] = goods[:, :3] @ stream.law(0).taste[0, user] + goods[:, 3]
    assert (np.where(skipped, affinity, -np.inf).max(axis=1) < np.where(skipped, np.inf, affinity).min(axis=1)).all()


def test_users_come_as_often_as_their_activity_says() -> None:
    stream = small()
    keep, other = stream._people.keep, stream._people.other
    weight = (keep + np.bincount(other, 1.0 - keep, minlength=stream.users)) / stream.users
    seen = np.bincount(stream.batch(0, 0, 50_000).seen.user, minlength=stream.users)
    assert stats.chisquare(seen, weight * 50_000).pvalue > 1e-4
    assert weight.max() > 2 * weight.min()


def test_plain_text_equals_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    made = small(users=6, item_life=40, drift=("gradual@20~40", "abrupt@30:sigma=2.0"))
    whole = made.batch(1, 0, 80)
    from sandbox.streams import recommendation_course, recommendation_people, recommendation_price, recommendation_slate

    plain: dict[str, Any] = {}
    modules = (draws, law_module, recommendation_people, recommendation_slate, recommendation_price)
    for module in modules:
        plain |= {name: thing.py_func for name, thing in vars(module).items() if hasattr(thing, "py_func")}
    for module in (*modules, recommendation_course):
        for name in plain.keys() & vars(module).keys():
            monkeypatch.setattr(module, name, plain[name])
    assert isinstance(recommendation_course.price, types.FunctionType)
    with np.errstate(over="ignore"):
        assert same(small(**(settings_of(made))).batch(1, 0, 80), whole)


# --- drift ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drift", DRIFTS[1:])
def test_a_twin_lives_in_one_concept(drift: Any) -> None:
    stream = small(drift=drift)
    batch = stream.batch(6, 0, 7000)
    found = np.unique(batch.concept)
    assert len(found) > 1
    for concept in found[:: max(1, len(found) // 6)].tolist():
        at = np.flatnonzero(batch.concept == concept)
        twin = stream.pin(concept).batch(6, 0, 7000)
        assert same(rows(batch, at), rows(twin, at)) and (twin.concept == concept).all()


def test_an_abrupt_change_leaves_users_profiles_and_items_alone() -> None:
    before, after = small(), small(drift="abrupt@1000")
    one, other = before.batch(0, 0, 2000), after.batch(0, 0, 2000)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one.seen, other.seen, strict=True))
    assert (one.values[:1000] == other.values[:1000]).all() and (one.rewards[:1000] == other.rewards[:1000]).all()
    assert np.abs(one.values[1000:] - other.values[1000:]).mean() > 0.1


def test_a_gradual_change_mixes_outcomes_and_expectations() -> None:
    stream = small(drift="gradual@1000~50000")
    concept = int(stream.schedule.concepts(0, 17_000, 1)[0])
    progress = stream.schedule.levels_of(concept)[0] / 64
    mixed, old, new = (stream.pin(c).batch(0, 0, 6000) for c in (concept, 0, stream.schedule.n_concepts - 1))
    np.testing.assert_allclose(mixed.values, (1 - progress) * old.values + progress * new.values, atol=1e-12)
    from_old, from_new = ((mixed.rewards == side.rewards).all(axis=1) for side in (old, new))
    assert (from_old | from_new).all()  # a step's user behaves by one of both tastes, whatever is shown
    told = from_old != from_new
    share = from_new[told].mean()
    assert told.sum() > 3000 and abs(share - progress) < 4 * math.sqrt(progress * (1 - progress) / told.sum())


def test_an_incremental_change_moves_tastes_and_settings() -> None:
    stream = small(drift=("incremental@100~1000", "incremental@100~1000:like_bonus=2.5"))
    first, last = stream.law(0), stream.law(stream.schedule.n_concepts - 1)
    middle = int(stream.schedule.concepts(0, 600, 1)[0])
    progress = stream.schedule.levels_of(middle)[0] / 64
    law = stream.law(middle)
    assert law.weight.tolist() == [1.0] and 0.4 < progress < 0.6
    np.testing.assert_allclose(law.taste, (1 - progress) * first.taste + progress * last.taste, atol=1e-12)
    assert law.like_bonus[0] == pytest.approx(0.5 + 2.0 * progress)
    assert (first.like_bonus[0], last.like_bonus[0]) == (0.5, 2.5)
    assert (first.taste == small().law(0).taste).all() and (last.taste == small(drift="abrupt@1").law(1).taste).all()


def test_tastes_change_back_again_and_each_change_has_its_own() -> None:
    recurring = small(drift="recurring@10")
    assert recurring.schedule.concepts(0, 0, 40).tolist() == ([0] * 10 + [1] * 10) * 2
    twice = small(drift=("abrupt@10", "abrupt@20"))
    tastes = [twice.law(concept).taste for concept in range(3)]
    assert (recurring.law(1).taste == tastes[1]).all()
    assert min(np.abs(a - b).mean() for a, b in (tastes[:2], tastes[1:], tastes[::2])) > 0.5


@pytest.mark.parametrize("renewal", [0.0, 0.25, 1.0])
def test_renewal_is_the_share_of_tastes_drawn_anew(renewal: float) -> None:
    stream = Recommendation(users=20_000, segments=1_000, renewal=renewal, drift="abrupt@1")
    old, new = (stream.law(concept).taste[0].ravel() for concept in (0, 1))
    assert np.corrcoef(old, new)[0, 1] == pytest.approx(math.sqrt(1 - renewal), abs=0.02)
    assert (old.std(), new.std()) == (pytest.approx(1.0, abs=0.02), pytest.approx(1.0, abs=0.02))


# --- items, observations, settings ------------------------------------------------------------------------------------


def test_items_are_born_and_die_in_turn() -> None:
    item = small(item_life=100).batch(0, 0, 1000).seen.item
    assert (item[0] == np.arange(5)).all()
    changed = item[1:] != item[:-1]
    for slot in range(5):
        births = 1 + np.flatnonzero(changed[:, slot])
        assert births[0] == 100 - 20 * slot and (np.diff(births) == 100).all()
        assert item[births, slot].tolist() == [slot + 5 * (k + 1) for k in range(len(births))]
    assert changed.sum(axis=1).max() == 1
    batch = small(item_life=100).batch(0, 0, 1000)
    assert len({(u, i, v) for u, i, v in zip(batch.seen.user, item[:, 2], batch.values[:, 2], strict=True)}) == len(
        set(zip(batch.seen.user, item[:, 2], strict=True))
    )  # an item is worth the same to a user for as long as it lives
    assert (small(item_life=0).batch(0, 10**12, 50).seen.item == np.arange(5)).all()
    assert small(item_life=3).batch(0, 10**12, 4).seen.item.max() > 10**12


def test_an_observation_lies_in_its_space_and_shows_no_more_than_it() -> None:
    stream = small()
    batch = stream.batch(0, 680, 60)
    goods = np.empty((5, 5))
    for i in range(0, 60, 7):
        seen = stream.observation(batch, i)
        assert stream.observation_space.contains(seen) and set(seen) == set(stream.observation_space)
        assert seen["context"][0] == 1.0 and seen["user"] == batch.seen.user[i]
        draw_items(stream.law_seed, batch.seen.item[i], goods)
        assert (seen["features"] == goods[:, :3]).all() and (seen["durations"] == goods[:, 4]).all()
        assert not seen["features"].flags.writeable and (seen["durations"] >= 5).all()
    question = next(stream.questions(0))
    assert math.isnan(question.truth) and question.abstention == 0.0 and len(question.values) == 5
    assert stream.choice_space.contains(4) and not stream.choice_space.contains(5)


def test_a_profile_tells_less_the_noisier_it_is() -> None:
    many, told = {"users": 20_000, "segments": 1_000}, []
    taste = small(**many).law(0).taste[0].ravel()
    for noise in (0.0, 0.5, 2.0):
        stream = small(profile_noise=noise, **many)
        told.append(np.corrcoef(stream._people.profile[:, 1:].ravel(), taste)[0, 1])
    assert told == pytest.approx([1 / math.sqrt(1 + noise**2) for noise in (0.0, 0.5, 2.0)], abs=0.02)


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"users": 0}, "users=0 is out of range"),
        ({"items": 2.5}, "items=2.5 is not a whole number"),
        ({"law_seed": -1}, "law_seed=-1 is out of range"),
        ({"item_life": -1}, "item_life=-1 is out of range"),
        ({"sigma": 0.0}, "sigma=0.0 is out of range"),
        ({"sigma": math.nan}, "sigma=nan is out of range"),
        ({"like_bonus": "much"}, "like_bonus='much' is not a number"),
        ({"renewal": 1.5}, "renewal=1.5 is out of range"),
        ({"segments": 30}, "30 segments are more than 24 users"),
        ({"drift": "abrupt@5:users=3"}, "'users' cannot drift"),
        ({"drift": "abrupt@5:likebonus=3"}, "'likebonus' cannot drift; did you mean 'like_bonus'?"),
        ({"drift": "abrupt@5:sigma=-1"}, "sigma=-1 is out of range"),
        ({"drift": Drift("abrupt", 5, function="f.py:g")}, "has a function"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given_settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SandboxError) as refused:
        small(**given_settings)
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_it_is_found_by_name() -> None:
    assert discover("worlds")["recommendation"].class_name == "Recommendation"


# --- as a River stream ------------------------------------------------------------------------------------------------


def test_logged_ratings_are_those_of_the_run() -> None:
    stream = small()
    batch, slots = stream.batch(0, 0, 3000), np.zeros(5)
    for i, (x, rating) in enumerate(islice(stream, 3000)):
        slot = batch.seen.item[i].tolist().index(int(x["item"][1:]))
        slots[slot] += 1
        assert x["user"] == f"u{batch.seen.user[i]}" and x["segment"] == f"segment-{batch.seen.user[i] % 4}"
        assert rating == batch.rewards[i, slot] and x["duration"] == stream.observation(batch, i)["durations"][slot]
    assert stats.chisquare(slots).pvalue > 1e-4
    assert list(islice(stream, 50)) == list(islice(small(), 50))


def test_river_recommenders_learn_from_it() -> None:
    model, errors = reco.BiasedMF(seed=1), []
    for x, rating in islice(small(item_life=0), 12_000):
        errors.append((rating - model.predict_one(x["user"], x["item"])) ** 2)
        model.learn_one(x["user"], x["item"], rating)
    first, last = np.mean(errors[:1000]), np.mean(errors[-4000:])
    assert last < 0.93 * first
