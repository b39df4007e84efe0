"""The spam world knows its own law: frequencies, rewards and posteriors are what it says, in every concept."""

from __future__ import annotations

import itertools
import math
import os
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import compose, feature_extraction, naive_bayes

from sandbox import catalog, draws
from sandbox.drift import KINDS
from sandbox.errors import SandboxError
from sandbox.interfaces import Labels, Messages, settings_of
from sandbox.law_stream import BATCH, Batch
from sandbox.streams import spam, spam_law, spam_text
from sandbox.streams._words import disguised, make_words
from sandbox.streams.spam import Spam
from sandbox.streams.spam_law import CYCLE, N_PLAIN, N_WORDS, SENDERS
from sandbox.streams.spam_text import LONGEST, SHORTEST

DRAWS = int(os.environ.get("SANDBOX_DRAWS", "60000"))  # messages of each world; 2,000,000 for the whole check
WORLDS = [
    {},
    {"campaign_life": 400, "campaigns": 3, "spam_share": 0.2, "cost_ratio": 0.5},
    {"drift": "abrupt@20000"},
    {"drift": "gradual@1000~30000:spam_share=0.7,overlap=0.8"},
    {"drift": "incremental@1000~30000:obfuscation=0.9", "campaign_life": 4000},
    {"drift": ("recurring@5000", "gradual@10000~20000:focus=0.1")},
    {"drift": ("random-walk@700", "abrupt@9000:obfuscation=0.5"), "topics": 2},
]


def columns(batch: Batch) -> tuple[np.ndarray, ...]:
    return (*batch.seen, *batch[1:])


def same(one: Batch, other: Batch, but: tuple[str, ...] = ()) -> bool:
    names = (*Messages._fields, *Batch._fields[1:])
    pairs = zip(names, columns(one), columns(other), strict=True)
    return all(np.array_equal(a, b) and a.tobytes() == b.tobytes() for name, a, b in pairs if name not in but)


def messages(world: Spam, seed: int, count: int, start: int = 0) -> Iterator[Batch]:
    for at in range(start, start + count, BATCH):
        yield world.batch(seed, at, min(BATCH, start + count - at))


def spread(counts: np.ndarray, expected: np.ndarray) -> float:
    """Return Pearson's chi-square of counts, rare ones taken together, as a normal deviate (Wilson & Hilferty 1931)."""
    assert not counts[expected == 0.0].any()
    few = expected < 10.0
    counts = np.append(counts[~few], counts[few].sum())
    expected = np.append(expected[~few], expected[few].sum())
    kept = expected >= 10.0
    df = int(kept.sum()) - 1
    if df < 1:
        return 0.0
    chi = float((((counts - expected) ** 2)[kept] / expected[kept]).sum()) / df
    return (math.cbrt(chi) - (1.0 - 2.0 / (9.0 * df))) / math.sqrt(2.0 / (9.0 * df))


def deviations(world: Spam, n: int) -> list[float]:
    """Return normal deviates of what is drawn from what the law says, per concept, group and choice."""
    kept: dict[int, list[tuple[np.ndarray, ...]]] = {}
    for batch in messages(world, 7, n):
        for code in np.unique(batch.concept).tolist():
            rows = batch.concept == code
            some = (batch.seen.words[rows, 0], batch.seen.length[rows], *(c[rows] for c in batch[1:]))
            kept.setdefault(code, []).append(some)
    found = []
    for code, several in kept.items():
        first, length, truth, _, group, _, values, rewards = (
            np.concatenate(part) for part in zip(*several, strict=True)
        )
        law, count = world.book.law(code), len(truth)
        is_spam = np.arange(len(law.mix.weight)) % world.n_cells < world.campaigns
        share = law.mix.weight[is_spam].sum()
        found.append((truth.sum() - count * share) / math.sqrt(count * share * (1.0 - share)))
        word = (law.tables.ratio * world.book.common[:, None]) @ law.mix.weight
        found.append(spread(np.bincount(first, minlength=N_WORDS), count * word))
        found.append(spread(np.bincount(group, minlength=3), count * (law.tables.sender @ law.mix.weight)))
        found.append(spread(np.bincount(length - 1 - SHORTEST, minlength=21), np.full(21, count / 21.0)))
        for g in range(3):
            p = -values[group == g, 0]
            sd = math.sqrt((p * (1.0 - p)).sum())
            luck = (rewards - values)[group == g].sum(axis=0)
            if sd > 3.0:  # enough to be normal
                found += [luck[0] / sd, luck[1] / (sd * world.cost_ratio)]
    return found


@pytest.mark.parametrize("settings", WORLDS, ids=str)
def test_what_is_drawn_is_what_the_law_says(settings: dict) -> None:
    found = deviations(Spam(**settings), DRAWS)
    bound = -NormalDist().inv_cdf(0.0027 / 2.0 / len(found))  # three standard errors, for them all
    assert max(map(abs, found)) < bound


def test_a_wrong_law_is_found() -> None:
    world = Spam()
    world.book._mixes[0] = world.book.law(0).mix._replace(spam=np.array([0.42]))
    found = deviations(world, 40_000)
    assert max(map(abs, found)) > -NormalDist().inv_cdf(0.0027 / 2.0 / len(found))


def brute_force(world: Spam, concept: int, body: list[int], sender: int) -> tuple[float, list[float]]:
    """Return P(spam) of a message, and P of each source, by enumerating the concept's parts and their anchors."""
    drift, phase = concept % world.book.n_drift, concept // world.book.n_drift
    active = [CYCLE[(phase + k * 8 // world.campaigns) % 8] for k in range(world.campaigns)]
    scores = []
    for weight, shares in world.schedule.made_of(drift).mixture:
        for k in range(world.n_cells):
            share, words, senders = 0.0, [0.0] * len(body), 0.0
            for part, anchor in shares:
                source = world.book.anchor(anchor)
                spam_share = world.book.settings_of(anchor)["spam_share"]
                own = source.weight[k]
                if k < world.campaigns and world.campaign_life:
                    own *= active[k] / sum(source.weight[j] * active[j] for j in range(world.campaigns))
                share += part * own * (spam_share if k < world.campaigns else 1.0 - spam_share)
                words = [p + part * source.word[k, word] for p, word in zip(words, body, strict=True)]
                senders += part * source.sender[k, sender]
            scores.append(weight * share * senders * math.prod(words))
    total = math.fsum(scores)
    by_cell = [math.fsum(scores[k :: world.n_cells]) / total for k in range(world.n_cells)]
    return math.fsum(by_cell[: world.campaigns]), [score / total for score in scores]


@pytest.mark.parametrize("settings", WORLDS, ids=str)
def test_the_posterior_is_that_of_brute_force(settings: dict) -> None:
    world = Spam(**settings)
    for start in (0, 3000, 11_000, 21_000, 60_000):
        batch = world.batch(5, start, 8)
        for i in range(8):
            *body, sender = batch.seen.words[i, : batch.seen.length[i]].tolist()
            p, sources = brute_force(world, int(batch.concept[i]), body, sender - N_WORDS)
            assert batch.values[i] == pytest.approx([-p, -world.cost_ratio * (1.0 - p)], rel=1e-10, abs=1e-12)
            assert batch.cell[i] == int(np.argmax(sources)) % world.n_cells and batch.group[i] == sender - N_WORDS


def test_the_sources_of_an_anchor_are_what_the_settings_say() -> None:
    world = Spam(drift=("abrupt@5", "abrupt@9:obfuscation=0.5", "abrupt@12"), obfuscation=0.1)
    before, new, hidden, both = (world.book.anchor((made, late, False)) for late in (False, True) for made in (0, 1))
    twins = world.book.order >= N_PLAIN
    own = 0.3 * 0.7
    for source, share in ((before, 0.1), (new, 0.1), (hidden, 0.5), (both, 0.5)):
        assert source.word.sum(axis=1) == pytest.approx(1.0) and source.sender.sum(axis=1) == pytest.approx(1.0)
        assert source.word.min() > 0.0 and source.weight[:6].sum() == pytest.approx(source.weight[6:].sum())
        assert source.word[:6, twins].sum(axis=1) == pytest.approx(0.7 * 0.01 + own * share)
        assert source.word[6:, twins].sum(axis=1) == pytest.approx(0.7 * 0.01)
    assert np.array_equal(before.word[6:], new.word[6:]) and np.array_equal(before.sender[6:], new.sender[6:])
    marked = [source.word[:6, twins] > 0.7 * world.book.common[twins] * 1.0001 for source in (before, new)]
    assert not (marked[0].any(axis=0) & marked[1].any(axis=0)).any()  # new campaigns share no own word with the old
    third = world.book.anchor((True, True, True))
    assert not np.array_equal(third.word, both.word) and np.array_equal(third.word[6:], both.word[6:])


def test_the_posterior_is_calibrated_and_the_best_filter_errs_in_some_per_cent() -> None:
    batch = Spam().batch(2, 0, 200_000)
    p = -batch.values[:, 0]
    for low, high in itertools.pairwise((0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0)):
        rows = (p > low) & (p <= high)
        sd = math.sqrt((p[rows] * (1.0 - p[rows])).sum())
        assert abs(batch.truth[rows].sum() - p[rows].sum()) < 4.0 * sd and rows.sum() > 1000
    assert 0.034 < ((p > 0.5) != batch.truth).mean() < 0.040  # measured: 3.7 %
    assert batch.values.max(axis=1).mean() == pytest.approx(-0.077, abs=0.002)
    assert 0.055 < (batch.values.argmax(axis=1) != batch.truth).mean() < 0.065  # at ten to one: 6.0 %
    for seed in range(1, 6):
        p = -Spam(law_seed=seed).batch(0, 0, 20_000).values[:, 0]
        assert 0.025 < np.minimum(p, 1.0 - p).mean() < 0.06


def learned(batch: Batch, truth: np.ndarray) -> np.ndarray:
    """Return the weights (words and senders, and a constant) of naive Bayes learned from a batch."""
    counts = np.ones((2, N_WORDS + 3))
    for is_spam in (0, 1):
        rows = truth == is_spam
        seen = np.arange(LONGEST + 1) < batch.seen.length[rows][:, None]
        counts[is_spam] += np.bincount(batch.seen.words[rows][seen], minlength=N_WORDS + 3)
    log = np.log(counts / counts.sum(axis=1, keepdims=True))
    return np.append(log[1] - log[0], math.log(truth.mean() / (1.0 - truth.mean())))


def errors(weights: np.ndarray, batch: Batch, truth: np.ndarray) -> float:
    seen = np.arange(LONGEST + 1) < batch.seen.length[:, None]
    score = weights[-1] + (weights[batch.seen.words] * seen).sum(axis=1)
    return float(((score > 0.0) != truth).mean())


def test_labels_that_are_shuffled_are_worth_the_prior() -> None:
    world = Spam()
    before, after = world.batch(0, 0, 20_000), world.batch(0, 20_000, 20_000)
    shuffled = [np.random.default_rng(k).permutation(batch.truth) for k, batch in enumerate((before, after))]
    assert errors(learned(before, before.truth), after, after.truth) < 0.1  # with the true ones it learns
    sd = math.sqrt(0.4 * 0.6 / 20_000)
    assert errors(learned(before, shuffled[0]), after, shuffled[1]) > 0.4 - 3.0 * sd
    guess = -after.values[:, 0] > 0.5
    wrong = guess.mean() * 0.6 + (1.0 - guess.mean()) * 0.4  # the oracle knows nothing of them
    assert abs((guess != shuffled[1]).mean() - wrong) < 3.0 * sd


@pytest.mark.parametrize("change", ["", ":obfuscation=0.9", ":spam_share=0.8,overlap=0.9"])
def test_a_filter_that_does_not_learn_on_is_worse_after_a_change(change: str) -> None:
    world = Spam(drift=f"abrupt@20000{change}")
    weights = learned(world.batch(0, 0, 20_000), world.batch(0, 0, 20_000).truth)
    before, after = Spam().batch(0, 20_000, 20_000), world.batch(0, 20_000, 20_000)
    excess = [errors(weights, b, b.truth) - ((-b.values[:, 0] > 0.5) != b.truth).mean() for b in (before, after)]
    assert excess[1] > 2.0 * excess[0] + 0.02


SPECS = {
    "abrupt": "abrupt@300",
    "gradual": "gradual@300~400",
    "incremental": "incremental@300~400",
    "recurring": "recurring@300",
    "random-walk": "random-walk@5",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [None, {"spam_share": 0.7, "obfuscation": 0.8}, {"focus": 0.6, "overlap": 0.0}])
def test_every_drift_goes_from_one_law_to_the_other(kind: str, change: dict | None) -> None:
    named = "" if change is None else ":" + ",".join(f"{key}={value}" for key, value in change.items())
    world = Spam(drift=SPECS[kind] + named)
    new = Spam(drift="abrupt@1") if change is None else Spam(**change)
    assert not all_equal(Spam().batch(0, 0, 300), new.batch(0, 0, 300))[1:].any()
    for seed in (0, 1):
        batch, old_batch, new_batch = (w.batch(seed, 0, 1000) for w in (world, Spam(), new))
        assert np.array_equal(batch.concept, world.schedule.concepts(seed, 0, 1000))
        is_old, is_new = (all_equal(batch, other) for other in (old_batch, new_batch))
        if kind == "random-walk":
            levels = np.array([world.schedule.levels_of(c)[0] for c in batch.concept.tolist()])
            assert is_old[levels == 0].all() and len(set(levels.tolist())) > 5
        else:
            assert is_old[1:300].all() and is_new[700:].all() if kind != "recurring" else is_new[900:].all()
        if kind == "recurring":
            assert is_old[600:900].all() and is_new[300:600].all()
        if kind == "gradual":  # a message is written under one of the two laws, and priced under their mixture
            text = [(batch.seen.words == b.seen.words).all(axis=1) for b in (old_batch, new_batch)]
            differ = (text[0] ^ text[1])[300:700]
            assert (text[0] | text[1]).all() and 0.35 < text[1][300:700][differ].mean() < 0.65
        if kind == "abrupt":
            assert is_new[300:].all()


def all_equal(one: Batch, other: Batch) -> np.ndarray:
    """Return which messages (n,) are the same in both, and have the same prices."""
    pairs = [(a, b) for a, b in zip(columns(one), columns(other), strict=True) if a is not one.concept]
    return np.all([(a == b).reshape(len(a), -1).all(axis=1) for a, b in pairs], axis=0)


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "law_seed": st.integers(0, 2**62),
            "cost_ratio": st.floats(1e-3, 1e3),
            "abstain_cost": st.floats(0.0, 2.0),
            "spam_share": st.floats(0.0, 1.0),
            "campaigns": st.integers(1, 20),
            "topics": st.integers(1, 20),
            "campaign_life": st.sampled_from([0, 4, 13, 100]),
            "focus": st.floats(0.0, 0.95),
            "overlap": st.floats(0.0, 1.0),
            "obfuscation": st.floats(0.0, 1.0),
            "padding": st.floats(0.0, 1.0),
            "padded_words": st.integers(1, 20),
            "reaction": st.sampled_from([0, 50, 170]),
            "budget": st.integers(0, 2),
            "tolerance": st.floats(0.0, 1.0),
            "drift": st.sampled_from([None, *SPECS.values(), "gradual@20~100:spam_share=1.0"]),
        }
    ),
    st.integers(0, 2**62),
    st.lists(st.integers(0, 400), max_size=4),
)
def test_whatever_the_settings(given: dict, seed: int, cuts: list[int]) -> None:
    world = Spam(**given)
    batch = world.batch(seed, 0, 400)
    assert settings_of(world) == given and np.isfinite(batch.values).all()
    p = -batch.values[:, 0]
    assert (p >= 0.0).all() and (p <= 1.0).all()
    assert batch.values[:, 1] == pytest.approx(-given["cost_ratio"] * (1.0 - p), abs=1e-12 * given["cost_ratio"])
    best = np.maximum(batch.values.max(axis=1), world.abstention)
    gaps = best[:, None] - np.append(batch.values, np.full((400, 1), world.abstention), axis=1)
    assert gaps.min() >= 0.0 and gaps.max() <= world.gap_range
    assert np.abs(batch.rewards - batch.values).max() <= world.luck_reach
    assert isinstance(world.choice_space, Labels) and world.choice_space.rewards is not None
    assert np.array_equal(batch.rewards, np.array(world.choice_space.rewards)[batch.truth])
    assert batch.cell.min() >= 0 and batch.cell.max() < world.n_cells == len(world.cell_names)
    assert batch.concept.min() >= 0 and batch.concept.max() < world.n_concepts
    edges = sorted({0, 400, *cuts})
    parts = [world.batch(seed, a, b - a) for a, b in itertools.pairwise(edges)]
    for column, several in zip(columns(batch), zip(*map(columns, parts), strict=True), strict=True):
        assert column.tobytes() == np.concatenate(several).tobytes()


def test_runs_differ_in_their_messages_only() -> None:
    one, other, again = Spam().batch(0, 0, 100), Spam().batch(1, 0, 100), Spam().batch(0, 0, 100)
    assert same(one, again) and not np.array_equal(one.seen.words, other.seen.words)
    law, same_law, another = (Spam(law_seed=k).book.law(0) for k in (0, 0, 1))
    assert np.array_equal(law.tables.ratio, same_law.tables.ratio)
    assert not np.array_equal(law.tables.ratio, another.tables.ratio)
    assert Spam(law_seed=1).vocabulary != Spam().vocabulary == Spam(drift="abrupt@9").vocabulary


def test_campaigns_come_burst_and_die_in_turn() -> None:
    world = Spam(campaign_life=4000)
    assert world.n_concepts == 8 and world.concepts(0, 999, 2).tolist() == [0, 1] and len(set(CYCLE)) > 3
    assert world.concepts(0, 8000, 1).tolist() == [0]
    for phase in range(8):
        batch = world.batch(0, 1000 * phase, 1000)
        assert (batch.concept == phase).all()
        active = np.array([CYCLE[(phase + k * 8 // 6) % 8] for k in range(6)])
        share = world.book.law(phase).mix.weight[:6]
        assert share.sum() == pytest.approx(0.4) and np.array_equal(share > 0.0, active > 0.0)
        written = np.bincount(batch.cell[batch.truth == 1], minlength=14)[:6]
        assert not written[active == 0.0].any() and share[written.argmax()] > 0.8 * share.max()
    bursts = [max(range(8), key=lambda phase: world.book.law(phase).mix.weight[k]) for k in range(6)]
    assert len(set(bursts)) == 6


def test_a_single_campaign_is_never_silent() -> None:
    batch = Spam(campaigns=1, campaign_life=40).batch(0, 0, 4000)
    assert len(np.unique(batch.concept)) == 8
    assert all(0.3 < batch.truth[batch.concept == phase].mean() < 0.5 for phase in range(8))


def test_a_twin_lives_in_one_concept_of_the_drift_and_campaigns_go_on() -> None:
    world = Spam(campaign_life=40, drift="abrupt@1000")
    late = world.batch(0, 1000, 500)
    twin = world.pin(int(late.concept[77]))
    assert world.n_concepts == 16 and same(twin.batch(0, 1000, 500), late)
    early = twin.batch(0, 0, 1000)
    assert (early.concept % 2 == 1).all() and len(np.unique(early.concept)) == 8
    assert np.array_equal(early.concept - 1, world.batch(0, 0, 1000).concept)


def test_the_level_of_a_concept_is_the_mean_of_what_its_best_choices_are_worth() -> None:
    world = Spam(campaign_life=40, abstain_cost=0.3, drift=("abrupt@100000:spam_share=0.7", "abrupt@120000"))
    batch = world.batch(1, 0, 200_000)
    best = np.maximum(batch.values.max(axis=1), -0.3)
    for concept in range(world.n_concepts):
        here = best[batch.concept == concept]
        sd = here.std() * math.sqrt(1.0 / len(here) + 1.0 / (4 * BATCH))
        assert abs(world.expected_best(concept) - here.mean()) < 4.0 * sd and len(here) > 1000
    assert Spam(abstain_cost=0.05).expected_best(0) > Spam().expected_best(0) > -0.1


REFUSED = [
    ({"drift": "abrupt@5:obfuscaton=0.5"}, "no setting 'obfuscaton'; did you mean 'obfuscation'?"),
    ({"drift": "abrupt@5:x=1"}, "spam_share, focus, overlap, obfuscation, padding, padded_words may change"),
    ({"drift": "abrupt@5:campaigns=3"}, "campaigns never changes"),
    ({"drift": "abrupt@5:cost_ratio=3"}, "cost_ratio never changes"),
    ({"drift": "abrupt@5:law_seed=3"}, "law_seed never changes"),
    ({"drift": "abrupt@5:focus=2"}, "focus=2 is out of range"),
    ({"drift": "abrupt@5:focus='a'"}, "focus='a' is not a number"),
    ({"drift": "abrupt@5:mine.py:change"}, "a function changes an environment, not this stream"),
    ({"spam_share": 1.5}, "spam_share=1.5 is out of range"),
    ({"spam_share": math.nan}, "spam_share=nan is out of range"),
    ({"cost_ratio": 0}, "cost_ratio=0 is out of range"),
    ({"abstain_cost": -1}, "abstain_cost=-1 is out of range"),
    ({"campaigns": 0}, "campaigns=0 is out of range"),
    ({"campaigns": 2.5}, "campaigns=2.5 is not a whole number"),
    ({"law_seed": "a"}, "law_seed='a' is not a number"),
    ({"campaign_life": 3}, "campaign_life=3 is out of range"),
]


@pytest.mark.parametrize(("settings", "why"), REFUSED, ids=lambda x: str(x))
def test_what_makes_no_sense_is_refused_in_one_line(settings: dict, why: str) -> None:
    with pytest.raises(SandboxError) as caught:
        Spam(**settings)
    assert why in str(caught.value) and str(caught.value).startswith("spam: ") and "\n" not in str(caught.value)


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every rule of this world run as plain Python."""
    for module in (spam, spam_law, spam_text, draws):
        for name, thing in list(vars(module).items()):
            if hasattr(thing, "py_func"):
                monkeypatch.setattr(module, name, thing.py_func)


@pytest.mark.parametrize("settings", [{}, {"drift": "gradual@10~100", "campaign_life": 20}], ids=str)
def test_the_plain_text_equals_the_compiled_one_bit_for_bit(settings: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Spam(**settings).batch(3, 0, 120)
    plain(monkeypatch)
    assert not hasattr(spam.write_messages, "py_func")
    with np.errstate(over="ignore"):
        assert same(Spam(**settings).batch(3, 0, 120), wanted)


def test_what_an_agent_sees() -> None:
    world = Spam(obfuscation=0.5)
    batch = world.batch(0, 0, 300)
    everything = (*world.vocabulary, *world.group_names)
    for i, (question, (x, y)) in enumerate(zip(world.questions(0), itertools.islice(world, 300), strict=False)):
        seen = batch.seen.words[i, : batch.seen.length[i]]
        assert f"{x['body']} {x['sender']}".split() == [everything[word] for word in seen]
        assert question.observation == x and world.observation_space.contains(x)
        assert y is bool(batch.truth[i]) and question.truth == batch.truth[i] and question.abstention == -1.0
        assert question.values == batch.values[i].tolist() and question.rewards == batch.rewards[i].tolist()
        assert not batch.seen.words[i, batch.seen.length[i] :].any() and SHORTEST < len(seen) <= LONGEST + 1
    assert batch.seen.words.dtype == np.int32 and world.group_names == SENDERS
    assert catalog.discover("worlds")["spam"].class_name == "Spam"


def test_words_can_be_read_and_disguises_told_apart() -> None:
    vocabulary = Spam().vocabulary
    assert len(set(vocabulary)) == len(vocabulary) == N_WORDS
    words = [vocabulary[k] for k in np.argsort(Spam().book.order)]
    assert all(word.isalpha() for word in words[:N_PLAIN]) and disguised("fre") == "fr3"
    assert all(word == disguised(words[400 + k]) for k, word in enumerate(words[N_PLAIN:]))


def test_a_words_place_tells_nothing_of_it() -> None:
    """Neither its frequency, nor whether it is disguised, nor whose own it is."""
    world = Spam()
    place = np.arange(N_WORDS)
    twin = world.book.order >= N_PLAIN
    campaigns = (world.book.anchor(()).word[:6] > 0.7 * world.book.common * 1.0001).any(axis=0)
    for told in (world.book.common, twin, campaigns):
        assert abs(np.corrcoef(place, told)[0, 1]) < 4.0 / math.sqrt(N_WORDS)


def test_words_of_other_laws_are_others() -> None:
    assert not set(make_words(np.random.default_rng(0), 3)) & set(make_words(np.random.default_rng(1), 3))


def test_a_river_model_learns_it() -> None:
    model = compose.Pipeline(feature_extraction.BagOfWords(on="body"), naive_bayes.MultinomialNB())
    right = []
    for x, y in itertools.islice(Spam(), 2000):
        right.append(model.predict_one(x) == y)
        model.learn_one(x, y)
    assert np.mean(right[1000:]) > 0.85


def test_threads_share_one_stream() -> None:
    drift = ("random-walk@3", "abrupt@1000")
    shared, wanted = Spam(drift=drift), [Spam(drift=drift).batch(seed, 0, 2000) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: shared.batch(seed, 0, 2000), range(4)))
    assert all(map(same, found, wanted))


def test_any_number_of_messages_takes_the_same_memory() -> None:
    world = Spam(drift=("random-walk@500", "recurring@3000"), campaign_life=16_000)  # up to 130 laws
    peaks = []
    tracemalloc.start()
    for n in (200_000, 1_000_000):
        tracemalloc.reset_peak()
        for _ in messages(world, 0, n, start=10_000_000):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert 20 * 537_000 < world.book.kept_bytes <= spam_law._KEPT_BYTES and peaks[1] < 1.3 * peaks[0]
