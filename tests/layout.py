"""The rules of the folders as checks of the sources: who may import whom, and how long things may be.

Each check takes the root of a project and yields one line per violation.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

LINKS = {"sandbox/envs": "../envs", "sandbox/agents": "../agents"}

# What envs/ and agents/ may import from the core. An agent that could see the oracle could cheat.
_SMALL = {"sandbox.compiled", "sandbox.draws", "sandbox.errors", "sandbox.interfaces", "sandbox.table"}
CORE_FOR = {
    "agents": {*_SMALL, "sandbox.feedback", "sandbox.table_walk"},
    "envs": {*_SMALL, "sandbox.discovery", "sandbox.drift", "sandbox.oracle", "sandbox.table_env"},
}
LEARNERS = {"river", "sb3_contrib", "sklearn", "stable_baselines3", "torch", "vowpalwabbit"}
DATASETS = ("river.datasets", "river.stream", "sklearn.datasets")  # sandbox/streams/ may wrap them
GENERATORS = {"BitGenerator", "Generator", "MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64", "SeedSequence"}
GENERATORS |= {"default_rng"}
EXECUTES = {"load", "loads", "Unpickler"}
PICKLES = {f"{module}.{name}" for module in ("pickle", "joblib", "cloudpickle", "dill", "marshal") for name in EXECUTES}

FILE_LINES, FUNCTION_LINES, SETTINGS = 300, 40, 6
# Budgets broken on purpose: "path" or "path:Class.function", and why.
# A test file holds every case of one module and is read case by case: it may be longer.
TEST_LINES = (500, 60)
EXCEPTIONS = {
    "sandbox/api.py:run": "its parameters are those of the command, a line each, and each is documented",
    "sandbox/cli/run.py:run": "its parameters are the command's options, a line each",
    "sandbox/cli/score.py:score": "its parameters are the command's options, a line each",
    "sandbox/study.py:run_study": "as above: what a study may be asked, a line each",
    "sandbox/loop.py:_episodes": "the hot loop of every plain run: one function, because a call per step costs speed",
    "sandbox/stream_loop.py:_questions": "the hot loop of every stream, as above",
    "agents/tabular/_table_loop.py:table_loop": "one compiled loop, and the settings it is made with",
}


class Import(NamedTuple):
    """One imported name: `target` is its full dotted name; `at_load` says that it runs when the module is loaded."""

    target: str
    relative: bool
    at_load: bool
    line: int


class Module(NamedTuple):
    """One of our files; `kind` is its top folder, `name` the name under which it is imported."""

    path: str
    name: str
    kind: str
    tree: ast.Module
    text: str


PACKAGES = ("sandbox", "envs", "agents")


@cache
def modules_of(root: Path, kinds: tuple[str, ...] = PACKAGES) -> tuple[Module, ...]:
    """Return the modules in the top folders `kinds`, each once, under its import name."""
    found = []
    for kind in kinds:
        for file in sorted((root / kind).rglob("*.py")):
            path = file.relative_to(root)
            if any(str(parent) in LINKS for parent in path.parents):
                continue
            parts = [*path.parts[:-1], path.stem] if path.stem != "__init__" else path.parts[:-1]
            name = ".".join(("sandbox", *parts) if kind in ("envs", "agents") else parts)
            text = file.read_text(encoding="utf-8")
            found.append(Module(path.as_posix(), name, kind, ast.parse(text), text))
    return tuple(found)


def nodes_of(node: ast.AST, at_load: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Walk `node`; beside each node, whether it runs when the module is loaded."""
    for child in ast.iter_child_nodes(node):
        deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        deferred |= isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        yield child, at_load
        yield from nodes_of(child, at_load and not deferred)


def imports_of(module: Module) -> Iterator[Import]:
    """Return every imported name, relative ones resolved; `from a import b` counts as `a.b`."""
    package = module.name if module.path.endswith("__init__.py") else module.name.rpartition(".")[0]
    for node, at_load in nodes_of(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, False, at_load, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            up = ".".join(package.split(".")[: package.count(".") + 2 - node.level]) if node.level else ""
            base = ".".join(part for part in (up, node.module) if part)
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", bool(node.level), at_load, node.lineno)


def within(name: str, *packages: str) -> bool:
    """Say whether the dotted `name` is one of `packages` or inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def module_named(name: str, names: set[str]) -> str | None:
    """Return which of our modules the imported `name` is, or is defined in."""
    while name and name not in names:
        name = name.rpartition(".")[0]
    return name or None


def check_core(root: Path) -> Iterator[str]:
    """The core imports neither envs nor agents: the catalog finds them by name."""
    for module in modules_of(root):
        for found in imports_of(module):
            if module.kind == "sandbox" and within(found.target, "sandbox.envs", "sandbox.agents"):
                yield f"{module.path}:{found.line} imports {found.target} into the core"


def check_borders(root: Path) -> Iterator[str]:
    """envs/ and agents/ use a few core modules and, by relative import, their own kind; never each other."""
    names = {module.name for module in modules_of(root)}
    for module in modules_of(root):
        own = f"sandbox.{module.kind}"
        for found in imports_of(module):
            where = f"{module.path}:{found.line}"
            if within(found.target, "envs", "agents"):
                yield f"{where} imports {found.target}: its import name starts with sandbox."
            elif module.kind != "sandbox" and found.relative != within(found.target, own):
                yield f"{where} imports {found.target}: own kind, and nothing else, by relative import"
            elif module.kind != "sandbox" and within(found.target, "sandbox") and not found.relative:
                owner = module_named(found.target, names | CORE_FOR[module.kind])
                if owner not in CORE_FOR[module.kind]:
                    yield f"{where} imports {found.target}, which is not open to {module.kind}/"


def check_learners(root: Path) -> Iterator[str]:
    """Third-party learners stay in agents/adapters/; streams may wrap River's datasets."""
    for module in modules_of(root):
        if module.path.startswith("agents/adapters/"):
            continue
        for found in imports_of(module):
            dataset = module.path.startswith("sandbox/streams/") and within(found.target, *DATASETS)
            if within(found.target, *LEARNERS) and not dataset:
                yield f"{module.path}:{found.line} imports {found.target} outside agents/adapters/"


def check_cycles(root: Path) -> Iterator[str]:
    """No module needs itself to be loaded."""
    modules = modules_of(root)
    names = {module.name for module in modules}
    graph = {
        module.name: {module_named(found.target, names) for found in imports_of(module) if found.at_load} - {None}
        for module in modules
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield "import cycle: " + " <- ".join(error.args[1])


def check_randomness(root: Path) -> Iterator[str]:
    """Chance comes from a Generator that was passed in, never from a global one."""
    for module in modules_of(root):
        for name, node in references_of(module):
            where = f"{module.path}:{node.lineno}"
            if within(name, "random"):
                yield f"{where} uses the module random"
            elif name.startswith("numpy.random.") and name.split(".")[2] not in GENERATORS:
                yield f"{where} uses {name}, which has a global state"
        for call in ast.walk(module.tree):
            if isinstance(call, ast.Call) and ast.unparse(call).endswith("default_rng()"):
                yield f"{module.path}:{call.lineno} makes a generator without a seed"


def check_pickles(root: Path) -> Iterator[str]:
    """Nothing is read in a format that can execute code."""
    for module in modules_of(root):
        for name, node in references_of(module):
            if name in PICKLES:
                yield f"{module.path}:{node.lineno} uses {name}, which can execute what it reads"
        for given in ast.walk(module.tree):
            if isinstance(given, ast.keyword) and given.arg == "allow_pickle" and ast.unparse(given.value) != "False":
                yield f"{module.path}:{given.lineno} allows pickles"


def references_of(module: Module) -> Iterator[tuple[str, ast.stmt | ast.expr]]:
    """Return what the module imports and every dotted name in it, with import aliases resolved."""
    alias: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                alias[item.asname or item.name.split(".")[0]] = item.name if item.asname else item.name.split(".")[0]
                yield item.name, node
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for item in node.names:
                alias[item.asname or item.name] = f"{node.module}.{item.name}"
                yield f"{node.module}.{item.name}", node
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            if first in alias:
                yield f"{alias[first]}.{rest}", node


def sizes_of(root: Path) -> Iterator[tuple[str, int, int, str]]:
    """Return (name, size, budget, unit) of every file, function and agent's constructor, tests included."""
    for module in modules_of(root, (*PACKAGES, "tests", "benchmarks")):
        lines, function_lines = TEST_LINES if module.path.startswith("tests/") else (FILE_LINES, FUNCTION_LINES)
        yield module.path, len(module.text.splitlines()), lines, "lines"
        for name, node in definitions_of(module.tree):
            yield f"{module.path}:{name}", (node.end_lineno or 0) - node.lineno + 1, function_lines, "lines"
            if module.kind == "agents" and name.endswith(".__init__"):
                given = node.args
                count = len(given.posonlyargs + given.args + given.kwonlyargs) - 1
                count += (given.vararg is not None) + (given.kwarg is not None)
                yield f"{module.path}:{name}()", count, SETTINGS, "settings"


def definitions_of(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Return every function under `node`, named Class.function."""
    for child in ast.iter_child_nodes(node):
        name = prefix + (getattr(child, "name", None) or "")
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, child
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from definitions_of(child, f"{name}." if inside else prefix)


def check_budgets(root: Path, exceptions: dict[str, str] = EXCEPTIONS) -> Iterator[str]:
    """Files, functions and constructors are short; what is not has a reason, and still needs it."""
    sizes = list(sizes_of(root))
    for name, size, budget, unit in sizes:
        if size > budget and name not in exceptions:
            yield f"{name} has {size} {unit}, more than {budget}"
    over = {name for name, size, budget, _ in sizes if size > budget}
    for name in exceptions.keys() - over:
        yield f"{name} is no exception any more"
