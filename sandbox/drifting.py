"""How the world of a study changed and answered, as a reader of its results is told."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sandbox.drift import Schedule
from sandbox.trace import Meta


@dataclass(frozen=True)
class Drifting:
    """How the world of a study changed and answered: as given, and where its changes begin and are complete."""

    drift: str = ""
    feedback: str = "immediate"
    changes: list[tuple[int, int]] = field(default_factory=list)
    best: list[tuple[int, float]] = field(default_factory=list)  # from which step on, E[V*] of a start; for figures
    never: list[str] = field(default_factory=list)  # drifts that begin after the end of every run
    unfinished: list[str] = field(default_factory=list)  # those that are not complete by then
    arrivals: list[tuple[int, str]] = field(default_factory=list)  # of groups that come one after another

    def __str__(self) -> str:
        """Return what is out of the ordinary, empty if nothing is."""
        told = [f"drift {self.drift}"] if self.drift else []
        return "; ".join(told + ([f"feedback {self.feedback}"] if self.feedback != "immediate" else []))


def drifting_of(schedule: Schedule, feedback: str, meta: Meta, steps: int) -> Drifting:
    """Return what is told of a schedule whose longest run has `steps` decisions."""
    return Drifting(
        str(schedule),
        feedback,
        schedule.changes(steps),
        _best(schedule, meta, steps),
        [str(one) for one in schedule.drifts if one.at >= steps > 0],
        [str(one) for one in schedule.drifts if one.at < steps < one.at + one.width],
        [(at, name) for at, name in meta.arrivals if at < steps],
    )


def _best(schedule: Schedule, meta: Meta, steps: int) -> list[tuple[int, float]]:
    """Return from which step on which E[V*] holds; nothing where it is unknown, never changes, or as chance has it.

    Nor where V* is no return: discounted, or a bias.
    """
    if meta.episodic and meta.objective != "undiscounted":
        return []
    by_chance = any(drift.kind == "random-walk" for drift in schedule.drifts)
    if not meta.priced or by_chance or not schedule.changes(steps):
        return []
    grid = np.unique(np.linspace(0, steps - 1, 2000).astype(np.int64))
    grid = np.union1d(grid, [at for change in schedule.changes(steps) for at in change if at < steps])
    concept = np.array([int(schedule.concepts(0, int(at), 1)[0]) for at in grid])
    new = np.append(True, concept[1:] != concept[:-1])
    # A stream may go through phases by itself: its levels are those of every law in each phase.
    level = np.array(meta.expected_start).reshape(-1, schedule.n_concepts).mean(axis=0)
    return [(int(at), float(level[c])) for at, c in zip(grid[new], concept[new], strict=True)]
