"""Made-up words that can be read aloud, and how a spammer disguises them."""

from __future__ import annotations

import numpy as np

_STARTS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "z", "br", "fl", "gr", "pl", "st", "tr")
_VOWELS = ("a", "e", "i", "o", "u")
_ENDS = ("", "", "", "l", "n", "r", "s")
# No word has a digit or a v, so two words never share a disguise.
_DISGUISE = str.maketrans("aeiou", "4310v")


def make_words(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """Return `count` different words of two or three syllables."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[word_of(rng)] = None
    return tuple(found)


def word_of(rng: np.random.Generator) -> str:
    """Return one word of two or three syllables."""
    parts = []
    for _ in range(int(rng.integers(2, 4))):
        parts += [kind[int(rng.integers(len(kind)))] for kind in (_STARTS, _VOWELS)]
    return "".join(parts) + _ENDS[int(rng.integers(len(_ENDS)))]


def disguised(word: str) -> str:
    """Return a word as a spammer writes it, to slip past a filter that knows it: `fr33` for `free`."""
    return word.translate(_DISGUISE)
