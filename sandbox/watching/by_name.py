"""Maps of worlds that are known by name alone, as stored runs have them: of ours and Gymnasium's own, of no user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sandbox.catalog import make_world
from sandbox.drift import Schedule, parse_drifts
from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError
from sandbox.names import split_outside, split_settings
from sandbox.plots.heat import Map
from sandbox.watching.boards import state_names
from sandbox.watching.maps import ground_under
from sandbox.watching.screens import screen_of
from sandbox.world import Terms, make_terms

_GYMNASIUMS = ("FrozenLake-v", "FrozenLake8x8-v", "CliffWalking-v", "Taxi-v")
Named = Callable[[Sequence[int]], list[str]]


def looks_of_world(world: str, drift: str, steps: int) -> tuple[list[Map | None], Named]:
    """Return the map under the first law and under the last other one of a run of `steps`, and what states are called.

    Only what comes with this package or with Gymnasium is made: a name in a file may have been written by anybody.
    """

    def numbered(states: Sequence[int]) -> list[str]:
        return [f"state {state}" for state in states]

    nothing: tuple[list[Map | None], Named] = ([None, None], numbered)
    try:
        parts, _ = split_settings(world)
        specs = [text for text in split_outside(drift, " ") if text]
        ours = len(parts) == 1 and parts[0].startswith(("sandbox/", *_GYMNASIUMS))
        if not ours or any(one.function for one in parse_drifts(specs)):
            return nothing
        made = make_world(world)
        if not isinstance(made, EnvWorld):
            return nothing
        terms: Terms = make_terms(specs) if specs and not made.schedule else Terms()
        screen = screen_of(made.under(terms))
        last = _last_other(screen.world.schedule, steps)
        grounds = [ground_under(screen, concept) for concept in (0, last)]
    except SandboxError:
        return nothing
    maps = [None if one is None else Map(one.rows, one.places, one.bars) for one in grounds]
    return maps, lambda states: state_names(screen.stage(last), states)


def _last_other(schedule: Schedule, steps: int) -> int:
    """Return the last concept but the first that was in force: what comes and goes may end where it began."""
    ends = sorted([*(begin - 1 for begin, _ in schedule.changes(steps)), max(0, steps - 1)], reverse=True)
    concepts = (int(schedule.concepts(0, at, 1)[0]) for at in ends)
    return next((concept for concept in concepts if concept), 0)
