"""Drift: how the law of a world changes over the lifetime of a run, one text for environments and streams.

A schedule says which *concept* is in force at each lifetime step, whatever episodes do, and what each concept is made
of: shares of *anchors*, the laws between which the world moves. An anchor is named by the changes made in it, so with
two drifts there are four. A concept's law mixes its anchors (abrupt, gradual, recurring) or interpolates between them
(incremental, random walk).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import numpy as np

from sandbox.draws import DRIFT, keyed_uniforms
from sandbox.errors import SandboxError, suggestion
from sandbox.names import parse_settings, split_outside
from sandbox.table import IntArray

LEVELS = 64  # steps in which a law moves to another
MOST_CONCEPTS = 1024
KINDS = ("abrupt", "gradual", "incremental", "recurring", "random-walk")
_WIDE = ("gradual", "incremental")
_SPEC = re.compile(r"(?P<kind>[a-z-]+)@(?P<at>\d{1,18})(?:~(?P<width>\d{1,18}))?$")
_FAR = 2**56  # steps; with the levels as a factor they still fit into 64 bits

Anchor = tuple[bool, ...]  # for each drift, whether its change has been made
Shares = tuple[tuple[float, Anchor], ...]  # they add up to 1


@dataclass(frozen=True)
class Drift:
    """One change of a world.

    `kind`: `abrupt` (from step `at` on), `gradual` (from `at` on more and more of the new law is mixed in, only it from
    `at + width` on), `incremental` (the same, but the law itself moves, in up to 64 levels), `recurring` (there and
    back again, every `at` steps), `random-walk` (every `at` steps the law moves one of 64 levels up or down).
    `settings`: what changes; nothing: the world's own change. `function`: FILE.py:NAME, called as `f(env, progress)`.
    """

    kind: str
    at: int
    width: int = 0
    settings: tuple[tuple[str, Any], ...] = ()
    function: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SandboxError(
                f"there is no drift {self.kind!r}{suggestion(self.kind, KINDS)}; one of {', '.join(KINDS)}"
            )
        if not 1 <= self.at < _FAR or not 0 <= self.width < _FAR:
            raise SandboxError(f"the drift {self} is out of range: it happens at step 1 or later")
        if self.width and self.kind not in _WIDE:
            raise SandboxError(f"the drift {self}: only {' and '.join(_WIDE)} drift take time; leave out ~{self.width}")

    def __str__(self) -> str:
        what = ",".join(f"{key}={value!r}" for key, value in self.settings) or self.function
        return f"{self.kind}@{self.at}{f'~{self.width}' if self.kind in _WIDE else ''}" + (f":{what}" if what else "")

    @property
    def levels(self) -> int:
        """Number of levels above the first law: 1 for a change at once."""
        if self.kind == "random-walk":
            return LEVELS
        return min(LEVELS, self.width + 1) if self.kind in _WIDE else 1

    def level(self, step: IntArray, seed: int) -> IntArray:
        """Return the level (n,) in force at each lifetime step (n,), from 0 to `levels`."""
        if self.kind == "recurring":
            return np.asarray(step // self.at % 2, dtype=np.int64)
        if self.kind == "random-walk":
            return self._walk(step, seed)
        into = step - self.at
        if self.width == 0:
            return np.asarray(into >= 0, dtype=np.int64)
        within = 1 + np.clip(into, 0, self.width) * (self.levels - 1) // self.width
        level = np.where(into < 0, 0, np.where(into >= self.width, self.levels, within))
        return np.asarray(level, dtype=np.int64)

    def _walk(self, step: IntArray, seed: int) -> IntArray:
        """A symmetric walk in unit steps, reflected at both ends."""
        laps = step // self.at
        long_enough = 1 << int(laps.max(initial=0)).bit_length()
        return np.asarray(_walk(seed, long_enough)[laps], dtype=np.int64)


@lru_cache(maxsize=4)
def _walk(seed: int, length: int) -> IntArray:
    moves = np.where(keyed_uniforms(seed, 0, length, DRIFT) < 0.5, -1, 1)
    moves[0] = 0
    place = np.cumsum(moves) % (2 * LEVELS)
    return np.asarray(np.minimum(place, 2 * LEVELS - place), dtype=np.int64)


def parse_drift(spec: str) -> Drift:
    """Return the drift that a text such as `gradual@20000~5000:slip=0.3` describes."""
    head, *rest = split_outside(spec.strip(), ":")
    match = _SPEC.match(head)
    if match is None:
        known = f"abrupt@20000 or gradual@20000~5000, with KIND one of {', '.join(KINDS)}"
        raise SandboxError(f"the drift {spec!r} is not understood; write KIND@STEP, such as {known}")
    kind, at, width = match["kind"], int(match["at"]), int(match["width"] or 0)
    if kind in _WIDE and match["width"] is None:
        raise SandboxError(f"the drift {spec!r}: say how many steps it takes, as {kind}@{at}~1000")
    if not rest:
        return Drift(kind, at, width)
    if len(rest) == 2 and rest[0].endswith(".py"):
        return Drift(kind, at, width, function=":".join(rest))
    if len(rest) == 1 and "=" in rest[0]:
        return Drift(kind, at, width, tuple(parse_settings(rest[0], spec).items()))
    raise SandboxError(f"the drift {spec!r}: after the colon comes setting=value or FILE.py:FUNCTION")


Specs = str | Drift | Sequence["str | Drift"] | None


def parse_drifts(specs: Specs) -> tuple[Drift, ...]:
    """Return the drifts that one or several texts describe, none for None or an empty one."""
    if specs is None or specs == "":
        return ()
    several: list[Any] = list(specs) if isinstance(specs, list | tuple) else [specs]
    wrong = [one for one in several if not isinstance(one, str | Drift)]
    if wrong:
        raise SandboxError(f"the drift {wrong[0]!r} is no text such as 'abrupt@20000'")
    return tuple(one if isinstance(one, Drift) else parse_drift(one) for one in several)


@dataclass(frozen=True)
class Concept:
    """What a concept is made of: a mixture (shares) of laws, each interpolated between anchors (shares)."""

    mixture: tuple[tuple[float, Shares], ...]

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """The anchors it needs."""
        return tuple(dict.fromkeys(anchor for _, shares in self.mixture for _, anchor in shares))

    @property
    def shares(self) -> Shares:
        """Share of each anchor where mixing and interpolating are the same, as they are for tables."""
        total: dict[Anchor, float] = {}
        for weight, shares in self.mixture:
            for share, anchor in shares:
                total[anchor] = total.get(anchor, 0.0) + weight * share
        return tuple((share, anchor) for anchor, share in total.items())


@dataclass(frozen=True)
class Schedule:
    """Which concept is in force when; without drifts the concept is always 0.

    `pinned`: a concept that is in force always, for the twin of a run.
    """

    drifts: tuple[Drift, ...] = ()
    pinned: int | None = None

    @cached_property
    def _once(self) -> list[int]:
        """Drifts that go one way only: together they are a path of concepts, which are numbered in that order."""
        return [i for i, drift in enumerate(self.drifts) if drift.kind in ("abrupt", *_WIDE)]

    @cached_property
    def _path(self) -> list[tuple[int, ...]]:
        ends = sorted({step for i in self._once for step in self._starts(self.drifts[i])})
        if not ends:
            return [()]
        steps = np.array([0, *ends], dtype=np.int64)
        rows = np.stack([self.drifts[i].level(steps, 0) for i in self._once], axis=1)
        return list(dict.fromkeys(map(tuple, rows.tolist())))

    @staticmethod
    def _starts(drift: Drift) -> list[int]:
        """Return the steps at which the levels of a drift that goes one way begin."""
        count = drift.levels
        if drift.width == 0:
            return [drift.at]
        first = [drift.at - (-k * drift.width // (count - 1)) for k in range(count - 1)]
        return [*first, drift.at + drift.width]

    @cached_property
    def _others(self) -> list[int]:
        return [i for i in range(len(self.drifts)) if i not in self._once]

    @cached_property
    def n_concepts(self) -> int:
        """Number of concepts that can occur."""
        count = len(self._path)
        for i in self._others:
            count *= self.drifts[i].levels + 1
        if count > MOST_CONCEPTS:
            raise SandboxError(f"these drifts make {count:,} concepts, more than {MOST_CONCEPTS:,}; use fewer at once")
        return count

    def concepts(self, seed: int, start: int, count: int) -> IntArray:
        """Return the concept (count,) in force at the lifetime steps `start`, ..., `start + count - 1`."""
        if self.pinned is not None or not self.drifts or not count:
            return np.full(count, self.pinned or 0, dtype=np.int64)
        steps = np.arange(start, start + count, dtype=np.int64)
        code = np.zeros(count, dtype=np.int64)
        for i in reversed(self._others):
            code = code * (self.drifts[i].levels + 1) + self.drifts[i].level(steps, _child(seed, i))
        if self._once:
            rows = np.stack([self.drifts[i].level(steps, 0) for i in self._once], axis=1)
            place = {levels: k for k, levels in enumerate(self._path)}
            changes = np.append(True, (rows[1:] != rows[:-1]).any(axis=1))
            known = np.array([place[tuple(row)] for row in rows[changes].tolist()], dtype=np.int64)
            code = code * len(self._path) + known[np.cumsum(changes) - 1]
        return code

    def levels_of(self, concept: int) -> tuple[int, ...]:
        """Return the level of each drift in a concept."""
        levels = [0] * len(self.drifts)
        concept, place = divmod(concept, len(self._path))
        for i, level in zip(self._once, self._path[place], strict=True):
            levels[i] = level
        for i in self._others:
            concept, levels[i] = divmod(concept, self.drifts[i].levels + 1)
        return tuple(levels)

    def made_of(self, concept: int) -> Concept:
        """Return what a concept is made of."""
        progress = [level / drift.levels for level, drift in zip(self.levels_of(concept), self.drifts, strict=True)]
        mixes = [drift.kind == "gradual" for drift in self.drifts]
        options = [_options(p) if mix else (None,) for p, mix in zip(progress, mixes, strict=True)]
        mixture = []
        for mixed in product(*options):
            weight = 1.0
            choices = []
            for option, p in zip(mixed, progress, strict=True):
                weight *= 1.0 if option is None else option[0]
                choices.append(_options(p) if option is None else ((1.0, option[1]),))
            shares = []
            for blend in product(*choices):
                share = 1.0
                for part, _ in blend:
                    share *= part
                shares.append((share, tuple(made for _, made in blend)))
            mixture.append((weight, tuple(shares)))
        return Concept(tuple(mixture))

    def changes(self, steps: int) -> list[tuple[int, int]]:
        """Return the changes within a run of `steps`: where each begins, and from where on it is complete.

        A random walk has none: it never ceases.
        """
        found = []
        for drift in self.drifts:
            if drift.kind == "recurring":
                found += [(at, at) for at in range(drift.at, steps, drift.at)]
            elif drift.kind != "random-walk":
                found.append((drift.at, drift.at + drift.width))
        return sorted(pair for pair in set(found) if pair[0] < steps)

    def pin(self, concept: int) -> Schedule:
        """Return this schedule with `concept` always in force."""
        return Schedule(self.drifts, concept)

    @cached_property
    def _in_time(self) -> list[int]:
        """The drifts in the order in which they count: by step; those that come and go after those that stay."""
        return sorted(range(len(self.drifts)), key=lambda i: (i in self._others, self.drifts[i].at * (i in self._once)))

    def settings_of(self, anchor: Anchor) -> dict[str, Any]:
        """Return the settings that the changes made in an anchor give.

        Of two for one setting the later in time counts, and of all what comes and goes (recurring, random walk).
        """
        return {key: value for i in self._in_time if anchor[i] for key, value in self.drifts[i].settings}

    def own_change(self, anchor: Anchor) -> int:
        """Return which change of the world's own (1, 2, ...) an anchor has; 0 for none.

        It is the child seed of what the world draws anew. Of several the last in time counts, as for settings.
        """
        own = [i for i in self._in_time if not self.drifts[i].settings and not self.drifts[i].function]
        return max((k + 1 for k, i in enumerate(own) if anchor[i]), default=0)

    def __bool__(self) -> bool:
        return bool(self.drifts)

    def __str__(self) -> str:
        return " ".join(map(str, self.drifts))


def _options(progress: float) -> tuple[tuple[float, bool], ...]:
    """Return the shares of the old law and of the new one, if not 0."""
    return tuple((share, made) for share, made in ((1.0 - progress, False), (progress, True)) if share > 0.0)


def _child(seed: int, i: int) -> int:
    """Return the seed of the i-th drift's own numbers."""
    return (seed + i * 0x9E3779B97F4A7C15) % 2**63
