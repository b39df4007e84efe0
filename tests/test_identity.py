"""Whatever decides a result names its file: all the user's code, by whatever way it comes in, and nothing else."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import gymnasium as gym
import pytest
from shell import document, user_file

from sandbox.catalog import make_world
from sandbox.env_world import EnvWorld
from sandbox.identity import canonical, decides
from sandbox.runs import Options
from sandbox.user_files import code_of
from sandbox.world import Budget, make_terms

PACKAGE = {
    "pkg/__init__.py": "import gymnasium\ngymnasium.register('P-v0', entry_point='pkg.env:Env', max_episode_steps=9)\n",
    "pkg/env.py": "from mine import Corridor\nfrom .parts.rewards import REWARD\nENV = 1\n"
    "class Env(Corridor):\n    def __init__(self, **kwargs):\n        super().__init__(reward=REWARD)\n",
    "pkg/parts/__init__.py": "",
    "pkg/parts/rewards.py": "REWARD = 1.0\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to import from, which leaves no module behind."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    gym.registry.pop("P-v0", None)


def write(folder: Path, sources: dict[str, str]) -> None:
    for path, text in sources.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def shares(folder: Path, world: str, agent: str) -> list[int]:
    """Run twice; return the number of files of runs after each."""
    found = []
    for _ in range(2):
        document("run", world, agent, "--seeds", 1, "--steps", 50, cwd=folder, PYTHONPATH=str(folder))
        found.append(len(list((folder / "runs").glob("*.parquet"))))
    return found


# --- edits ------------------------------------------------------------------------------------------------------------


def test_an_edited_helper_of_an_agent_is_another_result(tmp_path: Path) -> None:
    user_file(tmp_path)
    write(tmp_path, {"ag.py": "from mine import Walker\nfrom helper import C\nclass A(Walker): c = C\n"})
    write(tmp_path, {"helper.py": "from deep import C\n", "deep.py": "C = 1\n", "other.py": "C = 1\n"})
    assert shares(tmp_path, "FrozenLake-v1", "ag.py:A") == [1, 1]
    for count, path in ((2, "helper.py"), (3, "deep.py"), (3, "other.py")):
        with (tmp_path / path).open("a") as file:
            file.write("# edited\n")
        assert shares(tmp_path, "FrozenLake-v1", "ag.py:A") == [count, count], path


def test_an_edited_helper_of_a_drifts_function_is_another_result(tmp_path: Path) -> None:
    user_file(tmp_path)
    write(tmp_path, {"law.py": "from helper import C\ndef f(env, progress): env.reward += C * progress\n"})
    write(tmp_path, {"helper.py": "C = 1\n"})
    terms = make_terms(["abrupt@20:law.py:f", "abrupt@30:length=5"])

    def told() -> Any:
        world = make_world("mine.py:Corridor").under(terms)
        return decides(world, "random", {}, Budget(50), Options())

    with contextlib.chdir(tmp_path):
        sys.path.insert(0, "")
        try:
            first = told()
            assert first == told() and {"drift law.py", "drift module helper"} <= first["files"].keys()
            (tmp_path / "helper.py").write_text("C = 2\n")
            assert told()["files"] != first["files"]
        finally:
            sys.path.remove("")
            sys.modules.pop("helper", None)


def test_an_edited_module_of_a_package_is_another_result(tmp_path: Path) -> None:
    user_file(tmp_path)
    write(tmp_path, PACKAGE)
    assert shares(tmp_path, "pkg:P-v0", "random") == [1, 1]
    for count, path in ((2, "pkg/env.py"), (3, "pkg/parts/rewards.py"), (4, "mine.py")):
        with (tmp_path / path).open("a") as file:
            file.write("# edited\n")
        assert shares(tmp_path, "pkg:P-v0", "random") == [count, count], path


# --- what belongs to a name -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "import pkg.parts.rewards",
        "from pkg.parts import rewards",
        "def f():\n    from pkg.parts.rewards import REWARD",
        "import importlib\nx = importlib.import_module('pkg.parts.rewards')",
    ],
)
def test_every_way_to_import_is_followed(text: str, folder: Path) -> None:
    write(folder, PACKAGE | {"pkg/__init__.py": "", "ag.py": text})
    assert set(code_of(f"{folder}/ag.py:A")) == {"ag.py", "pkg", "pkg.parts", "pkg.parts.rewards"}


def test_imports_in_a_ring_broken_sources_and_installed_packages(folder: Path) -> None:
    write(folder, {"ag.py": "import one, duckdb, os, numpy, no_such, sandbox.errors, typer.core, yaml_"})
    write(folder, {"one.py": "import two", "two.py": "import one, broken\nfrom .. import x", "broken.py": "1 +"})
    found = code_of(f"{folder}/ag.py:A")
    assert {name: where for name, where in found.items() if isinstance(where, Path)}.keys() == {
        *("ag.py", "one", "two", "broken")
    }
    assert found["duckdb"] == f"duckdb {duckdb.__version__}" and str(found["typer"]).startswith("typer ")


def test_an_id_without_a_module_has_the_package_behind_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, PACKAGE)
    gym.register("P-v0", entry_point="pkg.env:Env")
    assert {"pkg", "pkg.env", "pkg.parts", "pkg.parts.rewards"} <= set(code_of("P-v0"))
    monkeypatch.setitem(gym.registry, "P-v0", gym.envs.registration.EnvSpec("P-v0", entry_point="pytest:Env"))
    assert code_of("P-v0") == {"pytest": f"pytest {pytest.__version__}"}


@pytest.mark.parametrize("name", ["FrozenLake-v1", "CartPole-v1", "sarsa:epsilon=0.1", "river:Phishing", "a.csv:y-v0"])
def test_named_things_of_ours_and_gymnasiums_bring_nothing(name: str) -> None:
    assert code_of(name) == {} == code_of(object())


def test_neither_place_nor_other_modules_matter(folder: Path) -> None:
    def told(place: str) -> Any:
        sys.path[0] = str(folder / place)
        world = EnvWorld("FrozenLake-v1", lambda: gym.make("FrozenLake-v1"), lambda env: "unknown", {})
        return decides(world, f"{folder / place}/ag.py:A", {}, Budget(9), Options())["files"]

    for place in "ab":
        write(folder / place, {"ag.py": "import helper", "helper.py": "C = 1", "unrelated.py": ""})
    first = told("a")
    __import__("unrelated")
    assert told("a") == first == told("b") and set(first) == {
        "agent ag.py",
        "agent module ag.py",
        "agent module helper",
    }
    write(folder / "b", {"helper.py": "C = 2"})
    assert told("b") != first


# --- spellings --------------------------------------------------------------------------------------------------------


def test_spellings_of_a_model_are_one_and_texts_in_it_are_not() -> None:
    assert canonical("river:BagOfWords(on='a  b')") != canonical("river:BagOfWords(on='a b')")
    assert canonical("river:  A( x = 1 )|B()") == canonical("river:A(x=1) | B()")
    assert canonical("river:synth.SEA:variant=1") != canonical("river:synth.SEA:variant=2")
    assert canonical("river:" + "(" * 3000) == ["river:" + "(" * 3000]
    assert canonical("sarsa:a=1,b=2") == canonical("sarsa:b=2, a=1")
