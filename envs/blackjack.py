"""Blackjack with its exact law (Sutton & Barto, 2nd edition, example 5.1; Gymnasium's Blackjack-v1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import FloatArray, IntArray, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld

STICK, HIT = 0, 1
_CODES = 32 * 11 * 2
_BUST = 0  # the score of a bust hand
_Scores = dict[tuple[int, bool], float]  # the dealer's final score, and whether it is a natural: its probability


class Blackjack(TableWorld):
    """Blackjack against a dealer, from an endless deck: Gymnasium's Blackjack-v1 with a known law.

    The observation is Gymnasium's (player's sum, dealer's card, usable ace) as one number, (sum · 11 + card) · 2 + ace;
    choice 0 sticks, 1 hits. Winning pays 1, losing -1, a draw 0. `natural`: winning with an ace and a ten dealt pays
    1.5; `sab`: it beats every dealer's hand but another natural, as in the book (`natural` is then ignored). That the
    21 was dealt is not observed: with either setting two states look alike. `tens`: the share of cards that count ten
    (4/13 in a full deck); the other nine kinds share the rest.

    A drift without settings takes three of four tens out of the deck, or puts them back.
    """

    def __init__(
        self,
        natural: bool = False,
        sab: bool = False,
        *,
        tens: float = 4 / 13,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__({"natural": natural, "sab": sab, "tens": tens}, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of the game."""
        for name in ("natural", "sab"):
            if not isinstance(settings[name], bool):
                raise SandboxError(f"Blackjack: {name}={settings[name]!r} is neither True nor False")
        check_range("Blackjack", "tens", settings["tens"], 0.001, 0.999)
        deck = _deck(float(settings["tens"]))
        dealt = settings["natural"] or settings["sab"]  # whether it matters that a 21 was dealt
        law: dict[int, dict[int, list[Outcome]]] = {}
        for state in range(_CODES):
            law[state] = {STICK: [(1.0, state, 0.0, True)], HIT: [(1.0, state, 0.0, True)]}  # unless it can come up
        for card in range(1, 11):
            scores = _dealer(card, deck)
            for total, ace in [(total, 0) for total in range(4, 22)] + [(total, 1) for total in range(12, 22)]:
                state = code(total, card, ace)
                law[state] = {STICK: _stick(state, total, False, scores, settings), HIT: _hit(total, card, ace, deck)}
            if dealt:
                state = _CODES + card - 1
                law[state] = {STICK: _stick(state, 21, True, scores, settings), HIT: _hit(21, card, 1, deck)}
        table = table_from_outcomes(law, _starts(deck, len(law)))
        seen = np.append(np.arange(_CODES), [code(21, card, 1) for card in range(1, 11)])
        return replace(table, observed=seen) if dealt else table

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after its own change of this number (1, 2, ...): a quarter of the tens, and all again."""
        tens = self._given["tens"]
        return {"tens": tens / (4.0 - 3.0 * tens) if number % 2 else tens}  # their share of the cards that are left

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return a row for each sum, 21 to 4 under one for bust (`O`), and a column for each card of the dealer's.

        At the left without, at the right with a usable ace.
        """
        rows = ["." * 10 + "#" + ("." if total >= 12 else "#") * 10 for total in range(21, 3, -1)]
        return ("O" * 10 + "#" * 11, *rows)

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each state; -1, -1 for a number that no hand has."""
        found = np.full((_CODES, 2), -1, dtype=np.int64)
        for card in range(1, 11):
            for total in range(4, 32):
                found[code(total, card, 0)] = max(22 - total, 0), card - 1
            for total in range(12, 22):
                found[code(total, card, 1)] = 22 - total, card + 10
        return np.asarray(found[self.laws[0].seen])


def code(total: int, card: int, ace: int) -> int:
    """Return the number of an observation of Blackjack-v1: the player's sum, the dealer's card, a usable ace."""
    return (total * 11 + card) * 2 + ace


def _deck(tens: float) -> FloatArray:
    """Return the probability of each card (11,): 1 an ace, 10 all that count ten, none of 0."""
    return np.array([0.0, *[(1.0 - tens) / 9.0] * 9, tens])


def _draw(total: int, ace: int, card: int) -> tuple[int, int]:
    """Return the sum and whether an ace is usable after a card; a sum over 21 is bust."""
    hard = total - 10 * ace + card
    usable = (ace or card == 1) and hard + 10 <= 21
    return (hard + 10, 1) if usable else (hard, 0)


def _dealer(card: int, deck: FloatArray) -> _Scores:
    """Return what a dealer who shows `card` ends with."""
    scores: _Scores = {}
    hands, second = {_draw(0, 0, card): 1.0}, True  # those still drawn to, and whether the next card is the second
    while hands:
        following: dict[tuple[int, int], float] = {}
        for hand, chance in hands.items():
            for drawn in range(1, 11):
                total, ace = _draw(*hand, drawn)
                share = chance * float(deck[drawn])
                if total < 17:
                    following[total, ace] = following.get((total, ace), 0.0) + share
                else:
                    key = total if total <= 21 else _BUST, second and total == 21
                    scores[key] = scores.get(key, 0.0) + share
        hands, second = following, False
    return scores


def _stick(state: int, total: int, dealt: bool, scores: _Scores, settings: dict[str, Any]) -> list[Outcome]:
    """Return how a hand may end; `dealt`: it is a natural."""
    chances: dict[float, float] = {}
    for (score, natural), chance in scores.items():
        paid = float(total > score) - float(total < score)
        if settings["sab"] and dealt and not natural:
            paid = 1.0
        elif settings["natural"] and not settings["sab"] and dealt and paid == 1.0:
            paid = 1.5
        chances[paid] = chances.get(paid, 0.0) + chance
    return [(chance, state, paid, True) for paid, chance in sorted(chances.items())]


def _hit(total: int, card: int, ace: int, deck: FloatArray) -> list[Outcome]:
    found = []
    for drawn in range(1, 11):
        after, usable = _draw(total, ace, drawn)
        bust = after > 21
        found.append((float(deck[drawn]), code(after, card, usable), -float(bust), bust))
    return found


def _starts(deck: FloatArray, n_states: int) -> FloatArray:
    """Return the probability of each first state (S,): two cards for the player, one shown by the dealer."""
    start = np.zeros(n_states)
    for first in range(1, 11):
        for second in range(1, 11):
            total, ace = _draw(*_draw(0, 0, first), second)
            for card in range(1, 11):
                natural = total == 21 and n_states > _CODES
                state = _CODES + card - 1 if natural else code(total, card, ace)
                start[state] += deck[first] * deck[second] * deck[card]
    return start
