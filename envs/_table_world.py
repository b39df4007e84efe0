"""What worlds that are tables share: a law made of named settings, its drift, and its picture in text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from sandbox.drift import Anchor, Schedule, Specs, parse_drifts
from sandbox.errors import SandboxError, suggestion
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Objective, Table
from sandbox.table_env import TableEnv, drifting_tables

Outcome = tuple[float, int, float, bool]  # probability, next state, reward, whether the episode ends


class TableWorld(TableEnv, ABC):
    """A table made of settings, of which each drift changes some.

    A subclass offers `build` and `drawing`; where it has a natural change of its own also `own_change(number)`, which
    returns the settings after the change of that number (1, 2, ...).
    """

    max_episode_steps: int | None = None  # of the registered world, as each class says itself
    metadata = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012  Gymnasium's name and form

    def __init__(self, settings: Mapping[str, Any], drift: Specs, render_mode: str | None) -> None:
        name = type(self).__name__
        if render_mode not in (None, "ansi"):
            raise SandboxError(f"{name}: render_mode={render_mode!r} is not 'ansi', the only one it has")
        self._given = dict(settings)
        self.render_mode = render_mode
        self._drawn: tuple[int, tuple[str, ...]] | None = None  # a concept and its picture
        schedule = Schedule(parse_drifts(drift))
        if not hasattr(self, "own_change") and any(not one.settings and not one.function for one in schedule.drifts):
            raise SandboxError(f"{name} has no change of its own; say what changes, as abrupt@5000:setting=value")
        super().__init__(drifting_tables(schedule, lambda anchor: self._anchor(schedule, anchor)), schedule)

    @abstractmethod
    def build(self, **settings: Any) -> Table:
        """Return the law that settings make; raise `SandboxError` for settings out of range."""

    @abstractmethod
    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return the world that settings make as rows of text of one length, without the agent."""

    @abstractmethod
    def places(self) -> IntArray:
        """Return row and column (S, 2) of each state in the drawing; -1, -1 for one that is not in it."""

    def settings_in(self, schedule: Schedule, anchor: Anchor) -> dict[str, Any]:
        """Return the settings of an anchor; what a drift names comes before what the world changes by itself."""
        number = schedule.own_change(anchor)
        own = getattr(self, "own_change", None)
        return self._given | (own(number) if number and own else {}) | schedule.settings_of(anchor)

    def _anchor(self, schedule: Schedule, anchor: Anchor) -> Table:
        name = type(self).__name__
        for setting in schedule.settings_of(anchor):
            if setting not in self._given:
                near = suggestion(setting, self._given)
                raise SandboxError(f"{name}: a drift cannot change {setting!r}{near}; it can {', '.join(self._given)}")
        if any(done and drift.function for drift, done in zip(schedule.drifts, anchor, strict=True)):
            raise SandboxError(f"{name}: give a drift by settings; a function would hide the law")
        return self.build(**self.settings_in(schedule, anchor))

    def render(self) -> str | None:
        """Return the world in force (of a mixture, that of the largest share) as text, with `@` for the agent."""
        if self.render_mode != "ansi":
            return None
        if self._drawn is None or self._drawn[0] != self.concept:
            _, anchor = max(self.schedule.made_of(self.concept).shares, key=lambda pair: pair[0])
            self._drawn = self.concept, self.drawing(**self.settings_in(self.schedule, anchor))
        rows = [list(row) for row in self._drawn[1]]
        r, c = self.places()[self.state]
        if r >= 0:
            rows[r][c] = "@"
        return "\n".join("".join(row) for row in rows)


def grid_places(height: int, width: int) -> IntArray:
    """Return row and column (height * width, 2) of cells numbered row by row."""
    return np.stack(np.divmod(np.arange(height * width, dtype=np.int64), width), axis=1)


def objective_of(what: str, discount: float) -> Objective:
    """Return the objective of a world: the sum of rewards for a discount of 1, else the discounted sum."""
    check_range(what, "discount", discount, 0.0, 1.0)
    return Objective() if discount == 1.0 else Objective("discounted", float(discount))
