"""The maze of the book's first planning experiment (Sutton & Barto, 2nd edition, example 8.1 and figure 8.2)."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.drift import Specs

from .grid_maze import GridMaze

MAZE = (
    ".......#G",
    "..#....#.",
    "S.#....#.",
    "..#......",
    ".....#...",
    ".........",
)


class DynaMaze(GridMaze):
    """The Dyna maze (book, figure 8.2): 14 steps to a reward of 1, discounted by 0.95; choices as in GridMaze.

    A drift without settings moves its walls to cells drawn anew from `law_seed`. Episodes have no time limit.
    """

    max_episode_steps = None

    def __init__(
        self,
        desc: str | Sequence[str] = MAZE,
        *,
        slip: float = 0.0,
        discount: float = 0.95,
        law_seed: int = 0,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(
            desc, slip=slip, step_reward=0.0, goal_reward=1.0, discount=discount, law_seed=law_seed, drift=drift,
            render_mode=render_mode,
        )  # fmt: skip
