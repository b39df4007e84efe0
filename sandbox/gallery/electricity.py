"""Electricity: who says the last label again is above most learners.

Prices of electricity in New South Wales go up or down against the day before, every half hour; the labels come in long
stretches, so that an accuracy of 80 % on them is no sign of learning. Every table and figure therefore has the
yardstick beside the learners.
"""

from __future__ import annotations

from sandbox.gallery._data import absent, data_file, right, windowed
from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row

SOURCE = (
    'Žliobaitė 2013, "How good is the Electricity benchmark for evaluating concept drift adaptation": the last label '
    "again is right in 85.3 % (85.33 by counting), which many published learners do not reach"
)
ROWS, WINDOW = 45_312, 2000
LEARNERS = (
    "logistic",
    "river:StandardScaler() | LogisticRegression()",
    "river:GaussianNB()",
    "river:HoeffdingTreeClassifier()",
)


def measure(quick: bool) -> Found:
    """Run the yardsticks and the learners over the whole file; half of the learners if `quick`."""
    path = data_file("elec.csv")
    if path is None:
        return absent("elec.csv", "Electricity, 45,312 rows, label column `class`")
    world, curves, above = f"{path}:class", list[Curve](), 0
    learners = LEARNERS[:2] if quick else LEARNERS
    again = right(world, "no-change", ROWS)
    expected = [(float(at), 0.8533, 0.0) for at in (ROWS,)]
    notes = []
    for agent in ("no-change", "majority", *learners):
        found = again if agent == "no-change" else right(world, agent, ROWS)
        curves.append(Curve(agent, *windowed(found, WINDOW), points=expected if agent == "no-change" else []))
        notes.append(f"{agent} {100.0 * found.mean():.2f} %")
        above += bool(found.mean() > again.mean())
    rows = [
        Row("no-change: accuracy", "per cent", Estimate(85.33), Estimate(100.0 * again.mean()), SOURCE, 0.005),
        Row("agents above it", "agents", Estimate(0.0), Estimate(float(above)), SOURCE),
    ]
    panel = Panel(f"accuracy over the last {WINDOW:,} half hours", "half hours", "share of right labels", curves)
    return Found(rows, [panel], [f"Accuracy over all {ROWS:,}: {', '.join(notes)}. The circle is that of no-change."])
