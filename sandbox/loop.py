"""The two open loops: episodes of an environment, and questions of a stream."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from sandbox.errors import RunError, SandboxError, one_line
from sandbox.feedback import Feedback, Mailbox
from sandbox.insiders import OracleAgent
from sandbox.interfaces import (
    Agent,
    Decision,
    Experience,
)  # fmt: skip
from sandbox.oracle import Solution
from sandbox.rows import (
    ABSTAINED,
    TERMINATED,
    TRUNCATED,
    EpisodeWriter,
    code_of,
    greedy_choice,
    vector_of,
)  # fmt: skip
from sandbox.sound import check_probability
from sandbox.table import FloatArray
from sandbox.table_env import DriftClock
from sandbox.trace import CHUNK, Sink

LONGEST_EPISODE = 1_000_000  # steps after which an episode counts as endless, where the budget is in episodes
_INF = math.inf


def agent_rng(seed: int) -> np.random.Generator:
    """Return the generator that an agent gets in the run of this seed; the world is seeded with `seed` itself."""
    return np.random.default_rng([seed, 1])


_BLAMED = {
    "begin": "the agent's begin",
    "act": "the agent's act",
    "learn": "the agent's learn",
    "step": "the environment's step",
    "reset": "the environment's reset",
    "questions": "the stream",
    "reward": "the stream's reward",
    "predict_one": "the model's predict_one",
    "predict_proba_one": "the model's predict_proba_one",
    "learn_one": "the model's learn_one",
}


def blame(error: Exception, step: int) -> RunError:
    """Name the step, and whose method raised: the first known one on the way to where it did."""
    if isinstance(error, SandboxError):
        return RunError(f"step {step}: {error}")
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_name not in _BLAMED:
        frame = frame.tb_next
    who = _BLAMED[frame.tb_frame.f_code.co_name] if frame is not None else "the run"
    return RunError(f"step {step}: {who} raised {one_line(error)}")


def _finite(space: spaces.Space[Any]) -> Callable[[Any], bool] | None:
    """Return what tells a sound observation, None where the space has no NaN to look for."""
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return lambda observation: bool(np.isfinite(observation).all())
    if isinstance(space, spaces.Dict | spaces.Tuple):
        parts = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        checks = [(key, check) for key, part in parts if (check := _finite(part)) is not None]
        return (lambda observation: all(check(observation[key]) for key, check in checks)) if checks else None
    return None


def run_episodes(
    env: gym.Env[Any, Any],
    agent: Agent,
    sink: Sink,
    *,
    seed: int,
    steps: int | None = None,
    episodes: int | None = None,
    solution: Solution | Sequence[Solution] | None = None,
    feedback: Feedback | None = None,
) -> None:
    """Run `agent` in `env` until `steps` decisions or `episodes` episodes are done; hand the trace to `sink`.

    `solution` prices the decisions, one for each concept if the world drifts; without it they are unpriced. Raises
    `RunError`, naming the step, when the environment or the agent fails; what was recorded before is handed on first.
    """
    if min(1 if steps is None else steps, 1 if episodes is None else episodes) < 1:
        raise SandboxError("a run has at least one step and one episode")
    several = [solution] if isinstance(solution, Solution) else solution
    writer = EpisodeWriter(sink, several, env.action_space)
    limits = (_INF if steps is None else steps, _INF if episodes is None else episodes)
    try:
        agent.begin(env.observation_space, env.action_space, agent_rng(seed))
        mail = mailbox(feedback, seed, env.action_space)
        _episodes(env, agent, writer, seed, *limits, several, mail)
    except Exception as error:
        raise blame(error, writer.done) from error
    finally:
        writer.flush()


def _episodes(
    env: gym.Env[Any, Any],
    agent: Agent,
    writer: EpisodeWriter,
    seed: int,
    steps: float,
    episodes: float,
    solutions: Sequence[Solution] | None,
    mail: Mailbox | None,
) -> None:
    """The loop itself, written for speed: names are local, rows are packed numbers, prices come a chunk at a time."""
    act, learn, rows, vectors = agent.act, agent.learn, writer.rows, writer.vectors
    env_step: Callable[[Any], tuple[Any, Any, bool, bool, Any]] = env.step
    space, observations = env.action_space, env.observation_space
    finite, tabular = _finite(observations), isinstance(observations, spaces.Discrete)
    first, n_cells = (
        (int(observations.start), int(observations.n)) if isinstance(observations, spaces.Discrete) else (0, 1)
    )
    follow = solutions[0].table.follow if solutions is not None else None
    looks_alike = solutions is not None and solutions[0].table.observed is not None
    knows: Any = env.unwrapped if looks_alike else None  # whose `state` says where it stands
    worst = [one.value.argmin(axis=1).tolist() for one in solutions] if solutions is not None else None
    clock = env.unwrapped if isinstance(env.unwrapped, DriftClock) and env.unwrapped.schedule else None
    oracle = agent if isinstance(agent, OracleAgent) else None
    n_choices = int(space.n) if isinstance(space, spaces.Discrete) and int(space.start) == 0 else -1
    new = tuple.__new__  # what Experience(...) does, without a call in between
    pack, memory, size, chunk, filled = rows.pack, rows.memory, rows.size, CHUNK, 0
    nan, infinite, endless = math.nan, _INF, steps == _INF
    observation, _ = env.reset(seed=seed)
    cell, after = _first_cell(observation, first, n_cells, tabular, finite), 0
    cell = cell if knows is None else knows.state
    step = ended = began = concept = 0
    code: float
    greedy: float
    while True:
        if clock is not None:
            concept = clock.concept
            writer.concepts.append(concept)
            if oracle is not None:
                oracle.concept = concept
        if oracle is not None:
            oracle.state = cell
        made, flags, confidence = act(observation), 0, nan
        if type(made) is int and 0 <= made < n_choices:  # the common case first: this loop is what a run's time is
            choice = taken = code = greedy = made
        else:
            choice, taken, code, greedy, confidence, vector = _considered(made, cell, space, worst and worst[concept])
            flags = ABSTAINED if choice is None else 0
        following, reward, terminated, truncated, _ = env_step(taken)
        if not -infinite < reward < infinite:
            raise RunError(f"the environment gave the reward {reward}")
        if tabular:
            after = following - first
            if not 0 <= after < n_cells:
                raise RunError(f"the environment gave the observation {following!r}, outside its space")
            if follow is not None:
                after = follow(cell, int(following))
            elif knows is not None:
                after = knows.state
        elif finite is not None and not finite(following):
            raise RunError(f"the environment gave the observation {following!r}, which is not finite")
        if mail is None:
            learn(new(Experience, (observation, choice, reward, following, terminated, truncated, None, step)))
        else:
            due, wrong, _ = mail.answer(step, nan if choice is None else code, getattr(made, "ask", True))
            writer.answered.append(due)
            told = -reward if wrong else reward
            mail.post(due, Experience(observation, choice, told, following, terminated, truncated, None, step))
            for late in mail.arrived(step):
                learn(late)
        step += 1
        if terminated:
            flags |= TERMINATED
        if truncated:
            flags |= TRUNCATED
        pack(memory, filled * size, cell, code, greedy, reward, after, confidence, flags)
        if vectors is not None:
            vectors.append(vector)
        rows.filled = filled = filled + 1
        if filled == chunk:
            writer.flush()
            filled = 0
        observation, cell = following, after
        if terminated or truncated:
            ended, began = ended + 1, step
            if ended >= episodes or step >= steps:
                return
            observation, _ = env.reset()
            cell = _first_cell(observation, first, n_cells, tabular, finite)
            cell = cell if knows is None else knows.state
        elif step >= steps:
            return
        elif endless and step - began >= LONGEST_EPISODE:
            raise RunError(f"episode {ended} did not end within {LONGEST_EPISODE} steps; give a budget in steps")


def _first_cell(observation: Any, first: int, n_cells: int, tabular: bool, finite: Callable[[Any], bool] | None) -> int:
    """Return the cell in which an episode starts, 0 where observations are no cells."""
    if tabular and not 0 <= observation - first < n_cells:
        raise RunError(f"the environment gave the first observation {observation!r}, outside its space")
    if finite is not None and not finite(observation):
        raise RunError(f"the environment gave the first observation {observation!r}, which is not finite")
    return int(observation) - first if tabular else 0


def _considered(
    made: Any, cell: int, space: spaces.Space[Any], worst: list[int] | None
) -> tuple[Any, Any, float, float, float, FloatArray | None]:
    """Return an agent's choice, what is done about it, its code, the greedy one's, its confidence, and its vector.

    An abstention is carried out as the worst choice, where that is known.
    """
    choice, confidence, explored, scores, _ = made if type(made) is Decision else Decision(made)
    check_probability("confidence", confidence)
    if choice is None:
        if worst is None:
            raise RunError("the agent abstained, and this environment has no price for that")
        start = int(space.start) if isinstance(space, spaces.Discrete) else 0
        return None, worst[cell] + start, worst[cell], math.nan, confidence, None
    if not isinstance(space, spaces.Discrete):
        return choice, choice, 0.0, 0.0, confidence, vector_of(choice, space)
    code = code_of(choice, space)
    return choice, choice, code, greedy_choice(code, explored, scores), confidence, None


def mailbox(
    feedback: Feedback | None, seed: int, space: spaces.Space[Any], names: Sequence[str] = ()
) -> Mailbox | None:
    """Return where answers wait, None where each comes at once."""
    if feedback is None or feedback.immediate:
        return None
    return Mailbox(feedback, seed, int(space.n) if isinstance(space, spaces.Discrete) else 0, names)
