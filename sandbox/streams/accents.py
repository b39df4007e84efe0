"""Accents: which word was said, by the formants of its vowel, by speakers of different accents?"""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import WORLD, pick, stream_of, uniform
from sandbox.drift import Specs
from sandbox.streams._classes import ClassStream, Filled, answer
from sandbox.streams._mixed import Part
from sandbox.streams._normal import normal_of
from sandbox.table import FloatArray, IntArray

WORDS = ("heed", "hid", "head", "had", "hod", "hawed", "hood", "who'd", "hud", "heard")
SPEAKERS = ("man", "woman")
ACCENTS = ("American", "Michigan", "British")
# Mean frequency in hertz of F1, F2 and F3, word by word.
_MEANS = {
    # Peterson & Barney (1952), table II: American English, most speakers from the Middle Atlantic.
    ("American", "man"): (
        (270, 390, 530, 660, 730, 570, 440, 300, 640, 490),
        (2290, 1990, 1840, 1720, 1090, 840, 1020, 870, 1190, 1350),
        (3010, 2550, 2480, 2410, 2440, 2410, 2240, 2240, 2390, 1690),
    ),
    ("American", "woman"): (
        (310, 430, 610, 860, 850, 590, 470, 370, 760, 500),
        (2790, 2480, 2330, 2050, 1220, 920, 1160, 950, 1400, 1640),
        (3310, 3070, 2990, 2850, 2810, 2710, 2680, 2670, 2780, 1960),
    ),
    # Hillenbrand, Getty, Clark & Wheeler (1995), table V: Michigan, after the northern cities' vowels had moved.
    ("Michigan", "man"): (
        (342, 427, 580, 588, 768, 652, 469, 378, 623, 474),
        (2322, 2034, 1799, 1952, 1333, 997, 1122, 997, 1200, 1379),
        (3000, 2684, 2605, 2601, 2522, 2538, 2434, 2343, 2550, 1710),
    ),
    ("Michigan", "woman"): (
        (437, 483, 731, 669, 936, 781, 519, 459, 753, 523),
        (2761, 2365, 2058, 2349, 1551, 1136, 1225, 1105, 1426, 1588),
        (3372, 3053, 2979, 2972, 2815, 2824, 2827, 2735, 2933, 1929),
    ),
    # Deterding (1997), table 2: Southern British English, broadcasters in connected speech; "hod" is its short vowel.
    ("British", "man"): (
        (280, 367, 494, 690, 558, 415, 379, 316, 644, 478),
        (2249, 1757, 1650, 1550, 1047, 828, 1173, 1191, 1259, 1436),
        (2765, 2556, 2547, 2463, 2481, 2619, 2445, 2408, 2551, 2488),
    ),
    ("British", "woman"): (
        (303, 384, 719, 1018, 751, 389, 410, 328, 914, 606),
        (2654, 2174, 2063, 1799, 1215, 888, 1340, 1437, 1459, 1695),
        (3203, 2962, 2997, 2869, 2790, 2796, 2697, 2674, 2831, 2839),
    ),
}  # fmt: skip
FORMANTS = 3
# Of each accent, speaker, word and formant: the logarithm of its mean frequency in kilohertz.
LOG_MEANS = np.log(
    np.array([[np.array(_MEANS[accent, who]).T for who in SPEAKERS] for accent in ACCENTS], dtype=np.float64) / 1000.0
)


class Speech(NamedTuple):
    """A mixture of laws: who speaks, and how."""

    weight: FloatArray  # (2, laws) share of each law with a man speaking, and with a woman
    cumulative: FloatArray  # (laws,) share of each law, added up; the last is 1
    mean: FloatArray  # (2, laws, words, 3) log formants, of men and of women
    spread: FloatArray  # (laws,) their standard deviation
    women: FloatArray  # (laws,) share of the speakers


@compiled
def weigh_words(
    logs: FloatArray, weight: FloatArray, mean: FloatArray, spread: FloatArray, size: FloatArray, values: FloatArray
) -> None:
    """Fill in the probability of each word (words,) given the log formants (3,) of a speaker.

    `weight` (laws,): of the mixture, for such a speaker; `mean` (laws, words, 3); `spread` (laws,) standard deviation;
    `size` (laws, words) is worked in.
    """
    nearest = math.inf
    for m in range(weight.shape[0]):
        for k in range(values.shape[0]):
            total = 0.0
            for f in range(FORMANTS):
                z = (logs[f] - mean[m, k, f]) / spread[m]
                total += z * z
            size[m, k] = 0.5 * total + FORMANTS * math.log(spread[m])
            if weight[m] > 0.0:
                nearest = min(nearest, size[m, k])
    every = 0.0
    for k in range(values.shape[0]):
        values[k] = 0.0
        for m in range(weight.shape[0]):
            if weight[m] > 0.0:
                values[k] += weight[m] * math.exp(nearest - size[m, k])
        every += values[k]
    for k in range(values.shape[0]):
        values[k] /= every


@compiled
def draw_words(
    seed: int,
    start: int,
    rows: IntArray,
    law: Speech,
    x: FloatArray,
    filled: Filled,
) -> None:
    """Fill in formants, who spoke, and the word."""
    weight, cumulative, mean, spread, women = law
    truth, cell, group, values, rewards = filled
    words, logs = mean.shape[2], np.empty(FORMANTS)
    size = np.empty((mean.shape[1], words))
    for n in range(rows.shape[0]):
        i = rows[n]
        stream = stream_of(seed, start + i, WORLD)
        m = pick(cumulative, uniform(stream, 0))
        speaker = 1 if uniform(stream, 1) < women[m] else 0
        word = int(words * uniform(stream, 2))
        for f in range(FORMANTS):
            logs[f] = mean[speaker, m, word, f] + spread[m] * normal_of(uniform(stream, 3 + f))
            x[i, f] = math.exp(logs[f])
        x[i, FORMANTS] = float(speaker)
        weigh_words(logs, weight[speaker], mean[speaker], spread, size, values[i])
        truth[i], group[i], cell[i] = word, speaker, answer(word, values[i], rewards[i])


class Accents(ClassStream):
    """Ten words, told by the first three formants of their vowel, in kilohertz, and by whether a woman speaks.

    The logarithm of each formant is normal about the mean that was published for the accent, the word and men or
    women, with standard deviation `spread` (as a share of the frequency). Accents are 0, American (Peterson & Barney
    1952), 1, Michigan (Hillenbrand et al. 1995), 2, British (Deterding 1997). Words are as frequent as each other; the
    share `women` of the speakers are women. Who speaks, a man or a woman, is known and is the group; the accent is not
    shown. Cells are the likeliest words. By default the best possible error is 10.6, 19.6 and 15.8 % in the three
    (measured on 2 million words each; Hillenbrand et al., table IX, tell 81 % of their 12 vowels by F1 to F3).

    Drift: without settings, the next accent, and around again: abrupt, speakers of another accent take over; gradual,
    they arrive among the others, and the posterior is over both; incremental, the vowels themselves move. With
    settings, `accent`, `spread` or `women` change.
    """

    group_names = SPEAKERS
    cell_names = tuple(f"sounds like {word}" for word in WORDS)
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {
        "accent": (0, len(ACCENTS) - 1), "spread": (0.001, 2.0), "women": (0.0, 1.0)
    }  # fmt: skip
    changes_what = "the accent"

    def __init__(self, accent: int = 0, spread: float = 0.1, women: float = 0.5, drift: Specs = None) -> None:
        super().__init__(drift)
        self.accent, self.spread, self.women = accent, spread, women
        self._check_settings()
        self._open(WORDS, ("F1", "F2", "F3", "woman"))
        self._check_whole("accent")

    def means_of(self, part: Part) -> FloatArray:
        """Return the mean log formants (2, words, 3), of men and of women, in an anchor."""
        accent = int(part.settings.get("accent", (int(self.accent) + part.change) % len(ACCENTS)))
        return np.asarray(LOG_MEANS[accent])

    def make_law(self, weight: FloatArray, cumulative: FloatArray, laws: list[tuple[Part, ...]]) -> Speech:
        """Return a mixture of laws of these weights."""
        mean = np.stack([sum(part.share * self.means_of(part) for part in parts) for parts in laws], axis=1)
        spread = np.array([self.between("spread", parts) for parts in laws])
        women = np.array([self.between("women", parts) for parts in laws])
        by_speaker = np.stack([weight * (1.0 - women), weight * women])
        return Speech(by_speaker, cumulative, np.ascontiguousarray(mean), spread, women)

    def draw(self, seed: int, start: int, rows: IntArray, law: Any, seen: Any, filled: Filled) -> None:
        """Fill in spoken words."""
        draw_words(seed, start, rows, law, seen.values, filled)

    def simple_values(self) -> tuple[float, float]:
        """Return a tenth, twice: all words are as frequent."""
        return 1.0 / len(WORDS), 1.0 / len(WORDS)
