"""Recording from outside gives what the open loop gives, and leaves the environment as it is."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from sandbox.api import record, run
from sandbox.catalog import env_table, make_agent, make_world
from sandbox.env_world import EnvWorld
from sandbox.errors import RunError
from sandbox.interfaces import Decision, Experience
from sandbox.loop import agent_rng, run_episodes
from sandbox.oracle import Solution
from sandbox.recorder import Recorder
from sandbox.trace import CHUNK, Trace, join


def naive(env: Any, agent: Any, seed: int, steps: int) -> None:
    """The loop that everybody writes."""
    agent.begin(env.observation_space, env.action_space, agent_rng(seed))
    observation, _ = env.reset(seed=seed)
    for step in range(steps):
        made = agent.act(observation)
        choice = made.choice if isinstance(made, Decision) else made
        following, reward, terminated, truncated, _ = env.step(choice)
        agent.learn(Experience(observation, choice, reward, following, terminated, truncated, None, step))
        observation = following
        if terminated or truncated:
            observation, _ = env.reset()


def same(a: Trace, b: Trace, without: tuple[str, ...] = ()) -> None:
    for (name, one), (other_name, other) in zip(a.columns().items(), b.columns().items(), strict=True):
        assert name == other_name
        if name not in without:
            np.testing.assert_array_equal(one, other, err_msg=name)


def looped(world: EnvWorld, agent: Any, seed: int, steps: int) -> Trace:
    solution = world.solution if isinstance(world.solution, Solution) else None
    chunks: list[Trace] = []
    env = world.make()
    run_episodes(env, agent, chunks.append, seed=seed, steps=steps, solution=solution)
    env.close()
    return join(chunks)


@pytest.mark.parametrize(
    "name",
    ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4", "Taxi-v4:fickle_passenger=True,is_rainy=True"],
)
@pytest.mark.parametrize("agent", ["q-learning", "random"])
def test_a_naive_loop_gives_the_trace_of_ours(name: str, agent: str) -> None:
    world, steps = make_world(name), 2 * CHUNK + 500
    assert isinstance(world, EnvWorld)
    with_wrapper = record(world.make())
    naive(with_wrapper, make_agent(agent, world), 3, steps)
    ours = looped(world, make_agent(agent, world), 3, steps)
    # A wrapper sees the choice alone, not what the agent thought of it.
    same(with_wrapper.trace(), ours, without=("greedy", "confidence"))
    scores = with_wrapper.scores()
    judged = run(name, agent, seeds=[3], steps=steps).agents[0].runs[0].scores
    assert judged is not None and scores.fingerprint
    for metric in ("return", "regret", "luck", "mistakes", "ledger_error", "episodes"):
        assert scores.metrics[metric] == pytest.approx(judged.metrics[metric], rel=0, abs=0, nan_ok=True), metric


class Slider(gym.Env[Any, Any]):
    """Moves a point; it ends when the point leaves the field, and can be told to misbehave."""

    observation_space = spaces.Box(-10.0, 10.0, (1,), np.float64)
    action_space = spaces.Box(-1.0, 1.0, (2,), np.float64)

    def __init__(self, reward: float = 1.0) -> None:
        self.reward, self.closed, self.at = reward, 0, 0.0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = float(self.np_random.uniform(-1, 1))
        return np.array([self.at]), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.at += float(np.sum(action))
        return np.array([self.at]), self.reward, abs(self.at) > 3, False, {}

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("steps", [5, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_choices_of_several_numbers_are_kept_row_by_row(steps: int) -> None:
    env, world = record(Slider()), EnvWorld("slider", Slider, env_table)
    naive(env, make_agent("random", world), 1, steps)
    trace, ours = env.trace(), looped(world, make_agent("random", world), 1, steps)
    assert trace.choice_vector is not None and trace.choice_vector.shape == (steps, 2)
    same(trace, ours)
    chunks = env._chunks
    assert all(c.choice_vector is not None and len(c.choice_vector) == len(c) for c in chunks)


def test_a_reset_in_mid_episode_counts_as_truncated() -> None:
    env = record(gym.make("CliffWalking-v1"))
    env.reset(seed=0)
    for steps in (3, 2):
        for _ in range(steps):
            env.step(0)
        env.reset()
    env.reset()  # nothing was begun: nothing is cut
    env.step(0)
    trace = env.trace()
    assert trace.truncated.tolist() == [False, False, True, False, True, False]
    assert trace.episode.tolist() == [0, 0, 0, 1, 1, 2] and not trace.terminated.any()
    assert env.scores().metrics["ledger_error"] < 1e-12


@pytest.mark.parametrize("at", [CHUNK - 1, CHUNK, CHUNK + 1])
def test_an_episode_can_be_cut_where_chunks_meet(at: int) -> None:
    env = record(gym.make("CliffWalking-v1"))
    env.reset(seed=0)
    for _ in range(at):
        env.step(0)
    env.reset()
    env.step(0)
    trace = env.trace()
    assert np.flatnonzero(trace.truncated).tolist() == [at - 1]
    assert trace.episode.tolist() == [0] * at + [1] and trace.step.tolist() == list(range(at + 1))


def test_recording_leaves_the_environment_open_and_passes_everything_on() -> None:
    inner = Slider()
    env = record(inner)
    assert inner.closed == 0 and env.unwrapped is inner and isinstance(env, Recorder)
    plain, other = Slider(), Slider()
    recorded = record(other)
    for thing in (plain, recorded):
        thing.action_space.seed(0)
    assert plain.reset(seed=5)[0] == recorded.reset(seed=5)[0]
    for _ in range(3):
        action = np.array([0.25, 0.5])
        assert plain.step(action) == recorded.step(action)
    assert len(recorded.trace()) == 3 and len(recorded.trace()) == 3  # reading takes nothing away
    recorded.close()
    assert other.closed == 1
    assert len(recorded.trace()) == 3


def test_bad_steps_are_refused_and_not_kept() -> None:
    env = record(Slider(reward=float("nan")))
    env.reset(seed=0)
    with pytest.raises(RunError, match="reward nan"):
        env.step(np.zeros(2))
    for action in (np.zeros(3), np.array([np.nan, 0.0]), "left"):
        with pytest.raises((RunError, ValueError)):
            record(Slider()).step(action)
    lake = record(gym.make("FrozenLake-v1"))
    lake.reset(seed=0)
    with pytest.raises(RunError, match=r"outside 0\.\.3"):
        lake.step(4)
    assert len(env.trace()) == len(lake.trace()) == 0
