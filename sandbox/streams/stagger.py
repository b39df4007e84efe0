"""STAGGER: is this object of a size, a colour and a shape one of those meant? The rule changes."""

from __future__ import annotations

import math
from itertools import product
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.compiled import compiled
from sandbox.draws import WORLD, pick, stream_of, uniform
from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import Messages, Words
from sandbox.law_stream import Batch
from sandbox.streams._classes import ClassStream, Filled, answer
from sandbox.streams._mixed import Part
from sandbox.table import FloatArray, IntArray

COLOURS, SHAPES, SIZES = ("red", "green", "blue"), ("square", "circle", "triangle"), ("small", "medium", "large")
WORDS = (*COLOURS, *SHAPES, *SIZES)
OBJECTS = tuple(product(range(3), repeat=3))  # colour, shape and size of each


def is_meant(rule: int, colour: str, shape: str, size: str) -> bool:
    """Say whether a rule (0, 1, 2) means an object."""
    if rule == 0:
        return size == "small" and colour == "red"
    if rule == 1:
        return colour == "green" or shape == "circle"
    return size in ("medium", "large")


_MEANT = np.array([[is_meant(rule, COLOURS[c], SHAPES[s], SIZES[z]) for c, s, z in OBJECTS] for rule in range(3)])


class Objects(NamedTuple):
    """A mixture of laws: how often objects come, and whether they are meant."""

    cumulative: FloatArray  # (laws,) share of each law, added up; the last is 1
    up_to: FloatArray  # (laws, 27) share of each object, added up; the last is 1
    chance: FloatArray  # (laws, 27) chance that an object is called meant
    posterior: FloatArray  # (27,) the same, whichever the law


@compiled
def draw_objects(
    seed: int,
    start: int,
    rows: IntArray,
    law: Objects,
    seen: Messages,
    filled: Filled,
) -> None:
    """Fill in objects and whether they are meant."""
    cumulative, up_to, chance, posterior = law
    truth, cell, group, values, rewards = filled
    words, length = seen
    for n in range(rows.shape[0]):
        i = rows[n]
        stream = stream_of(seed, start + i, WORLD)
        m = pick(cumulative, uniform(stream, 0))
        thing = pick(up_to[m], uniform(stream, 1))
        truth[i] = 1 if uniform(stream, 2) < chance[m, thing] else 0
        length[i], cell[i], group[i] = 3, thing, thing % 3
        words[i, 0], words[i, 1], words[i, 2] = thing // 9, 3 + thing // 3 % 3, 6 + thing % 3
        values[i, 1] = posterior[thing]
        values[i, 0] = 1.0 - posterior[thing]
        answer(truth[i], values[i], rewards[i])


class Stagger(ClassStream):
    """The STAGGER concepts (Schlimmer & Granger 1986): which of 27 objects, seen as three words, are meant.

    Rule 0 means what is small and red, rule 1 what is green or a circle, rule 2 what is medium or large. All objects
    are as frequent; if `balanced`, both labels are, and so are the objects of each. A label is turned round with
    probability `noise`: the Bayes error, exactly, and 0 by default. Groups are sizes, cells objects.

    Drift: without settings, the next rule, and around again; with settings, `rule` or `noise` change. There is nothing
    between two rules, so in an incremental drift what both mean, or neither, stays certain, and an object that one of
    them means is meant more and more often: with equal frequencies that is the same law as in a gradual drift.
    """

    kind = "messages"
    group_names = SIZES
    cell_names = tuple(f"{SIZES[size]} {COLOURS[colour]} {SHAPES[shape]}" for colour, shape, size in OBJECTS)
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"rule": (0, 2), "noise": (0.0, 0.5)}
    changes_what = "the rule"

    def __init__(self, rule: int = 0, noise: float = 0.0, balanced: bool = False, drift: Specs = None) -> None:
        super().__init__(drift)
        self.rule, self.noise, self.balanced = rule, noise, balanced
        if not isinstance(balanced, bool):
            raise SandboxError(f"stagger: balanced={balanced!r} is neither True nor False")
        self._check_settings()
        self._open((False, True), ("colour", "shape", "size"))
        self._check_whole("rule")
        self.gap_range = 1.0 - (self.largest("noise") - self.extent("noise"))  # of giving no answer
        self.observation_space = spaces.Dict(
            {"colour": Words(COLOURS, 1), "shape": Words(SHAPES, 1), "size": Words(SIZES, 1)}
        )

    def table_of(self, part: Part) -> FloatArray:
        """Return the share (27, 2) of each object with each label, in an anchor; they add up to 1."""
        rule = int(part.settings.get("rule", (int(self.rule) + part.change) % 3))
        noise = float(part.settings.get("noise", self.noise))
        meant = _MEANT[rule]
        share = np.full(len(OBJECTS), 1.0 / len(OBJECTS))
        if self.balanced:
            share = np.where(meant, 0.5 / meant.sum(), 0.5 / (~meant).sum())
        true = np.where(meant, 1.0 - noise, noise)
        return np.stack([share * (1.0 - true), share * true], axis=1)

    def make_law(self, weight: FloatArray, cumulative: FloatArray, laws: list[tuple[Part, ...]]) -> Objects:
        """Return a mixture of laws of these weights."""
        tables = [sum(part.share * self.table_of(part) for part in parts) for parts in laws]
        table = np.stack(tables)  # (laws, 27, 2)
        share = table.sum(axis=2)
        up_to = np.cumsum(share, axis=1)
        up_to[:, -1] = 1.0
        together = np.tensordot(weight, table, 1)
        return Objects(cumulative, up_to, _chance(table), _chance(together))

    def _empty(self, count: int) -> Messages:
        return Messages(np.empty((count, 3), dtype=np.int32), np.empty(count, dtype=np.int64))

    def draw(self, seed: int, start: int, rows: IntArray, law: Any, seen: Any, filled: Filled) -> None:
        """Fill in objects."""
        draw_objects(seed, start, rows, law, seen, filled)

    def observation(self, batch: Batch, i: int) -> dict[str, str]:
        """Return the colour, the shape and the size of the i-th object of a batch."""
        assert isinstance(batch.seen, Messages)
        return {name: WORDS[word] for name, word in zip(self.feature_names, batch.seen.words[i].tolist(), strict=True)}

    def joint(self, concept: int) -> FloatArray:
        """Return the share (27, 2) of each object with each label under a concept."""
        weight, _, laws = self._mixture(concept)
        parts = [w * part.share * self.table_of(part) for w, law in zip(weight, laws, strict=True) for part in law]
        return np.asarray(sum(parts))

    def expected_best(self, concept: int) -> float:
        """Return E[V*] under a concept, exactly, by enumeration of the objects."""
        return math.fsum(self.joint(concept).max(axis=1).tolist())

    def simple_values(self) -> tuple[float, float]:
        """Return a half, and the share of the more frequent label, exactly."""
        return 0.5, float(self.joint(0).sum(axis=0).max())


def _chance(table: FloatArray) -> FloatArray:
    """Return the chance (..., 27) of each object to be called meant, from shares (..., 27, 2); exact where certain."""
    false, true = table[..., 0], table[..., 1]
    return np.asarray(np.where(false == 0.0, 1.0, true / (false + true)))
