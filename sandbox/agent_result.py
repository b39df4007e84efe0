"""What a study found of one agent: its runs, by seed, and what they say together."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.comparison.intervals import Interval, mean_interval
from sandbox.errors import SandboxError, suggestion
from sandbox.metrics import METRICS

if TYPE_CHECKING:
    from sandbox.recovery import Recovery, Summary
    from sandbox.runs import Run


@dataclass(repr=False)
class AgentResult:
    """One agent's runs, by seed. `trained` holds the agents themselves, where they ran in this process."""

    name: str
    settings: dict[str, Any]
    runs: list[Run]
    trained: dict[int, Any] = field(default_factory=dict)

    @property
    def done(self) -> list[Run]:
        """The runs that were completed."""
        return [run for run in self.runs if run.scores is not None]

    @property
    def failed(self) -> list[Run]:
        """The runs that failed."""
        return [run for run in self.runs if run.scores is None]

    @property
    def decisions(self) -> float:
        """Mean number of decisions of a completed run."""
        return sum(run.scores.decisions for run in self.done if run.scores is not None) / max(1, len(self.done))

    def __repr__(self) -> str:
        """Return the agent's name and how many runs it has."""
        return f"AgentResult({self.name!r}, {len(self.done)} runs, {len(self.failed)} failed)"

    def values(self, metric: str) -> list[float]:
        """Return a metric for every seed, NaN for failed runs; raise `SandboxError` if there is no such metric."""
        if metric not in METRICS:
            raise SandboxError(f"there is no metric {metric!r}{suggestion(metric, METRICS)}")
        return [math.nan if run.scores is None else run.scores.metrics[metric] for run in self.runs]

    @property
    def distinct(self) -> int:
        """Number of runs that differ: seeds of a deterministic learner on fixed data are one run."""
        return len({run.scores.fingerprint for run in self.runs if run.scores is not None})

    def interval(self, metric: str) -> Interval:
        """Return the mean over seeds with its interval, none where all runs are the same run.

        It ends where the metric does: a share lies between 0 and 1.
        """
        return self.interval_of(metric, self.values(metric))

    def interval_of(self, metric: str, by_seed: list[float]) -> Interval:
        """Return the same of other values, one a run, that are a metric's, or no metric's: then they have no ends."""
        found = mean_interval(by_seed)
        if self.distinct == 1 and found.n > 1:
            return Interval(found.mean, math.nan, math.nan, 1)
        least, most = METRICS[metric].reach if metric in METRICS else (-math.inf, math.inf)
        # A comparison with NaN is false: no interval stays none.
        low, high = (least if found.low < least else found.low), (most if found.high > most else found.high)
        return found._replace(low=low, high=high)

    @property
    def why_plain(self) -> str:
        """Why its runs were made in the open loop, "" if they were compiled."""
        return next((run.why_plain for run in self.done if run.why_plain), "" if self.done else "no run was completed")

    def by_change(self) -> list[list[Recovery]]:
        """Return how its runs came through each change, for those that saw it; runs that are all the same count once.

        Runs of unequal length see unequally many changes.
        """
        found: dict[int, list[Recovery]] = {}
        for run in self.done[:1] if self.distinct == 1 else self.done:
            for one in run.recoveries:
                found.setdefault(one.change, []).append(one)
        return [found[change] for change in sorted(found)]

    def recoveries(self, most: int | None = None) -> list[Summary]:
        """Return what its runs together say of each change, of the first `most` changes, None: of all."""
        from sandbox.recovery import summary  # which brings numba along; lists are shown without

        return [summary(one, np.random.default_rng(0)) for one in self.by_change()[:most]]

    @property
    def decisions_per_second(self) -> float:
        """Decisions a second of one core, evaluation included."""
        timed = [run for run in self.done if not math.isnan(run.seconds)]
        seconds = sum(run.seconds for run in timed)
        made = sum(run.scores.decisions for run in timed if run.scores is not None)
        return made / seconds if seconds > 0 else math.nan
