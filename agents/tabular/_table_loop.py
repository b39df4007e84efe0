"""The compiled loop of the agents with a table: two rules, how to choose and how to learn, in the open loop's order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from sandbox.compiled import compiled, rule
from sandbox.draws import RESET, WORLD
from sandbox.table_walk import CLOCK, ELAPSED, ENDED, STATE, Steps, Walk, chance_of, first_state, follow

from ._tabular import greedy_beside

Act = Callable[[Any, Any, int, np.random.Generator], tuple[int, bool]]
Learn = Callable[[Any, Any, int, int, float, int, bool, bool, np.random.Generator], None]
Loop = Callable[[Walk, Steps, np.random.Generator, tuple[int, int], Any, Any, np.random.Generator], int]


@rule
def learn_nothing(
    memory: Any,
    settings: Any,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn nothing from a transition."""


@cache
def table_loop(act: Act, learn: Learn) -> Loop:
    """Return what walks through tables by two rules, compiled.

    `act(memory, settings, state, rng)` returns a choice and whether it explored. `learn(memory, settings, state,
    choice, reward, next_state, terminated, truncated, rng)` changes `memory`, a named tuple of arrays of which the
    first holds the scores (S, A) that the greedy choice goes by. `settings` is a named tuple of numbers. A state is
    what is seen of it.
    """

    def walk_and_learn(
        walk: Walk,
        steps: Steps,
        chance: np.random.Generator,
        limits: tuple[int, int],
        memory: Any,
        settings: Any,
        rng: np.random.Generator,
    ) -> int:
        """Fill `steps`, and return how many decisions were made; `limits`: lifetime steps and episodes of the run."""
        cumulative, successor, rewards, terminated, observed, start, place, horizon, keyed, seed = walk
        concept, cell, made, greedy, earned, came_to, ended, cut_short = steps
        (most_steps, most_episodes), scores = limits, memory[0]
        state, clock, elapsed, episodes = place[STATE], place[CLOCK], place[ELAPSED], place[ENDED]
        rows = 0
        while rows < cell.shape[0]:
            i, seen = rows, observed[state]
            choice, explored = act(memory, settings, seen, rng)
            cell[i], made[i] = state, choice
            greedy[i] = greedy_beside(scores, seen, choice) if explored else choice
            u = chance_of(WORLD, clock, keyed, seed, chance)
            after, reward, ends = follow(cumulative, successor, rewards, terminated, concept[i], state, choice, u)
            clock, elapsed, rows = clock + 1, elapsed + 1, rows + 1
            cut = horizon > 0 and elapsed >= horizon
            earned[i], came_to[i], ended[i], cut_short[i] = reward, after, ends, cut
            learn(memory, settings, seen, choice, reward, observed[after], ends, cut, rng)
            state, over = after, ends or cut
            episodes += over
            if clock >= most_steps or episodes >= most_episodes:
                break
            if over:
                u = chance_of(RESET, clock, keyed, seed, chance)
                state, elapsed = first_state(start, concept[i + 1], u), 0
        place[STATE], place[CLOCK], place[ELAPSED], place[ENDED] = state, clock, elapsed, episodes
        return rows

    return compiled(walk_and_learn)
