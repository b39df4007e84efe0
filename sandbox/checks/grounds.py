"""Small grounds to try an agent on: questions of every kind, in lessons that are the same for the same seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.checks.state import Frozen, frozen
from sandbox.errors import RunError, SandboxError, one_line
from sandbox.interfaces import Agent, Decision, Experience, Labels, Number, Words
from sandbox.loop import agent_rng
from sandbox.rows import code_of, vector_of

LESSONS = 40
_EPISODE = 5
_WORDS = ("free", "offer", "hello", "meeting", "win", "report")
_SENDERS = ("colleague", "stranger")
_ITEMS = ((10, 11, 12), (10, 13, 12))  # behind the slots: one comes and goes
_WIDE = spaces.Box(-np.inf, np.inf, (), np.float64)


class Ground(NamedTuple):
    """A kind of question; `draw` gives an observation and the right choice."""

    name: str
    observation_space: spaces.Space[Any]
    choice_space: spaces.Space[Any]
    draw: Callable[[np.random.Generator], tuple[Any, Any]]
    is_slate: bool = False  # questions of a stream that tells no right choice

    @property
    def tells(self) -> bool:
        """Whether the right choice is told."""
        return isinstance(self.choice_space, Labels | Number)

    @property
    def is_stream(self) -> bool:
        """Whether each question stands by itself; else they are the steps of episodes."""
        return self.tells or self.is_slate


class Lesson(NamedTuple):
    """A question, its right choice, what follows it, and whether it is the last of its episode."""

    observation: Any
    right: Any
    following: Any
    last: bool


def _state(rng: np.random.Generator) -> tuple[int, int]:
    state = int(rng.integers(4))
    return state, state % 3


def _vector(rng: np.random.Generator) -> tuple[Any, int]:
    vector = rng.uniform(-1.0, 1.0, 3)
    return vector, int(vector[0] > 0.0)


def _target(rng: np.random.Generator) -> tuple[Any, Any]:
    vector = rng.uniform(-1.0, 1.0, 2)
    return vector, vector[::-1].copy()


def _label(rng: np.random.Generator) -> tuple[dict[str, float], int]:
    features = {name: float(rng.uniform(-1.0, 1.0)) for name in ("a", "b", "c")}
    return features, int(features["a"] + 0.2 * rng.standard_normal() > 0.0)


def _number(rng: np.random.Generator) -> tuple[dict[str, float], float]:
    features, _ = _label(rng)
    return features, 2.0 * features["a"] - features["b"] + 0.1 * float(rng.standard_normal())


def _text(rng: np.random.Generator) -> tuple[str, int]:
    words = [_WORDS[int(k)] for k in rng.integers(len(_WORDS), size=4)]
    return " ".join(words), int("free" in words or "win" in words)


def _count(rng: np.random.Generator) -> tuple[dict[str, int], int]:
    text, spam = _text(rng)
    return {word: text.split().count(word) for word in _WORDS}, spam


def _message(rng: np.random.Generator) -> tuple[dict[str, str], int]:
    text, spam = _text(rng)
    return {"body": text}, spam


def _letter(rng: np.random.Generator) -> tuple[dict[str, str], int]:
    text, spam = _text(rng)
    return {"body": text, "sender": _SENDERS[int(rng.random() < 0.2 + 0.6 * spam)]}, spam


def _slate(rng: np.random.Generator) -> tuple[dict[str, Any], int]:
    user, context = int(rng.integers(3)), np.append(1.0, rng.uniform(-1.0, 1.0, 2))
    items = np.array(_ITEMS[int(rng.integers(2))], dtype=np.int64)
    return {"user": user, "context": context, "items": items}, 2 if context[1] > 0.3 else user % 2


def _grounds() -> list[Ground]:
    features = spaces.Dict({"a": _WIDE, "b": _WIDE, "c": _WIDE})
    text, labels = spaces.Text(1000, charset="abcdefghijklmnopqrstuvwxyz "), Labels(["no", "yes"])
    vectors = [spaces.Box(-1.0, 1.0, (size,), np.float64) for size in (3, 2)]
    letters = spaces.Dict({"body": Words(_WORDS, 4), "sender": Words(_SENDERS, 1)})
    costly = Labels(["deliver", "junk"], rewards=((0.0, -10.0), (-1.0, 0.0)))
    slates = spaces.Dict(
        {
            "user": spaces.Discrete(3),
            "context": spaces.Box(-1.0, 1.0, (3,), np.float64),
            "items": spaces.Box(0, 100, (3,), np.int64),
        }
    )
    return [
        Ground("states", spaces.Discrete(4), spaces.Discrete(3), _state),
        Ground("vectors", vectors[0], spaces.Discrete(2), _vector),
        Ground("vectors answered by vectors", vectors[1], spaces.Box(-1.0, 1.0, (2,), np.float64), _target),
        Ground("features asked for a label", features, labels, _label),
        Ground("features asked for a number", features, Number(), _number),
        Ground("counts asked for a label", spaces.Dict(dict.fromkeys(_WORDS, _WIDE)), labels, _count),
        Ground("texts asked for a label", text, labels, _text),
        Ground("messages asked for a label", spaces.Dict({"body": text}), labels, _message),
        Ground("words of a known vocabulary, with costs", letters, costly, _letter),
        Ground("items shown to users", slates, spaces.Discrete(3), _slate, is_slate=True),
    ]


GROUNDS = _grounds()


def lessons(ground: Ground, seed: int) -> list[Lesson]:
    """Return the lessons of one run."""
    rng = np.random.default_rng([seed, 2])
    drawn = [ground.draw(rng) for _ in range(LESSONS + 1)]
    if ground.is_stream:
        return [Lesson(observation, right, None, True) for observation, right in drawn[:-1]]
    return [Lesson(*drawn[k], drawn[k + 1][0], k % _EPISODE == _EPISODE - 1) for k in range(LESSONS)]


def start(agent: Any, ground: Ground, seed: int) -> None:
    """Begin a run."""
    agent.begin(deepcopy(ground.observation_space), deepcopy(ground.choice_space), agent_rng(seed))


def choice_in(decision: Any) -> Any:
    """Return the choice of what `act` returned."""
    return decision.choice if type(decision) is Decision else decision


def misfit(ground: Ground, choice: Any) -> str:
    """Return why the loops would refuse a choice, else an empty string."""
    try:
        if choice is not None:
            fits = code_of if isinstance(ground.choice_space, spaces.Discrete | Number) else vector_of
            fits(choice, ground.choice_space)
    except RunError as error:
        return str(error)
    return ""


def price_of_abstaining(ground: Ground) -> float:
    """Return what an abstention earns, NaN for a forecast."""
    return math.nan if isinstance(ground.choice_space, Number) else 0.0


def outcome(ground: Ground, lesson: Lesson, choice: Any, step: int, cut: bool = False) -> Experience:
    """Return what comes of a choice; episodes end by truncation if `cut`."""
    if choice is None:
        reward = price_of_abstaining(ground)
    elif misfit(ground, choice):
        choice, reward = deepcopy(lesson.right), 0.0
    elif isinstance(ground.choice_space, spaces.Discrete):
        costs = ground.choice_space.rewards if isinstance(ground.choice_space, Labels) else None
        reward = float(choice == lesson.right) if costs is None else costs[lesson.right][int(choice)]
    else:
        reward = -float(np.sum((np.asarray(choice, dtype=np.float64) - lesson.right) ** 2))
    truth = lesson.right if ground.tells else None
    ended = (lesson.last and not cut, lesson.last and cut)
    return Experience(lesson.observation, choice, reward, lesson.following, *ended, truth, step)


def playing(agent: Any, ground: Ground, seed: int) -> Iterator[Frozen]:
    """Begin a run and play it; yield every decision, frozen."""
    start(agent, ground, seed)
    for step, lesson in enumerate(deepcopy(lessons(ground, seed))):
        decision = agent.act(lesson.observation)
        yield frozen(decision)
        agent.learn(outcome(ground, lesson, choice_in(decision), step))


def play(agent: Any, ground: Ground, seed: int) -> list[Frozen]:
    """Play a run to its end and return its decisions, frozen."""
    return list(playing(agent, ground, seed))


@dataclass
class AgentSubject:
    """The agent under check; `make` gives a fresh one."""

    make: Callable[[], Agent]

    @cached_property
    def is_estimator(self) -> bool:
        """Whether it is a River estimator, which cannot say beforehand what questions it takes."""
        made: Any = self.make()
        while hasattr(made, "agent"):  # a learner around another
            made = made.agent
        return type(made).__module__.startswith("sandbox.agents.adapters.")

    @cached_property
    def refusals(self) -> dict[str, str]:
        """Why grounds are refused, by their name."""
        found = {}
        for ground in GROUNDS:
            try:
                start(self.make(), ground, 0)
            except SandboxError as error:
                found[ground.name] = one_line(error)
            except Exception:
                continue  # a crash is no refusal: `check_plays` reports it
        return found

    @cached_property
    def grounds(self) -> list[Ground]:
        """The grounds that the agent takes."""
        taken = [ground for ground in GROUNDS if ground.name not in self.refusals]
        return [ground for ground in taken if self._plays(ground)] or taken if self.is_estimator else taken

    def _plays(self, ground: Ground) -> bool:
        try:
            play(self.make(), ground, 0)
        except Exception:
            return False
        return True
