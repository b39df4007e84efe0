"""What a question of a batch shows, beside what an agent is handed."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.interfaces import Numbers, Slate, Words


def shows(space: spaces.Space[Any], observation: Any, seen: Slate | Numbers, i: int) -> bool:
    """Say whether an observation shows user, context and items of the i-th slate; the context; numbers; or nothing."""
    if isinstance(seen, Numbers):
        assert isinstance(space, spaces.Dict)
        return np.array_equal([observation[name] for name in space.spaces], seen.values[i])
    if isinstance(observation, dict):
        return all(
            np.array_equal(observation[name], part[i])
            for name, part in zip(("user", "context", "items"), seen, strict=True)
        )
    return np.array_equal(observation, seen.context[i] if seen.context.shape[1] else 0)


def words_of(space: spaces.Space[Any], observation: Any) -> list[int]:
    """Return the number of each word, its place in the vocabularies of the parts, one after the other."""
    parts = space.spaces if isinstance(space, spaces.Dict) else {"": space}
    found: list[int] = []
    first = 0
    for name, part in parts.items():
        assert isinstance(part, Words)
        places = {word: first + k for k, word in enumerate(part.vocabulary)}
        found += [places[word] for word in (observation[name] if name else observation).split()]
        first += len(part.vocabulary)
    return found
