"""Yardsticks agree with a hand example, with the plain formulas and with the known means of a simulated bandit."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sandbox.log_score import LogColumns, score_log
from sandbox.offpolicy import OffPolicy, Yardstick
from sandbox.table import FloatArray

MEANS = np.array([0.2, 0.5, 0.6])


def yardsticks(choice: FloatArray, reward: FloatArray, propensity: FloatArray, labels: int = 3) -> list[Yardstick]:
    """Return the yardsticks of a log that comes in two chunks."""
    judge, cut = OffPolicy(range(labels)), len(choice) // 2
    for part in (slice(cut), slice(cut, None)):
        judge.add(choice[part], reward[part], propensity[part])
    return judge.yardsticks()


def bandit(seed: int, rows: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return choices, rewards and propensities of a logger who chooses by context, in a bandit with known means."""
    rng = np.random.default_rng(seed)
    context = rng.integers(0, 2, rows)
    chances = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])[context]
    choice = (rng.random((rows, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    effect = np.where(context == 0, 0.15, -0.15)  # contexts are even, so that means stay what they are
    reward = (rng.random(rows) < MEANS[choice] + effect).astype(float)
    return choice.astype(float), reward, chances[np.arange(rows), choice]


def test_hand_example(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("choice,reward,p\na,1,0.5\na,0,0.25\nb,1,0.5\na,2,0.5\nb,0,1\n")
    scored = score_log(str(path), LogColumns("choice", "reward", propensity="p"))
    random, always_a, always_b = scored.yardsticks
    # Weights: a 2, 4, 2; b 2, 1. "Always a": (2*1 + 4*0 + 2*2) / 8; "always b": 2*1 / 3; both: (6 + 2) / 11.
    assert always_a.value == pytest.approx(6 / 8) and always_b.value == pytest.approx(2 / 3)
    assert random.value == pytest.approx(8 / 11)
    assert always_a.error == pytest.approx(math.sqrt(4 * 0.25**2 + 16 * 0.75**2 + 4 * 1.25**2) / 8)
    assert always_a.effective == pytest.approx(64 / 24) and always_b.effective == pytest.approx(9 / 5)
    assert always_a.largest_share == 0.5 and random.largest_share == pytest.approx(4 / 11)
    assert [row.rows for row in scored.yardsticks] == [5, 3, 2]
    assert scored.notes[1] == "uniformly at random: only 4.2 effective decisions: take no notice"


@pytest.mark.parametrize("origin", [0.0, 1e6])
def test_plain_formulas(origin: float) -> None:
    choice, reward, propensity = bandit(1, 3000)
    choice[::50] = math.nan
    reward = reward + origin
    found = yardsticks(choice, reward, propensity)
    chances = [np.full(3, 1 / 3), *np.eye(3)]
    for row, chance in zip(found, chances, strict=True):
        w = np.where(np.isnan(choice), 0.0, chance[np.nan_to_num(choice).astype(int)]) / propensity
        value = (w @ (reward - origin)) / w.sum()
        error = math.sqrt(w**2 @ (reward - origin - value) ** 2) / w.sum()
        assert row.value - origin == pytest.approx(value, abs=1e-8) and row.error == pytest.approx(error, rel=1e-6)
        assert row.effective == pytest.approx(w.sum() ** 2 / (w @ w))
        assert row.largest_share == pytest.approx(w.max() / w.sum())


def test_known_means_of_a_bandit() -> None:
    wanted = np.array([MEANS.mean(), *MEANS])
    found = [yardsticks(*bandit(seed, 2000)) for seed in range(200)]
    assert not any(row.note for rows in found for row in rows)
    value, error = (np.array([[getattr(row, name) for row in rows] for rows in found]) for name in ("value", "error"))
    assert (np.abs(value - wanted) < 3 * error).mean() > 0.985
    assert (np.abs(value.mean(axis=0) - wanted) < 3 * value.std(axis=0) / math.sqrt(200)).all()
    assert np.allclose(error.mean(axis=0), value.std(axis=0), rtol=0.15)  # an error is what the estimate varies by
    naive = np.mean([reward[choice == 1].mean() for choice, reward, _ in (bandit(seed, 2000) for seed in range(50))])
    assert abs(naive - MEANS[1]) > 0.02  # and without weights it would be wrong


def test_notes_on_what_is_not_to_be_trusted(tmp_path: Path) -> None:
    choice, reward, propensity = bandit(0, 2000)
    assert "the propensities do not fit: weights average 2" in yardsticks(choice, reward, propensity / 2)[0].note
    propensity[0] = 0.004
    assert "one decision carries" in yardsticks(choice, reward, propensity)[1 + int(choice[0])].note
    few = yardsticks(choice[:20], reward[:20], propensity[:20])
    assert all("effective decisions" in row.note for row in few)
    path = tmp_path / "log.csv"
    path.write_text("choice,truth,p\na,c,1\na,,1\n")
    notes = score_log(str(path), LogColumns("choice", truth="truth", propensity="p")).notes
    assert notes[-2:] == [
        "no yardstick for labels that were never chosen: c", "the yardsticks leave out 1 rows without a reward",
    ]  # fmt: skip


def test_at_most_twenty_labels_have_their_own() -> None:
    choice = np.concatenate([np.arange(30.0), np.arange(10.0, 30.0)])
    found = yardsticks(choice, np.ones(50), np.full(50, 0.5), labels=31)
    assert [row.policy for row in found] == ["uniformly at random", *(f"always {k}" for k in range(10, 30))]
    assert found[0].rows == 50 and OffPolicy("ab").yardsticks() == []
