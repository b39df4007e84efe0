"""How often equal agents are called unequal, over all pairs, and how often and how soon unequal ones are settled."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence

import numpy as np
from measure import ROOT, Row, at_least, at_most
from scipy.special import gammaln

from sandbox.comparison.intervals import paired_difference
from sandbox.comparison.pairs import checked_p, holm, improvement, power_of, seeds_for, seeds_to_settle
from sandbox.comparison.sequential import Sequential
from sandbox.settle import GROUP, MOST
from sandbox.table import FloatArray

sys.path.append(str(ROOT / "tests"))
from simulation import LAWS, Law

_ERROR = 0.06
_FAMILY = ("normal", "lognormal", "0/1, .5", "0/1, .9", "one in five fails")
_RESAMPLES = 2000  # of a sequential test; a study has 10,000, which take longer and decide the same


def _p_values(scores: FloatArray) -> list[float]:
    return [checked_p(paired_difference(a, b).p, a, b) for a, b in itertools.combinations(scores.tolist(), 2)]


def _family_rows(trials: int) -> list[Row]:
    """Return how often Holm's correction of all pairs lets one of several equal agents be called better."""
    rows = []
    for name in _FAMILY:
        for agents, n in itertools.product((3, 5), (10, 11, 20)):
            rng = np.random.default_rng([agents, n])
            scores = LAWS[name].quantile(rng.random((trials, agents, n)))
            wrong = float(np.mean([min(holm(_p_values(one))) <= 0.05 for one in scores]))
            detail = f"{trials:,} simulations"
            rows.append(at_most(f"error over all pairs: {name}, {agents} agents, {n} seeds", wrong, _ERROR, detail))
    return rows


def _chances(n: int, share: float, ties: float) -> tuple[list[tuple[int, int]], FloatArray]:
    """Return every number of wins and ties in n seeds, and its probability."""
    tie = 2.0 * ties * min(share, 1.0 - share)
    law = np.array([share - tie / 2, tie, 1.0 - share - tie / 2])
    outcomes = [(wins, tied) for wins in range(n + 1) for tied in range(n + 1 - wins)]
    counts = np.array([(wins, tied, n - wins - tied) for wins, tied in outcomes], dtype=np.float64)
    logs = gammaln(n + 1) - gammaln(counts + 1).sum(axis=1) + (counts * np.log(np.maximum(law, 1e-300))).sum(axis=1)
    return outcomes, np.exp(logs)


def _improvement_rows() -> list[Row]:
    """Return the exact coverage of the probability of improvement, least and mean over shares from .5 to .999."""
    rows = []
    shares = [*np.linspace(0.5, 0.99, 50), 0.993, 0.996, 0.999]
    for n, ties in itertools.product((10, 20, 30), (0.0, 0.3)):
        half_wins = [improvement([1.0] * (w // 2) + [0.5] * (w % 2) + [0.0] * (n - (w + 1) // 2), [0.5] * n, True)
                     for w in range(2 * n + 1)]  # fmt: skip
        covered = []
        for share in shares:
            outcomes, chances = _chances(n, share, ties)
            inside = [half_wins[2 * w + t].low <= share <= half_wins[2 * w + t].high for w, t in outcomes]
            covered.append(float(chances[inside].sum()))
        detail = f"mean {np.mean(covered):.3f}, near 1 (.99) {covered[shares.index(0.99)]:.3f}"
        what = f"least coverage of the probability of improvement: {n} seeds, {ties:.0%} of losses are ties"
        rows.append(at_least(what, min(covered), 0.92, detail))
    return rows


def _power_rows(trials: int) -> list[Row]:
    """Return the power at one sd with as many seeds as `seeds_to_settle` asks for: about .8."""
    rows = []
    rng = np.random.default_rng(0)
    for effect, pairs in itertools.product((1.0, 0.5), (1, 3, 10)):
        level, seen = 0.05 / pairs, np.linspace(-1.0, 1.0, 5)
        more = seeds_to_settle((effect + seen / seen.std(ddof=1)).tolist(), [0.0] * 5, level)
        n = 5 + (more or 0)
        draws = rng.normal(effect, 1.0, size=(trials, n))
        found = float(np.mean([paired_difference(one.tolist(), [0.0] * n).p <= level for one in draws]))
        least = seeds_for(effect, level)
        detail = f"Student's test needs {least} for .8 and has {power_of(effect, n, level):.3f} with so many"
        rows.append(at_least(f"power: {effect} sd, one of {pairs} pairs, {n} seeds asked for", found, 0.77, detail))
    return rows


def _tests(law: Law, agents: int, trials: int, paired: bool, shifts: Sequence[float]) -> list[Sequential]:
    """Return finished sequential tests of agents whose scores are of a law, shifted."""
    names = [str(k) for k in range(agents)]
    found = []
    for trial in range(trials):
        rng = np.random.default_rng([trial, agents])
        test = Sequential(names, MOST // GROUP, rng, paired=paired, resamples=_RESAMPLES)
        while not test.done:
            scores = law.quantile(rng.random((agents, GROUP))) + np.asarray(shifts)[:, None]
            test.update(dict(zip(names, scores.tolist(), strict=True)))
        found.append(test)
    return found


def _sequential_error_rows(trials: int) -> list[Row]:
    rows = []
    for name, (agents, paired) in itertools.product(_FAMILY, ((3, True), (5, True), (3, False))):
        done = _tests(LAWS[name], agents, trials, paired, [0.0] * agents)
        wrong = float(np.mean([bool(test.decided_at) for test in done]))
        how = "paired by seed" if paired else "not paired"
        what = f"error of --until settled: {name}, {agents} agents, {how}"
        rows.append(at_most(what, wrong, _ERROR, f"{trials:,} simulations of at most {MOST} seeds"))
    return rows


def _sequential_power_rows(trials: int) -> list[Row]:
    """Return how often a difference of so many sd of it is settled, and after how many seeds."""
    rows = []
    for name, effect in (("normal", 1.0), ("normal", 0.5), ("lognormal", 1.0)):
        sd = math.sqrt(2.0) * (1.0 if name == "normal" else math.sqrt(math.e * (math.e - 1)))
        for paired in (True, False):
            done = _tests(LAWS[name], 2, trials, paired, [effect * sd, 0.0])
            right = [test.decisions["0", "1"] == "larger" for test in done]
            wrong = sum(test.decisions["0", "1"] == "smaller" for test in done)
            looks = sorted(test.look * GROUP for test in done)
            detail = f"{np.mean(looks):.1f} seeds in the mean, half by {looks[len(looks) // 2]}, "
            detail += f"nine of ten by {looks[int(0.9 * len(looks))]}; {wrong} the wrong way round"
            how = "paired by seed" if paired else "not paired"
            what = f"power of --until settled: {effect} sd, {name}, {how}, at most {MOST} seeds"
            rows.append(at_least(what, float(np.mean(right)), None, detail))
    return rows


def settle(quick: bool) -> list[Row]:
    """Return what is measured of pairs and of `--until settled`; the quick version only sees that it runs."""
    trials = 20 if quick else 1000
    rows = _family_rows(trials) + _improvement_rows() + _power_rows(5 * trials)
    return rows + _sequential_error_rows(2 * trials) + _sequential_power_rows(trials)
