"""Labels that are late, out of order, never told, wrong or one-sided, against a simulation from the description."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import TableEnv, random_table

from sandbox import draws, feedback
from sandbox.catalog import make_world
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator
from sandbox.feedback import NEVER, Feedback, Mailbox, dequeue, enqueue, make_queue, parse_feedback, told_label
from sandbox.interfaces import Decision, Experience, Labels, Number, Question, Stream
from sandbox.loop import run_episodes
from sandbox.stream_loop import run_stream
from sandbox.table import Objective
from sandbox.trace import Meta, Trace, join

N = 200
COSTS = ((1.0, -2.0, 0.5), (0.25, 3.0, -1.0), (-4.0, 0.0, 2.0))  # what each choice earns, as rows of truths


class Act(NamedTuple):
    """What the agent does at a step: a choice (None: nothing), and whether it asks."""

    choice: Any
    ask: bool


class Witness:
    """Does as it is told, and writes down what it learns and when: after how many decisions."""

    def __init__(self, script: list[Act]) -> None:
        self.script = script

    def begin(self, observation_space: Any, choice_space: Any, rng: Any) -> None:
        self.done, self.heard = 0, list[tuple[int, Experience]]()

    def act(self, observation: Any) -> Decision:
        made = self.script[self.done]
        self.done += 1
        return Decision(made.choice, ask=made.ask)

    def learn(self, experience: Experience) -> None:
        self.heard.append((self.done - 1, experience))


def naive_answers(given: Feedback, seed: int, script: list[Act], told: set[int] | None) -> list[int]:
    """Return when each decision is answered, NEVER if it is not; `told`: the choices that are answered at all."""
    due, _, _ = given.answers(seed, 0, len(script))
    left, found = given.budget, []
    for step, made in enumerate(script):
        answered = int(due[step])
        if told is not None and made.choice not in told:
            answered = NEVER
        if left is not None:  # what is asked for is paid for, even if no answer comes
            answered = answered if made.ask and left > 0 else NEVER
            left -= made.ask and left > 0
        found.append(answered)
    return found


def naive_run(answered: list[int], events: list[Experience]) -> list[tuple[int, Experience]]:
    """Return what is told and at the end of which step: day by day, whatever is due, first asked first told."""
    days = range(len(events))
    return [(day, event) for day in days for event, due in zip(events, answered, strict=True) if due == day]


# --- the four kinds of worlds -----------------------------------------------------------------------------------------


class Quiz(Stream):
    """Questions 0, 1, 2, ... with given answers."""

    def __init__(
        self, choice_space: Any, truths: list[float], values: Any = None, abstention: float = math.nan
    ) -> None:
        self.observation_space, self.choice_space = spaces.Discrete(N), choice_space
        self.truths, self.rewards, self.abstention = truths, values, abstention

    def questions(self, seed: int) -> Iterator[Question]:
        for i, truth in enumerate(self.truths):
            prices = None if self.rewards is None else self.rewards[i]
            yield Question(i, truth, values=prices, rewards=prices, abstention=self.abstention)


def wrong_label(truth: int, shift: float, n: int) -> int:
    return [label % n for label in range(truth + 1, truth + n)][int(shift * (n - 1))]


def ask_a_stream(stream: Quiz, script: list[Act], given: Feedback, seed: int, names: Any = ()) -> tuple[Witness, Trace]:
    agent, chunks = Witness(script), list[Trace]()
    run_stream(stream, agent, chunks.append, seed=seed, steps=N, feedback=given, names=names)
    return agent, join(chunks)


def check(agent: Witness, trace: Trace, answered: list[int], events: list[Experience], meta: Meta) -> None:
    """Compare what was heard, and what the evaluator counts at the end."""
    assert agent.heard == naive_run(answered, events)
    assert trace.answered_at.tolist() == answered
    judge = Evaluator(meta)
    for start in range(0, N, 37):
        rows = {name: column[start : start + 37] for name, column in trace.columns().items()}
        judge.update(Trace(**{name: rows[name] for name in rows if name in Trace.__dataclass_fields__}))
    metrics = judge.finish().metrics
    assert metrics["never_answered"] == answered.count(NEVER)
    assert metrics["pending"] == sum(due >= N for due in answered)
    assert metrics["pending"] + metrics["never_answered"] + len(agent.heard) == N


@st.composite
def feedbacks(draw: Any, choices: int = 3) -> Feedback:
    delay = draw(
        st.one_of(
            st.integers(0, 250),
            st.builds(lambda a, b: f"uniform({a},{a + b})", st.integers(0, 20), st.integers(0, 150)),
            st.sampled_from(["geometric(0.5)", "geometric(9)", "exponential(12)", "geometric(0)", "uniform(0,1)"]),
        )
    )
    share = st.sampled_from([0.0, 0.3, 0.9, 1.0])
    only = draw(st.none() | st.sets(st.integers(0, choices - 1), min_size=1)) if choices else None
    budget = draw(st.none() | st.integers(0, 250))
    return Feedback(delay, draw(share), draw(share), None if only is None else tuple(sorted(only)), budget)


def script_of(rng: np.random.Generator, choices: list[Any]) -> list[Act]:
    return [Act(choices[rng.integers(len(choices))], bool(rng.random() < 0.6)) for _ in range(N)]


@settings(max_examples=60, deadline=None)
@given(feedbacks(), st.integers(0, 2**62), st.booleans())
@example(Feedback(), 0, False)
@example(Feedback(500), 1, True)
@example(Feedback("uniform(0,150)", 0.6, 0.4, (0, 2), 90), 2, True)
def test_labels(given: Feedback, seed: int, priced: bool) -> None:
    rng = np.random.default_rng(seed)
    truths = rng.integers(0, 3, N).tolist()
    script = script_of(rng, [0, 1, 2, None])
    labels = Labels("abc", COSTS if priced else None)
    stream = Quiz(labels, truths, [COSTS[t] for t in truths], 0.125) if priced else Quiz(labels, truths)
    agent, trace = ask_a_stream(stream, script, given, seed, ("a", "b", "c"))
    _, wrong, shift = given.answers(seed, 0, N)
    events = []
    for i, made in enumerate(script):
        told = wrong_label(truths[i], float(shift[i]), 3) if wrong[i] else truths[i]
        earned = float(made.choice == told)
        if priced:
            earned = 0.125 if made.choice is None else COSTS[told][made.choice]
        events.append(Experience(i, made.choice, earned, None, True, False, told, i))
    check(agent, trace, naive_answers(given, seed, script, given.only and set(given.only)), events, QUIZ)
    truly = [0.125 if a.choice is None else COSTS[t][a.choice] for a, t in zip(script, truths, strict=True)]
    assert not priced or trace.reward.tolist() == truly  # what is told does not change what is earned


QUIZ = Meta("classification", labels=("a", "b", "c"), n_choices=3, why_unpriced="x", episodic=False)
FORECAST = Meta("regression", why_unpriced="x", episodic=False)
BANDIT = Meta("control", n_choices=4, why_unpriced="x", episodic=False)
EPISODES = Meta("control", n_cells=5, n_choices=3, why_unpriced="x")


def squared(error: float) -> float:
    return error * error  # which is not error**2 to the last bit


@settings(max_examples=30, deadline=None)
@given(feedbacks(choices=0), st.integers(0, 2**62))
@example(Feedback("uniform(0,150)", 0.6, 0.4, None, 90), 2)
def test_numbers(given: Feedback, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truths = np.round(rng.normal(size=N), 3).tolist()
    script = script_of(rng, [0.0, 0.5, -1.25, None])
    agent, trace = ask_a_stream(Quiz(Number(), truths), script, given, seed)
    wrong = given.answers(seed, 0, N).wrong
    told = [-truth if lie else truth for truth, lie in zip(truths, wrong.tolist(), strict=True)]
    assert trace.answered_at.tolist() == naive_answers(given, seed, script, None)
    known = [i for i in range(N) if script[i].choice is not None]
    heard = [event for event in agent.heard if event[1].choice is not None]  # an abstention earns NaN
    events = [
        Experience(i, script[i].choice, -squared(script[i].choice - told[i]), None, True, False, told[i], i)
        for i in known
    ]
    answered = naive_answers(given, seed, script, None)
    days = [(day, e) for day in range(N) for i, e in zip(known, events, strict=True) if answered[i] == day]
    assert heard == days
    assert len(agent.heard) == sum(0 <= due < N for due in answered)
    lost = [event for _, event in agent.heard if event.choice is None]
    assert all(math.isnan(event.reward) and event.truth == told[event.asked_at] for event in lost)


@settings(max_examples=30, deadline=None)
@given(feedbacks(choices=4), st.integers(0, 2**62))
@example(Feedback("uniform(0,150)", 0.6, 0.4, (0, 3), 90), 2)
def test_bandits(given: Feedback, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rewards = rng.normal(size=(N, 4)).tolist()
    script = script_of(rng, [0, 1, 2, 3, None])
    stream = Quiz(spaces.Discrete(4), [math.nan] * N, rewards, -0.5)
    agent, trace = ask_a_stream(stream, script, given, seed)
    wrong = given.answers(seed, 0, N).wrong
    events = []
    for i, made in enumerate(script):
        earned = -0.5 if made.choice is None else rewards[i][made.choice]
        events.append(Experience(i, made.choice, -earned if wrong[i] else earned, None, True, False, None, i))
    check(agent, trace, naive_answers(given, seed, script, given.only and set(given.only)), events, BANDIT)


class Diary(gym.Wrapper[Any, Any, Any, Any]):
    """Writes down every transition."""

    def reset(self, **options: Any) -> Any:
        self.at, told = self.env.reset(**options)
        self.seen = getattr(self, "seen", [])
        return self.at, told

    def step(self, action: Any) -> Any:
        after, reward, terminated, truncated, told = self.env.step(action)
        self.seen.append((self.at, reward, after, terminated, truncated))
        self.at = after
        return after, reward, terminated, truncated, told


@settings(max_examples=40, deadline=None)
@given(feedbacks(), st.integers(0, 2**31))
@example(Feedback("uniform(0,150)", 0.6, 0.4, (0, 2), 90), 2)
def test_environments(given: Feedback, seed: int) -> None:
    rng = np.random.default_rng(seed)
    law = random_table(rng, 5, 3, 3, Objective(), end=0.1)
    env = Diary(gym.wrappers.TimeLimit(TableEnv(law), 6))
    script = script_of(rng, [0, 1, 2])
    agent, chunks = Witness(script), list[Trace]()
    run_episodes(env, agent, chunks.append, seed=seed, steps=N, feedback=given)
    wrong = given.answers(seed, 0, N).wrong
    events = [
        Experience(at, script[i].choice, -reward if wrong[i] else reward, after, terminated, truncated, None, i)
        for i, (at, reward, after, terminated, truncated) in enumerate(env.seen)
    ]
    trace = join(chunks)
    check(agent, trace, naive_answers(given, seed, script, given.only and set(given.only)), events, EPISODES)
    assert trace.reward.tolist() == [reward for _, reward, *_ in env.seen]


def test_answers_come_out_of_order_and_the_simulation_would_notice() -> None:
    given = Feedback("uniform(0,50)", noisy=0.2)
    rng = np.random.default_rng(0)
    truths, script = rng.integers(0, 3, N).tolist(), script_of(rng, [0, 1, 2])
    agent, trace = ask_a_stream(Quiz(Labels("abc"), truths), script, given, 4)
    asked = [event.asked_at for _, event in agent.heard]
    assert asked != sorted(asked) and sorted(asked) == np.flatnonzero(trace.answered_at < N).tolist()
    days: dict[int, list[int]] = {}
    for day, event in agent.heard:
        days.setdefault(day, []).append(event.asked_at)
    assert max(map(len, days.values())) > 2 and all(day == sorted(day) for day in days.values())
    assert list(days) == sorted(days)
    lies = [event for _, event in agent.heard if event.truth != truths[event.asked_at]]
    assert 0.1 < len(lies) / len(agent.heard) < 0.3


# --- the world's side -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(feedbacks(), st.integers(0, 2**62), st.integers(0, 10**9), st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_answers_do_not_depend_on_chunks(given: Feedback, seed: int, start: int, cuts: list[int]) -> None:
    whole = given.answers(seed, start, sum(cuts))
    assert (
        (whole.due == NEVER) | ((whole.due >= start) & (whole.due - np.arange(sum(cuts)) - start <= given.longest))
    ).all()
    at = 0
    for count in cuts:
        part = given.answers(seed, start + at, count)
        assert all(np.array_equal(a, b[at : at + count]) for a, b in zip(part, whole, strict=True))
        at += count


@settings(max_examples=100, deadline=None)
@given(feedbacks(), st.integers(0, 2**62))
@example(Feedback(), 0)
@example(Feedback(250), 0)
def test_queues_are_mailboxes(given: Feedback, seed: int) -> None:
    mail, queue = Mailbox(given, seed, 3), make_queue(given)
    slots = len(queue.first)
    held = np.full(slots, -1)
    for step in range(N):
        due, _, _ = mail.answer(step, step % 3, True)
        mail.post(due, step)
        if due != NEVER:
            held[step % slots] = step
            enqueue(queue, step, due)
        told = []
        while (slot := dequeue(queue, step)) != -1:
            told.append(int(held[slot]))
        assert told == mail.arrived(step)


def test_a_mailbox_reads_on_for_ever() -> None:
    given, steps = Feedback("uniform(0,9)", 0.5, 0.5), 10_000
    mail, plan = Mailbox(given, 7, 2), given.answers(7, 0, steps)
    found = [mail.answer(step, 0, True) for step in range(steps)]
    assert all(np.array_equal(np.array(a), b) for a, b in zip(zip(*found, strict=True), plan, strict=True))


def test_plain_equals_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    laws = [0, 40, "uniform(2,9)", "geometric(0.3)", "geometric(30)", "exponential(0.2)", "exponential(70)"]
    givens = [Feedback(law, 0.7, 0.2) for law in laws]
    wanted = [given.answers(11, 5, 300) for given in givens]
    for module in (feedback, draws):
        for name, thing in list(vars(module).items()):
            if hasattr(thing, "py_func"):
                monkeypatch.setattr(module, name, thing.py_func)
    with np.errstate(over="ignore"):
        for given, answers in zip(givens, wanted, strict=True):
            assert all(a.tobytes() == b.tobytes() for a, b in zip(given.answers(11, 5, 300), answers, strict=True))


@pytest.mark.parametrize(("partial", "noisy"), [(1.0, 0.0), (0.0, 1.0), (0.25, 0.9), (0.995, 0.005)])
def test_shares_are_as_asked_for(partial: float, noisy: float) -> None:
    n = 60_000
    answers = Feedback(3, partial, noisy).answers(5, 0, n)
    for found, wanted in (((answers.due != NEVER).mean(), partial), (answers.wrong.mean(), noisy)):
        assert abs(found - wanted) <= 4.5 * math.sqrt(wanted * (1.0 - wanted) / n)
    both = (answers.wrong & (answers.due != NEVER)).mean()
    assert abs(both - partial * noisy) < 0.01
    assert answers.shift.min() >= 0.0 and answers.shift.max() < 1.0 and abs(answers.shift.mean() - 0.5) < 0.01


@pytest.mark.parametrize(
    ("law", "mean", "spread"),
    [
        ("7", 7.0, 0.0),
        ("uniform(3,3)", 3.0, 0.0),
        ("uniform(0,1)", 0.5, 0.5),
        ("uniform(10,49)", 29.5, math.sqrt((40**2 - 1) / 12)),
        ("geometric(0)", 0.0, 0.0),
        ("geometric(1)", 1.0, math.sqrt(2.0)),
        ("geometric(40)", 40.0, math.sqrt(40.0 * 41.0)),
        ("exponential(40)", 40.0, 40.0),
        ("exponential(0)", 0.0, 0.0),
    ],
)
def test_delays_follow_their_law(law: str, mean: float, spread: float) -> None:
    n, given = 60_000, parse_feedback(f"delayed={law}")
    delay = given.answers(2, 0, n).due - np.arange(n)
    assert delay.min() >= 0 and delay.max() <= given.longest
    assert abs(delay.mean() - mean) <= 4.5 * spread / math.sqrt(n) + 1e-12
    assert delay.std() == pytest.approx(spread, rel=0.03, abs=1e-12)


def test_a_geometric_delay_is_geometric() -> None:
    n = 60_000
    delay = Feedback("geometric(3)").answers(4, 0, n).due - np.arange(n)
    share = np.bincount(delay)[:12] / n
    wanted = 0.25 * 0.75 ** np.arange(12)
    assert (np.abs(share - wanted) < 5.0 * np.sqrt(wanted / n)).all()


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_a_wrong_label_is_any_other(n: int) -> None:
    shifts = (np.arange(700) + 0.5) / 700
    for truth in range(n):
        assert told_label(truth, False, 0.3, n) == truth
        told = np.bincount([told_label(truth, True, u, n) for u in shifts.tolist()], minlength=n)
        others = [count for label, count in enumerate(told) if label != truth]
        assert told[truth] == (700 if n == 1 else 0) and all(abs(count - 700 / (n - 1)) <= 1 for count in others)


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (None, Feedback()),
        ("", Feedback()),
        ("immediate", Feedback()),
        ("delayed=500", Feedback(500)),
        ("delayed=500 + noisy=0.05", Feedback(500, noisy=0.05)),
        ("delayed=uniform(0, 7)+partial=0.9", Feedback("uniform(0, 7)", 0.9)),
        ("delayed=geometric(2.5)", Feedback("geometric(2.5)")),
        ("one-sided=junk", Feedback(only=("junk",))),
        ("one-sided=deliver/0+active=30", Feedback(only=("deliver", 0), budget=30)),
    ],
)
def test_texts_that_are_understood(text: str | None, given: Feedback) -> None:
    assert parse_feedback(text) == given == parse_feedback(given)
    assert parse_feedback(str(given)) == given
    assert given.immediate == (text in (None, "", "immediate"))


@settings(deadline=None)
@given(feedbacks(), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_feedback_reads_its_own_text(given: Feedback, partial: float, noisy: float) -> None:
    exact = Feedback(given.delay, partial, noisy, given.only, given.budget)
    read = parse_feedback(str(exact))
    assert (read.partial, read.noisy, read.only, read.budget) == (partial, noisy, given.only, given.budget)
    assert read.longest == exact.longest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("when=5", "'when=5' is not understood; write for example delayed=500"),
        ("delay=5", r"'delay=5' is not understood; did you mean 'delayed'\?"),
        ("delayed", "'delayed' needs a value"),
        ("immediate=1", "'immediate=1' takes no value"),
        ("delayed=1+delayed=2", "'delayed=2' is given twice"),
        ("delayed=", "delayed= is not understood; a number of decisions"),
        ("delayed=2.5", "delayed=2.5 is not understood"),
        ("delayed=True", "delayed=True is not understood"),
        ("delayed=-1", "delayed=-1 is out of range: 0 to 10,000,000 decisions"),
        ("delayed=10000001", "is out of range"),
        ("delayed=uniform(5)", "is not understood"),
        ("delayed=uniform(5,2)", "is out of range"),
        ("delayed=uniform(0.5,2)", "the bounds are whole numbers of decisions"),
        ("delayed=geometric(1,2)", "is not understood"),
        ("delayed=geometric(-1)", "is out of range"),
        ("delayed=geometric(1e9)", "is out of range"),
        ("delayed=geometric(1e999)", "is not understood"),
        ("delayed=weibull(3)", "is not understood"),
        ("delayed=uniform(a,b)", "is not understood"),
        ("delayed=uniform(0,3", "is not closed"),
        ("partial=1.5", r"partial=1.5 is out of range \[0, 1\]"),
        ("partial=many", "partial='many' is out of range"),
        ("noisy=-0.1", "noisy=-0.1 is out of range"),
        ("noisy=True", "noisy=True is out of range"),
        ("active=-1", "active=-1 is out of range: a number of answers"),
        ("active=True", "active=True is out of range"),
        ("active=2.5", "active=2.5 is out of range"),
    ],
)
def test_texts_that_are_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(SandboxError, match=message) as caught:
        parse_feedback(text)
    assert "\n" not in str(caught.value)


def test_choices_go_by_name_or_code() -> None:
    def answered(only: tuple[Any, ...], names: tuple[str, ...], n: int = 3) -> list[bool]:
        return [bool(one) for one in Feedback(only=only).answered(n, names)]

    assert answered(("b",), ("a", "b", "c")) == answered((1,), ("a", "b", "c")) == [False, True, False]
    assert answered((0, "c"), ("a", "b", "c")) == [True, False, True]
    assert answered((True,), ("False", "True"), 2) == [False, True]
    assert answered((False,), ("False", "True"), 2) == [True, False]
    assert answered((3, 7), ("3", "5", "7")) == [True, False, True]
    assert [bool(one) for one in Feedback().answered(2)] == [True, True]
    for only, names in ((("d",), ("a", "b", "c")), ((3,), ()), ((-1,), ()), ((True,), ()), ((1.0,), ())):
        with pytest.raises(SandboxError, match="there is no such choice; there is") as caught:
            answered(only, names)
        assert (", ".join(names) or "0 to 2") in str(caught.value)


def test_a_world_refuses_choices_that_it_does_not_have() -> None:
    from sandbox.world import make_terms

    for world, text in (("spam", "one-sided=delete"), ("FrozenLake-v1", "one-sided=4")):
        with pytest.raises(SandboxError, match="there is no such choice"):
            make_world(world).under(make_terms(feedback=text))
    with pytest.raises(SandboxError, match="one-sided feedback needs choices that can be counted"):
        make_world("Pendulum-v1").under(make_terms(feedback="one-sided=0"))
