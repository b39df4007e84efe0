"""Demand: sales by day and product, which stock-outs censor; forecast the demand, or choose the order."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError, suggestion
from sandbox.interfaces import Decision, Numbers, Question, Settled
from sandbox.law_stream import Batch
from sandbox.streams import demand_law as law
from sandbox.streams._counts import LAW, mean_left_over
from sandbox.streams._forecasts import MEAN, ForecastStream, number_of, rows_by_concept
from sandbox.streams._mixed import Part
from sandbox.table import FloatArray, IntArray

_TASTES = 3  # child seed; 1 is that of agents, and zeros at the end of a seed count for nothing
_ROUNDING = 1e-14  # of what a choice is worth, as a share of what its units cost


class Demand(ForecastStream):
    """Say how much of a product is wanted on a day; what was not in stock is not seen to be missed.

    Every step is one of the `products` on one day. The demand is a negative binomial number, of variance mean +
    `dispersion` mean^2. Its mean, at most 500, is about `volume`, and depends on product, weekday, season (a factor of
    up to e^`season`), a promotion (of a share `promotion` of all), and a `trend` a year that lasts for twenty.

    `decision`: "forecast" the demand (squared error), name its "quantile" of `level` (pinball loss), or choose the
    "order": each unit sold earns `margin`, each left over costs `waste`. The law knows the mean, or the quantile; of an
    order it is the one of level margin / (margin + waste).

    With `censored`, whoever learns is told what was sold, min(demand, stock) or min(demand, order), and sees the stock,
    half to one and a half times `stock` usual demands. Errors are those against the demand, and River's pairs hold it.
    Who orders what was sold on average orders less and less (spiral down: Cooper, Homem-de-Mello & Kleywegt 2006),
    and who orders nothing learns nothing.

    Drift: without settings, other tastes; with settings, `volume`, `dispersion`, `season`, `trend`, `promotion` or
    `stock` change. Measured with the defaults: the best constant forecast is off by 22 (root mean square), the mean by
    12; the best constant order earns 63, the best orders 77. A mistake costs more than a hundredth of what the best
    constant does. No forecast costs what 0 would on average; no order earns 0.
    """

    changes_what = "tastes"
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {
        "volume": (1.0, 100.0),
        "dispersion": (0.0, 2.0),
        "season": (0.0, 1.0),
        "trend": (-0.1, 0.1),
        "promotion": (0.0, 1.0),
        "stock": (0.1, 100.0),
    }
    counts: ClassVar[dict[str, tuple[int, int]]] = {"law_seed": (0, 2**62), "products": (1, len(law.PRODUCTS))}
    ranges: ClassVar[dict[str, tuple[float, float]]] = {
        "level": (0.001, 0.999),
        "margin": (1e-3, 1e3),
        "waste": (1e-3, 1e3),
    }

    def __init__(
        self,
        law_seed: int = 0,
        decision: str = "forecast",
        products: int = 5,
        volume: float = 20.0,
        dispersion: float = 0.1,
        season: float = 0.3,
        trend: float = 0.02,
        promotion: float = 0.15,
        stock: float = 1.5,
        censored: bool = True,
        level: float = 0.9,
        margin: float = 3.0,
        waste: float = 1.0,
        drift: Specs = None,
    ) -> None:
        self.law_seed, self.decision, self.products, self.censored = law_seed, decision, products, censored
        self.volume, self.dispersion, self.season, self.trend = volume, dispersion, season, trend
        self.promotion, self.stock, self.level, self.margin, self.waste = promotion, stock, level, margin, waste
        if decision not in law.DECISIONS:
            near = suggestion(str(decision), law.DECISIONS) or f"; one of {', '.join(law.DECISIONS)}"
            raise SandboxError(f"demand: there is no decision {decision!r}{near}")
        if not isinstance(censored, bool):
            raise SandboxError(f"demand: censored={censored!r} is neither True nor False")
        self.group_names = law.PRODUCTS[: products if isinstance(products, int) else 1]
        seen = ("promotion", "year", "spring", "summer", *(("stock",) if censored and decision != "order" else ()))
        self.features = (*self.group_names, *law.WEEKDAYS, *seen)
        super().__init__(drift)
        self._check_settings()
        days = ("weekday", "weekday, promoted", "weekend", "weekend, promoted")
        self.cell_names = tuple(f"{product}, {day}" for product in self.group_names for day in days)
        self.n_cells = len(self.cell_names)
        self._width = law.LAWS + LAW * max(len(self.parts(concept)) for concept in range(self.n_concepts))
        self._markets: dict[int, law.Market] = {}
        self.quantile = self.game.level or 0.5  # whose pinball loss is measured
        self._set_scale()

    @property
    def game(self) -> law.Game:
        """What is asked for."""
        if self.decision == "forecast":
            return law.Game(0.0, math.nan, math.nan)
        if self.decision == "quantile":
            return law.Game(float(self.level), math.nan, math.nan)
        return law.Game(self.margin / (self.margin + self.waste), float(self.margin), float(self.waste))

    @property
    def _unit(self) -> float:
        """What one more left over costs beside one more sold."""
        return 1.0 if math.isnan(self.game.margin) else self.game.margin + self.game.waste

    def market(self, concept: int) -> law.Market:
        """Return the law of a concept."""
        if concept not in self._markets:
            laws = [parts for _, parts in self.parts(concept)]
            taste = np.array([sum(part.share * self._taste(part) for part in parts) for parts in laws])
            dispersion = np.array([self.between("dispersion", parts) for parts in laws])
            weight, up_to = self.law_parts(concept)
            promotion, stock = (
                float(sum(w * self.between(name, parts) for w, parts in zip(weight, laws, strict=True)))
                for name in ("promotion", "stock")
            )
            usual = stock * self.volume * np.exp(self._drawn(0)[:, law.VOLUME])
            self._markets[concept] = law.Market(weight, up_to, taste, dispersion, promotion, usual)
        return self._markets[concept]

    def _drawn(self, change: int) -> FloatArray:
        """Return the tastes (products, 12) as drawn for a change of the world's own, where settings are 1 and 0."""
        rng = np.random.default_rng([self.law_seed, _TASTES, change])
        z, angle = rng.standard_normal((self.products, 12)), 2.0 * math.pi * rng.random(self.products)
        taste = np.zeros((self.products, 12))
        taste[:, law.VOLUME] = 0.4 * z[:, 0]
        taste[:, law.WEEK : law.WEEK + 7] = 0.15 * z[:, 1:8]
        taste[:, law.WEEK + law.WEEKEND : law.WEEK + 7] += 0.2
        taste[:, law.SPRING], taste[:, law.SUMMER] = np.sin(angle), np.cos(angle)
        taste[:, law.LIFT] = 0.6 + 0.15 * z[:, 8]
        return taste

    def _taste(self, part: Part) -> FloatArray:
        """Return the tastes (products, 12) of an anchor."""
        names = ("volume", "season", "trend")
        volume, season, trend = (float(part.settings.get(name, getattr(self, name))) for name in names)
        taste = self._drawn(part.change)
        taste[:, law.VOLUME] += math.log(volume)
        taste[:, [law.SPRING, law.SUMMER]] *= season
        taste[:, law.TREND] = trend
        return taste

    def ask(self, seed: int, start: int, concept: IntArray) -> Batch:
        """Return the questions of the steps from `start` on, each under the law of its concept (n,)."""
        batch = self.blank(concept, self._width)
        assert isinstance(batch.seen, Numbers)
        for code, rows in rows_by_concept(concept):
            law.trade(seed, start, rows, self.market(code), self.game, batch.seen.values, batch)
        return batch

    def _set_scale(self) -> FloatArray:
        values = super()._set_scale()
        game = self.game
        if game.level == 0.0:
            return values
        many = np.ascontiguousarray(values[:, law.LAWS :])
        mean, best, some = values[:, MEAN].mean(), values[:, law.BEST_VALUE].mean(), many[::16].copy()
        low, high = 0, int(values[:, law.BEST].max())
        while low < high:  # the smallest order of which one more would be worth no more: its worth is concave
            middle = (low + high) // 2
            more = mean_left_over(some, middle + 1.0) - mean_left_over(some, float(middle))
            low, high = (middle + 1, high) if more < game.level else (low, middle)
        orders = not math.isnan(game.margin)
        self.abstention = 0.0 if orders else -game.level * float(mean)
        self._constant = self.abstention + self._unit * (game.level * low - mean_left_over(many, float(low)))
        apart = float(best) - self._constant
        self.gap_range = apart if apart > 1e-9 else 1.0
        return values

    def settle(self, question: Question, made: Decision) -> Settled:
        """Return what a decision is worth, what it earned, and what whoever learns is told."""
        game, values, demand = self.game, question.values, question.truth
        assert values is not None
        limit = values[law.STOCK]
        if self.decision == "order":
            limit = 0.0 if made.choice is None else max(0.0, number_of(made))
        told = min(demand, limit) if self.censored else demand
        if self.decision == "forecast":
            return super().settle(question, made)._replace(told=told)
        best = max(values[law.BEST_VALUE], self.abstention)
        if made.choice is None:
            return Settled(best, self.abstention, self.abstention, told)
        choice = number_of(made)
        value, most = law.worth(np.array(values), game, choice), values[law.BEST_VALUE]
        if most < value <= most + _ROUNDING * self._unit * (1.0 + abs(choice)):
            value = most  # as next to the best order
        if self.decision == "quantile":
            short = demand - choice
            return Settled(best, value, -max(game.level * short, (game.level - 1.0) * short), told)
        sold = min(demand, limit)
        return Settled(best, value, game.margin * sold - game.waste * (limit - sold), told)

    def ideal(self, question: Question) -> Decision:
        """Return the best decision: the mean or the quantile, or none where that is better."""
        values = question.values
        assert values is not None
        return Decision(values[law.BEST] if values[law.BEST_VALUE] >= self.abstention else None)

    def best_values(self, batch: Batch) -> FloatArray:
        """Return V* (n,) of the questions of a batch, abstaining left out."""
        return np.asarray(batch.values[:, law.BEST_VALUE])
