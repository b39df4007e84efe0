"""A maze in which a shorter way opens (Sutton & Barto, 2nd edition, example 8.3, figure 8.5)."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.drift import Specs

from .blocking_maze import AFTER as BEFORE
from .blocking_maze import BlockingMaze

AFTER = (*BEFORE[:3], ".#######.", *BEFORE[4:])


class ShortcutMaze(BlockingMaze):
    """The shortcut maze (book, figure 8.5): after 3,000 steps a shorter way opens, and the old one stays.

    The goal pays 1, discounted by 0.95: 16 steps away at first, 10 later. All else is as in BlockingMaze.
    """

    max_episode_steps = None

    def __init__(
        self,
        desc: str | Sequence[str] = BEFORE,
        *,
        after: str | Sequence[str] = AFTER,
        slip: float = 0.0,
        discount: float = 0.95,
        drift: Specs = "abrupt@3000",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(desc, after=after, slip=slip, discount=discount, drift=drift, render_mode=render_mode)
