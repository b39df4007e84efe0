"""The law of the fraud world: who pays where, what is known of cards and terminals, and how fraud looks.

Whatever lasts is known to all: how risky a terminal is today, and whether a card was used at a risky one of late. Given
that, each payment is fraud or not by itself. So what a payment shows says all that there is to know of it, no memory
says more, and P(fraud | what is seen) is exact.

Durations and multiples are those of the simulator of Le Borgne, Siblini, Lebichot & Bontempi (2022), "Reproducible
machine learning for credit card fraud detection": terminals are compromised for 28 days, cards for 14, and the amounts
of stolen cards are multiplied by 5.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import WORLD, pick, stream_of, uniform
from sandbox.law_stream import Batch
from sandbox.streams._normal import normal_of
from sandbox.table import FloatArray, IntArray

FEATURES = (
    "amount", "amount_over_usual", "hour", "weekday", "segment", "card", "card_usual", "card_count", "card_exposure",
    "terminal", "terminal_kind", "terminal_risk",
)  # fmt: skip
SEGMENTS = ("student", "family", "business")
SCENARIOS = ("terminal", "card", "amount")  # in which fraud happens
KINDS = 5  # of terminals
TERMINAL_DAYS, CARD_DAYS = 28, 14  # for which terminals and cards stay compromised
USUAL_LOG, USUAL_SPREAD, WIDEST = 0.0, 0.6, 2.5  # of the log of amount over usual amount; no log is further out
LARGEST = 60.0 * math.exp(0.5 + WIDEST)  # amount there can be
_CARD, _TERMINAL, _EPOCH, _DAY = 60, 61, 62, 63  # the purposes for which they are drawn
HOUR_SHARES = np.repeat([0.1 / 7.0, 0.6 / 11.0, 0.3 / 6.0], [7, 11, 6])  # of payments, in each hour
_FIRST_DAY = 1024  # day 0 has days before it
_SEGMENT_UP_TO = np.array([0.5, 0.85, 1.0])
_SEGMENT_USUAL = np.array([15.0, 40.0, 60.0])
_COMPROMISED = 0.06  # share of terminals
_RISE = 5  # days in which a compromised terminal's risk reaches its peak
HARMLESS = 0.1  # the largest risk of the others: up to there it means nothing
_VARIANCE = USUAL_SPREAD * USUAL_SPREAD
_CLEARLY = 0.02  # probability of fraud above which a payment counts among those of a scenario


class Law(NamedTuple):
    """The law of a concept, a mixture of laws, for compiled loops."""

    weight: FloatArray  # (laws,) share of each
    up_to: FloatArray  # (laws,) cumulative
    rate: FloatArray  # (laws, scenarios) probability of fraud where everything speaks for it
    hour: FloatArray  # (laws, 24) share of that in each hour
    kind: FloatArray  # (laws, kinds) and at each kind of terminal, in the scenario of amounts
    week: FloatArray  # (laws, 2) and from Monday to Friday, at weekends, in that scenario
    shift: FloatArray  # (laws, scenarios) mean log of amount over usual amount
    low: FloatArray  # (laws, scenarios) quantile of the smallest such log,
    span: FloatArray  # (laws, scenarios) and the probability of the range that there is


class Size(NamedTuple):
    """How large the world is."""

    per_day: int
    cards: int
    terminals: int


@compiled
def risk_of(seed: int, terminal: int, day: int) -> float:
    """Return how risky a terminal is on a day, 0 to 1, as all know: it rises in days and fades in weeks."""
    own = stream_of(seed, terminal, _TERMINAL)
    since = day + int(uniform(own, 0) * TERMINAL_DAYS)
    epoch, age = since // TERMINAL_DAYS, since % TERMINAL_DAYS
    drawn = uniform(own, 2 + epoch)
    if drawn >= _COMPROMISED:
        return HARMLESS * (drawn - _COMPROMISED) / (1.0 - _COMPROMISED)
    peak = 0.5 + 0.5 * drawn / _COMPROMISED
    return peak * min(1.0, (age + 1.0) / _RISE) * (1.0 - age / TERMINAL_DAYS)


@compiled
def card_of(stream: np.uint64, stratum: int, per_day: int, cards: int) -> int:
    """Return who pays in a stratum of the cards on a day: each card belongs to one, and pays at most once a day."""
    first = stratum * cards // per_day
    return int(first + int(uniform(stream, 0) * ((stratum + 1) * cards // per_day - first)))


@compiled
def terminal_of(stream: np.uint64, terminals: int) -> int:
    """Return where the payment is made; the first terminals are the busiest."""
    u = uniform(stream, 1)
    return int(terminals * u * math.sqrt(u))


@compiled
def past_of(
    seed: int, card: int, stratum: int, day: int, per_day: int, cards: int, terminals: int
) -> tuple[int, float]:
    """Return how often a card paid in the 14 days before a day, and the highest risk of the terminals then."""
    count, exposure = 0, 0.0
    for back in range(1, CARD_DAYS + 1):
        stream = stream_of(seed, (day - back) * per_day + stratum, WORLD)
        if card_of(stream, stratum, per_day, cards) == card:
            count += 1
            exposure = max(exposure, risk_of(seed, terminal_of(stream, terminals), day - back))
    return count, exposure


@compiled
def hour_of(share: float) -> float:
    """Return the hour, 0 to 24, at which a share of a day's payments is made: a tenth by 7, seven tenths by 18."""
    if share < 0.1:
        return 70.0 * share
    if share < 0.7:
        return 7.0 + (share - 0.1) * (11.0 / 0.6)
    return 18.0 + (share - 0.7) * 20.0


@compiled
def describe(seed: int, step: int, per_day: int, cards: int, terminals: int, x: FloatArray) -> np.uint64:
    """Fill in the features (12,) of the payment of a step, all but its amount; return where its numbers are drawn."""
    day, slot = step // per_day + _FIRST_DAY, step % per_day
    stratum = (slot + int(uniform(stream_of(seed, day, _DAY), 0) * per_day)) % per_day
    stream = stream_of(seed, day * per_day + stratum, WORLD)
    card, terminal = card_of(stream, stratum, per_day, cards), terminal_of(stream, terminals)
    own = stream_of(seed, card, _CARD)
    segment = pick(_SEGMENT_UP_TO, uniform(own, 0))
    count, exposure = past_of(seed, card, stratum, day, per_day, cards, terminals)
    x[2], x[3] = hour_of((slot + uniform(stream, 2)) / per_day), (day - _FIRST_DAY) % 7
    x[4], x[5] = segment, card
    x[6] = _SEGMENT_USUAL[segment] * math.exp(uniform(own, 1) - 0.5)
    x[7], x[8] = count, exposure
    x[9], x[10] = terminal, int(uniform(stream_of(seed, terminal, _TERMINAL), 1) * KINDS)
    x[11] = risk_of(seed, terminal, day)
    return stream


@compiled
def weigh_scenarios(
    rate: FloatArray, hour: FloatArray, kind: FloatArray, week: FloatArray, x: FloatArray, chance: FloatArray
) -> None:
    """Fill in the probability of fraud in each scenario (3,) before the amount is seen, under one law."""
    awake = hour[int(x[2])]
    chance[0] = rate[0] * awake * max(0.0, x[11] - HARMLESS) / (1.0 - HARMLESS)
    chance[1] = rate[1] * awake * max(0.0, x[8] - HARMLESS) / (1.0 - HARMLESS)
    chance[2] = rate[2] * awake * kind[int(x[10])] * week[1 if x[3] >= 5.0 else 0]


@compiled
def ratio_of(log_amount: float, shift: float, span: float, usual_span: float) -> float:
    """Return how much likelier an amount is in a scenario than among honest payments: two normal densities."""
    return usual_span / span * math.exp(shift * (log_amount - 0.5 * shift) / _VARIANCE)


@compiled
def draw_scenario(chance: FloatArray, u: float) -> int:
    """Return the scenario in which a payment is fraud, by the probability of each (3,); -1 where it is honest."""
    for s in range(chance.shape[0]):
        if u < chance[s]:
            return s
        u -= chance[s]
    return -1


@compiled
def draw_log(mean: float, low: float, span: float, u: float) -> float:
    """Return the log of amount over usual amount: normal, within the range there is."""
    return max(-WIDEST, min(WIDEST, mean + USUAL_SPREAD * normal_of(low + span * u)))  # the limits are for rounding


@compiled
def judge(
    weight: FloatArray, chance: FloatArray, shift: FloatArray, span: FloatArray, usual_span: float, log_amount: float
) -> tuple[float, int]:
    """Return P(fraud) of a payment and its likeliest scenario; `chance` (laws, 3) is that before the amount is seen."""
    fraud, honest, likeliest, most = 0.0, 0.0, 0, -1.0
    for s in range(chance.shape[1]):
        total = 0.0
        for m in range(weight.shape[0]):
            total += weight[m] * chance[m, s] * ratio_of(log_amount, shift[m, s], span[m, s], usual_span)
        fraud += total
        if total > most:
            likeliest, most = s, total
    for m in range(weight.shape[0]):
        honest += weight[m] * (1.0 - chance[m, 0] - chance[m, 1] - chance[m, 2])
    return fraud / (fraud + honest), likeliest


@compiled
def pay(
    seed: int, start: int, rows: IntArray, size: Size, law: Law, saves_amount: bool, cost: float, usual: FloatArray,
    x: FloatArray, batch: Batch,
) -> None:  # fmt: skip
    """Fill in the given rows of a batch from the step `start` on. `usual`: `low` and `span` of honest amounts."""
    weight, up_to, rate, hour, kind, week, shift, low, span = law
    per_day, cards, terminals = size
    values, rewards = batch.values, batch.rewards
    chance = np.empty((weight.shape[0], 3))
    for i in rows:
        stream = describe(seed, start + i, per_day, cards, terminals, x[i])
        for m in range(weight.shape[0]):
            weigh_scenarios(rate[m], hour[m], kind[m], week[m], x[i], chance[m])
        now = pick(up_to, uniform(stream, 5)) if weight.shape[0] > 1 else 0
        scenario = draw_scenario(chance[now], uniform(stream, 3))
        mean, first, width = 0.0, usual[0], usual[1]
        if scenario >= 0:
            mean, first, width = shift[now, scenario], low[now, scenario], span[now, scenario]
        log_amount = draw_log(mean, first, width, uniform(stream, 4))
        x[i, 1] = math.exp(log_amount)
        x[i, 0] = x[i, 6] * x[i, 1]
        posterior, likeliest = judge(weight, chance, shift, span, usual[1], log_amount)
        saved = x[i, 0] if saves_amount else 1.0
        batch.truth[i] = 1 if scenario >= 0 else 0
        batch.cell[i] = 1 + likeliest if posterior > _CLEARLY else 0
        batch.group[i] = int(x[i, 4])
        values[i, 0] = rewards[i, 0] = 0.0
        values[i, 1] = posterior * saved - cost
        rewards[i, 1] = (saved if scenario >= 0 else 0.0) - cost
