"""The exploration table: six agents on RiverSwim, each written out from its paper, priced by a table of our own."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from sandbox.compiled import compiled
from sandbox.gallery.brute._store import store
from sandbox.table import FloatArray

STATES, HORIZON, EPISODES, DISCOUNT, RUNS = 6, 20, 2000, 0.95, 100
MATERIAL = 0.01  # of the largest gap: what is more is a mistake
KNOWN, FAILURE, HOEFFDING = 20, 0.05, 0.001


def law() -> tuple[FloatArray, FloatArray]:
    """Return probabilities (S, A, S) and rewards (S, A) of RiverSwim (Osband, Russo & Van Roy 2013)."""
    p, r = np.zeros((STATES, 2, STATES)), np.zeros((STATES, 2))
    for s in range(STATES):
        p[s, 0, max(s - 1, 0)] = 1.0
    for s in range(1, STATES - 1):
        p[s, 1, s + 1], p[s, 1, s], p[s, 1, s - 1] = 0.35, 0.6, 0.05
    p[0, 1, 0], p[0, 1, 1] = 0.4, 0.6
    p[STATES - 1, 1, STATES - 1], p[STATES - 1, 1, STATES - 2] = 0.6, 0.4
    r[0, 0], r[STATES - 1, 1] = 0.005, 1.0
    return p, r


def gaps(p: FloatArray, r: FloatArray) -> FloatArray:
    """Return V* - Q* (S, A), discounted, the clock unseen."""
    v = np.zeros(STATES)
    for _ in range(5000):
        v = (r + DISCOUNT * p @ v).max(axis=1)
    return np.asarray(v[:, None] - (r + DISCOUNT * p @ v))


def best_return(p: FloatArray, r: FloatArray) -> float:
    """Return what an episode of 20 steps earns at best, the clock seen."""
    v = np.zeros(STATES)
    for _ in range(HORIZON):
        v = (r + p @ v).max(axis=1)
    return float(v[0])


def at_random(p: FloatArray, r: FloatArray, gap: FloatArray, wrong: FloatArray) -> tuple[float, float, float]:
    """Return regret, mistakes and reward of the random policy, exactly: where it is, step by step."""
    here, found = np.eye(STATES)[0], np.zeros(3)
    for _ in range(HORIZON):
        found += [float(here @ one.mean(axis=1)) for one in (gap, wrong, r)]
        here = here @ p.mean(axis=1)
    return float(EPISODES * found[0]), float(EPISODES * found[1]), float(EPISODES * found[2])


@compiled
def tie(values: FloatArray, rng: np.random.Generator) -> int:
    """Return the choice, of two, with the larger value; ties at random."""
    if values[0] == values[1]:
        return int(rng.integers(0, 2))
    return int(values[1] > values[0])


@compiled
def step(p: FloatArray, s: int, a: int, rng: np.random.Generator) -> int:
    """Return where a choice leads."""
    u, total = rng.random(), 0.0
    for after in range(p.shape[2]):
        total += p[s, a, after]
        if u < total:
            return after
    return s


@compiled
def q_learning(
    p: FloatArray, r: FloatArray, gap: FloatArray, wrong: FloatArray, initial: float, epsilon: float,
    rng: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """Q-learning, step size 0.1; return its regret, mistakes and reward."""
    q, found = np.full(r.shape, initial), np.zeros(3)
    for _ in range(EPISODES):
        s = 0
        for _ in range(HORIZON):
            a = int(rng.integers(0, 2)) if rng.random() < epsilon else tie(q[s], rng)
            after = step(p, s, a, rng)
            found += np.array([gap[s, a], wrong[s, a], r[s, a]])
            q[s, a] += 0.1 * (r[s, a] + DISCOUNT * q[after].max() - q[s, a])
            s = after
    return found


@compiled
def r_max(p: FloatArray, r: FloatArray, gap: FloatArray, wrong: FloatArray, rng: np.random.Generator) -> FloatArray:
    """R-max (Brafman & Tennenholtz 2002): what was not tried 20 times is worth the most there is."""
    most, found = 1.0 / (1.0 - DISCOUNT), np.zeros(3)
    q, times, paid = np.full(r.shape, most), np.zeros(p.shape), np.zeros(r.shape)
    for _ in range(EPISODES):
        s = 0
        for _ in range(HORIZON):
            a = tie(q[s], rng)
            after = step(p, s, a, rng)
            found += np.array([gap[s, a], wrong[s, a], r[s, a]])
            tries = times[s, a].sum()
            if tries < KNOWN:
                times[s, a, after] += 1.0
                paid[s, a] += r[s, a]
            if tries == KNOWN - 1:
                for _ in range(2000):
                    for x in range(STATES):
                        for y in range(2):
                            if times[x, y].sum() >= KNOWN:
                                ahead = 0.0
                                for z in range(STATES):
                                    ahead += times[x, y, z] * q[z].max()
                                q[x, y] = (paid[x, y] + DISCOUNT * ahead) / KNOWN
            s = after
    return found


@compiled
def ucb_h(p: FloatArray, r: FloatArray, gap: FloatArray, wrong: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Q-learning with Hoeffding bonuses (Jin et al. 2018, algorithm 1); what h steps can earn at most is h."""
    q, v, found = np.zeros((HORIZON, STATES, 2)), np.zeros((HORIZON + 1, STATES)), np.zeros(3)
    for h in range(HORIZON):
        q[h], v[h] = HORIZON - h, HORIZON - h
    times, clock = np.zeros(q.shape), 0
    for _ in range(EPISODES):
        s = 0
        for h in range(HORIZON):
            a = tie(q[h, s], rng)
            after = step(p, s, a, rng)
            found += np.array([gap[s, a], wrong[s, a], r[s, a]])
            clock += 1
            times[h, s, a] += 1.0
            t = times[h, s, a]
            bonus = HOEFFDING * math.sqrt(HORIZON**3 * math.log(STATES * 2 * clock / FAILURE) / t)
            rate = (HORIZON + 1.0) / (HORIZON + t)
            q[h, s, a] = (1.0 - rate) * q[h, s, a] + rate * (r[s, a] + v[h + 1, after] + bonus)
            v[h, s] = min(q[h, s].max(), HORIZON - h)
            s = after
    return found


def psrl(p: FloatArray, r: FloatArray, gap: FloatArray, wrong: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Posterior sampling (Osband, Russo & Van Roy 2013): Dirichlet over the states and an end, Beta rewards."""
    counts, paid, found = np.full((STATES, 2, STATES + 1), 1.0 / (STATES + 1)), np.zeros(r.shape), np.zeros(3)
    tries = np.zeros(r.shape)
    for _ in range(EPISODES):
        chance = np.array([[rng.dirichlet(counts[s, a])[:STATES] for a in range(2)] for s in range(STATES)])
        pay = rng.beta(1.0 + paid, 1.0 + tries - paid)
        v, plan = np.zeros(STATES), np.zeros((HORIZON, STATES), dtype=np.int64)
        for h in range(HORIZON - 1, -1, -1):
            q = pay + chance @ v
            plan[h], v = q.argmax(axis=1), q.max(axis=1)
        s = 0
        for h in range(HORIZON):
            a = int(plan[h, s])
            after = step(p, s, a, rng)
            found += (gap[s, a], wrong[s, a], r[s, a])
            counts[s, a, after] += 1.0
            paid[s, a] += r[s, a]
            tries[s, a] += 1.0
            s = after
    return found


def main() -> None:
    """Do the random policy exactly, and each agent in many runs."""
    p, r = law()
    gap = gaps(p, r)
    wrong = (gap > MATERIAL * gap.max()).astype(np.float64)
    best = EPISODES * best_return(p, r)
    agents: dict[str, Callable[[np.random.Generator], FloatArray]] = {
        "q-learning": lambda rng: q_learning(p, r, gap, wrong, 0.0, 0.1, rng),
        "q-learning, optimistic": lambda rng: q_learning(p, r, gap, wrong, 20.0, 0.0, rng),
        "r-max": lambda rng: r_max(p, r, gap, wrong, rng),
        "ucb-h": lambda rng: ucb_h(p, r, gap, wrong, rng),
        "psrl": lambda rng: psrl(p, r, gap, wrong, rng),
    }
    regret, mistakes, reward = at_random(p, r, gap, wrong)
    found = {"random regret": regret, "random mistakes": mistakes, "random short": best - reward}
    told = {name: np.array([value]) for name, value in found.items()}
    for k, (name, run) in enumerate(agents.items()):
        values = np.array([run(np.random.default_rng([6, k, seed])) for seed in range(RUNS)])
        told |= {f"{name} regret": values[:, 0], f"{name} mistakes": values[:, 1], f"{name} short": best - values[:, 2]}
    store("river-swim", "river", RUNS, told)


if __name__ == "__main__":
    main()
