"""Upper confidence bounds: explore what may be good, not anything.

UCB tries every arm once, so that at step 11 many runs take the best one seen (a spike, from which it falls back), and
then does better than a tenth of random choices.
"""

from __future__ import annotations

from sandbox.gallery._found import Found, Panel, computed
from sandbox.gallery._testbed import OPTIMAL, REWARD, UNITS, how_many, line, play, points

SOURCE = "Sutton & Barto, 2nd edition, figure 2.4; numbers by the brute-force program sandbox/gallery/brute/testbed.py"
AGENTS = {"ucb": "ucb:exploration=2", "epsilon-greedy": "epsilon-greedy:epsilon=0.1"}
LABELS = {"ucb": "UCB, c = 2", "epsilon-greedy": "epsilon-greedy, 0.1"}


def measure(quick: bool) -> Found:
    """Run UCB and epsilon-greedy on the testbed."""
    runs = 300 if quick else 5000
    played = {label: play(agent, runs, keep=(11,)) for label, agent in AGENTS.items()}
    wanted = [
        ("ucb", REWARD, 11, "ucb step 11 reward"),
        ("ucb", REWARD, 1000, "ucb step 1000 reward"),
        ("epsilon-greedy", REWARD, 1000, "epsilon-greedy step 1000 reward"),
        ("ucb", OPTIMAL, 1000, "ucb step 1000 optimal"),
        ("epsilon-greedy", OPTIMAL, 1000, "epsilon-greedy step 1000 optimal"),
    ]
    rows = [
        computed(f"{LABELS[who]}: {what} at step {at:,}", UNITS[what], played[who].at[what][at], "figure-2-4", name)
        for who, what, at, name in wanted
    ]
    panels = []
    for kind, title in ((REWARD, "reward, mean over runs"), (OPTIMAL, "best arm chosen, % of runs")):
        curves = []
        for label in AGENTS:
            told = [
                point
                for (who, what, at, _), row in zip(wanted, rows, strict=True)
                if (who, what) == (label, kind)
                for point in points(row, len(rows), at)
            ]
            curves.append(line(LABELS[label], played[label].means[kind], told))
        panels.append(Panel(kind, "step", title, curves))
    return Found(rows, panels, [how_many(runs, len(rows))])
