"""A road with several lanes, slower traffic and unexpected obstacles, in dry weather, rain, ice and fog."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Table

from ._road import (
    CAR,
    DISTANCE,
    FASTEST,
    GRIPS,
    NOTHING,
    OBSTACLE,
    PACE,
    SIGHT,
    Cars,
    Road,
    crashes,
    near_misses,
    road_table,
    states_of,
)
from ._table_world import TableWorld

_TURNS = ("weather", "traffic", "both")
_RUSH = 2.0  # how much denser traffic is in the rush hour
_SIGNS = {NOTHING: ".", CAR: "c", OBSTACLE: "o"}


class Driving(TableWorld):
    """A road of `lanes` lanes (2 or 3) of which 3 cells ahead are seen.

    Choices: keep, faster, slower, brake hard, left, right. The car drives 0 to 3 cells a step; other cars drive 1,
    obstacles stand. A step earns the cells driven, less `time_cost`. `slower` takes off 1, braking hard 2; changing
    lane keeps the speed (at least 1). Where there is no lane, it is as keep. Harsh manoeuvres, braking hard and
    changing lane at full speed, cost `harsh_cost`; changing lane more slowly costs a tenth of that. Who would come to,
    or pass, the cell of a thing in the lane driven in crashes: that earns no cells, costs `crash_cost` and the next
    step, in which the wreck is cleared; then the car is at rest in its lane.

    `weather`: `dry`, `wet`, `ice`, or how well tyres grip, from 0 to 1. Slowing down and changing lane fail, and the
    car goes on as before, with probability (1 - grip) * speed / 3. The chance that another car comes into sight in a
    step, in a lane drawn at random, is `traffic` * (speed - 1) / 2; that an obstacle steps onto the lane driven in, 3
    cells ahead, `obstacles` * speed / 3. Of each lane only the nearest thing counts: nothing comes where something is.
    What is passed is gone; nobody overtakes.

    A drive goes on for ever (a time limit cuts it), so rewards are discounted: with 0.9 a driver looks ten steps ahead.
    So `time_cost` changes no gap and no best choice, only how what was never tried looks to who expects 0 of it.

    `fog`: how many of the farthest cells are hidden (0 to 2). Several states then look alike; the price of a choice is
    still that of the state. `drift`: when the road changes. A drift without settings changes what `turns` says: the
    `weather` (dry, then ice, then wet, and round again), the `traffic` (twice as dense, and back), or `both`.
    `info` says of each step whether it ended in a `near_miss` (one cell behind something on which the car is still
    closing in) or a `crash`.
    """

    max_episode_steps = 200

    def __init__(
        self,
        lanes: int = 3,
        *,
        traffic: float = 0.3,
        obstacles: float = 0.1,
        weather: str | float = "dry",
        fog: int = 0,
        discount: float = 0.9,
        time_cost: float = 2.0,
        harsh_cost: float = 2.0,
        crash_cost: float = 20.0,
        turns: str = "weather",
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        given = {
            "traffic": traffic, "obstacles": obstacles, "weather": weather, "discount": discount,
            "time_cost": time_cost, "harsh_cost": harsh_cost, "crash_cost": crash_cost,
        }  # fmt: skip
        if turns not in _TURNS:
            raise SandboxError(f"Driving: turns={turns!r} is none of {', '.join(_TURNS)}")
        check_range("Driving", "fog", fog, 0, SIGHT - 1)
        if int(fog) != fog:
            raise SandboxError(f"Driving: fog={fog!r} is not a whole number of cells")
        self.lanes, self.fog, self.turns = lanes, int(fog), turns
        super().__init__(given, drift, render_mode)
        self.near, self.wreck = near_misses(self.cars), crashes(self.cars)
        self.marks = {"near_misses": self.near, "collisions": self.wreck}

    @property
    def cars(self) -> Cars:
        """What each state stands for: lane, speed, and codes of what lies ahead in each lane."""
        return states_of(self.lanes).cars

    def build(self, **settings: Any) -> Table:
        """Return the law of a road."""
        return road_table(Road(lanes=self.lanes, **settings), self.fog)

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after the road's own change of this number (1, 2, ...): `turns` says what changes."""
        changed: dict[str, Any] = {}
        if self.turns in ("weather", "both"):
            changed["weather"] = weather_after(self._given["weather"], number)
        if self.turns in ("traffic", "both") and number % 2:
            changed["traffic"] = min(_RUSH * self._given["traffic"], 1.0 - self._given["obstacles"])
        return changed

    def told(self) -> dict[str, Any]:
        """Return what `info` tells of the state that a step led to."""
        return {"near_miss": bool(self.near[self.state]), "crash": bool(self.wreck[self.state])}

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return an empty road, a row a lane."""
        return ("." * (FASTEST + SIGHT + 1),) * self.lanes

    def places(self) -> IntArray:
        """Return row and column (S, 2) of the car: its lane, and the further to the right the faster it drives."""
        return np.stack([self.cars.lane, self.cars.speed], axis=1)

    def render(self) -> str | None:
        """Return the road as text: `@` the car, `>` behind it for each cell a step, `c` others, `o` obstacles.

        Hidden cells show `~`, whatever is in them.
        """
        if self.render_mode != "ansi":
            return None
        lane, speed, things = (part[self.state] for part in self.cars)
        rows = [list(row) for row in self.drawing()]
        for row, thing in zip(rows, things.tolist(), strict=True):
            if thing != NOTHING:
                row[speed + DISTANCE[thing]] = _SIGNS[CAR if PACE[thing] else OBSTACLE]
            for cell in range(speed + SIGHT - self.fog + 1, speed + SIGHT + 1):
                row[cell] = "~"
        rows[lane][:speed] = ">" * speed
        rows[lane][speed] = "@"
        return "\n".join("".join(row) for row in rows)


def weather_after(weather: str | float, number: int) -> str:
    """Return the weather after the turn of this number (1, 2, ...): dry, ice, wet, and round again."""
    turns = ("dry", "ice", "wet")
    grip = GRIPS[weather] if isinstance(weather, str) else weather
    nearest = min(turns, key=lambda name: abs(GRIPS[name] - grip))
    return turns[(turns.index(nearest) + number) % len(turns)]
