"""LED: which digit does a broken seven-segment display show, among attributes that tell nothing?"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import WORLD, pick, stream_of, uniform
from sandbox.drift import Specs
from sandbox.streams._classes import ClassStream, Filled, answer, numbered
from sandbox.streams._mixed import Part
from sandbox.table import FloatArray, IntArray

DIGITS, SEGMENTS = 10, 7
# Of 0 to 9: top, upper left, upper right, middle, lower left, lower right, bottom.
LIT = np.array(
    [
        (1, 1, 1, 0, 1, 1, 1), (0, 0, 1, 0, 0, 1, 0), (1, 0, 1, 1, 1, 0, 1), (1, 0, 1, 1, 0, 1, 1),
        (0, 1, 1, 1, 0, 1, 0), (1, 1, 0, 1, 0, 1, 1), (1, 1, 0, 1, 1, 1, 1), (1, 0, 1, 0, 0, 1, 0),
        (1, 1, 1, 1, 1, 1, 1), (1, 1, 1, 1, 0, 1, 1),
    ]
)  # fmt: skip
CLEAR = 0.9  # of the likeliest digit's probability, from which on a display is clear
_MOST_PATTERNS = 16  # attributes of which all patterns are looked at, for an exact expected value


class Displays(NamedTuple):
    """A mixture of laws: how displays look."""

    weight: FloatArray  # (laws,)
    cumulative: FloatArray  # (laws,) the last is 1
    table: FloatArray  # (laws, attributes, 2, 10) chance that an attribute is dark, or lit, given the digit
    places: IntArray  # (m,) the attributes that tell anything


@compiled
def weigh_digits(law: Displays, x: FloatArray, score: FloatArray, like: FloatArray) -> float:
    """Fill in the share (10,) of each digit among all that look like x (attributes,), up to a factor; return the sum.

    `like` (10,) is worked in.
    """
    weight, _, table, places = law
    total = 0.0
    for k in range(DIGITS):
        score[k] = 0.0
    for m in range(weight.shape[0]):
        for k in range(DIGITS):
            like[k] = weight[m]
        for p in range(places.shape[0]):
            bit = int(x[places[p]])
            for k in range(DIGITS):
                like[k] *= table[m, places[p], bit, k]
        for k in range(DIGITS):
            score[k] += like[k]
            total += like[k]
    return total


@compiled
def draw_digits(
    seed: int,
    start: int,
    rows: IntArray,
    law: Displays,
    x: FloatArray,
    filled: Filled,
) -> None:
    """Fill in displays x (n, attributes) and their digits."""
    truth, cell, group, values, rewards = filled
    table = law.table
    score, like = np.empty(DIGITS), np.empty(DIGITS)
    for n in range(rows.shape[0]):
        i = rows[n]
        stream = stream_of(seed, start + i, WORLD)
        digit = int(DIGITS * uniform(stream, 0))
        m = pick(law.cumulative, uniform(stream, 1))
        for j in range(x.shape[1]):
            x[i, j] = 1.0 if uniform(stream, 2 + j) < table[m, j, 1, digit] else 0.0
        total = weigh_digits(law, x[i], score, like)
        for k in range(DIGITS):
            values[i, k] = score[k] / total
        truth[i], cell[i] = digit, answer(digit, values[i], rewards[i])
        group[i] = 0 if values[i, cell[i]] >= CLEAR else 1


@compiled
def best_share(law: Displays) -> float:
    """Return the chance that the likeliest digit is right, by enumeration of what the telling attributes can show."""
    places = law.places
    x, score, like, share = np.zeros(law.table.shape[1]), np.empty(DIGITS), np.empty(DIGITS), 0.0
    for pattern in range(1 << places.shape[0]):
        for p in range(places.shape[0]):
            x[places[p]] = float(pattern >> p & 1)
        weigh_digits(law, x, score, like)
        best = score[0]
        for k in range(1, DIGITS):
            best = max(best, score[k])
        share += best / DIGITS
    return share


class Led(ClassStream):
    """The LED display (Breiman, Friedman, Olshen & Stone 1984, section 2.6.1): ten digits, seven segments.

    Each segment is in the wrong state with probability `noise`, and `irrelevant` further attributes are coins. All
    digits are as frequent. The Bayes error follows by enumeration: .13297 and .25998 at a `noise` of .05 and .10.
    Cells are the likeliest digits; displays are grouped into clear ones (that digit has probability .9) and others.

    Drift: without settings, `swapped` segments change places with attributes that tell nothing, drawn anew; with
    settings, `noise` changes. Incremental, each attribute by itself takes on its new meaning more and more often.
    """

    group_names = ("clear", "ambiguous")
    cell_names = tuple(map(str, range(DIGITS)))
    counts: ClassVar[dict[str, tuple[int, int]]] = {"irrelevant": (0, 200), "swapped": (2, SEGMENTS)}
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"noise": (0.0, 0.5)}
    changes_what = "the places of the segments"

    def __init__(self, noise: float = 0.1, irrelevant: int = 17, swapped: int = 4, drift: Specs = None) -> None:
        super().__init__(drift)
        self.noise, self.irrelevant, self.swapped = noise, irrelevant, swapped
        self._check_settings()
        self._open(range(DIGITS), numbered(SEGMENTS + irrelevant))

    def places_of(self, change: int) -> IntArray:
        """Return which attribute is which segment (7,), after a change of the world's own."""
        place = np.arange(SEGMENTS)
        if change:
            rng = np.random.default_rng(change)
            moved = rng.permutation(SEGMENTS)[: self.swapped]
            free = SEGMENTS + rng.permutation(self.irrelevant)[: self.swapped]
            stay = moved[len(free) :]  # where there are too few other attributes, segments go round
            place[moved] = np.append(free, np.roll(stay, 1))
        return place

    def lit_of(self, part: Part) -> FloatArray:
        """Return the chance (attributes, 10) that an attribute is lit, given the digit, in an anchor."""
        noise = float(part.settings.get("noise", self.noise))
        lit = np.full((SEGMENTS + self.irrelevant, DIGITS), 0.5)
        lit[self.places_of(part.change)] = np.where(LIT.T == 1.0, 1.0 - noise, noise)
        return lit

    def make_law(self, weight: FloatArray, cumulative: FloatArray, laws: list[tuple[Part, ...]]) -> Displays:
        """Return a mixture of laws of these weights."""
        lit = np.stack([sum(part.share * self.lit_of(part) for part in parts) for parts in laws])
        changes = {part.change for parts in laws for part in parts}
        places = np.unique(np.concatenate([self.places_of(change) for change in changes]))
        return Displays(weight, cumulative, np.ascontiguousarray(np.stack([1.0 - lit, lit], axis=2)), places)

    def draw(self, seed: int, start: int, rows: IntArray, law: Any, seen: Any, filled: Filled) -> None:
        """Fill in displays."""
        draw_digits(seed, start, rows, law, seen.values, filled)

    def expected_best(self, concept: int) -> float:
        """Return E[V*] under a concept, by enumeration; from a fixed large sample where many attributes tell."""
        law = self.law(concept)
        return best_share(law) if len(law.places) <= _MOST_PATTERNS else super().expected_best(concept)

    def simple_values(self) -> tuple[float, float]:
        """Return a tenth, twice: all digits are as frequent."""
        return 1.0 / DIGITS, 1.0 / DIGITS
