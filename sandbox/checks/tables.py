"""Whether an environment follows the table of its law that it carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from sandbox.table import Table

STEPS = 20_000
RESETS = 3_000
_FALSE_ALARM = 1e-5  # chance that a sound environment fails a statistical check

Outcome = tuple[int, float, bool]  # next state, reward, terminated
Law = dict[Any, float]  # probability of each outcome


class Case(NamedTuple):
    """What came of one situation, `text`, and how often it should."""

    text: str
    seen: Counter[Any]
    law: Law


class Sample(NamedTuple):
    """What was seen: first states, and outcomes by (state, choice)."""

    starts: Counter[int]
    outcomes: dict[tuple[int, int], Counter[Outcome]]


def _money(reward: Any) -> float:
    return round(float(reward), 9)


def draw_sample(env: gym.Env[Any, Any], table: Table) -> Sample:
    """Play an environment, always the least tried choice of a state; then look at many first states."""
    starts: Counter[int] = Counter()
    outcomes: dict[tuple[int, int], Counter[Outcome]] = {}
    tried = np.zeros((table.n_states, table.n_choices), dtype=np.int64)
    with closing(env):
        state = _state(env, table, int(env.reset(seed=0)[0]))
        for _ in range(STEPS):
            choice = int(tried[state].argmin())
            tried[state, choice] += 1
            observation, reward, terminated, truncated, _ = env.step(choice)
            after = _state(env, table, int(observation), state)
            seen = outcomes.setdefault((state, choice), Counter())
            seen[after, _money(reward), bool(terminated)] += 1
            state = _state(env, table, int(env.reset()[0])) if terminated or truncated else after
        for _ in range(RESETS):
            starts[_state(env, table, int(env.reset()[0]))] += 1
            env.step(0)  # chance may be keyed by the step: two resets with none between them are alike
    return Sample(starts, outcomes)


def _state(env: Any, table: Table, observation: int, before: int | None = None) -> int:
    """Return where an environment stands, `before` the state before, None at the start of an episode."""
    if table.observed is not None:
        return int(env.unwrapped.state)
    return table.follow(before, observation) if table.follow is not None and before is not None else observation


def law_of(table: Table, state: int, choice: int) -> dict[Outcome, float]:
    """Return the probability of every outcome that the table knows of a choice."""
    law: dict[Outcome, float] = {}
    for k in np.flatnonzero(table.probability[state, choice] > 0.0):
        at = (state, choice, k)
        outcome = (int(table.successor[at]), _money(table.reward[at]), bool(table.terminated[at]))
        law[outcome] = law.get(outcome, 0.0) + float(table.probability[at])
    return law


def cases(table: Table, sample: Sample, given: int) -> Iterable[Case]:
    """Yield, for every choice and the first `given` parts of an outcome, what the next part was and should be."""
    names = ("next state", "reward", "terminated")
    for (state, choice), outcomes in sample.outcomes.items():
        grouped: dict[tuple[Any, ...], tuple[Counter[Any], Law]] = {}
        for outcome, probability in law_of(table, state, choice).items():
            _, law = grouped.setdefault(outcome[:given], (Counter(), {}))
            law[outcome[given]] = law.get(outcome[given], 0.0) + probability
        for outcome, count in outcomes.items():
            if outcome[:given] in grouped:  # else the fault lies in an earlier part
                grouped[outcome[:given]][0][outcome[given]] += count
        for known, (seen, law) in grouped.items():
            total = sum(law.values())
            told = "".join(f", {name} {value}" for name, value in zip(names, known, strict=False))
            text = f"{names[given]} after state {state}, choice {choice}{told}"
            yield Case(text, seen, {value: weight / total for value, weight in law.items()})


def disagreement(found: Iterable[Case]) -> str:
    """Return what speaks most against the law, in one line; an empty string if nothing does.

    Each frequency by a binomial test, corrected for their number (Bonferroni), and all of them together by chi-square.
    """
    from scipy import special

    rows: list[tuple[str, Any, int, int, float]] = []
    for case in found:
        total = sum(case.seen.values())
        for value in case.seen:
            if value not in case.law:
                return f"{case.text}: {value} was seen, and the table does not know it"
        if len(case.law) > 1:
            rows += [(case.text, v, case.seen[v], total, p) for v, p in case.law.items() if total]
    if not rows:
        return ""
    count, tries, chance = (np.array([row[k] for row in rows]) for k in (2, 3, 4))
    below = special.bdtr(count, tries, chance)
    above = np.where(count > 0, special.bdtrc(count - 1, tries, chance), 1.0)
    tail = np.minimum(below, above)
    worst = int(tail.argmin())
    if min(1.0, 2.0 * tail[worst]) * len(rows) < _FALSE_ALARM:
        text, value, times, of, probability = rows[worst]
        return f"{text}: {value} came {times} times of {of}, and the table says {probability:.4g}"
    often = tries * np.minimum(chance, 1.0 - chance) >= 5.0
    # Each outcome's share of a multinomial's chi-square; its expectation is 1 - p.
    square = ((count - tries * chance) ** 2 / (tries * chance))[often].sum()
    freedom = (1.0 - chance)[often].sum()
    if freedom > 0.0 and special.chdtrc(freedom, square) < _FALSE_ALARM:
        return f"{rows[0][0]} and others: the frequencies, taken together, are not those of the table"
    return ""
