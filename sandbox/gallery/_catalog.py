"""Which experiments there are: every file of this folder that does not begin with an underscore is one."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sandbox.errors import SandboxError, suggestion
from sandbox.gallery._found import Found


class Experiment(NamedTuple):
    """An experiment: its name, its title, what to look at, and where it was published; `module` has `measure`."""

    name: str
    title: str
    about: str
    source: str
    module: str

    def measure(self, quick: bool) -> Found:
        """Run it: a small version if `quick`."""
        run: Callable[[bool], Found] = importlib.import_module(self.module).measure
        return run(quick)


@cache
def experiments() -> dict[str, Experiment]:
    """Return every experiment by its name, read from the sources, none imported."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem.startswith("_"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        title, _, about = (ast.get_docstring(tree) or "").partition("\n")
        name = path.stem.replace("_", "-")
        source = next(
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SOURCE"
        )
        told = " ".join(about.split())
        found[name] = Experiment(name, title.rstrip("."), told, source, f"{__package__}.{path.stem}")
    return dict(sorted(found.items(), key=lambda pair: _order(pair[0])))


def _order(name: str) -> tuple[object, ...]:
    """Order by chapter and number in the book; what has none comes first."""
    numbers = [int(part) for part in name.split("-") if part.isdigit()]
    return (*(numbers or [0]), name)


def experiment(name: str) -> Experiment:
    """Return the experiment of a name; raise `SandboxError`, with the nearest name, if there is none."""
    known = experiments()
    if name not in known:
        raise SandboxError(f"the gallery has no {name!r}{suggestion(name, known)}; see 'sandbox gallery --list'")
    return known[name]
