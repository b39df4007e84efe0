"""Detectors of change: ADWIN's delay as published, and dummies that get no credit, however many drifts there are.

Who is scored by the drifts that have an alarm near them is beaten by an alarm at every hundredth decision. Here the
control tells what alarms hit by chance: the same seeds in a world that does not change. Dummies alarm there at the same
times, so that nothing is left of what they found.
"""

from __future__ import annotations

import numpy as np

from sandbox.detection.detectors import DUMMIES
from sandbox.detection.found import Found as Study
from sandbox.detection.study import detect
from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row, published

SOURCE = (
    "ADWIN with its defaults (Bifet & Gavaldà 2007, in River), error rate .2, then .5 from step 2,000 on, 30 seeds: no "
    "false alarm, delay 87 with standard deviation 21; dummies: nothing, by definition"
)
NAMES = ("adwin", "hddm-a", "kswin", "ddm")
DRIFTS = (1, 5, 50)  # in 10,000 decisions


def measure(quick: bool) -> Found:
    """Measure ADWIN's delay, then the credit of detectors tuned alike and of dummies, at few drifts and at many."""
    once = detect(
        "coin:share=0.2", ["adwin"], drift="abrupt@2000:share=0.5", watch="truth", seeds=30, steps=4000, jobs=1
    )
    adwin = once.given[0]
    rows = [
        published("adwin: delay", "decisions", adwin.by_seed("delay"), 87.0, 30, 0, SOURCE),
        _exact("adwin: false alarms", "per 10,000", adwin.interval("false_alarms").mean, 0.0),
    ]
    studies = {count: _study(count, 6 if quick else 30) for count in DRIFTS}
    for count in DRIFTS[1:]:
        for row in studies[count].given:
            if row.detector.is_dummy:
                told = f"{row.name}: credit at {count} drifts"
                rows.append(_exact(told, "share of the time", row.interval("credit").mean, 0.0))
    panels = [_panel(studies, "credit", "credit beyond chance"), _panel(studies, "found", "share of drifts found")]
    return Found(rows, panels, [_told(studies[count], count) for count in DRIFTS])


def _study(count: int, seeds: int) -> Study:
    drift = f"recurring@{10_000 // (count + 1) + 1}:share=0.5"
    return detect("coin:share=0.2", NAMES, drift=drift, watch="truth", seeds=seeds, steps=10_000, jobs=1)


def _exact(what: str, unit: str, found: float, expected: float) -> Row:
    return Row(what, unit, Estimate(expected), Estimate(found), SOURCE)


def _panel(studies: dict[int, Study], measure: str, title: str) -> Panel:
    """Return a measure of each detector against the number of drifts; that of `always` is known beforehand."""
    known = {"credit": 0.0, "found": 1.0}[measure]
    curves = []
    for name in (*NAMES, *DUMMIES):
        y = [next(row for row in study.matched if row.name == name).by_seed(measure) for study in studies.values()]
        points = [(float(count), known, 0.0) for count in studies] if name == "always" else []
        errors = [float(np.std(one, ddof=1) / np.sqrt(len(one))) for one in y]
        curves.append(
            Curve(name, [float(count) for count in studies], [float(np.mean(one)) for one in y], errors, points)
        )
    return Panel(title, "drifts in 10,000 decisions", "share", curves, log="x", span=(-0.05, 1.05))


def _told(study: Study, count: int) -> str:
    """Say in which order the detectors are, tuned alike."""
    ranked = [f"{row.name} {row.interval('credit').mean:.2f}" for row in study.ranking(study.matched)]
    return f"Credit at {count} drift{'s' * (count > 1)}, at most one false alarm in 10,000: {', '.join(ranked)}."
