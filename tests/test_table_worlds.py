"""Worlds that are tables: against the book's numbers, other ways to compute them, and each world's own description."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import brute_force

from sandbox.catalog import make_agent, make_world
from sandbox.checks import run_checks
from sandbox.envs._table_world import TableWorld
from sandbox.envs.access_control import AccessControl
from sandbox.envs.blackjack import Blackjack
from sandbox.envs.deep_sea import DeepSea
from sandbox.envs.gambler import Gambler
from sandbox.envs.random_walk import RandomWalk
from sandbox.envs.river_swim import RiverSwim
from sandbox.envs.short_corridor import ShortCorridor
from sandbox.envs.windy_gridworld import WINDS, WindyGridworld
from sandbox.errors import SandboxError
from sandbox.evaluator import Evaluator
from sandbox.limited import best_limited
from sandbox.oracle import optimal_return, policy_value, solve
from sandbox.table import Table, table_from_outcomes
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms

CLASSES = [AccessControl, Blackjack, DeepSea, Gambler, RandomWalk, RiverSwim, ShortCorridor, WindyGridworld]
WORLDS = [
    "AccessControl-v0", "AccessControl-v0:objective=discounted", "Blackjack-v0", "Blackjack-v0:natural=True",
    "Blackjack-v0:sab=True", "DeepSea-v0", "DeepSea-v0:slip=0.1,code=3", "Gambler-v0", "Gambler-v0:capital=7,heads=0.6",
    "RandomWalk-v0", "RandomWalk-v0:states=4,right=0.3",
    "RiverSwim-v0", "RiverSwim-v0:upstream=left,drift='gradual@500~300'",
    "RiverSwim-v0:objective=average", "RiverSwim-v0:objective=average,max_episode_steps=-1",
    "ShortCorridor-v0", "ShortCorridor-v0:states=5,switched=3,mirrored=True",
    "WindyGridworld-v0", "WindyGridworld-v0:moves=king-or-stay,gusts=0.6",
]  # fmt: skip
DRIFTING = [
    "AccessControl-v0:objective=discounted", "Blackjack-v0", "Blackjack-v0:natural=True", "DeepSea-v0", "Gambler-v0",
    "RandomWalk-v0", "RiverSwim-v0", "ShortCorridor-v0", "WindyGridworld-v0",
]  # fmt: skip

Law = dict[tuple[int, float, bool], float]  # of what may come: (state, reward, whether the episode ends)


def law_of(table: Table, state: int, choice: int) -> Law:
    found: Law = {}
    parts = (table.successor, table.reward, table.terminated, table.probability)
    for *key, chance in zip(*(part[state, choice].tolist() for part in parts), strict=True):
        if chance > 0.0:
            found[tuple(key)] = found.get(tuple(key), 0.0) + chance  # type: ignore[index]
    return found


def value_of(name: str) -> float:
    solution = make_world(f"sandbox/{name}").solution
    assert not isinstance(solution, str)
    return solution.start_value


# --- what holds of all ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORLDS)
def test_it_is_what_it_says(name: str) -> None:
    assert [result for result in run_checks(f"sandbox/{name}") if not result.passed] == []
    env = make_world(f"sandbox/{name},render_mode=ansi" if ":" in name else f"sandbox/{name}:render_mode=ansi").make()
    check_env(env.unwrapped, skip_render_check=True)


@pytest.mark.parametrize("kind", CLASSES)
def test_it_draws_itself_and_says_where_each_state_is(kind: type[TableWorld]) -> None:
    env = kind(render_mode="ansi", drift="abrupt@40")  # type: ignore[call-arg]
    places = env.places()
    assert places.shape == (env.laws[0].n_states, 2)
    empty = [env.drawing(**env.settings_in(env.schedule, anchor)) for anchor in ((False,), (True,))]
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(80):
        rows = [list(row) for row in empty[env.concept]]
        assert {len(row) for row in rows} == {len(rows[0])}
        r, c = places[env.state]
        rows[r][c] = "@"
        assert r >= 0 and env.render() == "\n".join("".join(row) for row in rows)
        if env.step(int(rng.integers(env.laws[0].n_choices)))[2]:
            env.reset()
    seen = env.laws[0].reachable()
    assert (places[seen] >= 0).all() and (places < (len(empty[0]), len(empty[0][0]))).all()
    assert kind().render() is None
    with pytest.raises(SandboxError, match="render_mode='human' is not 'ansi'"):
        kind(render_mode="human")  # type: ignore[call-arg]


def run_of(
    name: str, agent: str, steps: int = 4000, plain: bool = False, drift: str | None = None
) -> tuple[Trace, Any]:
    world, chunks = make_world(f"sandbox/{name}").under(make_terms(drift, plain=plain)), list[Trace]()
    world.run(make_agent(agent, world), 3, Budget(steps=steps), chunks.append)
    trace = join(chunks)
    assert world.meta.priced, world.meta.why_unpriced
    judge = Evaluator(world.meta, pushes=len(trace))
    judge.update(trace)
    return trace, judge.finish().metrics


def check_audit(metrics: dict[str, float]) -> None:
    assert metrics["ledger_error"] <= 1e-9 and metrics["shift_leak"] == 0.0 and metrics["min_gap"] >= -1e-12
    assert abs(metrics["luck_z"]) <= metrics["luck_z_bound"]


@pytest.mark.parametrize("agent", ["q-learning:epsilon=0.3", "random", "oracle"])
@pytest.mark.parametrize(("name", "drift"), [(n, None) for n in WORLDS] + [(n, "recurring@900") for n in DRIFTING])
def test_the_books_balance_and_the_oracle_never_errs(name: str, drift: str | None, agent: str) -> None:
    _, metrics = run_of(name, agent, drift=drift)
    check_audit(metrics)
    assert agent != "oracle" or metrics["regret"] == 0.0
    idle = name.startswith("RandomWalk")
    assert agent != "random" or metrics["regret"] > 0.0 or idle


@pytest.mark.parametrize("name", WORLDS)
def test_the_compiled_walk_is_the_plain_one(name: str) -> None:
    drift = "abrupt@200" if name in DRIFTING else None
    (plain, _), (fast, _) = (run_of(name, "q-learning", 1000, plain, drift) for plain in (True, False))
    for column, values in plain.columns().items():
        assert values.tobytes() == fast.columns()[column].tobytes(), column


@pytest.mark.parametrize("name", DRIFTING)
def test_its_own_change_changes_its_law_and_back(name: str) -> None:
    env = make_world(f"sandbox/{name}").make().unwrapped
    assert isinstance(env, TableWorld)
    change: Any = env.own_change  # type: ignore[attr-defined]
    first = env.laws[0]
    laws = [env.build(**(env._given | (change(k) if k else {}))) for k in range(4)]
    assert np.array_equal(laws[0].probability, first.probability)

    def text(table: Table) -> str:
        return str([law_of(table, s, a) for s in range(table.n_states) for a in range(table.n_choices)])

    assert text(laws[1]) != text(laws[0]) and text(laws[3]) != text(laws[2])
    again = {"DeepSea", "WindyGridworld"}  # these are drawn anew each time; the others come back
    assert (text(laws[2]) == text(laws[0])) == (type(env).__name__ not in again)
    assert change(1) == change(1)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (WindyGridworld, {"winds": "0001112210"}, "is no list of 8 or more numbers"),
        (WindyGridworld, {"winds": [0, 1]}, "is no list of 8 or more numbers"),
        (WindyGridworld, {"winds": [0] * 7 + [1.5]}, "the wind 1.5 is no whole number from 0 to 6"),
        (WindyGridworld, {"winds": [6] * 10}, "some cell has no way to the goal"),
        (WindyGridworld, {"moves": "queen"}, "moves='queen' is none of rook, king, king-or-stay"),
        (WindyGridworld, {"gusts": 1.5}, r"gusts=1.5 is out of range \[0, 1\]"),
        (WindyGridworld, {"law_seed": -1}, "law_seed=-1 is out of range"),
        (WindyGridworld, {"winds": [0] * 10, "drift": "abrupt@5"}, "found no other winds"),
        (WindyGridworld, {"drift": "abrupt@5:winds=(0,0,0,0,0,0,0,0)"}, "may not change how many columns"),
        (WindyGridworld, {"drift": "abrupt@5:gust=0.1"}, "a drift cannot change 'gust'; did you mean 'gusts'"),
        (RandomWalk, {"states": 0}, r"states=0 is out of range \[1, 200\]"),
        (RandomWalk, {"states": 2.5}, "states=2.5 is no whole number"),
        (RandomWalk, {"right": -0.1}, "right=-0.1 is out of range"),
        (RandomWalk, {"left_reward": math.inf}, "left_reward=inf is out of range"),
        (RandomWalk, {"discount": 1.1}, "discount=1.1 is out of range"),
        (RandomWalk, {"drift": "abrupt@5:states=7"}, "may not change how many states or choices"),
        (RandomWalk, {"drift": "abrupt@5:discount=0.5"}, "nor the objective"),
        (Gambler, {"goal": 1}, r"goal=1 is out of range \[2, 500\]"),
        (Gambler, {"goal": 10.0}, "goal=10.0 is no whole number"),
        (Gambler, {"heads": 0.0}, "heads=0.0 is out of range"),
        (Gambler, {"capital": 100}, r"capital=100 is out of range \[1, 99\]"),
        (Gambler, {"capital": 1.5}, "capital=1.5 is no whole number"),
        (RiverSwim, {"states": 1}, "states=1 is out of range"),
        (RiverSwim, {"states": 6.0}, "states=6.0 is no whole number"),
        (RiverSwim, {"advance": 0.9, "swept": 0.2}, "together exceed 1"),
        (RiverSwim, {"upstream": "north"}, "upstream='north' is none of right, left"),
        (RiverSwim, {"objective": "undiscounted"}, "objective='undiscounted' is none of discounted, average"),
        (RiverSwim, {"feast": "much"}, "feast='much' is not a number"),
        (DeepSea, {"size": 0}, r"size=0 is out of range \[1, 100\]"),
        (DeepSea, {"size": 4.0}, "size=4.0 is no whole number"),
        (DeepSea, {"slip": 2}, "slip=2 is out of range"),
        (DeepSea, {"code": -3}, "code=-3 is out of range"),
        (DeepSea, {"drift": "abrupt@5:some.py:f"}, "give a drift by settings; a function would hide the law"),
        (AccessControl, {"servers": 0}, "servers=0 is out of range"),
        (AccessControl, {"servers": 1.5}, "servers=1.5 is no whole number"),
        (AccessControl, {"free": 0.0}, "free=0.0 is out of range"),
        (AccessControl, {"payments": 5}, "payments=5 is no list of 1 to 20 numbers"),
        (AccessControl, {"payments": []}, "is no list of 1 to 20 numbers"),
        (AccessControl, {"payments": [1, "a"]}, "payments='a' is not a number"),
        (AccessControl, {"objective": "sum"}, "objective='sum' is none of average, discounted"),
        (AccessControl, {"drift": "abrupt@5:payments=(1,2)"}, "may not change how many states or choices"),
        (ShortCorridor, {"states": 1}, r"states=1 is out of range \[2, 100\]"),
        (ShortCorridor, {"states": 4.0}, "states=4.0 is no whole number"),
        (ShortCorridor, {"switched": 3}, r"switched=3 is out of range \[0, 2\]"),
        (ShortCorridor, {"mirrored": 1}, "mirrored=1 is neither True nor False"),
        (ShortCorridor, {"drift": "abrupt@5:states=4"}, "may not change how many states"),
        (Blackjack, {"natural": 1}, "natural=1 is neither True nor False"),
        (Blackjack, {"sab": "yes"}, "sab='yes' is neither True nor False"),
        (Blackjack, {"tens": 1.0}, "tens=1.0 is out of range"),
        (Blackjack, {"drift": "abrupt@5:natural=True"}, "may not change how many states"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(kind: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(SandboxError, match=message) as caught:
        kind(**given)
    assert "\n" not in str(caught.value)


# --- windy gridworld --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("moves", "worth"), [("rook", -15.0), ("king", -7.0), ("king-or-stay", -7.0)])
def test_windy_gridworld_is_worth_its_shortest_way(moves: str, worth: float) -> None:
    assert value_of(f"WindyGridworld-v0:moves={moves}") == worth


@pytest.mark.parametrize("gusts", [0.0, 0.5])
def test_winds_carry_who_leaves_their_column(gusts: float) -> None:
    table = WindyGridworld(gusts=gusts, moves="king-or-stay").laws[0]
    ways = [(-1, 0), (0, 1), (1, 0), (0, -1), (-1, 1), (1, 1), (1, -1), (-1, -1), (0, 0)]
    for r, c, (a, (dr, dc)) in itertools.product(range(7), range(10), enumerate(ways)):
        if (r, c) == (3, 7):
            assert law_of(table, 37, a) == {(37, 0.0, True): 1.0}
            continue
        wanted: Law = {}
        for gust, chance in ((0, 1.0 - gusts), (-1, gusts / 2), (1, gusts / 2)):
            lift = WINDS[c] + (gust if WINDS[c] else 0)
            there = (min(max(r + dr - lift, 0), 6), min(max(c + dc, 0), 9))
            key = (10 * there[0] + there[1], -1.0, there == (3, 7))
            wanted[key] = wanted.get(key, 0.0) + chance
        wanted = {key: chance for key, chance in wanted.items() if chance}
        assert law_of(table, 10 * r + c, a) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("law_seed", [0, 5])
def test_its_winds_move_and_the_goal_is_found_from_everywhere(law_seed: int) -> None:
    env = WindyGridworld(law_seed=law_seed, drift=["abrupt@5", "abrupt@9"])
    assert len(env.laws) == 3
    for table, number in zip(env.laws[1:], (1, 2), strict=True):
        winds = env.own_change(number)["winds"]
        assert sorted(winds) == sorted(WINDS) and winds != WINDS
        assert np.isfinite(solve(table, np.ones(70, dtype=bool)).best).all()


# --- random walk ------------------------------------------------------------------------------------------------------


def test_the_walks_of_the_book() -> None:
    five = solve(RandomWalk(5, left_reward=0.0).laws[0])
    np.testing.assert_allclose(five.best[1:6], np.arange(1, 6) / 6.0, atol=1e-12)
    nineteen = solve(RandomWalk().laws[0])
    np.testing.assert_allclose(nineteen.best[1:20], np.arange(-9, 10) / 10.0, atol=1e-12)
    assert RandomWalk().laws[0].start[10] == 1.0 and RandomWalk(4).laws[0].start[[2, 3]].tolist() == [0.5, 0.5]


def test_long_walks_are_solved_though_rounding_never_rests_and_endless_ones_are_not() -> None:
    for states in (50, 120):  # where each sweep of value iteration moves the values by rounding, for ever
        line = 2.0 * np.arange(1, states + 1) / (states + 1) - 1.0
        np.testing.assert_allclose(solve(RandomWalk(states).laws[0]).best[1:-1], line, atol=1e-10)
    there_and_back = {0: {0: [(1.0, 1, 1.0, False)]}, 1: {0: [(1.0, 0, -1.0, False)]}}
    with pytest.raises(SandboxError, match="undiscounted value is not finite"):
        solve(table_from_outcomes(there_and_back, [1.0, 0.0]))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.floats(0.1, 0.9), st.floats(-5.0, 5.0), st.floats(-5.0, 5.0))
def test_a_walk_is_a_gamblers_ruin(states: int, right: float, low: float, high: float) -> None:
    table = RandomWalk(states, left_reward=low, right_reward=high, right=right).laws[0]
    odds = (1.0 - right) / right
    for s, found in enumerate(solve(table).best[1 : states + 1].tolist(), start=1):
        sure = abs(odds - 1.0) < 1e-9
        chance = s / (states + 1) if sure else (1.0 - odds**s) / (1.0 - odds ** (states + 1))
        assert found == pytest.approx(low + chance * (high - low), abs=1e-6)


# --- gambler ----------------------------------------------------------------------------------------------------------


def bold(x: Fraction, heads: Fraction) -> Fraction:
    """Chance to reach 1 from the dyadic x by staking all there is or all that is needed (Dubins & Savage 1965)."""
    if x in (0, 1):
        return x
    return heads * bold(2 * x, heads) if 2 * x <= 1 else heads + (1 - heads) * bold(2 * x - 1, heads)


def test_bold_play_is_best_with_a_bad_coin_and_timid_play_with_a_good_one() -> None:
    bad, good = solve(Gambler(64, heads=0.4).laws[0]), solve(Gambler(64, heads=0.6).laws[0])
    wanted = [float(bold(Fraction(s, 64), Fraction(2, 5))) for s in range(64)]
    np.testing.assert_allclose(bad.best[:64], wanted, atol=1e-9)
    odds = 0.4 / 0.6
    np.testing.assert_allclose(good.best[1:64], [(1 - odds**s) / (1 - odds**64) for s in range(1, 64)], atol=1e-9)
    assert (good.policy[1:64] == 0).all()


def test_the_gambler_of_the_book() -> None:
    solution = solve(Gambler().laws[0])
    np.testing.assert_allclose(solution.best[[25, 50, 75]], [0.16, 0.4, 0.64], atol=1e-9)
    assert solution.value[25, 24] == solution.best[25] and solution.value[50, 49] == solution.best[50]
    assert law_of(solution.table, 60, 45) == {(100, 1.0, True): 0.4, (20, 0.0, False): 0.6}  # 40 are all it needs
    assert law_of(solution.table, 3, 49) == {(6, 0.0, False): 0.4, (0, 0.0, True): 0.6}  # 3 are all there is


def test_luck_that_comes_and_goes_around_rounding_is_no_alarm() -> None:
    """With a good coin the best player has capitals where wins are worth less than 1e-9, and losses a little more."""
    _, metrics = run_of("Gambler-v0:heads=0.6", "oracle", 20_000)
    check_audit(metrics)


# --- river ------------------------------------------------------------------------------------------------------------


def test_river_swim_is_osbands() -> None:
    assert make_world("sandbox/RiverSwim-v0").oracle()["optimal_return"] == pytest.approx(3.397264, abs=1e-6)

    @cache
    def worth(state: int, left: int) -> float:
        if not left:
            return 0.0
        down = (0.005 if state == 0 else 0.0) + worth(max(state - 1, 0), left - 1)
        law = {0: {1: 0.6, 0: 0.4}, 5: {5: 0.6, 4: 0.4}}.get(state, {state + 1: 0.35, state: 0.6, state - 1: 0.05})
        up = float(state == 5) + sum(p * worth(to, left - 1) for to, p in law.items())
        return max(down, up)

    assert worth(0, 20) == pytest.approx(3.397264, abs=1e-6)
    turned = make_world("sandbox/RiverSwim-v0:upstream=left").oracle()
    straight = make_world("sandbox/RiverSwim-v0").oracle()
    for name in ("optimal_return", "stationary_value", "random_value", "gap_range"):
        assert turned[name] == pytest.approx(straight[name], rel=1e-12)
    np.testing.assert_allclose(solve(RiverSwim(3).laws[0]).best, brute_force(RiverSwim(3).laws[0]), atol=1e-9)
    for upstream, choice in (("right", 1), ("left", 0)):
        assert (solve(RiverSwim(upstream=upstream).laws[0]).policy == choice).all()


def test_average_river_earns_what_its_stationary_law_says() -> None:
    """Always up: the detailed balance of a birth-death chain gives how often it is at the feast."""
    solution = solve(RiverSwim(objective="average").laws[0])
    ups, downs = [0.6, 0.35, 0.35, 0.35, 0.35], [0.05, 0.05, 0.05, 0.05, 0.4]
    weights = [1.0]
    for up, down in zip(ups, downs, strict=True):
        weights.append(weights[-1] * up / down)
    assert solution.gain == pytest.approx(weights[-1] / sum(weights), rel=1e-9)
    assert solution.gain == pytest.approx(0.42862243, abs=1e-8)


# --- deep sea ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drawn", [0, 1, 9])
def test_one_way_in_all_finds_the_treasure(drawn: int) -> None:
    env = DeepSea(5, code=drawn)
    returns = []
    for ways in itertools.product((0, 1), repeat=5):
        env.reset(seed=0)
        steps = [env.step(way) for way in ways]
        assert [step[2] for step in steps] == [False] * 4 + [True]
        returns.append(sum(step[1] for step in steps))
    assert max(returns) == pytest.approx(0.99) and sum(one > 0.0 for one in returns) == 1
    assert solve(env.laws[0]).start_value == pytest.approx(0.99)
    assert len({round(one, 12) for one in returns}) == 6  # what a way costs is how often it goes right
    np.testing.assert_allclose(brute_force(DeepSea(2, slip=0.3).laws[0]), solve(DeepSea(2, slip=0.3).laws[0]).best)


@pytest.mark.parametrize("size", [1, 10, 30])
def test_deep_sea_is_worth_one_less_its_cost(size: int) -> None:
    assert optimal_return(DeepSea(size).laws[0]) == pytest.approx(0.99)
    assert optimal_return(DeepSea(size, cost=0.5).laws[0]) == pytest.approx(0.5)


# --- access control ---------------------------------------------------------------------------------------------------


def gains(table: Table) -> list[float]:
    """Average reward of every deterministic policy, by its stationary law."""
    n, found = table.n_states, []
    reward = (table.probability * table.reward).sum(axis=2)
    moves = np.zeros((n, table.n_choices, n))
    for s, a in itertools.product(range(n), range(table.n_choices)):
        np.add.at(moves[s, a], table.successor[s, a], table.probability[s, a])
    for policy in itertools.product(range(table.n_choices), repeat=n):
        walk = moves[np.arange(n), list(policy)]
        system = np.vstack([walk.T - np.eye(n), np.ones(n)])
        often = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0]
        found.append(float(often @ reward[np.arange(n), list(policy)]))
    return found


def test_no_policy_earns_more_than_the_gain() -> None:
    table = AccessControl(2, free=0.3, payments=[1.0, 2.0, 8.0]).laws[0]
    assert solve(table).gain == pytest.approx(max(gains(table)), abs=1e-9)


def test_the_queue_of_the_book() -> None:
    """Accept who pays 4 or 8, 2 from four free servers on, 1 never: gain 2.7476, computed apart in the test below."""
    solution = solve(AccessControl().laws[0])
    assert solution.gain == pytest.approx(2.747642, abs=1e-6)
    accepts = solution.policy.reshape(4, 11)
    assert accepts.sum(axis=1).tolist() == [0, 7, 10, 10] and (accepts[1, 4:] == 1).all()
    # one who pays 8 is worth 4 more than one who pays 4 wherever both are accepted, and all are worth the same at 0
    best = solution.best.reshape(4, 11)
    np.testing.assert_allclose(best[3, 1:] - best[2, 1:], 4.0, atol=1e-9)
    np.testing.assert_allclose(best[:, 0], best[0, 0], atol=1e-9)
    assert best[3, 10] - best[0, 0] == pytest.approx(25.5, abs=0.1)


def test_the_gain_is_what_a_simulated_queue_earns() -> None:
    rng, free, earned, steps = np.random.default_rng(1), 10, 0.0, 200_000
    least = [11, 4, 1, 1]  # free servers from which on a kind is accepted
    for kind in rng.integers(4, size=steps).tolist():
        if free >= least[kind]:
            earned, free = earned + 2.0**kind, free - 1
        free += int(rng.binomial(10 - free, 0.06))
    assert earned / steps == pytest.approx(2.747642, abs=0.03)  # five standard errors of a mean of dependent rewards


# --- short corridor ---------------------------------------------------------------------------------------------------


def corridor(right: float, states: int = 3, switched: int = 1) -> float:
    """What going right with this probability is worth, from the recurrence of the steps from a place to the next.

    Who leaves place k forwards with probability f takes t(k) = 1 + (1 - f)·(t(k - 1) + t(k)) steps to place k + 1.
    """
    steps, total = 0.0, 0.0
    for place in range(states):
        forwards = 1.0 - right if place == switched else right
        steps = (1.0 + (1.0 - forwards) * (steps if place else 0.0)) / forwards
        total += steps
    return -total


def test_the_corridor_of_the_book() -> None:
    """Example 13.1: about -44 and -82 for who is greedy to the right, or left, with epsilon 0.1; -11.6 at best."""
    table = ShortCorridor().laws[0]
    for right, worth in (
        (0.95, -44.2),
        (0.05, -82.1),
        (0.5, -12.0),
        (2.0 - math.sqrt(2.0), -6.0 - 4.0 * math.sqrt(2.0)),
    ):
        found = policy_value(table, np.tile([1.0 - right, right], (3, 1)))
        assert found == pytest.approx(corridor(right), abs=1e-9)
        assert found == pytest.approx(worth, abs=0.05)
    assert solve(table).start_value == -3.0 and table.n_observations == 1


@pytest.mark.parametrize(("states", "switched"), [(3, 1), (3, 2), (5, 0)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_best_that_can_be_done_unseeing(states: int, switched: int, mirrored: bool) -> None:
    env = ShortCorridor(states, switched=switched, mirrored=mirrored)
    grid = np.linspace(0.001, 0.999, 99_801)
    worth = [corridor(right, states, switched) for right in grid.tolist()]
    found = best_limited(env.laws[0])
    assert found.value == pytest.approx(max(worth), abs=1e-5)
    assert found.policy[0, 0 if mirrored else 1] == pytest.approx(grid[int(np.argmax(worth))], abs=1e-3)
    env.reset(seed=0)
    assert {env.step(k % 2)[0] for k in range(50)} == {0}
