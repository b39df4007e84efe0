"""STAGGER, SEA, LED and the hyperplane: floors as published, posteriors as by hand, frequencies as the law says."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from frequencies import check_frequencies, frequencies
from hypothesis import given, settings
from hypothesis import strategies as st
from label_streams import (
    DRAWS,
    SPECS,
    check_accounts,
    check_as_users_would,
    check_drift,
    check_every_feedback,
    check_memory,
    check_plain,
    check_refusal,
    check_shuffled_labels,
    check_soundness,
    check_threads,
    check_what_is_seen,
)
from river import naive_bayes, preprocessing, tree
from river.datasets import synth

from sandbox.drift import KINDS
from sandbox.streams.hyperplane import Hyperplane
from sandbox.streams.led import LIT, Led
from sandbox.streams.sea import THETAS, Sea, share_below
from sandbox.streams.stagger import OBJECTS, WORDS, Stagger, is_meant

WORLDS = [
    (Stagger, {}),
    (Stagger, {"noise": 0.2, "balanced": True, "drift": "gradual@1000~30000"}),
    (Stagger, {"rule": 1, "drift": ("incremental@1000~30000:rule=0,noise=0.1", "recurring@7000")}),
    (Sea, {}),
    (Sea, {"theta": 9.5, "noise": 0.0, "drift": "gradual@1000~30000:theta=4"}),
    (Sea, {"drift": ("incremental@1000~20000", "gradual@9000~6:noise=0.3", "recurring@400:theta=12")}),
    (Led, {}),
    (Led, {"noise": 0.05, "irrelevant": 3, "drift": "gradual@1000~30000"}),
    (Led, {"drift": ("incremental@1000~20000", "recurring@5000:noise=0.3"), "swapped": 7}),
    (Hyperplane, {}),
    (Hyperplane, {"dimensions": 3, "moving": 3, "drift": ("gradual@1000~9", "random-walk@300")}),
    (Hyperplane, {"law_seed": 5, "noise": 0.0, "drift": "incremental@1000~30000"}),
]


@pytest.mark.parametrize(("make", "given"), WORLDS, ids=str)
def test_labels_come_as_often_as_the_posterior_says(make: type, given: dict) -> None:
    check_frequencies(make(**given), DRAWS, seed=7)


def test_a_wrong_price_is_found() -> None:
    """A floor a point below nominal, as River's, does not pass for the nominal one."""
    told, drawn = Sea(noise=0.11), Sea(noise=0.10)
    batches = [
        drawn.batch(0, at, 20_000)._replace(values=told.batch(0, at, 20_000).values) for at in (0, 20_000, 40_000)
    ]
    assert frequencies(told, 60_000, batches=batches).p < 1e-3


# --- floors ---------------------------------------------------------------------------------------------------------


def test_floors_are_the_published_ones() -> None:
    assert 1.0 - Led(noise=0.05).expected_best(0) == pytest.approx(0.13297, abs=1e-5)
    assert 1.0 - Led(noise=0.10).expected_best(0) == pytest.approx(0.25998, abs=1e-5)
    assert Led(noise=0.0).expected_best(0) == pytest.approx(1.0) and Led(noise=0.5).expected_best(0) == pytest.approx(
        0.1
    )
    for rule, balanced in itertools.product(range(3), (False, True)):
        assert Stagger(rule, balanced=balanced).expected_best(0) == pytest.approx(1.0, abs=1e-15)
        assert Stagger(rule, 0.2, balanced).expected_best(0) == pytest.approx(0.8, abs=1e-15)
    for noise in (0.0, 0.1, 0.3):
        assert 1.0 - Sea(noise=noise).expected_best(0) == pytest.approx(noise, abs=1e-15)
        assert 1.0 - Hyperplane(noise=noise).expected_best(0) == pytest.approx(noise, abs=1e-15)
        assert Sea(noise=noise).batch(0, 0, 500).values.max(axis=1) == pytest.approx(1.0 - noise, abs=1e-15)


@pytest.mark.parametrize("noise", [0.0, 0.07, 0.4])
def test_the_floor_of_led_is_that_of_brute_force(noise: float) -> None:
    share = 0.0
    for pattern in itertools.product((0, 1), repeat=7):
        share += max(
            0.1 * math.prod(1.0 - noise if a == b else noise for a, b in zip(row, pattern, strict=True)) for row in LIT
        )
    assert Led(noise, irrelevant=0).expected_best(0) == pytest.approx(share, abs=1e-14)
    assert Led(noise, irrelevant=5, drift="abrupt@9").expected_best(1) == pytest.approx(share, abs=1e-14)


LEVELS = [
    (Stagger, {"balanced": True, "drift": "gradual@100~63:noise=0.2", "rule": 2}),
    (Stagger, {"noise": 0.1, "drift": "incremental@100~63"}),
    (Sea, {"drift": ("gradual@100~15", "gradual@100~15:noise=0.3"), "theta": 9.5}),
    (Sea, {"drift": "gradual@100~15:theta=1.5,noise=0.02"}),
    (Led, {"drift": "gradual@100~15"}),
    (Led, {"drift": "incremental@100~15:noise=0.4", "irrelevant": 1}),
    (Led, {"drift": ("gradual@100~3", "gradual@100~3", "gradual@100~3"), "swapped": 7}),
    (Hyperplane, {"drift": ("gradual@100~15", "recurring@50:noise=0.3")}),
]


@pytest.mark.parametrize(("make", "given"), LEVELS, ids=str)
def test_the_level_of_a_concept_is_the_mean_of_what_its_best_choices_are_worth(make: type, given: dict) -> None:
    world = make(**given)
    for concept in range(0, world.n_concepts, max(1, world.n_concepts // 6)):
        best = world.pin(concept).batch(1, 50_000, 20_000).values.max(axis=1)
        sd = best.std() * math.sqrt(1.0 / 20_000 + 1.0 / 8192)
        assert abs(world.expected_best(concept) - best.mean()) < 4.0 * sd + 1e-12
    assert world.expected_best(world.n_concepts - 1) > 0.0


def test_what_the_simplest_earn() -> None:
    for world in (Stagger(), Stagger(2, 0.1), Stagger(1, balanced=True), Sea(), Sea(3.0, 0.3), Led(), Hyperplane()):
        batch = world.batch(0, 0, 60_000)
        by_chance, fixed = world.simple_values()
        assert by_chance == 1.0 / batch.values.shape[1]
        assert fixed == pytest.approx(batch.rewards.mean(axis=0).max(), abs=0.01)
    assert (
        share_below(10.0) == 0.5 and share_below(0.0) == 0.0 and share_below(20.0) == 1.0 and share_below(5.0) == 0.125
    )


# --- posteriors, by hand --------------------------------------------------------------------------------------------


def laws_of(world: object, concept: int) -> list[tuple[float, list[tuple[float, int, dict]]]]:
    """Return the mixture of a concept: weights, and of each law the anchors by change and settings."""
    known = world.schedule
    return [
        (weight, [(share, known.own_change(one), known.settings_of(one)) for share, one in shares])
        for weight, shares in known.made_of(concept).mixture
    ]


def sea_posterior(world: Sea, concept: int, x: dict) -> list[float]:
    total = 0.0
    for weight, anchors in laws_of(world, concept):
        theta = noise = 0.0
        for share, change, named in anchors:
            own = THETAS[(THETAS.index(world.theta) + change) % 4] if change else world.theta
            theta += share * named.get("theta", own)
            noise += share * named.get("noise", world.noise)
        total += weight * (1.0 - noise if x["x1"] + x["x2"] <= theta else noise)
    return [1.0 - total, total]


def weights_of(world: Hyperplane, change: int) -> np.ndarray:
    weights = np.random.default_rng([world.law_seed, 0]).random(world.dimensions)
    if change:
        rng = np.random.default_rng([world.law_seed, 5, change])
        moved = rng.permutation(world.dimensions)[: world.moving]
        weights[moved] = rng.random(len(moved))
    return weights


def hyperplane_posterior(world: Hyperplane, concept: int, x: dict) -> list[float]:
    total = 0.0
    for weight, anchors in laws_of(world, concept):
        w, noise = np.zeros(world.dimensions), 0.0
        for share, change, named in anchors:
            w += share * weights_of(world, change)
            noise += share * named.get("noise", world.noise)
        above = sum(a * b for a, b in zip(w, x.values(), strict=True)) >= 0.5 * w.sum()
        total += weight * (1.0 - noise if above else noise)
    return [1.0 - total, total]


def led_posterior(world: Led, concept: int, x: dict) -> list[float]:
    scores = [0.0] * 10
    for weight, anchors in laws_of(world, concept):
        for digit in range(10):
            like = weight
            for j, seen in enumerate(x.values()):
                lit = 0.0
                for share, change, named in anchors:
                    noise, places = named.get("noise", world.noise), world.places_of(change).tolist()
                    on = LIT[digit][places.index(j)] if j in places else None
                    lit += share * (0.5 if on is None else 1.0 - noise if on else noise)
                like *= lit if seen else 1.0 - lit
            scores[digit] += like
    return [score / math.fsum(scores) for score in scores]


def stagger_posterior(world: Stagger, concept: int, x: dict) -> list[float]:
    scores = [0.0, 0.0]
    for weight, anchors in laws_of(world, concept):
        for share, change, named in anchors:
            rule = named.get("rule", (world.rule + change) % 3)
            meant = [is_meant(rule, *(WORDS[3 * k + v] for k, v in enumerate(thing))) for thing in OBJECTS]
            mine = is_meant(rule, x["colour"], x["shape"], x["size"])
            here = 0.5 / meant.count(mine) if world.balanced else 1.0 / 27.0
            noise = named.get("noise", world.noise)
            for label in (False, True):
                scores[label] += weight * share * here * (1.0 - noise if label == mine else noise)
    return [score / math.fsum(scores) for score in scores]


BY_HAND = {Sea: sea_posterior, Hyperplane: hyperplane_posterior, Led: led_posterior, Stagger: stagger_posterior}


@pytest.mark.parametrize(("make", "given"), WORLDS, ids=str)
def test_the_posterior_is_that_of_brute_force(make: type, given: dict) -> None:
    world = make(**given)
    for start in (0, 4000, 12_000, 21_000, 60_000):
        batch = world.batch(5, start, 8)
        for i in range(8):
            wanted = BY_HAND[make](world, int(batch.concept[i]), world.observation(batch, i))
            assert batch.values[i] == pytest.approx(wanted, rel=1e-10, abs=1e-12)


# --- what is drawn --------------------------------------------------------------------------------------------------


def test_questions_are_drawn_as_they_should_be() -> None:
    n = 40_000
    for world, edge in ((Sea(), 10.0), (Hyperplane(), 1.0)):
        x = world.batch(3, 0, n).seen.values
        assert x.min() >= 0.0 and x.max() <= edge
        assert np.abs(x.mean(axis=0) - edge / 2.0).max() < 4.5 * edge / math.sqrt(12.0 * n)
        assert np.abs(np.corrcoef(x.T) - np.eye(x.shape[1])).max() < 4.5 / math.sqrt(n)
        assert np.abs((x < edge / 4.0).mean(axis=0) - 0.25).max() < 4.5 * math.sqrt(3.0 / 16.0 / n)
    for balanced in (False, True):
        world = Stagger(0, balanced=balanced)
        found = np.bincount(world.batch(0, 0, n).cell, minlength=27)
        share = world.joint(0).sum(axis=1)
        assert (((found - n * share) ** 2) / (n * share)).sum() < 26 + 4.5 * math.sqrt(52)
        assert abs(world.batch(0, 0, n).truth.mean() - (0.5 if balanced else 3 / 27)) < 4.5 * 0.5 / math.sqrt(n)
    batch = Hyperplane(noise=0.0).batch(0, 0, n)
    assert abs(batch.truth.mean() - 0.5) < 4.5 * 0.5 / math.sqrt(n)
    assert abs(batch.group.mean() - 0.5) < 0.02  # half of the points are near, nearly


def test_the_noise_of_led_is_what_it_says_and_that_of_rivers_is_not() -> None:
    """River draws `0.01 + u <= noise`: a point less, so its Bayes error is 23.5 %, not 26.0 %."""
    n = 20_000
    batch = Led(noise=0.1).batch(0, 0, n)
    ours = (batch.seen.values[:, :7] != LIT[batch.truth]).mean()
    theirs = np.mean(
        [[x[j] != LIT[y][j] for j in range(7)] for x, y in synth.LED(seed=1, noise_percentage=0.1).take(n)]
    )
    sd = math.sqrt(0.09 / (7 * n))
    assert abs(ours - 0.10) < 4.0 * sd and abs(theirs - 0.09) < 4.0 * sd
    assert 1.0 - Led(noise=0.09).expected_best(0) == pytest.approx(0.2352, abs=1e-4)
    assert np.abs(batch.seen.values[:, 7:].mean(axis=0) - 0.5).max() < 4.5 * 0.5 / math.sqrt(n)
    assert abs((batch.values.argmax(axis=1) != batch.truth).mean() - 0.25998) < 4.0 * math.sqrt(0.26 * 0.74 / n)


def test_led_segments_change_places() -> None:
    world = Led(swapped=4)
    before, after, again = world.places_of(0), world.places_of(1), world.places_of(2)
    assert before.tolist() == list(range(7)) and (before != after).sum() == 4 and (after != again).any()
    assert (after[after != before] >= 7).all() and len(set(after.tolist())) == 7
    for irrelevant, swapped in itertools.product((0, 1, 3, 17), (2, 5, 7)):
        for change in (1, 2, 3):
            places = Led(irrelevant=irrelevant, swapped=swapped).places_of(change)
            assert len(set(places.tolist())) == 7 and places.max() < 7 + irrelevant and (places != before).any()


def test_the_rules_of_stagger_are_schlimmer_and_grangers() -> None:
    meant = [[is_meant(rule, *(WORDS[3 * k + v] for k, v in enumerate(one))) for one in OBJECTS] for rule in range(3)]
    assert [sum(one) for one in meant] == [3, 15, 18]
    rows = Stagger().batch(0, 0, 400)
    for i in range(400):
        x = Stagger().observation(rows, i)
        assert rows.truth[i] == (x["size"] == "small" and x["colour"] == "red")
        assert Stagger.cell_names[rows.cell[i]] == f"{x['size']} {x['colour']} {x['shape']}"
        assert Stagger.group_names[rows.group[i]] == x["size"]


def test_sea_goes_through_the_papers_blocks() -> None:
    world = Sea(noise=0.0, drift=("abrupt@100", "abrupt@200", "abrupt@300", "abrupt@400"))
    batch = world.batch(0, 0, 500)
    below = batch.seen.values[:, :2].sum(axis=1) <= np.repeat([8.0, 9.0, 7.0, 9.5, 8.0], 100)
    assert np.array_equal(batch.truth == 1, below)
    assert Sea(5.0, drift="abrupt@1").law(1).offset.tolist() == [8.0]
    assert Sea(drift="incremental@1~63:theta=10").law(32).offset.tolist() == pytest.approx([9.0])


# --- drift, settings, both speeds -----------------------------------------------------------------------------------

CHANGES = [
    (Stagger, {"noise": 0.1}, None), (Stagger, {}, {"rule": 2, "noise": 0.2}),
    (Sea, {}, None), (Sea, {}, {"theta": 12.0, "noise": 0.3}),
    (Led, {}, None), (Led, {}, {"noise": 0.3}),
    (Hyperplane, {"dimensions": 4}, None), (Hyperplane, {}, {"noise": 0.3}),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("make", "given", "change"), CHANGES, ids=str)
def test_every_drift_goes_from_one_law_to_the_other(make: type, given: dict, change: dict | None, kind: str) -> None:
    check_drift(lambda **more: make(**{**given, **more}), kind, change)


GIVEN_DRIFT = st.sampled_from([None, *SPECS.values(), "gradual@20~100:noise=0.5", ["abrupt@9", "gradual@20~200"]])
NOISE = st.floats(0.0, 0.5)
SETTINGS = st.one_of(
    st.tuples(st.just(Stagger), st.fixed_dictionaries(
        {"rule": st.integers(0, 2), "noise": NOISE, "balanced": st.booleans(), "drift": GIVEN_DRIFT})),
    st.tuples(st.just(Sea), st.fixed_dictionaries(
        {"theta": st.floats(0.0, 20.0), "noise": NOISE, "drift": GIVEN_DRIFT})),
    st.tuples(st.just(Led), st.fixed_dictionaries(
        {"noise": NOISE, "irrelevant": st.integers(0, 30), "swapped": st.integers(2, 7), "drift": GIVEN_DRIFT})),
    st.tuples(st.just(Hyperplane), st.fixed_dictionaries(
        {"dimensions": st.integers(1, 12), "moving": st.integers(1, 12), "noise": NOISE,
         "law_seed": st.integers(0, 2**62), "drift": GIVEN_DRIFT})),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(SETTINGS, st.integers(0, 2**62), st.lists(st.integers(0, 300), max_size=4))
def test_whatever_the_settings(asked: tuple[type, dict], seed: int, cuts: list[int]) -> None:
    make, given = asked
    check_soundness(given, make, seed, cuts)


REFUSED = [
    (Sea, {"noise": 0.6}, "noise=0.6 is out of range"), (Sea, {"theta": "a"}, "theta='a' is not a number"),
    (Sea, {"noise": math.nan}, "noise=nan is out of range"),
    (Sea, {"drift": "abrupt@5:thta=3"}, "'thta' cannot drift; did you mean 'theta'"),
    (Sea, {"drift": "abrupt@5:mine.py:f"}, "it changes the threshold, or named settings"),
    (Stagger, {"rule": 3}, "rule=3 is out of range"), (Stagger, {"rule": 1.5}, "rule=1.5 is not a whole number"),
    (Stagger, {"drift": "gradual@5~9:rule=0.5"}, "rule=0.5 is not a whole number"),
    (Stagger, {"balanced": 1}, "balanced=1 is neither True nor False"),
    (Stagger, {"drift": "abrupt@5:balanced=True"}, "'balanced' cannot drift"),
    (Led, {"irrelevant": -1}, "irrelevant=-1 is out of range"), (Led, {"swapped": 8}, "swapped=8 is out of range"),
    (Led, {"irrelevant": 2.5}, "irrelevant=2.5 is not a whole number"),
    (Led, {"drift": "abrupt@5:swapped=3"}, "'swapped' cannot drift; these can: noise"),
    (Hyperplane, {"dimensions": 0}, "dimensions=0 is out of range"),
    (Hyperplane, {"dimensions": "x"}, "dimensions='x' is not a number"),
    (Hyperplane, {"law_seed": -1}, "law_seed=-1 is out of range"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "given", "why"), REFUSED, ids=str)
def test_what_makes_no_sense_is_refused_in_one_line(make: type, given: dict, why: str) -> None:
    check_refusal(make, given, why)


@pytest.mark.parametrize(("make", "given"), WORLDS, ids=str)
def test_the_plain_text_equals_the_compiled_one_bit_for_bit(
    make: type, given: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"drift": "gradual@10~100"} if "drift" in given else {}
    check_plain(lambda: make(**{**given, **quick}), monkeypatch)


# --- as others see them ---------------------------------------------------------------------------------------------

ALL = [Stagger, Sea, Led, Hyperplane]


@pytest.mark.parametrize("make", ALL)
def test_what_an_agent_sees(make: type) -> None:
    check_what_is_seen(make(), f"sandbox/{make.__name__}-v0")


def test_river_learns_them() -> None:
    for world, model, wanted in (
        (Sea(noise=0.0), preprocessing.StandardScaler() | naive_bayes.GaussianNB(), 0.9),
        (Stagger(), tree.HoeffdingTreeClassifier(), 0.85),
        (Led(noise=0.0), naive_bayes.BernoulliNB(true_threshold=0.5), 0.95),
    ):
        right = []
        for x, y in world.take(3000):
            right.append(model.predict_one(x) == y)
            model.learn_one(x, y)
        assert np.mean(right[1500:]) > wanted


@pytest.mark.parametrize(
    ("world", "floor"),
    [(Stagger(), 0.0), (Sea(), 0.1), (Led(), 0.25998), (Hyperplane(), 0.05)],
    ids=["stagger", "sea", "led", "hyperplane"],
)
def test_labels_that_are_shuffled_are_worth_the_prior(world: object, floor: float) -> None:
    check_shuffled_labels(world, floor)


@pytest.mark.parametrize(
    ("name", "learner"),
    [("stagger", "logistic"), ("sea", "river:naive_bayes.GaussianNB()"), ("hyperplane", "river:LogisticRegression()"),
     ("led", "river:naive_bayes.GaussianNB()")],
)  # fmt: skip
def test_accounts_are_sound(name: str, learner: str) -> None:
    check_accounts(name, "gradual@500~500", learner)
    check_as_users_would(name)


@pytest.mark.parametrize(
    ("name", "shown"), [("stagger", "True"), ("sea", "True"), ("led", "7"), ("hyperplane", "False")]
)
def test_drift_and_feedback_join_freely(name: str, shown: str) -> None:
    check_every_feedback(name, shown)


@pytest.mark.parametrize("make", ALL)
def test_threads_share_one_stream(make: type) -> None:
    check_threads(make)


@pytest.mark.parametrize("make", ALL)
def test_any_number_of_questions_takes_the_same_memory_and_little_time(make: type) -> None:
    world = make(drift=("random-walk@500", "recurring@3000"))
    check_memory(world)
    start = time.process_time()
    for at in range(0, 80_000, 8000):
        world.batch(1, at, 8000)
    assert 80_000 / (time.process_time() - start) > 200_000
