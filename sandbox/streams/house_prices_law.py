"""The law of house prices: what is seen of a house, and what a market pays for it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import OUTCOME, WORLD, pick, stream_of, uniform
from sandbox.law_stream import Batch
from sandbox.streams._normal import normal_of
from sandbox.table import FloatArray, IntArray

DISTRICTS = ("centre", "suburb", "village")
FEATURES = ("area", "rooms", "age", "distance", "quality", *DISTRICTS, "year", "spring", "summer")
PER_YEAR = 1000  # houses sold
YEARS = 20.0  # for which the trend lasts: no price grows for ever
AREAS = (60.0, 100.0, 150.0)  # square metres, where one size of house ends and the next begins
_AREA, _ROOMS, _AGE, _DISTANCE, _QUALITY, _CENTRE, _YEAR, _SPRING, _SUMMER = 0, 1, 2, 3, 4, 5, 8, 9, 10
_DISTRICT_UP_TO = np.array([0.3, 0.7, 1.0])
_QUALITY_UP_TO = np.array([0.1, 0.3, 0.7, 0.9, 1.0])  # of 1 to 5
_NEAREST, _FURTHEST = np.array([0.0, 3.0, 10.0]), np.array([4.0, 15.0, 40.0])  # km from the middle, by district
# What a market draws anew, normal: mean, and standard deviation over markets.
TASTES = {
    "level": (0.0, 0.15),
    "area": (0.85, 0.12),  # elasticity
    "rooms": (0.04, 0.02),  # for one more room on the same area
    "age": (0.25, 0.1),  # what a century takes
    "distance": (0.012, 0.005),  # what a kilometre takes
    "quality": (0.1, 0.03),
    "charm": (0.35, 0.15),  # what a century gives in the centre
    "centre": (0.3, 0.15),
    "suburb": (0.1, 0.12),
    "village": (0.0, 0.12),
}
LEVEL, SEASON, TREND = 0, len(TASTES), len(TASTES) + 1
MARKET = 4  # child seed; 1 is that of agents, and zeros at the end of a seed count for nothing


class Market(NamedTuple):
    """The law of a concept: log prices are normal, with a mean linear in these coefficients."""

    weight: FloatArray  # (laws,) of a mixture
    up_to: FloatArray  # (laws,) cumulative
    taste: FloatArray  # (laws, coefficients) in the order of `TASTES`, then season and trend
    noise: FloatArray  # (laws,) standard deviation of a log price


@compiled
def describe(stream: np.uint64, step: int, x: FloatArray) -> int:
    """Fill in the features (11,) of the house sold in a step; return its district."""
    district = pick(_DISTRICT_UP_TO, uniform(stream, 0))
    u = uniform(stream, 1)
    x[_AREA] = 30.0 + 170.0 * u * math.sqrt(u)
    x[_ROOMS] = 1.0 + math.floor(x[_AREA] / 30.0 + 1.5 * (uniform(stream, 2) - 0.5))
    age = uniform(stream, 3)
    x[_AGE] = math.floor(120.0 * age * age)
    x[_DISTANCE] = _NEAREST[district] + (_FURTHEST[district] - _NEAREST[district]) * uniform(stream, 4)
    x[_QUALITY] = 1.0 + pick(_QUALITY_UP_TO, uniform(stream, 5))
    for k in range(3):
        x[_CENTRE + k] = 1.0 if k == district else 0.0
    angle = 2.0 * math.pi * (step % PER_YEAR) / PER_YEAR
    x[_YEAR], x[_SPRING], x[_SUMMER] = step / PER_YEAR, math.sin(angle), -math.cos(angle)
    return district


@compiled
def log_price(c: FloatArray, x: FloatArray) -> float:
    """Return the mean log price of a house (11,) under the coefficients of a law."""
    century = x[_AGE] / 100.0
    total = c[LEVEL] + c[1] * math.log(x[_AREA] / 90.0) + c[2] * (x[_ROOMS] - x[_AREA] / 30.0 - 0.5)
    total += c[5] * (x[_QUALITY] - 3.0) - c[3] * century - c[4] * x[_DISTANCE] + c[6] * century * x[_CENTRE]
    for k in range(3):
        total += c[7 + k] * x[_CENTRE + k]
    return float(total + c[SEASON] * x[_SPRING] + c[TREND] * min(x[_YEAR], YEARS))


@compiled
def sell(seed: int, start: int, rows: IntArray, market: Market, x: FloatArray, batch: Batch) -> None:
    """Fill in the given rows of a batch from the step `start` on: houses, prices, and their mean and variance.

    A log-normal number has mean exp(m + s^2 / 2), and a variance of exp(s^2) - 1 times its square.
    """
    weight, up_to, taste, noise = market
    for i in rows:
        district = describe(stream_of(seed, start + i, WORLD), start + i, x[i])
        stream = stream_of(seed, start + i, OUTCOME)
        z, law = normal_of(uniform(stream, 0)), 0
        if weight.shape[0] > 1:
            law = pick(up_to, uniform(stream, 1))
        mean, variance, share = 0.0, 0.0, 0.0
        for k in range(weight.shape[0]):
            log_mean, log_variance = log_price(taste[k], x[i]), noise[k] * noise[k]
            expected = math.exp(log_mean + 0.5 * log_variance)
            share += weight[k]
            off = expected - mean
            mean += off * (weight[k] / share)
            variance += weight[k] * (expected * expected * math.expm1(log_variance) + off * (expected - mean))
            if k == law:
                batch.truth[i] = math.exp(log_mean + noise[k] * z)
        size = 0
        for k in range(3):
            if x[i, _AREA] >= AREAS[k]:
                size = k + 1
        batch.group[i], batch.cell[i] = district, 4 * district + size
        batch.values[i, 0], batch.values[i, 1] = mean, variance
