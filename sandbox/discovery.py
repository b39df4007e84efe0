"""What the folders offer, read from their sources: being in a folder is all the registration there is."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sandbox.yardsticks import AT_DRIFT, INSIDERS

_PACKAGES = {
    "agents": "sandbox.agents",
    "wrappers": "sandbox.agents.wrappers",
    "worlds": "sandbox.streams",
    "environments": "sandbox.envs",
}
# Wider than any folder: families of worlds and agents, for `list` and for suggestions.
FAMILIES = {
    "worlds": {
        "FrozenLake-v1, CliffWalking-v1, Taxi-v4": "Gymnasium's tables, priced; as FrozenLake-v1:map_name=8x8",
        "GYM-ID-vN": "any other Gymnasium environment, by its id, unpriced",
        "river:NAME": "any River dataset, such as river:Phishing or river:synth.SEA:variant=1",
        "FILE.csv:LABEL": "rows of a CSV or Parquet file, with the column to predict",
        "FILE.py:NAME": "an environment, River dataset or stream of your own",
    },
    "agents": {
        **INSIDERS,
        **{f"{name}:AGENT": text for name, text in AT_DRIFT.items()},
        "river:MODEL": "any River classifier or regressor, such as 'river:StandardScaler() | LogisticRegression()'",
        "FILE.py:NAME": "an agent or River estimator of your own",
    },
}


@dataclass(frozen=True)
class Entry:
    """One thing found in a folder: its name, class, module, first line of documentation and family (its folder).

    `most_steps`: for an environment, the steps after which its episodes are cut, None if never.
    """

    name: str
    class_name: str
    module: str
    text: str
    family: str
    most_steps: int | None = None


@cache
def discover(kind: str) -> dict[str, Entry]:
    """Return what a folder and those in it offer by name, read from their sources, none imported.

    A module `q_learning.py` offers `q-learning` if it has a class `QLearning` that needs no arguments, or, among
    wrappers (learners around learners), one agent; an environment `grid_maze.py` is `sandbox/GridMaze-v0`.
    """
    package = _PACKAGES[kind]
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    found: dict[str, Entry] = {}
    root = Path(spec.submodule_search_locations[0])
    for path in sorted(root.rglob("*.py")):
        if path.stem.startswith("_") or (kind == "agents" and path.parent.name == "wrappers"):
            continue
        module = ".".join((package, *path.relative_to(root).with_suffix("").parts))
        wanted = "".join(part.capitalize() for part in path.stem.split("_"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef) or node.name != wanted:
                continue
            if kind == "wrappers" or not _needs_arguments(node):
                text = (ast.get_docstring(node) or "").split("\n")[0]
                family = "" if path.parent == root else path.parent.name
                name = f"sandbox/{wanted}-v0" if kind == "environments" else path.stem.replace("_", "-")
                found[name] = Entry(name, wanted, module, text, family, _most_steps(node))
    return found


def _most_steps(node: ast.ClassDef) -> int | None:
    """Return what a class sets `max_episode_steps` to, None if it does not."""
    for part in node.body:
        if isinstance(part, ast.AnnAssign | ast.Assign):
            names = [part.target] if isinstance(part, ast.AnnAssign) else part.targets
            if [ast.unparse(name) for name in names] == ["max_episode_steps"] and isinstance(part.value, ast.Constant):
                return part.value.value if isinstance(part.value.value, int) else None
    return None


def _needs_arguments(node: ast.ClassDef) -> bool:
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            positional = [*part.args.posonlyargs, *part.args.args][1:]
            keywords = [d for d in part.args.kw_defaults if d is None]
            return len(positional) > len(part.args.defaults) or bool(keywords)
    return False
