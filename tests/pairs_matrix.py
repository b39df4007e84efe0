"""Every world and every agent there is, as found in the folders, and what is expected of each pair, with the reasons.

Nothing here names what must work: it names what may not, so that a new world or agent is held to everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.catalog import make_agent, make_world
from sandbox.discovery import discover
from sandbox.errors import SandboxError
from sandbox.feedback import parse_feedback
from sandbox.interfaces import Number
from sandbox.law_stream import KINDS, LawStream
from sandbox.loop import agent_rng
from sandbox.metrics import audit_failures
from sandbox.runs import Options, Run, run_once
from sandbox.streams._sets import SetStream
from sandbox.trace import TRACE_COLUMNS, Trace, join
from sandbox.world import Budget, World, make_terms
from sandbox.yardsticks import INSIDERS

GYM = ("FrozenLake-v1", "FrozenLake-v1:map_name=8x8", "CliffWalking-v1", "Taxi-v4")
WORLDS = (*discover("worlds"), *discover("environments"), *GYM)
AGENTS = discover("agents")
KEEPERS = ("tabular", "planning", "prediction", "provable")  # families that keep a table

CHANGE = 300  # the step at which a world changes, halfway
STEPS = 2 * CHANGE

# --- worlds: how each is made to change, and where that has no price ------------------------------------------------

# Those that change by nothing of their own need to be told what; others bring a drift along, and take no second one.
TOLD = {
    "FrozenLake-v1": f"abrupt@{CHANGE}:is_slippery=False",
    "FrozenLake-v1:map_name=8x8": f"abrupt@{CHANGE}:is_slippery=False",
    "CliffWalking-v1": f"abrupt@{CHANGE}:is_slippery=True",
    "Taxi-v4": f"abrupt@{CHANGE}:is_rainy=True",
}
BRINGS_ITS_OWN = {
    "sandbox/BlockingMaze-v0": f"sandbox/BlockingMaze-v0:drift='abrupt@{CHANGE}'",
    "sandbox/ShortcutMaze-v0": f"sandbox/ShortcutMaze-v0:drift='abrupt@{CHANGE}'",
    "changing-arms": f"changing-arms:changes=({CHANGE},{CHANGE + 100})",
}
UNPRICED = {"digits": "the law behind real data is not known"}
UNPRICED_UNDER_DRIFT = {"sandbox/AccessControl-v0": "prices under drift are not known for an average objective"}


@cache
def changing(name: str) -> World:
    """Return a world that changes halfway."""
    if name in BRINGS_ITS_OWN:
        return make_world(BRINGS_ITS_OWN[name])
    return make_world(name).under(make_terms(TOLD.get(name, f"abrupt@{CHANGE}")))


@cache
def still(name: str) -> World:
    """Return a world as it comes."""
    return make_world(name)


@cache
def late(name: str) -> World:
    """Return a world that changes, and whose answers come late, wrong, or never."""
    world = changing(name)
    return world.under(replace(world.terms, feedback=parse_feedback("delayed=uniform(0,9)+noisy=0.1+partial=0.8")))


MADE = {"still": still, "changing": changing, "late": late}

# --- pairs: who does not fit, who is run plain, and why -------------------------------------------------------------

# These count what follows each pair of state and choice, and tic-tac-toe has 3,381 boards.
COUNTERS, TOO_LARGE = ("mbie-eb", "psrl", "r-max", "ucbvi"), ("sandbox/TicTacToe-v0",)
LINEAR = ("logistic", "perceptron")  # they draw one line, between two labels


def misfit(agent: str, name: str, world: World) -> str:
    """Return a part of what a pair that does not fit is refused with; "" for one that fits."""
    seen, choices = world.observation_space, world.choice_space
    labelled, priced = hasattr(choices, "labels"), world.meta.priced
    kind = agent.split(":")[-1]
    family = AGENTS[kind].family if kind in AGENTS else ""
    if kind == "best-blind" and hasattr(world, "stream"):
        return "has no best-blind"
    if kind in INSIDERS and not priced:
        return "has no oracle"
    if kind == "best-planned":
        return "has no best-planned"
    if kind == "best-soft" and isinstance(choices, Number):
        return "explores choices that can be counted"
    if family in KEEPERS and not isinstance(seen, spaces.Discrete):
        return "keeps a table and needs discrete observations"
    if kind in COUNTERS and name in TOO_LARGE:
        return "which is too many; q-learning needs less"
    has_context = isinstance(seen, spaces.Box) or (isinstance(seen, spaces.Dict) and "context" in seen.spaces)
    if family == "contextual" and not has_context:
        return "needs a context"
    if family == "bandits" and isinstance(choices, Number):
        return "keeps values of choices and needs discrete ones"
    if family == "filters" and not labelled:
        return "learns from right labels, and this world tells none"
    if kind in LINEAR and len(choices.labels) > 2:
        return "knows two labels"
    if kind in ("majority", "no-change") and not labelled and (kind == "majority" or not isinstance(choices, Number)):
        return "needs a stream that tells them"
    return "needs a stream that asks for forecasts" if kind == "mean" and not isinstance(choices, Number) else ""


def plain_reason(agent: str, world: World) -> str:
    """Return a part of why a pair is run in the open loop; "" for one that must be compiled."""
    wrapped, _, kind = agent.rpartition(":")
    stream = stream_of(world)
    if stream is None and hasattr(world, "stream"):
        return "the stream comes question by question"
    if stream is None and not world.meta.priced:
        return "the law of the world is not known as a table"
    if stream is None and not world.terms.feedback.immediate:
        return "feedback that is not immediate runs in the open loop in environments"
    if isinstance(stream, SetStream):
        return "a day's alerts are chosen together"
    if stream is not None and stream.settles:
        return "what a decision earns is no row of a table"
    if stream is not None and stream.kind not in KINDS:
        return "what is asked depends on what was chosen before"
    if wrapped and stream is not None:
        return "is compiled for tables only"
    if kind in INSIDERS or kind in ("majority", "no-change", "mean"):
        return "has no compiled loop"  # they are yardsticks, and quick enough
    family = AGENTS[kind].family
    if kind == "random":
        return ""
    if stream is None:
        return "" if family in KEEPERS else "is compiled for"
    goes_with = {"messages": ("filters",), "slate": ("bandits", "contextual"), "numbers": ("filters",)}[stream.kind]
    return "" if family in goes_with else "is compiled for"


def stream_of(world: World) -> LawStream | None:
    """Return the stream of a world whose questions follow a law, None of a table."""
    found = getattr(world, "stream", None)
    return found if isinstance(found, LawStream) else None


# --- a pair, looked at ----------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What came of a pair: its run, its trace, and what is wrong with it, in words."""

    agent: str
    refused: str = ""
    run: Run | None = None
    trace: Trace | None = None

    def problems(self, name: str, world: World) -> list[str]:
        """Return all that is not as it should be."""
        wanted = misfit(self.agent, name, world)
        if wanted or self.refused:
            fine = bool(wanted) and wanted in self.refused and "\n" not in self.refused
            return [] if fine else [f"refused with {self.refused!r}, expected {wanted!r}"]
        assert self.run is not None
        if self.run.scores is None:
            return [f"failed: {self.run.error}"]
        found = audit_failures(self.run.scores.metrics, world.meta.priced)
        if world.meta.priced and self.agent == "oracle" and not self.run.scores.metrics["regret"] <= 1e-9:
            found.append(f"the oracle regrets {self.run.scores.metrics['regret']}")
        found += [one.note for one in self.run.recoveries if "failed" in one.note]
        why, reason = self.run.why_plain, plain_reason(self.agent, world)
        if bool(why) != bool(reason) or reason not in why:
            found.append(f"run plain because {why!r}, expected {reason!r}")
        return found


def look(agent: str, world: World, steps: int = STEPS, seed: int = 0) -> Seen:
    """Run a pair if it fits, at the speed that is its own."""
    try:
        made = make_agent(agent, world)
        made.begin(world.observation_space, world.choice_space, agent_rng(seed))
    except SandboxError as error:
        return Seen(agent, str(error) or "?")
    chunks: list[Trace] = []
    run = run_once(world, make_agent(agent, world), seed, Budget(steps=steps), Options(), chunks.append)
    seen = Seen(agent, "", run, join(chunks) if chunks else None)
    # One sound run in a hundred has more luck than `luck_z_bound` allows: an alarm counts if another seed has it too.
    alarmed = run.scores is not None and any("luck" in text for text in audit_failures(run.scores.metrics))
    return look(agent, world, steps, seed + 1) if alarmed and seed == 0 else seen


def differing(one: Trace, other: Trace) -> str:
    """Return the first column in which two traces differ, and where; "" if they are equal to the last bit."""
    for name in TRACE_COLUMNS:
        a, b = getattr(one, name), getattr(other, name)
        if a.dtype != b.dtype or a.shape != b.shape:
            return f"{name}: {a.dtype}{a.shape} and {b.dtype}{b.shape}"
        at = np.flatnonzero(a.view(np.uint8) != b.view(np.uint8)) // a.itemsize
        if len(at):
            return f"{name} at {at[0]}: {a[at[0]]!r} plain, {b[at[0]]!r} compiled"
    return ""


def plain_trace(agent: str, world: World, steps: int = STEPS, seed: int = 0) -> Trace:
    """Return the trace of a pair in the open loop, in a world that asks for it."""
    chunks: list[Trace] = []
    why = world.run(make_agent(agent, world), seed, Budget(steps=steps), chunks.append)
    assert why == "the open loop was asked for"
    return join(chunks)


def gaps(agent: str, world: World, steps: int, seed: int) -> Any:
    """Return the gaps of a run (steps,)."""
    chunks: list[Trace] = []
    world.run(make_agent(agent, world), seed, Budget(steps=steps), chunks.append)
    made = join(chunks)
    return made.best - made.value


def one_line(text: str, *parts: str) -> bool:
    """Say whether a complaint is one line, without a traceback, that has these parts."""
    return "\n" not in text and not re.search("Traceback|Error:", text) and all(part in text for part in parts)
