"""Yardsticks: who is told the law, and who stops or begins anew when it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.at_drift import Frozen, Reset, next_change
from sandbox.catalog import make_agent, make_world
from sandbox.drift import Schedule, parse_drifts
from sandbox.errors import SandboxError
from sandbox.insiders import PolicyAgent
from sandbox.interfaces import Experience
from sandbox.study import run_study
from sandbox.table import FloatArray
from sandbox.trace import Trace
from sandbox.world import Budget, make_terms
from sandbox.yardsticks import is_insider, is_yardstick

MAZE = "sandbox/GridMaze-v0"


def traced(world: str, agent: str, steps: int, *, drift: Any = None, plain: bool = False, seed: int = 3) -> Any:
    """Return the trace of a run, and the agent after it."""
    met = make_world(world).under(make_terms(drift, None, plain))
    made, chunks = make_agent(agent, met), list[Trace]()
    why = met.run(made, seed, Budget(steps=steps), chunks.append)
    assert bool(why) == plain, why
    return chunks, made


def column(chunks: list[Trace], name: str) -> FloatArray:
    return np.concatenate([getattr(chunk, name) for chunk in chunks])


@pytest.mark.parametrize("kind", ["frozen", "reset"])
@pytest.mark.parametrize("inner", ["q-learning", "sarsa", "expected-sarsa", "random"])
@pytest.mark.parametrize("drift", [None, "abrupt@8192", "recurring@700", ("gradual@300~90", "abrupt@5001:slip=0.3")])
def test_both_speeds_are_bit_identical(kind: str, inner: str, drift: Any) -> None:
    runs = [traced(MAZE, f"{kind}:{inner}", 10_000, drift=drift, plain=plain) for plain in (False, True)]
    for name in ("cell", "choice", "greedy", "reward", "best", "concept", "episode", "truncated"):
        np.testing.assert_array_equal(column(runs[0][0], name), column(runs[1][0], name), name)
    states = [made.agent.rng.bit_generator.state for _, made in runs]
    assert states[0] == states[1]


@pytest.mark.parametrize("plain", [False, True])
def test_frozen_learns_nothing_after_the_change(plain: bool) -> None:
    _, before = traced(MAZE, "q-learning", 5_000, plain=plain)
    chunks, frozen = traced(MAZE, "frozen:q-learning", 9_000, drift="abrupt@5000", plain=plain)
    np.testing.assert_array_equal(frozen.agent.q, before.q)
    free, _ = traced(MAZE, "q-learning", 9_000, drift="abrupt@5000", plain=plain)
    same = column(chunks, "choice") == column(free, "choice")
    assert same[:5_000].all() and not same[5_000:].all()


@pytest.mark.parametrize("plain", [False, True])
def test_reset_begins_anew(plain: bool) -> None:
    """Right after the change it knows nothing, and the agent that goes on knows much."""
    for steps, known in ((5_000, 100), (5_001, 1), (5_000 + 4_000, 100)):
        _, made = traced(MAZE, "reset:q-learning", steps, drift="abrupt@5000", plain=plain)
        assert (np.count_nonzero(made.agent.q) >= known) if known > 1 else np.count_nonzero(made.agent.q) <= 1


def test_without_a_change_they_are_the_agent_itself() -> None:
    plain, _ = traced(MAZE, "sarsa", 4_000)
    for kind in ("frozen", "reset"):
        chunks, _ = traced(MAZE, f"{kind}:sarsa", 4_000)
        np.testing.assert_array_equal(column(chunks, "choice"), column(plain, "choice"))


def test_late_answers_find_them_changed() -> None:
    """A frozen learner asks for nothing more; a reset one hears nothing of what it asked before."""
    terms = make_terms("abrupt@1000", "delayed=300")
    for name, kind in (("frozen:logistic", Frozen), ("reset:logistic", Reset)):
        met = make_world("spam").under(terms)
        made = make_agent(name, met)
        assert isinstance(made, kind)
        heard = listening(made.agent)
        met.run(made, 0, Budget(steps=2_000), lambda trace: None)
        assert heard == [*range(700), *(range(1_000, 1_700) if kind is Reset else ())]


def listening(agent: Any) -> list[int]:
    """Have an agent note the steps of the decisions that it learns from; return the notes."""
    heard, learn = list[int](), agent.learn

    def noting(told: Experience) -> None:
        heard.append(told.asked_at)
        learn(told)

    agent.learn = noting
    return heard


def test_next_change() -> None:
    schedule = Schedule(parse_drifts(("abrupt@50", "recurring@20", "gradual@70~30", "random-walk@1")))
    met, step = [], 0
    while (step := next_change(schedule, step)) < 100:
        met.append(step)
    assert met == [20, 40, 50, 60, 70, 80]
    assert next_change(schedule.pin(0), 0) > 10**15


@pytest.mark.parametrize(
    ("world", "epsilon", "value"),
    [("CliffWalking-v1", 0.1, -20.707677), ("FrozenLake-v1:max_episode_steps=100000", 0.2, None)],
)
def test_the_best_soft_policy_earns_its_value(world: str, epsilon: float, value: float | None) -> None:
    met = make_world(world)
    exact = met.oracle(epsilon)["best_soft_value"]
    if value is not None:
        assert exact == pytest.approx(value, abs=1e-6)
    result = run_study(world, [f"best-soft:epsilon={epsilon}"], seeds=range(20), budget=Budget(episodes=400))
    returns = np.array(result.agents[0].values("return"))
    error = returns.std(ddof=1) / np.sqrt(len(returns))
    assert abs(returns.mean() - exact) < 4.0 * error


def test_the_best_soft_policy_explores_as_often_as_it_says() -> None:
    met, chunks = make_world("CliffWalking-v1"), list[Trace]()
    met.run(make_agent("best-soft:epsilon=0.2", met), 0, Budget(steps=5_000), chunks.append)
    other = np.mean(column(chunks, "greedy") != column(chunks, "choice"))
    assert abs(other - 0.2 * 0.75) < 4.0 * np.sqrt(0.15 * 0.85 / 5_000)


def test_insiders_follow_the_law_in_force(tmp_path: Path) -> None:
    result = run_study(
        MAZE, ["oracle", "best-blind", "best-soft:epsilon=0.0"], seeds=range(2), budget=Budget(steps=4_000),
        runs=tmp_path, terms=make_terms("abrupt@2000"),
    )  # fmt: skip
    for agent in result.agents:
        assert max(agent.values("regret")) <= 1e-9 and max(agent.values("ledger_error")) <= 1e-9
        assert not result.below_yardstick(agent)


def test_a_stream_has_a_soft_oracle() -> None:
    result = run_study(
        "spam", ["oracle", "best-soft:epsilon=0.5"], seeds=range(2), budget=Budget(steps=3000), runs=None
    )
    rates = [np.mean(agent.values("exploring_mistakes")) / 3000 for agent in result.agents]
    assert rates[0] == 0.0 and 0.2 < rates[1] < 0.3


def test_a_policy_is_drawn_from_its_probabilities() -> None:
    policy = np.array([[0.0, 0.25, 0.75, 0.0]])
    agent = PolicyAgent(lambda concept: policy)
    agent.begin(None, None, np.random.default_rng(0))
    drawn = np.bincount([agent.act(0).choice for _ in range(4000)], minlength=4) / 4000
    assert drawn[0] == drawn[3] == 0.0 and abs(drawn[1] - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("frozen", "say which agent, as in frozen:q-learning"),
        ("reset:q-lerning", "did you mean"),
        ("frozen:reset:sarsa", "once"),
        ("best-soft:epsilon=2", "out of range"),
        ("best-blind:epsilon=0.1", "no setting"),
        ("oracle:epsilon=0.1", "no setting"),
        ("best-sof", "did you mean"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(agent: str, said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        make_agent(agent, make_world("FrozenLake-v1"))
    with pytest.raises(SandboxError, match="best-blind"):
        make_agent("best-blind", make_world("spam"))


def test_names() -> None:
    told = ("random", "oracle", "best-soft:epsilon=0.2", "frozen:q-learning", "reset:river:GaussianNB()")
    assert all(map(is_yardstick, told)) and not is_yardstick("q-learning")
    assert [is_insider(name) for name in told] == [False, True, True, False, False]
