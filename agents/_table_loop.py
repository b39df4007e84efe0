"""The compiled loop of the agents with a table of values: their rules, in the order of the open loop."""

from __future__ import annotations

import numpy as np

from sandbox.compiled import compiled
from sandbox.table import IntArray
from sandbox.table_walk import CLOCK, ENDED, STATE, Steps, Walk, start_episode, take_step

from ._tabular import FloatArray, epsilon_greedy, greedy_beside
from .expected_sarsa import expected_sarsa_update
from .q_learning import q_learning_update
from .sarsa import sarsa_update

Q_LEARNING, SARSA, EXPECTED_SARSA = range(3)
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
    place, (most_steps, most_episodes), (step_size, discount, epsilon) = walk.place, limits, settings
    for i in range(steps.cell.shape[0]):
        state = place[STATE]
        if planned[_KNOWN]:
            choice, explored = planned[_CHOICE], planned[_EXPLORED] == 1
        else:
            choice, explored = epsilon_greedy(q, state, epsilon, rng)
        steps.greedy[i] = greedy_beside(q, state, choice) if explored else choice
        take_step(walk, steps, i, choice, chance)
        reward, after, ends = steps.reward[i], steps.after[i], steps.terminated[i]
        if which == Q_LEARNING:
            q_learning_update(q, state, choice, reward, after, ends, step_size, discount)
        elif which == EXPECTED_SARSA:
            expected_sarsa_update(q, state, choice, reward, after, ends, step_size, discount, epsilon)
        else:
            planned[_KNOWN] = 0
            next_choice, explores = 0, False
            if not ends:
                next_choice, explores = epsilon_greedy(q, after, epsilon, rng)
                if not steps.truncated[i]:
                    planned[_KNOWN], planned[_CHOICE], planned[_EXPLORED] = 1, next_choice, explores
            sarsa_update(q, state, choice, reward, after, next_choice, ends, step_size, discount)
        over = ends or steps.truncated[i]
        if over:
            place[ENDED] += 1
        if place[CLOCK] >= most_steps or place[ENDED] >= most_episodes:
            return i + 1
        if over:
            start_episode(walk, steps.concept[i + 1], chance)
    return int(steps.cell.shape[0])
