"""The rules do what the book says, and the agents do what their rules say."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import TableEnv
from scipy import stats

from sandbox.agents.tabular._tabular import best_value, epsilon_greedy, expected_value, greedy_choice, random_choice
from sandbox.agents.tabular.expected_sarsa import ExpectedSarsa, expected_sarsa_update
from sandbox.agents.tabular.q_learning import QLearning, q_learning_update
from sandbox.agents.tabular.sarsa import Sarsa, sarsa_update
from sandbox.agents.yardsticks.majority import Majority
from sandbox.agents.yardsticks.mean import Mean
from sandbox.agents.yardsticks.no_change import NoChange
from sandbox.agents.yardsticks.random import Random
from sandbox.catalog import make_agent, make_world
from sandbox.discovery import discover
from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator
from sandbox.interfaces import Decision, Experience, Labels, Number, Question, Stream
from sandbox.loop import agent_rng, run_episodes
from sandbox.stream_loop import run_stream
from sandbox.stream_world import StreamWorld
from sandbox.table import table_from_outcomes
from sandbox.trace import Trace, join
from sandbox.world import Budget

LEVEL = 1e-3  # of the chi-square tests, whose seeds are fixed
TABULAR = [QLearning, Sarsa, ExpectedSarsa]


def started(agent: Any, states: int = 3, choices: int = 2, seed: int = 0) -> Any:
    agent.begin(spaces.Discrete(states), spaces.Discrete(choices), np.random.default_rng(seed))
    return agent


def experience(
    s: int, a: int | None, r: float, after: int, terminated: bool = False, truncated: bool = False
) -> Experience:
    return Experience(s, a, r, after, terminated, truncated, None, 0)


# --- rules ------------------------------------------------------------------------------------------------------------


def test_updates_by_hand() -> None:
    """Q(0,1) = 2, reward 1, discount .5, step size .1; what follows is worth 4 and 8."""
    before = np.array([[0.0, 2.0], [4.0, 8.0]])
    q = before.copy()
    q_learning_update(q, 0, 1, 1.0, 1, False, 0.1, 0.5)
    assert q.tolist() == [[0.0, pytest.approx(2 + 0.1 * (1 + 0.5 * 8 - 2))], [4.0, 8.0]]
    q = before.copy()
    sarsa_update(q, 0, 1, 1.0, 1, 0, False, 0.1, 0.5)
    assert q[0, 1] == pytest.approx(2 + 0.1 * (1 + 0.5 * 4 - 2))
    q = before.copy()
    expected_sarsa_update(q, 0, 1, 1.0, 1, False, 0.1, 0.5, 0.2)
    assert q[0, 1] == pytest.approx(2 + 0.1 * (1 + 0.5 * (0.9 * 8 + 0.1 * 4) - 2))
    for update in (
        lambda q: q_learning_update(q, 0, 1, 1.0, 1, True, 0.1, 0.5),
        lambda q: sarsa_update(q, 0, 1, 1.0, 1, 0, True, 0.1, 0.5),
        lambda q: expected_sarsa_update(q, 0, 1, 1.0, 1, True, 0.1, 0.5, 0.2),
    ):
        q = before.copy()
        update(q)
        assert q.tolist() == [[0.0, pytest.approx(2 + 0.1 * (1 - 2))], [4.0, 8.0]]


TABLES = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 5))
SHARE = st.floats(0.0, 1.0)


@settings(max_examples=80, deadline=None)
@given(TABLES, SHARE, SHARE, SHARE, st.booleans())
def test_updates_against_the_equations(
    table: tuple[int, int, int], step_size: float, discount: float, epsilon: float, terminated: bool
) -> None:
    """Equations 6.7, 6.8 and 6.9 of the book, with every entry but one left alone."""
    seed, states, choices = table
    rng = np.random.default_rng(seed)
    before = rng.integers(-3, 4, size=(states, choices)).astype(float)  # with ties
    s, after = rng.integers(states, size=2)
    a, b = rng.integers(choices, size=2)
    reward = float(rng.normal())
    greedy = np.flatnonzero(before[after] == before[after].max())
    policy = np.full(choices, epsilon / choices)
    policy[greedy] += (1.0 - epsilon) / len(greedy)
    follows = {"q": before[after].max(), "sarsa": before[after, b], "expected": float(policy @ before[after])}
    for name, value in follows.items():
        q = before.copy()
        if name == "q":
            q_learning_update(q, s, a, reward, after, terminated, step_size, discount)
        elif name == "sarsa":
            sarsa_update(q, s, a, reward, after, b, terminated, step_size, discount)
        else:
            expected_sarsa_update(q, s, a, reward, after, terminated, step_size, discount, epsilon)
        wanted = before.copy()
        target = reward + (0.0 if terminated else discount * value)
        wanted[s, a] = (1.0 - step_size) * before[s, a] + step_size * target
        assert q == pytest.approx(wanted, rel=1e-12, abs=1e-12), name
    assert best_value(before, after) == before[after].max()
    assert expected_value(before, after, epsilon) == pytest.approx(follows["expected"], abs=1e-12)


@pytest.mark.parametrize("values", [[1.0, 1.0, 1.0], [0.0, 2.0, 2.0, 1.0, 2.0], [5.0, 5.0], [3.0, 1.0]])
def test_ties_are_broken_uniformly(values: list[float]) -> None:
    rng, q = np.random.default_rng(7), np.array([values])
    counts = np.bincount([greedy_choice(q, 0, rng) for _ in range(12_000)], minlength=len(values))
    tied = q[0] == q[0].max()
    assert (counts[~tied] == 0).all()
    assert tied.sum() == 1 or stats.chisquare(counts[tied]).pvalue > LEVEL


def test_exploration_is_uniform_and_has_its_share() -> None:
    rng, q = np.random.default_rng(1), np.array([[0.0, 1.0, 0.5]])
    made = [epsilon_greedy(q, 0, 0.3, rng) for _ in range(20_000)]
    explored = [choice for choice, was in made if was]
    assert stats.binomtest(len(explored), len(made), 0.3).pvalue > LEVEL
    assert stats.chisquare(np.bincount(explored, minlength=3)).pvalue > LEVEL
    assert {choice for choice, was in made if not was} == {1}
    assert stats.chisquare(np.bincount([random_choice(4, rng) for _ in range(8_000)])).pvalue > LEVEL


# --- agents -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TABULAR)
def test_only_terminated_cuts_bootstrapping(kind: Any) -> None:
    """With one choice all three agents have the same target."""
    for terminated, truncated, follows in (
        (False, False, 10.0),
        (False, True, 10.0),
        (True, False, 0.0),
        (True, True, 0.0),
    ):
        agent = started(kind(step_size=0.5, discount=0.9, epsilon=0.0), 2, 1)
        agent.q[:] = [[1.0], [10.0]]
        agent.learn(experience(0, 0, 3.0, 1, terminated, truncated))
        assert agent.q[0, 0] == pytest.approx(1.0 + 0.5 * (3.0 + 0.9 * follows - 1.0))


@pytest.mark.parametrize("kind", TABULAR)
def test_acting_learns_nothing_and_an_abstention_teaches_nothing(kind: Any) -> None:
    agent = started(kind(epsilon=0.5, initial_value=2.0))
    for _ in range(50):
        agent.act(1)
    agent.learn(experience(1, None, 5.0, 2))
    assert (agent.q == 2.0).all()


def test_sarsa_takes_the_choice_it_learned_with() -> None:
    """And it forgets it when an episode is cut, or when it is asked about another state."""
    agent = started(Sarsa(step_size=1.0, discount=1.0, epsilon=1.0), 3, 50)
    agent.q[:] = np.arange(150).reshape(3, 50)
    for _ in range(30):
        agent.learn(experience(0, 1, 0.0, 2))
        learned_with = agent.q[0, 1]
        made = agent.act(2)
        assert isinstance(made, Decision) and agent.q[2, made.choice] == learned_with
    agent.learn(experience(0, 1, 0.0, 2, truncated=True))
    learned_with = agent.q[0, 1]
    again = [agent.q[2, agent.act(2).choice] for _ in range(200)]
    assert len(set(again)) > 20  # drawn afresh each time
    assert agent.act(0).choice in range(50)


class TenLines:
    """Q-learning, Sarsa and Expected Sarsa in one, as the book's boxes have them."""

    def __init__(self, kind: str, step_size: float, discount: float, epsilon: float) -> None:
        self.kind, self.step_size, self.discount, self.epsilon = kind, step_size, discount, epsilon

    def policy(self, q: np.ndarray) -> np.ndarray:
        best = q == q.max()
        return self.epsilon / len(q) + (1 - self.epsilon) * best / best.sum()

    def mean_returns(self, env: gym.Env[int, int], episodes: int, rng: np.random.Generator) -> list[float]:
        q, returns = np.zeros((env.observation_space.n, env.action_space.n)), []  # type: ignore[attr-defined]
        for episode in range(episodes):
            state, _ = env.reset(seed=0 if episode == 0 else None)
            choice, total, ended = rng.choice(len(q[0]), p=self.policy(q[state])), 0.0, False
            while not ended:
                after, reward, ended, _, _ = env.step(int(choice))
                then = rng.choice(len(q[0]), p=self.policy(q[after]))
                values = {
                    "sarsa": q[after, then],
                    "q-learning": q[after].max(),
                    "expected-sarsa": self.policy(q[after]) @ q[after],
                }
                target = float(reward) + self.discount * (not ended) * values[self.kind]
                q[state, choice] += self.step_size * (target - q[state, choice])
                choice = then if self.kind == "sarsa" else rng.choice(len(q[0]), p=self.policy(q[after]))
                state, total = after, total + float(reward)
            returns.append(total)
        return returns


CLIFF = {"sarsa": -27.0, "q-learning": -50.1, "expected-sarsa": -20.8}


def cliff_returns(name: str, seed: int) -> np.ndarray:
    """Return of each of 500 episodes, at the settings of the book's example 6.6."""
    world, chunks = make_world("CliffWalking-v1"), []
    world.run(
        make_agent(f"{name}:step_size=0.5,epsilon=0.1,discount=1.0", world), seed, Budget(episodes=500), chunks.append
    )
    trace = join(chunks)
    ends = np.flatnonzero(trace.terminated)
    assert len(ends) == 500
    return np.diff(np.concatenate([[0.0], np.cumsum(trace.reward)[ends]]))


@pytest.mark.parametrize("name", CLIFF)
def test_book_example_6_6(name: str) -> None:
    """Mean return of episodes 401-500 (Sutton & Barto, example 6.6), within three standard errors of the difference."""
    late = np.array([cliff_returns(name, seed)[400:].mean() for seed in range(100)])
    error = late.std(ddof=1) / math.sqrt(len(late))
    assert abs(late.mean() - CLIFF[name]) <= 3 * math.sqrt(2) * max(error, 0.05 / math.sqrt(12))


@pytest.mark.parametrize("name", CLIFF)
def test_learning_curve_against_ten_lines_from_the_book(name: str) -> None:
    """The mean return of episodes 1-60 is the same, within four standard errors."""
    env = make_world("CliffWalking-v1").make()
    book = TenLines(name, 0.5, 1.0, 0.1)
    ours = np.array([cliff_returns_early(name, seed) for seed in range(12)])
    theirs = np.array([np.mean(book.mean_returns(env, 60, np.random.default_rng([seed, 9]))) for seed in range(12)])
    error = math.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs))
    assert abs(ours.mean() - theirs.mean()) < 4 * error


def cliff_returns_early(name: str, seed: int) -> float:
    world, chunks = make_world("CliffWalking-v1"), []
    world.run(
        make_agent(f"{name}:step_size=0.5,epsilon=0.1,discount=1.0", world), seed, Budget(episodes=60), chunks.append
    )
    return float(join(chunks).reward.sum() / 60)


def test_random_agent_is_uniform_in_every_space() -> None:
    for space in (spaces.Discrete(5), spaces.Discrete(4, start=3)):
        agent = Random()
        agent.begin(spaces.Discrete(1), space, np.random.default_rng(0))
        made = [agent.act(0) for _ in range(8_000)]
        counts = np.bincount([d.choice - int(space.start) for d in made])
        assert stats.chisquare(counts).pvalue > LEVEL and math.isnan(made[0].confidence)
    labelled = Random()
    labelled.begin(spaces.Discrete(1), Labels("abcd"), np.random.default_rng(0))
    assert labelled.act(0).confidence == 1 / 4
    box = spaces.Box(-1.0, 3.0, (2,))
    draws = []
    for seed in (0, 0, 1):
        agent = Random()
        agent.begin(spaces.Discrete(1), box, np.random.default_rng(seed))
        draws.append(np.array([agent.act(0).choice for _ in range(100)]))
    assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])
    assert all(box.contains(x) for x in draws[0])


def told(agent: Any, truths: list[float], space: Any) -> list[Any]:
    agent.begin(spaces.Dict({}), space, np.random.default_rng(0))
    said = []
    for step, truth in enumerate(truths):
        said.append(agent.act({}).choice)
        agent.learn(Experience({}, said[-1], 0.0, None, True, False, truth, step))
    return said


def test_yardsticks_of_streams_by_hand() -> None:
    labels = Labels(["a", "b", "c"])
    assert told(Majority(), [2, 2, 1, 1, 1, 0], labels)[:3] == [None, 2, 2]
    assert told(Majority(), [2, 2, 1, 1, 1, 0], labels)[5] == 1
    assert told(NoChange(), [2, 0, 1], labels) == [None, 2, 0]
    assert told(NoChange(), [2.5, 0.5, 1.0], Number()) == [None, 2.5, 0.5]
    assert told(Mean(), [2.0, 4.0, 9.0, 0.0], Number()) == [None, 2.0, 3.0, 5.0]
    agent = Majority()
    told(agent, [2, 2, 1], labels)
    made = agent.act({})
    assert made.confidence == 2 / 3 and made.scores == [0.0, 1 / 3, 2 / 3]
    agent = Majority()
    told(agent, [2, 1], labels)
    counts = np.bincount([agent.act({}).choice for _ in range(2_000)], minlength=3)
    assert counts[0] == 0 and stats.chisquare(counts[1:]).pvalue > LEVEL


@pytest.mark.parametrize(
    ("setting", "value"), [("step_size", 1.5), ("discount", -0.1), ("epsilon", math.nan), ("step_size", "x")]
)
@pytest.mark.parametrize("kind", TABULAR)
def test_settings_out_of_range_are_refused(kind: Any, setting: str, value: Any) -> None:
    with pytest.raises(SandboxError, match=f"{setting}=.* (is out of range|is not a number)"):
        kind(**{setting: value})


@pytest.mark.parametrize(
    ("agent", "observations", "choices"),
    [
        (QLearning, spaces.Box(0, 1, (2,)), spaces.Discrete(2)),
        (Sarsa, spaces.Discrete(2), spaces.Box(0, 1, (2,))),
        (ExpectedSarsa, spaces.Discrete(2, start=1), spaces.Discrete(2)),
        (Majority, spaces.Dict({}), Number()),
        (Mean, spaces.Dict({}), Labels([0, 1])),
        (NoChange, spaces.Discrete(2), spaces.Discrete(2)),
    ],
)
def test_spaces_that_do_not_fit_are_refused(agent: Any, observations: Any, choices: Any) -> None:
    with pytest.raises(SandboxError):
        agent().begin(observations, choices, np.random.default_rng(0))


# --- every agent learns a world made to be learnt ---------------------------------------------------------------------


class Parity(Stream):
    """The answer is the same nine times in ten, and the number it is asked about says nothing."""

    observation_space = spaces.Dict({"x": spaces.Box(-np.inf, np.inf, (), np.float64)})
    length = 2_000

    def __init__(self, numbers: bool) -> None:
        self.choice_space = Number() if numbers else Labels(["rare", "usual"])

    def questions(self, seed: int) -> Any:
        rng = np.random.default_rng(seed)
        usual = rng.random(2_000) < 0.9
        for i in range(2_000):
            truth = 5.0 + rng.normal() if isinstance(self.choice_space, Number) else int(usual[i])
            yield Question({"x": float(i)}, truth)


def corridor() -> EnvWorld:
    """Four states in a row; right pays at the end, left ends it for nothing."""
    outcomes = {
        s: {0: [(1.0, 0, 0.0, True)], 1: [(0.9, min(s + 1, 3), float(s == 3), s == 3), (0.1, s, 0.0, False)]}
        for s in range(4)
    }
    table = table_from_outcomes(outcomes, [1.0, 0.0, 0.0, 0.0])
    return EnvWorld("corridor", lambda: TableEnv(table), lambda _: table)


HOMES = {"bandits": "changing-arms:means=((0.2,0.5,0.9),),changes=()", "contextual": "linear-bandit"}
BANDITS = {name: HOMES[one.family] for name, one in discover("agents").items() if one.family in HOMES}
LABELLERS = ("logistic", "majority", "naive-bayes", "no-change", "perceptron")


def final(agent: str, metric: str, learner: str = "") -> float:
    """Return a metric of `agent` in the world of `learner`, its own if none is named."""
    if (learner or agent) in BANDITS:
        world: Any = make_world(BANDITS[learner or agent])
    elif agent in (*LABELLERS, "mean"):
        world = StreamWorld("parity", lambda: Parity(agent == "mean" or (agent == "no-change" and metric == "mae")))
    elif metric in ("accuracy", "mae"):
        world = StreamWorld("parity", lambda: Parity(metric == "mae"))
    else:
        world = corridor()
    judge = Evaluator(world.meta, pushes=2_000)
    world.run(make_agent(agent, world), 0, Budget(steps=2_000), judge.update)
    return judge.finish().metrics[metric]


LEARNERS = {name for name, one in discover("agents").items() if one.family != "prediction"}  # those choose at random


@pytest.mark.parametrize("agent", sorted(LEARNERS - {"random"}))
def test_every_agent_beats_random(agent: str) -> None:
    if agent == "mean":
        assert final(agent, "mae") < 1.0 < 5.0  # saying 0 is off by five
    elif agent in BANDITS:
        assert final(agent, "final_reward") > final("random", "final_reward", agent) + 0.05
    elif agent in LABELLERS:
        assert final(agent, "accuracy") > final("random", "accuracy") + 0.2
    else:
        assert final(agent, "final_reward") > final("random", "final_reward") + 0.1
        assert final(agent, "final_mistake_rate") < final("random", "final_mistake_rate") / 2


@pytest.mark.parametrize("agent", sorted(discover("agents")))
def test_same_seed_same_run(agent: str) -> None:
    def trace(seed: int) -> Trace:
        world: Any = corridor()
        if agent in BANDITS:
            world = make_world(BANDITS[agent])
        elif agent in (*LABELLERS, "mean"):
            world = StreamWorld("parity", lambda: Parity(agent == "mean"))
        chunks: list[Trace] = []
        np.random.seed(seed + 100)  # noqa: NPY002 - the global state must not matter
        world.run(make_agent(agent, world), seed % 10, Budget(steps=300), chunks.append)
        return join(chunks)

    one, two, other = trace(3), trace(13), trace(4)
    for name, column in one.columns().items():
        np.testing.assert_array_equal(column, two.columns()[name])
    assert not np.array_equal(one.reward, other.reward) or not np.array_equal(one.choice, other.choice)


def test_the_agent_and_the_world_draw_from_different_generators() -> None:
    assert agent_rng(3).random() != np.random.default_rng(3).random()
    assert agent_rng(3).random() == agent_rng(3).random() != agent_rng(4).random()


def test_begin_starts_afresh() -> None:
    """A second run of the same agent object is the first run again."""
    world, agent = corridor(), QLearning()
    runs = []
    for _ in range(2):
        chunks: list[Trace] = []
        run_episodes(world.make(), agent, chunks.append, seed=1, steps=300)
        runs.append(join(chunks))
    np.testing.assert_array_equal(runs[0].choice, runs[1].choice)
    majority, said = Majority(), []
    for _ in range(2):
        chunks = []
        run_stream(Parity(False), majority, chunks.append, seed=1, steps=50)
        said.append(join(chunks).choice)
    np.testing.assert_array_equal(said[0], said[1])
