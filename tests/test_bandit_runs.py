"""Agents in the worlds of arms: every run adds up, both speeds are one, and published figures come out."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numba.core.errors import NumbaError
from test_speeds import check_pair

import sandbox.envs  # noqa: F401  registers the environments
from sandbox.catalog import make_agent, make_world
from sandbox.compiled import lean
from sandbox.errors import RunError, SandboxError
from sandbox.interfaces import Decision
from sandbox.law_stream import Batch
from sandbox.runs import Options, Run, run_once
from sandbox.streams.ten_armed import TenArmed
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms

NAMES = ["ten-armed", "walking-arms", "changing-arms", "rotting-arms", "linear-bandit"]


# --- prices -----------------------------------------------------------------------------------------------------------


def played(world: str, agent: Any, seed: int, steps: int, **terms: Any) -> Run:
    met = make_world(world).under(make_terms(**terms))
    run = run_once(met, make_agent(agent, met), seed, Budget(steps), Options())
    assert not run.error
    return run


def test_recovery_from_own_changes_is_measured() -> None:
    run = played("changing-arms", "ucb", 0, 6000)
    assert [found.change for found in run.recoveries] == [3000, 5000]
    with pytest.raises(SandboxError, match="changing-arms has a drift of its own; give one only"):
        _ = make_world("changing-arms").under(make_terms(drift="abrupt@100"))


def test_wrong_answers_wear_no_arm_twice() -> None:
    run = played("rotting-arms:rested=True", "epsilon-greedy", 0, 500, feedback="noisy=0.5")
    again = played("rotting-arms:rested=True", "epsilon-greedy", 0, 500, feedback="noisy=0.5")
    assert run.scores is not None and again.scores is not None
    assert run.scores.fingerprint == again.scores.fingerprint


def test_contexts_are_worth_something() -> None:
    linear, blind = (played("linear-bandit", agent, 0, 4000).scores for agent in ("linucb", "ucb"))
    assert linear is not None and blind is not None
    assert linear.metrics["regret"] < 0.2 * blind.metrics["regret"]


AGENTS = ["random", "epsilon-greedy", "ucb", "thompson", "q-learning", "oracle"]


@pytest.mark.parametrize("drift", [None, "abrupt@700", ("gradual@300~900", "recurring@400")], ids=str)
@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("world", [*NAMES, "rotting-arms:rested=True"])
def test_the_accounts_of_every_pair(world: str, agent: str, drift: Any) -> None:
    if world == "linear-bandit" and agent == "q-learning":
        pytest.skip("q-learning needs a table, and contexts are numbers")
    if world == "changing-arms" and drift is not None:
        world, drift = f"changing-arms:noise=1.0,drift={drift!r}".replace(" ", ""), None
    scores = played(world, agent, 0, 1500, drift=drift).scores
    assert scores is not None
    found = scores.metrics
    assert found["ledger_error"] < 1e-9 and found["shift"] == 0.0
    assert abs(found["luck_z"]) < found["luck_z_bound"]
    if agent == "oracle":
        assert found["regret"] == 0.0 == found["mistakes"]
    else:
        assert found["regret"] > 0.0


class Swapped(TenArmed):
    """Prices two arms as if each were the other."""

    def batch(self, seed: int, start: int, count: int) -> Batch:
        batch = super().batch(seed, start, count)
        return batch._replace(values=batch.values[:, [1, 0, *range(2, 10)]])


def test_a_wrong_price_is_noticed() -> None:
    for stream, right in ((TenArmed(), True), (Swapped(), False)):
        run = run_once(make_world(stream), make_agent("random", make_world(stream)), 0, Budget(4000), Options())
        assert run.scores is not None
        assert (abs(run.scores.metrics["luck_z"]) < run.scores.metrics["luck_z_bound"]) == right


class Idle:
    """Abstains."""

    def begin(self, observation_space: Any, choice_space: Any, rng: Any) -> None:
        """Start."""

    def act(self, observation: Any) -> Decision:
        return Decision(None)

    def learn(self, experience: Any) -> None:
        """Learn nothing."""


def test_nobody_abstains() -> None:
    world = make_world("ten-armed")
    with pytest.raises(RunError, match=r"step 0: the agent abstained, and here one of the choices must be taken"):
        world.run(Idle(), 0, Budget(5), lambda trace: None)
    env = gym.make("sandbox/TenArmed-v0")
    env.reset(seed=0)
    with pytest.raises(SandboxError, match="one of the Discrete"):
        env.step(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["TenArmed", "WalkingArms", "ChangingArms", "RottingArms", "LinearBandit"])
def test_gymnasium_is_content(name: str) -> None:
    check_env(gym.make(f"sandbox/{name}-v0").unwrapped, skip_render_check=True)


# --- two speeds, figures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", ["epsilon-greedy", "ucb", "thompson", "popularity:decay=0.99", "random"])
@pytest.mark.parametrize("world", NAMES)
def test_plain_and_compiled_runs_are_one(world: str, agent: str) -> None:
    check_pair(world, agent, Budget(steps=9000))


def test_linucb_is_one_run_at_both_speeds() -> None:
    check_pair("linear-bandit", "linucb", Budget(steps=9000), drift="gradual@900~900", feedback="delayed=20")
    check_pair("ten-armed", "ucb", Budget(steps=9000), drift="recurring@900", feedback="delayed=7+noisy=0.1")


def optimal(world: str, agent: str, seeds: int, steps: int, last: int) -> tuple[Any, Any]:
    """Return the share of best choices and the mean reward of each run's last decisions."""
    met, share, reward = make_world(world), [], []
    for seed in range(seeds):
        chunks: list[Trace] = []
        met.run(make_agent(agent, met), seed, Budget(steps), chunks.append)
        trace = join(chunks)
        share.append((trace.value == trace.best)[-last:].mean())
        reward.append(trace.reward[-last:].mean())
    return np.array(share), np.array(reward)


@pytest.mark.parametrize(
    ("epsilon", "share", "reward"), [(0.0, 0.355, 1.033), (0.01, 0.599, 1.316), (0.1, 0.799, 1.362)]
)
def test_figure_2_2_in_small(epsilon: float, share: float, reward: float) -> None:
    """REFERENCES: S&B, figure 2.2, at step 1000; here the last 20 steps of 400 runs."""
    shares, rewards = optimal("ten-armed", f"epsilon-greedy:epsilon={epsilon}", 400, 1000, 20)
    assert shares.mean() == pytest.approx(share, abs=3.5 * shares.std() / 20 + 0.003)
    assert rewards.mean() == pytest.approx(reward, abs=3.5 * rewards.std() / 20 + 0.003)


@pytest.mark.parametrize(("agent", "share"), [("epsilon-greedy", 0.454), ("epsilon-greedy:step_size=0.1", 0.768)])
def test_exercise_2_5_in_small(agent: str, share: float) -> None:
    """REFERENCES: S&B, exercise 2.5, step 10,000; here the last 200 steps of 100 runs."""
    shares, _ = optimal("walking-arms", agent, 100, 10_000, 200)
    assert shares.mean() == pytest.approx(share, abs=3.5 * shares.std() / 10 + 0.005)


# --- compiled without counting references -----------------------------------------------------------------------------


def test_a_lean_rule_makes_no_array() -> None:
    def total(x: Any) -> float:
        found = 0.0
        for i in range(x.shape[0]):
            found += x[i] / 3.0
        return found

    def doubled(x: Any) -> Any:
        return np.concatenate((x, x))

    numbers = np.random.default_rng(0).random(50)
    assert lean(total)(numbers) == total(numbers)
    with pytest.raises(NumbaError):
        lean(doubled)(numbers)
