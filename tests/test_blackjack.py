"""Blackjack: its table against a search through all hands by Gymnasium's rules, and against the original at play."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.toy_text import blackjack as original

from sandbox.envs.blackjack import HIT, STICK, Blackjack, code
from sandbox.oracle import solve


def dealer_of(card: int) -> dict[tuple[int, ...], float]:
    """Every hand that a dealer who shows `card` may end with, by Gymnasium's own rules."""
    ends: dict[tuple[int, ...], float] = {}

    def play(hand: tuple[int, ...], chance: float) -> None:
        if len(hand) > 1 and original.sum_hand(hand) >= 17:
            ends[hand] = ends.get(hand, 0.0) + chance
            return
        for drawn in original.deck:
            play((*hand, drawn), chance / 13.0)

    play((card,), 1.0)
    return ends


def worth_of(natural: bool, sab: bool) -> float:
    """What the game is worth, hand by hand, by Gymnasium's own functions."""
    total = 0.0
    for card in range(1, 11):
        scores: dict[tuple[int, bool], float] = {}
        for hand, chance in dealer_of(card).items():
            key = original.score(hand), original.is_natural(list(hand))
            scores[key] = scores.get(key, 0.0) + chance

        @cache
        def worth(hand: tuple[int, ...], scores: tuple[Any, ...] = tuple(scores.items())) -> float:
            if original.is_bust(hand):
                return -1.0
            stick, dealt = 0.0, original.is_natural(list(hand))
            for (score, natural_too), chance in scores:
                paid = original.cmp(original.score(hand), score)
                if sab and dealt and not natural_too:
                    paid = 1.0
                elif not sab and natural and dealt and paid == 1.0:
                    paid = 1.5
                stick += chance * paid
            return max(stick, sum(worth(tuple(sorted((*hand, drawn)))) for drawn in original.deck) / 13.0)

        share = original.deck.count(card) / 13.0
        dealt = [worth(tuple(sorted(pair))) for pair in itertools.product(original.deck, repeat=2)]
        total += share * sum(dealt) / len(dealt)
    return total


@pytest.mark.parametrize(
    ("given", "worth"), [((False, False), -0.046556), ((True, False), -0.025729), ((False, True), -0.043113)]
)
def test_blackjack_is_worth_what_a_search_through_all_hands_says(given: tuple[bool, bool], worth: float) -> None:
    found = solve(Blackjack(*given).laws[0]).start_value
    assert found == pytest.approx(worth_of(*given), abs=1e-12)
    assert found == pytest.approx(worth, abs=1e-6)


@pytest.mark.parametrize("given", [{}, {"natural": True}, {"sab": True}], ids=str)
def test_gymnasiums_blackjack_has_this_law(given: dict[str, bool]) -> None:
    """Play the original by the best policy, exploring at times; compare with prices and frequencies of the table."""
    table = Blackjack(**given).laws[0]
    solution, rng = solve(table), np.random.default_rng(5)
    env = gym.make("Blackjack-v1", **given)
    policy = {int(seen): int(way) for seen, way in zip(table.seen, solution.policy, strict=True)}
    env.reset(seed=5)
    luck: list[float] = []
    for _ in range(12_000):
        hand = env.reset()[0]
        lost, done = 0.0, False
        while not done:
            seen = code(*hand)
            # a dealt 21 is found by looking at the hand, which an agent cannot
            dealt = table.observed is not None and original.is_natural(env.unwrapped.player)  # type: ignore[attr-defined]
            state = int(np.flatnonzero(table.seen == seen)[-1 if dealt else 0])
            way = policy[seen] if rng.random() < 0.8 else int(rng.integers(2))
            hand, reward, done, _, _ = env.step(way)
            came = solution.best[code(*hand)] if not done else 0.0
            lost += float(reward) + came - solution.value[state, way]
        luck.append(lost)
    assert abs(np.mean(luck)) < 4.5 * np.std(luck) / math.sqrt(len(luck))
    assert np.std(luck) > 0.5


def test_the_best_play_of_the_book() -> None:
    """Figure 5.2: stick from 17 on, against weak cards of the dealer's earlier; with a usable ace from 18 or 19."""
    policy = solve(Blackjack(sab=True).laws[0]).policy
    least = {card: min(t for t in range(12, 22) if policy[code(t, card, 0)] == STICK) for card in range(1, 11)}
    assert least == {1: 17, 2: 13, 3: 13, 4: 12, 5: 12, 6: 12, 7: 17, 8: 17, 9: 17, 10: 17}
    soft = {card: min(t for t in range(12, 22) if policy[code(t, card, 1)] == STICK) for card in range(1, 11)}
    assert soft == {1: 19, 2: 18, 3: 18, 4: 18, 5: 18, 6: 18, 7: 18, 8: 18, 9: 19, 10: 19}
    assert all(policy[code(t, card, 0)] == HIT for t in range(4, 12) for card in range(1, 11))


def test_a_dealt_21_looks_like_any_other() -> None:
    table = Blackjack(natural=True).laws[0]
    assert table.n_observations == 704 and table.n_states == 714
    start = np.bincount(table.seen, table.start, minlength=704)
    np.testing.assert_allclose(start, Blackjack().laws[0].start, atol=1e-15)
    assert Blackjack().laws[0].observed is None


def test_its_own_change_takes_three_of_four_tens_out() -> None:
    """Of 13 kinds of cards, four of which count ten, ten are left, and one of them counts ten."""
    env = Blackjack(drift="recurring@5")
    shown = np.array([env.laws[1].start[np.arange(704) // 2 % 11 == card].sum() for card in range(1, 11)])
    np.testing.assert_allclose(shown, 0.1, atol=1e-12)
    np.testing.assert_array_equal(env.laws[0].start, Blackjack().laws[0].start)
