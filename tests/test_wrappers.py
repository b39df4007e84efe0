"""Learners around learners: what each lets through, that act changes nothing, and what their names say."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.agents.filters.logistic import Logistic
from sandbox.agents.filters.naive_bayes import NaiveBayes
from sandbox.agents.wrappers._alarm import Alarm, change_point
from sandbox.agents.wrappers._judge import LONGEST, Judge
from sandbox.agents.wrappers.committee import Committee
from sandbox.agents.wrappers.early_and_late import EarlyAndLate
from sandbox.agents.wrappers.only_mistakes import OnlyMistakes
from sandbox.agents.wrappers.only_successes import OnlySuccesses
from sandbox.agents.wrappers.replay import Replay
from sandbox.agents.wrappers.reset_on_drift import ResetOnDrift
from sandbox.catalog import make_agent, make_world
from sandbox.checks import agents as agent_checks
from sandbox.checks.grounds import AgentSubject
from sandbox.checks.suite import run_family
from sandbox.discovery import discover
from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Experience, Labels, Number
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms

LABELS = Labels(["no", "yes"])
WRAPPERS = sorted(discover("wrappers"))
SIZE = spaces.Dict({"x": spaces.Box(-np.inf, np.inf, (), np.float64)})


class Witness:
    """Says `says`, and remembers what it was told."""

    def __init__(self, says: Any = 0, scores: Any = None) -> None:
        self.says, self.scores = says, scores

    def begin(self, observation_space: Any, choice_space: Any, rng: Any) -> None:
        self.heard: list[Any] = []

    def act(self, observation: Any) -> Any:
        return self.says if self.scores is None else Decision(self.says, self.scores[self.says], False, self.scores)

    def learn(self, experience: Experience) -> None:
        self.heard.append(experience)


def begun(agent: Any, choices: Any = LABELS, space: Any = SIZE) -> Any:
    agent.begin(space, choices, np.random.default_rng(0))
    return agent


def came(choice: Any = 0, truth: Any = None, reward: float = 0.0, step: int = 0, ended: bool = True) -> Experience:
    return Experience({"x": float(step)}, choice, reward, None, ended, False, truth, step)


def heard(agent: Any) -> list[int]:
    return [experience.asked_at for experience in agent.learner.heard]


def trace_of(agent: str, world: str, steps: int, seed: int = 0, drift: Any = (), feedback: str = "immediate") -> Trace:
    met, chunks = make_world(world).under(make_terms(drift, feedback)), list[Trace]()
    met.run(make_agent(agent, met), seed, Budget(steps), chunks.append)
    return join(chunks)


def accuracy(trace: Trace) -> float:
    return float(np.mean(trace.choice == trace.truth))


# --- what is a mistake ------------------------------------------------------------------------------------------------


def test_a_wrong_label_and_no_label_are_mistakes() -> None:
    judge = Judge(LABELS, 10)
    told = [judge.judge(came(choice, truth))[0] for choice, truth in [(0, 0), (0, 1), (None, 0), (1, 1)]]
    assert [(one.mistake, one.loss) for one in told] == [(False, 0.0), (True, 1.0), (True, 1.0), (False, 0.0)]


def test_a_forecast_is_measured_by_those_before_it() -> None:
    """Errors 2, 1, 3, none given, 2: means before them 2, 1.5, 2, 2; the largest 2, 2, 3, 3."""
    judge, told = Judge(Number(), 10), []
    for choice, truth in [(2.0, 0.0), (1.0, 0.0), (0.0, 3.0), (None, 1.0), (4.0, 2.0)]:
        told += judge.judge(came(choice, truth))
    assert [one.mistake for one in told] == [False, False, True, True, False]
    assert [one.loss for one in told] == pytest.approx([1.0, 0.5, 1.0, 1.0, 2 / 3])


def test_a_reward_is_measured_by_those_before_it() -> None:
    judge, told = Judge(spaces.Discrete(2), 2), []
    for reward in (1.0, 0.0, 4.0, 3.0, 2.0, math.nan):
        told += judge.judge(came(0, None, reward))
    assert [one.mistake for one in told] == [False, True, False, False, True, False]  # means 1, .5, 2.25, 2.625
    assert [one.loss for one in told[:5]] == pytest.approx([0.0, 1.0, 0.0, 0.25, 0.5])
    assert math.isnan(told[5].loss)


def test_an_episode_is_judged_as_a_whole() -> None:
    judge = Judge(spaces.Discrete(2), 10)
    steps = [came(0, None, reward, k, k % 3 == 2) for k, reward in enumerate([0, 0, 5, 1, 1, 1, 9, 9, 9])]
    told = [judge.judge(one) for one in steps]
    assert [len(one) for one in told] == [0, 0, 3, 0, 0, 3, 0, 0, 3]
    assert [one.mistake for part in told for one in part] == [False] * 3 + [True] * 3 + [False] * 3
    assert [one.experience.asked_at for part in told for one in part] == list(range(9))
    assert [one.loss for part in told for one in part] == [0.0] * 3 + [1.0] * 3 + [0.0] * 3
    endless = [judge.judge(came(0, None, 1.0, k, False)) for k in range(LONGEST)]
    assert [len(one) for one in endless] == [0] * (LONGEST - 1) + [LONGEST]


# --- only mistakes, only successes, all -------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, 0, 1]), st.sampled_from([None, 0, 1]), st.floats(-5, 5))))
def test_mistakes_and_successes_are_all_there_is(told: list[tuple[Any, Any, float]]) -> None:
    mistakes, successes = begun(OnlyMistakes(Witness())), begun(OnlySuccesses(Witness()))
    for step, (choice, truth, reward) in enumerate(told):
        for agent in (mistakes, successes):
            agent.learn(came(choice, truth, reward, step))
    assert sorted(heard(mistakes) + heard(successes)) == list(range(len(told)))
    wrong = [k for k, (choice, truth, _) in enumerate(told) if truth is not None and choice != truth]
    assert [step for step in heard(mistakes) if told[step][1] is not None] == wrong


def test_near_a_mistake_is_near_enough_with_a_margin() -> None:
    for margin, taken in [(0.0, []), (0.15, []), (0.25, [0])]:
        agent = begun(OnlyMistakes(Witness(1, [0.3, 0.7]), margin=margin))
        agent.learn(came(1, 1))
        assert heard(agent) == taken
    without = begun(OnlyMistakes(Witness(1), margin=0.5))  # who gives no probability is right or wrong
    without.learn(came(1, 1))
    assert heard(without) == []


def test_who_learns_from_successes_alone_never_changes_its_mind() -> None:
    trace = trace_of("only-successes:logistic:threshold=0.5", "sea:noise=0", 400)
    assert len(set(trace.choice.tolist())) == 1
    assert accuracy(trace_of("only-mistakes:logistic:threshold=0.5,step_size=0.01", "sea:noise=0", 4000)) > 0.8


def test_environments_teach_by_their_episodes() -> None:
    """An episode that does worse than those before it is told, all of it and in its order; the others are not."""
    for agent, wanted in [(begun(OnlyMistakes(Witness()), spaces.Discrete(2)), [3, 4, 5]), (
        begun(OnlySuccesses(Witness()), spaces.Discrete(2)), [0, 1, 2, 6, 7, 8],
    )]:  # fmt: skip
        for step, reward in enumerate([0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]):
            agent.learn(came(0, None, reward, step, step % 3 == 2))
        assert heard(agent) == wanted


# --- replay -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["logistic:step_size=0.01", "river:GaussianNB()"])
def test_without_replays_it_is_the_bare_agent(inner: str) -> None:
    bare, wrapped = trace_of(inner, "sea", 500), trace_of(f"replay:replays=0:{inner}", "sea", 500)
    again = trace_of(f"replay:{inner}", "sea", 500)
    assert bare.confidence.tobytes() == wrapped.confidence.tobytes() != again.confidence.tobytes()


def test_what_comes_again_are_the_last_mistakes() -> None:
    agent = begun(Replay(Witness(), size=3, replays=2))
    for step in range(200):
        agent.learn(came(0, int(step % 4 == 1), 0.0, step))
    order, again, remembered = heard(agent), [], list[int]()
    for step in range(200):
        assert order.pop(0) == step
        more = [order.pop(0) for _ in range(2 if remembered else 0)]
        assert set(more) <= set(remembered)
        again += more
        remembered = [*remembered, step][-3:] if step % 4 == 1 else remembered
    assert order == [] and len(again) == 2 * (200 - 2)
    age = [step for step in again if step > 100]
    assert len(set(age)) > 20  # all of them, by chance


# --- alarms with a direction ------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 8).map(lambda k: k / 8), max_size=25))
def test_the_change_point_is_where_the_means_differ_most(losses: list[float]) -> None:
    n = len(losses)
    found = change_point(losses)
    if n < 2:
        assert found == 0
        return
    gains = {
        k: abs(np.mean(losses[k:]) - np.mean(losses[:k])) * math.sqrt(k * (n - k) / n) for k in range(1, n)
    }  # fmt: skip
    assert gains[found] == pytest.approx(max(gains.values()), abs=1e-9)


DETECTORS = [
    "ADWIN()",
    "ADWIN(delta=0.1)",
    "PageHinkley()",
    "page-hinkley",
    "KSWIN(seed=1)",
    "DDM()",
    "drift.NoDrift()",
]


@pytest.mark.parametrize("detector", DETECTORS)
def test_only_worse_is_worse(detector: str) -> None:
    """Errors that become fewer never raise the alarm, whatever a two-sided detector says; more errors do."""
    rng = np.random.default_rng(3)
    better = np.concatenate([rng.random(600) < 0.6, rng.random(600) < 0.1]).astype(float)
    for losses, wanted in ((better, 0), (better[::-1], 1)):
        alarm = Alarm(detector, 1000, LABELS)
        raised = [k for k, loss in enumerate(losses) if alarm.worse(float(loss))]
        if wanted and detector != "drift.NoDrift()":
            assert raised and 600 <= raised[0] < 760
            assert alarm.since <= raised[-1] - 540
        else:
            assert raised == []


def test_a_detector_of_right_and_wrong_needs_labels() -> None:
    with pytest.raises(SandboxError, match=r"^DDM watches right and wrong labels, and this world tells none; try AD"):
        begun(ResetOnDrift(Witness(), "DDM()"), spaces.Discrete(2))


def test_reset_forgets_and_learns_anew_what_came_since() -> None:
    agent = begun(ResetOnDrift(Witness(), relearn=50))
    for step in range(1000):
        agent.learn(came(0, int(step >= 600), 0.0, step))
        if agent.resets:
            break
    assert agent.resets == 1 and 600 < step < 660
    assert heard(agent) == list(range(600, step + 1))[-50:]
    short = begun(ResetOnDrift(Witness(), relearn=0))
    for at in range(step + 1):
        short.learn(came(0, int(at >= 600), 0.0, at))
    assert short.resets == 1 and heard(short) == [step]


LED = "river:synth.LED:noise_percentage=0.1,irrelevant_features=False,seed=42"


def test_the_two_sided_adwin_is_reproduced_and_cured() -> None:
    """On stationary LED: naive Bayes 74.4 %, begun anew by River's own wrapper whenever its error falls 27.9 %."""
    own = "river:DriftRetrainingClassifier(GaussianNB(), ADWIN(), False)"
    found = {agent: accuracy(trace_of(agent, LED, 10_000)) for agent in ("naive-bayes", own)}
    assert abs(found["naive-bayes"] - 0.744) < 0.01
    assert abs(found[own] - 0.279) < 0.03
    assert accuracy(trace_of("reset-on-drift:naive-bayes", LED, 10_000)) > 0.73


def test_reset_pays_when_the_law_turns_round() -> None:
    drift = "abrupt@4000:theta=16"
    bare, reset = (
        trace_of(f"{wrapper}naive-bayes", "sea:theta=4,noise=0.05", 8000, drift=drift)
        for wrapper in ("", "reset-on-drift:")
    )
    assert accuracy(reset) > accuracy(bare) + 0.02
    assert bare.choice[:4000].tobytes() == reset.choice[:4000].tobytes()


# --- early and late ---------------------------------------------------------------------------------------------------


def test_early_and_late_answers_teach_two_models() -> None:
    agent = begun(EarlyAndLate(Witness(), soon=2))
    for asked_at in (0, 1, 5, 3, 2, 6, 0, 4):  # the latest so far: 0 1 5 5 5 6 6 6
        agent.learn(came(0, 0, 1.0, asked_at))
    assert heard(agent) == [0, 1, 5, 3, 6, 4]
    assert [experience.asked_at for experience in agent.late.heard] == [2, 0]


def test_the_mean_of_two_probabilities_decides() -> None:
    for weight, threshold, choice in [(0.5, None, 0), (0.9, None, 1), (0.5, 0.3, 1)]:
        inner = Witness(1, [0.3, 0.7])
        if threshold is not None:
            inner.threshold = threshold  # type: ignore[attr-defined]
        agent = begun(EarlyAndLate(inner, weight=weight))
        assert agent.act(None) == inner.act(None)  # nobody has heard anything yet
        agent.late.says, agent.late.scores = 0, [0.9, 0.1]
        agent.learn(came(0, 0, 1.0, 5))
        assert agent.act(None).scores == [0.3, 0.7]
        agent.learn(came(0, 0, 1.0, 2))
        decision = agent.act(None)
        assert decision.scores == pytest.approx([0.3 * weight + 0.9 * (1 - weight), 0.7 * weight + 0.1 * (1 - weight)])
        assert decision.choice == choice and decision.confidence == decision.scores[choice]
    number = begun(EarlyAndLate(Witness(3.0), weight=0.25), Number())
    number.late.says = 7.0
    number.learn(came(1.0, 1.0, 0.0, 5))
    number.learn(came(1.0, 1.0, 0.0, 2))
    assert number.act(None).choice == 6.0


# --- committee --------------------------------------------------------------------------------------------------------


def test_old_concepts_lead_again_when_they_are_back() -> None:
    """The law alternates: a committee has met both by the third block, while who begins anew has forgotten."""
    drift = "recurring@2500:theta=16"
    reset, committee = (
        trace_of(f"{name}:naive-bayes", "sea:theta=4,noise=0.05", 15_000, drift=drift)
        for name in ("reset-on-drift:relearn=0", "committee")
    )
    late = slice(5_000, None)
    wrong = [float(np.mean(trace.choice[late] != trace.truth[late])) for trace in (reset, committee)]
    assert wrong[1] < wrong[0] - 0.005


def test_a_committee_is_as_large_as_it_may_be_and_its_best_leads() -> None:
    agent = begun(Committee(Logistic(), size=3))
    rng = np.random.default_rng(0)
    for step in range(6000):
        x = float(rng.normal())
        truth = int((x > 0) != (step // 1000) % 2)
        asked = {"x": x}
        decision = agent.act(asked)
        agent.learn(Experience(asked, decision.choice, 0.0, None, True, False, truth, step))
        assert agent.learner is min(agent.members, key=lambda member: member.loss).learner
    assert len(agent.members) == 3


class Rote:
    """Knows by heart what it was told, and takes all else for what it heard most."""

    def begin(self, *_: Any) -> None:
        self.known: dict[float, int] = {}

    def act(self, observation: Any) -> int:
        told = list(self.known.values())
        return self.known.get(observation["x"], int(2 * sum(told) > len(told)))

    def learn(self, experience: Experience) -> None:
        self.known[experience.observation["x"]] = experience.truth


def test_a_committee_judges_its_members_by_what_they_said_before_they_learned() -> None:
    agent, handed = begun(Committee(Rote(), detector="ADWIN(delta=0.01)")), 0
    for step in range(1500):
        asked, before = {"x": float(step)}, len(agent.members)
        choice = agent.act(asked)
        agent.learn(Experience(asked, choice, 0.0, None, True, False, int(step >= 1000), step))
        if len(agent.members) > before:
            handed += 1
            assert agent.learner is agent.members[-1].learner  # at once, though the old one now knows all by heart
            assert agent.members[0].loss > 0.9 > 0.2 > agent.members[1].loss
    assert handed == 1


def test_without_an_alarm_a_committee_is_the_bare_agent() -> None:
    for world in ("sea", "ten-armed"):
        inner = "logistic:step_size=0.01" if world == "sea" else "epsilon-greedy"
        bare, one = (trace_of(f"{head}{inner}", world, 600) for head in ("", "committee:detector='drift.NoDrift()':"))
        assert bare.choice.tobytes() == one.choice.tobytes()


# --- every wrapper, everywhere ----------------------------------------------------------------------------------------

INNERS = {
    "q-learning": ("FrozenLake-v1", "delayed=3+noisy=0.1"),
    "logistic:ask_below=0.9": ("spam", "delayed=uniform(0,50)+partial=0.7+noisy=0.1+active=200"),
    "thompson-beta": ("recommendation", "delayed=geometric(5)+partial=0.5"),
    "river:GaussianNB()": ("led", "delayed=uniform(0,9)"),
    "river:LinearRegression()": ("river:TrumpApproval", "delayed=5+noisy=0.1"),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("inner", INNERS)
def test_every_wrapper_runs_and_repeats_itself(wrapper: str, inner: str) -> None:
    world, feedback = INNERS[inner]
    for spec in ("immediate", feedback):
        one, two = (trace_of(f"{wrapper}:{inner}", world, 400, 2, (), spec) for _ in range(2))
        assert len(one) == 400
        for name, column in one.columns().items():
            np.testing.assert_array_equal(column, two.columns()[name])


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("inner", ["naive-bayes", "q-learning:epsilon=0.5", "river:LogisticRegression()", "mean"])
def test_the_public_checks_accept_them(wrapper: str, inner: str) -> None:
    """Among them: act changes nothing that was learned, answers come late, wrong, cut short, or never."""
    world = make_world("FrozenLake-v1")
    results = run_family((agent_checks,), AgentSubject(lambda: make_agent(f"{wrapper}:{inner}", world)))
    assert [(one.check, one.message) for one in results if not one.passed] == []
    assert len(results) > 12


def test_learning_from_bad_and_good_episodes_in_an_environment() -> None:
    """Q-learning that hears of some episodes only still finds its way."""
    for wrapper in ("only-successes", "replay", "reset-on-drift", "committee"):
        trace = trace_of(f"{wrapper}:q-learning:step_size=0.5", "CliffWalking-v1", 20_000)
        assert trace.reward[-2000:].mean() > -5.0, wrapper


def test_the_agent_given_is_never_touched() -> None:
    inner = Witness()
    agents = [Replay(inner), EarlyAndLate(inner), Committee(inner), ResetOnDrift(inner), OnlyMistakes(inner)]
    for agent in agents:
        begun(agent).learn(came(0, 1))
    assert not hasattr(inner, "heard")
    other = copy.deepcopy(agents[0])
    assert other.learner is not agents[0].learner


def test_in_fraud_both_models_hear_something() -> None:
    """Inspected payments are judged at the day's end, the others weeks later: inspections are the early answers."""
    world, made = make_world("fraud:per_day=100,alerts=5,label_delay=7"), EarlyAndLate(NaiveBayes())
    chunks: list[Trace] = []
    world.run(made, 0, Budget(4000), chunks.append)
    early, late = made._heard
    assert early == 5 * 40  # five a day
    assert late > 10 * early
    assert made.late.counts.labels.sum() == late
