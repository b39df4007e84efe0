"""The compiled loop of the agents with a table of values: their rules, in the order of the open loop."""

from __future__ import annotations

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import RESET, WORLD
from sandbox.table import IntArray
from sandbox.table_walk import CLOCK, ELAPSED, ENDED, STATE, Steps, Walk, chance_of, first_state, follow

from ._tabular import FloatArray, epsilon_greedy, greedy_beside, random_choice
from .expected_sarsa import expected_sarsa_update
from .q_learning import q_learning_update
from .sarsa import sarsa_update

Q_LEARNING, SARSA, EXPECTED_SARSA, RANDOM = range(4)
RULES = {"q-learning": Q_LEARNING, "sarsa": SARSA, "expected-sarsa": EXPECTED_SARSA}
_KNOWN, _CHOICE, _EXPLORED = range(3)  # of `planned`: whether the next choice is made already, it, and whether to learn


@compiled
def walk_and_learn(
    which: int,
    walk: Walk,
    steps: Steps,
    chance: np.random.Generator,
    limits: tuple[int, int],
    q: FloatArray,
    settings: tuple[float, float, float],
    planned: IntArray,
    rng: np.random.Generator,
) -> int:
    """Fill `steps`, learning as rule `which` says; return how many decisions were made.

    `limits`: lifetime steps and episodes of the run. `settings`: step size, discount, epsilon. `planned` (3,) is the
    choice that Sarsa drew while learning, kept between chunks.
    """
    cumulative, successor, rewards, terminated, start, place, horizon, keyed, seed = walk
    concept, cell, made, greedy, earned, came_to, ended, cut_short = steps
    (most_steps, most_episodes), (step_size, discount, epsilon) = limits, settings
    state, clock, elapsed, episodes = place[STATE], place[CLOCK], place[ELAPSED], place[ENDED]
    known, choice, explored = planned[_KNOWN] == 1, planned[_CHOICE], planned[_EXPLORED] == 1
    rows = 0
    while rows < cell.shape[0]:
        i = rows
        if which == RANDOM:
            choice = random_choice(q.shape[1], rng)
        elif not known:
            choice, explored = epsilon_greedy(q, state, epsilon, rng)
        cell[i], made[i] = state, choice
        greedy[i] = greedy_beside(q, state, choice) if explored else choice
        u = chance_of(WORLD, clock, keyed, seed, chance)
        after, reward, ends = follow(cumulative, successor, rewards, terminated, concept[i], state, choice, u)
        clock, elapsed, rows = clock + 1, elapsed + 1, rows + 1
        cut = horizon > 0 and elapsed >= horizon
        earned[i], came_to[i], ended[i], cut_short[i] = reward, after, ends, cut
        if which == Q_LEARNING:
            q_learning_update(q, state, choice, reward, after, ends, step_size, discount)
        elif which == EXPECTED_SARSA:
            expected_sarsa_update(q, state, choice, reward, after, ends, step_size, discount, epsilon)
        elif which == SARSA:
            next_choice, explored = 0, False
            if not ends:
                next_choice, explored = epsilon_greedy(q, after, epsilon, rng)
            sarsa_update(q, state, choice, reward, after, next_choice, ends, step_size, discount)
            known, choice = not (ends or cut), next_choice
        state, over = after, ends or cut
        episodes += over
        if clock >= most_steps or episodes >= most_episodes:
            break
        if over:
            state, elapsed = first_state(start, concept[i + 1], chance_of(RESET, clock, keyed, seed, chance)), 0
    place[STATE], place[CLOCK], place[ELAPSED], place[ENDED] = state, clock, elapsed, episodes
    planned[_KNOWN], planned[_CHOICE], planned[_EXPLORED] = known, choice, explored
    return rows
