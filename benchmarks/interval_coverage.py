"""How often 95 % intervals hold the truth, ours beside others', and how often p values err, by simulation."""

from __future__ import annotations

import math
import sys

import numpy as np
from measure import ROOT, Row, at_least, at_most
from scipy.special import stdtr

from sandbox.comparison.centres import iqm_bounds, iqms, median_bounds, medians
from sandbox.comparison.intervals import skew_p
from sandbox.table import FloatArray

sys.path.append(str(ROOT / "tests"))
from simulation import LAWS, RIVALS, Law, cell, drawing_nothing, ours, percentile_of

SIZES, SMALL = (10, 20, 30), (3, 5, 8)
CONTINUOUS = ("normal", "lognormal", "one in five fails", "exponential", "uniform", "Student, 3")
NEAR = 0.01
TOLD = ("one in five costs",)  # only told: the studentised bootstrap holds its mean by intervals without an end
ENDLESS = 100.0  # times as wide as Student's


def _mean_rows(trials: int) -> list[Row]:
    """Return the coverage of means; the bound is .01 under the best rival, counting no more than .95."""
    rows = []
    for name, law in LAWS.items():
        for n in (*SIZES, *SMALL):
            found = cell(law, n, ours, trials)
            rivals = {rival: cell(law, n, method, trials) for rival, method in RIVALS.items()}
            best = min(0.95, max(one.covered for one in rivals.values()))
            detail = ", ".join(
                f"{rival} {one.covered:.3f}{' (without end)' * (one.widest > ENDLESS)}" for rival, one in rivals.items()
            )
            detail += f"; {found.width:.2f} times as wide as Student's, at most {found.widest:.1f}"
            bound = round(best - NEAR, 4) if n in SIZES and name not in TOLD else None
            rows.append(at_least(f"coverage of the mean: {name}, {n} runs", found.covered, bound, detail))
    return rows


def _differences(law: Law, n: int, trials: int, shift: float = 0.0) -> FloatArray:
    rng = np.random.default_rng([3, n])
    a, b = (law.quantile(rng.random((trials, n))) for _ in range(2))
    return a - b + shift


def _student_p(gaps: FloatArray) -> FloatArray:
    n = gaps.shape[1]
    spread = gaps.std(axis=1, ddof=1)
    t = gaps.mean(axis=1) * math.sqrt(n) / np.where(spread > 0, spread, 1.0)
    return np.where(spread > 0, 2 * stdtr(n - 1, -np.abs(t)), gaps.mean(axis=1) == 0)


def _difference_rows(trials: int) -> list[Row]:
    """Return how often the difference of two agents of one law is called one, and of two an sd apart."""
    rows = []
    for name, law in LAWS.items():
        for n in (5, *SIZES):
            gaps = _differences(law, n, trials)
            found, theirs = (float((p(gaps) <= 0.05).mean()) for p in (skew_p, _student_p))
            rows.append(at_most(f"error of p <= .05: {name}, {n} pairs", found, 0.06, f"Student {theirs:.3f}"))
    for name, sd in (("normal", 1.0), ("lognormal", math.sqrt(math.e * (math.e - 1)))):
        for n in (5, *SIZES):
            gaps = _differences(LAWS[name], n, trials, sd)
            found, theirs = (float((p(gaps) <= 0.05).mean()) for p in (skew_p, _student_p))
            rows.append(at_least(f"power at one sd: {name}, {n} pairs", found, None, f"Student {theirs:.3f}"))
    return rows


def _centre_rows(trials: int) -> list[Row]:
    """Return the coverage of medians and interquartile means, beside the percentile bootstrap."""
    rows = []
    for which, bounds, centre in (("median", median_bounds, medians), ("interquartile mean", iqm_bounds, iqms)):
        for name in CONTINUOUS:
            law = LAWS[name]
            truth = law.median if which == "median" else law.iqm
            for n in (*SIZES, *SMALL):
                found = cell(law, n, drawing_nothing(bounds), trials, truth)
                theirs = cell(law, n, percentile_of(centre), trials // 4, truth)
                detail = f"percentile {theirs.covered:.3f}; {found.width:.2f} times as wide as Student's of the mean"
                bound = 0.94 if n in SIZES else None
                rows.append(at_least(f"coverage of the {which}: {name}, {n} runs", found.covered, bound, detail))
    return rows


def coverage(quick: bool) -> list[Row]:
    """Return the coverage of every interval over seeds, and the errors and the power of the test of a difference."""
    trials = 200 if quick else 2000
    return _mean_rows(trials) + _difference_rows(100 if quick else 20_000) + _centre_rows(trials)


if __name__ == "__main__":
    for row in coverage("--quick" in sys.argv):
        print(
            "ok  " if row.kept else "MISS", f"{row.name}: {row.found:.3f} (bound {row.bound})  {row.detail}", flush=True
        )
