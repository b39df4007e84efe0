"""A parameter study: every bandit agent is good somewhere, and not with every setting.

The mean reward of the first 1,000 steps, over the one setting that each agent has. All have an inverted U; UCB does
best here.
"""

from __future__ import annotations

from sandbox.gallery._found import Curve, Found, Panel, Row, computed
from sandbox.gallery._runs import measured
from sandbox.gallery._testbed import how_many
from sandbox.trace import Trace

SOURCE = "Sutton & Barto, 2nd edition, figure 2.6; numbers by the brute-force program sandbox/gallery/brute/testbed.py"
# Name of the numbers, label, agent, and the powers of two of its setting.
AGENTS = (
    ("epsilon", "epsilon-greedy: epsilon", "epsilon-greedy:epsilon={}", range(-7, -1)),
    ("gradient", "gradient bandit: step size", "gradient-bandit:step_size={}", range(-5, 3)),
    ("ucb", "UCB: c", "ucb:exploration={}", range(-4, 3)),
    ("optimistic", "greedy, optimistic, step size 0.1: first value",
     "epsilon-greedy:epsilon=0,step_size=0.1,initial_value={}", range(-2, 3)),
)  # fmt: skip


def measure(quick: bool) -> Found:
    """Run four agents with every setting on the testbed."""
    runs, every = (100, 3) if quick else (2000, 1)
    rows: dict[str, dict[float, Row]] = {}
    for name, label, agent, powers in AGENTS:
        rows[label] = {}
        for power in list(powers)[::every]:
            setting = 2.0**power
            values = measured("ten-armed", agent.format(setting), runs, _mean_reward, steps=1000)
            row = computed(f"{label} = {_told(setting)}", "a step", values, "figure-2-6", f"{name} {setting}")
            rows[label][setting] = row
    every_row = [row for of in rows.values() for row in of.values()]
    curves = [_curve(label, of, len(every_row)) for label, of in rows.items()]
    panel = Panel("mean reward of the first 1,000 steps", "setting", "reward a step", curves, log="x")
    return Found(every_row, [panel], [how_many(runs, len(every_row))])


def _mean_reward(trace: Trace) -> float:
    return float(trace.reward.mean())


def _told(setting: float) -> str:
    return f"{setting:g}" if setting >= 1 else f"1/{1 / setting:g}"


def _curve(label: str, of: dict[float, Row], rows: int) -> Curve:
    expected = [(at, row.expected.mean, row.tolerance(rows)) for at, row in of.items()]
    y, error = [row.found.mean for row in of.values()], [row.found.error for row in of.values()]
    return Curve(label, list(of), y, error, expected, marked=True)
