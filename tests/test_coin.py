"""The coin: its share, its Bayes error, its drifts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import SandboxError
from sandbox.streams.coin import Coin


@given(share=st.floats(0, 1), seed=st.integers(0, 2**40))
def test_values_are_the_chances_of_each_side(share: float, seed: int) -> None:
    batch = Coin(share).batch(seed, 0, 50)
    assert np.allclose(batch.values, [1.0 - share, share]) and np.array_equal(batch.rewards.argmax(axis=1), batch.truth)
    assert Coin(share).expected_best(0) == max(share, 1.0 - share)


def test_frequencies_are_the_law() -> None:
    n = 2_000_000
    for share in (0.2, 0.5, 0.99):
        found = Coin(share).batch(1, 0, n).truth.mean()
        assert abs(found - share) < 5 * np.sqrt(share * (1 - share) / n)


def test_a_batch_does_not_depend_on_where_it_begins() -> None:
    coin = Coin(0.3, drift="gradual@40~50:share=0.9")
    whole, part = coin.batch(7, 0, 200), coin.batch(7, 35, 30)
    assert all(np.array_equal(a[35:65], b) for a, b in zip(whole[1:], part[1:], strict=True))


@pytest.mark.parametrize(
    ("drift", "step", "chance"),
    [
        ("abrupt@100:share=0.5", 99, 0.2),
        ("abrupt@100:share=0.5", 100, 0.5),
        ("abrupt@100", 100, 0.8),
        ("gradual@100~100:share=0.6", 250, 0.6),
        ("incremental@100~100", 200, 0.8),
        ("recurring@100:share=1.0", 250, 0.2),
        ("recurring@100:share=1.0", 150, 1.0),
    ],
)
def test_drifts(drift: str, step: int, chance: float) -> None:
    assert Coin(0.2, drift=drift).batch(0, step, 1).values[0, 1] == pytest.approx(chance)


def test_gradual_and_incremental_go_from_one_share_to_the_other() -> None:
    for kind in ("gradual", "incremental"):
        chance = Coin(0.2, drift=f"{kind}@10~640:share=0.8").batch(0, 0, 800).values[:, 1]
        assert np.all(np.diff(chance) >= 0) and len(np.unique(chance)) > 60
        assert chance[0] == pytest.approx(0.2) and chance[-1] == pytest.approx(0.8)


def test_the_twin_shares_the_luck() -> None:
    coin = Coin(0.2, drift="abrupt@500:share=0.5")
    run, control = coin.batch(3, 0, 1000), coin.pin(0).batch(3, 0, 1000)
    assert np.array_equal(run.truth[:500], control.truth[:500])
    assert (run.truth[500:] >= control.truth[500:]).all()  # the same number decides: what was True still is


def test_bad_settings_are_refused() -> None:
    for bad in ({"share": 1.5}, {"drift": "abrupt@5:share=2"}, {"drift": "abrupt@5:shade=0.2"}):
        with pytest.raises(SandboxError, match="coin"):
            Coin(**bad)  # type: ignore[arg-type]
