"""A worker process: reads jobs as lines of JSON, answers with packed runs. It ends when its parent does."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.catalog import make_agent, make_world
from sandbox.deadline import Deadline, Halt
from sandbox.errors import one_line, reason
from sandbox.interfaces import Agent
from sandbox.runs import Options, Run, pack, run_once
from sandbox.seal import seal
from sandbox.store import SCHEMA, put_in_place, quoted, remove, storable
from sandbox.trace import Meta, Trace
from sandbox.world import Budget, World, make_terms

BEGAN = "began"  # the line that says that a run's time begins, perhaps anew, before the line of its answer


class TraceFile:
    """The decisions of one run on their way into a Parquet file, in memory that does not grow with the run.

    A file that cannot be written is no reason to lose the run: `trouble` says in one line what stood against it.
    """

    def __init__(self, path: Path, meta: Meta) -> None:
        self.path, self.trouble = path, ""
        self._about = meta.as_dict()
        stem = path.parent / f".tmp-{os.getpid()}-{uuid.uuid4().hex}"
        self._scratch, self._temporary = stem.with_suffix(".duckdb"), stem.with_suffix(".parquet")
        self._rows = 0
        self._connection: Any = None
        with self._troubled():
            import duckdb

            self._connection = duckdb.connect(str(self._scratch), config={"threads": 1, "memory_limit": "256MB"})

    @contextlib.contextmanager
    def _troubled(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.trouble = f"{self.path}: cannot be written: {reason(error)}"

    def add(self, trace: Trace) -> None:
        """Add the next chunk."""
        if self.trouble:
            return
        with self._troubled():
            self._connection.register("chunk", trace.columns())
            verb = "INSERT INTO trace" if self._rows else "CREATE TABLE trace AS"
            self._connection.execute(f"{verb} SELECT * FROM chunk")
            self._connection.unregister("chunk")
            self._rows += len(trace)

    def keep(self, fingerprint: str) -> None:
        """Write the file; `fingerprint` is that of the run's scores."""
        if self.trouble:
            return
        told = {"schema": SCHEMA, "meta": self._about, "fingerprint": fingerprint}
        about = json.dumps(told, sort_keys=True, default=repr)
        with self._troubled():
            self._connection.execute(
                f"COPY (SELECT * FROM trace) TO {quoted(str(self._temporary))} "
                f"(FORMAT PARQUET, COMPRESSION ZSTD, KV_METADATA {{sandbox: {quoted(about)}}})"
            )
            seal(self._temporary)
            put_in_place(self._temporary, self.path)

    def __enter__(self) -> TraceFile:
        return self

    def __exit__(self, *error: object) -> None:
        if self._connection is not None:
            with self._troubled():
                self._connection.close()
        for suffix in ("", ".wal", ".tmp"):
            remove(self._scratch.with_name(self._scratch.name + suffix))
        remove(self._temporary)


def do_run(
    world: World,
    agent: Agent,
    seed: int,
    budget: Budget,
    options: Options,
    trace_to: str | Path | None,
    stopped: Callable[[], bool] = lambda: False,
    timeout: float | None = None,
) -> Run:
    """Run once, and keep the decisions in the file `trace_to` if there is one; whatever fails is in the run.

    `stopped` is asked now and then whether nobody wants the run any more; `timeout` is in seconds.
    """
    try:
        if trace_to is None:
            run = run_once(world, agent, seed, budget, options, None, stopped, timeout)
        else:
            with TraceFile(Path(trace_to), world.meta) as file:
                run = run_once(world, agent, seed, budget, options, file.add, stopped, timeout)
                if run.scores is not None:
                    file.keep(run.scores.fingerprint)
                    run = replace(run, lost=storable(file.trouble))
        return replace(run, error=storable(run.error), traceback=storable(run.traceback))
    except Exception as error:  # not of the run itself, which keeps its own: no memory to judge it
        return Run(seed, None, f"{world.name}, seed {seed}, {one_line(error)}", traceback.format_exc())


def work(job: dict[str, Any], worlds: dict[str, World], began: Callable[[], None]) -> Run:
    """Do one job; worlds are kept, since solving them takes time. `began` is called before the run itself."""
    timeout = job["timeout"]
    try:
        key = json.dumps([job[part] for part in ("world", "drift", "feedback", "plain")])
        with Deadline(timeout):
            if key not in worlds:
                worlds[key] = make_world(job["world"]).under(make_terms(job["drift"], job["feedback"], job["plain"]))
            world = worlds[key]
            agent = make_agent(job["agent"], world)
    except (Exception, SystemExit, Halt) as error:
        text = f"{job['world']}, before it began, {error}" if isinstance(error, Halt) else one_line(error)
        return Run(job["seed"], None, storable(text), storable(traceback.format_exc()))
    began()
    budget, options = Budget(job["steps"], job["episodes"]), Options(job["window"], job["fading"])
    return do_run(world, agent, job["seed"], budget, options, job["trace_to"], timeout=timeout)


def _listen(jobs: queue.Queue[str]) -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)  # the parent is gone or done: nobody wants what is still running


def _die_with(line: int) -> None:
    """Have the system kill this process when its parent closes `line`: users' code may let no thread of ours run."""
    try:
        import fcntl

        fcntl.fcntl(line, fcntl.F_SETSIG, signal.SIGKILL)  # type: ignore[attr-defined,unused-ignore]
        fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | os.O_ASYNC)
    except (ImportError, AttributeError, OSError):
        return  # another platform: `_listen` has to do


def main() -> None:
    """Answer jobs until standard input closes; what users' code prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if len(sys.argv) > 1:
        _die_with(int(sys.argv[1]))
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    worlds: dict[str, World] = {}

    def tell(line: str) -> None:
        answers.write(line + "\n")
        answers.flush()

    began = partial(tell, BEGAN)
    Deadline.extended = staticmethod(began)
    while True:
        tell(json.dumps(pack(work(json.loads(jobs.get()), worlds, began))))


if __name__ == "__main__":
    main()
