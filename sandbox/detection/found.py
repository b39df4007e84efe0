"""What a study of detectors found: rows of scores, their ranking, their differences, one document."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from sandbox.comparison.intervals import Difference, Interval, mean_interval, paired_difference
from sandbox.comparison.pairs import holm
from sandbox.detection.alarms import Alarms
from sandbox.detection.detectors import Detector
from sandbox.detection.listener import Request
from sandbox.detection.scores import PER, RunScore, Span

_FEW = 10  # seeds, or false alarms
MEASURES = {
    "credit": "share of the time after a drift that is left once it is found, beyond chance: 1 at best, dummies get 0",
    "found": "share of drifts with an alarm before the next one",
    "by_chance": "share of the same places with an alarm where nothing changes",
    "delay": "decisions from the beginning of a drift to the alarm that finds it",
    "fell": "share of those alarms that say that what is heard fell",
    "repeats": "further alarms about a drift",
    "false_alarms": "alarms where nothing changes, per 10,000 decisions",
    "false_fell": "of these, those that say that what is heard fell",
}


def _share(parts: Sequence[bool]) -> float:
    return sum(parts) / len(parts) if parts else math.nan


def measures_of(one: RunScore) -> dict[str, float]:
    """Return the measures of one run by name, NaN where there is nothing to measure."""
    seen = [delay for delay in one.delay if delay is not None]
    drifts = len(one.delay)
    return {
        "credit": one.credit if drifts else math.nan,
        "found": _share([delay is not None for delay in one.delay]),
        "by_chance": _share([delay is not None for delay in one.chance]),
        "delay": sum(seen) / len(seen) if seen else math.nan,
        "fell": _share(one.fell),
        "repeats": one.repeats / drifts if drifts else math.nan,
        "false_alarms": one.false,
        "false_fell": one.false_fell,
    }


@dataclass(frozen=True)
class Row:
    """A detector with its scores, one for each seed; `alarms`: those of each run and of its control.

    `name`: what it is called; `why`: why it gives fewer false alarms than were wanted.
    """

    name: str
    detector: Detector
    scores: tuple[RunScore, ...]
    alarms: dict[int, tuple[Alarms, Alarms]]
    why: str = ""

    def by_seed(self, measure: str) -> list[float]:
        """Return a measure of each run."""
        return [measures_of(one)[measure] for one in self.scores]

    def interval(self, measure: str) -> Interval:
        """Return the mean of a measure over runs, with its 95 % interval."""
        return mean_interval(self.by_seed(measure))

    @property
    def merit(self) -> float:
        """What it is ranked by: its mean credit, but no less than that of dummies, which is 0."""
        credit = float(np.mean(self.by_seed("credit")))
        return max(0.0, credit) if credit == credit else 0.0

    @property
    def beats_dummies(self) -> bool | None:
        """Whether its credit is above that of dummies beyond chance (95 %), None where one run cannot tell."""
        low = self.interval("credit").low
        return None if math.isnan(low) else low > 0.0 and not self.detector.is_dummy


@dataclass
class Found:
    """A study of detectors. `given`: as they were asked for; `matched`: tuned to `rate` false alarms per 10,000.

    `unmatched`: those that could not be tuned, and why. `why`: what is to be known of drifts here, in words.
    """

    world: str
    request: Request
    facts: dict[str, Any]
    drift: str
    seeds: int
    spans: tuple[Span, ...]
    why: str
    given: list[Row] = field(default_factory=list)
    matched: list[Row] = field(default_factory=list)
    unmatched: dict[str, str] = field(default_factory=dict)
    rate: float = math.nan

    @property
    def agent(self) -> str:
        """Whose errors or rewards were heard."""
        return self.request.agent

    @property
    def watch(self) -> str:
        """What was heard: `error`, `truth` or `reward`."""
        return self.request.watch

    @property
    def feedback(self) -> str:
        """How the world answered, empty if at once."""
        return str(self.request.feedback or "")

    @property
    def steps(self) -> int:
        """Decisions of a run."""
        return int(self.facts["steps"])

    @property
    def terms(self) -> str:
        """What was heard, where and how long, in words."""
        what = {"error": f"errors of {self.agent}", "truth": "right answers", "reward": f"rewards of {self.agent}"}
        told = [f"{self.world}: {what[self.watch]}", f"{self.seeds} seed{'s' * (self.seeds != 1)}"]
        told += [f"{self.steps:,} decisions", f"drift {self.drift}" * bool(self.drift)]
        return ", ".join(filter(None, [*told, f"feedback {self.feedback}" * bool(self.feedback)]))

    @property
    def tuned(self) -> str:
        """To what detectors were tuned, in words."""
        return f"tuned to {self.rate:g} false alarm{'s' * (self.rate != 1.0)} per {PER:,} decisions at most"

    def caveats(self) -> list[str]:
        """Return, in words, what a reader must know before believing the numbers."""
        told = [self.why] if self.why else []
        if not self.facts["heard"]:
            told.append("nothing is heard: no answer ever came")
        elif self.seeds > 1 and len(self.facts["kinds"]) == 1:
            told.append("what is heard is alike for all seeds: they are one run")
        elif self.spans and self.seeds < _FEW:
            told.append("one run has no interval" if self.seeds == 1 else "intervals of so few seeds are rough")
        allowed = self.rate * self.steps * self.seeds / PER
        if self.matched and allowed < _FEW:
            told.append(f"{allowed:.3g} false alarms are allowed in all controls together: more seeds tune better")
        told += [f"{row.name}: {row.why}" for row in self.matched if row.why]
        return told + [f"{name} is not tuned: {why}" for name, why in self.unmatched.items()]

    def ranking(self, rows: Sequence[Row]) -> list[Row]:
        """Return rows from best to worst; dummies have no merit and come last, alarming least often first."""
        return sorted(rows, key=lambda row: (row.detector.is_dummy, -row.merit, row.interval("false_alarms").mean))

    def places(self, rows: Sequence[Row]) -> dict[str, int]:
        """Return the place of each detector by name; who is no better than a dummy has none."""
        ranked = [row for row in self.ranking(rows) if row.merit > 0.0 and not row.detector.is_dummy]
        return {row.name: 1 + sum(other.merit > row.merit for other in ranked) for row in ranked}

    def differences(self, rows: Sequence[Row]) -> list[tuple[str, str, Difference, float]]:
        """Return for each pair of detectors the difference of their credits, and its p value for all pairs (Holm)."""
        ranked = [row for row in self.ranking(rows) if not row.detector.is_dummy]
        pairs = list(combinations(ranked, 2))
        found = [paired_difference(a.by_seed("credit"), b.by_seed("credit")) for a, b in pairs]
        sure = holm([one.p for one in found])
        return [(a.name, b.name, one, p) for (a, b), one, p in zip(pairs, found, sure, strict=True)]

    def as_json(self) -> dict[str, Any]:
        """Return everything as one document."""
        from sandbox.result import finite

        told = {
            "schema": 1,
            "world": self.world,
            "agent": self.agent,
            "watch": self.watch,
            "steps": self.steps,
            "seeds": self.seeds,
            "drift": self.drift,
            "feedback": self.feedback or "immediate",
            "drifts": [span._asdict() for span in self.spans],
            "notes": self.caveats(),
            "measures": MEASURES,
            "detectors": [self._row(row, self.given) for row in self.given],
            "matched": {
                "false_alarms": self.rate,
                "detectors": [self._row(row, self.matched) for row in self.matched],
                "unmatched": self.unmatched,
                "differences": [
                    {"metric": "credit", "a": a, "b": b, "mean": d.mean, "low": d.low, "high": d.high, "p": d.p}
                    | {"p_holm": p}
                    for a, b, d, p in self.differences(self.matched)
                ],
            }
            if self.matched
            else None,
        }
        found: dict[str, Any] = finite(told)
        return found

    def _row(self, row: Row, among: Sequence[Row]) -> dict[str, Any]:
        told = {name: row.interval(name)._asdict() for name in MEASURES}
        return {
            "detector": row.name,
            "settings": row.detector.settings,
            "dummy": row.detector.is_dummy,
            "place": self.places(among).get(row.name) if self.spans else None,
            "beats_dummies": row.beats_dummies if self.spans else None,
            "note": row.why,
            "metrics": told,
            "per_seed": {name: row.by_seed(name) for name in MEASURES},
            "alarms": None if row.detector.is_dummy else self._alarms(row),
        }

    def _alarms(self, row: Row) -> list[dict[str, Any]]:
        """Return the alarms of each run, and of its control where there is one; those of dummies would fill pages."""
        return [
            {"seed": seed, "at": run.at, "fell": run.fell, "control": control.at if self.spans else None}
            for seed, (run, control) in row.alarms.items()
        ]
