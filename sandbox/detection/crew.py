"""Listeners on all cores: seeds are shared out, one share heard here, the others in processes of their own.

A process reads jobs as lines of JSON and answers each with a line; it ends when its parent does.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from sandbox.detection.alarms import Alarms
from sandbox.detection.detectors import Detector
from sandbox.detection.listener import Listener, Request
from sandbox.errors import SandboxError, one_line

_LOOK = 0.2  # seconds between two looks at whether the parent is still there


class _Away:
    """A listener in a process of its own."""

    def __init__(self, request: Request, seeds: Sequence[int], controlled: bool) -> None:
        path = os.pathsep.join(part for part in sys.path if part)
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "sandbox.detection.crew"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            start_new_session=True,  # Ctrl-C reaches the parent alone
        )
        self.send({"request": vars(request), "seeds": list(seeds), "controlled": controlled})

    def send(self, job: dict[str, Any]) -> None:
        """Send a job; its answer is to be waited for."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # `wait` will say so
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()

    def wait(self) -> Any:
        """Return the answer to the oldest job that has none yet."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            raise SandboxError(f"a process that heard some of the runs ended with status {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise SandboxError(answer["error"])
        return answer["told"]

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class Crew:
    """Listeners that share the seeds of a study; `jobs` of them, the first one here."""

    def __init__(self, request: Request, seeds: Sequence[int], controlled: bool, jobs: int) -> None:
        jobs = max(1, min(jobs, len(seeds))) if isinstance(request.world, str) else 1
        self._here = Listener(request, seeds[::jobs], controlled)
        self._away = [_Away(request, seeds[k::jobs], controlled) for k in range(1, jobs)]

    def facts(self) -> dict[str, Any]:
        """Return what a study must know of all runs; see `Listener.facts`. Curves are of those that are heard here."""
        for one in self._away:
            one.send({"do": "facts"})
        found = [self._here.facts(), *(one.wait() for one in self._away)]
        together: dict[str, Any] = {
            "steps": max(one["steps"] for one in found),
            "heard": sum(one["heard"] for one in found),
            "binary": all(one["binary"] for one in found),
            "kinds": sorted({kind for one in found for kind in one["kinds"]}),
        }
        return dict(found[0]) | together

    def alarms(self, detector: Detector, control: bool, most: float = math.inf) -> dict[int, Alarms]:
        """Return the alarms of a detector in the runs, or in their controls, by seed; see `Listener.alarms`."""
        for one in self._away:
            one.send(_job(detector, control, most))
        found = self._here.alarms(detector, control, most)
        for one in self._away:
            for seed, (at, fell) in one.wait().items():
                found[int(seed)] = Alarms(tuple(at), tuple(fell))
        return found

    def close(self) -> None:
        """End all processes."""
        for one in self._away:
            one.close()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _job(detector: Detector, control: bool, most: float) -> dict[str, Any]:
    return {
        "do": "alarms",
        "name": detector.name,
        "settings": detector.settings,
        "control": control,
        "most": None if math.isinf(most) else most,
    }


def _leave_with(parent: int) -> None:
    """End this process, whatever it is doing, when its parent has ended."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


def main() -> None:
    """Hear the runs that the first line names, and answer the jobs of the others."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a user's file prints is no answer
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    listener: Listener | None = None
    for line in sys.stdin:
        job = json.loads(line)
        if listener is None:
            listener = Listener(Request(**job["request"]), job["seeds"], job["controlled"])
            continue
        try:
            told = {"told": listener.answer(job)}
        except Exception as error:
            told = {"error": one_line(error)}
        try:
            print(json.dumps(told), file=answers, flush=True)
        except BrokenPipeError:
            os._exit(1)


if __name__ == "__main__":
    main()
