"""The oracle's values are the published ones, those of an exhaustive search, and those of the simulation."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import TableEnv, brute_force, brute_force_gain, naive_backup, naive_finite_horizon, random_table
from scipy import stats

from sandbox.catalog import make_agent, make_world
from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator
from sandbox.insiders import OracleAgent
from sandbox.loop import run_episodes
from sandbox.oracle import (
    Solution,
    backup,
    best_soft_value,
    greedy_soft_value,
    optimal_return,
    policy_value,
    random_value,
    solve,
)
from sandbox.table import Objective, Table, table_from_outcomes
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms

EXACT = 1e-6


def table_of(name: str) -> Table:
    world = make_world(name)
    assert isinstance(world, EnvWorld) and isinstance(world.solution, Solution)
    return world.solution.table


# --- published numbers (REFERENCES.md) --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FrozenLake-v1", 0.744190),
        ("FrozenLake8x8-v1", 0.913220),
        ("Taxi-v4", 7.93),
        ("CliffWalking-v1", -13.0),
    ],
)
def test_optimal_return(name: str, value: float) -> None:
    assert optimal_return(table_of(name)) == pytest.approx(value, abs=EXACT)


def test_stationary_values_of_frozen_lake() -> None:
    table = table_of("FrozenLake-v1")
    assert solve(table).start_value == pytest.approx(14 / 17, abs=EXACT)  # 0.823529
    assert random_value(table) == pytest.approx(0.0139, abs=5e-5)


def test_soft_values_of_the_cliff() -> None:
    table = table_of("CliffWalking-v1")
    assert best_soft_value(table, 0.1) == pytest.approx(-20.707677, abs=EXACT)
    assert greedy_soft_value(solve(table), 0.1) == pytest.approx(-50.800048, abs=EXACT)


def test_book_example_4_1() -> None:
    moves = [(-1, 0), (0, 1), (1, 0), (0, -1)]
    outcomes = {}
    for s in range(16):
        outcomes[s] = {}
        for a, (dr, dc) in enumerate(moves):
            row, column = min(max(s // 4 + dr, 0), 3), min(max(s % 4 + dc, 0), 3)
            outcomes[s][a] = [(1.0, row * 4 + column, -1.0, row * 4 + column in (0, 15))]
    for state, value in ((1, -14.0), (5, -18.0), (2, -20.0), (3, -22.0)):
        start = np.eye(16)[state]
        assert random_value(table_from_outcomes(outcomes, start)) == pytest.approx(value, abs=1e-9)


def test_windy_gridworld_and_river_swim() -> None:
    wind = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
    outcomes = {}
    for s in range(70):
        outcomes[s] = {}
        for a, (dr, dc) in enumerate([(-1, 0), (0, 1), (1, 0), (0, -1)]):
            row = min(max(s // 10 + dr - wind[s % 10], 0), 6)
            column = min(max(s % 10 + dc, 0), 9)
            outcomes[s][a] = [(1.0, row * 10 + column, -1.0, (row, column) == (3, 7))]
    assert solve(table_from_outcomes(outcomes, np.eye(70)[30])).start_value == pytest.approx(-15.0, abs=1e-12)


# --- brute force ------------------------------------------------------------------------------------------------------

SHAPES = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))


def check_solution(solution: Solution) -> None:
    table = solution.table
    for s in range(table.n_states):
        for a in range(table.n_choices):
            q = naive_backup(table, solution.best.tolist(), solution.gain, s, a)
            assert solution.value[s, a] == pytest.approx(q, abs=1e-10)
    assert np.array_equal(solution.best, solution.value.max(axis=1))
    assert solution.residual <= 1e-11 * max(1.0, float(np.abs(solution.best).max()))


@settings(max_examples=60, deadline=None)
@given(SHAPES, st.floats(0.0, 0.95))
def test_discounted_against_every_policy(shape: tuple[int, int, int, int], discount: float) -> None:
    seed, states, choices, width = shape
    rng = np.random.default_rng(seed)
    end = float(rng.choice([0.0, 0.1]))
    solution = solve(random_table(rng, states, choices, width, Objective("discounted", discount), end))
    assert solution.best == pytest.approx(brute_force(solution.table), abs=1e-9)
    check_solution(solution)


@settings(max_examples=60, deadline=None)
@given(SHAPES, st.floats(0.05, 0.5))
def test_undiscounted_against_every_policy(shape: tuple[int, int, int, int], end: float) -> None:
    seed, states, choices, width = shape
    solution = solve(random_table(np.random.default_rng(seed), states, choices, width, Objective(), end))
    assert solution.best == pytest.approx(brute_force(solution.table), abs=1e-9)
    check_solution(solution)


@settings(max_examples=40, deadline=None)
@given(SHAPES)
def test_average_against_every_policy(shape: tuple[int, int, int, int]) -> None:
    seed, states, choices, width = shape
    solution = solve(random_table(np.random.default_rng(seed), states, choices, width, Objective("average")))
    assert solution.gain == pytest.approx(brute_force_gain(solution.table), abs=1e-9)
    check_solution(solution)


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(1, 8))
def test_finite_horizon_against_recursion(shape: tuple[int, int, int, int], horizon: int) -> None:
    seed, states, choices, width = shape
    made = random_table(np.random.default_rng(seed), states, choices, width, Objective(), 0.1)
    table = Table(made.probability, made.successor, made.reward, made.terminated, made.start, horizon=horizon)
    assert optimal_return(table) == pytest.approx(naive_finite_horizon(table, horizon), abs=1e-10)


@settings(max_examples=30, deadline=None)
@given(SHAPES, st.floats(0.0, 1.0))
def test_soft_policies(shape: tuple[int, int, int, int], epsilon: float) -> None:
    seed, states, choices, width = shape
    table = random_table(np.random.default_rng(seed), states, choices, width, Objective(), 0.2)
    soft, greedy = best_soft_value(table, epsilon), greedy_soft_value(solve(table), epsilon)
    assert solve(table).start_value + 1e-9 >= soft >= max(greedy, random_value(table)) - 1e-9
    uniform = np.full((table.n_states, table.n_choices), 1.0 / table.n_choices)
    values = np.zeros(table.n_states)
    for _ in range(2_000):  # the book's iterative policy evaluation
        values = (uniform * backup(table, values)).sum(axis=1)
    assert policy_value(table, uniform) == pytest.approx(float(table.start @ values), abs=1e-9)


# --- refusals and edges -----------------------------------------------------------------------------------------------


def one_state(*outcomes: tuple[float, int, float, bool], objective: Objective | None = None) -> Table:
    return table_from_outcomes({0: {0: list(outcomes)}}, [1.0], objective)


def test_unbounded_undiscounted_world_is_refused() -> None:
    with pytest.raises(SandboxError, match="not finite"):
        solve(one_state((1.0, 0, 1.0, False)))
    assert solve(one_state((1.0, 0, 0.0, False))).start_value == 0.0


def test_average_objective_refuses_an_end_and_separate_halves() -> None:
    with pytest.raises(SandboxError, match="terminates"):
        solve(one_state((1.0, 0, 1.0, True), objective=Objective("average")))
    halves = {0: {0: [(1.0, 0, 0.0, False)]}, 1: {0: [(1.0, 1, 1.0, False)]}}
    with pytest.raises(SandboxError, match="no single gain"):
        solve(table_from_outcomes(halves, [0.5, 0.5], Objective("average")))


def test_periodic_average_world() -> None:
    ring = {s: {0: [(1.0, (s + 1) % 3, float(s), False)]} for s in range(3)}
    solution = solve(table_from_outcomes(ring, [1.0, 0.0, 0.0], Objective("average")))
    assert solution.gain == pytest.approx(1.0, abs=1e-12)
    assert np.diff(solution.best) == pytest.approx([1.0, 0.0], abs=1e-11)  # h(0) = 0 - 1 + h(1), h(1) = 1 - 1 + h(2)


@pytest.mark.parametrize("kind", ["undiscounted", "average"])
def test_objective_has_one_discount(kind: str) -> None:
    with pytest.raises(SandboxError, match="no discount"):
        Objective(kind, 0.9)  # type: ignore[arg-type]
    with pytest.raises(SandboxError, match=r"\[0, 1\)"):
        Objective("discounted", 1.0)


@pytest.mark.parametrize(
    ("outcome", "start", "message"),
    [
        ((0.9, 0, 0.0, True), 1.0, "add up to 0.9"),
        ((1.0, 1, 0.0, True), 1.0, "outside"),
        ((1.0, -1, 0.0, True), 1.0, "outside"),
        ((1.0, 0, float("nan"), True), 1.0, "not finite"),
        ((1.0, 0, float("inf"), True), 1.0, "not finite"),
        ((1.0, 0, 0.0, True), 0.5, "first states"),
        pytest.param((float("nan"), 0, 0.0, True), 1.0, "probabilities"),
        pytest.param((1.0, 0, 0.0, True), float("nan"), "probabilities"),
    ],
)
def test_bad_tables_are_refused(outcome: tuple[float, int, float, bool], start: float, message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        table_from_outcomes({0: {0: [outcome]}}, [start])


def test_negative_probabilities_are_refused() -> None:
    with pytest.raises(SandboxError, match="negative"):
        one_state((1.5, 0, 0.0, True), (-0.5, 0, 0.0, True))


def test_a_start_longer_than_the_table_is_refused() -> None:
    with pytest.raises(SandboxError):
        table_from_outcomes({0: {0: [(1.0, 1, 0.0, False)]}}, [0.5, 0.5])


@pytest.mark.parametrize("discount", [0.999, 0.9999, pytest.param(0.99999), pytest.param(1 - 1e-7)])
def test_a_discount_near_one_is_exact_or_refused(discount: float) -> None:
    """One state that pays 1: V* = 1 / (1 - discount)."""
    try:
        value = solve(one_state((1.0, 0, 1.0, False), objective=Objective("discounted", discount))).start_value
    except SandboxError:
        return
    assert value == pytest.approx(1.0 / (1.0 - discount), rel=1e-6)


def test_average_reward_does_not_depend_on_the_zero_of_rewards() -> None:
    rng = np.random.default_rng(0)
    shape = (3, 2, 3)
    law = (rng.dirichlet(np.ones(3), shape[:2]), np.broadcast_to(np.arange(3), shape).copy(), rng.normal(size=shape))
    low = Table(*law, np.zeros(shape, dtype=np.bool_), np.array([1.0, 0.0, 0.0]), Objective("average"))
    high = Table(low.probability, low.successor, low.reward + 1000.0, low.terminated, low.start, low.objective)
    assert solve(high).gain == pytest.approx(solve(low).gain + 1000.0, abs=1e-9)


# --- the oracle as an agent -------------------------------------------------------------------------------------------

SETTINGS = [
    "FrozenLake-v1",
    "FrozenLake-v1:is_slippery=False",
    "FrozenLake-v1:success_rate=0.8",
    "FrozenLake8x8-v1",
    "CliffWalking-v1",
    "CliffWalking-v1:is_slippery=True",
    "Taxi-v4",
    "Taxi-v4:is_rainy=True",
    "Taxi-v4:fickle_passenger=True",
    "Taxi-v4:fickle_passenger=True,is_rainy=True,fickle_probability=0.7,rainy_probability=0.6",
]


def trace_of(name: str, agent: str, steps: int, seed: int = 0) -> Trace:
    world, chunks = make_world(name), []
    world.run(make_agent(agent, world), seed, Budget(steps=steps), chunks.append)
    return join(chunks)


@pytest.mark.parametrize(
    "name",
    ["FrozenLake-v1", pytest.param("FrozenLake-v1:is_slippery=False"), "CliffWalking-v1", "Taxi-v4"],
)
def test_the_oracle_agent_earns_what_the_oracle_says(name: str) -> None:
    world, chunks = make_world(name), []
    assert isinstance(world, EnvWorld) and isinstance(world.solution, Solution)
    judge = Evaluator(world.meta, pushes=20_000)
    for sink in (judge.update, chunks.append):
        world.run(make_agent("oracle", world), 1, Budget(steps=20_000), sink)
    trace = join(chunks)
    ended = np.flatnonzero(trace.terminated | trace.truncated)
    returns = np.array([part.sum() for part in np.split(trace.reward, ended + 1)[:-1]])
    error = returns.std() / np.sqrt(len(returns))
    # The clock, which the oracle does not see, costs it a little of the optimal return.
    lost = 0.01
    assert abs(returns.mean() - world.oracle()["optimal_return"]) <= 4 * error + lost
    assert judge.finish().metrics["regret"] == 0.0


def test_oracle_agent_follows_what_only_history_shows() -> None:
    """A passenger who changes their mind once: after that, the oracle prices with the second half of the states."""
    trace = trace_of("Taxi-v4:fickle_passenger=True", "oracle", 5_000)
    assert (trace.cell >= 500).any() and (trace.value == trace.best).all()


# --- the simulation agrees with the table -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SETTINGS)
def test_simulated_frequencies_agree_with_the_table(name: str) -> None:
    """Chi-square of what followed each choice, at level 0.001 over all situations; rewards and ends to the last bit."""
    table, trace = table_of(name), trace_of(name, "random", 100_000, seed=5)
    steps = np.flatnonzero(~(trace.terminated | trace.truncated))[:-1]
    cell, choice, after = trace.cell, trace.choice.astype(int), np.append(trace.cell[1:], 0)
    n = table.n_states
    seen: dict[tuple[int, int], dict[tuple[int, float], int]] = {}
    ends: dict[tuple[int, int], dict[float, int]] = {}
    for i in steps.tolist():
        key = seen.setdefault((cell[i], choice[i]), {})
        what = (int(after[i]), float(trace.reward[i]))
        key[what] = key.get(what, 0) + 1
    for i in np.flatnonzero(trace.terminated).tolist():
        key = ends.setdefault((cell[i], choice[i]), {})
        key[float(trace.reward[i])] = key.get(float(trace.reward[i]), 0) + 1
    statistic, degrees = 0.0, 0
    for s, a in set(seen) | set(ends):
        wanted: dict[tuple[int, float], float] = {}
        for k in np.flatnonzero(table.probability[s, a] > 0):
            to = n if table.terminated[s, a, k] else int(table.successor[s, a, k])
            what = (to, float(table.reward[s, a, k]))
            wanted[what] = wanted.get(what, 0.0) + float(table.probability[s, a, k])
        counts = dict(seen.get((s, a), {})) | {(n, r): c for r, c in ends.get((s, a), {}).items()}
        assert set(counts) <= set(wanted), (s, a)
        total = sum(counts.values())
        if len(wanted) > 1 and total * min(wanted.values()) >= 5:
            statistic += sum((counts.get(w, 0) - total * p) ** 2 / (total * p) for w, p in wanted.items())
            degrees += len(wanted) - 1
    starts = trace.cell[np.flatnonzero(np.diff(trace.episode, prepend=-1))]
    assert (table.start[starts] > 0).all()
    counts = np.bincount(starts, minlength=n)[table.start > 0]
    expected = len(starts) * table.start[table.start > 0]
    if len(expected) > 1 and expected.min() >= 1.5:
        statistic += float(((counts - expected) ** 2 / expected).sum())
        degrees += len(expected) - 1
    deterministic = "is_slippery=False" in name or name == "CliffWalking-v1"
    assert (degrees == 0) == deterministic
    assert deterministic or stats.chi2.sf(statistic, degrees) > 1e-3


@pytest.mark.parametrize("name", ["FrozenLake-v1", "Taxi-v4:is_rainy=True"])
def test_a_bellman_step_by_hand(name: str) -> None:
    solution = solve(table_of(name))
    for s, a in ((0, 1), (solution.table.n_states // 2, 2), (14, 1)):
        assert solution.value[s, a] == pytest.approx(
            naive_backup(solution.table, solution.best.tolist(), 0.0, s, a), abs=1e-12
        )


def test_oracle_agent_in_a_random_world_beats_every_other_start() -> None:
    """By simulation, not by the solver: the mean return of the oracle's own run is V* of the start."""
    table = random_table(np.random.default_rng(3), 4, 3, 2, Objective(), 0.1)
    solution, chunks = solve(table), []
    run_episodes(TableEnv(table), OracleAgent(solution), chunks.append, seed=0, steps=40_000, solution=solution)
    trace = join(chunks)
    ended = np.flatnonzero(trace.terminated)
    returns = np.array([part.sum() for part in np.split(trace.reward, ended + 1)[:-1]])
    assert abs(returns.mean() - solution.start_value) < 4 * returns.std() / np.sqrt(len(returns))
    assert isinstance(TableEnv(table).observation_space, spaces.Discrete)


def test_a_law_under_which_waiting_pays_is_solved() -> None:
    """Ice that is hardly ever slippery: the best way waits long for a rare slip, and sweeps crawl towards its value."""
    world = make_world("FrozenLake-v1").under(make_terms("gradual@1000~500:is_slippery=False"))
    assert isinstance(world, EnvWorld) and not isinstance(world.law.solutions, str)
    late = world.law.solutions[-4:]
    values = [solution.start_value for solution in late]
    assert values == sorted(values) and values[0] > 0.9999 and values[-1] == 1.0
    for solution in late:
        policy = np.eye(solution.table.n_choices)[solution.policy]
        assert solution.residual < 1e-12
        assert policy_value(solution.table, policy) == pytest.approx(solution.start_value, abs=1e-9)
