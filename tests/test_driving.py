"""The road against a second text of its rules, by numbers worked out by hand, and in fog and drift."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.catalog import make_agent, make_world
from sandbox.envs._road import Road, road_table, states_of
from sandbox.envs.driving import Driving, weather_after
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator, evaluate
from sandbox.oracle import Solution, policy_value, solve
from sandbox.table import Table
from sandbox.trace import Meta, Trace, join, make_trace
from sandbox.world import Budget, make_terms

KEEP, FASTER, SLOWER, HARD, LEFT, RIGHT = range(6)

# A thing is (cells ahead, pace); a situation is (lane, speed, the nearest thing of each lane or None).
Thing = tuple[int, int] | None
Situation = tuple[int, int, tuple[Thing, ...]]
Law = dict[tuple[Situation, float], float]  # chance of (what follows, reward)
CODES: list[Thing] = [None, (0, 1), (1, 1), (2, 1), (3, 1), (1, 0), (2, 0), (3, 0)]


# --- a second text of the rules ---------------------------------------------------------------------------------------


class Naive:
    """A road by its description, one question at a time. `pace`, of traffic, is for planting a fault."""

    def __init__(
        self, grip: float, traffic: float, obstacles: float, harsh: float, crash: float, pace: int = 1
    ) -> None:
        self.grip, self.traffic, self.obstacles = grip, traffic, obstacles
        self.harsh, self.crash, self.pace = harsh, crash, pace

    def law(self, now: Situation, choice: int) -> Law:
        lane, speed, things = now
        if things[lane] == (0, 1):  # a wreck: it is cleared, whatever is chosen
            things = tuple(None if k == lane else thing for k, thing in enumerate(things))
            return self.drives((lane, 0, things), lane, 0, 0.0)
        wanted = lane + {LEFT: -1, RIGHT: 1}.get(choice, 0)
        if wanted < 0 or wanted >= len(things):
            return self.drives(now, lane, speed, 0.0)
        cost, then = 0.0, speed
        if choice in (LEFT, RIGHT):
            cost, then = self.harsh if speed == 3 else self.harsh / 10.0, max(speed, 1)
        elif choice == HARD:
            cost, then = (self.harsh if speed else 0.0), max(speed - 2, 0)
        else:
            then = min(3, max(0, speed + {KEEP: 0, FASTER: 1, SLOWER: -1}[choice]))
        fails = 0.0 if choice in (KEEP, FASTER) else (1.0 - self.grip) * speed / 3.0
        found: Law = {}
        for chance, laws in (
            (1.0 - fails, self.drives(now, wanted, then, cost)),
            (fails, self.drives(now, lane, speed, cost)),
        ):
            for key, p in laws.items():
                if chance * p > 0.0:
                    found[key] = found.get(key, 0.0) + chance * p
        return found

    def drives(self, now: Situation, lane: int, speed: int, cost: float) -> Law:
        """What follows when the car goes to this lane at this speed."""
        moved: list[Thing] = []
        for k, thing in enumerate(now[2]):
            if thing is None:
                moved.append(None)
                continue
            ahead = thing[0] + (self.pace if thing[1] else 0) - speed
            if k == lane and ahead <= 0:
                wreck = [*moved, (0, 1), *(self.passed(other, speed) for other in now[2][k + 1 :])]
                return {((lane, 0, tuple(wreck)), round(-self.crash - 2.0 - cost, 9)): 1.0}
            moved.append(self.passed(thing, speed))
        found: Law = {}
        rest, paid = 1.0, round(speed - 2.0 - cost, 9)
        news = [(k, (3, 1), self.traffic / len(moved) * max(0, speed - 1) / 2.0) for k in range(len(moved))]
        for k, thing, chance in [*news, (lane, (3, 0), self.obstacles * speed / 3.0)]:
            if moved[k] is None and chance > 0.0:
                found[(lane, speed, (*moved[:k], thing, *moved[k + 1 :])), paid] = chance
                rest -= chance
        if rest > 1e-12:
            found[(lane, speed, tuple(moved)), paid] = rest
        return found

    def passed(self, thing: Thing, speed: int) -> Thing:
        if thing is None:
            return None
        ahead = thing[0] + (self.pace if thing[1] else 0) - speed
        return (ahead, thing[1]) if (0 if thing[1] else 1) <= ahead <= 3 else None


@cache
def situations(lanes: int) -> list[Situation]:
    lane, speed, things = (part.tolist() for part in states_of(lanes).cars)
    return [(a, b, tuple(CODES[code] for code in c)) for a, b, c in zip(lane, speed, things, strict=True)]


def law_of(table: Table, lanes: int, state: int, choice: int) -> Law:
    found: Law = {}
    for k in np.flatnonzero(table.probability[state, choice] > 0.0):
        at = (state, choice, k)
        assert not table.terminated[at]
        key = (situations(lanes)[int(table.successor[at])], round(float(table.reward[at]), 9))
        found[key] = found.get(key, 0.0) + float(table.probability[at])
    return found


def disagreements(table: Table, lanes: int, naive: Naive) -> list[tuple[Situation, int]]:
    return [
        (now, choice)
        for (state, now), choice in itertools.product(enumerate(situations(lanes)), range(6))
        if law_of(table, lanes, state, choice) != pytest.approx(naive.law(now, choice), abs=1e-12)
    ]


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 0.25, 0.6]), st.sampled_from([0.0, 0.4]),
    st.sampled_from([0.0, 1.5]),
)  # fmt: skip
def test_the_law_is_that_of_the_description(grip: float, traffic: float, obstacles: float, harsh: float) -> None:
    road = Road(2, traffic, obstacles, grip, harsh_cost=harsh, crash_cost=7.0)
    assert disagreements(road_table(road), 2, Naive(grip, traffic, obstacles, harsh, 7.0)) == []


def test_the_law_of_three_lanes_and_that_a_fault_is_found() -> None:
    table = Driving(weather="ice").laws[0]
    assert disagreements(table, 3, Naive(0.4, 0.3, 0.1, 2.0, 20.0)) == []
    for fault in ((0.8, 0.3, 0.1, 2.0, 20.0, 1), (0.4, 0.3, 0.1, 2.0, 20.0, 2), (0.4, 0.3, 0.1, 1.0, 20.0, 1)):
        assert len(disagreements(table, 3, Naive(*fault))) > 100


def test_every_state_can_be_come_to_and_stands_for_one_situation() -> None:
    for lanes in (2, 3):
        assert len(set(situations(lanes))) == len(situations(lanes)) < 2000
        assert road_table(Road(lanes, weather="wet")).reachable().all()
    start = np.flatnonzero(Driving().laws[0].start)
    assert [situations(3)[s] for s in start] == [(2, 0, (None, None, None))]


# --- what it is worth -------------------------------------------------------------------------------------------------


@cache
def solution(weather: str = "dry", **more: Any) -> Solution:
    return solve(Driving(weather=weather, **more).laws[0])


def test_an_empty_road_costs_the_time_to_full_speed() -> None:
    empty = solve(Driving(traffic=0.0, obstacles=0.0).laws[0])
    assert empty.start_value == pytest.approx(-1.0 + 0.9 * 0.0 + 0.81 * 10.0)  # 1 cell, 2, then 3 for ever
    rest = situations(3).index((2, 0, (None, None, None)))
    assert empty.value[rest, KEEP] == pytest.approx(-2.0 + 0.9 * 7.1)


def test_values_are_those_of_plain_iteration_over_the_description() -> None:
    """Gauss-Seidel over the second text of the rules, in pure Python."""
    road = Road(2, 0.4, 0.2, 0.6, 0.8, 2.0, 2.0, 15.0)
    naive, every = Naive(0.6, 0.4, 0.2, 2.0, 15.0), situations(2)
    laws = [[list(naive.law(now, choice).items()) for choice in range(6)] for now in every]
    value = dict.fromkeys(every, 0.0)
    for _ in range(60):
        for now, choices in zip(every, laws, strict=True):
            value[now] = max(sum(p * (paid + 0.8 * value[to]) for (to, paid), p in law) for law in choices)
    best = solve(road_table(road)).best
    assert best == pytest.approx([value[now] for now in every], abs=2e-4)
    assert best.max() - best.min() > 10.0


def test_what_time_costs_changes_no_gap() -> None:
    cheap, dear = (solve(Driving(2, weather="wet", time_cost=cost).laws[0]) for cost in (0.0, 3.0))
    gaps = [known.best[:, None] - known.value for known in (cheap, dear)]
    assert gaps[0] == pytest.approx(gaps[1], abs=1e-9)
    assert cheap.best - dear.best == pytest.approx(30.0)


def test_values_of_many_states_solve_their_equations() -> None:
    """What sweeps find for three lanes is what the equations of the best policy say, solved at once."""
    for weather in ("dry", "ice"):
        known = solution(weather)
        assert known.residual < 1e-11
        assert policy_value(known.table, np.eye(6)[known.policy]) == pytest.approx(known.start_value, abs=1e-10)


def test_who_drives_well_in_the_dry_never_crashes_and_on_ice_drives_more_slowly() -> None:
    usual: dict[str, float] = {}
    speeds = np.array([now[1] for now in situations(3)])
    wrecks = np.array([now[2][now[0]] == (0, 1) for now in situations(3)])
    for weather in ("dry", "wet", "ice"):
        known = solution(weather)
        every, shares = np.arange(len(speeds)), known.table.start
        law, to = known.table.probability[every, known.policy], known.table.successor[every, known.policy]
        for _ in range(300):
            shares = np.bincount(to.ravel(), (shares[:, None] * law).ravel(), len(speeds))
        usual[weather] = float(shares @ speeds)
        assert (shares[wrecks].sum() == 0.0) == (weather == "dry")
        assert shares[wrecks].sum() < 0.03
    assert usual["dry"] > 2.75 > usual["wet"] > 2.5 > usual["ice"] > 1.5
    assert solution("dry").start_value > solution("wet").start_value > solution("ice").start_value


@pytest.mark.parametrize(
    ("now", "dry", "wet", "ice"),
    [
        ((1, 3, (None, None, None)), KEEP, KEEP, SLOWER),  # on ice full speed is too fast even on an empty road
        ((1, 3, (None, (3, 1), None)), KEEP, SLOWER, SLOWER),  # in the dry it is early enough to swerve next time
        ((1, 3, (None, (1, 1), None)), LEFT, LEFT, HARD),
        ((2, 2, (None, (0, 1), (3, 0))), KEEP, KEEP, SLOWER),
        ((0, 1, ((1, 0), (0, 1), None)), SLOWER, SLOWER, SLOWER),  # no way round: stop, and wait
    ],
)
def test_a_good_driver_anticipates(now: Situation, dry: int, wet: int, ice: int) -> None:
    state = situations(3).index(now)
    for weather, choice in (("dry", dry), ("wet", wet), ("ice", ice)):
        assert solution(weather).value[state].argmax() == choice, weather


# --- as an environment ------------------------------------------------------------------------------------------------


def driven(env: Driving, where: Situation, choices: list[int]) -> list[tuple[float, dict[str, Any]]]:
    env.reset(seed=1)
    env.state = situations(env.lanes).index(where)
    found = []
    for choice in choices:
        _, reward, terminated, truncated, info = env.step(choice)
        assert not terminated and not truncated
        found.append((reward, info))
    return found


def test_near_misses_and_crashes_are_told() -> None:
    env = Driving(2, traffic=0.0, obstacles=0.0)
    behind = (0, 3, ((3, 1), None))
    near = driven(env, behind, [KEEP, HARD, KEEP])  # 2 cells closer, then braked to the pace of the car
    assert [info["near_miss"] for _, info in near] == [True, False, False]
    assert [reward for reward, _ in near] == [1.0, -1.0 - 2.0, -1.0]
    crash = driven(env, behind, [KEEP, KEEP, FASTER, FASTER])  # the wreck is cleared, and the car starts from rest
    assert [info["crash"] for _, info in crash] == [False, True, False, False]
    assert [reward for reward, _ in crash] == [1.0, -22.0, -2.0, -1.0]
    passed = driven(env, behind, [RIGHT, KEEP])  # a lane change at full speed is harsh
    assert [reward for reward, _ in passed] == [1.0 - 2.0, 1.0]
    assert not any(info["near_miss"] or info["crash"] for _, info in passed)
    beside = driven(env, (0, 2, ((2, 1), (0, 1))), [RIGHT])
    assert beside == [(-22.0 - 0.2, {"near_miss": False, "crash": True})]


def test_it_draws_the_road() -> None:
    env = Driving(3, fog=1, render_mode="ansi")
    env.reset(seed=0)
    env.state = situations(3).index((1, 2, ((0, 1), (1, 0), None)))
    assert env.render() == "..c..~.\n>>@o.~.\n.....~."
    env.state = situations(3).index((1, 1, (None, None, (3, 1))))
    assert env.render() == "....~..\n>@..~..\n....~.."
    env.state = situations(3).index((2, 0, (None, None, None)))
    assert env.render() == "...~...\n...~...\n@..~..."
    assert Driving().render() is None
    for state, (row, column) in enumerate(env.places().tolist()):
        env.state = state
        assert str(env.render()).splitlines()[row][column] == "@"


def test_it_is_a_gymnasium_environment() -> None:
    made = gym.make("sandbox/Driving-v0", lanes=2, fog=1)
    check_env(made.unwrapped, skip_render_check=True)
    assert made.spec is not None and made.spec.max_episode_steps == 200


def traced(world: str, agent: str, steps: int, drift: str | None = None, plain: bool = False, seed: int = 0) -> Trace:
    made, chunks = make_world(world).under(make_terms(drift, plain=plain)), list[Trace]()
    made.run(make_agent(agent, made), seed, Budget(steps=steps), chunks.append)
    return join(chunks)


@pytest.mark.parametrize("world", ["sandbox/Driving-v0:lanes=2", "sandbox/Driving-v0:lanes=2,fog=2"])
def test_both_speeds_drive_alike(world: str) -> None:
    fast, plain = (traced(world, "q-learning", 2500, "abrupt@1000", plain) for plain in (False, True))
    for name, column in fast.columns().items():
        assert column.tobytes() == plain.columns()[name].tobytes(), name


# --- fog --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fog", [1, 2])
def test_fog_hides_what_is_far_and_nothing_else(fog: int) -> None:
    def seen(now: Situation) -> Situation:
        return (now[0], now[1], tuple(t if t is not None and t[0] <= 3 - fog else None for t in now[2]))

    env = Driving(fog=fog)
    shown = env.laws[0].observed
    assert shown is not None and env.observation_space == gym.spaces.Discrete(int(shown.max()) + 1)
    looks = {seen(now) for now in situations(3)}
    pairs = {(seen(now), int(shown[state])) for state, now in enumerate(situations(3))}
    assert len(pairs) == len(looks) == len(set(shown.tolist())) == int(shown.max()) + 1


def test_who_looks_into_fog_is_priced_by_the_state() -> None:
    env, clear = Driving(2, fog=1), solve(Driving(2).laws[0])
    trace = traced("sandbox/Driving-v0:lanes=2,fog=1", "random", 600, plain=True)
    observation, _ = env.reset(seed=0)
    shown = env.laws[0].observed
    assert shown is not None
    for k, choice in enumerate(trace.choice.tolist()):
        assert observation == shown[env.state]
        assert trace.best[k] == clear.best[env.state]
        assert trace.value[k] == clear.value[env.state, int(choice)]
        observation, *_ = env.step(int(choice))
        if k % 200 == 199:
            observation, _ = env.reset()


# --- what turns -------------------------------------------------------------------------------------------------------


def test_the_weather_turns() -> None:
    assert [weather_after("dry", k) for k in range(4)] == ["dry", "ice", "wet", "dry"]
    assert [weather_after("ice", 1), weather_after("wet", 1), weather_after(0.95, 1)] == ["wet", "dry", "ice"]
    env = Driving(drift=["abrupt@5", "abrupt@9:traffic=0.6"])
    for law, road in zip(env.laws, (Road(), Road(weather="ice"), Road(weather="ice", traffic=0.6)), strict=True):
        assert np.array_equal(law.probability, road_table(road).probability)
    assert Driving(turns="traffic").own_change(1) == {"traffic": 0.6} and Driving(turns="traffic").own_change(2) == {}
    assert Driving(turns="both", traffic=0.6).own_change(1) == {"weather": "ice", "traffic": 0.9}


def test_a_learner_learns_meets_ice_and_recovers() -> None:
    agent = "q-learning:discount=0.9,step_size=0.3,epsilon=0.05"
    gaps = np.zeros(12)
    for seed in range(3):
        trace = traced("sandbox/Driving-v0:lanes=2", agent, 60_000, "abrupt@30000", seed=seed)
        gaps += (trace.best - trace.value).reshape(12, -1).mean(axis=1) / 3.0
    assert gaps[5] < 0.5 * gaps[0]  # learned
    assert gaps[6] > 1.5 * gaps[5]  # hit
    assert gaps[8:].mean() < 0.9 * gaps[6]  # recovering: ice, where luck is wild, takes longer to learn


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lanes": 4}, "lanes=4 is out of range: 2 or 3"),
        ({"lanes": True}, "lanes=True is out of range"),
        ({"traffic": -0.1}, r"traffic=-0.1 is out of range \[0, 1\]"),
        ({"obstacles": "many"}, "obstacles='many' is not a number"),
        ({"traffic": 0.7, "obstacles": 0.4}, "traffic=0.7 and obstacles=0.4 add up to more than 1"),
        ({"weather": "snow"}, "there is no weather 'snow'; one of dry, wet, ice, or a grip from 0 to 1"),
        ({"weather": "ise"}, "there is no weather 'ise'; did you mean 'ice'"),
        ({"weather": 1.5}, r"weather=1.5 is out of range \[0, 1\]"),
        ({"weather": None}, "weather=None is not a number"),
        ({"fog": 3}, r"fog=3 is out of range \[0, 2\]"),
        ({"fog": 0.5}, "fog=0.5 is not a whole number"),
        ({"discount": 1.0}, r"discount=1.0 is out of range \[0, 0.999\]"),
        ({"harsh_cost": math.nan}, "harsh_cost=nan is out of range"),
        ({"time_cost": -1.0}, "time_cost=-1.0 is out of range"),
        ({"crash_cost": -1.0}, "crash_cost=-1.0 is out of range"),
        ({"turns": "fog"}, "turns='fog' is none of weather, traffic, both"),
        ({"render_mode": "human"}, "render_mode='human' is not 'ansi'"),
        ({"drift": "abrupt@5:fog=1"}, "a drift cannot change 'fog'.*; it can traffic, obstacles, weather"),
        ({"drift": "abrupt@5:weather='snow'"}, "there is no weather 'snow'"),
        ({"drift": "abrupt@5:discount=0.5"}, "nor the objective"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message) as caught:
        Driving(**given)
    assert "\n" not in str(caught.value)


def test_near_misses_and_collisions_are_counted() -> None:
    """The metrics count what `info` told of the states that decisions were made in."""
    for drift in (None, "abrupt@700"):
        world = make_world("sandbox/Driving-v0").under(make_terms(drift))
        chunks: list[Trace] = []
        judge = Evaluator(world.meta, pushes=3_000)

        def keep(trace: Trace, judge: Evaluator = judge, chunks: list[Trace] = chunks) -> None:
            judge.update(trace)
            chunks.append(trace)

        world.run(make_agent("random", world), 1, Budget(steps=3_000), keep)
        cell, env = np.concatenate([chunk.cell for chunk in chunks]), Driving()
        metrics = judge.finish().metrics
        assert metrics["near_misses"] == env.near[cell].sum() > 0
        assert metrics["collisions"] == env.wreck[cell].sum() > 0
    assert math.isnan(evaluate(make_trace(3, {}), Meta("control")).metrics["collisions"])
