"""An alarm without a direction: a learner that is begun anew because it got better.

A two-sided detector (ADWIN) watches the errors of naive Bayes on a law that never changes. The errors become fewer, as
they should; that is a change; River's wrapper begins anew, and again. One that asks whether things got worse does not.
"""

from __future__ import annotations

import numpy as np

from sandbox.gallery._found import Curve, Found, Panel, published
from sandbox.gallery._streams import accuracies, runs_of
from sandbox.trace import Trace

SOURCE = "one run of River 0.26.1: DriftRetrainingClassifier(GaussianNB(), ADWIN(), False) on LED, 10,000 digits"
WORLD, STEPS, EVERY = "river:synth.LED:noise_percentage=0.1,irrelevant_features=False,seed={}", 10_000, 100
AGENTS = {
    "naive Bayes": ("naive-bayes", 74.4),
    "begun anew at each alarm (River)": ("river:DriftRetrainingClassifier(GaussianNB(), ADWIN(), False)", 27.9),
    "begun anew when things got worse": ("reset-on-drift:naive-bayes", 74.4),
}


def measure(quick: bool) -> Found:
    """Run naive Bayes as it is, in River's wrapper, and in ours, on stationary LED."""
    runs = 3 if quick else 20
    rows, curves = [], []
    for name, (agent, expected) in AGENTS.items():
        traces = [runs_of(WORLD.format(seed), agent, range(1), STEPS)[0] for seed in range(runs)]
        rows.append(published(f"{name}: right digits", "%", accuracies(traces), expected, 1, 1, SOURCE))
        curves.append(_line(name, traces))
    for curve, row in zip(curves, rows, strict=True):
        curve.points.append((float(STEPS), row.expected.mean, row.tolerance(len(rows))))
    panel = Panel("the same law throughout", "decisions", "right digits so far, %", curves, span=(0.0, 100.0))
    note = f"{runs} streams. What was published is one run: it may differ by as much as our runs do from each other."
    return Found(rows, [panel], [note])


def _line(name: str, traces: list[Trace]) -> Curve:
    right = np.stack([np.cumsum(trace.choice == trace.truth) for trace in traces])
    at = np.arange(EVERY, STEPS + 1, EVERY)
    share = 100.0 * right[:, at - 1] / at
    error = share.std(axis=0, ddof=1) / np.sqrt(len(traces))
    return Curve(name, at.astype(float).tolist(), share.mean(axis=0).tolist(), error.tolist())
