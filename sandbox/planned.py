"""Several studies, planned beforehand and run one after the other by the same workers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.catalog import make_agent, make_world
from sandbox.errors import SandboxError
from sandbox.result import Result
from sandbox.runs import Options
from sandbox.settle import most_seeds, settle_study
from sandbox.study import Progress, run_study
from sandbox.workers import Workers, cores
from sandbox.world import Budget, Terms, make_terms


@dataclass(frozen=True)
class Planned:
    """A world with its agents, by name; `given` holds what else was said of the study, as `seeds` or `drift`."""

    world: str
    agents: tuple[str, ...]
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def seeds(self) -> range:
        """Its seeds, 0 to 9 where nothing was said; with `until` the most that it may take."""
        if "until" in self.given:
            return range(most_seeds(self.given["until"], self.given.get("seeds"), len(self.agents)))
        return range(self.given.get("seeds", 10))

    @property
    def budget(self) -> Budget:
        """How long a run lasts; nothing said: as the world suggests."""
        return Budget(self.given.get("steps"), self.given.get("episodes"))

    @property
    def terms(self) -> Terms:
        """On what terms its world is met."""
        return make_terms(self.given.get("drift"), self.given.get("feedback"), self.given.get("plain", False))


def check_studies(planned: Sequence[Planned], where: str | Path) -> None:
    """Refuse, before anything runs, names that do not exist and agents that do not fit their world.

    `where`: what the studies come from, for the error.
    """
    for one in planned:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # what users' code prints is no part of a document
                _check(one)
        except SandboxError as error:
            raise SandboxError(f"{where}, {one.world}: {error}") from error


def _check(one: Planned) -> None:
    world = make_world(one.world).under(one.terms)
    world.budget(one.budget)
    _ = one.seeds
    for name in one.agents:
        trial = make_agent(name, world)
        try:
            trial.begin(world.observation_space, world.choice_space, np.random.default_rng(0))
        except SandboxError:
            raise
        except Exception:  # a fault, not a refusal: its runs will fail, those of the other agents need not
            continue


def run_studies(
    planned: Sequence[Planned], runs: str | Path | None = None, progress: Progress | None = None, command: str = ""
) -> Iterator[Result]:
    """Run the studies; yield each result as it is done.

    `runs`: the folder that keeps the runs, in which those that are done are found. `progress` counts all that is left.
    `command`: what was typed, kept with the runs.
    """
    counts = [len(one.agents) * len(one.seeds) for one in planned]
    with Workers(max((one.given.get("jobs", cores()) for one in planned), default=1)) as workers:
        for k, one in enumerate(planned):
            study = partial(
                run_study,
                one.world,
                one.agents,
                budget=one.budget,
                terms=one.terms,
                options=Options(window=one.given.get("window", 1000)),
                jobs=one.given.get("jobs"),
                runs=runs,
                trace=one.given.get("trace", False),
                timeout=one.given.get("timeout"),
                progress=None if progress is None else _before(progress, sum(counts[k + 1 :])),
                tag=one.given.get("tag", ""),
                command=command,
            )
            if "until" in one.given:
                yield settle_study(study, most=len(one.seeds), jobs=one.given.get("jobs")).noted()
            else:
                yield study(seeds=one.seeds, workers=workers)


def _before(progress: Progress, ahead: int) -> Progress:
    """Return a progress of one study, that counts the runs ahead of it too."""
    return lambda what, left: progress(what, left + ahead)
