"""A fingerprint of a run: the same for two runs that met, chose and earned the same, however they were cut in chunks.

128 bits that tell runs apart; they do not resist an attacker. Each row is mixed into one word, and the words in their
order into two. All NaN are one, and so are the two zeros.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.draws import mixed
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Trace

Words = NDArray[np.uint64]

_NAN = np.uint64(0x7FF8000000000000)
_ODD_A = np.uint64(0x9FB21C651E98DF25)
_ODD_B = np.uint64(0xD1342543DE82EF95)
_BY_32, _BY_29 = np.uint64(32), np.uint64(29)


class Marks(NamedTuple):
    """What makes two runs different runs: the columns of a trace of these names, and `choice_vector`."""

    cell: IntArray
    choice: FloatArray
    truth: FloatArray
    reward: FloatArray
    likelihood: FloatArray
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


@compiled
def bits_of(value: float) -> np.uint64:
    """Return the bits of a number, the same for every NaN and for both zeros."""
    return np.float64(value + 0.0).view(np.uint64) if value == value else _NAN


@compiled
def absorb(word: np.uint64, more: np.uint64) -> np.uint64:
    """Return `word` with `more` mixed into it; different for each different `more`."""
    word = (word ^ more) * _ODD_A
    return np.uint64(word ^ (word >> _BY_32))


@compiled
def add_word(state: Words, word: np.uint64) -> None:
    """Add the next word to a `state` (2,)."""
    first, second = (state[0] ^ word) * _ODD_A, (state[1] + word) * _ODD_B
    state[0] = first ^ (first >> _BY_32)
    state[1] = second ^ (second >> _BY_29)


@compiled
def add_marks(state: Words, marks: Marks) -> None:
    """Add the rows of a chunk to a `state` (2,)."""
    for i in range(marks.cell.shape[0]):
        word = mixed(np.uint64(4 * marks.cell[i] + 2 * marks.terminated[i] + marks.truncated[i]))
        word = absorb(word, bits_of(marks.choice[i]))
        word = absorb(word, bits_of(marks.truth[i]))
        word = absorb(word, bits_of(marks.reward[i]))
        add_word(state, mixed(absorb(word, bits_of(marks.likelihood[i]))))


@compiled
def add_vectors(state: Words, vectors: FloatArray) -> None:
    """Add the choice vectors (n, d) of a chunk to a `state` (2,)."""
    for i in range(vectors.shape[0]):
        for j in range(vectors.shape[1]):
            add_word(state, mixed(bits_of(vectors[i, j])))


class Fingerprint:
    """The fingerprint of a run, taken chunk by chunk."""

    def __init__(self) -> None:
        self._marks, self._vectors = np.zeros(2, dtype=np.uint64), np.zeros(2, dtype=np.uint64)

    def update(self, trace: Trace) -> None:
        """Add the next chunk of the run."""
        add_marks(self._marks, Marks(*(getattr(trace, name) for name in Marks._fields)))
        if trace.choice_vector is not None:
            add_vectors(self._vectors, np.ascontiguousarray(trace.choice_vector, dtype=np.float64))

    def text(self) -> str:
        """Return the fingerprint so far: 32 hexadecimal digits."""
        state = self._marks.copy()
        for word in self._vectors:
            add_word(state, word)
        return "".join(f"{int(word):016x}" for word in state)
