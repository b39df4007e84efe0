"""Accents: vowels as published, the posterior as by hand, frequencies as the law says, accents that arrive."""

from __future__ import annotations

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
from river import naive_bayes
from scipy import stats

from sandbox.drift import KINDS
from sandbox.streams.accents import ACCENTS, LOG_MEANS, SPEAKERS, WORDS, Accents, weigh_words

WORLDS = [
    {},
    {"accent": 1, "spread": 0.15, "women": 0.3, "drift": "gradual@1000~30000"},
    {"accent": 2, "drift": ("incremental@1000~20000", "gradual@9000~6:women=0.9,spread=0.3")},
    {"drift": ("random-walk@300", "recurring@7000:accent=2"), "women": 0.0},
]


def test_means_are_the_published_ones() -> None:
    """Some numbers of each table, and what the papers say of them."""
    hertz = 1000.0 * np.exp(LOG_MEANS)
    for accent, who, word, wanted in (
        ("American", "man", "heed", (270, 2290, 3010)), ("American", "woman", "heard", (500, 1640, 1960)),
        ("American", "man", "hawed", (570, 840, 2410)), ("Michigan", "man", "had", (588, 1952, 2601)),
        ("Michigan", "woman", "who'd", (459, 1105, 2735)), ("British", "woman", "had", (1018, 1799, 2869)),
        ("British", "man", "hud", (644, 1259, 2551)), ("British", "man", "hod", (558, 1047, 2481)),
    ):  # fmt: skip
        found = hertz[ACCENTS.index(accent), SPEAKERS.index(who), WORDS.index(word)]
        assert found == pytest.approx(wanted)
    assert hertz.shape == (3, 2, 10, 3) and (np.diff(hertz, axis=-1) > 0.0).all()  # formants rise
    assert (hertz[:, 1].mean(axis=1) > 1.05 * hertz[:, 0].mean(axis=1)).all()  # women's are higher
    r = WORDS.index("heard")
    assert (hertz[:2, :, r, 2] < 2000.0).all() and (hertz[2, :, r, 2] > 2400.0).all()  # the British say no r
    had, head = WORDS.index("had"), WORDS.index("head")
    assert (hertz[0, :, had, 0] > 1.2 * hertz[0, :, head, 0]).all()  # in Michigan, "had" is raised to where "head" is
    assert (hertz[1, :, had, 0] < 1.02 * hertz[1, :, head, 0]).all()


def by_hand(world: Accents, concept: int, x: dict) -> list[float]:
    """Return the probability of each word, from the density of the formants under each law of the mixture."""
    who, known, scores = int(x["woman"]), world.schedule, [0.0] * 10
    logs = [math.log(x[name]) for name in ("F1", "F2", "F3")]
    for weight, shares in known.made_of(concept).mixture:
        mean, spread, women = np.zeros((10, 3)), 0.0, 0.0
        for share, anchor in shares:
            named = known.settings_of(anchor)
            accent = named.get("accent", (world.accent + known.own_change(anchor)) % 3)
            mean += share * LOG_MEANS[accent, who]
            spread += share * named.get("spread", world.spread)
            women += share * named.get("women", world.women)
        spoke = women if who else 1.0 - women
        for word in range(10):
            scores[word] += weight * spoke * math.exp(stats.norm.logpdf(logs, mean[word], spread).sum())
    return [score / math.fsum(scores) for score in scores]


@pytest.mark.parametrize("given", WORLDS, ids=str)
def test_the_posterior_is_that_of_brute_force(given: dict) -> None:
    world = Accents(**given)
    for start in (0, 4000, 12_000, 21_000, 60_000):
        batch = world.batch(5, start, 8)
        for i in range(8):
            wanted = by_hand(world, int(batch.concept[i]), world.observation(batch, i))
            assert batch.values[i] == pytest.approx(wanted, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("given", WORLDS, ids=str)
def test_words_come_as_often_as_the_posterior_says(given: dict) -> None:
    check_frequencies(Accents(**given), DRAWS, seed=7)


def test_a_wrong_price_is_found() -> None:
    """Posteriors of a listener who takes voices to vary by 12 %, where they vary by 10 %."""
    batch = Accents(spread=0.10).batch(0, 0, 40_000)
    law, logs = Accents(spread=0.12).law(0), np.log(batch.seen.values[:, :3])
    values, size = np.empty_like(batch.values), np.empty((1, 10))
    for i, who in enumerate(batch.group.tolist()):
        weigh_words(logs[i], law.weight[who], law.mean[who], law.spread, size, values[i])
    assert frequencies(Accents(), 0, batches=[batch._replace(values=values)]).p < 1e-6
    assert frequencies(Accents(), 0, batches=[batch]).p > 1e-3


def test_formants_are_drawn_as_they_should_be() -> None:
    n = 100_000
    batch = Accents(accent=1, women=0.3).batch(0, 0, n)
    x = batch.seen.values
    assert abs(batch.group.mean() - 0.3) < 4.5 * math.sqrt(0.21 / n) and np.array_equal(x[:, 3], batch.group)
    found = np.bincount(batch.truth, minlength=10)
    assert (((found - n / 10) ** 2) / (n / 10)).sum() < 9 + 4.5 * math.sqrt(18)
    z = (np.log(x[:, :3]) - LOG_MEANS[1, batch.group, batch.truth]) / 0.1
    assert np.abs(z.mean(axis=0)).max() < 4.5 / math.sqrt(n)
    assert np.abs(z.std(axis=0) - 1.0).max() < 4.5 / math.sqrt(2 * n)
    assert np.abs(np.corrcoef(z.T) - np.eye(3)).max() < 4.5 / math.sqrt(n)
    assert stats.kstest(z[:, 0], "norm").pvalue > 1e-4


def test_how_hard_it_is() -> None:
    """Best possible errors of the three accents, and the cost of an accent that one does not know."""
    floors = [1.0 - Accents(accent=k).expected_best(0) for k in range(3)]
    assert floors == pytest.approx([0.106, 0.196, 0.158], abs=0.01)  # measured with 2 million words
    assert Accents(spread=0.001).expected_best(0) == pytest.approx(1.0) and Accents(spread=2.0).expected_best(0) < 0.25
    batch, told = Accents(accent=2).batch(0, 0, 20_000), Accents()
    believed = np.array([by_hand(told, 0, told.observation(batch, i)) for i in range(2000)]).argmax(axis=1)
    assert (believed != batch.truth[:2000]).mean() > floors[2] + 0.1  # an American ear among the British


def test_the_level_of_a_concept_is_the_mean_of_what_its_best_choices_are_worth() -> None:
    world = Accents(drift=("gradual@100~7", "recurring@50:women=0.9"))
    for concept in range(world.n_concepts):
        best = world.pin(concept).batch(1, 50_000, 10_000).values.max(axis=1)
        sd = best.std() * math.sqrt(1.0 / 10_000 + 1.0 / 8192)
        assert abs(world.expected_best(concept) - best.mean()) < 4.5 * sd
    assert world.simple_values() == (0.1, 0.1)
    assert world.batch(0, 0, 40_000).rewards.mean(axis=0).max() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [None, {"accent": 2, "women": 0.2}, {"spread": 0.3}], ids=str)
def test_every_drift_goes_from_one_law_to_the_other(kind: str, change: dict | None) -> None:
    check_drift(Accents, kind, change)


def test_incremental_vowels_are_between_two_accents() -> None:
    law = Accents(drift="incremental@1~63").law(32)
    assert law.mean[:, 0] == pytest.approx(0.5 * LOG_MEANS[0] + 0.5 * LOG_MEANS[1])
    assert Accents(accent=2, drift="abrupt@1").law(1).mean[:, 0] == pytest.approx(LOG_MEANS[0])  # and around again


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "accent": st.integers(0, 2),
            "spread": st.floats(0.001, 2.0),
            "women": st.floats(0.0, 1.0),
            "drift": st.sampled_from([None, *SPECS.values(), "gradual@20~100:women=1.0,spread=0.001"]),
        }
    ),
    st.integers(0, 2**62),
    st.lists(st.integers(0, 300), max_size=4),
)
def test_whatever_the_settings(given: dict, seed: int, cuts: list[int]) -> None:
    check_soundness(given, Accents, seed, cuts)


REFUSED = [
    ({"accent": 3}, "accent=3 is out of range"), ({"accent": 0.5}, "accent=0.5 is not a whole number"),
    ({"spread": 0}, "spread=0 is out of range"), ({"women": 1.5}, "women=1.5 is out of range"),
    ({"women": math.nan}, "women=nan is out of range"), ({"spread": "wide"}, "spread='wide' is not a number"),
    ({"drift": "abrupt@5:accent=1.5"}, "accent=1.5 is not a whole number"),
    ({"drift": "abrupt@5:acent=1"}, "'acent' cannot drift; did you mean 'accent'"),
    ({"drift": "abrupt@5:mine.py:f"}, "it changes the accent, or named settings"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "why"), REFUSED, ids=str)
def test_what_makes_no_sense_is_refused_in_one_line(given: dict, why: str) -> None:
    check_refusal(Accents, given, why)


@pytest.mark.parametrize("given", [{}, {"drift": "gradual@10~100:spread=0.3"}], ids=str)
def test_the_plain_text_equals_the_compiled_one_bit_for_bit(given: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    check_plain(lambda: Accents(**given), monkeypatch)


def test_what_an_agent_sees() -> None:
    check_what_is_seen(Accents(), "sandbox/Accents-v0")
    x, y = next(iter(Accents().take(1)))
    assert list(x) == ["F1", "F2", "F3", "woman"] and y in WORDS and 0.1 < x["F1"] < x["F3"] < 6.0


def test_a_river_model_learns_it() -> None:
    model, right = naive_bayes.GaussianNB(), []
    for x, y in Accents().take(3000):
        right.append(model.predict_one(x) == y)
        model.learn_one(x, y)
    assert 0.7 < np.mean(right[1500:]) < 0.95


def test_labels_that_are_shuffled_are_worth_the_prior() -> None:
    check_shuffled_labels(Accents(), 0.106)


def test_accounts_are_sound() -> None:
    check_accounts("accents", "gradual@500~500", "river:naive_bayes.GaussianNB()")
    check_as_users_would("accents")


def test_drift_and_feedback_join_freely() -> None:
    check_every_feedback("accents", "hid")


def test_threads_share_one_stream() -> None:
    check_threads(Accents)


def test_any_number_of_words_takes_the_same_memory_and_little_time() -> None:
    world = Accents(drift=("random-walk@500", "recurring@3000"))
    check_memory(world)
    start = time.process_time()
    for at in range(0, 80_000, 8000):
        world.batch(1, at, 8000)
    assert 80_000 / (time.process_time() - start) > 200_000
