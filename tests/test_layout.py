"""The rules of the folders hold, and each of them catches made-up sources that break it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from layout import (
    LINKS,
    check_borders,
    check_budgets,
    check_core,
    check_cycles,
    check_learners,
    check_pickles,
    check_randomness,
    modules_of,
)

ROOT = Path(__file__).resolve().parent.parent
RULES = [check_core, check_borders, check_learners, check_cycles, check_randomness, check_pickles, check_budgets]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds(rule: Callable[[Path], Iterator[str]]) -> None:
    assert not list(rule(ROOT))


@pytest.mark.parametrize("link", LINKS)
def test_links(link: str) -> None:
    path = ROOT / link
    assert path.is_symlink() and path.readlink().as_posix() == LINKS[link] and (path / "__init__.py").is_file()
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--stage", link], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:  # else not a git checkout
        assert listed.stdout.startswith("120000 ")


def made_up(root: Path, sources: dict[str, str]) -> Path:
    """Write a project with `sources` (path: text) and empty packages around them."""
    for folder in ("sandbox", "sandbox/streams", "envs", "agents", "agents/adapters"):
        (root / folder).mkdir()
        (root / folder / "__init__.py").touch()
    for path, text in sources.items():
        (root / path).write_text(text)
    return root


BAD = [
    (check_core, "sandbox/run.py", "from sandbox.agents.q import Q"),
    (check_core, "sandbox/run.py", "from sandbox import envs"),
    (check_core, "sandbox/run.py", "from . import agents"),
    (check_core, "sandbox/run.py", "def f():\n    import sandbox.envs.maze"),
    (check_core, "sandbox/streams/s.py", "from ..agents import q"),
    (check_borders, "agents/a.py", "from sandbox.oracle import Solution"),
    (check_borders, "agents/a.py", "from sandbox import oracle"),
    (check_borders, "agents/a.py", "import sandbox"),
    (check_borders, "agents/a.py", "from sandbox.loop import run_episodes"),
    (check_borders, "agents/a.py", "from sandbox.agents.q import Q"),
    (check_borders, "agents/a.py", "from ..envs import maze"),
    (check_borders, "agents/a.py", "from ..interfaces import Agent"),
    (check_borders, "agents/a.py", "def f():\n    from sandbox.envs import maze"),
    (check_borders, "envs/e.py", "from sandbox.agents import q"),
    (check_borders, "envs/e.py", "from agents import q"),
    (check_borders, "envs/e.py", "from sandbox.envs.maze import Maze"),
    (check_borders, "sandbox/run.py", "import envs.maze"),
    (check_learners, "agents/a.py", "from river import linear_model"),
    (check_learners, "sandbox/run.py", "def f():\n    import sklearn.metrics"),
    (check_learners, "sandbox/run.py", "from river import datasets"),
    (check_learners, "sandbox/streams/s.py", "from river import datasets, drift"),
    (check_learners, "sandbox/streams/s.py", "import river"),
    (check_learners, "envs/e.py", "import stable_baselines3 as sb3"),
    (check_randomness, "agents/a.py", "import random"),
    (check_randomness, "agents/a.py", "from random import choice"),
    (check_randomness, "agents/a.py", "import numpy as np\nx = np.random.rand()"),
    (check_randomness, "agents/a.py", "import numpy.random as npr\nx = npr.seed(1)"),
    (check_randomness, "agents/a.py", "from numpy import random as r\nx = r.shuffle"),
    (check_randomness, "agents/a.py", "from numpy.random import randint"),
    (check_randomness, "sandbox/run.py", "import numpy as np\nrng = np.random.default_rng()"),
    (check_pickles, "sandbox/store.py", "import pickle\npickle.load(open('x', 'rb'))"),
    (check_pickles, "sandbox/store.py", "from joblib import load"),
    (check_pickles, "sandbox/store.py", "import pickle as p\nclass U(p.Unpickler): pass"),
    (check_pickles, "sandbox/store.py", "import numpy as np\nnp.load('x', allow_pickle=True)"),
    (check_cycles, "sandbox/run.py", "import sandbox.run"),
    (check_budgets, "sandbox/run.py", "\n" * 301),
    (check_budgets, "agents/a.py", "class A:\n    def f(self):\n" + "        pass\n" * 40),
    (check_budgets, "agents/a.py", "class A:\n    def __init__(self, a, b, c, d=0, *, e=0, f=0, g=0): pass"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "path", "text"), BAD)
def test_rule_catches(rule: Callable[..., Iterator[str]], path: str, text: str, tmp_path: Path) -> None:
    root = made_up(tmp_path, {path: text})
    said = list(rule(root, {}) if rule is check_budgets else rule(root))
    assert len(said) == 1 and path.removesuffix(".py").replace("/", ".") in said[0].replace("/", ".")


@pytest.mark.parametrize("second", ["import sandbox.a", "from . import a", "class B:\n    from .a import x"])
def test_cycle_is_caught_at_load_only(second: str, tmp_path: Path) -> None:
    root = made_up(tmp_path, {"sandbox/a.py": "from sandbox.b import y", "sandbox/b.py": second})
    assert "sandbox.a" in next(check_cycles(root))
    late = "def f():\n    from sandbox.a import x\nif TYPE_CHECKING:\n    import sandbox.a"
    (root / "sandbox/b.py").write_text(late)
    modules_of.cache_clear()
    assert not list(check_cycles(root))


def test_sound_sources_pass(tmp_path: Path) -> None:
    agent = "from sandbox.interfaces import Agent\nfrom ._rules import f\nfrom .random import g\nimport numpy as np\n"
    sound = {
        "sandbox/interfaces.py": "from sandbox.errors import x",
        "sandbox/errors.py": "import numpy as np\nrng = np.random.default_rng([1, 2])\nnp.random.Generator",
        "sandbox/catalog.py": "import importlib\nimportlib.import_module('sandbox.agents')",
        "sandbox/streams/s.py": "from river.datasets import Phishing\nfrom river import stream",
        "agents/_rules.py": "from sandbox.table import Table",
        "agents/random.py": "from sandbox.compiled import compiled",
        "agents/a.py": agent + "class A:\n    def __init__(self, a, b, c, *, d, e, f): self.random = 1",
        "agents/adapters/river.py": "from river import base\nfrom .._rules import f\nfrom sandbox.errors import x",
        "envs/e.py": "from sandbox.oracle import Solution\nfrom . import maze",
        "envs/maze.py": "",
    }
    root = made_up(tmp_path, sound)
    assert not [said for rule in RULES if rule is not check_budgets for said in rule(root)]
    assert not list(check_budgets(root, {}))


def test_exception_must_still_be_one(tmp_path: Path) -> None:
    root = made_up(tmp_path, {"sandbox/a.py": "\n" * 301, "sandbox/b.py": ""})
    assert not list(check_budgets(root, {"sandbox/a.py": "a reason"}))
    assert len(list(check_budgets(root, {"sandbox/a.py": "a reason", "sandbox/b.py": "a reason"}))) == 1
