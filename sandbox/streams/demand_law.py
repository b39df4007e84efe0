"""The law of the demand world: what the mean demand for a product on a day is, and what a decision is worth."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import OUTCOME, WORLD, pick, stream_of, uniform
from sandbox.law_stream import Batch
from sandbox.streams._counts import LAW, MOST, count_of, left_over, quantile_of
from sandbox.streams._forecasts import MEAN, VARIANCE
from sandbox.table import FloatArray, IntArray

PRODUCTS = ("bread", "milk", "ice cream", "soup", "beer", "berries", "flowers", "candles", "fish", "cheese")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
YEAR = 365  # days
YEARS = 20.0  # for which the trend lasts: no demand grows for ever
DECISIONS = ("forecast", "quantile", "order")
WEEKEND = 4  # friday is its first day
STOCK, BEST, BEST_VALUE, LAWS = 2, 3, 4, 5  # of a question's values, after mean and variance; then its laws
# Of a product's tastes: volume, weekdays, what spring and summer give, what a promotion gives, trend.
VOLUME, WEEK, SPRING, SUMMER, LIFT, TREND = 0, 1, 8, 9, 10, 11


class Market(NamedTuple):
    """The law of a concept: the logarithm of a mean demand is linear in these tastes."""

    weight: FloatArray  # (laws,) of a mixture
    up_to: FloatArray  # (laws,) cumulative
    taste: FloatArray  # (laws, products, tastes)
    dispersion: FloatArray  # (laws,) a count's variance is its mean + dispersion mean^2
    promotion: float  # share of the products that are promoted
    stock: FloatArray  # (products,) a usual stock


class Game(NamedTuple):
    """What is asked for: the level of the quantile, 0 for the mean; and what a sale earns and a leftover costs."""

    level: float
    margin: float  # NaN: the quantile's own loss counts
    waste: float


@compiled
def describe(stream: np.uint64, step: int, products: int, promotion: float, x: FloatArray) -> int:
    """Fill in what is seen of a product on a day (products + 11,), but for its stock; return whether it is promoted."""
    day, product = step // products, step % products
    for k in range(products):
        x[k] = 1.0 if k == product else 0.0
    for k in range(7):
        x[products + k] = 1.0 if k == day % 7 else 0.0
    promoted = int(uniform(stream, 0) < promotion)
    angle = 2.0 * math.pi * (day % YEAR) / YEAR
    x[products + 7], x[products + 8] = promoted, day / YEAR
    x[products + 9], x[products + 10] = math.sin(angle), -math.cos(angle)
    return promoted


@compiled
def mean_demand(taste: FloatArray, weekday: int, promoted: int, year: float, spring: float, summer: float) -> float:
    """Return the mean demand for a product of these tastes (12,)."""
    total = taste[VOLUME] + taste[WEEK + weekday] + taste[SPRING] * spring + taste[SUMMER] * summer
    return min(MOST, math.exp(total + taste[LIFT] * promoted + taste[TREND] * min(year, YEARS)))


@compiled
def price(values: FloatArray, game: Game, scratch: FloatArray) -> None:
    """Fill in the best choice of a question and what it is worth, where a quantile or an order is asked for."""
    laws = values[LAWS:]
    best = float(quantile_of(laws, game.level, scratch))
    values[BEST], values[BEST_VALUE] = best, worth(values, game, best)


@compiled
def worth(values: FloatArray, game: Game, choice: float) -> float:
    """Return what a quantile or an order is worth (Arrow, Harris & Marschak 1951: the newsvendor)."""
    if math.isnan(game.margin):
        return float(game.level * (choice - values[MEAN]) - left_over(values[LAWS:], choice))
    order = max(0.0, choice)
    return float(game.margin * order - (game.margin + game.waste) * left_over(values[LAWS:], order))


@compiled
def trade(seed: int, start: int, rows: IntArray, market: Market, game: Game, x: FloatArray, batch: Batch) -> None:
    """Fill in the given rows of a batch from the step `start` on: what is seen, the demand and its law."""
    weight, up_to, taste, dispersion, promotion, usual = market
    products, laws = usual.shape[0], weight.shape[0]
    scratch = np.empty((batch.values.shape[1] - LAWS) // LAW)
    for i in rows:
        step = start + i
        product, weekday = step % products, step // products % 7
        stream = stream_of(seed, step, WORLD)
        promoted = describe(stream, step, products, promotion, x[i])
        stock = max(1.0, math.floor(usual[product] * (0.5 + uniform(stream, 1))))
        if x.shape[1] > products + 11:
            x[i, products + 11] = stock
        stream, law = stream_of(seed, step, OUTCOME), 0
        if laws > 1:
            law = pick(up_to, uniform(stream, 1))
        year, spring, summer = x[i, products + 8], x[i, products + 9], x[i, products + 10]
        mean, variance, share, values = 0.0, 0.0, 0.0, batch.values[i]
        values[LAWS:] = 0.0
        for m in range(laws):
            one = mean_demand(taste[m, product], weekday, promoted, year, spring, summer)
            share += weight[m]
            off = one - mean
            mean += off * (weight[m] / share)
            variance += weight[m] * (one + dispersion[m] * one * one + off * (one - mean))
            at = LAWS + LAW * m
            values[at], values[at + 1], values[at + 2] = weight[m], one, dispersion[m]
            if m == law:
                batch.truth[i] = count_of(one, dispersion[m], uniform(stream, 0))
        values[MEAN], values[VARIANCE], values[STOCK] = mean, variance, stock
        values[BEST], values[BEST_VALUE] = mean, -variance
        if game.level > 0.0:
            price(values, game, scratch)
        batch.group[i] = product
        batch.cell[i] = 4 * product + 2 * int(weekday >= WEEKEND) + promoted
