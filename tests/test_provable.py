"""Agents with a proof: against definitions written again on whole histories, planted faults, both speeds, drift."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planners import Step, agent_of, as_python, life, planted, started, teach
from scipy import stats
from test_speeds import check_same, learned, run

from sandbox.agents.provable._draws import draw_beta, draw_break, draw_gamma
from sandbox.agents.provable.mbie_eb import MbieEb
from sandbox.agents.provable.psrl import Psrl, draw_followers, draw_reward
from sandbox.agents.provable.r_max import RMax
from sandbox.agents.provable.ucb_h import UcbH
from sandbox.agents.provable.ucbvi import Ucbvi
from sandbox.catalog import make_agent, make_world
from sandbox.errors import SandboxError
from sandbox.trace import Trace, join
from sandbox.world import Budget

REAL = "sandbox.agents.provable"
STATES, CHOICES = 4, 2
PAIRS = [(s, a) for s in range(STATES) for a in range(CHOICES)]

# --- definitions, from the whole history ------------------------------------------------------------------------------


class Seen:
    """The transitions that count, as arrays (S, A) and (S, A, S + 1), the last for the end."""

    def __init__(self, history: list[Step], window: int = 0, first: int = 10**9) -> None:
        self.n, self.paid = np.zeros((STATES, CHOICES)), np.zeros((STATES, CHOICES))
        self.moves = np.zeros((STATES, CHOICES, STATES + 1))
        for step in history[-window:] if window else history:
            pair = step.state, step.choice
            if self.n[pair] < first:
                self.n[pair] += 1
                self.paid[pair] += step.reward
                self.moves[(*pair, STATES if step.terminated else step.after)] += 1

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        n = np.maximum(self.n, 1)
        return self.paid / n, self.moves / n[:, :, None]


def best_for_ever(seen: Seen, least: int, beta: float, discount: float, ceiling: float) -> np.ndarray:
    """Value iteration until nothing moves, all states at once."""
    reward, moves = seen.means()
    q = np.full((STATES, CHOICES), ceiling)
    for _ in range(200):
        values = np.append(q.max(axis=1), 0.0)
        found = np.minimum(reward + beta / np.sqrt(np.maximum(seen.n, 1)) + discount * moves @ values, ceiling)
        q = np.where(seen.n >= least, found, ceiling)
    return q


def check_r_max(package: str, seed: int, window: int, m: int = 5, discount: float = 0.8) -> None:
    agent = started(agent_of(package, "r_max", threshold=m, discount=discount, reward_max=1.5, window=window))
    history: list[Step] = []
    wanted = np.full((STATES, CHOICES), 1.5 / (1.0 - discount))
    planned = fresh = np.zeros((STATES, CHOICES))
    for step in life(seed, 120):
        teach(agent, step)
        history.append(step)
        pair = step.state, step.choice
        times = sum((one.state, one.choice) == pair for one in history)
        seen = Seen(history, window, 10**9 if window else m)
        fresh = fresh.copy()
        fresh[pair] += 1
        due = (times == m) if not window else seen.n[pair] == m or step.terminated or step.truncated
        if due or (window and fresh[pair] >= max(planned[pair], 1)):
            wanted = best_for_ever(seen, m, 0.0, discount, 1.5 / (1.0 - discount))
            planned, fresh = seen.n, np.zeros((STATES, CHOICES))
        np.testing.assert_allclose(agent.q, wanted, rtol=1e-5)
        check_choice(agent, step)


def check_mbie_eb(package: str, seed: int, window: int, share: float = 0.05, discount: float = 0.8) -> None:
    given = {"exploration": share, "discount": discount, "reward_min": -1.0, "reward_max": 1.5, "window": window}
    agent = started(agent_of(package, "mbie_eb", **given))
    history: list[Step] = []
    planned = fresh = np.zeros((STATES, CHOICES))
    for step in life(seed, 120):
        teach(agent, step)
        history.append(step)
        pair, seen = (step.state, step.choice), Seen(history, window)
        fresh = fresh.copy()
        fresh[pair] += 1
        if fresh[pair] >= max(planned[pair], 1) or (window and (step.terminated or step.truncated)):
            term = math.log(2 * STATES * CHOICES * len(history) / 0.05) / 2
            beta = share * 2.5 / (1.0 - discount) * math.sqrt(term)
            wanted = best_for_ever(seen, 1, beta, discount, 1.5 / (1.0 - discount))
            planned, fresh = seen.n, np.zeros((STATES, CHOICES))
        np.testing.assert_allclose(agent.q, wanted, rtol=1e-5)
        check_choice(agent, step)


def weights_of(n: int, horizon: int) -> tuple[float, list[float]]:
    """Return how much of the start and of each of n targets is left: equation 4.2 of Jin et al. (2018)."""
    steps = [(horizon + 1) / (horizon + t) for t in range(1, n + 1)]
    return math.prod(1 - a for a in steps), [a * math.prod(1 - b for b in steps[i + 1 :]) for i, a in enumerate(steps)]


def check_ucb_h(package: str, seed: int, restart_every: int, c: float = 0.05, horizon: int = 5) -> None:
    given = {"exploration": c, "horizon": horizon, "reward_max": 1.5, "restart_every": restart_every}
    agent = started(agent_of(package, "ucb_h", **given))
    targets: dict[tuple[int, int, int], list[float]] = {}
    h, now = 0, 0

    def value(at: int, s: int, a: int) -> float:
        start, shares = weights_of(len(targets.get((at, s, a), [])), horizon)
        found = [share * target for share, target in zip(shares, targets.get((at, s, a), []), strict=True)]
        return start * 1.5 * (horizon - at) + sum(found)

    for step in life(seed, 150):
        now += 1
        n = len(targets.get((h, step.state, step.choice), [])) + 1
        iota = math.log(STATES * CHOICES * now / 0.05)
        follows = 0.0
        if not step.terminated and h + 1 < horizon:
            follows = min(1.5 * (horizon - h - 1), max(value(h + 1, step.after, a) for a in range(CHOICES)))
        target = step.reward + follows + c * 1.5 * (horizon**3 * iota / n) ** 0.5
        targets.setdefault((h, step.state, step.choice), []).append(target)
        h = 0 if step.terminated or step.truncated or h + 1 == horizon else h + 1
        if restart_every and now == restart_every:
            targets, now = {}, 0
        teach(agent, step)
        found = agent.memory.stages
        wanted = [[[value(at, s, a) for a in range(CHOICES)] for s in range(STATES)] for at in range(horizon)]
        np.testing.assert_allclose(found.q, wanted, rtol=1e-9)
        assert found.step[0] == h and agent.q is agent.memory.scores
        np.testing.assert_array_equal(agent.q, found.q[0])
        check_choice(agent, step)


def steps_ahead(
    reward: np.ndarray, moves: np.ndarray, tried: np.ndarray, horizon: int, most: float, old: np.ndarray
) -> np.ndarray:
    """Backward induction by matrices; what was never tried, and what is too good, is worth the most there can be."""
    q, values = np.zeros((horizon, STATES, CHOICES)), np.zeros(STATES + 1)
    for left in range(1, horizon + 1):
        found = np.where(tried, np.minimum(reward + moves @ values, most * left), most * left)
        q[horizon - left] = np.minimum(found, old[horizon - left])
        values = np.append(q[horizon - left].max(axis=1), 0.0)
    return q


def check_ucbvi(package: str, seed: int, window: int, share: float = 0.003, horizon: int = 5) -> None:
    given = {"exploration": share, "horizon": horizon, "reward_min": -1.0, "reward_max": 1.5, "window": window}
    agent = started(agent_of(package, "ucbvi", **given))
    history: list[Step] = []
    hope = np.stack([np.full((STATES, CHOICES), 1.5 * (horizon - h)) for h in range(horizon)])
    wanted, h = hope, 0
    for step in life(seed, 150):
        teach(agent, step)
        history.append(step)
        h += 1
        if step.terminated or step.truncated or h == horizon:
            h, seen = 0, Seen(history, window)
            reward, moves = seen.means()
            log_term = math.log(5 * STATES * CHOICES * len(history) / 0.05)
            bonus = share * 2.5 * 7 * horizon * log_term * np.sqrt(1 / np.maximum(seen.n, 1))
            wanted = steps_ahead(reward + bonus, moves, seen.n > 0, horizon, 1.5, hope if window else wanted)
        np.testing.assert_allclose(agent.memory.stages.q, wanted, rtol=1e-9)
        assert agent.memory.stages.step[0] == h
        check_choice(agent, step)


def check_psrl(package: str, seed: int, window: int, horizon: int = 5) -> None:
    """Its counts are the history's, and its plan is best in the world that it imagines."""
    agent = started(agent_of(package, "psrl", horizon=horizon, reward_min=-0.5, reward_max=1.5, window=window))
    history: list[Step] = []
    plans = 0
    for step in life(seed, 150):
        before = agent.memory.stages.q.copy()
        teach(agent, step)
        history.append(step)
        counts, world = agent.memory.counts, agent.memory.imagined
        seen = Seen(history, window)
        np.testing.assert_array_equal(counts.visits, seen.n)
        np.testing.assert_allclose(counts.earned, seen.paid, atol=1e-12)
        moves, chance = np.zeros_like(seen.moves), np.zeros_like(seen.moves)
        for s, a in PAIRS:
            np.add.at(moves[s, a], counts.after[s, a, : counts.kinds[s, a]], counts.times[s, a, : counts.kinds[s, a]])
            kinds = world.kinds[s, a]
            np.add.at(chance[s, a], world.after[s, a, :kinds], world.weight[s, a, :kinds] / world.total[s, a])
        np.testing.assert_array_equal(moves, seen.moves)
        assert chance.sum(axis=2) == pytest.approx(1.0) and (np.abs(world.pay - 0.5) <= 1.0).all()
        hope = np.full((horizon, STATES, CHOICES), np.inf)
        wanted = steps_ahead(world.pay, chance, np.ones((STATES, CHOICES), bool), horizon, 1.5, hope)
        np.testing.assert_allclose(agent.memory.stages.q, wanted, rtol=1e-9)
        changed = not np.array_equal(before, agent.memory.stages.q)
        assert changed == (agent.memory.stages.step[0] == 0)
        plans += changed
        check_choice(agent, step)
    assert 20 < plans < 150


def check_choice(agent: Any, step: Step) -> None:
    """What it would do next is best by the table of the step that is next, or by the only one."""
    stages = getattr(agent.memory, "stages", None)
    row = (agent.q if stages is None else stages.q[int(stages.step[0])])[step.after]
    assert row[agent.act(step.after)] == row.max()


CHECKS = {
    "r_max": check_r_max,
    "mbie_eb": check_mbie_eb,
    "ucb_h": check_ucb_h,
    "ucbvi": check_ucbvi,
    "psrl": check_psrl,
}


@pytest.mark.parametrize("forgets", [0, 30])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", CHECKS)
def test_agents_against_their_definitions(name: str, seed: int, forgets: int) -> None:
    CHECKS[name](REAL, seed, forgets)


FAULTS = [
    ("r_max", "r_max", "== threshold", "== threshold - 1"),
    ("r_max", "r_max", "else next_state)", "else state)"),
    ("r_max", "_planner", "total += times[s, a, k] * values", "total -= times[s, a, k] * values"),
    ("r_max", "_planner", "discount * total) / n", "total) / n"),
    ("r_max", "_planner", "if n >= least:", "if n > least:"),
    ("mbie_eb", "_planner", "+ bonus / math.sqrt(n)", "- bonus / math.sqrt(n)"),
    ("mbie_eb", "_planner", "+ bonus / math.sqrt(n)", "+ bonus / n"),
    ("mbie_eb", "mbie_eb", "span / (1.0 - discount) *", "span *"),
    ("mbie_eb", "mbie_eb", "            start_epoch(counts)".strip(), "pass"),
    ("mbie_eb", "mbie_eb", "q.shape[0] if terminated else next_state", "next_state"),
    ("mbie_eb", "_counts", "    earned[state, choice] += reward", "    earned[state, choice] = reward"),
    ("mbie_eb", "_counts", "clock[0] >= window", "clock[0] > window"),
    ("ucb_h", "ucb_h", "reward + follows + bonus", "reward + follows - bonus"),
    ("ucb_h", "ucb_h", "stages.values[h + 1, next_state]", "stages.values[h, next_state]"),
    ("ucb_h", "ucb_h", "(horizon + 1.0) / (horizon", "1.0 / (0.0"),
    ("ucb_h", "ucb_h", "0.0 if terminated else", "0.0 if terminated or truncated else"),
    ("ucb_h", "ucb_h", "horizon * horizon * horizon", "horizon * horizon"),
    ("ucb_h", "_steps", "step[0] >= horizon", "step[0] > horizon - 2"),
    ("ucb_h", "_steps", "stages.q[stages.step[0]]", "stages.q[0]"),
    ("r_max", "r_max", "greedy_choice(memory.q, state", "greedy_choice(-memory.q, state"),
    ("ucbvi", "_planner", "values[h + 1, after[s, a, k]]", "values[h, after[s, a, k]]"),
    ("ucbvi", "_planner", "ahead / total[s, a]", "ahead"),
    ("ucbvi", "_planner", "min(q[h, s, a], value)", "value"),
    ("ucbvi", "ucbvi", "/ n + bonus", "/ n - bonus"),
    ("ucbvi", "ucbvi", "        hope(stages.q, most)", "        pass"),
    ("ucbvi", "ucbvi", "n_states if terminated else next_state", "next_state"),
    ("psrl", "psrl", "    hope(stages.q, most)", "    pass"),
    ("psrl", "psrl", "totals[s, a] = total + left", "totals[s, a] = total + 2.0 * left"),
    ("psrl", "_counts", "    counts.visits[state, choice] -= 1", "    pass"),
    ("psrl", "_counts", "    counts.kinds[state, choice] += 1", "    pass"),
    ("psrl", "_counts", "past[at, 0], past[at, 1], past[at, 2], paid[at] = state", "past[at, 0] = state; _ = state"),
]


@pytest.mark.parametrize(("name", "file", "old", "new"), FAULTS)
def test_planted_faults_are_found(
    name: str, file: str, old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with planted("provable", file, old, new, tmp_path) as bad, monkeypatch.context() as patch:
        as_python(patch, bad)
        with pytest.raises((AssertionError, IndexError, ZeroDivisionError)):
            for seed, forgets in ((1, 0), (2, 30), (3, 30)):
                CHECKS[name](bad, seed, forgets)


def test_a_copy_without_a_fault_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, check in CHECKS.items():
        with planted("provable", name, "from __future__", "from __future__", tmp_path) as copy:
            as_python(monkeypatch, copy)
            check(copy, 1, 30)


# --- draws ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [1.0, 1.7, 5.0, 300.0])
def test_gammas_and_betas_have_their_laws(shape: float) -> None:
    rng, n = np.random.default_rng(8), 4_000
    laws = {
        stats.gamma(shape).cdf: [draw_gamma(shape, rng) for _ in range(n)],
        stats.beta(shape, 2.5).cdf: [draw_beta(shape, 2.5, rng) for _ in range(n)],
        stats.beta(1.0, shape).cdf: [draw_break(shape, rng) for _ in range(n)],
    }
    for law, drawn in laws.items():
        assert stats.kstest(drawn, law).pvalue > 1e-3


@pytest.mark.parametrize("prior", [1.0, 2.5])
def test_worlds_are_drawn_from_the_posterior(prior: float) -> None:
    """Mean and variance of every probability, Dirichlet, and of the mean reward, beta, against their formulas."""
    agent = started(Psrl(prior=prior, reward_min=-1.0, reward_max=3.0))
    for step in [Step(0, 0, 2.0, 2, False, False)] * 5 + [Step(0, 0, 0.0, 1, True, False)] * 2:
        teach(agent, step)
    _, _, counts, world = agent.memory
    drawn, pay, rng = np.zeros((6_000, STATES + 1)), [], np.random.default_rng(5)
    for i in range(len(drawn)):
        draw_followers(world, counts, 0, 0, prior, rng)
        pay.append(draw_reward(counts, 0, 0, -1.0, 3.0, rng))
        kinds = world.kinds[0, 0]
        np.add.at(drawn[i], world.after[0, 0, :kinds], world.weight[0, 0, :kinds] / world.total[0, 0])
    wanted = (np.array([0, 0, 5, 0, 2]) + prior / 5) / (7 + prior)
    error = np.sqrt(wanted * (1 - wanted) / (8 + prior))
    assert (np.abs(drawn.mean(axis=0) - wanted) < 4 * error / math.sqrt(len(drawn))).all()
    assert drawn.std(axis=0) == pytest.approx(error, rel=0.06)
    a, b = 1 + 5 * 0.75 + 2 * 0.25, 1 + 5 * 0.25 + 2 * 0.75
    assert stats.kstest((np.array(pay) + 1.0) / 4.0, stats.beta(a, b).cdf).pvalue > 1e-3


def test_what_was_never_tried_may_be_anything() -> None:
    agent, first = Psrl(), []
    for seed in range(400):
        started(agent, seed=seed)
        world = agent.memory.imagined
        first.append((world.pay[1, 1], world.after[1, 1, 0]))
    pay, after = zip(*first, strict=True)
    assert stats.kstest(pay, "uniform").pvalue > 1e-3
    assert stats.chisquare(np.bincount(after, minlength=STATES + 1)).pvalue > 1e-3


# --- properties -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(1, 80))
@settings(max_examples=20, deadline=None)
def test_without_a_bonus_the_plan_is_best_by_what_was_seen(seed: int, window: int) -> None:
    """With a window they plan at the end of each episode, with what is in it."""
    history = [*life(seed, 60), Step(0, 0, 0.5, 0, True, False)]
    endless, short = started(MbieEb(0.0, 0.8, window=window)), started(Ucbvi(0.0, 6, window=window))
    for step in history:
        teach(endless, step)
        teach(short, step)
    seen = Seen(history, window)
    np.testing.assert_allclose(endless.q, best_for_ever(seen, 1, 0.0, 0.8, 5.0), rtol=1e-5, atol=1e-6)
    hope = np.full((6, STATES, CHOICES), np.inf)
    wanted = steps_ahead(*seen.means(), seen.n > 0, 6, 1.0, hope)
    np.testing.assert_allclose(short.memory.stages.q, wanted, rtol=1e-9, atol=1e-12)


@given(st.integers(0, 10**6), st.floats(0.0, 0.0005), st.floats(0.01, 1.0))
@settings(max_examples=15, deadline=None)
def test_a_larger_bonus_never_makes_a_pair_worth_less(seed: int, small: float, more: float) -> None:
    plans = []
    for exploration in (small, small + more):
        agents = (MbieEb(exploration, 0.8), Ucbvi(exploration, 6), UcbH(exploration, 6))
        for agent in agents:
            started(agent)
            for step in life(seed, 60):
                teach(agent, step)
        plans.append([agents[0].q, agents[1].memory.stages.q, agents[2].memory.stages.q])
    for few, many in zip(*plans, strict=True):
        assert (few <= many + 1e-6).all() and not np.array_equal(few, many)


KINDS = [RMax, MbieEb, UcbH, Ucbvi, Psrl]


@pytest.mark.parametrize("kind", KINDS)
def test_acting_learns_nothing_and_an_abstention_teaches_nothing(kind: Any) -> None:
    agent = started(kind())
    for step in life(1, 90):
        teach(agent, step)
    before, state = repr(learned(agent) | {"rng": 0}), agent.rng.bit_generator.state
    for seen in (0, 1, 2, 3) * 10:
        agent.act(seen)
    agent.rng.bit_generator.state = state
    teach(agent, Step(0, None, 1.0, 1, True, False))  # type: ignore[arg-type]
    assert repr(learned(agent) | {"rng": 0}) == before


NAMES = ("r-max:threshold=3", "mbie-eb", "ucb-h", "ucbvi", "psrl", "r-max:window=50,threshold=3", "mbie-eb:window=60",
         "ucb-h:restart_every=70", "ucbvi:window=60", "psrl:window=60,prior=2")  # fmt: skip


@pytest.mark.parametrize("agent", NAMES)
@pytest.mark.parametrize(
    ("world", "drift"),
    [("sandbox/RiverSwim-v0", "abrupt@200"), ("sandbox/DeepSea-v0:size=4", None), ("FrozenLake-v1", None)],
)
def test_plain_and_compiled_are_bit_identical(
    world: str, drift: str | None, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules and planners as Python, against the compiled loop; then the open loop with its planners compiled."""
    budget = Budget(steps=400)
    a, quick, _ = run(world, agent, 7, budget, False, drift=drift)
    b, mixed, _ = run(world, agent, 7, budget, True, drift=drift)
    as_python(monkeypatch, REAL)
    c, slow, _ = run(world, agent, 7, budget, True, drift=drift)
    check_same(a, b)
    check_same(a, c)
    fresh = started(make_agent(agent, make_world(world)), *slow.q.shape)
    assert learned(slow) == learned(mixed) == learned(quick) != learned(fresh)


# --- what they are for ------------------------------------------------------------------------------------------------


def rewards(world: str, agent: str, seeds: int, steps: int) -> np.ndarray:
    """Return the rewards (seeds, steps) of an agent."""
    made, found = make_world(world), []
    for seed in range(seeds):
        chunks: list[Trace] = []
        made.run(make_agent(agent, made), seed, Budget(steps=steps), chunks.append)
        found.append(join(chunks).reward)
    return np.array(found)


@pytest.mark.parametrize("agent", ["r-max", "mbie-eb", "ucb-h", "ucbvi", "psrl"])
def test_they_swim_up_the_river_and_dive_for_the_treasure(agent: str) -> None:
    """RiverSwim's best earns 0.17 a step, DeepSea's 0.099; at random it is 0.002 and less than nothing."""
    assert rewards("sandbox/RiverSwim-v0", agent, 4, 20_000)[:, -4_000:].mean() > 0.15
    short = "" if agent in ("r-max", "mbie-eb") else ":horizon=10"
    assert rewards("sandbox/DeepSea-v0", agent + short, 3, 20_000)[:, -2_000:].mean() > 0.09
    assert rewards("sandbox/RiverSwim-v0", "random", 4, 4_000).mean() < 0.005


@pytest.mark.parametrize("agent", ["mbie-eb", "ucb-h", "ucbvi"])
def test_the_papers_constants_learn_nothing_in_40000_steps(agent: str) -> None:
    """On RiverSwim they earn less than 0.005 a step, the crumb that is to be had for nothing; the best is 0.17."""
    assert rewards("sandbox/RiverSwim-v0", f"{agent}:exploration=1.0", 4, 40_000).mean() < 0.005


@pytest.mark.parametrize(
    ("agent", "forgets"),
    [("r-max", "window=4000"), ("mbie-eb", "window=2000"), ("ucb-h", "restart_every=10000"), ("ucbvi", "window=2000"),
     ("psrl", "window=2000")],
)  # fmt: skip
def test_those_that_forget_learn_anew(agent: str, forgets: str) -> None:
    """The river turns at step 20,000: over the last 3,000 of 40,000 steps, against those that never forget."""
    world = "sandbox/RiverSwim-v0:drift='abrupt@20000'"
    anew, stuck = (rewards(world, name, 5, 40_000)[:, -3_000:].mean() for name in (f"{agent}:{forgets}", agent))
    assert anew > 0.1 and anew > stuck + 0.05


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (RMax, {"threshold": 0}, "RMax: threshold=0 is out of range"),
        (RMax, {"threshold": 2.5}, "RMax: threshold=2.5 is no whole number"),
        (RMax, {"discount": 1.0}, "RMax: discount=1.0 is out of range"),
        (RMax, {"window": -1}, "RMax: window=-1 is out of range"),
        (MbieEb, {"exploration": math.nan}, "MbieEb: exploration=nan is out of range"),
        (MbieEb, {"reward_min": 1.0}, "MbieEb: reward_min=1.0 is not below reward_max=1.0"),
        (UcbH, {"horizon": 0}, "UcbH: horizon=0 is out of range"),
        (UcbH, {"restart_every": True}, "UcbH: restart_every=True is not a number"),
        (Ucbvi, {"horizon": "x"}, "Ucbvi: horizon='x' is not a number"),
        (Psrl, {"prior": 0.5}, "Psrl: prior=0.5 is out of range"),
        (Psrl, {"reward_max": -1}, "Psrl: reward_min=0.0 is not below reward_max=-1"),
    ],
)
def test_bad_settings_are_refused_in_a_line(kind: Any, given: dict[str, Any], told: str) -> None:
    with pytest.raises(SandboxError) as caught:
        kind(**given)
    assert str(caught.value).startswith(told) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [RMax, MbieEb, Ucbvi, Psrl])
def test_worlds_that_are_too_large_are_refused_in_a_line(kind: Any) -> None:
    with pytest.raises(SandboxError, match=r"counts what follows each of 10,000 x 4 pairs[^\n]*too many"):
        started(kind(), 10_000, 4)


def test_tables_of_too_many_steps_are_refused_in_a_line() -> None:
    with pytest.raises(SandboxError, match=r"100,000 steps, 500 states and 6 choices[^\n]*lower its horizon"):
        started(UcbH(horizon=100_000), 500, 6)
