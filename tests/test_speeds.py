"""Plain and compiled runs are the same run: traces, learned arrays and generator states, bit for bit, for every pair.

`SANDBOX_SPEED_STEPS` (9,000 decisions, which is more than a chunk) and `SANDBOX_SPEED_SEEDS` (1) make it larger; the
whole check is 50,000 and 3. To look for indices out of bounds, which compiled code does not notice by itself, run this
file with NUMBA_BOUNDSCHECK=1 and XDG_CACHE_HOME set to a folder of its own.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs import toy_text
from gymnasium.wrappers import TimeLimit, TransformReward

from sandbox.agents.contextual.linucb import Linucb
from sandbox.agents.filters.logistic import Logistic
from sandbox.agents.tabular.q_learning import QLearning
from sandbox.agents.tabular.sarsa import Sarsa
from sandbox.catalog import make_agent, make_world
from sandbox.envs.grid_maze import GridMaze
from sandbox.loop import agent_rng
from sandbox.trace import CHUNK, TRACE_COLUMNS, Trace, join
from sandbox.world import Budget, World, make_terms

STEPS = int(os.environ.get("SANDBOX_SPEED_STEPS", "9000"))
SEEDS = range(int(os.environ.get("SANDBOX_SPEED_SEEDS", "1")))

Run = tuple[Trace, Any, Any]  # what was done, the agent, and the environment if there is one


def run(name: str, agent: Any, seed: int, budget: Budget, plain: bool, **terms: Any) -> Run:
    """Run a pair at one of the speeds, and make sure that it was this one."""
    world = make_world(name)
    made: list[gym.Env[Any, Any]] = []
    if hasattr(world, "table_of"):
        make = world.make

        def keep(**changes: Any) -> gym.Env[Any, Any]:
            made.append(make(**changes))
            return made[-1]

        world = replace(world, make=keep)
    world = world.under(make_terms(plain=plain, **terms))
    learner = make_agent(agent, world)
    learner.begin(world.observation_space, world.choice_space, agent_rng(seed))
    assert world.why_plain(learner) == ("the open loop was asked for" if plain else "")
    chunks: list[Trace] = []
    world.run(learner, seed, budget, chunks.append)
    return join(chunks), learner, made[-1] if made else None


def kept(thing: Any) -> list[Any]:
    """Return the arrays and generator states that something holds, in the order of their names."""
    if isinstance(thing, np.ndarray):
        return [(thing.dtype.str, thing.shape, thing.tobytes())]
    if isinstance(thing, np.random.Generator):
        return [thing.bit_generator.state]
    if isinstance(thing, tuple | list):
        return [part for one in thing for part in kept(one)]
    return []


def learned(agent: Any) -> dict[str, list[Any]]:
    """Return what an agent has learned, and its generator, by attribute; what is private may be scratch paper."""
    return {name: found for name, thing in vars(agent).items() if name[0] != "_" and (found := kept(thing))}


def check_same(a: Trace, b: Trace) -> None:
    """Compare two traces by their bytes."""
    for name in TRACE_COLUMNS:
        one, other = getattr(a, name), getattr(b, name)
        assert one.dtype == other.dtype and one.shape == other.shape, name
        differs = np.flatnonzero(one.view(np.uint8) != other.view(np.uint8)) // one.itemsize
        assert not len(differs), f"{name} at {differs[0]}: {one[differs[0]]!r} and {other[differs[0]]!r}"


def check_pair(name: str, agent: str, budget: Budget, **terms: Any) -> None:
    """Compare the two speeds for every seed."""
    for seed in SEEDS:
        (a, slow, one), (b, quick, other) = (run(name, agent, seed, budget, plain, **terms) for plain in (True, False))
        check_same(a, b)
        fresh = make_agent(agent, make_world(name))
        fresh.begin(*spaces_of(name), agent_rng(seed))
        assert learned(slow) == learned(quick) != learned(fresh)
        if one is not None and terms.get("drift") is None and isinstance(one.unwrapped, CARRY):
            assert one.unwrapped._np_random.bit_generator.state == other.unwrapped._np_random.bit_generator.state
            assert one.unwrapped._np_random is not other.unwrapped._np_random


@cache
def spaces_of(name: str) -> tuple[Any, Any]:
    world = make_world(name)
    return world.observation_space, world.choice_space


CARRY = (toy_text.FrozenLakeEnv, toy_text.CliffWalkingEnv, toy_text.TaxiEnv)
RULES = ("q-learning", "sarsa", "expected-sarsa", "random")
TABLES: list[tuple[str, Any]] = [
    ("FrozenLake-v1", None),
    ("FrozenLake-v1:map_name=8x8", None),
    ("FrozenLake-v1:max_episode_steps=7", None),
    ("CliffWalking-v1:is_slippery=True", None),
    ("CliffWalking-v1", None),
    ("Taxi-v4", None),
    ("Taxi-v4:is_rainy=True", None),
    ("sandbox/GridMaze-v0:slip=0.1", None),
    ("sandbox/GridMaze-v0:moves=winds,drift='recurring@900'", None),
    ("FrozenLake-v1", "abrupt@3000:is_slippery=False"),
    ("sandbox/GridMaze-v0", "abrupt@5000"),
    ("sandbox/GridMaze-v0", ("gradual@2000~6", "recurring@700:slip=0.3")),
    ("sandbox/GridMaze-v0", ("incremental@1000~8:wind=0.1", "abrupt@4000:goal_reward=5.0")),
    ("sandbox/GridMaze-v0:moves=rewards", "random-walk@40"),
]


@pytest.mark.parametrize("agent", RULES)
@pytest.mark.parametrize(("world", "drift"), TABLES, ids=str)
def test_tables(world: str, drift: Any, agent: str) -> None:
    check_pair(world, agent, Budget(steps=STEPS), drift=drift)


@pytest.mark.parametrize(
    "agent",
    [
        "q-learning:epsilon=0.0,initial_value=1.0",
        "q-learning:step_size=1,discount=1,epsilon=1",
        "sarsa:epsilon=0.9,discount=0",
        "expected-sarsa:epsilon=0,step_size=0.3",
    ],
)
def test_settings_at_their_ends(agent: str) -> None:
    check_pair("FrozenLake-v1:map_name=8x8", agent, Budget(steps=STEPS))


@pytest.mark.parametrize("agent", RULES)
@pytest.mark.parametrize(
    ("world", "budget"),
    [
        ("FrozenLake-v1", Budget(episodes=STEPS // 7)),
        ("FrozenLake-v1", Budget(steps=1, episodes=1)),
        ("CliffWalking-v1", Budget(episodes=3)),
        ("Taxi-v4", Budget(steps=STEPS, episodes=STEPS // 300)),
        ("FrozenLake-v1", Budget(steps=CHUNK, episodes=10**9)),
        ("FrozenLake-v1", Budget(steps=CHUNK + 1)),
        ("sandbox/GridMaze-v0:drift='gradual@300~9'", Budget(episodes=STEPS // 100)),
    ],
    ids=str,
)
def test_budgets(world: str, budget: Budget, agent: str) -> None:
    check_pair(world, agent, budget)


DRIFT_AND_FEEDBACK: list[tuple[Any, str | None]] = [
    (None, None),
    ("abrupt@3000", "delayed=500"),
    (("incremental@2000~4000", "recurring@1500"), "delayed=uniform(0,300)+partial=0.7+noisy=0.1"),
    ("gradual@100~7000", "delayed=geometric(40)+one-sided={first}"),
    ("random-walk@50", "delayed=exponential(20)+noisy=0.3+active=900"),
]


@pytest.mark.parametrize(("drift", "feedback"), DRIFT_AND_FEEDBACK, ids=str)
@pytest.mark.parametrize(
    "agent", ["logistic", "naive-bayes", "logistic:ask_below=0.9", "naive-bayes:threshold=0.9", "random"]
)
def test_spam(agent: str, drift: Any, feedback: str | None) -> None:
    told = feedback and feedback.format(first="deliver")
    check_pair("spam", agent, Budget(steps=STEPS), drift=drift, feedback=told)


@pytest.mark.parametrize(("drift", "feedback"), DRIFT_AND_FEEDBACK, ids=str)
@pytest.mark.parametrize(
    "agent", ["epsilon-greedy", "ucb", "thompson", "linucb", "popularity", "popularity:decay=0.99", "random"]
)
def test_recommendation(agent: str, drift: Any, feedback: str | None) -> None:
    told = feedback and feedback.format(first="0/3/4")
    check_pair("recommendation", agent, Budget(steps=STEPS), drift=drift, feedback=told)


def test_settings_of_worlds() -> None:
    check_pair("spam:campaigns=3,obfuscation=0.5,cost_ratio=2.0", "logistic", Budget(steps=STEPS))
    check_pair("spam:campaigns=3,topics=2", "naive-bayes", Budget(steps=CHUNK))
    check_pair("recommendation:items=7,users=30", "linucb", Budget(steps=STEPS))


def test_the_comparison_sees_a_difference() -> None:
    budget = Budget(steps=300)
    a, slow, _ = run("FrozenLake-v1", "sarsa", 0, budget, True)
    b, quick, _ = run("FrozenLake-v1", "sarsa", 1, budget, False)
    assert learned(slow) != learned(quick)
    with pytest.raises(AssertionError, match=r"\w+ at \d+"):
        check_same(a, b)
    flipped = replace(a, reward=np.where(a.reward == 0.0, -0.0, a.reward))
    with pytest.raises(AssertionError, match="reward at 0"):
        check_same(a, flipped)


# --- who is run plain, and why ----------------------------------------------------------------------------------------


class Doubling(QLearning):
    """Learns everything twice."""

    def learn(self, experience: Any) -> None:
        super().learn(experience)
        super().learn(experience)


class Still:
    """Does nothing but the first thing."""

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        pass

    def act(self, observation: Any) -> int:
        return 0

    def learn(self, experience: Any) -> None:
        pass


class OneMore(GridMaze):
    """Pays one more than its table says."""

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        state, reward, *rest = super().step(action)
        return (state, reward + 1.0, *rest)  # type: ignore[return-value]


class Slower(toy_text.FrozenLakeEnv):
    """A lake of one's own."""


def cut_off() -> gym.Env[Any, Any]:
    return TimeLimit(toy_text.FrozenLakeEnv(), 20)


def doubled() -> gym.Env[Any, Any]:
    return TransformReward(toy_text.FrozenLakeEnv(), lambda reward: 2.0 * float(reward))


def watched() -> gym.Env[Any, Any]:
    return GridMaze(render_mode="ansi")


def why(world: Any, agent: Any, **terms: Any) -> str:
    made: World = make_world(world).under(make_terms(**terms))
    learner = make_agent(agent, made)
    learner.begin(made.observation_space, made.choice_space, agent_rng(0))
    reason = made.why_plain(learner)
    chunks: list[Trace] = []
    made.run(learner, 0, Budget(steps=200), chunks.append)
    assert len(join(chunks)) == 200
    return reason


@pytest.mark.parametrize(
    ("world", "agent", "terms", "reason"),
    [
        ("FrozenLake-v1", Doubling(), {}, "Doubling is a subclass with rules of its own"),
        ("spam", type("Mine", (Logistic,), {})(), {}, "Mine is a subclass with rules of its own"),
        ("recommendation", type("Mine", (Linucb,), {})(), {}, "Mine is a subclass with rules of its own"),
        ("FrozenLake-v1", Still(), {}, "Still has no compiled loop"),
        ("FrozenLake-v1", "oracle", {}, "OracleAgent has no compiled loop"),
        ("spam", "oracle", {}, "StreamOracle has no compiled loop"),
        ("spam", "naive-bayes", {"plain": True}, "the open loop was asked for"),
        ("FrozenLake-v1", "sarsa", {"plain": True}, "the open loop was asked for"),
        ("FrozenLake-v1", "sarsa", {"feedback": "delayed=3"}, "feedback that is not immediate"),
        ("Taxi-v4:fickle_passenger=True", "q-learning", {}, "the law of a fickle passenger has a hidden fact"),
        (Slower, "q-learning", {}, "Slower is not known to follow its table draw by draw"),
        (OneMore, "q-learning", {}, "OneMore is not known to follow its table draw by draw"),
        (watched, "q-learning", {}, "the environment is watched"),
        (doubled, "q-learning", {}, "the law of the world is not known as a table"),
        (cut_off, "q-learning", {}, ""),
        ("CartPole-v1", "random", {}, "the law of the world is not known as a table"),
    ],
)
def test_who_is_plain_says_why(world: Any, agent: Any, terms: dict[str, Any], reason: str) -> None:
    found = why(world, agent, **terms)
    assert found.startswith(reason) and bool(found) == bool(reason)


def test_a_subclass_keeps_its_own_rules() -> None:
    world, ends = make_world("FrozenLake-v1"), []
    for agent in (QLearning(), Doubling()):
        world.run(agent, 0, Budget(steps=3000), lambda trace: None)
        ends.append(agent.q)
    assert not np.array_equal(*ends)


def test_a_run_after_a_run_starts_afresh() -> None:
    world, agent = make_world("FrozenLake-v1"), Sarsa()
    traces = []
    for _ in range(2):
        chunks: list[Trace] = []
        world.run(agent, 3, Budget(steps=500), chunks.append)
        traces.append(join(chunks))
    check_same(*traces)
