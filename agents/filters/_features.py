"""What an observation holds, as numbers: each word and each dense feature has a place in the agent's arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.errors import SandboxError
from sandbox.interfaces import Labels, Words
from sandbox.table import FloatArray, IntArray

UNKNOWN = -1  # the place of what was never learned from
_ALONE = ""  # the name of an observation that is a text or an array itself


class Read(NamedTuple):
    """What an observation holds."""

    words: NDArray[np.int32]  # (n,) the place of each word, in order and as often as it occurs
    numbers: IntArray  # (k,) the place of each dense feature
    values: FloatArray  # (k,) its value


NO_NUMBERS = np.zeros(0, dtype=np.int64)
NO_VALUES = np.zeros(0)


class Features:
    """Gives each word and each dense feature a place: a text is split at blanks, a number is a dense feature.

    The words of known vocabularies come first, one vocabulary after the other in the order of the space; where there is
    nothing but numbers, they come in that order. All else gets a place when it is first learned from. The same word in
    two parts of an observation is two words.
    """

    def __init__(self, agent: str, space: spaces.Space[Any]) -> None:
        parts = space.spaces if isinstance(space, spaces.Dict) else {_ALONE: space}
        if not isinstance(space, spaces.Dict | spaces.Text | spaces.Box):
            raise SandboxError(f"{agent} reads words and numbers, and cannot read {type(space).__name__} observations")
        self._agent = agent
        self._numbers: dict[Any, int] = {}
        self._words: dict[Any, dict[str, int]] = {}
        self.n_words = self.n_numbers = 0
        for name, part in parts.items():
            if isinstance(part, Words):
                self._words[name] = {word: self.n_words + i for i, word in enumerate(part.vocabulary)}
                self.n_words += len(part.vocabulary)
        self.row = bool(parts) and all(isinstance(part, spaces.Box) and part.shape == () for part in parts.values())
        if self.row:  # nothing but numbers, each by its name
            self._numbers = {name: i for i, name in enumerate(parts)}
            self.n_numbers = len(parts)
        self._known = dict.fromkeys([*self._words, *self._numbers])
        self.fixed = len(self._words) == len(parts)  # whether there is nothing but words of known vocabularies

    def read(self, observation: Any, learning: bool = False) -> Read:
        """Return what `observation` holds; `learning` gives a place to what has none, else that is `UNKNOWN`."""
        words: list[int] = []
        numbers: list[int] = []
        values: list[float] = []
        for name, value in self._parts(observation):
            if isinstance(value, str):
                known = self._words.get(name)
                if known is None:
                    known = self._words[name] = {}
                found = [known.get(word, UNKNOWN) for word in value.split()]
                if learning and UNKNOWN in found:
                    found = [self._place_word(known, word) for word in value.split()]
                words += found
            elif isinstance(value, Real | np.bool_):
                numbers.append(self._place_number(name, learning))
                values.append(float(value))
            elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
                numbers += [self._place_number((name, i), learning) for i in range(value.size)]
                values += value.ravel().tolist()
            else:
                raise SandboxError(
                    f"{self._agent} reads words and numbers, and {name or 'the observation'!r} is {value!r}"
                )
        places = np.array(words, dtype=np.int32)
        if not numbers:
            return Read(places, NO_NUMBERS, NO_VALUES)
        return Read(places, np.array(numbers, dtype=np.int64), np.array(values))

    def _parts(self, observation: Any) -> Iterator[tuple[Any, Any]]:
        if not isinstance(observation, Mapping):
            yield _ALONE, observation
            return
        met = 0
        for name in self._known:
            if name in observation:
                met += 1
                yield name, observation[name]
        if len(observation) > met:
            yield from ((name, value) for name, value in observation.items() if name not in self._known)

    def _place_word(self, known: dict[str, int], word: str) -> int:
        if word not in known:
            known[word] = self.n_words
            self.n_words += 1
        return known[word]

    def _place_number(self, name: Any, learning: bool) -> int:
        if learning and name not in self._numbers:
            self._numbers[name] = self.n_numbers
            self.n_numbers += 1
        return self._numbers.get(name, UNKNOWN)


def labels_of(agent: str, choice_space: spaces.Space[Any]) -> Labels:
    """Return the labels to choose from; refuse, in one line, a world that tells none."""
    if not isinstance(choice_space, Labels):
        raise SandboxError(f"{agent} learns from right labels, and this world tells none")
    return choice_space


def rewards_of(labels: Labels) -> FloatArray:
    """Return what each choice earns under each truth (labels, labels); rows are truths."""
    return np.eye(int(labels.n)) if labels.rewards is None else np.array(labels.rewards, dtype=np.float64)


def grown(array: NDArray[Any], size: int, fill: float = 0.0) -> NDArray[Any]:
    """Return `array` with at least `size` rows, new ones holding `fill`; itself if it has them."""
    if array.shape[0] >= size:
        return array
    longer = np.full((max(size, 2 * array.shape[0]), *array.shape[1:]), fill, dtype=array.dtype)
    longer[: array.shape[0]] = array
    return longer
