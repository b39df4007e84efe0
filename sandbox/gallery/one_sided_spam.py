"""One-sided feedback: a perceptron without a margin is hurt more than one with.

Only what reached the inbox is judged. A perceptron learns from mistakes alone: of the mails that it delivers it hears
only that some were spam, is pushed towards junk, and what it junks tells it nothing. A margin lets it learn from mails
that were rightly delivered, too.
"""

from __future__ import annotations

from itertools import islice

import numpy as np

from sandbox.comparison.intervals import Interval, mean_interval
from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row
from sandbox.gallery._streams import gaps, law_of, runs_of
from sandbox.table import FloatArray

SOURCE = (
    "D. Sculley (2007), Practical learning from one-sided feedback; exact numbers by a perceptron on a dict of words"
)
EQUAL, COSTLY, FEEDBACK = "spam:cost_ratio=1", "spam", "one-sided=deliver"
MARGINS = {"no margin": 0.0, "margin 10": 10.0}
THRESHOLDS = (0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 0.9999999, 0.99999999, 1.0 - 1e-9)
CHECKED, STEPS = 2, 10_000  # runs that the dict of words goes through too


def measure(quick: bool) -> Found:
    """Compare the harm to both learners, at equal costs, each by the sign of its sum."""
    runs = 20 if quick else 50
    rows, curves, harms = list[Row](), list[Curve](), dict[str, FloatArray]()
    for k, (name, margin) in enumerate(MARGINS.items()):
        agent = f"perceptron:step_size=1,margin={margin}"
        harms[name] = _harm(EQUAL, agent, range(runs))
        exact = [_by_words(seed, margin, FEEDBACK) - _by_words(seed, margin, "") for seed in range(CHECKED)]
        told, found = float(np.mean(exact)), float(harms[name][:CHECKED].mean())
        what = f"{name}: gaps that one-sided feedback adds, {CHECKED} runs"
        rows.append(Row(what, "per decision", Estimate(told), Estimate(found), SOURCE, within=1e-9))
        mean = float(harms[name].mean())
        curves.append(Curve(name, [float(k)], [mean], [float(harms[name].std(ddof=1) / np.sqrt(runs))]))
        curves[-1].points.append((float(k), told, float(3.0 * harms[name].std(ddof=1) / np.sqrt(CHECKED))))
    difference = mean_interval((harms["no margin"] - harms["margin 10"]).tolist())
    what = "harm without a margin less harm with one: 1 if its 95 % interval is above 0"
    rows.append(Row(what, "1 or 0", Estimate(1.0), Estimate(float(difference.low > 0.0)), SOURCE))
    notes = [f"Harm without a margin less harm with one: {_told(difference)}, {runs} runs.", _of_strict(runs)]
    panel = Panel("equal costs, each by its own sign", "", "gaps added, per decision", curves, ticks=list(MARGINS))
    return Found(rows, [panel], notes)


def _harm(world: str, agent: str, seeds: range) -> FloatArray:
    """Return by how much one-sided feedback raises the mean gap of each run (runs,)."""
    both = [gaps(runs_of(world, agent, seeds, STEPS, feedback)).mean(axis=1) for feedback in ("immediate", FEEDBACK)]
    return np.asarray(both[1] - both[0])


def _told(interval: Interval) -> str:
    return f"{interval.mean:.4f}, 95 % interval {interval.low:.4f} to {interval.high:.4f}"


def _of_strict(runs: int) -> str:
    """Say what becomes of it where a lost ham costs ten, and each has the threshold that suits it best."""
    tuned = {name: _tuned(margin, runs) for name, margin in MARGINS.items()}
    difference = mean_interval((tuned["no margin"][1] - tuned["margin 10"][1]).tolist())
    parts = [f"{name}: threshold {threshold}, harm {harm.mean():.4f}" for name, (threshold, harm) in tuned.items()]
    return (
        f"Where a lost ham costs ten, by the thresholds that cost least in {runs} other runs told at once, little is "
        f"junked, so that nearly all is judged: {'; '.join(parts)}; difference {_told(difference)}."
    )


def _tuned(margin: float, runs: int) -> tuple[float, FloatArray]:
    """Return the threshold that cost least on other seeds, told at once, and the harm of each run (runs,) by it."""
    others, named = range(1000, 1000 + runs), f"perceptron:step_size=1,margin={margin},threshold="
    cost = {threshold: gaps(runs_of(COSTLY, f"{named}{threshold}", others, STEPS)).mean() for threshold in THRESHOLDS}
    best = min(cost, key=lambda threshold: float(cost[threshold]))
    return best, _harm(COSTLY, f"{named}{best}", range(runs))


def _by_words(seed: int, margin: float, feedback: str) -> float:
    """Return the mean gap of a perceptron written out: w += y x unless y w.x > margin, spam is y = 1, ham -1."""
    stream = law_of(EQUAL)
    weights, lost = dict[str, float](), 0.0
    for question in islice(stream.questions(seed), STEPS):
        assert question.values is not None
        mail = question.observation
        words = [*mail["body"].split(), "from " + mail["sender"], ""]
        total = sum(weights.get(word, 0.0) for word in words)
        junked = total > 0.0
        lost += max(question.values) - question.values[int(junked)]
        side = 1.0 if question.truth else -1.0
        if not (feedback and junked) and side * total <= margin:
            for word in words:
                weights[word] = weights.get(word, 0.0) + side
    return lost / STEPS
