"""Streams as worlds: priced where they know their own law, with whatever drift and feedback."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from gymnasium import spaces

from sandbox.at_drift import tell_schedule
from sandbox.drift import Schedule
from sandbox.drifting_stream import DriftingStream
from sandbox.errors import SandboxError, one_line
from sandbox.fast import Loop, batch_loop, begun, run_batches
from sandbox.insiders import StreamOracle
from sandbox.interfaces import Agent, Labels, Number, Stream
from sandbox.law_stream import LawStream
from sandbox.set_loop import run_days
from sandbox.stream_loop import run_stream
from sandbox.streams._sets import SetStream
from sandbox.stretches import passing_of
from sandbox.trace import Meta, Sink, Task
from sandbox.world import Budget, Terms, check_one_sided

_MAKING = threading.RLock()


@dataclass
class StreamWorld:
    """A stream of questions. `pinned`: a concept that is in force always."""

    name: str
    make: Callable[[], Stream]
    settings: dict[str, Any] = field(default_factory=dict)
    endless: int = 10_000  # suggested questions where the stream has no length
    terms: Terms = field(default_factory=Terms)
    pinned: int | None = None

    def under(self, terms: Terms) -> Self:
        """Return this world on other terms; raise `SandboxError` if it cannot be met on them."""
        world = replace(self, terms=terms)
        _ = world.stream
        if terms.feedback.only is not None:
            check_one_sided(self.name, terms.feedback, world.choice_space, choice_names(world.stream))
        return world

    def twin(self, concept: int) -> Self:
        """Return the world in which `concept` is in force always, with the same luck for the same seed."""
        with _MAKING:  # several threads run seeds of one world
            if concept not in self._twins:
                made = replace(self, pinned=concept)
                if isinstance(self.stream, DriftingStream):
                    made.stream = self.stream.pin(concept)
                self._twins[concept] = made
            return self._twins[concept]

    @cached_property
    def _twins(self) -> dict[int, Self]:
        return {}

    @cached_property
    def stream(self) -> Stream:
        """The stream; it holds no state of a run."""
        try:
            made = self.make()
            if self.terms.drift:
                if not isinstance(made, DriftingStream):
                    raise SandboxError(f"{self.name} cannot drift on demand: {_REAL}")
                if made.schedule:
                    raise SandboxError(f"{self.name} has a drift of its own; give one only")
                made = made.with_drift(self.terms.drift.drifts)
            if self.pinned is not None and isinstance(made, DriftingStream):
                made = made.pin(self.pinned)
            return made
        except SandboxError:
            raise
        except Exception as error:
            raise SandboxError(f"{self.name} cannot be made: {one_line(error)}") from error

    @property
    def schedule(self) -> Schedule:
        """Which concept is in force when."""
        return self.stream.schedule if isinstance(self.stream, DriftingStream) else Schedule()

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """Space of questions."""
        return self.stream.observation_space

    @property
    def choice_space(self) -> spaces.Space[Any]:
        """Space of answers."""
        return self.stream.choice_space

    @cached_property
    def meta(self) -> Meta:
        """What a reader of its traces must know."""
        stream, choices = self.stream, self.stream.choice_space
        told = Meta(
            _task(choices),
            self.name,
            labels=choices.labels if isinstance(choices, Labels) else (),
            n_choices=int(choices.n) if isinstance(choices, spaces.Discrete) else 1,
            tolerance=stream.tolerance,
            why_unpriced=_REAL,
            episodic=False,
            groups=stream.group_names,
            arrivals=stream.arrivals,
            answers=stream.answers,
            extras=stream.extras,
            quantile=stream.quantile,
            catalogue=stream.catalogue,
        )
        if isinstance(stream, DriftingStream):
            told = replace(told, n_cells=stream.n_cells, passing=passing_of(stream.schedule))
        if not isinstance(stream, LawStream):
            return told
        return replace(
            told,
            why_unpriced="",
            gap_range=stream.gap_range,
            luck_reach=(stream.luck_reach,) if math.isfinite(stream.luck_reach) else (),
            material=stream.material,
            slight=stream.slight,
            expected_start=tuple(stream.expected_best(concept) for concept in range(stream.n_concepts)),
            objective=stream.objective,
            reactive=stream.reactive,
        )

    def budget(self, wanted: Budget) -> Budget:
        """Return `wanted`, or all questions of the stream."""
        if wanted.episodes is not None:
            raise SandboxError(f"{self.name} is a stream and has no episodes; give a budget in steps")
        length = self.stream.length
        if wanted.steps is None:
            endless = self.stream.suggested if isinstance(self.stream, DriftingStream) else self.endless
            return Budget(steps=length if length is not None else endless)
        return Budget(steps=wanted.steps if length is None else min(wanted.steps, length))

    def decisions(self, budget: Budget) -> int | None:
        """Return the number of questions asked."""
        return budget.steps

    def why_plain(self, agent: Agent) -> str:
        """Return why an agent, whose `begin` was called, is run here in the open loop; "" if it is compiled."""
        found = self._loop(agent)
        return found if isinstance(found, str) else ""

    def _loop(self, agent: Agent) -> Loop | str:
        if self.terms.plain:
            return "the open loop was asked for"
        if not isinstance(self.stream, LawStream):
            return "the stream comes question by question"
        if isinstance(self.stream, SetStream):
            return "a day's alerts are chosen together"
        return batch_loop(self.stream, agent, self.terms.feedback)

    def run(self, agent: Agent, seed: int, budget: Budget, sink: Sink) -> str:
        """Let an agent answer the questions; return why in the open loop, "" if it was compiled."""
        stream, feedback, names = self.stream, self.terms.feedback, choice_names(self.stream)
        tell_schedule(agent, self.schedule)
        sound = begun(agent, self.observation_space, self.choice_space, seed)
        loop = self._loop(agent) if sound else "its begin failed"
        if isinstance(stream, LawStream) and not isinstance(loop, str):
            run_batches(stream, loop, sink, seed=seed, steps=budget.steps or stream.suggested, feedback=feedback)
            return ""
        if isinstance(stream, SetStream):
            run_days(stream, agent, sink, seed=seed, steps=budget.steps, feedback=feedback, names=names)
        else:
            run_stream(stream, agent, sink, seed=seed, steps=budget.steps, feedback=feedback, names=names)
        return str(loop)

    def insider(self, name: str, epsilon: float = 0.1) -> Agent:
        """Return the agent of this name that is told the law; `epsilon`: the share of exploring of `best-soft`."""
        if name == "best-blind":
            raise SandboxError(
                f"{self.name} has no best-blind: it has no clock and hides nothing, so that is the oracle"
            )
        if not isinstance(self.stream, LawStream):
            raise SandboxError(f"{self.name} has no oracle: {_REAL}")
        if name == "best-planned":
            planner = self.stream.planner()
            if planner is None:
                raise SandboxError(f"{self.name} has no best-planned: nobody knows how to plan there")
            return planner
        return StreamOracle(self.stream.ideal, epsilon if name == "best-soft" else 0.0)

    def oracle(self, epsilon: float | None = None) -> dict[str, Any]:
        """Return what is known of the law of every concept; raise `SandboxError` if it is that of real data."""
        stream = self.stream
        if not isinstance(stream, LawStream):
            raise SandboxError(f"{self.name} has no oracle: {_REAL}")
        if epsilon is not None:
            raise SandboxError(f"{self.name}: --epsilon is for worlds with a table of their law")
        levels = list(self.meta.expected_start)
        laws = stream.schedule.n_concepts  # times the phases that a stream may go through by itself
        levels = [float(np.mean(levels[concept::laws])) for concept in range(laws)]
        by_chance, fixed = stream.simple_values()
        return {
            "schema": 1,
            "world": self.name,
            "objective": self.meta.objective,
            "optimal_return": float("nan"),
            "stationary_value": levels[0],
            "value_by_concept": levels,
            "sampled": True,  # values are means over a fixed large sample of questions; the price of each is exact
            "random_value": by_chance,
            "best_fixed_choice_value": fixed,
            "abstention_value": stream.abstention,
            "gap_range": stream.gap_range,
            "choices": self.meta.n_choices,
            "concepts": len(levels),
            "why_unpriced": "",
        }


_REAL = "the law behind real data is not known"


def _task(choices: spaces.Space[Any]) -> Task:
    if isinstance(choices, Labels):
        return "classification"
    return "regression" if isinstance(choices, Number) else "control"


def choice_names(stream: Stream) -> tuple[str, ...]:
    """Return what the choices of a stream are called, () where they have numbers only."""
    if isinstance(stream, DriftingStream):
        return stream.choice_names
    return tuple(map(str, stream.choice_space.labels)) if isinstance(stream.choice_space, Labels) else ()
