"""Slow reference implementations: every number of the project once more, written from its definition."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from naive_labels import naive_brier, naive_label_metrics
from naive_visits import naive_visit_metrics

from sandbox.extras import EXTRAS
from sandbox.loop import agent_rng
from sandbox.table import FloatArray, Objective, Table, table_from_outcomes
from sandbox.trace import Meta, Trace, make_trace

# --- tables -----------------------------------------------------------------------------------------------------------


def random_table(
    rng: np.random.Generator, states: int, choices: int, width: int, objective: Objective, end: float = 0.0
) -> Table:
    """Return a random law; each choice ends the episode with probability `end`; 0 makes it endless and unichain."""
    outcomes: dict[int, dict[int, list[tuple[float, int, float, bool]]]] = {}
    for s in range(states):
        outcomes[s] = {}
        for a in range(choices):
            p = rng.dirichlet(np.full(width, 0.5)) * (1.0 - end - 0.01)
            rows = [(p[k], int(rng.integers(states)), float(rng.normal()), False) for k in range(width)]
            rows.append((0.01, 0, float(rng.normal()), False))  # state 0 can be reached from everywhere
            if end:
                rows.append((end, 0, float(rng.normal()), True))
            total = math.fsum(row[0] for row in rows)
            outcomes[s][a] = [(p / total, *rest) for p, *rest in rows]
    start = rng.dirichlet(np.ones(states))
    return table_from_outcomes(outcomes, start, objective)


def choices_of(table: Table) -> Iterator[tuple[int, ...]]:
    """Yield every deterministic policy."""
    return itertools.product(range(table.n_choices), repeat=table.n_states)


def _moves_and_reward(table: Table, policy: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    n = table.n_states
    moves, reward = np.zeros((n, n)), np.zeros(n)
    for s in range(n):
        for k in range(table.probability.shape[2]):
            p = table.probability[s, policy[s], k]
            reward[s] += p * table.reward[s, policy[s], k]
            if not table.terminated[s, policy[s], k]:
                moves[s, table.successor[s, policy[s], k]] += p
    return moves, reward


def brute_force(table: Table) -> FloatArray:
    """Return V* (S,) by evaluating every deterministic policy; some policy is best from every state."""
    best = np.full(table.n_states, -np.inf)
    for policy in choices_of(table):
        moves, reward = _moves_and_reward(table, policy)
        values = np.linalg.solve(np.eye(table.n_states) - table.objective.discount * moves, reward)
        best = np.maximum(best, values)
    return best


def brute_force_gain(table: Table) -> float:
    """Return the largest average reward of any deterministic policy of a unichain table."""
    best = -math.inf
    n = table.n_states
    for policy in choices_of(table):
        moves, reward = _moves_and_reward(table, policy)
        system = np.vstack([np.eye(n) - moves.T, np.ones(n)])
        stationary = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0]
        best = max(best, float(stationary @ reward))
    return best


def naive_backup(table: Table, best: Sequence[float], gain: float, state: int, choice: int) -> float:
    """Return Q(state, choice) by the definition."""
    terms = []
    for k in range(table.probability.shape[2]):
        follows = 0.0 if table.terminated[state, choice, k] else best[table.successor[state, choice, k]]
        terms.append(
            table.probability[state, choice, k]
            * (table.reward[state, choice, k] - gain + table.objective.discount * follows)
        )
    return math.fsum(terms)


def naive_finite_horizon(table: Table, horizon: int) -> float:
    """Return the best expected return over `horizon` steps, by recursion."""
    known: dict[tuple[int, int], float] = {}

    def best(state: int, left: int) -> float:
        if left == 0:
            return 0.0
        if (state, left) not in known:
            known[state, left] = max(
                sum(
                    float(table.probability[state, a, k])
                    * (
                        float(table.reward[state, a, k])
                        + (0.0 if table.terminated[state, a, k] else best(int(table.successor[state, a, k]), left - 1))
                    )
                    for k in range(table.probability.shape[2])
                )
                for a in range(table.n_choices)
            )
        return known[state, left]

    return sum(float(p) * best(s, horizon) for s, p in enumerate(table.start))


class TableEnv(gym.Env[int, int]):
    """An environment that follows a table to the letter; `law` may differ from the table that prices it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.observation_space = gym.spaces.Discrete(table.n_states)
        self.action_space = gym.spaces.Discrete(table.n_choices)
        self._edges = np.cumsum(table.probability, axis=2)
        self._start = np.cumsum(table.start)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.state = min(int(np.searchsorted(self._start, self.np_random.random(), "right")), self.table.n_states - 1)
        return self.state, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        table, s = self.table, self.state
        k = int(np.searchsorted(self._edges[s, action], self.np_random.random(), "right"))
        k = min(k, table.probability.shape[2] - 1)
        while table.probability[s, action, k] == 0.0:
            k -= 1
        self.state = int(table.successor[s, action, k])
        return self.state, float(table.reward[s, action, k]), bool(table.terminated[s, action, k]), False, {}


# --- the ledger -------------------------------------------------------------------------------------------------------

NAN = math.nan
SEVERITY = {"inaccuracy": (0.01, 0.05), "middling": (0.05, 0.2), "blunder": (0.2, math.inf)}


def _known(values: Sequence[float]) -> list[float]:
    return [v for v in values if not math.isnan(v)]


def _mean(values: Sequence[float]) -> float:
    known = _known(values)
    return math.fsum(known) / len(known) if known else NAN


def _sum(values: Sequence[float]) -> float:
    known = _known(values)
    return math.fsum(known) if known else NAN


def naive_signals(trace: Trace, meta: Meta) -> dict[str, list[float]]:
    """Return each decision's signals, by their definitions."""
    rows = range(len(trace))
    choice, truth = trace.choice.tolist(), trace.truth.tolist()
    out: dict[str, list[float]] = {"reward": trace.reward.tolist()}
    out["abstained"] = [float(math.isnan(c)) for c in choice]
    blank = [NAN] * len(trace)
    gap = [float(trace.best[i] - trace.value[i]) for i in rows] if meta.priced else blank
    out["regret"] = gap
    out["luck"] = (
        [float(trace.reward[i] - meta.gain + meta.discount * trace.next_best[i] - trace.value[i]) for i in rows]
        if meta.priced
        else blank
    )
    out["shift"] = [NAN] * len(trace)
    for i in rows if meta.priced else ():
        inside = i > 0 and trace.episode[i] == trace.episode[i - 1]
        moved = inside and trace.concept[i] != trace.concept[i - 1]
        out["shift"][i] = float(trace.best[i] - trace.next_best[i - 1]) if moved else 0.0
    wrong = [float(c == t) if not math.isnan(t) else NAN for c, t in zip(choice, truth, strict=True)]
    out["correct"] = wrong if meta.task == "classification" else blank
    out |= _naive_errors(choice, truth, meta)
    likely = trace.likelihood.tolist()
    out["log_loss"] = [
        -math.log(min(1.0, max(likely[i], 1e-15)))
        if meta.task == "classification" and not math.isnan(truth[i]) and not math.isnan(likely[i])
        else NAN
        for i in rows
    ]
    out["mistake"] = _naive_mistakes(trace, meta, out)
    sharpness = trace.extras.get("sharpness", np.full(len(trace), NAN)).tolist()
    out["brier"] = [
        naive_brier([(choice[i], truth[i], NAN, likely[i])], [sharpness[i]], meta.n_choices)
        if meta.task == "classification"
        else NAN
        for i in rows
    ]
    for k, name in enumerate(("false_positive", "false_negative")):
        two = meta.task == "classification" and meta.n_choices == 2
        out[name] = [float(choice[i] != k) if two and truth[i] == k else NAN for i in rows]
    for name, (above, up_to) in SEVERITY.items():
        scale = meta.gap_range
        out[name] = [
            float(out["mistake"][i] == 1.0 and above * scale < gap[i] <= up_to * scale) if meta.priced else NAN
            for i in rows
        ]
    greedy = trace.greedy.tolist()
    out["exploring_mistake"] = [
        float(out["mistake"][i] == 1.0 and greedy[i] != choice[i])
        if not math.isnan(out["mistake"][i]) and not math.isnan(greedy[i])
        else NAN
        for i in rows
    ]
    return out


def _naive_errors(choice: list[float], truth: list[float], meta: Meta) -> dict[str, list[float]]:
    out: dict[str, list[float]] = {"absolute_error": [], "squared_error": [], "pinball": []}
    for c, t in zip(choice, truth, strict=True):
        off = c - t if meta.task == "regression" else NAN
        out["absolute_error"].append(abs(off))
        out["squared_error"].append(off**2)
        out["pinball"].append(NAN if math.isnan(off) else max(-meta.quantile * off, (1 - meta.quantile) * off))
    return out


def _naive_mistakes(trace: Trace, meta: Meta, out: dict[str, list[float]]) -> list[float]:
    if meta.priced:
        return [float(gap > meta.material * meta.gap_range) for gap in out["regret"]]
    if meta.task == "classification":
        return [NAN if math.isnan(right) else 1.0 - right for right in out["correct"]]
    if meta.task == "regression":
        judged = zip(out["absolute_error"], trace.truth, strict=True)  # an abstention is a mistake
        limit = meta.tolerance
        return [NAN if math.isnan(truth) or math.isnan(limit) else float(not e <= limit) for e, truth in judged]
    found = [NAN] * len(trace)
    if not math.isnan(meta.reference_return):
        for rows in episodes_of(trace):
            if trace.terminated[rows[-1]] or trace.truncated[rows[-1]]:
                found[rows[-1]] = float(math.fsum(trace.reward[rows].tolist()) < meta.reference_return)
    return found


def episodes_of(trace: Trace) -> list[list[int]]:
    """Return the rows of each episode."""
    found: list[list[int]] = []
    for i in range(len(trace)):
        if i == 0 or trace.episode[i] != trace.episode[i - 1]:
            found.append([])
        found[-1].append(i)
    return found


def naive_residual(trace: Trace, meta: Meta, rows: list[int]) -> float:
    """Return by how much one episode's ledger fails to add up, relative to its own size."""
    last = rows[-1]
    weight = [meta.discount**t for t in range(len(rows) + 1)]
    closing = 0.0 if trace.terminated[last] else float(trace.next_best[last])
    earned = [w * (float(trace.reward[i]) - meta.gain) for w, i in zip(weight, rows, strict=False)]
    lost = float(trace.best[rows[0]]) - math.fsum([*earned, weight[-1] * closing])
    gaps = [w * float(trace.best[i] - trace.value[i]) for w, i in zip(weight, rows, strict=False)]
    lucks = [
        w * float(trace.reward[i] - meta.gain + meta.discount * trace.next_best[i] - trace.value[i])
        for w, i in zip(weight, rows, strict=False)
    ]
    shifts = [
        w * float(trace.best[j] - trace.next_best[i])
        for w, i, j in zip(weight[1:], rows[:-1], rows[1:], strict=False)
        if trace.concept[i] != trace.concept[j]
    ]
    size = math.fsum(map(abs, [*gaps, *lucks, *shifts]))
    return abs(lost - (math.fsum(gaps) - math.fsum(lucks) - math.fsum(shifts))) / max(1.0, size)


def naive_metrics(trace: Trace, meta: Meta, window: int = 1000) -> dict[str, float]:
    """Return every metric but those of the luck test, by their definitions; the trace's length was known before."""
    signals = naive_signals(trace, meta)
    n = len(trace)
    tail = {name: _mean(values[n - max(1, n // 10) :]) for name, values in signals.items()}
    mean = {name: _mean(values) for name, values in signals.items()}
    total = {name: _sum(values) for name, values in signals.items()}
    episodes = episodes_of(trace)
    ended = [rows for rows in episodes if trace.terminated[rows[-1]] or trace.truncated[rows[-1]]]
    returns = [math.fsum(trace.reward[rows].tolist()) for rows in ended]
    asked = len(_known(signals["correct"]))
    unanswered = sum(math.isnan(c) and not math.isnan(t) for c, t in zip(trace.choice, trace.truth, strict=True))
    found = {
        "reward": mean["reward"], "final_reward": tail["reward"], "accuracy": mean["correct"],
        "log_loss": mean["log_loss"], "mae": mean["absolute_error"],
        "rmse": math.sqrt(mean["squared_error"]), "mistakes": total["mistake"], "mistake_rate": mean["mistake"],
        "final_mistake_rate": tail["mistake"], "inaccuracies": total["inaccuracy"],
        "middling_mistakes": total["middling"], "blunders": total["blunder"],
        "exploring_mistakes": total["exploring_mistake"], "regret": total["regret"], "luck": total["luck"],
        "shift": total["shift"], "abstentions": total["abstained"],
        "accuracy_answered": total["correct"] / (asked - unanswered) if asked > unanswered else NAN,
        "return": NAN, "final_return": NAN, "episodes": NAN, "episode_length": NAN,
        "ledger_error": NAN, "min_gap": NAN, "shift_leak": NAN, "start_luck": NAN, "level": NAN,
        "near_misses": NAN, "collisions": NAN, "pinball": mean["pinball"], "shortfall": NAN,
    }  # fmt: skip
    found |= naive_label_metrics(trace, meta) | naive_visit_metrics(trace, meta, window)
    for name, metric in EXTRAS.items():
        told = trace.extras[name].tolist() if name in meta.extras and name in trace.extras else []
        found[name] = _sum(told) if metric.unit == "cards" else _mean(told)
    if meta.episodic:
        found |= {
            "return": _mean(returns),
            "final_return": _mean(returns[len(returns) - max(1, len(returns) // 10) :]),
            "episodes": float(len(ended)),
            "episode_length": _mean([float(len(rows)) for rows in ended]),
        }
    if meta.priced:
        found["ledger_error"] = max(naive_residual(trace, meta, rows) for rows in episodes)
        found["min_gap"] = min(signals["regret"])
        found["shift_leak"] = max(
            [0.0]
            + [
                abs(float(trace.best[j] - trace.next_best[i]))
                for rows in episodes
                for i, j in itertools.pairwise(rows)
                if trace.concept[i] == trace.concept[j]
            ]
        )
        expected = [
            meta.expected_start[min(int(trace.concept[rows[0]]), len(meta.expected_start) - 1)] for rows in episodes
        ]
        found["start_luck"] = math.fsum(
            float(trace.best[rows[0]]) - e for rows, e in zip(episodes, expected, strict=True)
        )
        found["level"] = math.fsum(e - meta.expected_start[0] for e in expected)
    return found


def naive_curve(values: Sequence[float], at: Sequence[int], window: int, fading: float) -> dict[str, list[float]]:
    """Return a curve's columns: points of 1, 2, 4, ... pushes, as few as leave at most 512 points."""
    stride = 1
    while len(values) > 512 * stride:
        stride *= 2
    names = ("step", "total", "number", "windowed", "fading", "cumulative", "binned")
    out: dict[str, list[float]] = {name: [] for name in names}
    for begin in range(0, len(values), stride):
        end = min(begin + stride, len(values))
        here = _known(values[begin:end])
        seen = _known(values[:end])
        weights = [fading ** (len(seen) - 1 - i) for i in range(len(seen))]
        point = {
            "step": at[end - 1],
            "total": math.fsum(here),
            "number": len(here),
            "windowed": _mean(values[max(0, end - window) : end]),
            "fading": math.fsum(w * v for w, v in zip(weights, seen, strict=True)) / math.fsum(weights)
            if seen
            else NAN,
            "cumulative": _mean(seen),
            "binned": _mean(here),
        }
        for name, value in point.items():
            out[name].append(value)
    return out


# --- the loop ---------------------------------------------------------------------------------------------------------


def naive_episodes(env: gym.Env[Any, Any], agent: Any, seed: int, steps: int) -> dict[str, list[Any]]:
    """The ten-line loop that anybody would write: what was seen, chosen, earned, and how it ended."""
    from sandbox.interfaces import Decision, Experience

    rows: dict[str, list[Any]] = {n: [] for n in ("cell", "choice", "reward", "next", "terminated", "truncated")}
    agent.begin(env.observation_space, env.action_space, agent_rng(seed))
    observation, _ = env.reset(seed=seed)
    for step in range(steps):
        made = agent.act(observation)
        choice = made.choice if isinstance(made, Decision) else made
        following, reward, terminated, truncated, _ = env.step(choice)
        agent.learn(Experience(observation, choice, reward, following, terminated, truncated, None, step))
        for name, value in zip(rows, (observation, choice, reward, following, terminated, truncated), strict=True):
            rows[name].append(value)
        observation = env.reset()[0] if terminated or truncated else following
    return rows


def random_books(
    rng: np.random.Generator,
    rows: int,
    *,
    scale: float = 1.0,
    discount: float = 1.0,
    gain: float = 0.0,
    ends: float = 0.1,
    concepts: int = 1,
    abstains: float = 0.0,
    make: Callable[..., Trace] = make_trace,
) -> tuple[Trace, Meta]:
    """Return a trace priced with a random V* and a random Q*, which the ledger's identity must survive all the same."""
    cells, choices = 4, 3
    best = rng.normal(size=(concepts, cells)) * scale
    value = rng.normal(size=(concepts, cells, choices)) * scale
    concept = np.sort(rng.integers(concepts, size=rows)) if rng.random() < 0.5 else rng.integers(concepts, size=rows)
    cell = rng.integers(cells, size=rows)
    choice = rng.integers(choices, size=rows)
    terminated = rng.random(rows) < ends / 2
    truncated = (rng.random(rows) < ends / 2) & ~terminated
    ended = np.concatenate([[0], np.cumsum(terminated | truncated)[:-1]])
    after = np.where(truncated, rng.integers(cells, size=rows), np.append(cell[1:], rng.integers(cells)))
    trace = make(
        rows,
        {
            "step": np.arange(rows),
            "episode": ended,
            "cell": cell,
            "concept": concept,
            "choice": np.where(rng.random(rows) < abstains, np.nan, choice),
            "greedy": np.where(rng.random(rows) < 0.1, np.nan, rng.integers(choices, size=rows)),
            "reward": rng.normal(size=rows) * scale,
            "best": best[concept, cell],
            "value": value[concept, cell, choice],
            "next_best": np.where(terminated, 0.0, best[concept, after]),
            "terminated": terminated,
            "truncated": truncated,
        },
    )
    gaps = best[:, :, None] - value
    meta = Meta(
        "control",
        n_cells=cells,
        n_choices=choices,
        discount=discount,
        gain=gain,
        gap_range=float(gaps.max()),
        expected_start=tuple(rng.normal(size=concepts).tolist()),
    )
    return trace, meta
