"""Prediction on a random walk: an agent goes through it, and its values are looked at after every episode."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sandbox.catalog import make_agent, make_world
from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError
from sandbox.fast import walk_loop
from sandbox.feedback import Feedback
from sandbox.loop import agent_rng
from sandbox.table import FloatArray
from sandbox.table_walk import ENDED, make_steps, make_walk, start_episode

_ROOM, _ENDLESS = 4096, 2**62  # decisions that are made at a time


class Walker:
    """A random walk without its trace: agents go through it, and their values are seen after each episode."""

    def __init__(self, world: str) -> None:
        place = make_world(world)
        assert isinstance(place, EnvWorld)
        solutions, tables = place.law.solutions, place.law.tables
        if isinstance(solutions, str) or isinstance(tables, str):
            raise SandboxError(f"{world} has no table")
        self.world, self.table = place, tables[0]
        self.env = place.fresh()
        inside = slice(1, self.table.n_states - 1)
        self._truth = solutions[0].best[inside]
        self._inside = inside
        self._steps = make_steps(np.zeros(_ROOM + 1, dtype=np.int64))

    def errors(self, agent: str, seed: int, episodes: int) -> FloatArray:
        """Return the RMS error over states of the values `v` of an agent after each episode (episodes,)."""
        made: Any = make_agent(agent, self.world)
        made.begin(self.world.observation_space, self.world.choice_space, agent_rng(seed))
        advance = walk_loop(self.env, made, Feedback())
        if isinstance(advance, str):
            raise SandboxError(f"{agent}: {advance}")
        chance = np.random.default_rng(seed)  # these tables key their chance by the seed instead
        walk = make_walk([self.table], seed, True)
        found = np.empty(episodes)
        for k in range(episodes):
            start_episode(walk, 0, chance)
            while walk.place[ENDED] <= k:
                advance(walk, self._steps, chance, (_ENDLESS, k + 1))
            off = made.v[self._inside] - self._truth
            found[k] = math.sqrt(float(off @ off) / len(off))
        return found


def mean_errors(world: str, agent: str, runs: int, episodes: int) -> FloatArray:
    """Return the RMS error after each episode of each run (runs, episodes)."""
    walker = Walker(world)
    return np.stack([walker.errors(agent, seed, episodes) for seed in range(runs)])
