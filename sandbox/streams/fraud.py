"""Fraud: payments day by day, of which a few are inspected; every day's set of alerts has an exact price."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from sandbox.draws import keyed_uniforms
from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.feedback import NEVER
from sandbox.interfaces import Decision, Labels, Numbers, Question
from sandbox.law_stream import Batch
from sandbox.streams._mixed import Part
from sandbox.streams._sets import SetStream
from sandbox.streams.features import row_space
from sandbox.streams.fraud_law import (
    CARD_DAYS,
    FEATURES,
    HOUR_SHARES,
    LARGEST,
    SCENARIOS,
    SEGMENTS,
    USUAL_SPREAD,
    WIDEST,
    Law,
    Size,
    pay,
)
from sandbox.table import FloatArray, IntArray

_RINGS = 1  # child seed
_LABELS = 64  # the purpose for which it is drawn which labels ever come
# How busy each scenario is while it is the favourite of the fraudsters, and while it is not; whose turn it is changes.
_FAVOURITE, _OTHER = 1.0, 0.3
# Mean log of amount over usual amount. At a compromised terminal amounts are as always; on a stolen card they are
# multiplied by 5; by amount alone they are large. Other fraudsters try small amounts first, or do as all do.
_FIRST_SHIFTS = (0.0, math.log(5.0), math.log(7.0))
_SHIFTS = ((0.0, 0.0, 0.5), (math.log(3.0), math.log(5.0), -1.0), (math.log(7.0), math.log(4.0), -1.2))
_AWAKE = 0.5  # how busy fraudsters are on average over all payments, as a share of their best hour
_KIND_SHARES = (1.0, 0.3, 0.1, 0.05, 0.02)
_LARGE_SAMPLE = 80_000  # payments


def _normal_up_to(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _cut(shift: float) -> tuple[float, float]:
    """Return the quantile of the smallest log amount of a normal law, and the probability of the range there is."""
    low = _normal_up_to((-WIDEST - shift) / USUAL_SPREAD)
    return low, _normal_up_to((WIDEST - shift) / USUAL_SPREAD) - low


class Fraud(SetStream):
    """Say which payments to inspect: of the `per_day` payments of a day `alerts`, chosen at its end.

    Each payment is a question: is it fraud? The day's `alerts` payments with the highest answers are inspected. An
    inspection costs `inspection_cost`, and catching a fraud saves its amount, or 1 where `saves` is 'one'. What an
    inspection finds is known at the end of the day; of the other labels the share `label_share` comes `label_delay`
    days later, the rest never.

    Under one payment in a hundred is fraud, in three scenarios: at compromised terminals (`terminal_fraud`: the
    probability there at the highest risk), on cards used at such terminals in the 14 days before (`card_fraud`), and
    by amount alone, at certain hours and kinds of terminals (`amount_fraud`). `disguise` takes from fraudulent amounts
    the share by which they differ from honest ones. Numbers of card and terminal tell nothing that is not beside them.

    Drift: without settings, other fraudsters: another favourite scenario, other hours, kinds and amounts; with
    settings, the three probabilities and `disguise` change. Measured with the defaults: 0.5 % of the payments are
    fraud. The best ten alerts of a day gain 190 (one or two of them are right), ten at random lose 15, the ten largest
    amounts gain 110; exact probabilities without a look at the amount, as classifiers rank, can gain 92 % of the best.
    """

    kind = "numbers"
    abstention = 0.0
    choice_names = ("pass", "alert")
    group_names = SEGMENTS
    n_cells = 1 + len(SCENARIOS)
    cell_names = ("ordinary", *SCENARIOS)
    extras = ("precision_at_k", "cost", "bayes_cost", "cards_saved")
    changes_what = "the fraudsters"
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {
        "terminal_fraud": (0.0, 0.5),
        "card_fraud": (0.0, 0.3),
        "amount_fraud": (0.0, 0.1),
        "disguise": (0.0, 1.0),
    }
    counts: ClassVar[dict[str, tuple[int, int]]] = {
        "law_seed": (0, 2**62),
        "per_day": (2, 100_000),
        "alerts": (1, 100_000),
        "cards": (2, 10_000_000),
        "terminals": (1, 1_000_000),
        "label_delay": (1, 365),
    }
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"inspection_cost": (0.0, 1e6), "label_share": (0.0, 1.0)}

    def __init__(
        self,
        law_seed: int = 0,
        per_day: int = 500,
        alerts: int = 10,
        cards: int = 5000,
        terminals: int = 400,
        terminal_fraud: float = 0.5,
        card_fraud: float = 0.3,
        amount_fraud: float = 0.04,
        disguise: float = 0.0,
        saves: str = "amount",
        inspection_cost: float = 2.0,
        label_delay: int = 14,
        label_share: float = 0.9,
        drift: Specs = None,
    ) -> None:
        super().__init__(drift)
        self.law_seed, self.per_day, self.alerts, self.cards, self.terminals = (
            law_seed,
            per_day,
            alerts,
            cards,
            terminals,
        )
        self.terminal_fraud, self.card_fraud, self.amount_fraud = terminal_fraud, card_fraud, amount_fraud
        self.disguise, self.saves, self.inspection_cost = disguise, saves, inspection_cost
        self.label_delay, self.label_share = label_delay, label_share
        self._check_settings()
        if saves not in ("amount", "one"):
            raise SandboxError(f"fraud: saves={saves!r} is neither 'amount' nor 'one'")
        if alerts > per_day or cards < per_day:
            raise SandboxError(f"fraud: alerts={alerts} <= per_day={per_day} <= cards={cards} does not hold")
        self.suggested = 40 * per_day
        self.answers = f"alerts at the day's end, {label_share:.0%} of the others {label_delay} days later"
        self.gap_range = self.luck_reach = LARGEST if saves == "amount" else 1.0
        self.choice_space = Labels((False, True))
        self.observation_space = row_space(FEATURES)
        self._laws: dict[int, Law] = {}
        self._usual = np.array(_cut(0.0))

    def law(self, concept: int) -> Law:
        """Return the law of a concept."""
        if concept not in self._laws:
            mixture = self.parts(concept)
            weight = np.array([share for share, _ in mixture])
            up_to = np.cumsum(weight)
            up_to[-1] = 1.0
            of = [[self._ring(part) for part in parts] for _, parts in mixture]
            rate, hour, kind, week, shift = (
                np.array([sum(part.share * one[k] for part, one in zip(parts, rings, strict=True))
                          for (_, parts), rings in zip(mixture, of, strict=True)])
                for k in range(5)
            )  # fmt: skip
            low, span = np.moveaxis(np.array([[_cut(one) for one in row] for row in shift.tolist()]), 2, 0).copy()
            self._laws[concept] = Law(weight, up_to, rate, hour, kind, week, shift, low, span)
        return self._laws[concept]

    def _ring(self, part: Part) -> tuple[FloatArray, ...]:
        """Return what the fraudsters of a part do: `Law.rate`, `hour`, `kind`, `week` and `shift`, one row each."""
        now = {name: float(part.settings.get(name, getattr(self, name))) for name in self.may_drift}
        rng = np.random.default_rng([self.law_seed, _RINGS, part.change])
        busy = np.roll([_FAVOURITE, _OTHER, _OTHER], part.change)
        rate = busy * np.array([now[f"{scenario}_fraud"] for scenario in SCENARIOS])
        peak, shares, weekend = 3.0, np.array(_KIND_SHARES), np.array([0.6, 1.0])
        shift = np.array(_FIRST_SHIFTS)
        if part.change:
            peak, shares = float(rng.integers(24)) + 0.5, rng.permutation(shares)
            weekend = rng.permutation(weekend)
            shift = np.array([rng.choice(several) for several in _SHIFTS])
        away = np.abs(np.arange(24) + 0.5 - peak)
        away = np.minimum(away, 24.0 - away)
        hour = 0.1 + 0.9 * np.exp(-away * away / 18.0)
        hour = np.minimum(1.0, hour * (_AWAKE / float(hour @ HOUR_SHARES)))
        return rate, hour, shares, weekend, (1.0 - now["disguise"]) * shift

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the payments of the steps `start`, ..., `start + count - 1` of the run of `seed`."""
        concept = self.schedule.concepts(seed, start, count)
        truth, cell, group = np.empty((3, count), dtype=np.int64)
        values, rewards = np.empty((2, count, 2))
        x = np.empty((count, len(FEATURES)))
        batch = Batch(Numbers(x), truth, cell, group, concept, values, rewards)
        size = Size(self.per_day, self.cards, self.terminals)
        changed = bool((concept[1:] != concept[:-1]).any())
        for code in np.unique(concept if changed else concept[:1]).tolist():
            rows = np.flatnonzero(concept == code)
            cost, whole = float(self.inspection_cost), self.saves == "amount"
            pay(seed, start, rows, size, self.law(code), whole, cost, self._usual, x, batch)
        return batch

    def observation(self, batch: Batch, i: int) -> dict[str, Any]:
        """Return what an agent sees of the i-th payment of a batch."""
        assert isinstance(batch.seen, Numbers)
        return dict(zip(FEATURES, batch.seen.values[i].tolist(), strict=True))

    def ideal(self, question: Question) -> Decision:
        """Return the oracle's answer: the scores are what an alert is expected to gain."""
        assert question.values is not None
        return Decision(int(question.values[1] > 0.0), scores=question.values)

    def gain(self, question: Question, truth: float) -> float:
        """Return what an alert earns: what catching fraud saves, if it is fraud, less the inspection."""
        saved = question.observation["amount"] if self.saves == "amount" else 1.0
        return float(saved if truth else 0.0) - self.inspection_cost

    def report(
        self, day: int, questions: Sequence[Question], alerts: set[int], best: set[int], memory: dict[int, int]
    ) -> list[Sequence[float]]:
        """Return, for each payment: whether an alert was right; its cost, with the best alerts too; a card saved.

        Missed fraud costs what catching it saves. A card is saved where its first fraud in 14 days is caught.
        """
        told: list[Sequence[float]] = []
        for i, question in enumerate(questions):
            fraud, alerted, saved = question.truth == 1.0, i in alerts, 0.0
            missed = self.gain(question, 1.0) + self.inspection_cost if fraud else 0.0
            if fraud:
                card = int(question.observation["card"])
                saved = float(alerted and day - memory.get(card, -CARD_DAYS - 1) > CARD_DAYS)
                memory[card] = day
            cost, bayes = (self.inspection_cost if i in chosen else missed for chosen in (alerts, best))
            told.append((float(fraud) if alerted else math.nan, cost, bayes, saved))
        for card in [card for card, last in memory.items() if day - last > CARD_DAYS]:
            del memory[card]
        return told

    def label_due(self, seed: int, start: int, count: int) -> IntArray:
        """Return the day (count,) at whose end the label of each step from `start` on comes uninspected, or NEVER."""
        day = np.arange(start, start + count) // self.per_day
        comes = keyed_uniforms(seed, start, count, _LABELS) < self.label_share
        return np.asarray(np.where(comes, day + self.label_delay, NEVER), dtype=np.int64)

    def expected_best(self, concept: int) -> float:
        """Return what a day's best alerts gain, per payment, from a fixed large sample of days and runs."""
        return self._mean_of_days(concept, np.sort)

    def simple_values(self) -> tuple[float, float]:
        """Return what alerts at random gain per payment, twice: always the same answer is no better."""
        by_chance = self._mean_of_days(0, lambda gain: gain.mean(keepdims=True).repeat(self.per_day))
        return by_chance, by_chance

    def _mean_of_days(self, concept: int, ordered: Callable[[FloatArray], FloatArray]) -> float:
        pinned, days = self.pin(concept), max(14, min(2048, _LARGE_SAMPLE // self.per_day))
        total = 0.0
        for run in range(days):  # a day of each run: days of one run are alike
            gain = pinned.batch(run, run % 7 * self.per_day, self.per_day).values[:, 1]
            total += float(ordered(gain)[-self.alerts :].sum())
        return total / (days * self.per_day)
