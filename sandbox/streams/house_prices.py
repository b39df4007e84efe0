"""House prices: what a house is worth in a market that drifts, with the conditional mean known exactly."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import OUTCOME, WORLD, pick, stream_of, uniform
from sandbox.drift import Specs
from sandbox.interfaces import Numbers
from sandbox.law_stream import Batch
from sandbox.streams._forecasts import ForecastStream, rows_by_concept
from sandbox.streams._mixed import Part
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
_LEVEL, _SEASON, _TREND = 0, len(TASTES), len(TASTES) + 1
_MARKET = 1  # child seed


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
    total = c[_LEVEL] + c[1] * math.log(x[_AREA] / 90.0) + c[2] * (x[_ROOMS] - x[_AREA] / 30.0 - 0.5)
    total += c[5] * (x[_QUALITY] - 3.0) - c[3] * century - c[4] * x[_DISTANCE] + c[6] * century * x[_CENTRE]
    for k in range(3):
        total += c[7 + k] * x[_CENTRE + k]
    return float(total + c[_SEASON] * x[_SPRING] + c[_TREND] * min(x[_YEAR], YEARS))


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


class HousePrices(ForecastStream):
    """Forecast what a house is sold for, in thousands: squared error, and the conditional mean is known.

    The log of a price is normal with standard deviation `noise`. Its mean is `level` (of a plain house in a suburb) and
    what the market pays for area, rooms, age, distance, quality and the district, drawn by `law_seed`; it moves with
    the seasons by up to `season`, and grows by `trend` a year, for twenty years of a thousand sales. In the centre old
    houses are dear.

    Drift: without settings, another market, which pays otherwise; with settings, `level`, `noise`, `season` or `trend`
    change. A level that moves by itself is an incremental drift or a random walk. Measured with the defaults: the best
    constant forecast is off by 172 (root mean square), the conditional mean by 34. A mistake is a forecast that is
    further from that mean than a tenth of the means' standard deviation, 17; no forecast costs what 0 would on average.
    """

    features = FEATURES
    group_names = DISTRICTS
    n_cells = len(DISTRICTS) * (len(AREAS) + 1)
    cell_names = tuple(
        f"{district}, {size}" for district in DISTRICTS for size in ("tiny", "small", "middling", "large")
    )
    changes_what = "the market"
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {
        "level": (1.0, 1e5),
        "noise": (0.0, 1.0),
        "season": (0.0, 0.5),
        "trend": (-0.1, 0.1),
    }
    counts: ClassVar[dict[str, tuple[int, int]]] = {"law_seed": (0, 2**62)}

    def __init__(
        self,
        law_seed: int = 0,
        level: float = 250.0,
        noise: float = 0.1,
        season: float = 0.03,
        trend: float = 0.01,
        drift: Specs = None,
    ) -> None:
        super().__init__(drift)
        self.law_seed, self.level, self.noise, self.season, self.trend = law_seed, level, noise, season, trend
        self._check_settings()
        self._markets: dict[int, Market] = {}
        self._set_scale()

    def market(self, concept: int) -> Market:
        """Return the law of a concept."""
        if concept not in self._markets:
            laws = [parts for _, parts in self.parts(concept)]
            taste = np.array([sum(part.share * self._taste(part) for part in parts) for parts in laws])
            noise = np.array([self.between("noise", parts) for parts in laws])
            self._markets[concept] = Market(*self.law_parts(concept), taste, noise)
        return self._markets[concept]

    def _taste(self, part: Part) -> FloatArray:
        """Return the coefficients of an anchor."""
        now = {name: float(part.settings.get(name, getattr(self, name))) for name in ("level", "season", "trend")}
        mean, spread = np.array(list(TASTES.values())).T
        if part.change == 0:
            spread[_LEVEL] = 0.0  # the first market's is the setting
        rng = np.random.default_rng([self.law_seed, _MARKET, part.change])
        drawn = mean + spread * rng.standard_normal(len(mean))
        drawn[_LEVEL] += math.log(now["level"])
        return np.append(drawn, [now["season"], now["trend"]])

    def ask(self, seed: int, start: int, concept: IntArray) -> Batch:
        """Return the sales of the steps from `start` on, each under the law of its concept (n,)."""
        batch = self.blank(concept, 2)
        assert isinstance(batch.seen, Numbers)
        for code, rows in rows_by_concept(concept):
            sell(seed, start, rows, self.market(code), batch.seen.values, batch)
        return batch
