"""Tables that drift: they do what their law says, whoever acts, and the ledger adds up at both speeds."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import TimeLimit
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import brute_force, random_table
from scipy import stats

from sandbox.catalog import make_agent, make_world
from sandbox.drift import Anchor, Drift, Schedule, parse_drifts
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator
from sandbox.fast import run_walk, walk_loop
from sandbox.feedback import Feedback
from sandbox.interfaces import Agent
from sandbox.loop import agent_rng, run_episodes
from sandbox.oracle import solve
from sandbox.table import Objective, Table, table_from_outcomes
from sandbox.table_env import TableEnv, drifting_tables, mix_tables
from sandbox.trace import Meta, Trace, join
from sandbox.world import Budget, make_terms

LAWS = [random_table(np.random.default_rng(k), 4, 2, 3, Objective(), end=0.05) for k in range(3)]
SCHEDULE = Schedule((Drift("recurring", 500), Drift("gradual", 300, 3000)))


def of_levels(anchor: Anchor) -> Table:
    """Return the first table where nothing has changed, the second after the first drift, the third after another."""
    return LAWS[2 if anchor[1:] == (True,) else int(anchor[0]) if anchor else 0]


TABLES = drifting_tables(SCHEDULE, of_levels)


class Wander:
    """Chooses at random, each choice with its own share."""

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        self.rng = rng

    def act(self, observation: int) -> int:
        return int(self.rng.random() < self.share)

    def learn(self, experience: Any) -> None:
        pass


def walked(env: gym.Env[Any, Any], agent: Agent, steps: int, seed: int = 0) -> Trace:
    chunks: list[Trace] = []
    run_episodes(env, agent, chunks.append, seed=seed, steps=steps)
    return join(chunks)


# --- the law ----------------------------------------------------------------------------------------------------------


def check_law(tables: list[Table], trace: Trace) -> None:
    """Compare how often each outcome of (concept, state, choice) came with its probability."""
    onward = ~(trace.terminated | trace.truncated)[:-1]
    after = np.where(onward, trace.cell[1:], -1)
    rows: dict[Any, list[Any]] = {}
    columns = (trace.concept, trace.cell, trace.choice.astype(int), trace.reward, trace.terminated, after)
    for concept, cell, choice, *came in zip(*(column[: len(after)].tolist() for column in columns), strict=True):
        rows.setdefault((concept, cell, choice), []).append(tuple(came))
    tested = 0
    for (concept, cell, choice), came in rows.items():
        table = tables[concept]
        law: dict[Any, float] = {}
        for p, s, r, t in zip(*(part[cell, choice].tolist() for part in parts(table)), strict=True):
            law[r, t, -1 if t else s] = law.get((r, t, -1 if t else s), 0.0) + p
        seen = {outcome: came.count(outcome) for outcome in set(came)}
        assert all(law.get(outcome, 0.0) > 0.0 for outcome in seen), (concept, cell, choice)
        likely = [outcome for outcome, p in law.items() if p * len(came) >= 5.0]
        if len(likely) >= 2:
            tested += 1
            rest = 1.0 - sum(law[outcome] for outcome in likely)
            counts = [seen.get(outcome, 0) for outcome in likely]
            expected = [law[outcome] * len(came) for outcome in likely]
            if rest > 1e-9:
                counts, expected = [*counts, len(came) - sum(counts)], [*expected, rest * len(came)]
            assert stats.chisquare(counts, expected, sum_check=False).pvalue > 1e-6, (concept, cell, choice)
    assert tested > 20


def parts(table: Table) -> tuple[Any, ...]:
    return table.probability, table.successor, table.reward, table.terminated


def test_outcomes_are_as_frequent_as_the_law_of_each_concept_says() -> None:
    trace = walked(TableEnv(TABLES, SCHEDULE), Wander(), 120_000)
    assert len(np.unique(trace.concept)) > 60 and SCHEDULE.n_concepts == 130
    check_law(TABLES, trace)
    with pytest.raises(AssertionError):
        check_law([LAWS[0]] * len(TABLES), trace)


def test_so_are_those_of_the_compiled_walk() -> None:
    env, chunks = TableEnv(TABLES, SCHEDULE), list[Trace]()
    agent = make_agent("q-learning:epsilon=1", make_world("FrozenLake-v1"))
    agent.begin(env.observation_space, env.action_space, agent_rng(0))
    loop = walk_loop(env, agent, Feedback())
    assert not isinstance(loop, str)
    run_walk(env, [solve(t) for t in TABLES], loop, chunks.append, seed=5, steps=120_000, episodes=None)
    check_law(TABLES, join(chunks))


def test_starts_are_as_frequent_as_the_law_says() -> None:
    env = TableEnv(TABLES, SCHEDULE)
    firsts: dict[int, list[int]] = {}
    env.reset(seed=0)
    for _ in range(20_000):
        while not env.step(0)[2]:
            pass
        concept = env.concept
        firsts.setdefault(concept, []).append(env.reset()[0])
    for concept, seen in firsts.items():
        expected = TABLES[concept].start * len(seen)
        if len(seen) > 500:
            assert stats.chisquare(np.bincount(seen, minlength=4), expected).pvalue > 1e-6
    assert max(map(len, firsts.values())) > 500


def test_the_world_does_not_depend_on_who_acts() -> None:
    # whatever is done, the state is the number of the outcome: so the states show the chance numbers
    outcomes = [(0.25, s, float(s), False) for s in range(4)]
    law = table_from_outcomes({s: dict.fromkeys(range(2), outcomes) for s in range(4)}, [0.25] * 4)
    for drift in (Schedule(), SCHEDULE):
        ones, others = (walked(TableEnv([law] * drift.n_concepts, drift), Wander(share), 9000) for share in (0.1, 0.9))
        assert not np.array_equal(ones.choice, others.choice)
        for name in ("cell", "reward", "concept"):
            assert np.array_equal(getattr(ones, name), getattr(others, name))
    cut = walked(TimeLimit(TableEnv([law]), 7), Wander(), 700)
    same = ones.cell[:700][cut.step % 7 != 0] == cut.cell[cut.step % 7 != 0]
    assert same.all()  # after a new start the world goes on with the same luck


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.floats(0.01, 1.0), min_size=1, max_size=4))
def test_a_mixture_has_the_law_of_a_mixture(seed: int, weights: list[float]) -> None:
    rng = np.random.default_rng(seed)
    tables = [random_table(rng, 3, 2, int(rng.integers(1, 4)), Objective(), 0.1) for _ in weights]
    shares = [w / math.fsum(weights) for w in weights]
    mixed = mix_tables(list(zip(shares, tables, strict=True)))
    for s in range(3):
        for a in range(2):
            wanted: dict[Any, float] = {}
            for share, table in zip(shares, tables, strict=True):
                for p, *outcome in zip(*(part[s, a].tolist() for part in parts(table)), strict=True):
                    wanted[tuple(outcome)] = wanted.get(tuple(outcome), 0.0) + share * p
            found: dict[Any, float] = {}
            for p, *outcome in zip(*(part[s, a].tolist() for part in parts(mixed)), strict=True):
                found[tuple(outcome)] = found.get(tuple(outcome), 0.0) + p
            assert found == pytest.approx(wanted, abs=1e-12)
    np.testing.assert_allclose(mixed.start, sum(w * t.start for w, t in zip(shares, tables, strict=True)), atol=1e-12)
    np.testing.assert_allclose(solve(mixed).best, brute_force(mixed), atol=1e-9)


# --- the clock --------------------------------------------------------------------------------------------------------


def test_the_clock_goes_on_over_episodes_and_starts_anew_with_a_seed() -> None:
    schedule = Schedule((Drift("recurring", 7), Drift("random-walk", 5)))
    env = TableEnv([LAWS[0]] * schedule.n_concepts, schedule)
    for seed in (3, 4, 3):
        env.reset(seed=seed)
        for step in range(9000):  # longer than it looks ahead
            assert env.concept == schedule.concepts(seed, step, 1)[0] and env.clock == step
            if env.step(step % 2)[2]:
                assert env.clock == step + 1
                env.reset()
                assert env.clock == step + 1


def test_the_same_seed_the_same_life_and_none_a_life_of_its_own() -> None:
    def life(env: TableEnv, seed: int | None) -> list[Any]:
        first = env.reset(seed=seed)[0]
        return [first, *(env.step(0)[:3] for _ in range(30))]

    env = TableEnv(LAWS[:1])
    assert life(env, 1) == life(env, 1) == life(TableEnv(LAWS[:1]), 1) != life(env, 2)
    lives = [life(TableEnv(LAWS[:1]), None) for _ in range(3)]
    assert lives[0] != lives[1] != lives[2]
    env.reset(seed=1)
    assert life(env, None) != life(env, None)


def test_gymnasium_accepts_it() -> None:
    check_env(TimeLimit(TableEnv(TABLES, SCHEDULE), 20).unwrapped, skip_render_check=True)


def test_pinned_it_lives_in_one_concept_with_the_same_luck() -> None:
    world = make_world("sandbox/GridMaze-v0").under(make_terms("abrupt@2000"))
    runs = {}
    for name, one in (("run", world), ("before", world.twin(0)), ("after", world.twin(1))):
        chunks: list[Trace] = []
        one.run(make_agent("random", one), 1, Budget(steps=4000), chunks.append)
        runs[name] = join(chunks)
    assert (runs["before"].concept == 0).all() and (runs["after"].concept == 1).all()
    assert runs["run"].concept.tolist() == [0] * 2000 + [1] * 2000
    for name in ("cell", "reward", "best", "value"):
        assert np.array_equal(getattr(runs["run"], name)[:2000], getattr(runs["before"], name)[:2000])


# --- prices -----------------------------------------------------------------------------------------------------------

DRIFTS = [
    "abrupt@3000",
    "gradual@1000~6000",
    "incremental@1000~6000:slip=0.6",
    "recurring@450",
    "random-walk@60",
    ("gradual@500~7", "recurring@900:wind=0.9"),
    ("abrupt@2000:step_reward=-2.0", "abrupt@4000:pit_reward=-1.0,slip=0.0", "incremental@5000~5"),
]
MAZE = "sandbox/GridMaze-v0:slip=0.2,desc=['S..v','.#..','O..^','..#G']"


def judged(trace: Trace, meta: Meta) -> dict[str, float]:
    judge = Evaluator(meta, pushes=len(trace))
    judge.update(trace)
    return judge.finish().metrics


def check_audit(metrics: dict[str, float]) -> None:
    assert metrics["ledger_error"] <= 1e-9
    assert metrics["shift_leak"] == 0.0
    assert metrics["min_gap"] >= -1e-12
    assert abs(metrics["luck_z"]) <= metrics["luck_z_bound"]


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "compiled"])
@pytest.mark.parametrize("drift", DRIFTS, ids=str)
def test_the_ledger_adds_up_under_every_drift(drift: Any, plain: bool) -> None:
    world = make_world(MAZE).under(make_terms(drift, plain=plain))
    assert world.meta.priced
    chunks: list[Trace] = []
    world.run(make_agent("q-learning:epsilon=0.3", world), 2, Budget(steps=20_000), chunks.append)
    trace = join(chunks)
    metrics = judged(trace, world.meta)
    check_audit(metrics)
    assert metrics["regret"] > 0.0 and abs(metrics["shift"]) > 0.0 and metrics["level"] != 0.0
    assert len(np.unique(trace.concept)) >= 2
    # the same once more, from the definition: what a run loses against V* of its starts
    ends = trace.terminated | trace.truncated
    starts = np.append(True, ends[:-1])
    open_end = 0.0 if ends[-1] else trace.next_best[-1]
    cut = trace.next_best[trace.truncated & ~trace.terminated].sum()
    lost = trace.best[starts].sum() - trace.reward.sum() - open_end - cut
    assert lost == pytest.approx(metrics["regret"] - metrics["luck"] - metrics["shift"], rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("drift", DRIFTS, ids=str)
def test_the_oracle_makes_no_mistake(drift: Any) -> None:
    world = make_world(MAZE).under(make_terms(drift))
    runs = {}
    for name in ("oracle", "q-learning"):
        chunks: list[Trace] = []
        world.run(make_agent(name, world), 2, Budget(steps=9000), chunks.append)
        runs[name] = judged(join(chunks), world.meta)
    assert runs["oracle"]["regret"] == 0.0 and runs["oracle"]["mistakes"] == 0.0
    check_audit(runs["oracle"])
    assert runs["oracle"]["return"] > runs["q-learning"]["return"]


@pytest.mark.parametrize("wrong", ["those before", "those after", "those of the level before"])
def test_prices_of_another_law_are_found_out(wrong: str) -> None:
    walk = wrong == "those of the level before"
    world = make_world(MAZE).under(make_terms(f"{'random-walk@200' if walk else 'abrupt@3000'}:slip=0.95"))
    env, right = world._env(), world.law.solutions
    shown = {
        "those before": [right[0]] * len(right),
        "those after": [right[-1]] * len(right),
        "those of the level before": [right[max(0, i - 1)] for i in range(len(right))],
    }[wrong]
    chunks: list[Trace] = []
    run_episodes(env, Wander(), chunks.append, seed=0, steps=40_000, solution=shown)
    metrics = judged(join(chunks), world.meta)
    assert abs(metrics["luck_z"]) > metrics["luck_z_bound"]
    chunks.clear()
    run_episodes(world._env(), Wander(), chunks.append, seed=0, steps=40_000, solution=right)
    check_audit(judged(join(chunks), world.meta))


# --- what cannot drift ------------------------------------------------------------------------------------------------


class Ring(TableEnv):
    """A ring of states without an end, for the average reward."""

    def __init__(self, pay: float = 1.0, kind: str = "average") -> None:
        objective = Objective(kind, 0.9 if kind == "discounted" else 1.0)  # type: ignore[arg-type]
        law = {s: {a: [(1.0, (s + a) % 3, pay * (s == 0), False)] for a in (0, 1)} for s in range(3)}
        super().__init__([table_from_outcomes(law, [1.0, 0.0, 0.0], objective)])


@pytest.mark.parametrize(
    ("world", "drift", "message"),
    [
        ("FrozenLake-v1", "abrupt@300:map_name=8x8", "may not change how many states or choices"),
        ("FrozenLake-v1", "gradual@300~5:map_name=8x8", "may not change how many states or choices"),
        ("FrozenLake-v1", "abrupt@300:max_episode_steps=5", "may not change after how many steps"),
        ("Taxi-v4:fickle_passenger=True", "abrupt@300:is_rainy=True", "a hidden fact in its state cannot drift"),
        ("Taxi-v4", "abrupt@300:fickle_passenger=True", "a hidden fact in its state cannot drift"),
        ("FrozenLake-v1", "abrupt@300", "has no change of its own; say what changes, as abrupt@300:setting=value"),
        ("FrozenLake-v1", "abrupt@300:slippery=False", "has no setting 'slippery'; did you mean 'is_slippery'"),
        (Ring, "abrupt@300:kind='discounted'", "nor the objective"),
        ("sandbox/GridMaze-v0:drift='abrupt@5'", "abrupt@300", "has a drift of its own; give one only"),
        ("sandbox/GridMaze-v0", ["random-walk@300"] * 2, "4,225 concepts"),
    ],
    ids=str,
)
def test_what_cannot_drift_is_refused_in_one_line(world: Any, drift: Any, message: str) -> None:
    with pytest.raises(SandboxError, match=message) as caught:
        made = make_world(world).under(make_terms(drift))
        _ = made.meta
    assert "\n" not in str(caught.value)


def test_an_average_objective_drifts_unpriced() -> None:
    world = make_world(Ring).under(make_terms("abrupt@50:pay=2.0"))
    assert world.meta.why_unpriced == "prices under drift are not known for an average objective"
    chunks: list[Trace] = []
    world.run(make_agent("q-learning", world), 0, Budget(steps=100), chunks.append)
    assert join(chunks).concept.tolist() == [0] * 50 + [1] * 50
    assert make_world(Ring).meta.priced


def test_mixing_needs_no_more_than_one_table() -> None:
    assert mix_tables([(1.0, LAWS[0])]) is LAWS[0]
    with pytest.raises(SandboxError, match="more than 1,024"):
        drifting_tables(Schedule(parse_drifts(["random-walk@5", "random-walk@6"])), of_levels)
