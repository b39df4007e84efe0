"""Streams whose concepts are mixtures of laws, each interpolated between settings: what such streams have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from sandbox.drift import Drift, Specs
from sandbox.drifting_stream import DriftingStream
from sandbox.errors import SandboxError, suggestion
from sandbox.interfaces import check_range
from sandbox.law_stream import LawStream


class Part(NamedTuple):
    """A share of a law: what was drawn for a change of the world's own (0: the first), under drifted settings."""

    share: float
    change: int
    settings: Mapping[str, Any]


class Mixed(DriftingStream):
    """A stream in a concept of which each step is drawn from one of several laws, each a blend of drifted settings.

    Subclasses say which settings may drift, and the ranges of all; they call `_check_settings` when they have kept
    their arguments.
    """

    may_drift: ClassVar[dict[str, tuple[float, float]]] = {}  # settings, with their range
    counts: ClassVar[dict[str, tuple[int, int]]] = {}  # settings that are whole numbers, and cannot drift
    ranges: ClassVar[dict[str, tuple[float, float]]] = {}  # other settings that cannot drift
    changes_what = "what is drawn"  # by a drift without settings

    def __init__(self, drift: Specs = None) -> None:
        super().__init__(drift)
        self._own = self.schedule.drifts  # those that were asked for

    def _check_settings(self) -> None:
        """Refuse, in one line, settings out of range and drifts that this world has not."""
        name = self.world_name
        for setting, (low, high) in (self.counts | self.may_drift | self.ranges).items():
            value = getattr(self, setting)
            check_range(name, setting, value, low, high)
            if setting in self.counts and not isinstance(value, int):
                raise SandboxError(f"{name}: {setting}={value!r} is not a whole number")
        for drift in self._own:
            self._check_drift(drift)

    @property
    def world_name(self) -> str:
        """The name under which it is asked for."""
        return "".join("-" + c.lower() if c.isupper() else c for c in type(self).__name__).lstrip("-")

    def _check_drift(self, drift: Drift) -> None:
        """Refuse what cannot drift."""
        name = self.world_name
        if drift.function:
            raise SandboxError(
                f"{name}: the drift {drift} has a function; it changes {self.changes_what}, or named settings"
            )
        for setting, value in drift.settings:
            if setting not in self.may_drift:
                near, known = suggestion(setting, self.may_drift), ", ".join(self.may_drift)
                raise SandboxError(f"{name}: {setting!r} cannot drift{near}; these can: {known}")
            check_range(name, setting, value, *self.may_drift[setting])

    def largest(self, setting: str) -> float:
        """Return the largest value that a setting ever has."""
        drifted = [value for drift in self.schedule.drifts for key, value in drift.settings if key == setting]
        return float(max([getattr(self, setting), *drifted]))

    def extent(self, setting: str) -> float:
        """Return by how much a setting ever differs."""
        drifted = [value for drift in self.schedule.drifts for key, value in drift.settings if key == setting]
        return float(max([getattr(self, setting), *drifted]) - min([getattr(self, setting), *drifted]))

    @property
    def mixes(self) -> bool:
        """Whether laws are ever mixed, which makes it luck from which of them a step is drawn."""
        return any(drift.kind == "gradual" for drift in self.schedule.drifts)

    def parts(self, concept: int) -> list[tuple[float, tuple[Part, ...]]]:
        """Return the mixture of a concept: the weight of each law, and what it is a blend of (shares add up to 1)."""
        known, mixture = self.schedule, self.schedule.made_of(concept).mixture
        return [
            (weight, tuple(Part(share, known.own_change(one), known.settings_of(one)) for share, one in shares))
            for weight, shares in mixture
        ]

    def between(self, setting: str, parts: tuple[Part, ...]) -> float:
        """Return the value of a setting in a law: the mean over its parts."""
        own = getattr(self, setting)
        return float(sum(part.share * part.settings.get(setting, own) for part in parts))


class MixedStream(Mixed, LawStream):
    """Such a stream that knows its own law."""
