"""The world of maximization bias: what its rewards are, what it is worth, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.catalog import make_world
from sandbox.env_world import EnvWorld
from sandbox.envs.maximization_bias import MaximizationBias, standard_levels
from sandbox.errors import SandboxError


def test_rewards_are_nearly_normal_with_the_exact_mean_and_deviation() -> None:
    table = MaximizationBias(6, mean=0.3, noise=2.0).laws[0]
    paid, chance = table.reward[1, 4], table.probability[1, 4]
    assert chance @ paid == pytest.approx(0.3, abs=1e-12)
    assert chance @ (paid - 0.3) ** 2 == pytest.approx(4.0, abs=1e-12)
    assert 2.7 < chance @ ((paid - 0.3) / 2.0) ** 4 < 3.0  # a normal one has 3
    assert standard_levels(64) == sorted(standard_levels(64))


@pytest.mark.parametrize(("mean", "best", "gap"), [(-0.1, 0.0, 0.1), (0.25, 0.25, 0.25)])
def test_left_is_worth_the_mean_and_right_nothing(mean: float, best: float, gap: float) -> None:
    world = make_world(f"sandbox/MaximizationBias-v0:mean={mean},choices=4")
    assert isinstance(world, EnvWorld) and not isinstance(world.solution, str)
    assert world.solution.best[0] == pytest.approx(best) and world.solution.gap_range == pytest.approx(gap)
    assert world.solution.value[0] == pytest.approx([mean, mean, 0.0, 0.0])


def test_a_drift_turns_the_sign_and_back() -> None:
    first, second = MaximizationBias(drift="recurring@50").laws[:2]
    signs = [float(np.sign((law.probability * law.reward)[1, 0].sum())) for law in (first, second)]
    assert signs == [-1.0, 1.0]


def test_it_shows_where_one_is() -> None:
    env = MaximizationBias(render_mode="ansi")
    env.reset(seed=0)
    assert env.render() == "B@O"
    env.step(0)
    assert env.render() == "@SO"


@pytest.mark.parametrize("settings", [{"choices": 3}, {"choices": 4.0}, {"choices": 0}, {"noise": -1.0}])
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(SandboxError, match="MaximizationBias"):
        MaximizationBias(**settings)  # type: ignore[arg-type]
