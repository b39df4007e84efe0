"""House prices: what a house is worth in a market that drifts, with the conditional mean known exactly."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sandbox.drift import Specs
from sandbox.interfaces import Numbers
from sandbox.law_stream import Batch
from sandbox.streams._forecasts import ForecastStream, rows_by_concept
from sandbox.streams._mixed import Part
from sandbox.streams.house_prices_law import AREAS, DISTRICTS, FEATURES, LEVEL, TASTES, Market, sell
from sandbox.table import FloatArray, IntArray

_MARKET = 4  # child seed; 1 is that of agents, and zeros at the end of a seed count for nothing


class HousePrices(ForecastStream):
    """Forecast what a house is sold for, in thousands: squared error, and the conditional mean is known.

    The log of a price is normal with standard deviation `noise`. Its mean is `level` (of a plain house in a suburb) and
    what the market pays for area, rooms, age, distance, quality and the district, drawn by `law_seed`; it moves with
    the seasons by up to `season`, and grows by `trend` a year, for twenty years of a thousand sales. In the centre old
    houses are dear.

    Drift: without settings, another market, which pays otherwise; with settings, `level`, `noise`, `season` or `trend`
    change. A level that moves by itself is an incremental drift or a random walk. Measured with the defaults: the best
    constant forecast is off by 207 (root mean square), the conditional mean by 36. A mistake is a forecast that is
    further from that mean than a tenth of the means' standard deviation, 20; no forecast costs what 0 would on average.
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
            spread[LEVEL] = 0.0  # the first market's is the setting
        rng = np.random.default_rng([self.law_seed, _MARKET, part.change])
        drawn = mean + spread * rng.standard_normal(len(mean))
        drawn[LEVEL] += math.log(now["level"])
        return np.append(drawn, [now["season"], now["trend"]])

    def ask(self, seed: int, start: int, concept: IntArray) -> Batch:
        """Return the sales of the steps from `start` on, each under the law of its concept (n,)."""
        batch = self.blank(concept, 2)
        assert isinstance(batch.seen, Numbers)
        for code, rows in rows_by_concept(concept):
            sell(seed, start, rows, self.market(code), batch.seen.values, batch)
        return batch
