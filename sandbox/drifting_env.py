"""Drift for an environment whose law is not known: it is made anew with other settings at its next reset."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from sandbox.draws import OUTCOME, RESET, keyed_uniform, stream_of
from sandbox.drift import Drift, Schedule, Shares
from sandbox.errors import SandboxError, one_line
from sandbox.table_env import DriftClock
from sandbox.user_files import load_file

_NUMBERS = (int, float, np.integer, np.floating)


class DriftingEnv(DriftClock, gym.Env[Any, Any]):
    """An environment that follows a schedule, on the clock of its lifetime, changing only between episodes.

    In a mixture the law of each episode is drawn; in an interpolated law numbers are interpolated, and other settings
    are those of the larger share. A user's function is called as `f(env, progress)` on what was made. Bare attribute
    writes are not offered: they leave behind what was computed from the attribute before.
    """

    def __init__(self, make: Callable[..., gym.Env[Any, Any]], schedule: Schedule, name: str) -> None:
        self._make, self.schedule, self._name = make, schedule, name
        self._functions = [drift.function and _load(drift.function) for drift in schedule.drifts]
        for drift in schedule.drifts:
            if not drift.settings and not drift.function:
                raise SandboxError(f"{name} has no change of its own; say what changes, as {drift}:setting=value")
        self._inner = make()
        self.observation_space, self.action_space = self._inner.observation_space, self._inner.action_space
        self._first = _settings_at_first(self._inner, {name for one in schedule.drifts for name, _ in one.settings})
        self._met: object = None  # what it was made of; None: nothing yet
        self.spec = self._inner.spec  # its own threshold and settings
        self.metadata, self.render_mode = self._inner.metadata, self._inner.render_mode
        self.concept = self._seed = self.clock = 0
        for i, drift in enumerate(schedule.drifts):
            self._try_out(drift, [float(k == i) for k in range(len(schedule.drifts))])

    def _try_out(self, drift: Drift, progress: list[float]) -> None:
        """Refuse now what would be refused in the middle of a run."""
        if drift.levels > 1 and drift.kind != "gradual":
            for name, _ in drift.settings:
                if self._first[name] is None:
                    raise SandboxError(f"{drift}: the first value of {name!r} is needed too: the environment hides it")
        try:
            self._made(dict(drift.settings), progress).close()
        except SandboxError:
            raise
        except Exception as error:
            raise SandboxError(f"{self._name} after {drift}: {one_line(error)}") from error

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode under the law in force now; with a seed, a new life."""
        super().reset(seed=seed)
        if seed is not None:
            self._seed, self.clock = seed, 0
        self.concept = int(self.schedule.concepts(self._seed, self.clock, 1)[0])
        shares = self._drawn()
        fresh = seed is not None or shares != self._met
        if fresh:
            self._rebuild(shares)
            seed = int(stream_of(self._seed, self.clock, RESET) >> 33)
        return self._inner.reset(seed=seed if fresh else None, options=options)

    def _drawn(self) -> Shares:
        """Return which of the laws that are mixed this episode has."""
        u, total = keyed_uniform(self._seed, self.clock, OUTCOME), 0.0
        mixture = self.schedule.made_of(self.concept).mixture
        for weight, shares in mixture:
            total += weight
            if u < total:
                return shares
        return mixture[-1][1]

    def _rebuild(self, shares: Shares) -> None:
        settings = _blend(self._first, [(share, self.schedule.settings_of(anchor)) for share, anchor in shares])
        drifts = range(len(self._functions))
        made = self._made(settings, [sum(share for share, anchor in shares if anchor[i]) for i in drifts])
        self._inner.close()
        self._inner, self._met = made, shares

    def _made(self, settings: dict[str, Any], progress: list[float]) -> gym.Env[Any, Any]:
        """Return a fresh environment with other settings, changed by the users' functions."""
        made = self._make(**settings)
        for function, how_far in zip(self._functions, progress, strict=True):
            if function:
                function(made.unwrapped, how_far)
        if (made.observation_space, made.action_space) != (self.observation_space, self.action_space):
            raise SandboxError(f"{self._name}: a drift may not change the observations or the choices")
        return made

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step of the environment."""
        self.clock += 1
        return self._inner.step(action)

    def render(self) -> Any:
        """Render the environment."""
        return self._inner.render()

    def close(self) -> None:
        """Close the environment."""
        self._inner.close()


def _settings_at_first(env: gym.Env[Any, Any], names: set[str]) -> dict[str, Any]:
    """Return the settings of these names that an environment was made with, as far as it tells."""
    given = env.spec.kwargs if env.spec is not None else {}
    defaults = inspect.signature(type(env.unwrapped).__init__).parameters
    found: dict[str, Any] = {}
    for name in names:
        default = defaults[name].default if name in defaults else inspect.Parameter.empty
        fallback = None if default is inspect.Parameter.empty else default
        found[name] = given.get(name, getattr(env.unwrapped, name, fallback))
    return found


def _blend(first: dict[str, Any], parts: list[tuple[float, dict[str, Any]]]) -> dict[str, Any]:
    """Return the settings between those of several laws; what one does not set is as at `first`."""
    if len(parts) == 1:
        return parts[0][1]
    blended: dict[str, Any] = {}
    for name in dict.fromkeys(key for _, settings in parts for key in settings):
        values = [(share, settings.get(name, first.get(name))) for share, settings in parts]
        numbers = [value for _, value in values if isinstance(value, _NUMBERS) and not isinstance(value, bool)]
        if len(numbers) == len(values):
            blended[name] = sum(share * value for (share, _), value in zip(values, numbers, strict=True))
        else:
            blended[name] = max(values, key=lambda pair: pair[0])[1]
    return blended


def _load(function: str) -> Callable[[Any, float], Any]:
    path, _, name = function.partition(":")
    found = load_file(path, name)
    if not callable(found):
        raise SandboxError(f"{function} is no function")
    changes: Callable[[Any, float], Any] = found
    return changes
