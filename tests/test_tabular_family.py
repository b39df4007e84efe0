"""Tabular control: every rule against its definition over whole episodes, at both speeds, and with faults planted."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tabular_reference import (
    Small,
    actor_critic,
    double_q,
    live,
    monte_carlo,
    n_step_sarsa,
    small_world,
    traced_control,
    with_fault,
)
from test_speeds import check_pair

from sandbox.agents.tabular import _window
from sandbox.agents.tabular.actor_critic import ActorCritic
from sandbox.agents.tabular.double_q_learning import DoubleQLearning
from sandbox.agents.tabular.monte_carlo import MonteCarlo
from sandbox.agents.tabular.n_step_sarsa import NStepSarsa
from sandbox.agents.tabular.q_learning import QLearning
from sandbox.agents.tabular.sarsa import Sarsa
from sandbox.agents.tabular.sarsa_lambda import SarsaLambda
from sandbox.agents.tabular.watkins_q import WatkinsQ
from sandbox.catalog import make_agent, make_world
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator
from sandbox.interfaces import Decision, Experience
from sandbox.table import FloatArray
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms

EPISODES, LONGEST = 4, 12
KINDS = ("monte_carlo", "n_step_sarsa", "sarsa_lambda", "watkins_q", "double_q_learning", "actor_critic")
NAMES = tuple(kind.replace("_", "-") for kind in KINDS)


def started(agent: Any, world: Small, seed: int = 0) -> Any:
    """Begin a run whose tables hold numbers drawn at random, so that no two choices are tied."""
    states, choices = world.moves.shape[:2]
    agent.begin(spaces.Discrete(states), spaces.Discrete(choices), np.random.default_rng([seed, 1]))
    rng = np.random.default_rng([seed, 2])
    for name, array in agent.memory._asdict().items():
        if name in ("q", "first", "second", "preference", "v"):
            array[:] = rng.normal(size=array.shape)
    return agent


def same(found: FloatArray, wanted: FloatArray) -> None:
    """Compare to 1e-12 of the largest."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * max(1.0, float(np.abs(wanted).max())))


# --- each rule against its definition ---------------------------------------------------------------------------------


class Case:
    """A small world, an agent's module in it, and settings drawn by hypothesis or by hand."""

    def __init__(self, seed: int, step_size: float, discount: float, decay: float, n: int, flag: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.seed, self.step_size, self.discount = seed, step_size, discount
        self.decay, self.n, self.flag = decay, n, flag
        self.world = small_world(self.rng, int(self.rng.integers(1, 5)), int(self.rng.integers(1, 4)))

    def episodes(self, agent: Any) -> Any:
        """Yield episodes, with what `q` was before and after each step."""
        for _ in range(EPISODES):
            yield live(agent, self.world, self.rng, LONGEST, lambda: agent.q)


def check_monte_carlo(module: Any, case: Case) -> None:
    step_size = None if case.flag else case.step_size
    agent = started(module.MonteCarlo(step_size, case.discount, 0.3), case.world, case.seed)
    past: dict[tuple[int, int], list[float]] = {}
    for episode, seen in case.episodes(agent):
        assert all((q == seen[0]).all() for q in seen[:-1])  # nothing is learned before the end
        same(seen[-1], monte_carlo(seen[0], past, episode, step_size, case.discount, 0.3))


def check_n_step_sarsa(module: Any, case: Case) -> None:
    agent = started(module.NStepSarsa(case.n, case.step_size, case.discount, 0.3), case.world, case.seed)
    for episode, seen in case.episodes(agent):
        same(seen[-1], n_step_sarsa(seen[0], episode, case.n, case.step_size, case.discount))


def check_sarsa_lambda(module: Any, case: Case) -> None:
    given = (case.step_size, case.discount, case.decay, case.flag)
    kind = "replacing" if case.flag else "accumulating"
    agent = module.SarsaLambda(case.decay, kind, case.step_size, case.discount, 0.3)
    for episode, seen in case.episodes(started(agent, case.world, case.seed)):
        same(seen[-1], traced_control(seen[0], episode, given, False))


def check_watkins_q(module: Any, case: Case) -> None:
    given = (case.step_size, case.discount, case.decay, case.flag)
    kind = "replacing" if case.flag else "accumulating"
    agent = module.WatkinsQ(case.decay, kind, case.step_size, case.discount, 0.5)
    for episode, seen in case.episodes(started(agent, case.world, case.seed)):
        same(seen[-1], traced_control(seen[0], episode, given, True))


def check_double_q_learning(module: Any, case: Case) -> None:
    agent = started(module.DoubleQLearning(case.step_size, case.discount, 0.3), case.world, case.seed)
    for _ in range(EPISODES):
        episode, seen = live(
            agent, case.world, case.rng, LONGEST, lambda: np.stack([agent.memory.first, agent.memory.second])
        )
        for step, before, after in zip(episode, seen, seen[1:], strict=False):
            pairs = [
                np.stack(double_q((before[0], before[1]), step, learner, case.step_size, case.discount))
                for learner in (0, 1)
            ]
            same(after, min(pairs, key=lambda pair: np.abs(pair - after).max()))  # a coin says which
            visited = step.state, step.choice
        assert agent.q[visited] == pytest.approx(seen[-1][:, *visited].mean(), abs=1e-12)


def check_actor_critic(module: Any, case: Case) -> None:
    rates = (case.step_size, case.decay, case.discount)
    agent = started(module.ActorCritic(*rates, case.flag), case.world, case.seed)
    choices = case.world.moves.shape[1]
    for _ in range(EPISODES):
        episode, seen = live(agent, case.world, case.rng, LONGEST, lambda: np.column_stack([agent.q, agent.v]))
        preference, v = actor_critic(seen[0][:, :choices], seen[0][:, choices], episode, rates, case.flag)
        same(seen[-1], np.column_stack([preference, v]))


CHECKS: dict[str, Callable[[Any, Case], None]] = {kind: globals()[f"check_{kind}"] for kind in KINDS}
UNIT = st.floats(0.0, 1.0)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), step_size=UNIT, discount=UNIT, decay=UNIT, n=st.integers(1, 15), flag=st.booleans()
)
def test_rules_against_their_definitions(kind: str, **drawn: Any) -> None:
    """Values after whole episodes, ended and cut, are those of explicit sums over the episode."""
    CHECKS[kind](importlib.import_module(f"sandbox.agents.tabular.{kind}"), Case(**drawn))


SHARED = {"_window": "sandbox.agents.tabular._window", "_traces": "sandbox.agents.tabular._traces"}
FAULTS = [
    ("monte_carlo", "_window", "+ discount * total\n        window", "+ total\n        window"),
    ("monte_carlo", "_window", "window.mark[COUNT] - 1, -1, -1", "window.mark[COUNT] - 2, -1, -1"),
    ("monte_carlo", "", "0.0 if terminated else", "0.0 if terminated or truncated else"),
    ("monte_carlo", "", "visits[state, choice] += 1.0", "visits[state, choice] += 2.0"),
    ("n_step_sarsa", "_window", "+ discount * total\n    return", "+ total\n    return"),
    ("n_step_sarsa", "_window", "total = follows\n    for", "total = -follows\n    for"),
    ("n_step_sarsa", "", "[COUNT] == window.state.shape[0]", "[COUNT] == window.state.shape[0] - 1"),
    ("n_step_sarsa", "", "place_of(window, 0)", "place_of(window, 1)"),
    ("n_step_sarsa", "", "make_window(self.n)", "make_window(self.n + 1)"),
    ("n_step_sarsa", "", "over = terminated or truncated", "over = terminated"),
    ("sarsa_lambda", "", "target - q[state, choice]", "q[state, choice] - target"),
    ("sarsa_lambda", "", "reward + discount * q[", "reward + q["),
    ("sarsa_lambda", "", "discount * trace_decay)", "trace_decay)"),
    ("sarsa_lambda", "", "    if over:\n        clear(traces)\n", ""),
    ("sarsa_lambda", "_traces", "else before + size", "else size"),
    ("sarsa_lambda", "_traces", "size[i] *= decay", "size[i] *= 1.0"),
    ("watkins_q", "", "target - q[state, choice]", "q[state, choice] - target"),
    ("watkins_q", "", "reward + discount * best", "reward + best"),
    ("watkins_q", "", "q[state, choice] < best_value(q, state)", "q[state, choice] > best_value(q, state)"),
    ("watkins_q", "", "if terminated or truncated:", "if terminated:"),
    ("double_q_learning", "", "judge[next_state", "learner[next_state"),
    ("double_q_learning", "", "reward + discount *", "reward - discount *"),
    ("double_q_learning", "", "+ discount * judge", "+ judge"),
    ("double_q_learning", "", "0.5 * (first", "0.25 * (first"),
    ("actor_critic", "", "target - v[state]", "v[state] - target"),
    ("actor_critic", "", "reward + discount * v", "reward + v"),
    ("actor_critic", "", "else 0.0) - chance", "else 0.0) + chance"),
    ("actor_critic", "", "elif fading", "elif not fading"),
    ("actor_critic", "", "reward if terminated else", "reward if terminated or truncated else"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "shared", "old", "new"), FAULTS)
def test_planted_faults_are_found(kind: str, shared: str, old: str, new: str) -> None:
    faulty = with_fault(f"sandbox.agents.tabular.{kind}", old, new, SHARED.get(shared, ""))
    cases = [Case(seed, 0.3, 0.8, 0.7, 1 + seed % 4, seed % 2 == 0) for seed in range(8)]
    for case in cases:  # the rule itself passes them all
        CHECKS[kind](importlib.import_module(f"sandbox.agents.tabular.{kind}"), case)
    with pytest.raises(AssertionError):
        for seed in range(8):
            CHECKS[kind](faulty, Case(seed, 0.3, 0.8, 0.7, 1 + seed % 4, seed % 2 == 0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_without_a_fault_passes(kind: str) -> None:
    """What `with_fault` makes differs by its fault alone."""
    for shared in ("", SHARED["_window"], SHARED["_traces"]):
        CHECKS[kind](
            with_fault(f"sandbox.agents.tabular.{kind}", "step_size", "step_size", ""), Case(1, 0.3, 0.8, 0.7, 2, True)
        )
        again = with_fault(f"sandbox.agents.tabular.{kind}", "from __future__", "from __future__", shared)
        CHECKS[kind](again, Case(1, 0.3, 0.8, 0.7, 2, True))


# --- where two of them are the same -----------------------------------------------------------------------------------


def trace_of(agent: Any, world: str = "CliffWalking-v1", steps: int = 3000, seed: int = 3) -> Trace:
    """Return what an agent does in a world."""
    chunks: list[Trace] = []
    made = make_world(world)
    made.run(make_agent(agent, made), seed, Budget(steps=steps), chunks.append)
    return join(chunks)


SAME = [
    (NStepSarsa(1, 0.3), Sarsa(0.3)),
    (SarsaLambda(0.0, "replacing", 0.3), Sarsa(0.3)),
    (SarsaLambda(0.0, "accumulating", 0.3, 0.9), Sarsa(0.3, 0.9)),
    (SarsaLambda(0.7, "accumulating", 0.3, 0.0), Sarsa(0.3, 0.0)),
    (WatkinsQ(0.0, "replacing", 0.3), QLearning(0.3)),
    (WatkinsQ(0.0, "accumulating", 0.3, 0.9, 0.4), QLearning(0.3, 0.9, 0.4)),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=lambda agent: type(agent).__name__)
@pytest.mark.parametrize("world", ["CliffWalking-v1", "FrozenLake-v1:max_episode_steps=9"])
def test_at_one_end_they_are_sarsa_and_q_learning(one: Any, other: Any, world: str) -> None:
    """One step, or no trace: the same decisions and values, to the last bit."""
    a, b = trace_of(one, world), trace_of(other, world)
    np.testing.assert_array_equal(a.choice, b.choice)
    np.testing.assert_array_equal(one.q, other.q)
    assert a.terminated.any() or a.truncated.any()


class Script:
    """A walk of given choices: the same experience for any agent."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        length = int(rng.integers(1, 30))
        states, choices = rng.integers(0, 4, size=length + 1), rng.integers(0, 2, size=length)
        rewards = rng.normal(size=length)
        self.steps = [
            Experience(
                int(states[t]), int(choices[t]), float(rewards[t]), int(states[t + 1]), t == length - 1, False, None, t
            )
            for t in range(length)
        ]

    def teach(self, agent: Any) -> FloatArray:
        agent.begin(spaces.Discrete(4), spaces.Discrete(2), np.random.default_rng(0))
        for step in self.steps:
            agent.learn(step)
        return agent.q.copy()


@pytest.mark.parametrize("seed", range(20))
def test_many_steps_and_monte_carlo_are_the_same(seed: int) -> None:
    """Beyond the end of the episode n-step returns are whole ones, to the last bit."""
    script = Script(seed)
    same_q = script.teach(NStepSarsa(len(script.steps), 0.3, 0.9))
    np.testing.assert_array_equal(same_q, script.teach(MonteCarlo(0.3, 0.9)))
    assert (same_q != 0.0).any()


# --- both speeds ------------------------------------------------------------------------------------------------------

SPEEDS = [
    "monte-carlo", "monte-carlo:step_size=0.2,initial_value=1.0", "n-step-sarsa", "n-step-sarsa:n=1,step_size=1.0",
    "n-step-sarsa:n=70,discount=1.0", "sarsa-lambda", "sarsa-lambda:trace_decay=1.0,discount=1.0,traces=accumulating",
    "watkins-q", "watkins-q:traces=accumulating,epsilon=0.5,trace_decay=0.3", "double-q-learning",
    "double-q-learning:initial_value=2.0,epsilon=0.0", "actor-critic", "actor-critic:step_size=30.0,fading=True",
]  # fmt: skip
WORLDS: list[tuple[str, Any]] = [
    ("FrozenLake-v1:map_name=8x8", None),
    ("CliffWalking-v1:is_slippery=True", None),
    ("sandbox/GridMaze-v0:slip=0.1", ("gradual@2000~6", "recurring@700")),
]


@pytest.mark.parametrize("agent", SPEEDS)
@pytest.mark.parametrize(("world", "drift"), WORLDS, ids=str)
def test_plain_and_compiled_are_the_same_run(world: str, drift: Any, agent: str) -> None:
    """Traces, what was learned and the generator, bit for bit; more than one chunk."""
    check_pair(world, agent, Budget(steps=9000), drift=drift)


# --- learning, and learning anew --------------------------------------------------------------------------------------

CONTROL = (
    "monte-carlo:step_size=0.1", "n-step-sarsa:step_size=0.2", "sarsa-lambda:step_size=0.2", "watkins-q:step_size=0.2",
    "double-q-learning:step_size=0.4", "actor-critic:step_size=0.3,critic_step_size=0.2",
)  # fmt: skip


def rates(agent: str, world: str, steps: int) -> tuple[float, float]:
    """Return the reward per step and the share of mistakes in the last tenth, over three seeds."""
    made, found = make_world(world), []
    for seed in range(3):
        judge = Evaluator(made.meta, pushes=100)
        made.run(make_agent(agent, made), seed, Budget(steps=steps), judge.update)
        scores = judge.finish().metrics
        assert scores["ledger_error"] < 1e-9
        found.append((scores["final_reward"], scores["final_mistake_rate"]))
    reward, mistakes = np.mean(found, axis=0)
    return float(reward), float(mistakes)


@pytest.mark.parametrize("agent", (*CONTROL, "monte-carlo"))
def test_they_learn_a_lake(agent: str) -> None:
    world = "FrozenLake-v1:is_slippery=False"
    reward, mistakes = rates(agent, world, 30_000)
    by_chance = rates("random", world, 30_000)
    assert reward > 0.08 > 10 * by_chance[0] and mistakes < by_chance[1] / 2


@pytest.mark.parametrize("agent", CONTROL)
def test_they_learn_anew_after_a_drift(agent: str) -> None:
    """The walls move once: mistakes go up, and down again."""
    made = make_world("sandbox/GridMaze-v0:desc=S....#/.###../...#../.#...G,drift='abrupt@15000'")
    # A softmax that is sure of itself unlearns slowly: small steps.
    agent = "actor-critic:step_size=0.02" if agent.startswith("actor") else agent

    def gaps(name: str, seed: int) -> list[float]:
        chunks: list[Trace] = []
        made.run(make_agent(name, made), seed, Budget(steps=40_000), chunks.append)
        gap = join(chunks).best - join(chunks).value
        return [float(gap[part].mean()) for part in (slice(12_000, 15_000), slice(15_000, 15_300), slice(35_000, None))]

    before, right_after, late = np.mean([gaps(agent, seed) for seed in range(3)], axis=0)
    assert right_after > 2 * before and late < right_after / 3
    assert max(before, late) < np.mean([gaps("random", seed) for seed in range(3)]) / 5


def share_of_left(agent: Any, seed: int, episodes: int = 120) -> float:
    """Return how often an agent goes left in a world like the book's example 6.7, where it should not.

    Right ends it for nothing; left leads to ten choices that earn -0.1 on average, give or take 1.
    """
    agent.begin(spaces.Discrete(3), spaces.Discrete(10), np.random.default_rng([seed, 1]))
    rng, lefts = np.random.default_rng([seed, 2]), 0
    for _ in range(episodes):
        made = agent.act(0)
        choice = made.choice if isinstance(made, Decision) else made
        left = choice < 5
        lefts += left
        agent.learn(Experience(0, choice, 0.0, 1 if left else 2, not left, False, None, 0))
        if left:
            made = agent.act(1)
            choice = made.choice if isinstance(made, Decision) else made
            agent.learn(Experience(1, choice, float(rng.normal(-0.1, 1.0)), 2, True, False, None, 0))
    return lefts / episodes


def test_the_best_of_guesses_misleads_double_q_learning_less() -> None:
    """Sutton & Barto, figure 6.5: Q-learning goes left most of the time at first, Double Q-learning far less."""
    single, double = (
        np.array([share_of_left(kind(0.1, 1.0, 0.1), seed) for seed in range(40)])
        for kind in (QLearning, DoubleQLearning)
    )
    error = np.sqrt((single.var(ddof=1) + double.var(ddof=1)) / 40)
    assert single.mean() > double.mean() + 0.1 and single.mean() > double.mean() + 4 * error


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("feedback", ["delayed=3", "delayed=uniform(0,30)+partial=0.7+noisy=0.1"])
def test_answers_may_come_late_or_never(name: str, feedback: str) -> None:
    """Out of order, what waits for its sequel is dropped; nothing breaks, and something is learned."""
    world, chunks = make_world("FrozenLake-v1:max_episode_steps=20").under(make_terms(feedback=feedback)), []
    agent = make_agent(name, world)
    world.run(agent, 0, Budget(steps=4000), chunks.append)
    assert len(join(chunks)) == 4000 and np.isfinite(agent.q).all() and agent.q.any()


# --- parts ------------------------------------------------------------------------------------------------------------


def test_of_a_long_episode_the_last_steps_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring of five: of eight steps those from the fourth on are learned, with their whole returns."""
    module = importlib.import_module("sandbox.agents.tabular.monte_carlo")
    monkeypatch.setattr(module, "WHOLE_EPISODE", 5)
    agent = MonteCarlo(None, 0.5)
    agent.begin(spaces.Discrete(9), spaces.Discrete(1), np.random.default_rng(0))
    for t in range(8):
        agent.learn(Experience(t, 0, float(t + 1), t + 1, t == 7, False, None, t))
    wanted = [sum(0.5 ** (i - t) * (i + 1) for i in range(t, 8)) for t in range(8)]
    assert agent.q[:8, 0].tolist() == [0.0, 0.0, 0.0, *(pytest.approx(g, abs=1e-12) for g in wanted[3:])]
    monkeypatch.undo()
    assert _window.WHOLE_EPISODE == 100_000 == len(MonteCarlo()._memory(2, 2).window.state)


@pytest.mark.parametrize(
    "agent", [NStepSarsa(3), MonteCarlo(0.5), SarsaLambda(), WatkinsQ()], ids=lambda a: type(a).__name__
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
        assert agent.q[last, 1] > 0.0 and np.count_nonzero(agent.q) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_only_an_end_cuts_what_follows(kind: str) -> None:
    """One choice; what follows is worth 10 unless the episode ended in the world's own way."""
    for terminated, truncated in ((False, True), (True, False), (True, True)):
        name = "".join(part.capitalize() for part in kind.split("_"))
        agent = getattr(importlib.import_module(f"sandbox.agents.tabular.{kind}"), name)(step_size=0.5, discount=0.9)
        agent.begin(spaces.Discrete(2), spaces.Discrete(1), np.random.default_rng(0))
        table = agent.v[:, None] if kind == "actor_critic" else agent.q
        for array in (table, *(agent.memory[1:3] if kind.startswith("double") else ())):
            array[:] = [[1.0], [10.0]]
        agent.learn(Experience(0, 0, 3.0, 1, terminated, truncated, None, 0))
        share = 0.1 if kind == "actor_critic" else 0.25 if kind.startswith("double") else 0.5
        assert table[0, 0] == pytest.approx(1.0 + share * (3.0 + (0.0 if terminated else 9.0) - 1.0))


def test_actor_draws_by_the_softmax() -> None:
    """Also where preferences are too far apart for exponentials."""
    agent = ActorCritic()
    agent.begin(spaces.Discrete(2), spaces.Discrete(3), np.random.default_rng(0))
    agent.q[:] = [[1.0, 0.0, -0.5], [2000.0, 2000.0, -2000.0]]
    for state, chances in ((0, np.exp(agent.q[0]) / np.exp(agent.q[0]).sum()), (1, np.array([0.5, 0.5]))):
        made = [agent.act(state) for _ in range(10_000)]
        choices = [one.choice if isinstance(one, Decision) else one for one in made]
        assert stats.chisquare(np.bincount(choices), 10_000 * chances).pvalue > 1e-3
        explored = [isinstance(one, Decision) for one in made]
        assert explored == [agent.q[state, choice] < agent.q[state].max() for choice in choices]


@pytest.mark.parametrize("name", NAMES)
def test_acting_learns_nothing_and_an_abstention_teaches_nothing(name: str) -> None:
    agent = make_agent(name, make_world("FrozenLake-v1"))
    agent.begin(spaces.Discrete(3), spaces.Discrete(2), np.random.default_rng(0))
    before = [array.copy() for array in agent.memory if isinstance(array, np.ndarray)]
    for _ in range(20):
        agent.act(1)
    agent.learn(Experience(1, None, 5.0, 2, True, False, None, 0))
    after = [array for array in agent.memory if isinstance(array, np.ndarray)]
    assert all(map(np.array_equal, before, after))


def test_traces_that_grow_without_bound_stay_numbers() -> None:
    """Accumulating traces, the largest steps, a state that leads to itself: large values, but no infinite ones."""
    agent = SarsaLambda(1.0, "accumulating", 1.0, 1.0)
    agent.begin(spaces.Discrete(1), spaces.Discrete(1), np.random.default_rng(0))
    for _ in range(3000):
        agent.learn(Experience(0, 0, -1.0, 0, False, False, None, 0))
        agent.learn(Experience(0, 0, -1.0, 0, True, True, None, 0))
    for _ in range(3000):
        agent.learn(Experience(0, 0, -1.0, 0, False, False, None, 0))
    assert np.isfinite(agent.q).all() and abs(agent.q[0, 0]) > 100.0


@pytest.mark.parametrize("decay", [0.5, 0.0])
def test_no_trace_becomes_too_small_for_speed(decay: float) -> None:
    """A thousand steps later a trace is gone, and exactly until it would be below 1e-300."""
    agent = WatkinsQ(decay, "replacing", 1.0, 1.0)
    agent.begin(spaces.Discrete(2000), spaces.Discrete(1), np.random.default_rng(0))
    for t in range(1500):
        agent.learn(Experience(t, 0, 0.0, t + 1, False, False, None, 0))
    waiting = 996 if decay else 0  # 0.5 ** 996 > 1e-300 > 0.5 ** 997
    assert agent.memory.traces.mark[0] == waiting
    agent.learn(Experience(1500, 0, 1.0, 1501, True, False, None, 0))
    wanted = [decay ** (1500 - t) if 1500 - t <= waiting else 0.0 for t in range(1500)]
    assert agent.q[:1501, 0].tolist() == [*wanted, 1.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NStepSarsa(0), "NStepSarsa: n=0 is out of range [1, 10000]"),
        (lambda: NStepSarsa(2.5), "NStepSarsa: n=2.5 is no whole number"),  # type: ignore[arg-type]
        (lambda: SarsaLambda(1.5), "SarsaLambda: trace_decay=1.5 is out of range [0, 1]"),
        (lambda: WatkinsQ(traces="acumulating"), "did you mean 'accumulating'?"),
        (lambda: SarsaLambda(traces=3), "traces=3 is neither 'accumulating' nor 'replacing'"),  # type: ignore[arg-type]
        (lambda: MonteCarlo(2.0), "MonteCarlo: step_size=2.0 is out of range [0, 1]"),
        (lambda: DoubleQLearning(discount=math.nan), "DoubleQLearning: discount=nan is out of range [0, 1]"),
        (lambda: ActorCritic(critic_step_size=-1.0), "ActorCritic: critic_step_size=-1.0 is out of range [0, 1]"),
        (lambda: ActorCritic(fading=1), "ActorCritic: fading=1 is neither True nor False"),  # type: ignore[arg-type]
    ],
)
def test_settings_out_of_range_are_refused_in_one_line(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SandboxError) as caught:
        make()
    assert message in str(caught.value) and "\n" not in str(caught.value)
