"""Agents that plan, at both speeds: the whole compiled run against the loop that anybody would write, on one core.

The bare loop is Gymnasium's, keeps nothing, and runs the same rules as Python. What the rules themselves hand to
compiled planners is plain Python there too, as it would be in such a loop; the second number has it compiled.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
from measure import Row, at_least, paired, runs_of

import sandbox.agents.provable as provable
from sandbox.catalog import make_agent, make_world
from sandbox.discovery import discover
from sandbox.loop import agent_rng

WORLD = "FrozenLake-v1:map_name=8x8"
FAMILIES = ("planning", "provable")
# Decisions of those that are slow in plain Python, where a plan takes its time.
SLOW = {"mbie-eb": 1_500, "psrl": 1_500, "r-max": 10_000, "ucbvi": 3_000}
REPEATS = 10
BOUND = 30


def bare_loop(agent: Any, steps: int) -> None:
    """Run the agent's two rules by hand."""
    env = gym.make("FrozenLake-v1", map_name="8x8")
    agent.begin(env.observation_space, env.action_space, agent_rng(0))
    (act, learn), memory, given, rng = type(agent).rules, agent.memory, agent._given, agent.rng
    state, _ = env.reset(seed=0)
    for _ in range(steps):
        choice, _ = act(memory, given, state, rng)
        following, reward, terminated, truncated, _ = env.step(choice)
        learn(memory, given, state, choice, reward, following, terminated, truncated, rng)
        state = following
        if terminated or truncated:
            state, _ = env.reset()


@contextmanager
def as_python() -> Iterator[None]:
    """Let planners run as the plain Python that they are written in."""
    kept = []
    for found in pkgutil.iter_modules(provable.__path__, f"{provable.__name__}."):
        module = importlib.import_module(found.name)
        kept += [(module, name, one) for name, one in vars(module).items() if hasattr(one, "py_func")]
    for module, name, one in kept:
        setattr(module, name, one.py_func)
    try:
        yield
    finally:
        for module, name, one in kept:
            setattr(module, name, one)


def planners(quick: bool) -> list[Row]:
    """Every planning and provable agent, ledger and evaluation included, against a bare loop with the same rules."""
    rows, made = [], make_world(WORLD)
    for one in discover("agents").values():
        if one.family not in FAMILIES:
            continue
        n, pairs = SLOW.get(one.name, 50_000) // (10 if quick else 1), 2 if quick else 3

        def mixed(name: str = one.name, n: int = n) -> None:
            bare_loop(make_agent(name, made), n)

        def bare(name: str = one.name, n: int = n) -> None:
            with as_python():
                bare_loop(make_agent(name, made), n)

        ours = runs_of(made, one.name, n, REPEATS)
        ratio, slow, own = paired(bare, ours, pairs)
        told = f"{n * REPEATS / own / 1e6:.3g} M against {n / slow / 1000:.3g} k decisions/s"
        if one.name in SLOW:
            half, _, _ = paired(mixed, ours, pairs)
            told += f"; {half * REPEATS:.3g} where the bare loop plans compiled"
        name = f"compiled {one.name} / bare Gymnasium loop, {WORLD}"
        rows.append(at_least(name, ratio * REPEATS, BOUND, told))
    return rows
