"""The names of the yardsticks: what everybody should beat, and what is there to show what could be reached."""

from __future__ import annotations

INSIDERS = {
    "oracle": "the best choice there is, where the law is known",
    "best-soft": "the best policy that explores a share of the time (epsilon=0.1), where the law is known",
    "best-planned": "the best player in the long run, where choices change later laws and a planner is known",
    "best-blind": "the best policy found for what can be seen: no clock, no hidden part of the state",
}
AT_DRIFT = {
    "frozen": "an agent that stops learning when the world begins to change, as frozen:q-learning:step_size=0.5",
    "reset": "an agent that forgets everything whenever the world begins to change, as reset:q-learning",
}
_LEARNERS = ("random", "majority", "no-change", "mean")


def is_yardstick(name: str) -> bool:
    """Whether an agent of this name is there to measure others by."""
    return name in _LEARNERS or name.split(":")[0] in (*INSIDERS, *AT_DRIFT)


def is_insider(name: str) -> bool:
    """Whether an agent of this name was told the law: to do worse than it is no shame."""
    return name.split(":")[0] in INSIDERS
