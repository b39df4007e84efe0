"""Streams that may change over the lifetime of a run, whether or not their law is known."""

from __future__ import annotations

from typing import Self

from sandbox.drift import Schedule, Specs, parse_drifts
from sandbox.interfaces import Stream, settings_of


class DriftingStream(Stream):
    """A stream with a schedule of drifts. Subclasses keep every constructor argument under its name, `drift` too."""

    choice_names: tuple[str, ...]
    n_cells: int
    suggested = 20_000  # questions of a run, where nothing else is asked

    def __init__(self, drift: Specs = None) -> None:
        self.drift = drift
        self.schedule = Schedule(parse_drifts(drift))
        self.n_concepts = self.schedule.n_concepts  # a stream with phases of its own has more

    def pin(self, concept: int) -> Self:
        """Return this stream with `concept` always in force: the world of a run's twin."""
        made = type(self)(**settings_of(self))
        made.schedule = self.schedule.pin(concept)
        return made

    def with_drift(self, drift: Specs) -> Self:
        """Return this stream with other drifts."""
        return type(self)(**(settings_of(self) | {"drift": drift}))
