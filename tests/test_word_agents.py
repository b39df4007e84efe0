"""`logistic` and `naive-bayes`: River's probabilities, the book's, and one rule text at two speeds."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import NormalDist, fmean, pstdev
from typing import Any, NamedTuple

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from river import datasets, linear_model, naive_bayes, optim

from sandbox.agents.filters import _messages as message_rules
from sandbox.agents.filters import logistic as logistic_rules
from sandbox.agents.filters import naive_bayes as bayes_rules
from sandbox.agents.filters._features import UNKNOWN, Features
from sandbox.agents.filters._messages import choose
from sandbox.agents.filters.logistic import Logistic, Steps
from sandbox.agents.filters.naive_bayes import NaiveBayes
from sandbox.discovery import discover
from sandbox.errors import SandboxError
from sandbox.feedback import Feedback, Mailbox, told_label
from sandbox.interfaces import Chosen, Decision, Experience, Labels, Messages, Number, Words, settings_of
from sandbox.streams.features import AnyText, feature_space
from sandbox.streams.spam import Spam

SAME = 1e-9
BODY, SENDER = tuple("abcdefgh"), ("a", "x", "y")  # "a" in both parts: two words
SPACE = spaces.Dict({"body": Words(BODY, 9), "sender": Words(SENDER, 1)})
HAM_SPAM = Labels(["ham", "spam"], [[1.0, -9.0], [-1.0, 1.0]])
AGENTS = [Logistic, NaiveBayes]


def started(agent: Any, space: spaces.Space[Any] = SPACE, labels: Any = HAM_SPAM) -> Any:
    agent.begin(space, labels, np.random.default_rng(0))
    return agent


def told(observation: Any, label: int | None) -> Experience:
    return Experience(observation, 0, 0.0, None, True, False, label, 0)


def learned(agent: Any) -> tuple[Any, ...]:
    return tuple(agent.counts if isinstance(agent, NaiveBayes) else agent.weights)


def assert_same_bits(some: tuple[Any, ...], others: tuple[Any, ...]) -> None:
    for a, b in zip(some, others, strict=True):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


def messages(n: int, n_labels: int = 2, seed: int = 0) -> tuple[Messages, np.ndarray[Any, Any]]:
    """Messages whose words lean towards their label: some without a body, each with a sender."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_labels, n)
    length = rng.integers(0, 10, n)
    words = np.zeros((n, 10), dtype=np.int32)
    for i in range(n):
        lean = rng.random(length[i]) ** (1.0 + truth[i])
        words[i, : length[i]] = lean * len(BODY)
        words[i, length[i]] = len(BODY) + rng.integers(len(SENDER))
    return Messages(words, length + 1), truth


def observation(seen: Messages, i: int) -> dict[str, str]:
    *body, sender = (int(word) for word in seen.words[i, : seen.length[i]])
    return {"body": " ".join(BODY[word] for word in body), "sender": SENDER[sender - len(BODY)]}


def words_of(asked: dict[str, str]) -> Counter[str]:
    return Counter(asked["body"].split()) + Counter(["from " + asked["sender"]])


def rivers(model: Any, x: Any, labels: tuple[Any, ...]) -> list[float]:
    found = model.predict_proba_one(x)
    return [found.get(label, 0.0) for label in labels] if found else [1 / len(labels)] * len(labels)


def assert_like_river(
    agent: Any, model: Any, questions: Iterator[tuple[Any, Any, int]], labels: tuple[Any, ...]
) -> None:
    """Each question is (observation, what River gets, label's code)."""
    decided = 0
    for asked, x, truth in questions:
        decision = agent.act(asked)
        assert decision.scores == pytest.approx(rivers(model, x, labels), abs=SAME)
        assert decision.confidence == decision.scores[decision.choice]
        agent.learn(told(asked, truth))
        model.learn_one(x, labels[truth])
        decided += 1
    assert decided > 500


def sgd(agent: Logistic) -> Any:
    own = agent.step_size if agent.intercept_step_size is None else agent.intercept_step_size
    return linear_model.LogisticRegression(optim.SGD(agent.step_size), l2=agent.regularization, intercept_lr=own)


# --- the probabilities ------------------------------------------------------------------------------------------------

LOGISTIC = [Logistic(), Logistic(1.5, 0.2), Logistic(0.01, 0.5, intercept_step_size=0.3), Logistic(2.5)]


@pytest.mark.parametrize("agent", LOGISTIC, ids=lambda agent: f"{type(agent).__name__} {settings_of(agent)}")
def test_logistic_on_words_is_rivers(agent: Logistic) -> None:
    seen, truth = messages(600)
    asked = [observation(seen, i) for i in range(600)]
    questions = zip(asked, map(words_of, asked), truth.tolist(), strict=True)
    assert_like_river(started(agent), sgd(agent), questions, (False, True))


@pytest.mark.parametrize("smoothing", [1.0, 0.1, 30.0])
@pytest.mark.parametrize("n_labels", [2, 3])
def test_naive_bayes_on_words_is_rivers(smoothing: float, n_labels: int) -> None:
    """From the first question on: before a label was told, each is as likely; one never told has probability 0."""
    seen, truth = messages(600, n_labels)
    truth[:20] = 0
    asked = [observation(seen, i) for i in range(600)]
    labels = tuple(range(n_labels))
    agent = started(NaiveBayes(smoothing), labels=Labels(labels))
    questions = zip(asked, map(words_of, asked), truth.tolist(), strict=True)
    assert_like_river(agent, naive_bayes.MultinomialNB(smoothing), questions, labels)


@pytest.mark.parametrize(
    "agent", [*LOGISTIC[:3], NaiveBayes()], ids=lambda agent: f"{type(agent).__name__} {settings_of(agent)}"
)
def test_dense_features_are_rivers(agent: Any) -> None:
    data = [(x, dict(x), int(y)) for x, y in datasets.Phishing()]
    model = sgd(agent) if isinstance(agent, Logistic) else naive_bayes.GaussianNB()
    started(agent, feature_space(data[0][0]), Labels([False, True]))
    assert_like_river(agent, model, iter(data), (False, True))


def test_an_array_holds_dense_features_by_position() -> None:
    data = [(np.array(list(x.values())), int(y)) for x, y in datasets.Phishing()][:200]
    names = [f"{i:02}" for i in range(data[0][0].size)]
    for make in AGENTS:
        by_place = started(make(), spaces.Box(0, 1, (len(names),)), Labels([False, True]))
        by_name = started(make(), spaces.Dict({name: spaces.Box(0, 1, ()) for name in names}), Labels([False, True]))
        for array, truth in data:
            named = dict(zip(names, array.tolist(), strict=True))
            assert by_place.act(array) == by_name.act(named)
            by_place.learn(told(array, truth))
            by_name.learn(told(named, truth))


def test_the_books_example() -> None:
    """Manning, Raghavan & Schütze (2008), Example 13.1: 3/4 (3/7)^3 (1/14)^2 against 1/4 (2/9)^5."""
    agent = started(NaiveBayes(), AnyText(), Labels(["china", "other"]))
    for text, label in [
        ("Chinese Beijing Chinese", 0),
        ("Chinese Chinese Shanghai", 0),
        ("Chinese Macao", 0),
        ("Tokyo Japan Chinese", 1),
    ]:
        agent.learn(told(text, label))
    china, other = 3 / 4 * (3 / 7) ** 3 * (1 / 14) ** 2, 1 / 4 * (2 / 9) ** 5
    assert (round(china, 4), round(other, 4)) == (0.0003, 0.0001)  # as printed in the book
    decision = agent.act("Chinese Chinese Chinese Tokyo Japan")
    assert decision.choice == 0
    assert decision.scores == pytest.approx([china / (china + other), other / (china + other)], abs=1e-15)


def test_logistic_by_hand() -> None:
    """Half a chance each, so that "a a b" moves a by 2/20, b and the intercept by 1/20."""
    agent = started(Logistic(step_size=0.1), AnyText(), Labels([False, True]))
    assert agent.act("a").scores == [0.5, 0.5]
    agent.learn(told("a a b", 1))
    assert agent.act("a").scores[1] == pytest.approx(1 / (1 + math.exp(-0.15)), abs=1e-15)
    assert agent.act("a b c").scores[1] == pytest.approx(1 / (1 + math.exp(-0.2)), abs=1e-15)


def test_certainty_is_cut_off_where_river_cuts_it() -> None:
    """Probabilities beyond log-odds of 30 and slopes beyond 18, which only a long run reaches."""
    loss, steps = optim.losses.Log(), Steps(1.0, 1.0, 0.0)
    nothing = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64), np.zeros(0)
    for odds in (-800.0, -30.1, -29.9, -18.1, -17.9, 0.0, 17.9, 18.1, 29.9, 30.1, 800.0):
        agent = started(Logistic(step_size=1.0))
        agent.weights.intercept[0] = odds
        decision = agent.act({"body": "", "sender": ""})
        assert decision.scores[1] == loss.mean_func(odds)
        for label in (0, 1):
            agent.weights.intercept[0] = odds
            logistic_rules.logistic_update(agent.weights, *nothing, odds, label, steps)
            moved = odds - agent.weights.intercept[0]
            assert moved == pytest.approx(loss.gradient(bool(label), odds), abs=1e-12)


def test_words_and_numbers_multiply_over_one_prior() -> None:
    """P(label) P(words | label) P(numbers | label), counted by brute force."""
    data = [("a a", 1.0, 0), ("b", 2.5, 0), ("a b", 1.5, 0), ("b b b", 4.0, 1), ("b c", 4.5, 1)]
    space = spaces.Dict({"size": spaces.Box(0, 9, ()), "text": AnyText()})
    agent = started(NaiveBayes(smoothing=0.5), space, Labels([0, 1]))
    for text, size, label in data:
        agent.learn(told({"text": text, "size": size}, label))
    joint = []
    for label in (0, 1):
        texts = " ".join(text for text, _, own in data if own == label).split()
        sizes = [size for _, size, own in data if own == label]
        p = len(sizes) / len(data) * (1e-9 + NormalDist(fmean(sizes), pstdev(sizes)).pdf(2.0))
        for word in ("a", "b", "b", "unheard-of"):
            p *= (texts.count(word) + 0.5) / (len(texts) + 0.5 * 3)
        joint.append(p)
    expected = [p / sum(joint) for p in joint]
    assert agent.act({"text": "a b b unheard-of", "size": 2.0}).scores == pytest.approx(expected, abs=1e-14)


# --- the choice -------------------------------------------------------------------------------------------------------


@given(st.integers(2, 4).flatmap(lambda n: st.tuples(
    st.lists(st.integers(0, 8), min_size=n, max_size=n).filter(any),
    st.lists(st.lists(st.integers(-9, 9), min_size=n, max_size=n), min_size=n, max_size=n),
)))  # fmt: skip
def test_the_choice_earns_most(drawn: tuple[list[int], list[list[int]]]) -> None:
    """Among choices that earn equally much, the lowest; in integers, where nothing is rounded."""
    weights, rewards = drawn
    earned = [sum(w * row[c] for w, row in zip(weights, rewards, strict=True)) for c in range(len(weights))]
    expected = earned.index(max(earned))
    exact = np.array(weights, dtype=float), np.array(rewards, dtype=float)
    assert choose(*exact, math.nan) == choose.py_func(*exact, math.nan) == expected


def test_costs_decide_and_a_threshold_overrules_them() -> None:
    """With these rewards junk pays from P(spam) = 10/12 on; without any, from one half on."""
    for make in AGENTS:
        for labels, threshold, least in [
            (HAM_SPAM, None, 10 / 12),
            (Labels([0, 1]), None, 0.5),
            (HAM_SPAM, 0.3, 0.3),
        ]:
            agent = started(make(threshold=threshold), labels=labels)
            seen, truth = messages(300)
            chosen = set()
            for i in range(300):
                decision = agent.act(observation(seen, i))
                if abs(decision.scores[1] - least) > 1e-12:
                    assert decision.choice == (decision.scores[1] > least)
                chosen.add(decision.choice)
                agent.learn(told(observation(seen, i), int(truth[i])))
            assert chosen == {0, 1}


def test_it_asks_below_a_confidence_or_always() -> None:
    for make in AGENTS:
        agents = [started(make(ask_below=level)) for level in (1.0, 0.8, 0.0)]
        asked = {"body": "a a a a", "sender": "x"}
        for _ in range(3000):
            for agent in agents:
                agent.learn(told(asked, 1))
        always, unsure, never = (agent.act(asked) for agent in agents)
        assert always.confidence > 0.99
        assert (always.ask, unsure.ask, never.ask) == (True, False, False)
        fresh = started(make(ask_below=0.8)).act(asked)
        assert fresh == Decision(0, 0.5, False, [0.5, 0.5], True)
    certain = started(NaiveBayes())
    certain.learn(told(asked, 0))
    assert certain.act(asked) == Decision(0, 1.0, False, [1.0, 0.0], True)


# --- features ---------------------------------------------------------------------------------------------------------


def test_places_are_those_of_compiled_messages() -> None:
    seen, _ = messages(50)
    features = Features("it", SPACE)
    assert features.fixed
    for i in range(50):
        asked = observation(seen, i)
        for order in (asked, dict(reversed(asked.items()))):
            assert features.read(order).words.tolist() == seen.words[i, : seen.length[i]].tolist()


@pytest.mark.parametrize("make", AGENTS)
def test_features_that_come_later_grow_the_arrays(make: Callable[[], Any]) -> None:
    """It does not matter whether the vocabulary is known from the start, in part, or not at all."""
    letters = "abcdefghij"
    agents = [started(make(), space) for space in (Words(letters, 9), Words(letters[3:6], 9), AnyText())]
    rng = np.random.default_rng(1)
    for i in range(250):
        text = " ".join(letters[k] for k in rng.integers(0, 2 + i // 30, 6))
        first, *others = (agent.act(text).scores for agent in agents)
        for scores in others:
            assert scores == pytest.approx(first, abs=1e-12)
        for agent in agents:
            agent.learn(told(text, i % 2))
    known, *_, unknown = (learned(agent)[0 if make is Logistic else 1] for agent in agents)
    assert len(known) == len(letters) <= len(unknown)


def test_only_learning_gives_places() -> None:
    features = Features("it", feature_space({"text": "", "n": 1.0}))
    assert [part.tolist() for part in features.read({"text": "a b a", "n": 2, "m": 3})] == [
        [UNKNOWN] * 3,
        [UNKNOWN] * 2,
        [2.0, 3.0],
    ]
    assert features.read({"text": "a b a", "n": 2, "m": 3}, learning=True).words.tolist() == [0, 1, 0]
    assert [part.tolist() for part in features.read({"m": True, "text": "c b"})] == [[UNKNOWN, 1], [1], [1.0]]
    assert (features.n_words, features.n_numbers, features.fixed) == (2, 2, False)


@pytest.mark.parametrize("make", AGENTS)
def test_act_and_answers_that_never_come_change_nothing(make: Callable[[], Any]) -> None:
    agent = started(make(), feature_space({"text": "", "n": 1.0}), Labels([0, 1]))
    for i in range(20):
        agent.learn(told({"text": f"a{i} b", "n": float(i)}, i % 2))
    before = copy.deepcopy(learned(agent))
    first = agent.act({"text": "a3 new b", "n": 2.0, "other": 1})
    agent.learn(told({"text": "a3 new b", "n": 2.0, "other": 1}, None))
    assert agent.act({"text": "a3 new b", "n": 2.0, "other": 1}) == first
    assert_same_bits(before, learned(agent))


# --- what does not fit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "space", "labels", "message"),
    [
        (Logistic(), SPACE, Number(), "logistic learns from right labels, and this world tells none"),
        (NaiveBayes(), SPACE, spaces.Discrete(2), "naive-bayes learns from right labels, and this world tells none"),
        (Logistic(), SPACE, Labels("abc"), "logistic knows two labels, and this world has 3; try naive-bayes"),
        (Logistic(), spaces.Discrete(4), HAM_SPAM, "logistic reads words and numbers, and cannot read Discrete obser"),
        (NaiveBayes(), spaces.Tuple([SPACE]), HAM_SPAM, "naive-bayes reads words and numbers, and cannot read Tuple"),
        (Logistic(step_size=-1), SPACE, HAM_SPAM, "logistic: step_size=-1 is out of range [0, 1000]"),
        (Logistic(2.0, 0.6), SPACE, HAM_SPAM, "logistic: step_size · regularization=1.2 is out of range [0, 1]"),
        (Logistic(threshold="a"), SPACE, HAM_SPAM, "logistic: threshold='a' is not a number"),
        (NaiveBayes(0.0), SPACE, HAM_SPAM, "naive-bayes: smoothing=0.0 is out of range [1e-09, 1e+06]"),
        (NaiveBayes(ask_below=2), SPACE, HAM_SPAM, "naive-bayes: ask_below=2 is out of range [0, 1]"),
        (NaiveBayes(threshold=0.5), SPACE, Labels("abc"), "naive-bayes: a threshold is for two labels, and this wor"),
    ],
)
def test_what_does_not_fit_is_refused(agent: Any, space: Any, labels: Any, message: str) -> None:
    with pytest.raises(SandboxError) as refused:
        started(agent, space, labels)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_a_feature_that_is_neither_word_nor_number_is_named() -> None:
    agent = started(Logistic(), feature_space({"when": None}), HAM_SPAM)
    with pytest.raises(SandboxError, match=r"^logistic reads words and numbers, and 'when' is None$"):
        agent.act({"when": None})


def test_the_catalog_finds_them() -> None:
    assert {"logistic", "naive-bayes"} <= discover("agents").keys()


# --- two speeds -------------------------------------------------------------------------------------------------------


class Plain(NamedTuple):
    """What a plain run leaves behind: the columns of `Chosen`."""

    choice: list[float]
    greedy: list[float]
    confidence: list[float]
    likelihood: list[float]
    answered_at: list[int]


def plainly(agent: Any, asked: list[Any], truth: list[int], feedback: Feedback, n_labels: int) -> Plain:
    """The open loop, with the answers that `feedback` lets through."""
    mailbox, rows = Mailbox(feedback, 5, n_labels), Plain([], [], [], [], [])
    for step, question in enumerate(asked):
        decision = agent.act(question)
        due, wrong, shift = mailbox.answer(step, decision.choice, decision.ask)
        label = told_label(truth[step], wrong, shift, n_labels)
        mailbox.post(due, Experience(question, decision.choice, 0.0, None, True, False, label, step))
        for experience in mailbox.arrived(step):
            agent.learn(experience)
        likelihood = decision.scores[truth[step]]
        row = (decision.choice, decision.choice, decision.confidence, likelihood, due)
        for column, value in zip(rows, row, strict=True):
            column.append(value)
    return rows


def quickly(agent: Any, seen: Messages, truth: Any, feedback: Feedback, n_labels: int, chunk: int = 64) -> Chosen:
    """The same by the agent's compiled loop, chunk by chunk."""
    answered = tuple(map(bool, feedback.answered(n_labels)))
    advance = agent.fast("messages", answered, feedback.budget, feedback.longest)
    n = len(truth)
    chosen = Chosen(*(np.full(n, np.nan) for _ in range(4)), np.full(n, -9, dtype=np.int64))
    for i in range(0, n, chunk):
        part = slice(i, i + chunk)
        count = len(truth[part])
        cut = Messages(*(column[part] for column in seen))
        advance(i, cut, truth[part], feedback.answers(5, i, count), Chosen(*(column[part] for column in chosen)))
    return chosen


def assert_one_rule(make: Callable[[], Any], n: int, feedback: Feedback, labels: Labels, seed: int) -> Chosen:
    n_labels = int(labels.n)
    seen, truth = messages(n, n_labels, seed)
    plain, quick = started(make(), labels=labels), started(make(), labels=labels)
    rows = plainly(plain, [observation(seen, i) for i in range(n)], truth.tolist(), feedback, n_labels)
    chosen = quickly(quick, seen, truth, feedback, n_labels)
    assert_same_bits(tuple(np.array(row, dtype=c.dtype) for row, c in zip(rows, chosen, strict=True)), tuple(chosen))
    assert_same_bits(learned(plain), learned(quick))
    return chosen


FEEDBACKS = st.builds(
    Feedback,
    st.sampled_from([0, 1, 7, 500, "uniform(0,9)", "uniform(3,40)", "geometric(4)", "exponential(6)"]),
    st.sampled_from([1.0, 0.6]),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([None, (0,), (1,), (0, 1)]),
    st.sampled_from([None, 0, 1, 25, 10_000]),
)
CHOOSING = {"ask_below": st.sampled_from([1.0, 0.8, 0.0]), "threshold": st.sampled_from([None, 0.6])}


@settings(max_examples=60, deadline=None)
@given(
    FEEDBACKS,
    st.builds(Logistic, st.sampled_from([0.1, 1.0]), st.sampled_from([0.0, 0.2]), **CHOOSING)
    | st.builds(NaiveBayes, st.sampled_from([1.0, 0.01]), **CHOOSING),
    st.integers(0, 10**6),
)
def test_plain_and_compiled_decide_and_learn_the_same_bits(feedback: Feedback, agent: Any, seed: int) -> None:
    assert_one_rule(lambda: copy.deepcopy(agent), 200, feedback, HAM_SPAM, seed)


@pytest.mark.parametrize("feedback", [Feedback(), Feedback("uniform(0,30)", 0.9, 0.2, (0, 2), 700)], ids=str)
def test_three_labels_compile_too(feedback: Feedback) -> None:
    chosen = assert_one_rule(NaiveBayes, 2000, feedback, Labels("abc"), 3)
    assert set(chosen.choice) == {0.0, 1.0, 2.0}
    assert feedback.immediate or 0 < (chosen.answered_at >= 0).sum() <= 700


@pytest.mark.parametrize("make", [lambda: Logistic(0.3, 0.1), NaiveBayes])
def test_the_text_itself_gives_the_same_bits(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rule run as Python, on what compiled code is given."""
    feedback, (seen, truth) = Feedback("uniform(0,9)", noisy=0.1, budget=250), messages(300)
    compiled_agent, python_agent = started(make()), started(make())
    by_code = quickly(compiled_agent, seen, truth, feedback, 2)
    replaced = 0
    for module in (message_rules, logistic_rules, bayes_rules):
        for name, rule in list(vars(module).items()):
            if hasattr(rule, "py_func"):
                monkeypatch.setattr(module, name, rule.py_func)
                replaced += 1
    assert replaced > 15
    assert_same_bits(tuple(quickly(python_agent, seen, truth, feedback, 2)), tuple(by_code))
    assert_same_bits(learned(python_agent), learned(compiled_agent))


def test_what_is_not_compiled_says_why() -> None:
    told_all = (True, True)
    for make, name in ((Logistic, "logistic"), (NaiveBayes, "naive-bayes")):
        own = started(type("Own", (make,), {})())
        assert own.fast("messages", told_all, None, 0) == "Own is a subclass with rules of its own"
        why = f"{name} is compiled for messages of known vocabularies and for rows of numbers only"
        assert started(make()).fast("slate", told_all, None, 0) == why
        assert started(make(), AnyText()).fast("messages", told_all, None, 0) == why


# --- the world they are for -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("agent", "model"), [
    (Logistic(), sgd(Logistic())),
    (Logistic(0.3, 0.01), sgd(Logistic(0.3, 0.01))),
    (NaiveBayes(), naive_bayes.MultinomialNB()),
], ids=["logistic", "logistic-l2", "naive-bayes"])  # fmt: skip
def test_spam_as_river_sees_it(agent: Any, model: Any) -> None:
    stream = Spam()
    started(agent, stream.observation_space, stream.choice_space)
    asked = [(q.observation, words_of(q.observation), int(q.truth)) for q in islice(stream.questions(3), 2500)]
    assert_like_river(agent, model, iter(asked), (False, True))


@pytest.mark.parametrize("make", AGENTS)
def test_spam_at_both_speeds(make: Callable[[], Any]) -> None:
    """Labels late and some wrong; and what is learned is worth something."""
    stream, n, feedback = Spam(), 6000, Feedback("geometric(20)", 0.9, 0.02)
    batch = stream.batch(7, 0, n)
    plain, quick = (started(make(), stream.observation_space, stream.choice_space) for _ in range(2))
    rows = plainly(plain, [stream.observation(batch, i) for i in range(n)], batch.truth.tolist(), feedback, 2)
    chosen = quickly(quick, batch.seen, batch.truth, feedback, 2, 1000)
    assert_same_bits(tuple(np.array(row, dtype=c.dtype) for row, c in zip(rows, chosen, strict=True)), tuple(chosen))
    assert_same_bits(learned(plain), learned(quick))
    late = slice(n // 2, n)
    earned = batch.rewards[late][np.arange(n - n // 2), chosen.choice[late].astype(int)].mean()
    best, blind = batch.values[late].max(axis=1).mean(), batch.values[late].mean(axis=0).max()
    assert earned > blind + 0.5 * (best - blind)
