"""The law of a road with several lanes: how a car, slower traffic and obstacles move, as arrays over all states.

A situation is (lane, speed, what lies ahead in each lane). Those that a trip can come to are the states.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import SandboxError, suggestion
from sandbox.interfaces import check_range
from sandbox.table import FloatArray, IntArray, Objective, Table

BoolArray = NDArray[np.bool_]

KEEP, FASTER, SLOWER, HARD, LEFT, RIGHT = range(6)
FASTEST = 3  # cells a step; traffic drives 1, obstacles stand
SIGHT = 3  # cells ahead at which things come into sight
# The nearest thing in a lane, by its code: nothing, a car 0..3 cells ahead (0: beside), an obstacle 1..3 cells ahead.
NOTHING, CAR, OBSTACLE = 0, 1, 1 + SIGHT  # CAR + distance, OBSTACLE + distance
DISTANCE = np.array([99, *range(SIGHT + 1), *range(1, SIGHT + 1)])
PACE = np.array([0] + [1] * (SIGHT + 1) + [0] * SIGHT)
THINGS = len(DISTANCE)
_GENTLE = 0.1  # what changing lane below full speed costs, as a share of the cost of harsh manoeuvres
GRIPS = {"dry": 1.0, "wet": 0.8, "ice": 0.4}


class Cars(NamedTuple):
    """The road as arrays over states: `lane` (S,), 0 the left one; `speed` (S,); `things` (S, lanes) by their codes."""

    lane: IntArray
    speed: IntArray
    things: IntArray


@dataclass(frozen=True)
class Road:
    """A road of `lanes` lanes with its settings, described at `Driving`."""

    lanes: int = 3
    traffic: float = 0.3
    obstacles: float = 0.1
    weather: str | float = "dry"
    discount: float = 0.9
    time_cost: float = 2.0
    harsh_cost: float = 2.0
    crash_cost: float = 20.0

    def __post_init__(self) -> None:
        if isinstance(self.weather, str) and self.weather not in GRIPS:
            near = suggestion(self.weather, GRIPS)
            known = f"{near}; one of {', '.join(GRIPS)}, or a grip from 0 to 1"
            raise SandboxError(f"Driving: there is no weather {self.weather!r}{known}")
        if self.lanes not in (2, 3) or isinstance(self.lanes, bool):
            raise SandboxError(f"Driving: lanes={self.lanes!r} is out of range: 2 or 3")
        limits = {"traffic": (0.0, 1.0), "obstacles": (0.0, 1.0), "discount": (0.0, 0.999)}
        limits |= dict.fromkeys(("time_cost", "harsh_cost", "crash_cost"), (0.0, 1e6))
        for name, (low, high) in limits.items():
            check_range("Driving", name, getattr(self, name), low, high)
        check_range("Driving", "weather", self.grip, 0.0, 1.0)
        if self.traffic + self.obstacles > 1.0:
            raise SandboxError(
                f"Driving: traffic={self.traffic!r} and obstacles={self.obstacles!r} add up to more than 1"
            )

    @property
    def grip(self) -> float:
        """How surely brakes and steering work at full speed, 0 to 1."""
        return GRIPS[self.weather] if isinstance(self.weather, str) else self.weather

    def seen(self, fog: int) -> IntArray:
        """Return the observation (S,) of each state when the farthest `fog` cells are hidden, counted from 0."""
        states = states_of(self.lanes)
        hidden = DISTANCE[states.cars.things] > SIGHT - fog
        shown = _number(states.cars._replace(things=np.where(hidden, NOTHING, states.cars.things)))
        return np.asarray(np.unique(shown, return_inverse=True)[1], dtype=np.int64).reshape(-1)


class States(NamedTuple):
    """The states of a road: what each stands for, and `at`, the state of each situation by its number, else -1."""

    cars: Cars
    at: IntArray


def _number(cars: Cars) -> IntArray:
    """Return the numbers (S,) of situations."""
    shape = (cars.things.shape[1], FASTEST + 1) + (THINGS,) * cars.things.shape[1]
    return np.asarray(np.ravel_multi_index((cars.lane, cars.speed, *cars.things.T), shape), dtype=np.int64)


def _every(lanes: int) -> States:
    """Return all situations as states."""
    shape = (lanes, FASTEST + 1) + (THINGS,) * lanes
    lane, speed, *things = np.indices(shape).reshape(2 + lanes, -1)
    return States(Cars(lane, speed, np.stack(things, axis=1)), np.arange(len(lane)))


@lru_cache(maxsize=2)
def states_of(lanes: int) -> States:
    """Return the situations that a trip can come to in some weather and traffic, wrecks included: fewer by far."""
    every = _every(lanes)
    law = _table(Road(lanes=lanes, traffic=0.3, obstacles=0.3, weather=0.5), every)
    kept = law.reachable()
    kept[law.successor[kept][law.probability[kept] > 0.0]] = True
    at = np.where(kept, np.cumsum(kept) - 1, -1)
    return States(Cars(*(part[kept] for part in every.cars)), at)


def near_misses(cars: Cars) -> BoolArray:
    """Return which states (S,) are near misses: one cell behind something, and still closing in on it."""
    own = np.take_along_axis(cars.things, cars.lane[:, None], axis=1)[:, 0]
    return np.asarray((DISTANCE[own] == 1) & (cars.speed > PACE[own]))


def crashes(cars: Cars) -> BoolArray:
    """Return which states (S,) are wrecks: something in the very cell of the car."""
    own = np.take_along_axis(cars.things, cars.lane[:, None], axis=1)[:, 0]
    return np.asarray(own == CAR)


def _wanted(cars: Cars, choice: int, lanes: int) -> tuple[IntArray, IntArray, FloatArray]:
    """Return lane and speed (S,) if the choice works, and its cost (S,) as a share of that of harsh manoeuvres."""
    lane, speed = cars.lane, cars.speed
    if choice in (LEFT, RIGHT):
        there = lane + (1 if choice == RIGHT else -1)
        on_road = (there >= 0) & (there < lanes)
        lane = np.where(on_road, there, lane)
        cost = np.where(on_road, np.where(speed == FASTEST, 1.0, _GENTLE), 0.0)
        speed = np.where(on_road, np.maximum(speed, 1), speed)
        return lane, speed, cost
    step = {KEEP: 0, FASTER: 1, SLOWER: -1, HARD: -2}[choice]
    return lane, np.clip(speed + step, 0, FASTEST), np.where((choice == HARD) & (speed > 0), 1.0, 0.0)


def _moved(cars: Cars, lane: IntArray, speed: IntArray) -> tuple[BoolArray, Cars]:
    """Return who crashes (S,), and the road one step later, before anything new comes into sight."""
    distance = DISTANCE[cars.things] + PACE[cars.things] - speed[:, None]
    present = cars.things != NOTHING
    own = np.arange(cars.things.shape[1]) == lane[:, None]
    crash = (own & present & (distance <= 0)).any(axis=1)
    is_car = present & (PACE[cars.things] == 1)
    car = is_car & (distance >= 0) & (distance <= SIGHT)
    obstacle = present & ~is_car & (distance >= 1)
    things = np.where(car, CAR + distance, np.where(obstacle, OBSTACLE + distance, NOTHING))
    things = np.where(own & crash[:, None], CAR, things)  # a wreck
    return crash, Cars(lane, np.where(crash, 0, speed), things)


def _arrivals(road: Road, cars: Cars) -> list[tuple[FloatArray, Cars]]:
    """Return what may come into sight after a move: (chance (S,), the road with it); a lane holds one thing at most."""
    free = cars.things == NOTHING
    lanes = np.arange(road.lanes)
    coming = [
        (lanes == lane, CAR + SIGHT, road.traffic / road.lanes * np.maximum(0, cars.speed - 1) / (FASTEST - 1))
        for lane in lanes
    ]
    coming.append((lanes == cars.lane[:, None], OBSTACLE + SIGHT, road.obstacles * cars.speed / FASTEST))
    found = []
    for where, code, chance in coming:
        fits = free & where
        found.append((chance * fits.any(axis=1), cars._replace(things=np.where(fits, code, cars.things))))
    nothing = np.asarray(1.0 - sum(chance for chance, _ in found), dtype=np.float64)
    return [(nothing, cars), *found]


def road_table(road: Road, fog: int = 0) -> Table:
    """Return the law of a road: a trip starts at rest in the right lane of an empty road."""
    law = _table(road, states_of(road.lanes))
    return law if fog == 0 else replace(law, observed=road.seen(fog))


def _table(road: Road, states: States) -> Table:
    wreck = crashes(states.cars)
    cleared = (np.arange(road.lanes) == states.cars.lane[:, None]) & wreck[:, None]
    cars = states.cars._replace(things=np.where(cleared, NOTHING, states.cars.things))
    n_states, half = len(wreck), road.lanes + 2
    shape = (n_states, RIGHT + 1, 2 * half)
    probability, reward = np.zeros(shape), np.zeros(shape)
    successor = np.broadcast_to(np.arange(n_states)[:, None, None], shape).copy()
    for choice in range(shape[1]):
        lane, speed, cost = _wanted(cars, choice, road.lanes)
        lane, speed, cost = np.where(wreck, cars.lane, lane), np.where(wreck, 0, speed), np.where(wreck, 0.0, cost)
        slips = choice not in (KEEP, FASTER)
        works = 1.0 - (1.0 - road.grip) * slips * cars.speed / FASTEST
        for first, chance, went in ((0, works, (lane, speed)), (half, 1.0 - works, (cars.lane, cars.speed))):
            crash, after = _moved(cars, *went)
            earned = np.where(crash, -road.crash_cost, went[1]) - road.time_cost - road.harsh_cost * cost
            for k, (arrives, then) in enumerate(_arrivals(road, after), first):
                share = chance * np.where(crash, float(k == first), arrives)  # after a crash nothing comes
                probability[:, choice, k], reward[:, choice, k] = share, earned
                # What cannot be in any weather is no state; where it stands here its chance is 0.
                there = states.at[_number(then)]
                successor[:, choice, k] = np.where(there < 0, successor[:, choice, k], there)
    start = np.zeros(n_states)
    rest = Cars(np.array([road.lanes - 1]), np.array([0]), np.full((1, road.lanes), NOTHING))
    start[states.at[_number(rest)]] = 1.0
    never = np.zeros(shape, dtype=np.bool_)
    return Table(probability, successor, reward, never, start, Objective("discounted", road.discount))
