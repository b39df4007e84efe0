"""How an environment is looked at: by its own frames or text, or by a board that we make of its state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from PIL import Image

from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError, one_line
from sandbox.plots.painter import Board
from sandbox.table_env import DriftClock, TableEnv
from sandbox.watching.boards import own_board, own_ground, strip_board, text_board

Picture = Board | Image.Image
Look = Callable[[gym.Env[Any, Any], Any], Picture]
_WIDE, _HIGH = 440, 400  # pixels that an environment's own frame may have


@dataclass
class Screen:
    """How a world is looked at: `world` is made so that it can be, `look(env, observation)` returns how it
    stands now.

    `note`: what a viewer should know of it, a line.
    """

    world: EnvWorld
    look: Look
    note: str = ""
    _stages: dict[str, gym.Env[Any, Any]] = field(default_factory=dict)

    def picture(self, env: gym.Env[Any, Any], observation: Any) -> Picture:
        """Return how a running environment stands; one that follows tables alone is shown by one that can be seen."""
        inner = env.unwrapped
        if type(inner) is not TableEnv:
            return self.look(env, observation)
        stage = self.stage(inner.concept)
        setattr(stage.unwrapped, "s" if hasattr(stage.unwrapped, "s") else "state", inner.state)
        return self.look(stage, observation)

    def stage(self, concept: int) -> gym.Env[Any, Any]:
        """Return an environment that looks as the world does under a law (of a mixture, its largest share)."""
        settings = settings_under(self.world, concept)
        key = f"{concept} {settings}"
        if key not in self._stages:
            stage = self.world.make(**settings)
            stage.reset(seed=0)
            inner = stage.unwrapped
            if isinstance(inner, DriftClock) and inner.schedule:  # a drift of its own
                inner.concept = concept
            self._stages[key] = stage
        return self._stages[key]

    def close(self) -> None:
        """Close what was opened."""
        for stage in self._stages.values():
            stage.close()


def settings_under(world: EnvWorld, concept: int) -> dict[str, Any]:
    """Return the settings that a drift gives a world under a law; of a mixture, those of its largest share."""
    drift = world.terms.drift
    if not drift:
        return {}
    _, anchor = max(drift.made_of(concept).shares, key=lambda pair: pair[0])
    number, settings = drift.own_change(anchor), drift.settings_of(anchor)
    if not number:
        return dict(settings)
    env = world.make()
    try:
        own: dict[str, Any] = env.unwrapped.own_change(number)  # type: ignore[attr-defined]
    finally:
        env.close()
    return own | settings


def screen_of(world: EnvWorld) -> Screen:
    """Return how a world can be looked at; raise `SandboxError`, saying what is missing, if it cannot."""
    env = world.make()
    try:
        modes = env.metadata.get("render_modes") or []
        if own_ground(env) is not None:
            return Screen(world, _own)
    finally:
        env.close()
    trouble = f"{world.name} draws nothing: its environment has no render mode 'ansi' or 'rgb_array'"
    for mode, look in (("ansi", _text), ("rgb_array", _frame)):
        if mode not in modes:
            continue
        drawn = _rendering(world, mode)
        try:
            _try_out(drawn, look)
        except Exception as error:  # the environment's own, or of a library that it draws with
            trouble = f"{world.name} cannot be drawn: {one_line(error)}"
            continue
        return Screen(drawn, look)
    space = world.observation_space
    if isinstance(space, spaces.Discrete) and strip_board(0, int(space.n)) is not None:
        return Screen(world, _strip, f"{trouble}; shown as a strip of its {int(space.n)} states")
    raise SandboxError(trouble)


def _rendering(world: EnvWorld, mode: str) -> EnvWorld:
    return replace(world, make=lambda **changes: world.make(**({"render_mode": mode} | changes)))


def _try_out(world: EnvWorld, look: Look) -> None:
    env = world.make()
    try:
        observation, _ = env.reset(seed=0)
        look(env, observation)
    finally:
        env.close()


def _own(env: gym.Env[Any, Any], observation: Any) -> Picture:
    ground = own_ground(env)
    assert ground is not None
    return own_board(env, ground)


def _text(env: gym.Env[Any, Any], observation: Any) -> Picture:
    board = text_board(env.render(), type(env.unwrapped).__name__)
    if board is None:
        raise SandboxError("its text is not made of rows of equal length")
    return board


def _frame(env: gym.Env[Any, Any], observation: Any) -> Picture:
    pixels: Any = env.render()
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise SandboxError("its frame is no array of pixels, rows x columns x 3")
    frame = Image.fromarray(pixels.astype(np.uint8))
    frame.thumbnail((_WIDE, _HIGH), Image.Resampling.LANCZOS)
    return frame


def _strip(env: gym.Env[Any, Any], observation: Any) -> Picture:
    space = env.observation_space
    assert isinstance(space, spaces.Discrete)
    board = strip_board(int(observation) - int(space.start), int(space.n))
    assert board is not None
    return board
