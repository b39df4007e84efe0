"""What the tests of agents that plan share: made-up lives, rules as plain Python, and rules with a fault planted."""

from __future__ import annotations

import importlib
import pkgutil
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from gymnasium import spaces

import sandbox.agents
from sandbox.interfaces import Experience

_NUMBER = count()


class Step(NamedTuple):
    """One transition of a made-up life."""

    state: int
    choice: int
    reward: float
    after: int
    terminated: bool
    truncated: bool


def life(seed: int, steps: int, states: int = 4, choices: int = 2, ends: float = 0.15) -> list[Step]:
    """Return transitions of a random world, followed at random: episodes terminate, or are cut, with chance `ends`.

    Rewards lie in [0, 1]. What follows a pair is one of three places, unevenly.
    """
    rng = np.random.default_rng(seed)
    leads = rng.integers(states, size=(states, choices, 3))
    made, state = [], 0
    for _ in range(steps):
        choice = int(rng.integers(choices))
        after = int(leads[state, choice, rng.choice(3, p=[0.6, 0.3, 0.1])])
        terminated, truncated = bool(rng.random() < ends), bool(rng.random() < ends)
        made.append(Step(state, choice, float(rng.random()), after, terminated, truncated))
        state = int(rng.integers(states)) if terminated or truncated else after
    return made


def started(agent: Any, states: int = 4, choices: int = 2, seed: int = 0) -> Any:
    """Return an agent that has begun."""
    agent.begin(spaces.Discrete(states), spaces.Discrete(choices), np.random.default_rng(seed))
    return agent


def teach(agent: Any, step: Step) -> None:
    """Let an agent learn from one transition."""
    agent.learn(Experience(*step, None, 0))


def modules_of(package: str) -> list[Any]:
    """Return all modules of a family of agents."""
    path = importlib.import_module(package).__path__
    return [importlib.import_module(found.name) for found in pkgutil.iter_modules(path, f"{package}.")]


def as_python(patch: pytest.MonkeyPatch, package: str) -> None:
    """Let every rule of a family run as the plain Python that it is written in."""
    for module in modules_of(package):
        for key, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                patch.setattr(module, key, value.py_func)


@contextmanager
def planted(family: str, file: str, old: str, new: str, folder: Path) -> Iterator[str]:
    """Yield the name of a copy of a family of agents in which one text is replaced by another."""
    name = f"{family}_{next(_NUMBER)}"
    source = Path(sandbox.agents.__path__[0]) / family
    shutil.copytree(source, folder / name)
    text = (source / f"{file}.py").read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}.py"
    (folder / name / f"{file}.py").write_text(text.replace(old, new), encoding="utf-8")
    sandbox.agents.__path__.append(str(folder))
    try:
        yield f"sandbox.agents.{name}"
    finally:
        sandbox.agents.__path__.remove(str(folder))
        for module in [one for one in sys.modules if one.startswith(f"sandbox.agents.{name}")]:
            del sys.modules[module]


def agent_of(package: str, module: str, **settings: Any) -> Any:
    """Return the agent that a module of a package offers."""
    made = importlib.import_module(f"{package}.{module}")
    return getattr(made, "".join(part.capitalize() for part in module.split("_")))(**settings)
