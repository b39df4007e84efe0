"""Every world with every agent: priced, the same at both speeds, learning and learning anew, or refused in one line.

What is run is found in the folders; only exceptions are written down, in `pairs_matrix` and here, each with its reason.
"""

from __future__ import annotations

import importlib
import inspect
import json
import math
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pairs_matrix import (
    AGENTS,
    BRINGS_ITS_OWN,
    CHANGE,
    GYM,
    MADE,
    TOLD,
    UNPRICED,
    UNPRICED_UNDER_DRIFT,
    WORLDS,
    changing,
    differing,
    gaps,
    look,
    one_line,
    plain_trace,
)  # fmt: skip
from shell import document

from sandbox.catalog import adapt_agent, adapt_world, make_world
from sandbox.discovery import discover
from sandbox.errors import SandboxError
from sandbox.loop import agent_rng
from sandbox.world import make_terms
from sandbox.yardsticks import INSIDERS

# --- every pair: no failure, sound accounts, an oracle without regret, one run at two speeds ------------------------

WRAPPED_IN = {"sandbox/GridMaze-v0", "sandbox/RiverSwim-v0", "linear-bandit", "spam", "ten-armed"}


def agents_in(world: str, made: str) -> list[str]:
    """Return every agent; where a world changes, some or all of them frozen and reset at the change too."""
    wrapped = [f"{how}:{name}" for how in ("frozen", "reset") for name in AGENTS]
    return [*AGENTS, *INSIDERS, *(wrapped if made == "changing" and world in WRAPPED_IN else [])]


# Late answers: all tables are then run by one loop, step by step, so some of them are enough.
SLOW_TO_ANSWER = {*discover("worlds"), "FrozenLake-v1", "sandbox/Blackjack-v0", *WRAPPED_IN}
# At both speeds: a table of ours is walked through in one way whether it changes or not; the others have a way more.
TWO_WAYS = {*GYM, *UNPRICED_UNDER_DRIFT}


# A table first and streams after it: while one process compiles what walks through tables, another has streams to do.
IN_TURN = sorted(WORLDS, key=lambda world: world != GYM[0])


@pytest.mark.parametrize(
    ("world", "made"),
    [(world, made) for made in MADE for world in IN_TURN if made != "late" or world in SLOW_TO_ANSWER],
)
def test_every_agent_in(world: str, made: str) -> None:
    met = MADE[made](world)
    unpriced = UNPRICED.get(world, "") or (UNPRICED_UNDER_DRIFT.get(world, "") if made != "still" else "")
    assert met.meta.priced == (not unpriced) and met.meta.why_unpriced == unpriced
    assert (met.schedule.n_concepts > 1) or made == "still"
    plain, wrong = met.under(replace(met.terms, plain=True)), {}
    compared = made != "still" or world in TWO_WAYS
    for agent in agents_in(world, made):
        seen = look(agent, met)
        found = seen.problems(world, met)
        if compared and not found and seen.run is not None and not seen.run.why_plain:
            assert seen.trace is not None
            differs = differing(plain_trace(agent, plain, seed=seen.run.seed), seen.trace)
            found = [differs] if differs else []
        if found:
            wrong[agent] = found
    assert wrong == {}


def test_what_is_wrong_with_a_pair_is_seen() -> None:
    """A wrong price, a refusal that nobody expects, one that does not come, and one bit of difference."""
    world, met = "FrozenLake-v1", MADE["changing"]("FrozenLake-v1")
    seen = look("oracle", met)
    assert seen.problems(world, met) == [] and seen.run is not None and seen.run.scores is not None
    for metric, value in (
        ("ledger_error", 2e-9),
        ("luck_z", 99.0),
        ("min_gap", -1e-9),
        ("shift_leak", 0.1),
        ("regret", 0.1),
    ):
        scores = replace(seen.run.scores, metrics=seen.run.scores.metrics | {metric: value})
        (found,) = replace(seen, run=replace(seen.run, scores=scores)).problems(world, met)
        assert found
    assert replace(seen, run=replace(seen.run, why_plain="")).problems(world, met)
    assert replace(seen, run=replace(seen.run, scores=None, error="it broke")).problems(world, met) == [
        "failed: it broke"
    ]
    assert replace(seen, refused="not today").problems(world, met)
    assert replace(seen, agent="linucb").problems(world, met)
    assert seen.trace is not None
    flipped = replace(seen.trace, reward=np.where(seen.trace.reward == 0.0, -0.0, seen.trace.reward))
    assert differing(seen.trace, flipped).startswith("reward at 0") and not differing(seen.trace, seen.trace)


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_changes_as_it_says(world: str) -> None:
    """By its own change, or by settings where it has none; a second drift beside its own is refused."""
    spec = f"abrupt@{CHANGE}"
    if world in (*TOLD, *BRINGS_ITS_OWN):
        wanted = "has no change of its own; say what changes" if world in TOLD else "has a drift of its own; give one"
        with pytest.raises(SandboxError) as caught:
            make_world(world).under(make_terms(spec))
        assert one_line(str(caught.value), world, wanted)
    found = changing(world).schedule.changes(2 * CHANGE)
    assert (CHANGE, CHANGE) in found


def test_the_lists_of_exceptions_name_what_exists() -> None:
    assert {*TOLD, *BRINGS_ITS_OWN, *UNPRICED_UNDER_DRIFT, *WRAPPED_IN} <= set(WORLDS)
    assert set(GYM) == set(TOLD)
    assert {name.split(":")[0] for name in (*FORGETTING, *NEED_NOT_LEARN, *STATIONARY)} <= set(AGENTS)


# --- every agent learns, and learns anew ----------------------------------------------------------------------------

MAZE = "sandbox/GridMaze-v0:desc=S....#/.###../...#../.#...G"
TAUGHT = {
    "tabular": (MAZE, 20_000), "planning": (MAZE, 20_000), "provable": ("sandbox/RiverSwim-v0", 40_000),
    "bandits": ("ten-armed", 6_000), "contextual": ("linear-bandit", 6_000), "filters": ("spam", 6_000),
}  # fmt: skip
# Returns of whole episodes tell little of a maze in which an episode may go round for ever: a smaller one.
OWN_WORLD = {"monte-carlo": ("sandbox/GridMaze-v0:desc=S../..#/..G", 20_000)}
SEEDS = range(6)

# Families that are no learners of a good way to choose.
NEED_NOT_LEARN = {
    name: {"prediction": "it predicts what choosing at random earns", "yardsticks": "it is there to be beaten"}[
        one.family
    ]
    for name, one in AGENTS.items()
    if one.family in ("prediction", "yardsticks")
}
# With which settings agents that never forget do so.
FORGETTING = {
    "mbie-eb": "window=2000", "psrl": "window=2000", "r-max": "window=4000", "ucb-h": "restart_every=10000",
    "ucbvi": "window=2000", "epsilon-greedy": "step_size=0.1", "popularity": "decay=0.99",
}  # fmt: skip
# Who has no such setting, and comes back slowly or hardly.
STATIONARY = {
    "gradient-bandit": "its preferences saturate: a softmax that is sure of itself hardly tries the others",
    **{name: "its regressions keep all that they saw" for name, one in AGENTS.items() if one.family == "contextual"},
}
LEARNERS = sorted(AGENTS.keys() - NEED_NOT_LEARN.keys())


@cache
def lost(agent: str, world: str, steps: int) -> Any:
    """Return the gaps of an agent in a world that changes halfway (seeds, steps)."""
    met = make_world(world).under(make_terms(f"abrupt@{steps // 2}"))
    return np.array([gaps(agent, met, steps, seed) for seed in SEEDS])


def part(found: Any, first: float, last: float) -> Any:
    """Return the mean gap of each seed from one share of the run to another (seeds,)."""
    steps = found.shape[1]
    return found[:, int(first * steps) : int(last * steps)].mean(axis=1)


def school(agent: str) -> tuple[str, int]:
    """Return the world that is made to be learnt by an agent, and the steps of a run."""
    return OWN_WORLD.get(agent, TAUGHT[AGENTS[agent].family])


@pytest.mark.parametrize("agent", LEARNERS)
def test_every_agent_learns_and_learns_anew(agent: str) -> None:
    """One test, so that one process makes the runs that all of it looks at."""
    check_beats_random(agent)
    check_learns_anew(agent)
    if agent in FORGETTING:
        check_must_be_told_to_forget(agent)


def check_beats_random(agent: str) -> None:
    """Before the world changes: paired by seed, for every seed, and by more than three standard errors."""
    found, by_chance = lost(agent, *school(agent)), lost("random", *school(agent))
    ahead = part(by_chance, 0, 0.5) - part(found, 0, 0.5)
    assert ahead.min() > 0.0
    assert ahead.mean() > 3 * ahead.std(ddof=1) / math.sqrt(len(ahead))
    assert part(found, 0.45, 0.5).mean() < 0.6 * part(by_chance, 0.45, 0.5).mean()


def check_learns_anew(agent: str) -> None:
    """The last tenth after the change is far below random; what it learned before would not do."""
    name = f"{agent}:{FORGETTING[agent]}" if agent in FORGETTING else agent
    found, by_chance, stale = (lost(one, *school(agent)) for one in (name, "random", f"frozen:{name}"))
    late = part(found, 0.95, 1).mean() / part(by_chance, 0.95, 1).mean()
    assert part(found, 0.5, 0.52).mean() > 1.2 * part(found, 0.45, 0.5).mean()  # the change hurts
    if agent in STATIONARY:
        assert part(found, 0.5, 1).mean() < part(stale, 0.5, 1).mean()
        assert late > 0.3  # once it is better than that, it belongs here no more
        return
    assert late < 0.45
    assert part(found, 0.5, 1).mean() < 0.75 * part(stale, 0.5, 1).mean()


def check_must_be_told_to_forget(agent: str) -> None:
    """As they come they keep all that they saw: else they belong on the list no more."""
    names = agent, f"{agent}:{FORGETTING[agent]}"
    as_it_comes, forgetful = (part(lost(name, *school(agent)), 0.95, 1).mean() for name in names)
    assert forgetful < 0.7 * as_it_comes


# --- bad input: settings out of range, in one line that names them --------------------------------------------------

FITTING = {"filters": "spam", "contextual": "linear-bandit", "bandits": "ten-armed"}


def numbers_in(kind: str) -> list[tuple[str, str, Any]]:
    """Return every number that things of a kind are set by: whose, its name, and the class."""
    found = []
    for name, entry in discover(kind).items():
        made = getattr(importlib.import_module(entry.module), entry.class_name)
        given = inspect.signature(made).parameters.values()
        found += [
            (name, one.name, made)
            for one in given
            if isinstance(one.default, int | float) and not isinstance(one.default, bool)
        ]
    return found


NUMBERS = [found for kind in ("agents", "worlds", "environments") for found in numbers_in(kind)]


@pytest.mark.parametrize("bad", [math.nan, -1e300, 1e300, math.inf, "big", None, True], ids=str)
def test_numbers_out_of_range_are_refused(bad: Any) -> None:
    """Every number that any agent or world takes, and what none of them can be."""
    accepted = []
    for name, key, made in NUMBERS:
        try:
            if name in AGENTS:
                met = make_world(FITTING.get(AGENTS[name].family, "FrozenLake-v1"))
                adapt_agent(made, name, {key: bad}).begin(met.observation_space, met.choice_space, agent_rng(0))
            else:
                assert adapt_world(made, name, {key: bad}).observation_space is not None
            accepted.append((name, key))
        except SandboxError as error:
            assert one_line(str(error), key), (name, key, str(error))
    assert accepted == [] and len(NUMBERS) > 100


OUT_OF_RANGE = [
    ("q-learning:step_size=2", "step_size=2 is out of range"), ("dyna-q:planning_steps=-1", "planning_steps=-1"),
    ("td-lambda:trace_decay=1.5", "trace_decay=1.5"), ("r-max:threshold=0", "threshold=0"),
    ("ucb:exploration=-1", "exploration=-1"), ("best-soft:epsilon=2", "epsilon=2"),
    ("frozen:sarsa:discount=7", "discount=7"),
]  # fmt: skip
REFUSED: list[tuple[tuple[Any, ...], str]] = [
    *((("run", "sandbox/RiverSwim-v0", agent), says) for agent, says in OUT_OF_RANGE),
    (("run", "linear-bandit", "linucb:regularization=0"), "regularization=0"),
    (("run", "spam", "logistic:step_size=-1"), "step_size=-1"),
    (("run", "ten-armed:arms=0", "random"), "arms=0 is out of range"),
    (("run", "sandbox/RiverSwim-v0:advance=2", "random"), "advance=2 is out of range"),
    (("run", "sandbox/RiverSwim-v0", "random", "--drift", "abrupt@50:crumbs=3"), "did you mean 'crumb'"),
    (("run", "sandbox/RiverSwim-v0", "random", "--drift", "abrupt@50:advance=2"), "advance=2 is out of range"),
    (("run", "ten-armed", "random", "--drift", "abrupt@50:armz=3"), "'armz' cannot drift; these can: mean, spread"),
    (
        ("run", "CliffWalking-v1", "random", "--drift", "abrupt@100"),
        "CliffWalking-v1 has no change of its own; say what",
    ),
    (("run", "CartPole-v1", "random", "--drift", "abrupt@100"), "CartPole-v1 has no change of its own; say what"),
    (("run", "sandbox/BlockingMaze-v0", "random", "--drift", "abrupt@9"), "has a drift of its own; give one only"),
    *(
        (("run", "CartPole-v1", agent), "CartPole-v1 has no oracle: the environment carries no table")
        for agent in INSIDERS
    ),
    (("run", "ten-armed", "best-blind"), "ten-armed has no best-blind"),
    (("run", "ten-armed", "random", "--episodes", 20), "is a stream and has no episodes; give a budget in steps"),
    (("run", "sandbox/TicTacToe-v0", "psrl"), "which is too many; q-learning needs less"),
]


# One process asks for all, one after the other: what is refused changes nothing; to start takes most of the time.
ASK = """
import contextlib, io, json, sys
from sandbox.__main__ import main

told = []
for words in json.load(sys.stdin):
    sys.argv, status = ["sandbox", *words], None
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            main()
        except SystemExit as left:
            status = left.code
    told.append((status, out.getvalue(), err.getvalue()))
json.dump(told, sys.stdout)
"""


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    asked = json.dumps([[str(word) for word in words] for words, _ in REFUSED])
    done = subprocess.run([sys.executable, "-c", ASK], input=asked, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for (words, says), (status, out, err) in zip(REFUSED, json.loads(done.stdout), strict=True):
        assert (status, out) == (2, ""), (words, status, out)
        assert err.startswith("sandbox: ") and err.count("\n") == 1 and says in err, (words, err)
    assert list(tmp_path.iterdir()) == []


def test_an_episode_that_never_ends_fails_in_one_line(tmp_path: Path) -> None:
    """The run fails, status 1, with what would help; `test_bad_input` has the open loop."""
    request = "run", "sandbox/AccessControl-v0", "random", "--seeds", 1, "--episodes", 2
    (failed,) = document(*request, cwd=tmp_path, status=1)["agents"][0]["failed"]
    assert one_line(failed["error"], "episode 0 did not end within 1000000 steps; give a budget in steps")
