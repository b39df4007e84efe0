"""What the tests of bandits share: made-up slates, and both speeds by hand."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from gymnasium import spaces

from sandbox.agents import bandits, contextual
from sandbox.feedback import Feedback, Mailbox
from sandbox.interfaces import Chosen, Experience, Slate
from sandbox.rows import greedy_choice

LEVEL = 1e-3  # of the tests by chance, whose seeds are fixed
K, D = 5, 3
BOX = spaces.Box(-np.inf, np.inf, (D,), np.float64)
IDS = spaces.Box(0, 2**62, (K,), np.int64)
SEEN = spaces.Dict({"user": spaces.Discrete(9), "context": BOX, "items": IDS})
FEEDBACKS = [
    Feedback(),
    Feedback(7),
    Feedback("uniform(0,40)"),
    Feedback("geometric(5)", partial=0.6),
    Feedback(noisy=0.3),
    Feedback(only=(0, 2)),
    Feedback(budget=60),
    Feedback("uniform(0,30)", 0.8, 0.2, (1, 2, 4), 90),
]


def started(agent: Any, seed: int = 0, seen: spaces.Space[Any] = SEEN, k: int = K) -> Any:
    agent.begin(seen, spaces.Discrete(k), np.random.default_rng(seed))
    return agent


def reward(agent: Any, slot: int | None, value: float, observation: Any = 0, step: int = 0) -> None:
    agent.learn(Experience(observation, slot, value, None, True, False, None, step))


class Chunk(NamedTuple):
    """Slates, and what each choice would earn."""

    seen: Slate
    rewards: np.ndarray  # (n, k)

    def observation(self, i: int) -> dict[str, Any]:
        return {"user": int(self.seen.user[i]), "context": self.seen.context[i], "items": self.seen.item[i]}


def made_up(seed: int, n: int = 400, life: int = 60) -> Chunk:
    """Slates whose items are replaced, with rewards of few values, so that there are ties."""
    rng = np.random.default_rng(seed)
    item = (np.arange(n)[:, None] + life * np.arange(K) // K) // life * K + np.arange(K)
    context = np.column_stack([np.ones(n), rng.standard_normal((n, D - 1))])
    return Chunk(Slate(rng.integers(9, size=n), context, item), rng.integers(-2, 5, size=(n, K)) / 4.0)


def rows(n: int) -> Chosen:
    return Chosen(*(np.empty(n) for _ in range(4)), np.empty(n, dtype=np.int64))


def held_by(agent: Any) -> list[np.ndarray]:
    """Every array of what an agent learned, in the order of its attributes."""
    return [array for name, part in vars(agent).items() if not name.startswith("_") for array in arrays_in(part)]


def arrays_in(part: Any) -> Iterator[np.ndarray]:
    if isinstance(part, np.ndarray):
        yield part
    elif isinstance(part, tuple):
        for inside in part:
            yield from arrays_in(inside)


def in_the_open(agent: Any, chunk: Chunk, feedback: Feedback, seed: int) -> Chosen:
    """The loop of sandbox/loop.py, by hand."""
    n = len(chunk.rewards)
    out, box = rows(n), Mailbox(feedback, seed, chunk.rewards.shape[1])
    for s in range(n):
        observation = chunk.observation(s)
        made = agent.act(observation)
        due, wrong, _ = box.answer(s, made.choice, made.ask)
        earned = float(chunk.rewards[s, made.choice])
        box.post(due, Experience(observation, made.choice, -earned if wrong else earned, None, True, False, None, s))
        for experience in box.arrived(s):
            agent.learn(experience)
        out.choice[s], out.greedy[s] = made.choice, greedy_choice(made.choice, made.explored, made.scores)
        out.confidence[s] = out.likelihood[s] = made.confidence
        out.answered_at[s] = due
    return out


def compiled(agent: Any, chunk: Chunk, feedback: Feedback, seed: int, cuts: tuple[int, ...] = (1, 130)) -> Chosen:
    n, k = chunk.rewards.shape
    out = rows(n)
    advance = agent.fast("slate", tuple(feedback.answered(k).tolist()), feedback.budget, feedback.longest)
    for a, b in zip((0, *cuts), (*cuts, n), strict=True):
        part = Chosen(*(column[a:b] for column in out))
        seen = Slate(*(column[a:b] for column in chunk.seen))
        advance(a, seen, chunk.rewards[a:b], feedback.answers(seed, a, b - a), part)
    return out


def rules_of(family: ModuleType) -> Iterator[tuple[ModuleType, str, Any]]:
    """Every function that the modules of a family know: (module, name, function)."""
    for found in pkgutil.iter_modules(family.__path__, f"{family.__name__}."):
        module = importlib.import_module(found.name)
        for name, value in list(vars(module).items()):
            if callable(value):
                yield module, name, value


def as_python(patch: pytest.MonkeyPatch) -> None:
    """Let every rule run as the plain Python that it is written in."""
    for family in (bandits, contextual):
        for module, name, value in rules_of(family):
            if hasattr(value, "py_func"):
                patch.setattr(module, name, value.py_func)


def mutate(patch: pytest.MonkeyPatch, family: ModuleType, home: str, name: str, old: str, new: str) -> None:
    """Let agents use the rule `name` of a module with `old` in its text replaced by `new`, as plain Python."""
    as_python(patch)
    known = vars(importlib.import_module(f"{family.__name__}.{home}"))
    rule = known[name]
    source = textwrap.dedent(inspect.getsource(rule)).partition("\n")[2]
    assert old in source
    made = dict(known)
    exec(compile("from __future__ import annotations\n" + source.replace(old, new), home, "exec"), made)
    for module, key, value in rules_of(family):
        if value is rule and key == name:
            patch.setattr(module, key, made[name])


def columns(agent: Any, rewards: np.ndarray, seed: int) -> Chosen:
    """Go through rewards (n, k) that depend on the slot alone."""
    n, k = rewards.shape
    seen = Slate(np.zeros(n, dtype=np.int64), np.zeros((n, 0)), np.tile(np.arange(k), (n, 1)))
    return compiled(started(agent, seed, spaces.Discrete(1), k), Chunk(seen, rewards), Feedback(), seed, ())
