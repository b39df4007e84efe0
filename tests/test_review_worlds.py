"""What a review of worlds and of the core found wrong, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from sandbox import api
from sandbox.recovery import TOO_SHORT


@pytest.mark.parametrize(
    ("drift", "said", "wrong"),
    [
        ("recurring@300", ("under the first law", "under other laws"), "before the drift, half"),
        ("abrupt@300", ("before the drift", "after the drift"), "under the first law, half"),
    ],
)
def test_a_law_that_comes_back_is_not_called_before_the_drift(
    drift: str, said: tuple[str, str], wrong: str, tmp_path: Path
) -> None:
    result = api.run("sandbox/GridMaze-v0", ["q-learning"], seeds=2, steps=900, drift=drift, jobs=1)
    text = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(f"{one}, half of what its mistakes cost" in text for one in said)
    assert wrong not in text


class Stairs(gym.Env[int, int]):
    """Ten steps an episode; who is `stuck` never gets to its end."""

    observation_space = gym.spaces.Discrete(1)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, stuck: bool = False) -> None:
        self.stuck, self.steps = stuck, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return 0, 1.0, self.steps == 10 and not self.stuck, False, {}


def test_a_change_after_which_no_episode_ends_is_not_forgotten() -> None:
    """Unpriced harm is told at the end of an episode; a run that never gets there has seen the change all the same."""
    result = api.run(Stairs, ["random"], seeds=2, steps=400, drift="abrupt@200:stuck=True", jobs=1)
    seen = [run.recoveries for run in result.agents[0].runs]
    assert [[(one.change, one.note) for one in by_run] for by_run in seen] == [[(200, TOO_SHORT)]] * 2


def test_prices_that_see_no_later_reward_are_called_myopic() -> None:
    """The use of a rested arm changes what it earns later, which its price does not tell; time does that to nobody."""
    worlds = (True, "rotting-arms:rested=True"), (False, "rotting-arms")
    told = {rested: api.run(world, ["random"], seeds=2, steps=50, jobs=1) for rested, world in worlds}
    assert any(text.startswith("gaps are myopic") for text in told[True].warnings())
    assert not any("myopic" in text for text in told[False].warnings())
