"""What an experiment hands back: rows that hold what was expected against what was found, and panels to draw."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from sandbox.errors import SandboxError
from sandbox.table import FloatArray

SIGMAS = 3.0  # standard errors of the difference that one row may be off by, before correction
EXACT = 1e-6
NUMBERS = Path(__file__).parent / "brute" / "numbers.json"


class Estimate(NamedTuple):
    """A mean and its standard error, 0 for what is exact."""

    mean: float
    error: float = 0.0


@dataclass(frozen=True)
class Row:
    """One number: what was `expected` (and where that stands), and what was `found`.

    `rounding`: half a unit of the last digit that was published. `within`: for exact numbers, how near they must be.
    """

    what: str
    unit: str
    expected: Estimate
    found: Estimate
    source: str
    rounding: float = 0.0
    within: float = EXACT

    @property
    def exact(self) -> bool:
        """Whether neither number was estimated."""
        return self.expected.error == 0.0 and self.found.error == 0.0

    def tolerance(self, rows: int) -> float:
        """Return how far the two may lie apart, where `rows` of them are looked at together."""
        if self.exact:
            return self.within + self.rounding
        chance = sigmas(rows) * math.hypot(self.expected.error, self.found.error) + self.rounding
        return max(chance, self.within * max(1.0, abs(self.expected.mean)))  # runs may be alike but for rounding

    def ok(self, rows: int) -> bool:
        """Say whether the two agree; a number that is none never does."""
        return abs(self.found.mean - self.expected.mean) <= self.tolerance(rows)


def sigmas(rows: int) -> float:
    """Return how many standard errors make one of `rows` numbers off: together they err as often as one beyond three.

    >>> sigmas(1), round(sigmas(10), 2)
    (3.0, 3.64)
    """
    normal = NormalDist()
    return SIGMAS if rows <= 1 else -normal.inv_cdf(normal.cdf(-SIGMAS) / rows)


@dataclass(frozen=True)
class Curve:
    """A line of a panel: `y` over `x`, its standard error, and the expected points that lie on it.

    `points`: x, expected y and by how much that may differ.
    """

    name: str
    x: list[float]
    y: list[float]
    error: list[float] = field(default_factory=list)
    points: list[tuple[float, float, float]] = field(default_factory=list)
    marked: bool = False  # whether each of its points was measured by itself, and gets a mark


@dataclass(frozen=True)
class Panel:
    """One pair of axes. `log` names the axes that are logarithmic: "x" (base 2), "y", "xy"."""

    title: str
    x: str
    y: str
    curves: list[Curve]
    log: str = ""
    span: tuple[float, float] | None = None  # of y
    changes: list[float] = field(default_factory=list)  # where the world changes
    ticks: list[str] = field(default_factory=list)  # names of x = 0, 1, ..., for things that are no numbers


@dataclass(frozen=True)
class Found:
    """What an experiment found: its rows, its panels, and what it says besides.

    `absent`: what it lacks, where it was skipped for want of data that do not come with this package.
    """

    rows: list[Row]
    panels: list[Panel] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: str = ""

    @property
    def off(self) -> list[Row]:
        """The rows whose numbers do not agree."""
        return [row for row in self.rows if not row.ok(len(self.rows))]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; `from_json` reads them."""
        return asdict(self)


def from_json(told: dict[str, Any]) -> Found:
    """Return what `as_json` told."""
    rows = [
        Row(**(row | {"expected": Estimate(*row["expected"]), "found": Estimate(*row["found"])}))
        for row in told["rows"]
    ]
    panels = []
    for panel in told["panels"]:
        curves = [Curve(**(c | {"points": [tuple(point) for point in c["points"]]})) for c in panel["curves"]]
        span = None if panel["span"] is None else (panel["span"][0], panel["span"][1])
        panels.append(Panel(**(panel | {"curves": curves, "span": span})))
    return Found(rows, panels, told["notes"], told["absent"])


def estimate(values: Sequence[float] | FloatArray) -> Estimate:
    """Return the mean of the values of independent runs (n,), and its standard error."""
    known = np.asarray(values, dtype=np.float64)
    if known.size < 2:
        raise SandboxError("an estimate with an error needs two runs at least")
    return Estimate(float(known.mean()), float(known.std(ddof=1) / math.sqrt(known.size)))


def published(
    what: str, unit: str, values: Sequence[float] | FloatArray, expected: float, runs: int, digits: int, source: str
) -> Row:
    """Return a row whose expected value was published as a mean of `runs` runs, rounded to `digits` decimals.

    What was published has an error of its own: that of as many runs as ours (n,) spread.
    """
    found = estimate(values)
    spread = found.error * math.sqrt(len(values))
    return Row(what, unit, Estimate(expected, spread / math.sqrt(runs)), found, source, 0.5 * 10.0**-digits)


def brute(experiment: str, name: str) -> Estimate:
    """Return a number that a brute-force script found, by the names of its experiment and of its own."""
    try:
        mean, error = _stored()[experiment]["numbers"][name]
    except KeyError:
        raise SandboxError(f"no brute-force script told {name!r} of {experiment}; see sandbox/gallery/brute") from None
    return Estimate(float(mean), float(error))


def computed(what: str, unit: str, values: Sequence[float] | FloatArray, experiment: str, name: str) -> Row:
    """Return a row whose expected value a brute-force script found."""
    return Row(what, unit, brute(experiment, name), estimate(values), _stored()[experiment]["command"])


def _stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(NUMBERS.read_text(encoding="utf-8"))
    return found
