"""Every check catches a liar that no other check catches, and sound things pass them all."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
from liars import agents as lying_agents
from liars import environments as lying_environments
from liars import laws as lying_laws
from liars import streams as lying_streams
from river import datasets, linear_model

from sandbox.checks import agents, environments, laws, prices, run_checks, speeds, streams
from sandbox.checks.suite import CheckResult, checks_in
from sandbox.errors import SandboxError

Family = tuple[ModuleType, ...]
AGENT, ENVIRONMENT, STREAM, LAW = (agents, speeds), (environments,), (streams,), (streams, laws, prices)
FAMILIES: list[tuple[Family, ModuleType]] = [
    (AGENT, lying_agents), (ENVIRONMENT, lying_environments), (STREAM, lying_streams), (LAW, lying_laws),
]  # fmt: skip
LIARS = [(family, *liar) for family, lying in FAMILIES for liar in lying.LIARS]
AGENTS = [
    "random", "majority", "no-change", "mean", "q-learning", "sarsa", "expected-sarsa", "sarsa:epsilon=0.5",
    "epsilon-greedy", "ucb", "thompson", "linucb", "popularity", "popularity:decay=0.99", "logistic",
    "logistic:ask_below=0.8", "naive-bayes", "river:reco.BiasedMF()",
    "river:StandardScaler() | LogisticRegression()", "river:StandardScaler() | LinearRegression()",
    "river:BagOfWords() | MultinomialNB()", "river:HoeffdingTreeClassifier()",
]  # fmt: skip
WORLDS = [
    "FrozenLake-v1", "FrozenLake-v1:is_slippery=False", "CliffWalking-v1", "Taxi-v4", "Taxi-v4:is_rainy=True",
    "Taxi-v4:fickle_passenger=True", "CartPole-v1", "Pendulum-v1",
    "sandbox/GridMaze-v0", "sandbox/GridMaze-v0:slip=0.2,drift='abrupt@100'",
    "sandbox/Spam-v0", "sandbox/Recommendation-v0",
    "spam", "spam:campaign_life=100", "recommendation", "recommendation:item_life=100,renewal=0.3",
    "river:Phishing", "river:TrumpApproval", "river:ImageSegments", "river:synth.SEA",
]  # fmt: skip


def names_in(family: Family) -> list[str]:
    return [check.__name__.removeprefix("check_") for module in family for check in checks_in(module)]


def failed(results: list[CheckResult]) -> list[str]:
    return [f"{result.check}: {result.message}" for result in results if not result.passed]


def named(liar: Any) -> str:
    return getattr(liar, "__name__", type(liar).__name__)


@pytest.mark.parametrize(("family", "check", "liar"), LIARS, ids=[f"{c}-{named(x)}" for _, c, x in LIARS])
def test_liar_is_caught_by_one_check(family: Family, check: str, liar: Any) -> None:
    results = run_checks(liar)
    assert [result.check for result in results] == names_in(family)
    assert [result.check for result in results if not result.passed] == [check], failed(results)
    message = next(result.message for result in results if not result.passed)
    assert message and "\n" not in message and "Traceback" not in message


@pytest.mark.parametrize("family", [AGENT, ENVIRONMENT, LAW], ids=["agents", "environments", "streams"])
def test_every_check_has_a_liar_and_says_what_it_holds(family: Family) -> None:
    caught = {check for found, lying in FAMILIES if set(found) <= set(family) for check, _ in lying.LIARS}
    assert caught == set(names_in(family))
    for module in family:
        assert all((check.__doc__ or "").split("\n")[0].endswith((".", ":")) for check in checks_in(module))


HONEST = [
    lying_agents.AtTwoSpeeds, lying_environments.Honest, lying_streams.Honest, lying_streams.HonestForecast,
    lying_laws.Honest, lying_laws.HonestMessages, lying_laws.HonestNumbers,
]  # fmt: skip


@pytest.mark.parametrize("honest", HONEST, ids=lambda thing: f"{thing.__module__}.{thing.__name__}")
def test_honest_twin_of_the_liars_passes_with_every_check_looked_at(honest: Any) -> None:
    looked = [result for result in run_checks(honest) if not result.passed or result.message]
    left_out = {
        lying_laws.Honest: ["length_is_kept", "decisions_are_settled"],
        lying_laws.HonestMessages: ["length_is_kept", "decisions_are_settled"],
        lying_laws.HonestNumbers: ["length_is_kept", "prices_are_in_range", "rewards_average_to_values"],
    }
    assert [result.check for result in looked] == left_out.get(honest, [])


def test_walk_passes() -> None:
    assert failed(run_checks(lying_environments.Walk)) == []


@pytest.mark.parametrize("name", [*AGENTS, *WORLDS])
def test_built_in_passes(name: str) -> None:
    assert failed(run_checks(name)) == []


@pytest.mark.parametrize(
    ("thing", "family"),
    [
        (lambda: lying_agents.Honest(0.1), AGENT),
        (linear_model.LogisticRegression, AGENT),
        (linear_model.LinearRegression(), AGENT),
        (lambda: gymnasium.make("CartPole-v1"), ENVIRONMENT),
        (lying_streams.Honest(), STREAM),
        (datasets.Phishing(), STREAM),
        (datasets.Phishing, STREAM),
        (lying_laws.Honest(shift=0.3, drift="abrupt@90"), LAW),
    ],
    ids=[
        "agent-factory",
        "river-class",
        "river-model",
        "env-factory",
        "stream",
        "dataset",
        "dataset-class",
        "law-stream",
    ],
)
def test_objects_are_told_apart(thing: Any, family: Family) -> None:
    results = run_checks(thing)
    assert [result.check for result in results] == names_in(family) and failed(results) == []


def test_object_is_left_as_it_was() -> None:
    agent = lying_agents.Honest()
    run_checks(agent)
    assert vars(agent) == {"share": 0.2}


def test_files(tmp_path: Path) -> None:
    source = Path(lying_agents.__file__)
    assert failed(run_checks(f"{source}:Honest:share=0.5")) == []
    assert failed(run_checks(f"{source}:CrashesAtTheEnd")) == ["plays: on states it raised ValueError: no more"]
    assert failed(run_checks(f"{lying_environments.__file__}:Honest")) == []
    assert failed(run_checks(f"{lying_streams.__file__}:Honest")) == []
    rng = np.random.default_rng(0)
    rows = [f"{rng.normal():.3f},{rng.integers(5)},{'yes' if rng.random() < 0.4 else 'no'}" for _ in range(120)]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(["size,count,label", *rows]))
    assert failed(run_checks(f"{data}:label")) == []
    data.write_text("\n".join(["size,count,label,copy", *[f"{row},{row[-1]}" for row in rows]]))
    (said,) = failed(run_checks(f"{data}:label"))
    assert said.startswith("answers_are_hidden: feature 'copy'")


def test_estimator_that_fits_nothing_is_told_so() -> None:
    assert [said.split(":")[0] for said in failed(run_checks("river:BagOfWords(on='nothing') | MultinomialNB()"))] == [
        "plays"
    ]


class NotAnything:
    pass


class HalfAnAgent:
    def act(self, observation: Any) -> int:
        return 0


def _broken() -> Any:
    raise ValueError("broken")


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (NotAnything, "NotAnything is no world"),
        (NotAnything(), "is no agent"),
        (HalfAnAgent(), "HalfAnAgent is no agent: it has no begin and no learn"),
        (3, "int is no world"),
        (_broken, "ValueError: broken"),
        ("q-lerning", "did you mean 'q-learning'"),
        ("oracle", "the oracle belongs to a world"),
        ("FrozenLake-v99", "Gymnasium knows no environment 'FrozenLake-v99'"),
        ("river:Fishing", "did you mean 'Phishing'"),
        ("nowhere.py:Agent", "nowhere.py: no such file"),
        ("nowhere.py", "say which class"),
        ("nowhere.csv:label", "nowhere.csv: no such file"),
        (f"{lying_agents.__file__}:Honets", "did you mean 'Honest'"),
        (gymnasium.make("CartPole-v1"), "give a function that makes the environment"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_checked_is_refused_in_one_line(thing: Any, said: str) -> None:
    with pytest.raises(SandboxError) as caught:
        run_checks(thing)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_global_chance_is_put_back() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    run_checks(lying_agents.DrawsFromNumPy)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_frequencies_are_judged_together_too() -> None:
    (said,) = failed(run_checks(lying_environments.SlipsALittleEverywhere))
    assert "taken together" in said


def test_one_fault_is_told_once() -> None:
    results = run_checks(lying_agents.CrashesAtTheEnd)
    skipped = [result for result in results if result.message.startswith("not looked at")]
    assert len(skipped) > 10 and all(result.passed and "plays failed" in result.message for result in skipped)


def test_a_slip_a_tenth_off_is_caught() -> None:
    class Slippier(lying_environments.Honest):
        def __init__(self) -> None:
            super().__init__()
            self.P[1][0] = [(0.67, 2, 0.0, False), (0.33, 1, 0.0, False)]

    assert [said.split(":")[0] for said in failed(run_checks(Slippier))] == ["transitions_follow_table"]
