"""The best policy for what can be seen: a published number, brute force over small worlds, and properties."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from naive import random_table

from sandbox.catalog import make_world
from sandbox.env_world import EnvWorld
from sandbox.limited import best_limited
from sandbox.oracle import optimal_return, policy_value, solve
from sandbox.table import FloatArray, Objective, Table, table_from_outcomes
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms


def corridor() -> Table:
    """Return the short corridor with switched choices (Sutton & Barto, 2nd edition, example 13.1)."""
    moves = {0: (0, 1), 1: (2, 0), 2: (1, 3)}
    law = {s: {a: [(1.0, min(to, 2), -1.0, to == 3)] for a, to in enumerate(where)} for s, where in moves.items()}
    return replace(table_from_outcomes(law, [1.0, 0.0, 0.0]), observed=np.zeros(3, dtype=np.int64))


def test_the_short_corridor_of_the_book() -> None:
    """The best policy goes right with probability 2 - sqrt 2 = .586, and is worth -11.657 (the book: .59, -11.6)."""
    found = best_limited(corridor())
    np.testing.assert_allclose(found.policy[:, 1], 2.0 - math.sqrt(2.0), atol=1e-4)
    assert found.value == pytest.approx(-(6.0 + 4.0 * math.sqrt(2.0)), abs=1e-6)


def policies(seen: FloatArray, grid: int) -> list[FloatArray]:
    """Return a grid of the policies of two choices that go by what is seen."""
    shares = np.linspace(0.0, 1.0, grid)
    made = [np.array(one)[seen.astype(int)] for one in itertools.product(shares, repeat=int(seen.max()) + 1)]
    return [np.stack([share, 1.0 - share], axis=1) for share in made]


def gain_of(table: Table, policy: FloatArray) -> float:
    """Return the average reward of a policy, by iterating where it goes."""
    here = table.start
    chance = policy[:, :, None] * table.probability
    reward = (chance * table.reward).sum(axis=(1, 2))
    total = 0.0
    for step in range(6000):
        total += float(here @ reward) if step >= 3000 else 0.0
        here = np.bincount(table.successor.ravel(), (here[:, None, None] * chance).ravel(), table.n_states)
    return total / 3000.0


@pytest.mark.parametrize("kind", ["undiscounted", "discounted", "average"])
@pytest.mark.parametrize("seed", range(3))
def test_no_policy_of_a_grid_is_better(kind: str, seed: int) -> None:
    objective = {"undiscounted": Objective(), "discounted": Objective("discounted", 0.9)}.get(
        kind, Objective("average")
    )
    end = 0.1 if kind == "undiscounted" else 0.0
    table = random_table(np.random.default_rng(seed), 5, 2, 2, objective, end)
    table = replace(table, observed=np.array([0, 0, 1, 1, 2]))
    judge = gain_of if kind == "average" else policy_value
    best = max(judge(table, policy) for policy in policies(table.seen, 5 if kind == "average" else 11))
    found = best_limited(table)
    assert found.value >= best - 1e-3 * max(1.0, abs(best))
    assert judge(table, found.policy) == pytest.approx(found.value, abs=2e-3 if kind == "average" else 1e-8)
    for one in range(3):
        assert np.ptp(found.policy[table.seen == one], axis=0).max() < 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_where_all_is_seen_it_is_the_optimum(seed: int) -> None:
    table = random_table(np.random.default_rng(seed), 6, 3, 2, Objective("discounted", 0.9))
    assert best_limited(table).value == pytest.approx(solve(table).start_value, abs=1e-8)


def test_who_sees_less_earns_no_more() -> None:
    table = random_table(np.random.default_rng(5), 6, 3, 2, Objective("discounted", 0.9))
    values = [best_limited(replace(table, observed=np.arange(6) // k)).value for k in (1, 2, 6)]
    assert values[0] >= values[1] - 1e-9 and values[1] >= values[2] - 1e-9


def test_blind_to_the_clock() -> None:
    """On FrozenLake it earns less than who sees the clock, and more than who takes the undiscounted optimum's way."""
    world = make_world("FrozenLake-v1")
    assert isinstance(world, EnvWorld) and not isinstance(world.law.tables, str)
    table = world.law.tables[0]
    found = best_limited(table)
    way = np.eye(table.n_choices)[solve(table).policy]
    here, earned = table.start, 0.0
    for _ in range(table.horizon or 0):
        chance = here[:, None, None] * way[:, :, None] * table.probability
        earned += float((chance * table.reward).sum())
        here = np.bincount(table.successor.ravel(), (chance * ~table.terminated).ravel(), table.n_states)
    assert earned - 1e-12 <= found.value < optimal_return(table)
    assert found.value == pytest.approx(0.740165, abs=1e-6)


@pytest.mark.parametrize("world", ["sandbox/WindyGridworld-v0", "sandbox/GridMaze-v0:slip=0.1"])
def test_where_all_is_seen_it_errs_nowhere_whatever_law_led_there(world: str) -> None:
    """A change may find the agent where the new law alone never leads: there, too, it must know what to do."""
    met = make_world(world).under(make_terms("recurring@3"))
    chunks = list[Trace]()
    met.run(met.insider("best-blind"), 0, Budget(steps=2000), chunks.append)
    trace = join(chunks)
    assert len(trace) == 2000 and set(trace.concept) == {0, 1}
    assert (trace.best - trace.value).max() <= 1e-9
