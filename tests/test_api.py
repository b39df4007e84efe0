"""The Python door: names and objects, results that show themselves, few public names and all of them documented."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import types
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from matplotlib.figure import Figure
from river import datasets, linear_model, preprocessing

import sandbox
from sandbox import Experience, SandboxError
from sandbox.metrics import METRICS


class Counter:
    """An agent defined where it is used."""

    def __init__(self, first: int = 0) -> None:
        self.first = first

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        self.n, self.seen, self.rng = int(choice_space.n), 0, rng

    def act(self, observation: Any) -> int:
        return int(self.rng.integers(self.n))

    def learn(self, experience: Experience) -> None:
        self.seen += 1


class Ring(gym.Env[int, int]):
    observation_space: spaces.Space[int] = spaces.Discrete(3)
    action_space: spaces.Space[int] = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.at += 1
        return self.at % 3, float(action), self.at == 6, False, {}


# --- what may be run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", [Ring, lambda: Ring(), lambda: gym.make("FrozenLake-v1"), "FrozenLake-v1"])
@pytest.mark.parametrize("agent", [Counter, Counter(), lambda: Counter(2)])
def test_environments_and_agents_as_objects(world: Any, agent: Any) -> None:
    result = sandbox.run(world, [agent, "random"], seeds=2, steps=60)
    assert not result.failed and [run.seed for run in result.agents[0].runs] == [0, 1]
    assert {seed: trained.seen for seed, trained in result.agents[0].trained.items()} == {0: 60, 1: 60}
    assert result.agents[1].name == "random"


def test_river_datasets_and_models_as_objects() -> None:
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    result = sandbox.run(datasets.Phishing(), [model, linear_model.LogisticRegression, "majority"], seeds=1, steps=300)
    own = result.agents[0]
    assert own.name == "Pipeline" and not result.failed
    assert own.trained[0].trained["LogisticRegression"].weights and not model["LogisticRegression"].weights
    assert 0.6 < own.values("accuracy")[0] <= 1


def test_a_trained_agent_can_be_used() -> None:
    result = sandbox.run(lambda: gym.make("FrozenLake-v1"), "q-learning", seeds=[4], steps=20_000)
    table = result.agents[0].trained[4].q
    assert table.shape == (16, 4) and table.max() > 0


def test_names_and_objects_give_the_same_runs() -> None:
    by_name = sandbox.run("FrozenLake-v1", ["q-learning"], seeds=3, steps=500, jobs=2)
    by_object = sandbox.run(lambda: gym.make("FrozenLake-v1"), ["q-learning"], seeds=[0, 1, 2], steps=500)
    for one, other in zip(by_name.agents[0].runs, by_object.agents[0].runs, strict=True):
        assert one.scores is not None and other.scores is not None
        assert one.scores.fingerprint == other.scores.fingerprint


def test_agents_of_one_class_get_names_of_their_own() -> None:
    result = sandbox.run(Ring, [Counter(1), Counter(2), Counter], seeds=1, steps=10)
    assert [agent.name for agent in result.agents] == ["Counter", "Counter 2", "Counter 3"]
    assert [agent.settings for agent in result.agents] == [{"first": 1}, {"first": 2}, {"first": 0}]


def test_an_object_that_fails_is_in_the_result() -> None:
    class Broken(Counter):
        def act(self, observation: Any) -> int:
            raise LookupError("nowhere\nto be found")

    result = sandbox.run(Ring, [Broken, Counter], seeds=2, steps=10)
    assert len(result.failed) == 2 and "act raised LookupError: nowhere to be found" in result.failed[0].error
    assert "test_api.py" in result.failed[0].traceback and len(result.agents[1].done) == 2


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"world": Ring, "runs": "x"}, "for names only"),
        ({"agents": [Counter], "runs": "x"}, "for names only"),
        ({"agents": []}, "at least one agent"),
        ({"seeds": 0}, "at least one seed"),
        ({"seeds": [1, 1]}, "given twice"),
        ({"steps": 0}, "steps=0 is out of range"),
        ({"episodes": 1.5}, "episodes=1.5 is out of range"),
        ({"fading": 0.0}, "fading=0.0 is out of range"),
        ({"agents": 3}, "is no agent"),
        ({"world": Ring()}, "give a function"),
    ],
)
def test_requests_that_make_no_sense(
    request_: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SandboxError, match=says):
        sandbox.run(**({"world": "FrozenLake-v1", "agents": "random", "seeds": 1, "steps": 10} | request_))
    assert list(tmp_path.iterdir()) == []


# --- the result -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result() -> Any:
    return sandbox.run("FrozenLake-v1", ["q-learning", "random"], seeds=3, steps=300, jobs=1)


def test_frame_is_a_dict_of_columns_without_pandas(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    frame = result.frame()
    assert isinstance(frame, dict) and set(METRICS) <= frame.keys()
    assert frame["seed"] == [0, 1, 2] * 2 and frame["agent"] == ["q-learning"] * 3 + ["random"] * 3
    assert {len(column) for column in frame.values()} == {6}
    assert frame["regret"][3:] == result.agents[1].values("regret")


def test_frame_is_a_data_frame_with_pandas(result: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = types.ModuleType("pandas")
    pandas.DataFrame = lambda columns: ("frame", columns)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    kind, columns = result.frame()
    assert kind == "frame" and len(columns["seed"]) == 6


def test_the_result_draws_and_writes_itself(result: Any, tmp_path: Path) -> None:
    assert isinstance(result.plot(), Figure)
    assert [path.name for path in result.save_figure(tmp_path / "x")] == ["x.png", "x.svg"]
    json.dumps(result.as_json(), allow_nan=False)


def test_seeds_may_be_numpys() -> None:
    told = sandbox.run(Ring, Counter, seeds=np.arange(2), steps=10).as_json()
    assert json.loads(json.dumps(told))["agents"][0]["seeds"] == [0, 1]


def test_html_is_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>"
    agent, world = type(evil, (Counter,), {}), type(evil, (Ring,), {})
    html = sandbox.run(world, [agent], seeds=2, steps=10)._repr_html_()
    assert "<img src=x" not in html and "&lt;img src=x onerror=alert(1)&gt;" in html
    assert html.startswith('<img alt="learning curves') and html.count("<tr>") == 2  # the picture, then the table


# --- public names -----------------------------------------------------------------------------------------------------


def test_public_names_are_few_and_documented() -> None:
    assert len(sandbox.__all__) <= 15 and list(sandbox.__all__) == sorted(sandbox.__all__)
    for name in sandbox.__all__:
        thing = getattr(sandbox, name)
        assert thing.__doc__ and len(thing.__doc__) > 20, name
        if isinstance(thing, type):
            for method, value in vars(thing).items():
                if not method.startswith("_") and callable(value):
                    assert value.__doc__, f"{name}.{method}"
    assert sandbox.__all__ == [name for name in dir(sandbox) if name in sandbox.__all__]
    with pytest.raises(AttributeError, match="no_such_name"):
        sandbox.no_such_name  # noqa: B018


def test_no_module_hides_a_public_name() -> None:
    """A module of the same name takes its place on the package as soon as anything imports it."""
    modules = {module.name for module in pkgutil.iter_modules(sandbox.__path__)}
    assert modules & set(sandbox.__all__) == set()
    for name in modules - {"__main__"}:
        importlib.import_module(f"sandbox.{name}")
    assert not [name for name in sandbox.__all__ if isinstance(getattr(sandbox, name), types.ModuleType)]
