"""Text: words come as often as the law says, and a distribution costs its divergence from it, by brute force."""

from __future__ import annotations

import math
import tracemalloc
from itertools import islice, pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import compose, feature_extraction, naive_bayes, preprocessing

import sandbox
import sandbox.envs  # registers the environments
from sandbox import draws
from sandbox.drift import KINDS
from sandbox.errors import RunError, SandboxError
from sandbox.interfaces import Decision, Question, settings_of
from sandbox.law_stream import BATCH, Batch
from sandbox.streams import text_law
from sandbox.streams.text import Text
from tests.forecasts import (
    DRAWS,
    FEEDBACKS,
    SPECS,
    bound,
    frequencies_agree,
    goes_from_one_law_to_the_other,
    is_the_same_however_it_is_cut,
    no_better_than_the_oracle,
    priced,
    same,
)

BIGRAMS = 'river:compose.Select("previous") | preprocessing.OneHotEncoder() | naive_bayes.MultinomialNB()'
SMALL: dict[str, Any] = {"words": 30, "topics": 3, "document": 8}
WORLDS: list[dict[str, Any]] = [
    SMALL,
    SMALL | {"grammar": 0.0, "focus": 0.95},
    SMALL | {"drift": "gradual@1000~30000"},
    SMALL | {"drift": "incremental@1000~30000:grammar=0.9,focus=0.2"},
    SMALL | {"drift": ("recurring@5000", "gradual@10000~20000:focus=0.1"), "topics": 1},
    SMALL | {"drift": "random-walk@700", "document": 30},
]


def which_came(batch: Batch) -> tuple[Any, Any]:
    """Return which word came, and how likely each was."""
    return np.arange(batch.values.shape[1]) == batch.truth[:, None], batch.values


@pytest.mark.parametrize("made", WORLDS, ids=str)
def test_words_come_as_often_as_the_law_says(made: dict[str, Any]) -> None:
    frequencies_agree(Text(**made), which_came)


def test_a_wrong_law_is_found() -> None:
    """A law that forgets the document, but for its last word, is found out."""
    world = Text(**SMALL)
    law = world.law(0)
    mean = law.prior @ law.word

    def forgetful(batch: Batch) -> tuple[Any, Any]:
        before = batch.seen.words[np.arange(len(batch.truth)), batch.seen.length - 1] - world.words
        return which_came(batch)[0], 0.5 * mean + 0.5 * law.follower[before]

    with pytest.raises(AssertionError, match="more than the law says"):
        frequencies_agree(world, forgetful)


def brute_force(world: Text, concept: int, document: list[int]) -> np.ndarray:
    """Return the law of the next word by adding up all hidden states of all parts of a mixture."""
    total = np.zeros(world.words)
    for weight, parts in world.parts(concept):
        grammar = sum(part.share * part.settings.get("grammar", world.grammar) for part in parts)
        for topic in range(world.topics):
            share, word = 0.0, np.zeros(world.words)
            for part in parts:
                shares, own = world._of_topics(part.change)
                focus = part.settings.get("focus", world.focus)
                share += part.share * shares[topic]
                word += part.share * (focus * own[topic] + (1 - focus) * world._common)
            joint = weight * share * word[document[0]]
            for before, now in pairwise(document):
                joint *= grammar * world._follower[before, now] + (1 - grammar) * word[now]
            total += joint * (grammar * world._follower[document[-1]] + (1 - grammar) * word)
    return total / total.sum()


@pytest.mark.parametrize("made", WORLDS, ids=str)
def test_the_law_of_the_next_word_is_that_of_brute_force(made: dict[str, Any]) -> None:
    world = Text(**made)
    for start in (0, 7000, 15_000, 40_000):
        batch = world.batch(5, start, 12)
        for i in range(12):
            *document, last = batch.seen.words[i, : batch.seen.length[i]].tolist()
            assert last == world.words + document[-1] and len(document) == 1 + (start + i) % world.document
            found = brute_force(world, int(batch.concept[i]), document)
            assert batch.values[i] == pytest.approx(found, rel=1e-9) and found.min() > 0.0
            assert world.best_values(batch)[i] == pytest.approx(found @ np.log(found))


def test_a_document_is_read_word_by_word() -> None:
    world = Text(**SMALL)
    batch, said = world.batch(2, 0, 400), []
    for i in range(400):
        x, place = world.observation(batch, i), i % 8
        if place == 0:
            said = [x["document"]]
        assert x["document"].split() == said and x["previous"] == said[-1]
        assert batch.group[i] == 3 * place // 8
        said.append(world.vocabulary[batch.truth[i]])
    assert len({world.observation(batch, i)["document"] for i in range(0, 400, 8)}) > 10
    sure = [world.best_values(batch)[place::8].mean() for place in range(8)]
    assert sure[-1] > sure[0] + 0.02  # the more was read, the better is the topic known


def divergence(law: np.ndarray, stated: np.ndarray) -> float:
    """Return the Kullback-Leibler divergence of `stated` from the law, spelt out."""
    return math.fsum(p * math.log(p / max(q, 1e-15)) for p, q in zip(law.tolist(), stated.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.lists(st.floats(0.0, 1.0), min_size=30, max_size=30).filter(lambda x: sum(x) > 1e-3))
def test_a_distribution_costs_its_divergence(step: int, weights: list[float]) -> None:
    world = Text(**SMALL)
    batch = world.batch(0, step, 1)
    law, stated = batch.values[0], np.array(weights) / sum(weights)
    question = Question(None, int(batch.truth[0]), values=law.tolist(), abstention=world.abstention)
    settled = world.settle(question, Decision(int(stated.argmax()), float(stated.max()), scores=stated.tolist()))
    assert settled.best - settled.value == pytest.approx(divergence(law, stated), rel=1e-9, abs=1e-12)
    assert settled.best - settled.value >= -1e-12 and settled.best == pytest.approx(law @ np.log(law))
    assert settled.reward == pytest.approx(math.log(max(stated[batch.truth[0]], 1e-15)))
    assert (
        np.asarray(settled.vector) == pytest.approx(stated) and abs(settled.reward - settled.value) <= world.luck_reach
    )


def test_what_decisions_without_scores_stand_for() -> None:
    world = Text(**SMALL)
    question = next(world.questions(0))
    law, truth = np.array(question.values), int(question.truth)
    none = world.settle(question, Decision(None))
    assert none.value == none.reward == -math.log(30) == world.abstention and none.vector == pytest.approx(1 / 30)
    point = world.settle(question, Decision(truth))
    assert point.reward == 0.0 and point.value == pytest.approx((1.0 - law[truth]) * math.log(1e-15))
    assert world.settle(question, Decision(truth, scores=[7.0] * 30))[:3] == point[:3]  # values, as of a bandit
    half = world.settle(question, Decision(truth, 0.5))
    assert half.reward == pytest.approx(math.log(0.5))
    assert half.best - half.value == pytest.approx(divergence(law, np.where(np.arange(30) == truth, 0.5, 0.5 / 29)))
    ideal = world.settle(question, world.ideal(question))
    assert ideal.best == pytest.approx(ideal.value, abs=1e-14) and ideal.reward == pytest.approx(math.log(law[truth]))


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([0.5] * 30, "their sum 15"),
        ([1.1, -0.1, *[0.0] * 28], "the smallest is -0.1"),
        ([math.nan, *[0.0] * 29], "no probabilities"),
        ([0.5, 0.5], "scored 2 words, and there are 30"),
    ],
    ids=str,
)
def test_scores_that_are_no_distribution_are_refused_in_one_line(scores: list[float], why: str) -> None:
    world = Text(**SMALL)
    with pytest.raises(RunError) as caught:
        world.settle(next(world.questions(0)), Decision(0, 0.5, scores=scores))
    assert why in str(caught.value) and "\n" not in str(caught.value)

    class Wrong:
        def begin(self, *_: Any) -> None: ...
        def act(self, observation: Any) -> Decision:
            return Decision(0, 0.5, scores=scores)

        def learn(self, experience: Any) -> None: ...

    run = sandbox.run("text:words=30", Wrong(), seeds=1, steps=20).agents[0].failed[0]
    assert "step 0" in run.error and "\n" not in run.error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [{}, {"grammar": 0.9}, {"focus": 0.1, "grammar": 0.2}])
def test_every_drift_goes_from_one_law_to_the_other(kind: str, change: dict[str, float]) -> None:
    named = ":" + ",".join(f"{key}={value}" for key, value in change.items()) if change else ""
    world = Text(drift=SPECS[kind] + named)
    new = Text(**change) if change else Text(drift="abrupt@1").pin(1)
    goes_from_one_law_to_the_other(kind, world, Text(), new)


@settings(max_examples=25, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "law_seed": st.integers(0, 2**62),
            "words": st.integers(10, 200),
            "topics": st.integers(1, 20),
            "document": st.integers(3, 60),
            "focus": st.floats(0.0, 0.95),
            "grammar": st.floats(0.0, 0.95),
            "drift": st.sampled_from([None, *SPECS.values(), "gradual@20~100:focus=0.0"]),
        }
    ),
    st.integers(0, 2**62),
    st.lists(st.integers(1, 299), max_size=3),
)
def test_whatever_the_settings(kept: dict[str, Any], seed: int, cuts: list[int]) -> None:
    world = Text(**kept)
    is_the_same_however_it_is_cut(world, seed, cuts)
    batch = world.batch(seed, 10**5, 200)
    assert settings_of(world) == kept and batch.values.min() > 1e-9
    assert batch.values.sum(axis=1) == pytest.approx(1.0) and batch.truth.max() < kept["words"]
    assert batch.cell.max() < world.n_cells == kept["topics"] and batch.group.max() < len(world.group_names)
    best = world.best_values(batch)
    assert (best >= world.abstention - 1e-12).all() and (best <= 0.0).all()
    x = world.observation(batch, 7)
    assert world.observation_space.contains(x) and len(set(world.vocabulary)) == kept["words"]


def test_the_level_of_a_concept_is_the_mean_of_what_the_law_earns() -> None:
    world = Text(drift="abrupt@48000:grammar=0.9")
    batch = world.batch(3, 0, 96_000)
    best = world.best_values(batch)
    for concept in (0, 1):
        assert world.expected_best(concept) == pytest.approx(best[batch.concept == concept].mean(), abs=0.03)
    uniform, fixed = world.simple_values()
    mean = np.bincount(batch.truth[:48_000], minlength=50) / 48_000
    assert uniform == -math.log(50) and fixed == pytest.approx(mean @ np.log(np.maximum(mean, 1e-9)), abs=0.02)
    assert world.gap_range == -world.abstention == math.log(50) and math.exp(-0.05 * world.gap_range) < 0.83


@pytest.mark.parametrize("feedback", [None, *FEEDBACKS])
def test_runs_are_priced_under_every_feedback(feedback: str | None) -> None:
    agents = ["naive-bayes", "majority", "random"]
    found = priced("text:words=30", agents, drift="gradual@200~200", feedback=feedback, steps=500)
    no_better_than_the_oracle(found)


@pytest.mark.parametrize("drift", [None, *SPECS.values(), "abrupt@300:grammar=0.9"])
def test_runs_are_priced_under_every_drift(drift: str | None) -> None:
    found = priced("text:words=30", ["naive-bayes", "majority", "random"], drift=drift, steps=500)
    no_better_than_the_oracle(found)


def test_rivers_bigrams_beat_the_majority() -> None:
    found = priced("text:words=30", [BIGRAMS, "majority", "random"], steps=1200)
    ends = {name: max(agent.values("final_reward")) for name, agent in found.items()}
    assert ends["oracle"] > ends[BIGRAMS] > ends["majority"] > ends["random"] == pytest.approx(-math.log(30))
    assert min(found["oracle"].values("accuracy")) > max(found[BIGRAMS].values("accuracy"))


def test_words_that_are_shuffled_are_worth_how_often_they_occur() -> None:
    world = Text(**SMALL)
    one, other = (world.batch(0, start, 40_000) for start in (0, 40_000))
    before = [batch.seen.words[np.arange(40_000), batch.seen.length - 1] - 30 for batch in (one, other)]
    rng = np.random.default_rng(0)

    def earned(truth: np.ndarray, answers: np.ndarray) -> float:
        counts = np.ones((30, 30))
        np.add.at(counts, (before[0], truth), 1.0)
        return float(np.log((counts / counts.sum(axis=1, keepdims=True))[before[1], answers]).mean())

    share = np.bincount(other.truth, minlength=30) / 40_000
    prior, noise = float(share @ np.log(share)), 4.0 * float(np.log(share).std()) / 200.0
    shuffled = earned(rng.permutation(one.truth), rng.permutation(other.truth))
    assert prior - 0.05 < shuffled < prior + noise  # what is left to learn is how often each occurs
    assert earned(one.truth, other.truth) > prior + 0.3


def test_luck_has_mean_zero_whatever_is_said() -> None:
    world = Text(drift="gradual@100~4000", **SMALL)
    rng, luck = np.random.default_rng(1), []
    for question in islice(world.questions(3), 6000):
        stated = rng.dirichlet(np.ones(30))
        settled = world.settle(question, Decision(0, 0.5, scores=stated.tolist()))
        luck.append((settled.reward - settled.value, question.group, question.cell))
    came, group, cell = np.array(luck).T
    bins = [came, *(came[group == k] for k in range(3)), *(came[cell == k] for k in range(3))]
    z = [one.sum() / math.sqrt(np.square(one).sum()) for one in bins]
    assert max(map(abs, z)) < bound(len(z))


def test_river_learns_from_it() -> None:
    model = compose.Select("previous") | preprocessing.OneHotEncoder() | naive_bayes.MultinomialNB()
    bag = feature_extraction.BagOfWords(on="document") | naive_bayes.MultinomialNB()
    hits = []
    for x, y in Text(**SMALL).take(3000):
        hits.append(model.predict_one(x) == y)
        for one in (model, bag):
            one.learn_one(x, y)
    assert isinstance(y, str) and bag.predict_one(x) in Text(**SMALL).vocabulary
    assert np.mean(hits[-1000:]) > 0.15 > 4 / 30


def test_as_an_environment() -> None:
    env, stream = gym.make("sandbox/Text-v0", **SMALL), Text(**SMALL)
    observation, _ = env.reset(seed=4)
    assert env.action_space.shape == (30,)
    for question in islice(stream.questions(4), 20):
        assert observation == question.observation
        action = np.arange(30.0) / 29.0
        _, reward, _, _, info = env.step(action)
        truth = stream.vocabulary.index(info["truth"])
        assert truth == question.truth and reward == pytest.approx(math.log(max(truth / 435.0, 1e-15)))
        observation, _ = env.reset()
    _, reward, *_ = env.step(np.zeros(30))
    assert reward == pytest.approx(-math.log(30))


def test_the_plain_text_equals_the_compiled_one_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Text(drift="gradual@10~100", **SMALL)
    wanted = world.batch(3, 0, 120)
    for module in (text_law, sandbox.streams.text, draws):
        for name, thing in list(vars(module).items()):
            if hasattr(thing, "py_func"):
                monkeypatch.setattr(module, name, thing.py_func)
    with np.errstate(over="ignore"):
        assert same(world.batch(3, 0, 120), wanted)


def test_memory_does_not_grow_with_the_run() -> None:
    world = Text(drift="random-walk@700", **SMALL)
    for code in range(world.n_concepts):
        world.law(code)
    tracemalloc.start()
    for start in range(0, max(DRAWS, 200_000), BATCH):
        world.batch(0, start, BATCH)
        if start == 2 * BATCH:
            early = tracemalloc.get_traced_memory()[0]
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert late < early + 300_000  # what is kept of the random walk itself


REFUSED = [
    ({"words": 9}, "words=9 is out of range"),
    ({"topics": 0}, "topics=0 is out of range"),
    ({"document": 3.5}, "document=3.5 is not a whole number"),
    ({"focus": 1.0}, "focus=1.0 is out of range"),
    ({"grammar": math.nan}, "grammar=nan is out of range"),
    ({"drift": "abrupt@5:gramar=0.3"}, "'gramar' cannot drift; did you mean 'grammar'?"),
    ({"drift": "abrupt@5:words=30"}, "'words' cannot drift"),
    ({"drift": "abrupt@5:mine.py:change"}, "it changes the topics, or named settings"),
]


@pytest.mark.parametrize(("made", "why"), REFUSED, ids=str)
def test_what_makes_no_sense_is_refused_in_one_line(made: dict[str, Any], why: str) -> None:
    with pytest.raises(SandboxError) as caught:
        Text(**made)
    assert why in str(caught.value) and str(caught.value).startswith("text: ") and "\n" not in str(caught.value)
