"""The day's set is the decision: its price, what is inspected, when labels come, and what is reported of it."""

from __future__ import annotations

import itertools
import math
import tracemalloc
import warnings
from collections import Counter
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, naive_bayes, preprocessing, tree

import sandbox
import sandbox.envs
from sandbox.agents.adapters.river import RiverAgent
from sandbox.agents.yardsticks.majority import Majority
from sandbox.agents.yardsticks.random import Random
from sandbox.catalog import make_world
from sandbox.errors import RunError
from sandbox.feedback import NEVER, parse_feedback
from sandbox.harm import slight, slight_text
from sandbox.insiders import StreamOracle
from sandbox.interfaces import Agent, Decision, Experience
from sandbox.set_env import DayEnv
from sandbox.set_loop import run_days
from sandbox.streams._sets import ranked, urgency
from sandbox.streams.fraud import Fraud
from sandbox.trace import Trace, join

SMALL: dict[str, Any] = {"per_day": 6, "alerts": 2, "cards": 12, "terminals": 3, "inspection_cost": 0.1}


def play(world: Fraud, agent: Agent, steps: int, seed: int = 0, feedback: str | None = None) -> Trace:
    chunks: list[Trace] = []
    run_days(
        world, agent, chunks.append, seed=seed, steps=steps, feedback=parse_feedback(feedback), names=("pass", "alert")
    )
    return join(chunks)


class Scripted:
    """Answers question t by `answers[t]`, and keeps what it hears and when."""

    def __init__(self, answers: Any) -> None:
        self.answers = answers
        self.heard: list[tuple[int, Experience]] = []

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        self.asked = 0

    def act(self, observation: Any) -> Any:
        answer = self.answers(self.asked, observation)
        self.asked += 1
        return answer

    def learn(self, experience: Experience) -> None:
        self.heard.append((self.asked - 1, experience))


def no_answer(step: int, observation: Any) -> Decision:
    return Decision(None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=6, max_size=6), st.integers(0, 40))
def test_a_day_costs_the_best_set_less_the_chosen_one(scores: list[int], seed: int) -> None:
    world = Fraud(**SMALL)
    trace = play(world, Scripted(lambda t, x: Decision(1, scores[t] / 9.0)), 6, seed)
    gains = world.batch(seed, 0, 6).values[:, 1]
    chosen = trace.choice == 1.0
    best = max(sum(gains[list(pair)]) for pair in itertools.combinations(range(6), 2))
    assert chosen.sum() == 2 and sorted(scores)[-2:] == sorted(np.array(scores)[chosen])
    gap = trace.best - trace.value
    assert gap.sum() == pytest.approx(best - gains[chosen].sum(), abs=1e-12) and (gap >= 0.0).all()
    assert np.array_equal(trace.value[chosen], gains[chosen]) and not trace.best[~chosen].any()
    assert not trace.value[~chosen].any() and not trace.reward[~chosen].any()
    assert sorted(trace.best[chosen]) == sorted(gains)[-2:]
    in_order = np.argsort(-trace.value[chosen], kind="stable")
    assert (np.diff(trace.best[chosen][in_order]) <= 0.0).all()  # rank by rank


def test_rewards_are_what_inspections_find() -> None:
    world = Fraud(saves="one", inspection_cost=0.25, per_day=50, cards=100, alerts=20)
    trace = play(world, Random(), 5000)
    alerts = trace.choice == 1.0
    assert alerts.sum() == 2000 and np.array_equal(trace.reward[alerts], trace.truth[alerts] - 0.25)
    assert np.array_equal(trace.truth, world.batch(0, 0, 5000).truth) and not trace.next_best.any()


def test_ranking() -> None:
    made = [
        Decision(0), Decision(None), Decision(1), Decision(1, 0.6), Decision(0, 0.6),
        Decision(0, 0.9, False, (0.9, 0.1)), Decision(1, scores=(2.0, 7.0)),
    ]  # fmt: skip
    assert [urgency(one) for one in made] == [0.0, -math.inf, 1.0, 0.6, 0.4, 0.1, 5.0]
    assert ranked(made, 7, 0, 0).tolist() == [6, 2, 3, 4, 5, 0, 1] and ranked(made, 2, 5, 9).tolist() == [6, 2]
    with pytest.raises(RunError, match="not a number"):
        urgency(Decision(1, scores=(0.0, math.nan)))


def test_equals_are_drawn_fairly_and_the_same_whoever_acts() -> None:
    first = [tuple(ranked([Decision(0)] * 4, 2, seed, 40)) for seed in range(6000)]
    assert first == [tuple(ranked([Decision(1, 0.3)] * 4, 2, seed, 40)) for seed in range(6000)]
    counts = Counter(first)
    assert len(counts) == 12 and max(abs(n - 500) for n in counts.values()) < 4.0 * math.sqrt(500.0)


def test_a_share_of_the_alerts_explores() -> None:
    world = Fraud()
    exact, soft = (play(world, StreamOracle(world.ideal, epsilon), 20_000) for epsilon in (0.0, 0.2))
    assert not (exact.best - exact.value).any() and np.isnan(soft.greedy).mean() == pytest.approx(0.2, abs=0.02)
    kept = ((exact.choice == 1.0) & (soft.choice == 1.0)).sum() / (exact.choice == 1.0).sum()
    assert 0.72 < kept < 0.88


def test_all_of_a_day_is_answered_before_anything_of_it_is_known() -> None:
    world = Fraud(per_day=20, alerts=3, cards=50, label_delay=2, label_share=0.7)
    agent = Scripted(lambda t, x: Decision(1, x["amount"] / 2000.0))
    trace = play(world, agent, 400)
    inspected = {int(step) for step in trace.step[trace.choice == 1.0]}
    due = {}
    for now, one in agent.heard:
        due[one.asked_at] = now
        day = one.asked_at // 20
        assert now == 20 * (day + 1) - 1 if one.asked_at in inspected else 20 * (day + 3) - 1
        assert one.truth == trace.truth[one.asked_at] and one.choice == trace.choice[one.asked_at]
        assert one.reward == trace.reward[one.asked_at] and one.terminated and not one.truncated
    assert inspected <= set(due) and [one.asked_at for _, one in agent.heard if one.asked_at in inspected] == sorted(
        inspected
    )
    for step, at in zip(trace.step.tolist(), trace.answered_at.tolist(), strict=True):
        assert due.get(step, NEVER) == at or (at >= 400 and step not in due)
    late = [step for step in range(340) if step not in inspected]
    assert abs(sum(step in due for step in late) / len(late) - 0.7) < 0.1


def test_labels_do_not_depend_on_the_agent() -> None:
    world = Fraud(per_day=20, alerts=3, cards=50, label_share=0.5)
    one, other = play(world, Random(), 400), play(world, StreamOracle(world.ideal), 400)
    passed = (one.choice == 0.0) & (other.choice == 0.0)
    assert np.array_equal(one.answered_at[passed], other.answered_at[passed]) and passed.sum() > 200
    assert len(set((one.answered_at[passed] == NEVER).tolist())) == 2


def test_feedback_is_joined_on_top() -> None:
    world = Fraud(per_day=20, alerts=10, cards=50, label_delay=3, label_share=1.0)
    agent = Scripted(lambda t, x: Decision(1, 0.5))
    plain, late = play(world, Random(), 2000), play(world, agent, 2000, feedback="delayed=5")
    same = plain.choice == late.choice
    assert np.array_equal(late.answered_at[same], plain.answered_at[same] + 5)
    assert all(late.answered_at[one.asked_at] == now for now, one in agent.heard)
    for spec, share in (("partial=0.5", 0.5), ("one-sided=alert", 0.5), ("active=300", 0.15)):
        found = play(world, Random(), 2000, feedback=spec)
        assert abs((found.answered_at != NEVER).mean() - share) < 0.05
    one_sided = play(world, Random(), 2000, feedback="one-sided=alert")
    assert np.array_equal(one_sided.answered_at != NEVER, one_sided.choice == 1.0)
    agent = Scripted(lambda t, x: Decision(1, 0.5))
    wrong = play(world, agent, 2000, feedback="noisy=0.3")
    lies = [one for _, one in agent.heard if one.truth != wrong.truth[one.asked_at]]
    assert abs(len(lies) / len(agent.heard) - 0.3) < 0.05
    for one in lies:
        told = (one.observation["amount"] if one.truth else 0.0) - world.inspection_cost
        assert one.reward == (told if one.choice else 0.0)


def test_a_short_last_day_has_fewer_alerts() -> None:
    world = Fraud(per_day=20, alerts=5, cards=50)
    trace = play(world, Random(), 71)
    assert [int(trace.choice[at : at + 20].sum()) for at in (0, 20, 40, 60)] == [5, 5, 5, 2]
    assert (trace.answered_at[60:][trace.choice[60:] == 1.0] == 70).all()
    assert not play(world, Random(), 3).choice.any()


def test_abstentions_come_last_and_are_counted() -> None:
    world = Fraud(**SMALL)
    trace = play(world, Scripted(lambda t, x: Decision(None if t % 6 < 3 else 0)), 60)
    assert not trace.choice.reshape(10, 6)[:, 3:].sum(axis=1).min() < 2.0
    assert np.isnan(trace.choice.reshape(10, 6)[:, :3]).all()
    silent = play(world, Scripted(no_answer), 60)
    assert (silent.choice == 1.0).sum() == 20 and np.isnan(silent.choice).sum() == 40


def test_confidence_is_in_what_became_of_an_answer() -> None:
    world = Fraud(**SMALL)
    trace = play(world, Scripted(lambda t, x: Decision(0, 0.8, False, (0.8, 0.2))), 60)
    assert np.allclose(trace.confidence, np.where(trace.choice == 1.0, 0.2, 0.8))
    assert np.allclose(trace.likelihood, np.where(trace.truth == 1.0, 0.2, 0.8))


def test_what_is_reported_of_a_day() -> None:
    world = Fraud(per_day=50, alerts=10, cards=50, terminals=10, card_fraud=0.3)
    trace = play(world, StreamOracle(world.ideal), 20_000, seed=2)
    batch = world.batch(2, 0, 20_000)
    told, fraud, alerts = trace.extras, trace.truth == 1.0, trace.choice == 1.0
    amount, card = batch.seen.values[:, 0], batch.seen.values[:, 5]  # type: ignore[union-attr]
    assert (
        np.array_equal(told["precision_at_k"][alerts], fraud[alerts])
        and np.isnan(told["precision_at_k"][~alerts]).all()
    )
    assert np.array_equal(told["cost"], np.where(alerts, 2.0, np.where(fraud, amount, 0.0)))
    assert np.array_equal(told["cost"], told["bayes_cost"])  # the oracle's
    by_chance = play(world, Random(), 20_000, seed=2).extras
    assert np.array_equal(by_chance["bayes_cost"], told["cost"]) and by_chance["cost"].sum() > told["cost"].sum()
    saved = []
    for i in np.flatnonzero(fraud & alerts):
        before = fraud & (card == card[i]) & (np.arange(20_000) // 50 < i // 50)
        saved += [i] if not (before & (np.arange(20_000) // 50 >= i // 50 - 14)).any() else []
    assert np.flatnonzero(told["cards_saved"]).tolist() == saved and 5 < len(saved) < (fraud & alerts).sum()


def test_a_run_is_priced_and_sound() -> None:
    result = sandbox.run(
        "fraud:per_day=100,alerts=5,cards=500", ["oracle", "random", "majority"], seeds=6, steps=10_000
    )
    by_name = {agent.name: agent for agent in result.agents}
    for agent in result.agents:
        assert max(agent.values("ledger_error")) < 1e-9 and np.abs(agent.values("luck_z")).max() < 4.0
    assert not np.any(by_name["oracle"].values("regret")) and not np.any(by_name["oracle"].values("mistakes"))
    value = [np.mean(by_name[name].values("reward")) for name in ("random", "majority")]
    assert max(value) < 0.25 * np.mean(by_name["oracle"].values("reward"))
    precision = [np.mean(by_name[name].values("precision_at_k")) for name in ("oracle", "random")]
    assert precision[0] > 0.06 > 5.0 * precision[1]
    cost, bayes = (by_name["random"].values(name) for name in ("cost", "bayes_cost"))
    assert np.mean(cost) > np.mean(bayes) and np.allclose(bayes, by_name["oracle"].values("cost"))


def test_majority_never_alerts_usefully() -> None:
    world = Fraud(per_day=100, alerts=20, cards=1000)
    trace = play(world, Majority(), 40_000)
    values, alerts = world.batch(0, 0, 40_000).values[:, 1], trace.choice == 1.0
    sd = values.std() / math.sqrt(alerts.sum())
    assert abs(trace.value[alerts].mean() - values.mean()) < 4.0 * sd


MODELS = {
    "logistic regression": preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    "naive Bayes": naive_bayes.GaussianNB(),
    "tree": tree.HoeffdingTreeClassifier(leaf_prediction="nb"),
}


@pytest.mark.parametrize("name", MODELS)
def test_river_models_run_as_they_are_and_beat_random(name: str) -> None:
    world, steps = Fraud(), 30_000
    regret = [
        (t.best - t.value).sum() for t in (play(world, RiverAgent(MODELS[name]), steps), play(world, Random(), steps))
    ]
    assert regret[0] < 0.85 * regret[1]


def test_a_learner_is_hurt_when_fraudsters_change() -> None:
    """For some days it loses more than its twin, which has always lived with the new fraudsters."""
    world, model = Fraud(drift="abrupt@16000"), MODELS["logistic regression"]
    lost = np.zeros(3)
    for seed in range(3):
        run, twin = (play(one, RiverAgent(model), 18_000, seed) for one in (world, world.pin(1)))
        after = run.step >= 16_000
        assert np.array_equal(run.truth[after], twin.truth[after])
        lost += [*((one.best - one.value)[after].sum() for one in (run, twin)), twin.best[after].sum()]
    assert lost[0] > lost[1] + 0.05 * lost[2]


def test_an_agent_that_fails_is_named_and_finished_days_are_kept() -> None:
    def fail(step: int, observation: Any) -> Decision:
        if step == 33:
            raise ValueError("lost")
        return Decision(1, 0.5)

    chunks: list[Trace] = []
    with pytest.raises(RunError, match="step 33: the agent's act raised ValueError: lost"):
        run_days(Fraud(**SMALL), Scripted(fail), chunks.append, seed=0, steps=60)
    assert len(join(chunks)) == 30
    for answer, why in (
        (Decision(2), "outside"), (Decision(1, 1.5), "confidence"),
        (Decision(0, 0.5, False, (0.5, 2.0)), "probabilit"),
    ):  # fmt: skip
        with pytest.raises(RunError, match=why):
            play(Fraud(**SMALL), Scripted(lambda t, x, answer=answer: answer), 60)


def test_a_day_as_an_environment_pays_what_the_stream_does() -> None:
    made = {"per_day": 40, "alerts": 3, "cards": 90, "drift": "abrupt@80"}
    world, env, rng = Fraud(**made), gym.make("sandbox/Fraud-v0", **made), np.random.default_rng(0)
    scores = rng.random((4, 40)).round(1)
    trace = play(world, Scripted(lambda t, x: Decision(1, scores.flat[t])), 160, seed=9)
    batch = world.batch(9, 0, 160)
    for day in range(4):
        seen, info = env.reset(seed=9) if day == 0 else env.reset()
        place = [("amount", 0), ("card", 5), ("terminal_risk", 11)]
        features = env.unwrapped.features  # type: ignore[attr-defined]
        for name, k in place:
            assert np.array_equal(seen[:, features.index(name)], batch.seen.values[40 * day :, k][:40])  # type: ignore[union-attr]
        assert seen.shape == (40, 12) and info == {} and env.unwrapped.concept == (1 if day >= 2 else 0)  # type: ignore[attr-defined]
        _, reward, terminated, truncated, info = env.step(scores[day])
        of_day = slice(40 * day, 40 * day + 40)
        assert reward == pytest.approx(trace.reward[of_day].sum()) and terminated and not truncated
        assert sorted(info["alerts"]) == np.flatnonzero(trace.choice[of_day]).tolist()
        assert np.array_equal(info["found"], batch.truth[of_day][info["alerts"]])


def test_the_environment_passes_gymnasiums_own_check() -> None:
    env = gym.make("sandbox/Fraud-v0", per_day=30, alerts=3, cards=90)
    assert isinstance(env.unwrapped, DayEnv)
    with warnings.catch_warnings():
        warnings.filterwarnings("error")
        warnings.filterwarnings("ignore", message=".*infinity.*")  # features may have any size
        check_env(env.unwrapped)
    env.reset(seed=1)
    for action in (None, np.zeros(5), np.full(30, 1.5), np.full(30, math.nan)):
        with pytest.raises(sandbox.SandboxError, match="outside"):
            env.step(action)
    env.step(np.zeros(30))
    with pytest.raises(sandbox.SandboxError, match="reset"):
        env.step(np.zeros(30))


def test_a_run_of_any_length_takes_the_same_memory() -> None:
    """What waits for its label is that of two weeks, and so are the cards that are remembered."""
    world, peaks = Fraud(per_day=100, alerts=5, cards=1000), []
    tracemalloc.start()
    for steps in (15_000, 60_000):
        tracemalloc.reset_peak()
        run_days(world, Random(), lambda trace: None, seed=0, steps=steps)
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_recovery_is_measured_by_what_a_day_can_lose() -> None:
    world = Fraud(**SMALL)
    assert slight(make_world("fraud").meta, None) == pytest.approx(0.1 * Fraud().expected_best(0))  # type: ignore[arg-type]
    assert 0.0 < world.slight < 0.01 * world.gap_range and "above 0.0394" in slight_text(make_world("fraud").meta)
