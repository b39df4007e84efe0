"""The cliff, early and late: which step size suits whom.

Early means the first 100 episodes, late the first 10,000 (the book: 100,000). Expected Sarsa can take the largest step,
since the cliff has no chance but its own; Sarsa must learn slowly in the end.
"""

from __future__ import annotations

from sandbox.gallery._found import Curve, Found, Panel, Row, computed
from sandbox.gallery._runs import measured, returns
from sandbox.gallery._testbed import how_many
from sandbox.trace import Trace

SOURCE = (
    "Sutton & Barto, 2nd edition, figure 6.3 (van Seijen et al. 2009); numbers by the brute-force program "
    "sandbox/gallery/brute/cliff.py"
)
AGENTS = ("sarsa", "q-learning", "expected-sarsa")
EARLY, LATE = 100, 10_000


def measure(quick: bool) -> Found:
    """Run the three agents with every step size, for many and for few episodes."""
    alphas = (0.2, 0.6, 1.0) if quick else tuple(tenth / 10 for tenth in range(1, 11))
    told = (("early", EARLY, 50 if quick else 300), ("late", 0 if quick else LATE, 10))
    made: dict[tuple[str, str], dict[float, Row]] = {}
    for agent in AGENTS:
        for when, episodes, runs in told:
            if episodes:
                made[agent, when] = {alpha: _row(agent, alpha, when, episodes, runs) for alpha in alphas}
    rows = [row for of in made.values() for row in of.values()]
    curves = [_curve(agent, when, of, len(rows)) for (agent, when), of in made.items()]
    panels = [
        Panel(f"first {episodes:,} episodes", "step size", "mean return of an episode", of, span=(-165.0, 0.0))
        for when, episodes, _ in told
        if (of := [curve for curve, one in curves if one == when])
    ]
    return Found(rows, panels, [how_many(told[0][2], len(rows)) + f" Late: {told[1][2]} runs."])


def _row(agent: str, alpha: float, when: str, episodes: int, runs: int) -> Row:
    settings = f"{agent}:step_size={alpha},discount=1.0,epsilon=0.1"
    values = measured("CliffWalking-v1", settings, runs, _mean_return, episodes=episodes)
    what = f"{agent}, step size {alpha:g}: first {episodes:,} episodes"
    return computed(what, "return", values, "figure-6-3", f"{agent} alpha {alpha:g} {when}")


def _mean_return(trace: Trace) -> float:
    return float(returns(trace).mean())


def _curve(agent: str, when: str, of: dict[float, Row], rows: int) -> tuple[Curve, str]:
    expected = [(at, row.expected.mean, row.tolerance(rows)) for at, row in of.items()]
    y, error = [row.found.mean for row in of.values()], [row.found.error for row in of.values()]
    return Curve(agent, list(of), y, error, expected, marked=True), when
