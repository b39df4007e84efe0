"""What a law is drawn from is no agent's luck: run 0 under law 0 must not share its numbers with the agent in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sandbox.catalog import make_world
from sandbox.loop import agent_rng


def state_of(rng: np.random.Generator) -> str:
    return str(rng.bit_generator.state)


def test_zeros_at_the_end_of_a_seed_count_for_nothing() -> None:
    assert state_of(np.random.default_rng([7, 1, 0])) == state_of(agent_rng(7))  # why child 1 is the agents' alone


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("world", ["demand", "house-prices", "hyperplane", "recommendation", "text"])
def test_no_law_is_drawn_from_the_numbers_of_an_agent(world: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made, drawn = np.random.default_rng, []

    def spied(*given: Any) -> np.random.Generator:
        rng = made(*given)
        drawn.append(state_of(rng))
        return rng

    monkeypatch.setattr(np.random, "default_rng", spied)
    stream = make_world(f"{world}:law_seed={seed}").stream.with_drift(["abrupt@10", "abrupt@20"])  # type: ignore[attr-defined]
    stream.batch(seed, 0, 30)
    monkeypatch.undo()
    assert drawn and state_of(agent_rng(seed)) not in drawn
