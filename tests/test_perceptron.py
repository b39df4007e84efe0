"""`perceptron`, and the compiled loop of words and numbers that it shares with `logistic` and `naive-bayes`."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model
from test_word_agents import (
    AGENTS,
    CHOOSING,
    FEEDBACKS,
    HAM_SPAM,
    SPACE,
    assert_one_rule,
    assert_same_bits,
    learned,
    messages,
    observation,
    plainly,
    started,
    told,
    words_of,
)

from sandbox.agents.filters import _messages as message_rules
from sandbox.agents.filters import _questions as loop_rules
from sandbox.agents.filters import logistic as logistic_rules
from sandbox.agents.filters import naive_bayes as bayes_rules
from sandbox.agents.filters import perceptron as perceptron_rules
from sandbox.agents.filters.logistic import Logistic
from sandbox.agents.filters.naive_bayes import NaiveBayes
from sandbox.agents.filters.perceptron import Perceptron
from sandbox.catalog import make_agent, make_world
from sandbox.comparison.intervals import mean_interval
from sandbox.errors import SandboxError
from sandbox.feedback import Feedback
from sandbox.interfaces import Chosen, Labels, Number, Numbers
from sandbox.streams.spam import Spam
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms

NAMES = ("x1", "x2", "x3")
NUMBERS = spaces.Dict({name: spaces.Box(-np.inf, np.inf, (), np.float64) for name in NAMES})
HELD = (*AGENTS, Perceptron)


def rows(n: int, n_labels: int = 2, seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Rows of three numbers whose first leans towards their label."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_labels, n)
    values = rng.normal(size=(n, 3))
    values[:, 0] += truth
    return values, truth


def named(values: np.ndarray[Any, Any]) -> list[dict[str, float]]:
    return [dict(zip(NAMES, row, strict=True)) for row in values.tolist()]


# --- the rule ---------------------------------------------------------------------------------------------------------


def test_a_question_moves_the_weights_by_hand() -> None:
    """Rosenblatt's rule on the books' OR: from weights 0, 0, 0, one pass of four rows errs three times."""
    agent = started(Perceptron(1.0, 0.0, 0.5), spaces.Box(-1, 1, (2,), np.float64), Labels([0, 1]))
    data = [((-1.0, -1.0), 0), ((-1.0, 1.0), 1), ((1.0, -1.0), 1), ((1.0, 1.0), 1)]
    moved = []
    for x, label in data * 2:
        agent.learn(told(np.array(x), label))
        moved.append((*agent.weights.numbers.tolist(), float(agent.weights.intercept[0])))
    assert moved[:4] == [(1.0, 1.0, -1.0), (0.0, 2.0, 0.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)]
    assert moved[4:] == [(1.0, 1.0, 1.0)] * 4  # every row is on its side: nothing moves any more
    assert [agent.act(np.array(x)).choice for x, _ in data] == [0, 1, 1, 1]
    decision = agent.act(np.array([1.0, 1.0]))
    assert decision.confidence == decision.scores[1] == 1.0 / (1.0 + math.exp(-3.0))


def test_without_a_margin_it_is_rivers() -> None:
    seen, truth = messages(800)
    agent, model = started(Perceptron(1.0, 0.0, 0.5)), linear_model.Perceptron()
    for i in range(800):
        asked = observation(seen, i)
        decision, x = agent.act(asked), words_of(asked)
        odds = math.log(decision.scores[1] / decision.scores[0]) if min(decision.scores) > 0 else None
        if odds is not None and abs(odds) < 20:
            assert odds == pytest.approx(model._raw_dot_one(x), abs=1e-6)
        agent.learn(told(asked, int(truth[i])))
        model.learn_one(x, bool(truth[i]))
    own = sorted(weight for weight in agent.weights.words.tolist() if weight)
    assert own == pytest.approx(sorted(weight for weight in model.weights.values() if weight), abs=1e-9)
    assert len(own) > 5 and float(agent.weights.intercept[0]) == pytest.approx(model.intercept, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([0.0, 0.5, 3.0]), st.sampled_from([1.0, 0.25]), st.integers(0, 10**6))
def test_it_is_its_own_brute_force(margin: float, step_size: float, seed: int) -> None:
    """Weights kept in a dict, as the paper writes them: w += y x unless y w.x > margin."""
    seen, truth = messages(120, seed=seed)
    agent, weights = started(Perceptron(step_size, margin)), dict[str, float]()
    for i in range(120):
        asked, label = observation(seen, i), int(truth[i])
        x = {**words_of(asked), "": 1}
        side = (1 if label else -1) * sum(weights.get(word, 0.0) * count for word, count in x.items())
        if not side > margin:
            for word, count in x.items():
                weights[word] = weights.get(word, 0.0) + (1 if label else -1) * step_size * count
        agent.learn(told(asked, label))
    assert sorted(filter(None, weights.values())) == pytest.approx(
        sorted(filter(None, [*agent.weights.words.tolist(), float(agent.weights.intercept[0])])), abs=1e-12
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.02, 0.5), st.sampled_from([0.0, 1.0]))
def test_novikoffs_bound(seed: int, gap: float, margin: float) -> None:
    """Updates on separable rows: at most (R^2 + 2 margin) / gap^2, with a margin of 0 Novikoff's (R / gap)^2 (1962)."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=4)
    normal /= np.linalg.norm(normal)
    x = np.hstack([rng.uniform(-1.0, 1.0, (400, 3)), np.ones((400, 1))])
    x = x[np.abs(x @ normal) >= gap]
    agent = started(Perceptron(1.0, margin), spaces.Box(-1, 1, (3,), np.float64), Labels([0, 1]))
    for row in [*x, *x]:
        agent.learn(told(row[:3].copy(), int(row @ normal > 0)))
    radius = float((x * x).sum(axis=1).max()) if len(x) else 0.0
    assert agent.weights.updates[0] <= (radius + 2.0 * margin) / gap**2


def test_a_margin_learns_what_was_nearly_wrong() -> None:
    bare, wide = (started(Perceptron(1.0, margin, 0.5)) for margin in (0.0, 5.0))
    asked = {"body": "a", "sender": "x"}
    for _ in range(3):
        for agent in (bare, wide):
            agent.learn(told(asked, 1))
    assert (bare.weights.updates[0], wide.weights.updates[0]) == (1, 2)  # sums of 3 and, with the intercept, 6


# --- what does not fit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "labels", "message"),
    [
        (Perceptron(), Number(), "perceptron learns from right labels, and this world tells none"),
        (Perceptron(), Labels("abc"), "perceptron knows two labels, and this world has 3; try naive-bayes"),
        (Perceptron(step_size=-1), HAM_SPAM, "perceptron: step_size=-1 is out of range [0, 1000]"),
        (Perceptron(margin=-0.1), HAM_SPAM, "perceptron: margin=-0.1 is out of range [0, 1e+06]"),
        (Perceptron(threshold=2), HAM_SPAM, "perceptron: threshold=2 is out of range [0, 1]"),
    ],
)
def test_what_does_not_fit_is_refused(agent: Any, labels: Any, message: str) -> None:
    with pytest.raises(SandboxError) as refused:
        started(agent, SPACE, labels)
    assert str(refused.value) == message


def test_act_and_answers_that_never_come_change_nothing() -> None:
    agent = started(Perceptron(), NUMBERS)
    values, truth = rows(30)
    for asked, label in zip(named(values), truth.tolist(), strict=True):
        agent.learn(told(asked, label))
    before, first = copy.deepcopy(learned(agent)), agent.act({"x1": 1.0, "new": 3.0})
    agent.learn(told({"x1": 1.0, "new": 3.0}, None))
    assert agent.act({"x1": 1.0, "new": 3.0}) == first
    assert_same_bits(before, learned(agent))


# --- two speeds: words ------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    FEEDBACKS,
    st.builds(Perceptron, st.sampled_from([0.1, 1.0]), st.sampled_from([0.0, 2.0]), **CHOOSING),
    st.integers(0, 10**6),
)
def test_messages_at_two_speeds(feedback: Feedback, agent: Any, seed: int) -> None:
    assert_one_rule(lambda: copy.deepcopy(agent), 200, feedback, HAM_SPAM, seed)


def _through(
    agent: Any, kind: str, seen: Any, truth: Any, feedback: Feedback, n_labels: int, chunk: int = 64
) -> Chosen:
    """Go through what is seen by the agent's compiled loop, chunk by chunk."""
    answered = tuple(map(bool, feedback.answered(n_labels)))
    advance = agent.fast(kind, answered, feedback.budget, feedback.longest)
    assert not isinstance(advance, str), advance
    n = len(truth)
    chosen = Chosen(*(np.full(n, np.nan) for _ in range(4)), np.full(n, -9, dtype=np.int64))
    for i in range(0, n, chunk):
        part = slice(i, i + chunk)
        cut = type(seen)(*(column[part] for column in seen))
        count = len(truth[part])
        advance(i, cut, truth[part], feedback.answers(5, i, count), Chosen(*(column[part] for column in chosen)))
    return chosen


# --- two speeds: numbers ----------------------------------------------------------------------------------------------


def _assert_numbers_alike(make: Callable[[], Any], n: int, feedback: Feedback, labels: Labels, seed: int) -> Chosen:
    n_labels = int(labels.n)
    values, truth = rows(n, n_labels, seed)
    plain, quick = started(make(), NUMBERS, labels), started(make(), NUMBERS, labels)
    by_hand = plainly(plain, named(values), truth.tolist(), feedback, n_labels)
    chosen = _through(quick, "numbers", Numbers(values), truth, feedback, n_labels)
    assert_same_bits(tuple(np.array(row, dtype=c.dtype) for row, c in zip(by_hand, chosen, strict=True)), tuple(chosen))
    assert_same_bits(learned(plain), learned(quick))
    for asked in named(rows(20, seed=seed + 1)[0]):
        assert plain.act(asked) == quick.act(asked)
    return chosen


@settings(max_examples=60, deadline=None)
@given(
    FEEDBACKS,
    st.builds(Logistic, st.sampled_from([0.1, 1.0]), st.sampled_from([0.0, 0.2]), **CHOOSING)
    | st.builds(Perceptron, st.sampled_from([0.1, 1.0]), st.sampled_from([0.0, 2.0]), **CHOOSING)
    | st.builds(NaiveBayes, st.sampled_from([1.0, 0.01]), **CHOOSING),
    st.integers(0, 10**6),
)
def test_numbers_at_two_speeds(feedback: Feedback, agent: Any, seed: int) -> None:
    _assert_numbers_alike(lambda: copy.deepcopy(agent), 150, feedback, HAM_SPAM, seed)


@pytest.mark.parametrize("feedback", [Feedback(), Feedback("uniform(0,30)", 0.9, 0.2, (0, 2), 700)], ids=str)
def test_numbers_of_three_labels(feedback: Feedback) -> None:
    chosen = _assert_numbers_alike(NaiveBayes, 2000, feedback, Labels("abc"), 3)
    assert set(chosen.choice) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize("make", [lambda: Logistic(0.3, 0.1), NaiveBayes, lambda: Perceptron(0.5, 1.0)])
def test_the_text_itself_gives_the_same_bits(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rule run as Python, on what compiled code is given."""
    feedback, (values, truth) = Feedback("uniform(0,9)", noisy=0.1, budget=250), rows(300)
    compiled_agent, python_agent = started(make(), NUMBERS), started(make(), NUMBERS)
    by_code = _through(compiled_agent, "numbers", Numbers(values), truth, feedback, 2)
    replaced = 0
    for module in (message_rules, loop_rules, logistic_rules, bayes_rules, perceptron_rules):
        for name, rule in list(vars(module).items()):
            if hasattr(rule, "py_func"):
                monkeypatch.setattr(module, name, rule.py_func)
                replaced += 1
        if hasattr(module, "questions_loop") and module is not loop_rules:
            monkeypatch.setattr(module, "questions_loop", loop_rules.plain_loop)
    assert replaced > 20
    by_hand = _through(python_agent, "numbers", Numbers(values), truth, feedback, 2)
    assert_same_bits(tuple(by_hand), tuple(by_code))
    assert_same_bits(learned(python_agent), learned(compiled_agent))


def test_the_order_of_features_in_a_question_does_not_matter() -> None:
    values, truth = rows(50)
    for make in HELD:
        one, other = started(make(), NUMBERS), started(make(), NUMBERS)
        for asked, label in zip(named(values), truth.tolist(), strict=True):
            one.learn(told(asked, label))
            other.learn(told(dict(reversed(asked.items())), label))
        assert_same_bits(learned(one), learned(other))


def test_a_feature_that_is_missing_or_new_is_taken() -> None:
    for make in HELD:
        agent = started(make(), NUMBERS)
        for i in range(40):
            agent.learn(told({"x2": i % 2 + 0.1 * (i % 3), "more": 1.0 - i % 2 + 0.1 * (i % 3)}, i % 2))
        assert agent.act({"x2": 1.0, "more": 0.0}).scores[1] > 0.5 > agent.act({"x2": 0.0, "more": 1.0}).scores[1]


def test_what_is_not_compiled_says_why() -> None:
    for make in HELD:
        agent = started(make(), spaces.Dict({"x1": NUMBERS["x1"], "body": SPACE["body"]}))
        for kind in ("numbers", "messages", "slate"):
            assert "is compiled for messages of known vocabularies and for rows of numbers only" in agent.fast(
                kind, (True, True), None, 0
            )


# --- the worlds they are for ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("margin", [0.0, 2.0])
def test_spam_at_both_speeds(margin: float) -> None:
    stream, n, feedback = Spam(), 4000, Feedback("geometric(20)", 0.9, 0.02)
    batch = stream.batch(7, 0, n)
    plain, quick = (
        started(Perceptron(1.0, margin, 0.5), stream.observation_space, stream.choice_space) for _ in range(2)
    )
    by_hand = plainly(plain, [stream.observation(batch, i) for i in range(n)], batch.truth.tolist(), feedback, 2)
    chosen = _through(quick, "messages", batch.seen, batch.truth, feedback, 2, 1000)
    assert_same_bits(tuple(np.array(row, dtype=c.dtype) for row, c in zip(by_hand, chosen, strict=True)), tuple(chosen))
    assert_same_bits(learned(plain), learned(quick))
    right = chosen.choice[n // 2 :] == batch.truth[n // 2 :]
    assert right.mean() > 0.8 > batch.truth.mean() + 0.2


@pytest.mark.parametrize("agent", ["logistic:step_size=0.01", "perceptron:margin=0", "naive-bayes"])
@pytest.mark.parametrize("world", ["sea", "hyperplane"])
def test_streams_of_numbers_run_compiled(world: str, agent: str) -> None:
    met = make_world(world).under(make_terms("abrupt@700", "delayed=uniform(0,9)+noisy=0.1"))
    traces: list[list[Any]] = []
    for terms in (met.terms, make_terms("abrupt@700", "delayed=uniform(0,9)+noisy=0.1", True)):
        chunks: list[Any] = []
        why = met.under(terms).run(make_agent(agent, met), 3, Budget(1500), chunks.append)
        assert (why == "") == (not terms.plain)
        traces.append(chunks)
    for name in ("choice", "confidence", "likelihood", "answered_at", "reward", "value", "best"):
        one, other = (np.concatenate([getattr(chunk, name) for chunk in chunks]) for chunks in traces)
        assert one.tobytes() == other.tobytes(), name
    assert len(list(islice(met.stream, 1))) == 1


def test_many_labels_of_numbers_run_compiled() -> None:
    world = make_world("led")
    assert world.run(make_agent("naive-bayes", world), 0, Budget(2000), lambda trace: None) == ""
    with pytest.raises(SandboxError, match="logistic knows two labels, and this world has 10; try naive-bayes"):
        make_agent("logistic", world).begin(world.observation_space, world.choice_space, np.random.default_rng(0))


def test_late_labels_cost_what_the_twin_of_the_same_seed_says() -> None:
    """Both meet the same questions with the same luck: rewards differ by the gaps, and by the luck of other choices."""
    runs = []
    for feedback in ("immediate", "delayed=300"):
        world, chunks = make_world("spam").under(make_terms((), feedback)), list[Trace]()
        world.run(make_agent("logistic", world), 5, Budget(3000), chunks.append)
        runs.append(join(chunks))
    twin, late = runs
    assert twin.best.tobytes() == late.best.tobytes() and twin.truth.tobytes() == late.truth.tobytes()
    alike = twin.choice == late.choice
    assert 0.5 < alike.mean() < 1.0
    assert twin.reward[alike].tobytes() == late.reward[alike].tobytes()
    cost = float(np.sum((late.best - late.value) - (twin.best - twin.value)))
    luck = float(np.sum((late.reward - late.value) - (twin.reward - twin.value)))
    assert cost > 20.0
    assert float(np.sum(twin.reward - late.reward)) == pytest.approx(cost - luck, abs=1e-9)


def test_one_sided_feedback_hurts_a_perceptron_without_a_margin_more() -> None:
    """Sculley (2007): at equal costs, each by its own sign, paired by seed."""
    harms = []
    for margin in (0, 10):
        gaps = []
        for feedback in ("immediate", "one-sided=deliver"):
            world = make_world("spam:cost_ratio=1").under(make_terms((), feedback))
            for seed in range(20):
                chunks: list[Trace] = []
                world.run(
                    make_agent(f"perceptron:step_size=1,margin={margin}", world), seed, Budget(8000), chunks.append
                )
                gaps.append(sum(float(np.sum(chunk.best - chunk.value)) for chunk in chunks) / 8000)
        harms.append(np.array(gaps[20:]) - np.array(gaps[:20]))
    assert harms[1].mean() > 0.05
    assert mean_interval((harms[0] - harms[1]).tolist()).low > 0.0
