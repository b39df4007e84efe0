"""A maze whose short way is blocked and a longer one opened (Sutton & Barto, 2nd edition, example 8.2, figure 8.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.drift import Specs

from .grid_maze import GridMaze, rows_of

BEFORE = (
    "........G",
    ".........",
    ".........",
    "########.",
    ".........",
    "...S.....",
)
AFTER = (*BEFORE[:3], ".########", *BEFORE[4:])


class BlockingMaze(GridMaze):
    """The blocking maze (book, figure 8.4): after 1,000 steps the short way closes and a longer one opens.

    The goal pays 1, discounted by 0.95: 10 steps away at first, 16 later. Choices as in GridMaze. `after` is the maze
    that `desc` becomes by a drift without settings, and `drift` when; None: never by itself, so that `--drift` can say
    when. Of several such drifts every second one leads back. Episodes have no time limit.
    """

    max_episode_steps = None

    def __init__(
        self,
        desc: str | Sequence[str] = BEFORE,
        *,
        after: str | Sequence[str] = AFTER,
        slip: float = 0.0,
        discount: float = 0.95,
        drift: Specs = "abrupt@1000",
        render_mode: str | None = None,
    ) -> None:
        self.after = rows_of(after)
        super().__init__(
            desc, slip=slip, step_reward=0.0, goal_reward=1.0, discount=discount, drift=drift, render_mode=render_mode
        )

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after the maze's own change of this number (1, 2, ...): there, and back again."""
        return {"desc": self.after if number % 2 else self.rows}
