"""The short corridor: where all places look alike, the best policy is a coin.

Who sees nothing and must go right in the first and third place, left in the second, does best to go right with a
probability of 0.59. An epsilon-greedy agent can only choose 0.05 or 0.95, and takes four to eight times as long.
"""

from __future__ import annotations

import math

import numpy as np

from sandbox.catalog import make_world
from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError
from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row, estimate
from sandbox.gallery._runs import measured, returns
from sandbox.table import Table
from sandbox.trace import Trace

SOURCE = "Sutton & Barto, 2nd edition, example 13.1; the best coin by calculus: 2 - √2, worth -6 - 4√2"


def measure(quick: bool) -> Found:
    """Value every coin on the table of the world, and look for the best."""
    world = make_world("sandbox/ShortCorridor-v0")
    assert isinstance(world, EnvWorld)
    tables = world.law.tables
    if isinstance(tables, str):
        raise SandboxError(tables)
    best = best_coin(tables[0])
    root = math.sqrt(2.0)
    told = (
        ("best probability of going right", "probability", 2.0 - root, best),
        ("value of the best coin", "return", -6.0 - 4.0 * root, coin_value(tables[0], best)),
        ("epsilon-greedy, left (probability 0.05)", "return", -2.0 * 1.95 / (0.05 * 0.95), coin_value(tables[0], 0.05)),
        (
            "epsilon-greedy, right (probability 0.95)",
            "return",
            -2.0 * 1.05 / (0.05 * 0.95),
            coin_value(tables[0], 0.95),
        ),
        ("who sees where it stands", "return", -3.0, world.oracle()["optimal_return"]),
    )
    rows = [Row(what, unit, Estimate(value), Estimate(found), SOURCE) for what, unit, value, found in told]
    played = measured("sandbox/ShortCorridor-v0", "best-blind", 6 if quick else 20, _mean_return, episodes=400)
    what = "the yardstick best-blind, playing"
    rows.append(Row(what, "return", Estimate(-6.0 - 4.0 * root), estimate(played), SOURCE))
    at = [k / 200 for k in range(6, 197)]
    points = [(p, row.expected.mean, 0.0) for p, row in zip((best, 0.05, 0.95), rows[1:4], strict=True)]
    curve = Curve("every coin", at, [coin_value(tables[0], p) for p in at], [], points)
    panel = Panel("short corridor", "probability of going right", "value of the start", [curve], span=(-100.0, 0.0))
    return Found(rows, [panel])


def _mean_return(trace: Trace) -> float:
    return float(returns(trace).mean())


def coin_value(table: Table, right: float) -> float:
    """Return the expected return of going right with a probability, wherever one is; a linear system solved."""
    chance = np.array([1.0 - right, right])[None, :, None] * table.probability
    earned = (chance * table.reward).sum(axis=(1, 2))
    onward = np.zeros((table.n_states, table.n_states))
    for s in range(table.n_states):
        np.add.at(onward[s], table.successor[s].ravel(), (chance[s] * ~table.terminated[s]).ravel())
    return float(table.start @ np.linalg.solve(np.eye(table.n_states) - onward, earned))


def best_coin(table: Table) -> float:
    """Return the probability with the largest value, where the slope crosses zero; by halving."""
    low, high, step = 0.05, 0.95, 1e-4
    for _ in range(60):
        middle = 0.5 * (low + high)
        if coin_value(table, middle + step) > coin_value(table, middle - step):
            low = middle
        else:
            high = middle
    return middle
