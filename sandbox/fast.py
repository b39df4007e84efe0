"""The second speed: worlds and agents that are compiled run a chunk of decisions at a time, priced as they go.

An agent offers its compiled loop by `fast(kind, told, budget, delay)`, called after `begin`: a function that fills a
chunk, or a text that says why there is none. It is trusted to use an answer only when feedback lets it through, and a
law only to carry out what was chosen; prices it is never given. `sandbox check` compares it with the open loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs import toy_text
from gymnasium.utils import seeding

from sandbox.compiled import compiled
from sandbox.drift import Schedule
from sandbox.errors import RunError
from sandbox.feedback import NEVER, Answers, Feedback
from sandbox.interfaces import Agent, Chosen, Labels
from sandbox.law_stream import KINDS, LawStream
from sandbox.loop import LONGEST_EPISODE, agent_rng
from sandbox.oracle import Solution
from sandbox.table import FloatArray, IntArray
from sandbox.table_env import TableEnv
from sandbox.table_walk import CLOCK, ELAPSED, ENDED, Steps, make_steps, make_walk, start_episode
from sandbox.trace import CHUNK, Sink, Trace

_ENDLESS = 2**62
Loop = Callable[..., Any]


def _loop_of(agent: Agent, kind: str, told: tuple[bool, ...], feedback: Feedback) -> Loop | str:
    offered = getattr(agent, "fast", None)
    if offered is None:
        return f"{type(agent).__name__} has no compiled loop"
    found: Loop | str = offered(kind, told, feedback.budget, feedback.longest)
    return found


def begun(agent: Agent, observations: spaces.Space[Any], choices: spaces.Space[Any], seed: int) -> bool:
    """Begin the run of an agent that may have a compiled loop; say whether that went well.

    The others are begun by the open loop alone, which also says where a `begin` fails.
    """
    if not hasattr(agent, "fast"):
        return True
    try:
        agent.begin(observations, choices, agent_rng(seed))
    except Exception:
        return False
    return True


def walk_loop(env: gym.Env[Any, Any], agent: Agent, feedback: Feedback) -> Loop | str:
    """Return what takes an agent, whose `begin` was called, through the tables of `env`, or why nothing does."""
    inner = env.unwrapped
    exact = type(inner) in (toy_text.FrozenLakeEnv, toy_text.CliffWalkingEnv, toy_text.TaxiEnv)
    ours = isinstance(inner, TableEnv) and (type(inner).step, type(inner).reset) == (TableEnv.step, TableEnv.reset)
    if not ours and not exact:
        return f"{type(inner).__name__} is not known to follow its table draw by draw"
    if getattr(inner, "fickle_passenger", False):
        return "the law of a fickle passenger has a hidden fact"
    if getattr(inner, "render_mode", None) is not None:
        return "the environment is watched"
    if not feedback.immediate:
        return "feedback that is not immediate runs in the open loop in environments"
    assert isinstance(env.action_space, spaces.Discrete)
    return _loop_of(agent, "table", (True,) * int(env.action_space.n), feedback)


def batch_loop(stream: LawStream, agent: Agent, feedback: Feedback) -> Loop | str:
    """Return what takes an agent, whose `begin` was called, through the batches of a stream, or why nothing does."""
    if stream.settles:
        return "what a decision earns is no row of a table"
    assert isinstance(stream.choice_space, spaces.Discrete)
    if stream.kind not in KINDS:
        return "what is asked depends on what was chosen before"
    told = feedback.answered(int(stream.choice_space.n), stream.choice_names)
    return _loop_of(agent, stream.kind, tuple(told.tolist()), feedback)


def run_walk(
    env: gym.Env[Any, Any],
    solutions: Sequence[Solution],
    advance: Loop,
    sink: Sink,
    *,
    seed: int,
    steps: int | None,
    episodes: int | None,
) -> None:
    """Go through the tables of `env` by the loop of `walk_loop`: as `run_episodes`, to the last bit."""
    inner = env.unwrapped
    keyed = isinstance(inner, TableEnv)
    schedule = inner.schedule if isinstance(inner, TableEnv) else Schedule()
    walk = make_walk([solution.table for solution in solutions], seed, keyed)
    prices = tuple(np.stack([getattr(solution, name) for solution in solutions]) for name in ("best", "value"))
    chance = seeding.np_random(seed)[0]
    inner._np_random = chance  # where a look at the environment afterwards finds it
    limits = (_ENDLESS if steps is None else steps, _ENDLESS if episodes is None else episodes)
    start_episode(walk, int(schedule.concepts(seed, 0, 1)[0]), chance)
    while walk.place[CLOCK] < limits[0] and walk.place[ENDED] < limits[1]:
        began, episode = int(walk.place[CLOCK]), int(walk.place[ENDED])
        size = min(CHUNK, limits[0] - began)
        made = make_steps(schedule.concepts(seed, began, size + 1))
        rows = int(advance(walk, made, chance, limits))
        sink(_priced_walk(made, rows, began, episode, *prices))
        if steps is None and walk.place[ELAPSED] >= LONGEST_EPISODE:
            raise RunError(
                f"step {began + rows}: episode {int(walk.place[ENDED])} did not end within {LONGEST_EPISODE} steps; "
                "give a budget in steps"
            )


def _priced_walk(made: Steps, rows: int, began: int, episode: int, best: FloatArray, value: FloatArray) -> Trace:
    """Return a chunk of a walk as a trace."""
    real = [np.empty(rows) for _ in range(4)]
    numbers = np.empty(rows, dtype=np.int64)
    price_steps(made, best, value, episode, numbers, *real)
    step = np.arange(began, began + rows)
    unknown = np.full(rows, math.nan)
    nothing = np.zeros(rows, dtype=np.int64)
    return Trace(
        step, numbers, made.cell[:rows], nothing, made.concept[:rows], real[0], made.greedy[:rows], unknown,
        made.reward[:rows], real[1], real[2], real[3], unknown, unknown, step, made.terminated[:rows],
        made.truncated[:rows],
    )  # fmt: skip


@compiled
def price_steps(
    made: Steps,
    best: FloatArray,
    value: FloatArray,
    episode: int,
    number: IntArray,
    choice: FloatArray,
    best_here: FloatArray,
    value_here: FloatArray,
    next_best: FloatArray,
) -> None:
    """Look up V* of each state, Q* of each choice and V* of what follows, under the law in force at the decision."""
    for i in range(number.shape[0]):
        concept, cell = made.concept[i], made.cell[i]
        number[i], choice[i] = episode, made.choice[i]
        best_here[i], value_here[i] = best[concept, cell], value[concept, cell, made.choice[i]]
        next_best[i] = 0.0 if made.terminated[i] else best[concept, made.after[i]]
        if made.terminated[i] or made.truncated[i]:
            episode += 1


def run_batches(stream: LawStream, advance: Loop, sink: Sink, *, seed: int, steps: int, feedback: Feedback) -> None:
    """Go through the questions of `stream` by the loop of `batch_loop`: as `run_stream`, to the last bit."""
    labelled = isinstance(stream.choice_space, Labels)
    play, start = stream.play(seed), 0
    while start < steps:
        count = min(CHUNK, steps - start, play.room(start))
        batch = play.batch(start, count)
        choice, greedy, confidence, likelihood = (np.full(count, math.nan) for _ in range(4))
        chosen = Chosen(choice, greedy, confidence, likelihood, np.full(count, NEVER))
        answers = _at_once(start, count) if feedback.immediate else feedback.answers(seed, start, count)
        advance(start, batch.seen, batch.truth if labelled else batch.rewards, answers, chosen)
        wrong = first_wrong(chosen, batch.values.shape[1], stream.abstention > -math.inf)
        if wrong >= 0:
            raise RunError(
                f"step {start + wrong}: the agent's compiled loop chose {choice[wrong]:g} with confidence "
                f"{confidence[wrong]:g}: choices are 0..{batch.values.shape[1] - 1}, confidence lies in [0, 1]"
            )
        best, value, reward = (np.empty(count) for _ in range(3))
        price_choices(batch.values, batch.rewards, stream.abstention, chosen.choice, best, value, reward)
        truth = batch.truth.astype(np.float64) if labelled else np.full(count, math.nan)
        step = np.arange(start, start + count)
        sink(
            Trace(
                step, step, batch.cell, batch.group, batch.concept, chosen.choice, chosen.greedy, truth, reward, best,
                value, np.zeros(count), chosen.confidence, chosen.likelihood, chosen.answered_at,
                np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_),
            )
        )  # fmt: skip
        play.hear(start, batch, chosen.choice)
        start += count


def _at_once(start: int, count: int) -> Answers:
    """Return the answers of a world that answers at once and tells the truth."""
    return Answers(np.arange(start, start + count), np.zeros(count, dtype=np.bool_), np.zeros(count))


@compiled
def first_wrong(chosen: Chosen, n_choices: int, may_abstain: bool) -> int:
    """Return the first row whose choice is none of `n_choices`, or whose confidence is none; -1 if all are sound."""
    choice, _, confidence, likelihood, _ = chosen
    for i in range(choice.shape[0]):
        made, sure, true = choice[i], confidence[i], likelihood[i]
        if made != made and not may_abstain:
            return i
        if made == made and not (0.0 <= made < n_choices and made == math.floor(made)):
            return i
        if (sure == sure and not 0.0 <= sure <= 1.000000001) or (true == true and not 0.0 <= true <= 1.000000001):
            return i
    return -1


@compiled
def price_choices(
    values: FloatArray,
    rewards: FloatArray,
    abstention: float,
    choice: FloatArray,
    best: FloatArray,
    value: FloatArray,
    reward: FloatArray,
) -> None:
    """Look up V* of each question, Q* of each choice and what it earned; an abstention earns `abstention`."""
    for i in range(choice.shape[0]):
        most = abstention
        for c in range(values.shape[1]):
            most = max(most, values[i, c])
        best[i] = most
        if choice[i] == choice[i]:
            value[i], reward[i] = values[i, int(choice[i])], rewards[i, int(choice[i])]
        else:
            value[i] = reward[i] = abstention
