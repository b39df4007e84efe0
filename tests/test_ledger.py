"""The ledger adds up, equals a plain re-implementation, passes where the oracle is right and fails where it is not."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import TableEnv, naive_curve, naive_metrics, naive_signals, random_books, random_table

from sandbox.books import EPISODE_SIGNALS
from sandbox.catalog import make_agent, make_world
from sandbox.env_world import EnvWorld
from sandbox.evaluator import Evaluator, Scores, evaluate
from sandbox.ledger import SIGNALS
from sandbox.luck import LuckTest, add_luck, luck_z
from sandbox.metrics import METRICS, audit_failures
from sandbox.oracle import Solution
from sandbox.table import Objective, Table
from sandbox.trace import TRACE_COLUMNS, Meta, Trace, make_trace
from sandbox.world import Budget, Terms


def part_of(trace: Trace, rows: slice | np.ndarray) -> Trace:
    return Trace(**{name: getattr(trace, name)[rows].copy() for name in TRACE_COLUMNS})


def chunked(trace: Trace, meta: Meta, cuts: list[int], **options: float) -> Scores:
    judge = Evaluator(meta, pushes=len(trace), **options)
    for begin, end in zip([0, *cuts], [*cuts, len(trace)], strict=True):
        judge.update(part_of(trace, slice(begin, end)))
    return judge.finish()


def assert_as_naive(trace: Trace, meta: Meta, window: int = 7, fading: float = 0.9) -> Scores:
    """Compare every metric and every curve with the plain re-implementation."""
    scores = evaluate(trace, meta, window=window, fading=fading)
    wanted = naive_metrics(trace, meta, window) | {"pending": 0.0, "never_answered": 0.0}
    assert set(wanted) | {"luck_z", "luck_z_bound"} == set(METRICS) == set(scores.metrics)
    for name, value in wanted.items():
        assert scores.metrics[name] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), name
    at = (trace.step + 1).tolist()
    for name, values in naive_signals(trace, meta).items():
        if all(math.isnan(v) for v in values):
            assert name not in scores.curves
            continue
        curve = scores.curves[name]
        for column, points in naive_curve(values, at, window, fading).items():
            got = getattr(curve, column)
            got = got() if callable(got) else got
            assert got == pytest.approx(np.array(points), rel=1e-9, abs=1e-9, nan_ok=True), (name, column)
    assert set(scores.curves) <= {*SIGNALS, *EPISODE_SIGNALS, *meta.extras}
    return scores


# --- against the plain re-implementation ------------------------------------------------------------------------------

BOOKS = {
    "seed": st.integers(0, 2**32 - 1),
    "rows": st.integers(1, 120),
    "discount": st.sampled_from([1.0, 0.9, 0.5, 0.0]),
    "gain": st.sampled_from([0.0, 0.0, -1.5]),
    "ends": st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    "concepts": st.integers(1, 3),
    "abstains": st.sampled_from([0.0, 0.3]),
}


@settings(max_examples=80, deadline=None)
@given(**BOOKS)
def test_priced_traces(seed: int, rows: int, **books: float) -> None:
    trace, meta = random_books(np.random.default_rng(seed), rows, **books)  # type: ignore[arg-type]
    metrics = assert_as_naive(trace, meta).metrics
    severity = sum(metrics[name] for name in ("inaccuracies", "middling_mistakes", "blunders"))
    assert severity == metrics["mistakes"]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 120), st.sampled_from(["classification", "regression", "control"]),
    st.sampled_from([math.nan, 0.5]), st.sampled_from([2, 3]), st.sampled_from([0.5, 0.9]),
)  # fmt: skip
def test_unpriced_traces(seed: int, rows: int, task: str, limit: float, labels: int, quantile: float) -> None:
    rng = np.random.default_rng(seed)
    choice, truth = (
        rng.normal(size=(2, rows)) if task == "regression" else rng.integers(labels, size=(2, rows)).astype(float)
    )
    choice[rng.random(rows) < 0.2] = math.nan
    truth[(rng.random(rows) < 0.2) | (task == "control")] = math.nan
    columns = {
        "choice": choice,
        "truth": truth,
        "greedy": np.where(rng.random(rows) < 0.5, choice, rng.integers(3, size=rows)),
        "reward": np.where(np.isnan(choice), math.nan if task == "regression" else 0.0, rng.normal(size=rows)),
        "likelihood": np.where(rng.random(rows) < 0.3, math.nan, rng.integers(9, size=rows) / 8),
        "confidence": np.where(rng.random(rows) < 0.3, math.nan, rng.integers(16, size=rows) / 15),
    }
    if task == "control":
        ends = rng.random((2, rows)) < 0.1
        columns |= {"terminated": ends[0], "truncated": ends[1] & ~ends[0]}
        columns |= {"episode": np.concatenate([[0], np.cumsum(ends.any(axis=0))[:-1]])}
    meta = Meta(
        task,  # type: ignore[arg-type]
        n_choices=labels,
        why_unpriced="random",
        quantile=quantile,
        catalogue=7,
        tolerance=limit,
        reference_return=limit,
        episodic=task == "control",
    )
    extras = {"sharpness": rng.random(rows)} if rng.random() < 0.7 else {}
    assert_as_naive(make_trace(rows, columns, rng.integers(-1, 8, size=(rows, 2)).astype(float), extras), meta)


def test_a_long_trace_keeps_a_bounded_curve() -> None:
    trace, meta = random_books(np.random.default_rng(4), 2_600, ends=0.02, concepts=2)
    scores = assert_as_naive(trace, meta, window=100, fading=0.999)
    assert 256 <= len(scores.curves["reward"].step) <= 512 and scores.curves["reward"].step[-1] == 2_600


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 600), max_size=5))
def test_chunks_do_not_matter(seed: int, cuts: list[int]) -> None:
    trace, meta = random_books(np.random.default_rng(seed), 600, ends=0.05, concepts=3, abstains=0.1)
    whole, parts = evaluate(trace, meta), chunked(trace, meta, sorted(cuts))
    np.testing.assert_array_equal(list(whole.metrics.values()), list(parts.metrics.values()))
    assert whole.curves.keys() == parts.curves.keys() and whole.decisions == parts.decisions
    for name, curve in whole.curves.items():
        for mine, other in zip(curve, parts.curves[name], strict=True):
            np.testing.assert_array_equal(mine, other)


def test_the_fingerprint_does_not_depend_on_chunks() -> None:
    trace, meta = random_books(np.random.default_rng(0), 50)
    assert evaluate(trace, meta).fingerprint == chunked(trace, meta, [20]).fingerprint


def test_the_fingerprint_sees_choices_and_rewards() -> None:
    trace, meta = random_books(np.random.default_rng(0), 50)
    for column in ("choice", "reward"):
        changed = getattr(trace, column).copy()
        changed[7] += 1.0
        assert evaluate(replace(trace, **{column: changed}), meta).fingerprint != evaluate(trace, meta).fingerprint


def test_fading_error_of_the_literature() -> None:
    """REFERENCES.md: alpha .9, errors 0 1 0 1 1 1 (Gama, Sebastião, Rodrigues 2013)."""
    errors = np.array([0, 1, 0, 1, 1, 1])
    trace = make_trace(6, {"choice": errors, "truth": np.zeros(6), "reward": 1.0 - errors})
    meta = Meta("classification", n_choices=2, why_unpriced="data", episodic=False)
    fading = evaluate(trace, meta, fading=0.9).curves["mistake"].fading
    assert fading == pytest.approx([0, 0.52632, 0.33210, 0.52632, 0.64199, 0.71839], abs=5e-6)


# --- the identity -----------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(**BOOKS, scale=st.sampled_from([1e-6, 1.0, 1e9]))
def test_the_identity_is_bookkeeping(seed: int, rows: int, **books: float) -> None:
    """It holds for random values, wherever episodes are cut; shift is zero but where the concept changes."""
    trace, meta = random_books(np.random.default_rng(seed), rows, **books)  # type: ignore[arg-type]
    metrics = evaluate(trace, meta).metrics
    assert metrics["ledger_error"] <= 1e-9 and metrics["shift_leak"] == 0.0
    if books["concepts"] == 1:
        assert metrics["shift"] == 0.0 and metrics["level"] == 0.0


@pytest.mark.parametrize("column", ["reward", "best", "value", "next_best"])
def test_one_wrong_number_is_seen(column: str) -> None:
    """Whatever the number is, some check of the audit moves; `value` alone cancels out of the identity."""
    trace, meta = random_books(np.random.default_rng(1), 40, ends=0.0)
    changed = getattr(trace, column).copy()
    changed[20] += 0.25
    before, after = evaluate(trace, meta).metrics, evaluate(replace(trace, **{column: changed}), meta).metrics
    if column in ("best", "next_best"):
        assert after["shift_leak"] == pytest.approx(0.25) and after["ledger_error"] > 1e-3
    else:
        assert after["ledger_error"] <= 1e-9
        assert after["luck"] != before["luck"]


def test_an_end_that_is_priced_as_if_it_went_on_breaks_the_ledger() -> None:
    trace, meta = random_books(np.random.default_rng(1), 40, ends=0.3)
    cut = np.flatnonzero(trace.terminated)[0]
    changed = trace.next_best.copy()
    changed[cut] = 1.0
    assert evaluate(replace(trace, next_best=changed), meta).metrics["ledger_error"] > 1e-3


def test_a_log_that_drops_the_end_of_an_episode() -> None:
    """It closes with V* of where it stood when the next one began, and counts as an episode."""
    trace, meta = random_books(np.random.default_rng(2), 40, ends=0.2)
    ends = np.flatnonzero(trace.terminated | trace.truncated)
    keep = np.delete(np.arange(40), ends[1])
    scores = evaluate(part_of(trace, keep), meta)
    lengths = np.diff(np.append(-1, ends))
    dropped = float(lengths[1] == 1)  # an episode of one decision vanishes altogether
    assert scores.metrics["ledger_error"] <= 1e-9
    assert scores.metrics["episodes"] == len(ends) - dropped


def test_discounted_loss_by_hand() -> None:
    """Two decisions: V* 10, then 8 after a change to 7; gaps 1 and 2; discount .5."""
    trace = make_trace(
        2,
        {
            "episode": [0, 0],
            "concept": [0, 1],
            "choice": [0, 0],
            "reward": [3.0, 4.0],
            "best": [10.0, 7.0],
            "value": [9.0, 5.0],
            "next_best": [8.0, 0.0],
            "terminated": [False, True],
        },
    )
    meta = Meta("control", discount=0.5, gap_range=2.0, expected_start=(10.5, 6.0))
    metrics = evaluate(trace, meta).metrics
    luck = (3 + 0.5 * 8 - 9, 4 - 5)
    assert metrics["regret"] == 3.0 and metrics["luck"] == sum(luck) and metrics["shift"] == -1.0
    loss = (1 + 0.5 * 2) - (luck[0] + 0.5 * luck[1]) - 0.5 * -1.0
    assert loss == 10 - (3 + 0.5 * 4)
    assert metrics["ledger_error"] == 0.0 and metrics["start_luck"] == -0.5 and metrics["level"] == 0.0


def test_severity_at_its_borders() -> None:
    gaps = np.array([0.0, 0.01, 0.0100001, 0.05, 0.0500001, 0.2, 0.2000001, 1.0])
    trace = make_trace(8, {"choice": np.zeros(8), "reward": np.zeros(8), "best": gaps, "value": 0.0, "next_best": 0.0})
    metrics = evaluate(trace, Meta("control", gap_range=1.0)).metrics
    assert [metrics[n] for n in ("mistakes", "inaccuracies", "middling_mistakes", "blunders")] == [6, 2, 2, 2]


def test_a_price_that_is_rounding_alone_is_no_mistake() -> None:
    """Two choices worth the same, summed in another order: their difference is 1e-16, and nobody errs."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        p, r = rng.dirichlet(np.ones(6)), rng.normal(size=6)
        both = (np.array([[p, p[::-1]]]), np.zeros((1, 2, 6), dtype=np.int64), np.array([[r, r[::-1]]]))
        table = Table(*both, np.ones((1, 2, 6), dtype=np.bool_), np.ones(1))
        world = EnvWorld("equal", lambda table=table: TableEnv(table), lambda _, table=table: table)
        judge = Evaluator(world.meta)
        world.run(make_agent("random", world), 0, Budget(steps=20), judge.update)
        assert judge.finish().metrics["mistakes"] == 0


# --- the audit of real worlds -----------------------------------------------------------------------------------------

WORLDS = [
    "FrozenLake-v1",
    "FrozenLake-v1:success_rate=0.8",
    "FrozenLake-v1:is_slippery=False",
    "FrozenLake8x8-v1",
    "CliffWalking-v1",
    "CliffWalking-v1:is_slippery=True",
    "Taxi-v4",
    "Taxi-v4:is_rainy=True",
    "Taxi-v4:fickle_passenger=True,is_rainy=True",
]
AGENTS = ["random", "q-learning", "sarsa:step_size=0.5,discount=1.0", "expected-sarsa", "oracle"]
STEPS = 100_000


@cache
def world_of(name: str) -> EnvWorld:
    world = make_world(name)
    assert isinstance(world, EnvWorld) and isinstance(world.solution, Solution)
    return world


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("agent", AGENTS)
def test_audit_of_every_world_and_agent(name: str, agent: str) -> None:
    world = world_of(name)
    judge = Evaluator(world.meta, pushes=STEPS)
    world.run(make_agent(agent, world), 11, Budget(steps=STEPS), judge.update)
    metrics = judge.finish().metrics
    assert metrics["ledger_error"] <= 1e-9
    assert metrics["min_gap"] >= -1e-12
    assert metrics["shift_leak"] == 0.0
    assert abs(metrics["luck_z"]) <= metrics["luck_z_bound"]
    assert not audit_failures(metrics)
    assert (metrics["regret"] == 0.0) == (agent == "oracle") or name == "FrozenLake-v1:is_slippery=False"


@cache
def trace_of(name: str, agent: str) -> Trace:
    world, chunks = world_of(name), []
    world.run(make_agent(agent, world), 3, Budget(steps=30_000), chunks.append)
    return Trace(**{column: np.concatenate([getattr(c, column) for c in chunks]) for column in TRACE_COLUMNS})


@pytest.mark.parametrize("name", ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"])
@pytest.mark.parametrize("agent", ["random", "q-learning"])
def test_planted_errors_in_the_columns_are_caught(name: str, agent: str) -> None:
    trace, meta, rng = trace_of(name, agent), world_of(name).meta, np.random.default_rng(0)
    assert not audit_failures(evaluate(trace, meta).metrics)
    shuffled = replace(trace, value=rng.permutation(trace.value))
    assert audit_failures(evaluate(shuffled, meta).metrics)
    relabelled = rng.permutation(np.unique(trace.best))[np.searchsorted(np.unique(trace.best), trace.best)]
    assert audit_failures(evaluate(replace(trace, best=relabelled), meta).metrics)


def visited_slot(name: str, agent: str) -> tuple[int, int]:
    """Return the situation and choice met most often, where what follows is worth something."""
    trace, solution = trace_of(name, agent), world_of(name).solution
    assert isinstance(solution, Solution)
    slot = trace.cell * solution.table.n_choices + trace.choice.astype(np.int64)
    for found in np.argsort(-np.bincount(slot), kind="stable"):
        s, a = divmod(int(found), solution.table.n_choices)
        if abs(solution.value[s, a]) > 0.05 * solution.gap_range:
            return s, a
    raise AssertionError("no slot is worth anything")


def failures_with(name: str, agent: str, table: Table, steps: int = STEPS) -> list[str]:
    """Return what the audit says of a run that is priced with `table` instead of the world's own law."""
    honest = world_of(name)
    world = EnvWorld("wrong", honest.make, lambda _: table, terms=Terms(plain=True))  # compiled, it would walk by it
    judge = Evaluator(world.meta, pushes=steps)
    world.run(make_agent(agent, world), 11, Budget(steps=steps), judge.update)
    return audit_failures(judge.finish().metrics)


def with_wrong_probability(table: Table, s: int, a: int, by: float) -> Table:
    """Claim that a choice ends the episode, for nothing, with a probability `by` too high."""
    wide = [(0, 0), (0, 0), (0, 1)]
    probability, successor = np.pad(table.probability, wide), np.pad(table.successor, wide)
    reward, terminated = np.pad(table.reward, wide), np.pad(table.terminated, wide, constant_values=True)
    probability[s, a] *= 1.0 - by
    probability[s, a, -1] = by
    return replace(table, probability=probability, successor=successor, reward=reward, terminated=terminated)


CAUGHT = ["FrozenLake-v1", "FrozenLake8x8-v1", "CliffWalking-v1", "CliffWalking-v1:is_slippery=True", "Taxi-v4"]


@pytest.mark.parametrize("name", CAUGHT)
def test_one_wrong_probability_is_caught(name: str) -> None:
    solution = world_of(name).solution
    assert isinstance(solution, Solution)
    s, a = visited_slot(name, "q-learning")
    # Each of Taxi's 3,000 choices is met a few hundred times at most, too few to prove a small error there.
    wrong = with_wrong_probability(solution.table, s, a, 0.2 if name.startswith("Taxi") else 0.05)
    assert any("luck" in line for line in failures_with(name, "q-learning", wrong))
    right = with_wrong_probability(solution.table, s, a, 0.0)
    assert not failures_with(name, "q-learning", right)


@pytest.mark.parametrize("name", CAUGHT)
def test_one_wrong_reward_is_caught(name: str) -> None:
    solution = world_of(name).solution
    assert isinstance(solution, Solution)
    s, a = visited_slot(name, "q-learning")
    reward = solution.table.reward.copy()
    reward[s, a] -= 0.05 * abs(solution.value[s, a])
    assert failures_with(name, "q-learning", replace(solution.table, reward=reward))


def test_a_priced_run_without_numbers_does_not_pass_the_audit() -> None:
    trace, meta = random_books(np.random.default_rng(0), 50, ends=0.1)
    value = trace.best - 1.0
    fine = replace(trace, value=value, reward=value - trace.next_best)
    assert not audit_failures(evaluate(fine, meta).metrics)
    for column in ("best", "value", "next_best"):
        broken = getattr(fine, column).copy()
        broken[10] = math.nan
        assert audit_failures(evaluate(replace(fine, **{column: broken}), meta).metrics), column


# --- the luck test ----------------------------------------------------------------------------------------------------


def test_luck_z_is_the_studentised_mean_of_the_worst_slot() -> None:
    rng = np.random.default_rng(0)
    slot, luck = rng.integers(-1, 4, size=5_000), rng.normal(size=5_000)
    luck[slot == 2] += 0.2
    test = LuckTest(*(np.zeros(4) for _ in LuckTest._fields))
    add_luck(test, slot, luck, np.zeros(5_000))
    here = luck[slot == 2]
    z, _ = luck_z(test._replace(reach=np.zeros(4)), np.zeros(4))
    assert z == pytest.approx(here.sum() / math.sqrt((here**2).sum()), rel=1e-12)
    # What has not happened yet counts too: the largest luck that the law allows, here the largest seen.
    guarded, bound = luck_z(test)
    spread = (here**2).sum() + 2 / 3 * np.abs(luck[slot >= 0]).max() * abs(here.sum())
    assert guarded == pytest.approx(here.sum() / math.sqrt(spread), rel=1e-12)
    assert bound == pytest.approx(math.sqrt(2 * math.log(2 * 4 * (1 + math.log2(test.counts.max())) / 0.01)))
    assert test.counts.sum() == (slot >= 0).sum()


def test_luck_that_the_law_cannot_give_is_proof() -> None:
    test = LuckTest(*(np.zeros(2) for _ in LuckTest._fields))
    luck = np.where(np.arange(10_000) % 800 == 0, 1.0, 0.0)
    add_luck(test, np.zeros(10_000, dtype=np.int64), luck, np.zeros(10_000))
    z, bound = luck_z(test, np.array([0.0, 5.0]))
    assert z > 1e6 > bound


@pytest.mark.parametrize("size", [1e-8, 2e-9, 1.01e-9, 5e-10, 1e-16])
def test_luck_as_small_as_rounding_is_not_cut_in_two(size: float) -> None:
    """Wins of 0.8 and losses of 1.2 times a size, three to two: dropping what is under 1e-9 would leave the losses."""
    won = np.arange(50_000) % 5 < 3
    test = LuckTest(*(np.zeros(1) for _ in LuckTest._fields))
    add_luck(test, np.zeros(50_000, dtype=np.int64), size * np.where(won, 0.8, -1.2), np.ones(50_000))
    z, bound = luck_z(test, np.array([1.2 * size]))
    assert abs(z) < bound / 10.0
    biased = LuckTest(*(np.zeros(1) for _ in LuckTest._fields))
    add_luck(biased, np.zeros(50_000, dtype=np.int64), size * np.where(won, 0.9, -1.2), np.ones(50_000))
    z, bound = luck_z(biased, np.array([1.2 * size]))
    assert (z > bound) == (size > 1e-9)


def test_luck_of_nothing_is_unknown() -> None:
    assert all(math.isnan(v) for v in luck_z(LuckTest(*(np.zeros(3) for _ in LuckTest._fields))))


def alarms(rng: np.random.Generator, runs: int, steps: int, rare: float | None) -> int:
    """Count false alarms of the audit over random worlds, each simulated by its own law."""
    found = 0
    for run in range(runs):
        if rare is None:
            table = random_table(rng, 3, 2, 3, Objective(), 0.1)
        else:  # one state, a win that is rare
            ends = np.ones((1, 1, 2), dtype=np.bool_)
            table = Table(
                np.array([[[rare, 1 - rare]]]),
                np.zeros((1, 1, 2), dtype=np.int64),
                np.array([[[1.0, 0.0]]]),
                ends,
                np.ones(1),
            )
        world = EnvWorld("random", lambda table=table: TableEnv(table), lambda _, table=table: table)
        judge = Evaluator(world.meta, pushes=steps)
        world.run(make_agent("random", world), run, Budget(steps=steps), judge.update)
        found += bool(audit_failures(judge.finish().metrics))
    return found


@pytest.mark.parametrize(
    ("rare", "runs", "steps"),
    [
        (None, 300, 40),
        (None, 300, 1_000),
        pytest.param(0.01, 300, 30),
        (0.01, 300, 1_000),
        pytest.param(0.1, 300, 20),
    ],
)
def test_false_alarms_are_as_rare_as_promised(rare: float | None, runs: int, steps: int) -> None:
    """The level is 0.01; at most what 300 runs at that level show with probability 0.9999."""
    from scipy import stats

    found = alarms(np.random.default_rng([runs, steps]), runs, steps, rare)
    assert found <= stats.binom.ppf(0.9999, runs, 0.01)
