"""The metrics of labels beyond accuracy: probabilities, rankings, kappas, and the two ways of being wrong."""

from __future__ import annotations

import math

from sandbox.metric import Metric, Sums

_FALSE_POSITIVES = (
    "false_positive_rate",
    "of two labels, share of the first that was not called so, abstentions included; of spam filters: hm%",
    "share of the first label",
)
_FALSE_NEGATIVES = (
    "false_negative_rate",
    "of two labels, share of the second that was not called so, abstentions included; of spam filters: sm%",
    "share of the second label",
)


def _shrunk(errors: float, count: float) -> float:
    """Return the log odds of an error; none, or nothing but errors, count as half a decision less extreme."""
    share = min(max(errors, 0.5), count - 0.5)
    return math.log(share / (count - share))


def lam(first: float, of_first: float, second: float, of_second: float) -> float:
    """Return the logistic average of two shares of errors: lam% of the TREC spam track (Cormack & Lynam 2005).

    They are given as errors and decisions. It is the share whose log odds are the mean of the two. Where nothing or
    everything is wrong the odds have no logarithm: half a decision is added or taken away. NaN where one of the labels
    has fewer than one decision.
    """
    if not (of_first >= 1.0 and of_second >= 1.0):
        return math.nan
    return 1.0 / (1.0 + math.exp(-(_shrunk(first, of_first) + _shrunk(second, of_second)) / 2.0))


def _lam(s: Sums) -> float:
    sides = "false_positive", "false_negative"
    (first, of_first), (second, of_second) = ((s.total(side), s.count(side)) for side in sides)
    return lam(first, of_first, second, of_second)


def _final_lam(s: Sums) -> float:
    of_first, of_second = s.tail_count("false_positive"), s.tail_count("false_negative")
    return lam(s.tail("false_positive") * of_first, of_first, s.tail("false_negative") * of_second, of_second)


def _told(s: Sums) -> float:
    judged = s.count("correct")
    return s.count("log_loss") / judged if judged else math.nan


LABEL_METRICS = (
    Metric(
        "probabilities_told",
        "share of the judged decisions in which the truth was given a probability: log loss and its kin are of these",
        "share of decisions",
        "",
        _told,
    ),
    Metric(
        "brier",
        "mean squared error of the probabilities: (1 - that of the truth)^2; of more than two labels, summed over all",
        "per decision",
        "lower",
        lambda s: s.mean("brier"),
        "brier",
    ),
    Metric(
        "calibration_error",
        "mean distance between confidence and share of right choices, in 15 bins of confidence (ECE)",
        "share of decisions",
        "lower",
        lambda s: s.labels("calibration_error"),
    ),
    Metric(
        "roc_auc",
        "area under the ROC curve of two labels, ties half; exact up to 1,048,576 decisions, then on a fine grid",
        "share of pairs",
        "higher",
        lambda s: s.labels("roc_auc"),
    ),
    Metric(
        "roca_error",
        "1 - area under the ROC curve: the TREC spam track's 1-ROCA%",
        "share of pairs",
        "lower",
        lambda s: 1.0 - s.labels("roc_auc"),
    ),
    Metric(
        "final_roca_error",
        "1 - area under the ROC curve over the last tenth",
        "share of pairs",
        "lower",
        lambda s: 1.0 - s.labels("final_roc_auc"),
    ),
    Metric(*_FALSE_POSITIVES, "lower", lambda s: s.mean("false_positive"), "false_positive"),
    Metric(*_FALSE_NEGATIVES, "lower", lambda s: s.mean("false_negative"), "false_negative"),
    Metric(
        "final_false_positive_rate",
        "false positive rate over the last tenth",
        "share of the first label",
        "lower",
        lambda s: s.tail("false_positive"),
    ),
    Metric(
        "final_false_negative_rate",
        "false negative rate over the last tenth",
        "share of the second label",
        "lower",
        lambda s: s.tail("false_negative"),
    ),
    Metric(
        "lam",
        "logistic average of the false positive and the false negative rate: the TREC spam track's lam%",
        "share of decisions",
        "lower",
        _lam,
    ),
    Metric("final_lam", "logistic average of both over the last tenth", "share of decisions", "lower", _final_lam),
    Metric(
        "g_mean",
        "geometric mean of the labels' recalls; 0 if a label is never right",
        "share of decisions",
        "higher",
        lambda s: s.labels("g_mean"),
    ),
    Metric(
        "kappa",
        "Cohen's kappa: accuracy beyond that of labels drawn as often as they were chosen; 1 at best, 0 is chance",
        "beyond chance",
        "higher",
        lambda s: s.labels("kappa"),
    ),
    Metric(
        "kappa_temporal",
        "accuracy beyond that of saying the last label again; 0 is no better than that, below 0 worse",
        "beyond the last label",
        "higher",
        lambda s: s.labels("kappa_temporal"),
    ),
    Metric(
        "kappa_majority",
        "kappa-M: accuracy beyond that of saying the commonest label so far",
        "beyond the commonest label",
        "higher",
        lambda s: s.labels("kappa_majority"),
    ),
    Metric(
        "coverage",
        "share of the catalogue that was ever shown",
        "share of the catalogue",
        "higher",
        lambda s: s.labels("coverage"),
    ),
)
