"""What a run is judged by: one definition per metric, a pure function of the evaluator's sums."""

from __future__ import annotations

import math

from sandbox.extras import EXTRAS
from sandbox.label_metrics import LABEL_METRICS
from sandbox.metric import Metric, Sums
from sandbox.trace import Meta


def _accuracy_answered(s: Sums) -> float:
    right, asked = s.total("correct"), s.count("correct")
    answered = asked - s.total("unanswered")
    return right / answered if answered > 0 else math.nan


_ALL = (
    Metric("reward", "mean reward", "reward per decision", "higher", lambda s: s.mean("reward"), "reward"),
    Metric(
        "final_reward", "mean reward over the last tenth", "reward per decision", "higher", lambda s: s.tail("reward")
    ),
    Metric("return", "mean undiscounted return", "reward per episode", "higher", lambda s: s.mean("return"), "return"),
    Metric(
        "final_return",
        "mean return over the last tenth of the episodes",
        "reward per episode",
        "higher",
        lambda s: s.tail("return"),
    ),
    Metric("episodes", "episodes that ended", "episodes", "", lambda s: s.count("return")),
    Metric(
        "episode_length", "mean length of an episode", "decisions per episode", "", lambda s: s.mean("length"), "length"
    ),
    Metric(
        "accuracy",
        "share of right labels; an abstention is not right",
        "share of decisions",
        "higher",
        lambda s: s.mean("correct"),
        "correct",
    ),
    Metric(
        "accuracy_answered",
        "share of right labels among the decisions that were not abstentions (what River reports)",
        "share of answers",
        "higher",
        _accuracy_answered,
    ),
    Metric(
        "log_loss",
        "mean of -log(probability given to the truth), clipped at 1e-15; abstentions have none",
        "nats per decision",
        "lower",
        lambda s: s.mean("log_loss"),
        "log_loss",
    ),
    Metric(
        "mae",
        "mean absolute error of the forecasts made",
        "label",
        "lower",
        lambda s: s.mean("absolute_error"),
        "absolute_error",
    ),
    Metric(
        "rmse",
        "root of the mean squared error of the forecasts made",
        "label",
        "lower",
        lambda s: math.sqrt(s.mean("squared_error")),
        "squared_error",
    ),
    Metric(
        "pinball",
        "mean pinball loss of the forecasts made, at the level that the world is about (half if it does not say)",
        "label",
        "lower",
        lambda s: s.mean("pinball"),
        "pinball",
    ),
    Metric(
        "mistakes",
        "decisions whose gap exceeds a hundredth of the world's gap range; unpriced: outcome errors, bad luck included",
        "decisions",
        "lower",
        lambda s: s.total("mistake"),
        "mistake",
    ),
    Metric(
        "mistake_rate",
        "mistakes per decision that could be judged",
        "share of decisions",
        "lower",
        lambda s: s.mean("mistake"),
        "mistake",
    ),
    Metric(
        "final_mistake_rate",
        "mistake rate over the last tenth",
        "share of decisions",
        "lower",
        lambda s: s.tail("mistake"),
    ),
    Metric(
        "inaccuracies",
        "mistakes of up to 5 % of the gap range",
        "decisions",
        "lower",
        lambda s: s.total("inaccuracy"),
        "inaccuracy",
    ),
    Metric(
        "middling_mistakes",
        "mistakes of 5 to 20 % of the gap range",
        "decisions",
        "lower",
        lambda s: s.total("middling"),
        "middling",
    ),
    Metric(
        "blunders",
        "mistakes of more than 20 % of the gap range",
        "decisions",
        "lower",
        lambda s: s.total("blunder"),
        "blunder",
    ),
    Metric(
        "exploring_mistakes",
        "mistakes made while exploring: the greedy choice was another",
        "decisions",
        "lower",
        lambda s: s.total("exploring_mistake"),
        "exploring_mistake",
    ),
    Metric("regret", "sum of all gaps", "reward", "lower", lambda s: s.total("regret"), "regret"),
    Metric(
        "shortfall",
        "reward of the oracle's own run of the same seed minus reward, where choices change later laws; may be below 0",
        "reward",
        "lower",
        lambda s: s.total("shortfall"),
    ),
    Metric(
        "forgetting",
        "mean loss at the start of a return to a concept minus that at the end of the visit before",
        "gap or error per decision",
        "lower",
        lambda s: s.visits("forgetting"),
    ),
    Metric(
        "backward_transfer",
        "mean loss at the end of the first visit to a concept minus that at the start of the last one; below 0: lost",
        "gap or error per decision",
        "higher",
        lambda s: s.visits("backward_transfer"),
    ),
    Metric(
        "forward_transfer",
        "mean loss at the start of the twin in a later concept minus that at the start of the first visit to it",
        "gap or error per decision",
        "higher",
        lambda s: s.visits("forward_transfer"),
    ),
    Metric(
        "luck",
        "sum of luck: what chance gave beyond the value of the choices",
        "reward",
        "",
        lambda s: s.total("luck"),
        "luck",
    ),
    Metric(
        "shift",
        "sum of jumps in V* because the world changed within an episode",
        "reward",
        "",
        lambda s: s.total("shift"),
        "shift",
    ),
    Metric(
        "start_luck",
        "sum over episodes of V*(start) minus its expectation",
        "reward",
        "",
        lambda s: s.audit("start_luck"),
    ),
    Metric(
        "level",
        "sum over episodes of how much better or worse the world became",
        "reward",
        "",
        lambda s: s.audit("level"),
    ),
    Metric(
        "near_misses",
        "decisions in a situation that came of a near miss, in worlds that know such",
        "decisions",
        "lower",
        lambda s: s.total("near_misses"),
    ),
    Metric(
        "collisions",
        "decisions in a situation that came of a collision, in worlds that know such",
        "decisions",
        "lower",
        lambda s: s.total("collisions"),
    ),
    Metric(
        "abstentions",
        "decisions on which the agent did not commit itself",
        "decisions",
        "lower",
        lambda s: s.total("abstained"),
        "abstained",
    ),
    Metric(
        "pending",
        "answers still on their way when the run ended",
        "answers",
        "",
        lambda s: s.total("pending"),
    ),
    Metric(
        "never_answered",
        "decisions that are never answered",
        "answers",
        "",
        lambda s: s.total("never_answered"),
    ),
    Metric(
        "ledger_error",
        "largest relative residual of the ledger over episodes",
        "share",
        "lower",
        lambda s: s.audit("ledger_error"),
    ),
    Metric(
        "luck_z",
        "most extreme studentised mean of luck in any situation and choice",
        "standard errors",
        "",
        lambda s: s.audit("luck_z"),
    ),
    Metric(
        "luck_z_bound",
        "what |luck_z| should stay under, at level 0.01, corrected",
        "standard errors",
        "",
        lambda s: s.audit("luck_z_bound"),
    ),
    Metric(
        "min_gap",
        "smallest gap: below 0 the oracle was beaten, so it is wrong",
        "reward",
        "",
        lambda s: s.audit("min_gap"),
    ),
    Metric(
        "shift_leak",
        "largest jump in V* where the world did not change: must be 0",
        "reward",
        "lower",
        lambda s: s.audit("shift_leak"),
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in (*_ALL, *LABEL_METRICS)} | EXTRAS
AUDIT = ("ledger_error", "luck_z", "luck_z_bound", "min_gap", "shift_leak")


def own_metrics(meta: Meta) -> tuple[str, ...]:
    """Return the metrics that this world is about beside those of its kind."""
    slates = ("coverage",) if meta.catalogue else ()
    return (*(("pinball",) if meta.quantile != 0.5 else ()), *meta.extras, *slates)


def audit_failures(values: dict[str, float], priced: bool = True) -> list[str]:
    """Return, in words, what the audit of a run found wrong; nothing if all is well, or if it is not priced."""
    if not priced:
        return []
    found = []
    if any(math.isnan(values[name]) for name in ("ledger_error", "min_gap", "shift_leak")):
        found.append("a decision of a priced run has no price")
    if not math.isnan(values.get("ledger_error", math.nan)) and values["ledger_error"] > 1e-9:
        found.append(f"the ledger does not add up (error {values['ledger_error']:.2g})")
    if values.get("min_gap", math.nan) < -1e-12:
        found.append(f"a choice was worth more than the best one (gap {values['min_gap']:.2g})")
    if abs(values.get("luck_z", math.nan)) > values.get("luck_z_bound", math.nan):
        found.append(f"luck does not average to zero (z {values['luck_z']:.1f}, bound {values['luck_z_bound']:.1f})")
    if values.get("shift_leak", math.nan) > 0:
        found.append(f"values jump by {values['shift_leak']:.2g} though the world did not change")
    return found
