"""The Python door: the command line's jobs as functions of names or objects."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

from sandbox.catalog import env_table, make_world
from sandbox.checks import CheckResult, run_checks
from sandbox.drift import Specs
from sandbox.env_law import law_of
from sandbox.errors import SandboxError
from sandbox.log_score import LogColumns, LogScore, score_log
from sandbox.recorder import Recorder
from sandbox.result import Result
from sandbox.runs import Options
from sandbox.settle import most_seeds, settle_study
from sandbox.study import run_study
from sandbox.study_file import is_study_file
from sandbox.world import Budget, make_terms


def run(
    world: Any,
    agents: Any,
    *,
    seeds: int | Iterable[int] | None = None,
    steps: int | None = None,
    episodes: int | None = None,
    drift: Specs = None,
    feedback: str | None = None,
    plain: bool = False,
    jobs: int | None = None,
    runs: str | Path | None = None,
    trace: bool = False,
    window: int = 1000,
    fading: float = 0.999,
    timeout: float | None = None,
    until: str | None = None,
    tag: str = "",
) -> Result:
    """Run agents in a world for several seeds; return scores, curves and, for objects, the trained agents.

    `world`: a name as on the command line, a function or class that makes a Gymnasium environment, a River dataset, or
    a `Stream`. `agents`: one or a list of names, agents, River models, or functions that make one. An agent object is
    used for every seed in turn: its `begin` must start afresh. `seeds`: their number, 10 if not given, or the seeds.
    `until`: "settled" adds seeds, five at a time, until it is settled who is better or `seeds` of them (50) are run;
    the notes of the result say what was. `drift`: one or several texts such as "abrupt@20000". `feedback`: a text such
    as "delayed=500+noisy=0.05". `plain`: never run compiled. `runs`: a folder that keeps the runs; names only.
    `tag`: a name to find the study by there. `timeout`: seconds after which a run fails. Raise `SandboxError` if the
    request makes no sense; failed runs are in the result.

    >>> result = run("FrozenLake-v1", ["q-learning", "random"], seeds=2, steps=2000)
    >>> [agent.name for agent in result.agents]
    ['q-learning', 'random']
    """
    if isinstance(world, str) and is_study_file(world):
        raise SandboxError(f"{world} is a study file, which names its agents: sandbox.study_file.run_file runs it")
    if not isinstance(seeds, Integral | Iterable | None):
        raise SandboxError(f"seeds={seeds!r}: give their number, or the seeds themselves")
    seeds = seeds if isinstance(seeds, Integral | None) else list(seeds)
    command = _call(world, agents, {name: value for name, value in locals().items() if name not in _FIRST})
    several = list(agents) if isinstance(agents, list | tuple) else [agents]
    if runs is not None and not all(isinstance(thing, str) for thing in (world, *several)):
        raise SandboxError("runs are kept for names only: what an object holds cannot be told from its file")
    study = partial(
        run_study,
        world,
        several,
        budget=Budget(steps, episodes),
        terms=make_terms(drift, feedback, plain),
        options=Options(window, fading),
        jobs=jobs,
        runs=runs,
        trace=trace,
        timeout=timeout,
        tag=tag,
        command=command,
    )
    if until is not None:
        return settle_study(study, most=most_seeds(until, seeds, len(several)), jobs=jobs).noted()
    if seeds is None:
        return study(seeds=range(10))
    return study(seeds=seeds if isinstance(seeds, list) else range(int(seeds)))


_FIRST = ("world", "agents")


def _call(world: Any, agents: Any, given: dict[str, Any]) -> str:
    """Return a call of `run` as text, without what was not given; '' if it holds objects, whose text says little."""
    several = list(agents) if isinstance(agents, list | tuple) else [agents]
    if not all(isinstance(thing, str) for thing in (world, *several)):
        return ""
    usual = {key: part.default for key, part in inspect.signature(run).parameters.items()}
    told = [f"{key}={value!r}" for key, value in given.items() if value is not usual[key] and value != usual[key]]
    return f"sandbox.run({', '.join([repr(world), repr(agents), *told])})"


def load(
    runs: str | Path = "runs", *, world: str = "", agents: str | Iterable[str] = (), tag: str = ""
) -> list[Result]:
    """Return the results that a folder of runs holds, one for each world, drift, feedback and length of run.

    `world`, `agents` (one or several) and `tag` leave out what has other names; a name without settings stands for all
    of them. Nothing in the folder is executed. Files that cannot be read are told of in the results' notes. Raise
    `SandboxError` if nothing is left.
    """
    from sandbox.stored import load as load_stored

    return load_stored(runs, world, [agents] if isinstance(agents, str) else list(agents), tag)


def exact_values(world: Any, epsilon: float | None = None) -> dict[str, Any]:
    """Return the exact values of a world whose law is known: `optimal_return`, `stationary_value`, `gap_range`, ...

    With `epsilon` also those of policies that explore this share. Raise `SandboxError` if the law is unknown.

    >>> round(exact_values("CliffWalking-v1")["optimal_return"])
    -13
    """
    return make_world(world).oracle(epsilon)


def score(log: str | Path, *, choice: str, window: int = 1000, **columns: Any) -> LogScore:
    """Score a log of decisions made elsewhere, a CSV or Parquet file with one decision a row.

    `choice` and the other keywords (`reward`, `truth`, `time`, `group`, ...) name its columns, as the options of
    `sandbox score` do; `discount`, `gap_range`, `task`,
    `tolerance` and `fading` are passed on. Raise `SandboxError` for a bad log.
    """
    passed = {
        name: columns.pop(name) for name in ("discount", "gap_range", "task", "fading", "tolerance") if name in columns
    }
    try:
        names = LogColumns(choice=choice, **columns)
    except TypeError:
        known = ", ".join(LogColumns.__dataclass_fields__)
        raise SandboxError(f"a log has no such column role; there is {known}") from None
    return score_log(str(log), names, window=window, **passed)


def check(thing: Any) -> list[CheckResult]:
    """Check that an agent, environment or stream, by name or as an object, keeps the contracts."""
    return run_checks(thing)


def record(env: Any) -> Recorder:
    """Return `env` wrapped so that every decision made in it is kept and priced, for learners that own their loop.

    >>> import gymnasium
    >>> env = record(gymnasium.make("FrozenLake-v1"))
    >>> _ = env.reset(seed=0)
    >>> _ = env.step(2)
    >>> len(env.trace())
    1
    """
    name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    return Recorder(env, law_of(env, name, env_table))
