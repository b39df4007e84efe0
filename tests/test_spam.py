"""The spam world knows its own law: frequencies, rewards and posteriors are what it says, in every concept."""

from __future__ import annotations

import numpy as np

from sandbox.streams.spam import Spam


def test_the_same_seed_gives_the_same_messages_however_they_are_cut() -> None:
    world = Spam(campaign_life=40, drift="gradual@50~60")
    whole, *parts = (world.batch(3, start, count) for start, count in ((0, 200), (0, 77), (77, 123)))
    for column, cut in zip(
        (*whole.seen, *whole[1:]), zip(*((*b.seen, *b[1:]) for b in parts), strict=True), strict=True
    ):
        assert np.array_equal(column, np.concatenate(cut))
