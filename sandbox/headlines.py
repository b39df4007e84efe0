"""By which metrics the agents of a study are told apart: the headline, and the few beside it; --json has them all."""

from __future__ import annotations

from sandbox.metrics import own_metrics
from sandbox.trace import Meta

_SHOWN = {
    "control": ("return", "final_return", "mistake_rate", "final_mistake_rate", "blunders", "regret", "luck"),
    "control, unpriced": ("return", "final_return", "episodes", "episode_length", "mistake_rate"),
    "control, one step": ("reward", "mistake_rate", "final_mistake_rate", "blunders", "regret", "luck"),
    "classification, priced": (
        "reward",
        "regret",
        "mistake_rate",
        "final_mistake_rate",
        "accuracy",
        "log_loss",
        "abstentions",
    ),
    "classification": ("accuracy", "accuracy_answered", "log_loss", "mistakes", "final_mistake_rate", "abstentions"),
    "regression, priced": ("reward", "regret", "mistake_rate", "mae", "rmse", "abstentions"),
    "regression": ("mae", "rmse", "mistake_rate", "abstentions"),
}
_HEADLINE = {
    "control": "return", "control, unpriced": "return", "control, one step": "reward", "classification": "accuracy",
    "classification, priced": "reward", "regression, priced": "reward", "regression": "mae",
}  # fmt: skip
# What a world with measures of its own does without: labels that come of a day's alerts, the counts of severity.
_GENERAL = ("accuracy", "log_loss", "blunders", "luck", "final_mistake_rate", "abstentions")
_MYOPIC = ("regret", "luck", "blunders")  # prices that leave out what a choice does later
OF_VISITS = ("forgetting", "backward_transfer", "forward_transfer")  # in a table of their own


def task_of(meta: Meta) -> str:
    """Return what a world asks for, and whether its decisions are priced."""
    if meta.task == "control":
        kind = "" if meta.episodic else ", one step"
        return "control" + (kind if meta.priced else ", unpriced")
    return meta.task + (", priced" if meta.priced else "")


def headline_of(meta: Meta) -> str:
    """Return the metric that agents are ordered by, if it has a value.

    Where choices change later laws it is the shortfall: against the oracle's run of the same seed, less is chance.
    """
    return "shortfall" if meta.reactive else _HEADLINE[task_of(meta)]


def metrics_of(meta: Meta) -> tuple[str, ...]:
    """Return the metrics of a world that are shown, those that tell most first.

    The measures of a world that asks for sets (slates, a day's alerts) come right after the headline and the regret.
    """
    first, *others = _SHOWN[task_of(meta)]
    own = own_metrics(meta)
    if meta.reactive:
        others = [first, *(name for name in others if name not in _MYOPIC)]
        first = "shortfall"
    if own and (meta.catalogue or meta.task != "control"):
        return (first, *(name for name in others if name == "regret"), *own,
                *(name for name in others if name not in (*_GENERAL, "regret")))  # fmt: skip
    return (first, *others, *own)
