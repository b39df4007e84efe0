"""Policy evaluation: every rule against its definition over whole episodes, and against the book's random walks."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import random_table
from scipy import stats
from tabular_reference import (
    Small,
    live,
    monte_carlo_values,
    n_step_values,
    offline_lambda_values,
    online_lambda_values,
    small_world,
    traced_values,
    with_fault,
)
from test_speeds import check_pair

from sandbox.agents.prediction.lambda_return import LambdaReturn
from sandbox.agents.prediction.mc_prediction import McPrediction
from sandbox.agents.prediction.n_step_td import NStepTd
from sandbox.agents.prediction.td import Td
from sandbox.agents.prediction.td_lambda import TdLambda
from sandbox.agents.prediction.true_online_td import TrueOnlineTd
from sandbox.catalog import make_agent, make_world
from sandbox.errors import SandboxError
from sandbox.interfaces import Experience
from sandbox.table import FloatArray, Objective
from sandbox.world import Budget

EPISODES, LONGEST = 4, 10
KINDS = ("td", "mc_prediction", "n_step_td", "td_lambda", "true_online_td", "lambda_return")
NAMES = tuple(kind.replace("_", "-") for kind in KINDS)
UNIT = st.floats(0.0, 1.0)


def same(found: FloatArray, wanted: FloatArray) -> None:
    """Compare to 1e-12 of the largest."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * max(1.0, float(np.abs(wanted).max())))


# --- each rule against its definition ---------------------------------------------------------------------------------


class Case:
    """A small world, and settings drawn by hypothesis or by hand."""

    def __init__(self, seed: int, step_size: float, discount: float, decay: float, n: int, flag: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.step_size, self.discount, self.decay, self.n, self.flag = step_size, discount, decay, n, flag
        self.world: Small = small_world(self.rng, int(self.rng.integers(1, 5)), int(self.rng.integers(1, 4)))

    def episodes(self, agent: Any) -> Any:
        """Yield episodes, with `v` before and after each step; it starts with numbers drawn at random."""
        states, choices = self.world.moves.shape[:2]
        agent.begin(spaces.Discrete(states), spaces.Discrete(choices), np.random.default_rng(5))
        agent.v[:] = self.rng.normal(size=states)
        for _ in range(EPISODES):
            yield live(agent, self.world, self.rng, LONGEST, lambda: agent.v)


def check_td(module: Any, case: Case) -> None:
    for episode, seen in case.episodes(module.Td(case.step_size, case.discount)):
        same(seen[-1], n_step_values(seen[0], episode, 1, case.step_size, case.discount))
        for step, before, after in zip(episode, seen, seen[1:], strict=False):
            assert (before != after).sum() <= 1 and (np.delete(before == after, step.state)).all()


def check_mc_prediction(module: Any, case: Case) -> None:
    for episode, seen in case.episodes(module.McPrediction(case.step_size, case.discount)):
        assert all((v == seen[0]).all() for v in seen[:-1])  # nothing is learned before the end
        same(seen[-1], monte_carlo_values(seen[0], episode, case.step_size, case.discount))


def check_n_step_td(module: Any, case: Case) -> None:
    for episode, seen in case.episodes(module.NStepTd(case.n, case.step_size, case.discount)):
        same(seen[-1], n_step_values(seen[0], episode, case.n, case.step_size, case.discount))


def check_td_lambda(module: Any, case: Case) -> None:
    given = (case.step_size, case.discount, case.decay, case.flag)
    kind = "replacing" if case.flag else "accumulating"
    for episode, seen in case.episodes(module.TdLambda(case.decay, kind, case.step_size, case.discount)):
        same(seen[-1], traced_values(seen[0], episode, given))


def check_true_online_td(module: Any, case: Case) -> None:
    given = (case.step_size, case.discount, case.decay)
    for episode, seen in case.episodes(module.TrueOnlineTd(case.decay, case.step_size, case.discount)):
        for found, wanted in zip(seen[1:], online_lambda_values(seen[0], episode, *given), strict=True):
            same(found, wanted)


def check_lambda_return(module: Any, case: Case) -> None:
    given = (case.step_size, case.discount, case.decay)
    for episode, seen in case.episodes(module.LambdaReturn(case.decay, case.step_size, case.discount)):
        assert all((v == seen[0]).all() for v in seen[:-1])
        same(seen[-1], offline_lambda_values(seen[0], episode, *given))


CHECKS: dict[str, Callable[[Any, Case], None]] = {kind: globals()[f"check_{kind}"] for kind in KINDS}
SHARED = {
    "window": "sandbox.agents.tabular._window",
    "traces": "sandbox.agents.tabular._traces",
    "prediction": "sandbox.agents.prediction._prediction",
}


def module_of(kind: str) -> Any:
    return importlib.import_module(f"sandbox.agents.prediction.{kind}")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), step_size=UNIT, discount=UNIT, decay=UNIT, n=st.integers(1, 12), flag=st.booleans()
)
def test_rules_against_their_definitions(kind: str, **drawn: Any) -> None:
    """Values after whole episodes, ended and cut, are those of forward views over the episode."""
    CHECKS[kind](module_of(kind), Case(**drawn))


FAULTS = [
    ("td", "", "reward + discount *", "reward +"),
    ("td", "", "terminated)\n    value", "terminated or truncated)\n    value"),
    ("td", "prediction", "(target - v[state])", "(v[state] - target)"),
    ("td", "prediction", "0.0 if terminated else v[next_state]", "v[next_state]"),
    ("mc_prediction", "window", "+ discount * total\n        window", "+ total\n        window"),
    ("mc_prediction", "prediction", "(target - v[state])", "(v[state] - target)"),
    ("mc_prediction", "", "if terminated or truncated:", "if terminated:"),
    ("mc_prediction", "window", "- 1, -1, -1", "- 2, -1, -1"),
    ("n_step_td", "window", "+ discount * total\n    return", "+ total\n    return"),
    ("n_step_td", "prediction", "(target - v[state])", "(v[state] - target)"),
    ("n_step_td", "", "[COUNT] == window.state.shape[0]", "[COUNT] == window.state.shape[0] - 1"),
    ("n_step_td", "", "make_window(self.n)", "make_window(self.n + 1)"),
    ("n_step_td", "", "place_of(window, 0)", "place_of(window, 1)"),
    ("n_step_td", "window", "window.mark[FIRST] = place_of(window, 1)", "window.mark[FIRST] = place_of(window, 2)"),
    ("td_lambda", "", "error = reward +", "error = -reward +"),
    ("td_lambda", "", "- v[state]", "+ v[state]"),
    ("td_lambda", "", "reward + discount *", "reward +"),
    ("td_lambda", "", "discount * trace_decay)", "trace_decay)"),
    ("td_lambda", "traces", "size[i] *= decay", "size[i] *= 0.5 * decay"),
    ("td_lambda", "traces", "count = 0.0, count - 1", "count = 0.0, count - 2"),
    ("td_lambda", "", "terminated or truncated:\n        clear", "terminated:\n        clear"),
    ("true_online_td", "", "- now\n", "+ now\n"),
    ("true_online_td", "", "1.0 - step_size * traces.size[state]", "1.0"),
    ("true_online_td", "", "reward + discount *", "reward +"),
    ("true_online_td", "", "v[state] -= step_size * moved", "v[state] += step_size * moved"),
    ("true_online_td", "", "(error + moved)", "error"),
    ("true_online_td", "", "before[0] = follows", "before[0] = now"),
    ("lambda_return", "", "discount * ((1.0", "((1.0"),
    ("lambda_return", "", "(1.0 - trace_decay) * worth", "worth"),
    ("lambda_return", "", "- 1, -1, -1", "- 2, -1, -1"),
    ("lambda_return", "", "worth = total, v[window.state[i]]", "worth = total, worth"),
    ("lambda_return", "prediction", "(target - v[state])", "(v[state] - target)"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "shared", "old", "new"), FAULTS)
def test_planted_faults_are_found(kind: str, shared: str, old: str, new: str) -> None:
    """Each in the rule's own text; the rule itself, read anew in the same way, passes the same cases."""
    name, place = f"sandbox.agents.prediction.{kind}", SHARED.get(shared, "")
    cases = [(seed, 0.3, 0.8, (0.7, 0.0)[seed % 3 == 2], 1 + seed % 4, seed % 2 == 0) for seed in range(8)]
    for case in cases:
        CHECKS[kind](with_fault(name, old, old, place), Case(*case))
    faulty = with_fault(name, old, new, place)
    with pytest.raises((AssertionError, IndexError)):
        for case in cases:
            CHECKS[kind](faulty, Case(*case))


# --- where two of them are the same -----------------------------------------------------------------------------------


def taught(agent: Any, seed: int, episodes: int = 3) -> FloatArray:
    """Return what an agent learns from episodes that are the same for all agents."""
    rng = np.random.default_rng(seed)
    agent.begin(spaces.Discrete(5), spaces.Discrete(1), np.random.default_rng(0))
    agent.v[:] = rng.normal(size=5)
    for _ in range(episodes):
        length, terminated = int(rng.integers(1, 20)), bool(rng.integers(2))
        states, rewards = rng.integers(0, 5, size=length + 1), rng.normal(size=length)
        for t in range(length):
            ends = t == length - 1
            told = (int(states[t]), 0, float(rewards[t]), int(states[t + 1]))
            agent.learn(Experience(*told, ends and terminated, ends and not terminated, None, t))
    values: FloatArray = agent.v
    return values.copy()


@pytest.mark.parametrize("seed", range(15))
def test_at_their_ends_they_are_one(seed: int) -> None:
    """One step or lambda 0: TD(0); more steps than there are, or lambda 1 off-line: Monte Carlo; to the last bit."""
    td, mc = taught(Td(0.3, 0.9), seed), taught(McPrediction(0.3, 0.9), seed)
    assert (td != mc).any()
    for agent in (NStepTd(1, 0.3, 0.9), TdLambda(0.0, "replacing", 0.3, 0.9), TdLambda(0.0, "accumulating", 0.3, 0.9)):
        np.testing.assert_array_equal(taught(agent, seed), td)
    same(taught(TrueOnlineTd(0.0, 0.3, 0.9), seed), td)
    for agent in (NStepTd(20, 0.3, 0.9), LambdaReturn(1.0, 0.3, 0.9)):
        np.testing.assert_array_equal(taught(agent, seed), mc)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 1.0])
def test_backward_and_forward_view_agree_where_steps_are_small(decay: float) -> None:
    """TD(lambda), true online TD(lambda) and the off-line lambda-return differ by the square of the step size."""
    for seed in range(5):
        start = taught(Td(0.0), seed)
        moved = [
            (taught(agent, seed, 1) - start) / 1e-7
            for agent in (TdLambda(decay, "accumulating", 1e-7), TrueOnlineTd(decay, 1e-7), LambdaReturn(decay, 1e-7))
        ]
        for other in moved[1:]:
            np.testing.assert_allclose(moved[0], other, rtol=1e-4, atol=1e-5)


# --- the book's random walks ------------------------------------------------------------------------------------------


def errors(agent: str, states: int, episodes: int, runs: int, left: float) -> FloatArray:
    """Return the root mean squared error over the states (runs,) after a number of episodes."""
    world, found = make_world(f"sandbox/RandomWalk-v0:states={states},left_reward={left}"), []
    wanted = left + (1.0 - left) * np.arange(1, states + 1) / (states + 1)
    for seed in range(runs):
        learner = make_agent(agent, world)
        world.run(learner, seed, Budget(episodes=episodes), lambda _: None)
        found.append(np.sqrt(np.mean((learner.v[1:-1] - wanted) ** 2)))
    return np.array(found)


FIGURE_6_2 = [
    ("td:step_size=0.05", 0.0353), ("td:step_size=0.1", 0.0552),
    ("mc-prediction:step_size=0.01", 0.0969), ("mc-prediction:step_size=0.03", 0.0936),
]  # fmt: skip


@pytest.mark.parametrize(("agent", "published"), FIGURE_6_2)
def test_figure_6_2(agent: str, published: float) -> None:
    """The error after 100 episodes (Sutton & Barto, figure 6.2, re-run 1,000 times: REFERENCES), 3 standard errors."""
    found = errors(f"{agent},initial_value=0.5", 5, 100, 300, 0.0)
    error = found.std(ddof=1) * np.sqrt(1 / len(found) + 1 / 1000)
    assert abs(found.mean() - published) <= 3 * error + 5e-5


@pytest.mark.parametrize(("n", "published"), [(4, 0.266), (1, 0.347)])
def test_figure_7_2(n: int, published: float) -> None:
    """The best error over the first 10 episodes of the 19-state walk (REFERENCES: n = 4 at step size .4)."""
    world = make_world("sandbox/RandomWalk-v0")
    wanted = -1.0 + 2.0 * np.arange(1, 20) / 20

    def error(step_size: float, runs: int) -> FloatArray:
        found = np.empty((runs, 10))
        for run in range(runs):
            learner = make_agent(f"n-step-td:n={n},step_size={step_size}", world)
            learner.begin(world.observation_space, world.choice_space, np.random.default_rng(0))
            rng = np.random.default_rng([run, 77])
            for episode in range(10):
                walk_once(learner, rng)
                found[run, episode] = np.sqrt(np.mean((learner.v[1:-1] - wanted) ** 2))
        return found.mean(axis=1)

    best = min((0.3, 0.4, 0.5) if n == 4 else (0.7, 0.8, 0.9), key=lambda step_size: error(step_size, 30).mean())
    found = error(best, 200)
    assert n == 1 or best == 0.4
    assert abs(found.mean() - published) <= 3 * found.std(ddof=1) / np.sqrt(len(found)) + 2e-3


def walk_once(learner: Any, rng: np.random.Generator) -> None:
    """Teach one episode of the 19-state walk, drawn here."""
    state = 10
    while 0 < state < 20:
        after = state + (1 if rng.random() < 0.5 else -1)
        reward = {0: -1.0, 20: 1.0}.get(after, 0.0)
        learner.learn(Experience(state, 0, reward, after, after in (0, 20), False, None, 0))
        state = after


# --- both speeds, and parts -------------------------------------------------------------------------------------------

SPEEDS = [
    "td", "td:step_size=1.0", "mc-prediction:initial_value=0.5", "n-step-td", "n-step-td:n=1", "n-step-td:n=60",
    "td-lambda", "td-lambda:traces=replacing,trace_decay=1.0", "td-lambda:step_size=1.0,trace_decay=1.0",
    "true-online-td", "true-online-td:trace_decay=1.0,step_size=1.0", "lambda-return", "lambda-return:trace_decay=0.3",
]  # fmt: skip


@pytest.mark.parametrize("agent", SPEEDS)
@pytest.mark.parametrize(
    ("world", "drift"),
    [
        ("sandbox/RandomWalk-v0", None),
        ("FrozenLake-v1:max_episode_steps=7", None),
        ("sandbox/GridMaze-v0:slip=0.1", ("gradual@2000~6", "recurring@700")),
    ],
    ids=str,
)
def test_plain_and_compiled_are_the_same_run(world: str, drift: Any, agent: str) -> None:
    """Traces, what was learned and the generator, bit for bit; more than one chunk."""
    check_pair(world, agent, Budget(steps=9000), drift=drift)


@pytest.mark.parametrize("name", NAMES)
def test_they_find_what_the_random_policy_is_worth(name: str) -> None:
    """Values of a random law under the random policy, by linear equations, within four standard errors."""
    rng = np.random.default_rng(3)
    table = random_table(rng, 4, 3, 3, Objective(), end=0.2)
    moves, rewards = np.zeros((4, 4)), np.zeros(4)
    for s, a, k in np.ndindex(*table.probability.shape):
        p = table.probability[s, a, k] / 3
        rewards[s] += p * table.reward[s, a, k]
        moves[s, table.successor[s, a, k]] += p * (not table.terminated[s, a, k])
    wanted = np.linalg.solve(np.eye(4) - 0.9 * moves, rewards)
    found = []
    for seed in range(20):
        agent, chance = (
            make_agent(f"{name}:step_size=0.02,discount=0.9", make_world("FrozenLake-v1")),
            np.random.default_rng(seed),
        )
        agent.begin(spaces.Discrete(4), spaces.Discrete(3), np.random.default_rng([seed, 1]))
        state = 0
        for _ in range(3000):
            choice = agent.act(state)
            k = int(chance.choice(table.probability.shape[2], p=table.probability[state, choice]))
            after, ends = int(table.successor[state, choice, k]), bool(table.terminated[state, choice, k])
            agent.learn(Experience(state, choice, float(table.reward[state, choice, k]), after, ends, False, None, 0))
            state = int(chance.integers(4)) if ends else after
        found.append(agent.v.copy())
    error = np.std(found, axis=0, ddof=1) / np.sqrt(20)
    assert (np.abs(np.mean(found, axis=0) - wanted) < 4 * error + 0.02).all() and (error < 0.1).all()


@pytest.mark.parametrize("name", NAMES)
def test_they_choose_at_random_and_never_explore(name: str) -> None:
    agent = make_agent(name, make_world("FrozenLake-v1"))
    agent.begin(spaces.Discrete(2), spaces.Discrete(3), np.random.default_rng(0))
    made = [agent.act(1) for _ in range(6000)]
    assert {type(choice) for choice in made} == {int} and stats.chisquare(np.bincount(made)).pvalue > 1e-3
    assert agent.q.shape == (2, 3) and not agent.q.any() and agent.v.shape == (2,)
    agent.learn(Experience(0, None, 5.0, 1, True, False, None, 0))
    assert not agent.v.any()


@pytest.mark.parametrize(
    "agent", [NStepTd(3), McPrediction(), TdLambda(), TrueOnlineTd(), LambdaReturn()], ids=lambda a: type(a).__name__
)
def test_a_gap_in_what_is_told_ends_what_waits(agent: Any) -> None:
    """Steps whose sequel is not told teach nothing, and get no blame for what comes after the gap.

    An answer is missing, or the agent abstained and stayed where it was.
    """
    for last in (5, 1):
        agent.begin(spaces.Discrete(9), spaces.Discrete(2), np.random.default_rng(0))
        agent.learn(Experience(0, 0, 0.0, 1, False, False, None, 0))
        if last == 1:
            agent.learn(Experience(1, None, 9.0, 1, False, False, None, 1))
        agent.learn(Experience(last, 1, 1.0, 6, True, False, None, 2))
        assert agent.v[last] == pytest.approx(0.1) and np.count_nonzero(agent.v) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Td(step_size=1.5), "Td: step_size=1.5 is out of range [0, 1]"),
        (lambda: NStepTd(0), "NStepTd: n=0 is out of range [1, 10000]"),
        (lambda: NStepTd(True), "NStepTd: n=True is not a number"),
        (lambda: TdLambda(traces="replace"), "did you mean 'replacing'?"),
        (lambda: TrueOnlineTd(-0.1), "TrueOnlineTd: trace_decay=-0.1 is out of range [0, 1]"),
        (lambda: LambdaReturn(discount=2.0), "LambdaReturn: discount=2.0 is out of range [0, 1]"),
        (lambda: McPrediction(initial_value=1e13), "McPrediction: initial_value=10000000000000.0 is out of range"),
    ],
)
def test_settings_out_of_range_are_refused_in_one_line(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SandboxError) as caught:
        make()
    assert message in str(caught.value) and "\n" not in str(caught.value)
