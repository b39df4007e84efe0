"""A worker process: reads jobs as lines of JSON, answers with packed runs. It ends when its parent does."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any

from sandbox.catalog import make_agent, make_world
from sandbox.errors import SandboxError, one_line
from sandbox.runs import Options, Run, pack, run_once
from sandbox.store import TraceFile
from sandbox.world import Budget, World


def work(job: dict[str, Any], worlds: dict[str, World]) -> Run:
    """Do one job; worlds are kept, since solving them takes time."""
    try:
        world = worlds.setdefault(job["world"], make_world(job["world"]))
        agent = make_agent(job["agent"], world)
    except SandboxError as error:
        return Run(job["seed"], None, one_line(error))
    budget, options = Budget(job["steps"], job["episodes"]), Options(job["window"], job["fading"])
    if job["trace_to"] is None:
        return run_once(world, agent, job["seed"], budget, options)
    with TraceFile(Path(job["trace_to"]), world.meta) as file:
        run = run_once(world, agent, job["seed"], budget, options, file.add)
        if run.scores is not None:
            file.keep()
    return run


def _listen(jobs: queue.Queue[str]) -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)  # the parent is gone or done: nobody wants what is still running


def main() -> None:
    """Answer jobs until standard input closes; what users' code prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    worlds: dict[str, World] = {}
    while True:
        run = work(json.loads(jobs.get()), worlds)
        answers.write(json.dumps(pack(run)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
