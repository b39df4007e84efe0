"""Handwritten digits that turn, fade and arrive: real images, unpriced."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import document
from sklearn.datasets import load_digits

import sandbox.envs  # noqa: F401  registers ours
from sandbox.catalog import make_world
from sandbox.checks import run_checks
from sandbox.errors import SandboxError
from sandbox.streams.digits import FULL, Digits
from sandbox.world import make_terms

KNOWN = {tuple(image.ravel().tolist()): int(label) for image, label in zip(*load_digits(return_X_y=True), strict=True)}


def images(stream: Digits, count: int = 400, seed: int = 0) -> tuple[Any, Any]:
    seen, truth, _ = stream.batch(seed, 0, count)
    return seen.reshape(count, 8, 8), truth


def test_as_they_come_they_are_scikit_learns() -> None:
    seen, truth = images(Digits(), 2000)
    assert [KNOWN[tuple(image.ravel().tolist())] for image in seen] == truth.tolist()
    assert set(truth.tolist()) == set(range(10))
    assert len({tuple(image.ravel().tolist()) for image in seen}) > 1000  # 1,797 are drawn from: about 1,206 expected


@pytest.mark.parametrize("quarter", [1, 2, 3, -1])
def test_quarter_turns_are_exact(quarter: int) -> None:
    """Against another rotation: NumPy's."""
    upright, turned = images(Digits())[0], images(Digits(rotation=90.0 * quarter))[0]
    assert np.abs(turned - np.rot90(upright, -quarter, axes=(1, 2))).max() < 1e-9  # with the clock


@settings(max_examples=30, deadline=None)
@given(st.floats(-360.0, 360.0), st.floats(0.05, 20.0), st.floats(0.0, 16.0), st.integers(2, 10))
def test_ink_stays_in_its_range_and_only_known_classes_come(turn: float, ink: float, noise: float, n: int) -> None:
    seen, truth = images(Digits(rotation=turn, ink=ink, noise=noise, classes=n), 50)
    assert seen.min() >= 0.0 and seen.max() <= FULL
    assert truth.max() < n and truth.min() >= 0


def test_turning_by_bilinear_weights_against_a_plain_sum() -> None:
    upright, turned = images(Digits(), 3)[0], images(Digits(rotation=20.0), 3)[0]
    c, s = math.cos(math.radians(20.0)), math.sin(math.radians(20.0))
    for image, found in zip(upright, turned, strict=True):
        for row in range(8):
            for column in range(8):
                y, x = c * (row - 3.5) - s * (column - 3.5) + 3.5, s * (row - 3.5) + c * (column - 3.5) + 3.5
                near = [(i, j) for i in range(8) for j in range(8) if abs(y - i) < 1.0 and abs(x - j) < 1.0]
                expected = sum(image[i, j] * (1.0 - abs(y - i)) * (1.0 - abs(x - j)) for i, j in near)
                assert found[row, column] == pytest.approx(min(FULL, expected), abs=1e-9)


def test_classes_arrive_and_the_page_turns() -> None:
    arriving = Digits(classes=5, drift="abrupt@1000:classes=10")
    _, truth, concept = arriving.batch(0, 0, 2000)
    assert truth[:1000].max() == 4 and truth[1000:].max() == 9 and concept[999:1001].tolist() == [0, 1]
    turning = Digits(drift="abrupt@100")
    assert np.array_equal(turning.batch(3, 0, 200)[0][100:], Digits(rotation=30.0).batch(3, 100, 100)[0])
    mixed = Digits(classes=2, drift="gradual@100~1000:classes=10").batch(0, 0, 1200)[1]
    shares = [(mixed[low : low + 200] > 1).mean() for low in (0, 300, 600, 1000)]
    assert shares == sorted(shares) and shares[0] < 0.1 < shares[-1]
    gentle = Digits(drift="incremental@100~640:rotation=90").batch(0, 0, 800)[2]
    assert len(set(gentle.tolist())) == 65


def test_it_is_met_as_every_stream_is() -> None:
    assert [result for result in run_checks("digits") if not result.passed] == []
    ((x, y),) = Digits().take(1)
    assert len(x) == 64 and y in range(10)
    env = gym.make("sandbox/Digits-v0", rotation=10.0)
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert next(iter(Digits(rotation=10.0).questions(0))).observation == observation
    world = make_world("digits").under(make_terms("abrupt@100", "delayed=5+partial=0.5+noisy=0.1"))
    assert not world.meta.priced and world.schedule.n_concepts == 2


def test_a_model_of_river_learns_them_and_unlearns_when_the_page_turns(tmp_path: Path) -> None:
    asked = ("run", "digits", "river:StandardScaler() | GaussianNB()", "majority", "--seeds", "2", "--steps", "1200")
    still, turned = document(*asked, cwd=tmp_path), document(*asked, "--drift", "abrupt@600:rotation=90", cwd=tmp_path)
    learned, floor = (agent["metrics"]["accuracy"]["mean"] for agent in still["agents"])
    assert learned > 0.6 > 0.3 > floor
    assert turned["agents"][0]["metrics"]["accuracy"]["mean"] < learned - 0.1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"classes": 1}, "classes=1 is out of range"),
        ({"classes": 2.5}, "not a whole number"),
        ({"ink": 0.0}, "ink=0.0 is out of range"),
        ({"drift": "abrupt@5:colour=1"}, "'colour' cannot drift"),
        ({"drift": "abrupt@5:x.py:f"}, "it changes the rotation"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SandboxError, match=said) as caught:
        Digits(**wrong)
    assert "\n" not in str(caught.value)


def test_runs_are_the_same_for_the_same_seed_and_differ_for_others() -> None:
    one, again, other = (list(islice(Digits().questions(seed), 50)) for seed in (1, 1, 2))
    assert one == again and one != other
