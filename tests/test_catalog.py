"""Names and objects become worlds and agents; River models are built from River's own constructors and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium import spaces
from river import datasets, linear_model
from shell import USER_FILE, user_file

from sandbox.catalog import adapt_agent, adapt_world, make_agent, make_world
from sandbox.discovery import discover
from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError
from sandbox.interfaces import Labels, Question, Stream
from sandbox.stream_world import StreamWorld
from sandbox.user_files import files_of, load_file, source_of

RIVER = "river:StandardScaler() | LogisticRegression(optimizer=SGD(0.1))"


# --- discovery --------------------------------------------------------------------------------------------------------


def test_a_module_with_a_class_of_its_name_is_found() -> None:
    found = discover("agents")
    assert {"q-learning", "sarsa", "expected-sarsa", "random", "majority", "no-change", "mean"} <= set(found)
    root = Path(__file__).parent.parent / "agents"
    for name, entry in found.items():
        assert (root / entry.family / f"{name.replace('-', '_')}.py").is_file()
        assert entry.text and not name.startswith("_")


def test_everything_found_can_be_made() -> None:
    world = make_world("FrozenLake-v1")
    for name in discover("agents"):
        agent = make_agent(name, world)
        assert all(callable(getattr(agent, method)) for method in ("begin", "act", "learn"))


def test_discovery_imports_none_of_what_it_finds() -> None:
    script = (
        "import sys; from sandbox.discovery import discover; discover('agents'); discover('worlds');"
        "print([m for m in sys.modules if m.startswith('sandbox.agents.')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- River expressions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "StandardScaler() | LogisticRegression(optimizer=SGD(0.1))",
        "StandardScaler | LogisticRegression",
        "preprocessing.StandardScaler() | linear_model.LogisticRegression()",
        "river.naive_bayes.GaussianNB()",
        "(StandardScaler() + MinMaxScaler()) | LogisticRegression()",
        "BaggingClassifier(model=HoeffdingTreeClassifier(grace_period=50), n_models=3)",
        "ADWINBaggingClassifier(LogisticRegression(), 2)",
        "Select('a', 'b') | GaussianNB()",
    ],
)
def test_river_models_are_built(expression: str) -> None:
    agent = make_agent(f"river:{expression}", make_world("river:Phishing"))
    assert type(agent).__module__ == "sandbox.agents.adapters.river"


ATTACKS = [
    "__import__('os').system('touch owned')",
    "().__class__.__bases__[0].__subclasses__()",
    "StandardScaler.__init__.__globals__",
    "StandardScaler().__class__()",
    "linear_model.__builtins__.eval('1')",
    "compose.pipeline.inspect.os.system('touch owned')",
    "(lambda: 1)()",
    "[x for x in range(9)]",
    "f'{1}'",
    "eval('1')",
    "open('owned', 'w')",
    "LogisticRegression(**{})",
    "LogisticRegression(*[1])",
    "(x := 1)",
    "1 if 1 else 2",
    "datasets.Phishing()",
    "river.datasets.Phishing()",
    "Phishing()",
    "stream.iter_csv('secret.csv')",
    "utils.inspect",
    "synth.SEA()",
    "LogisticRegression() | datasets.Phishing()",
    "not a model",
    "import os",
    "",
    "1",
    "'text'",
    "-" * 3000 + "1",
    "(" * 3000,
    "NoSuchThing()",
    "LogisticRegression(no_such=1)",
    "LogisticRegression(",
]


@pytest.mark.parametrize("expression", ATTACKS)
def test_anything_else_is_refused_in_one_line(expression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SandboxError) as caught:
        make_agent(f"river:{expression}", make_world("river:Phishing"))
    assert "\n" not in str(caught.value) and str(caught.value)
    assert not list(tmp_path.iterdir())


# --- files of the user's ----------------------------------------------------------------------------------------------


def test_a_class_in_a_file_takes_settings(tmp_path: Path) -> None:
    path = user_file(tmp_path)
    world = make_world(f"{path}:Corridor:length=3")
    assert isinstance(world, EnvWorld) and world.choice_space == spaces.Discrete(2)
    assert vars(make_agent(f"{path}:Walker:on=4,fault=raise", world))["on"] == 4


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        (USER_FILE, "mine.py:Corridr", "did you mean 'Corridor'"),
        (USER_FILE, "mine.py:Corridor:lenth=3", "did you mean 'length'"),
        (USER_FILE, "mine.py", "say which class"),
        (USER_FILE, "mine.py:gym", "is no world"),
        (USER_FILE, "mine.py:Walker", "is no world"),
        (USER_FILE, "nowhere.py:Corridor", "no such file"),
        ("1 +", "mine.py:X", "cannot be run: SyntaxError"),
        ("raise ValueError('two\\nlines')", "mine.py:X", "cannot be run: ValueError: two lines"),
        ("raise SystemExit(3)", "mine.py:X", "cannot be run: SystemExit: 3"),
        ("class X:\n    def __init__(self): 1 / 0", "mine.py:X", "cannot be made: ZeroDivisionError"),
    ],
)
def test_bad_files_are_refused(
    text: str, name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(SandboxError, match=says) as caught:
        make_world(name).choice_space  # noqa: B018
    assert "\n" not in str(caught.value)


def test_an_edited_file_is_loaded_anew_and_leaves_no_bytecode(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    for value in (1, 2, 1):
        path.write_text(f"X = {value}")  # as long as before, and within the same second
        assert load_file(str(path), "X") == value
    assert [left.name for left in tmp_path.iterdir()] == ["mine.py"]


def test_the_files_behind_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_module.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(files_of("data.csv:label:task=regression")) == [Path("data.csv")]
    assert source_of("data.csv:label") is None
    assert source_of("file.py:Name:a=1") == Path("file.py")
    assert source_of("their_module:TheirEnv-v0") == tmp_path / "their_module.py"
    for name in ("FrozenLake-v1", "q-learning:step_size=1", "no_such_module:TheirEnv-v0", RIVER):
        assert list(files_of(name)) == []


# --- objects ----------------------------------------------------------------------------------------------------------


class Coin(Stream):
    observation_space = spaces.Discrete(1)
    choice_space = Labels(["heads", "tails"])

    def __init__(self, length: int = 5) -> None:
        self.length = length

    def questions(self, seed: int) -> Any:
        for k in range(self.length):
            yield Question(0, (seed + k) % 2)


class Learner:
    def __init__(self, rate: float = 0.5) -> None:
        self.rate = rate

    def begin(self, *_: Any) -> None: ...

    def act(self, observation: Any) -> int:
        return 0

    def learn(self, experience: Any) -> None: ...


def test_environments_streams_and_datasets_are_worlds() -> None:
    assert isinstance(adapt_world(lambda: gym.make("CartPole-v1")), EnvWorld)
    assert isinstance(adapt_world(type(gym.make("FrozenLake-v1").unwrapped)), EnvWorld)
    for stream in (Coin, Coin(3), Coin(), datasets.Phishing(), datasets.Phishing, lambda: Coin(2)):
        world = adapt_world(stream)
        assert isinstance(world, StreamWorld) and isinstance(world.choice_space, Labels)


def test_a_factory_makes_a_fresh_environment_for_every_run() -> None:
    made: list[Any] = []

    def factory() -> Any:
        made.append(gym.make("CartPole-v1"))
        return made[-1]

    world = adapt_world(factory)
    assert isinstance(world, EnvWorld) and world.make() is not world.make()
    assert len(set(map(id, made))) == len(made) >= 3


def test_an_environment_that_is_made_already_is_refused() -> None:
    with pytest.raises(SandboxError, match="give a function that makes the environment"):
        make_world(gym.make("CartPole-v1"))


@pytest.mark.parametrize("thing", [3, None, object(), [1], {"a": 1}, int, print])
def test_other_objects_are_no_worlds_and_no_agents(thing: Any) -> None:
    with pytest.raises(SandboxError, match=r"is no world|cannot be made"):
        make_world(thing)
    with pytest.raises(SandboxError, match=r"is no agent|cannot be made"):
        make_agent(thing, make_world("FrozenLake-v1"))


def test_agents_are_classes_factories_instances_and_river_models() -> None:
    learner, model = Learner(0.25), linear_model.LogisticRegression()
    assert adapt_agent(learner) is learner
    assert isinstance(adapt_agent(Learner), Learner)
    assert vars(adapt_agent(lambda: Learner(0.125)))["rate"] == 0.125
    assert vars(adapt_agent(Learner, "x", {"rate": 1}))["rate"] == 1
    assert vars(adapt_agent(model))["model"] is model
    assert type(adapt_agent(linear_model.LogisticRegression)).__name__ == "RiverAgent"
    with pytest.raises(SandboxError, match="takes no settings"):
        adapt_agent(learner, "x", {"rate": 1})


def test_settings_of_river_models_are_the_same_text_in_every_process(tmp_path: Path) -> None:
    """Their text decides the name of the file of runs; an address in it would mean that nothing is ever found again."""
    script = (
        "import json, sys; from sandbox.catalog import make_agent, make_world; from sandbox.study import _entries;"
        "from sandbox.identity import decides; from sandbox.runs import Options; from sandbox.world import Budget;"
        "world = make_world('river:Phishing');"
        "entries = _entries(json.loads(sys.argv[1]), world, [0]);"
        "print(json.dumps([decides(world, e.name, e.settings, Budget(9), Options())['settings'] for e in entries]))"
    )
    agents = [f"river:{name}" for name in ("BagOfWords(on='x') | GaussianNB()", "HoeffdingTreeClassifier()")]
    found = {
        subprocess.run(
            [sys.executable, "-c", script, json.dumps([*agents, RIVER])], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(found) == 1 and "0x" not in found.pop()
