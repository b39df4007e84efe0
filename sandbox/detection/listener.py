"""Who listens to the runs of some seeds: hears each once, and says when any detector alarms in them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from sandbox import stopping
from sandbox.catalog import make_world
from sandbox.detection.alarms import Alarms, alarms_of, dummy_alarms
from sandbox.detection.detectors import Detector, detector_of
from sandbox.detection.heard import Heard, hear
from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.feedback import Feedback
from sandbox.world import World, make_terms

_STRETCHES = 200  # of a run, in figures


@dataclass(frozen=True)
class Request:
    """What is to be heard: whose errors (`watch`), in which world, on what terms, for how long."""

    world: Any
    agent: str
    watch: str
    steps: int
    drift: Specs = None
    feedback: str | Feedback | None = None

    def open(self) -> World:
        """Return the world, on its terms."""
        return make_world(self.world).under(make_terms(self.drift, self.feedback))


class Listener:
    """Hears the runs of `seeds`, and their controls where there are any: the same seeds, in the world as it began."""

    def __init__(self, request: Request, seeds: Iterable[int], controlled: bool) -> None:
        self.request, self.seeds, self.controlled = request, tuple(seeds), controlled
        self._heard: dict[tuple[int, bool], Heard] = {}
        self._worlds: dict[bool, World] = {}

    def _world(self, control: bool) -> World:
        if not self._worlds:
            world = self.request.open()
            self._worlds = {False: world, True: world.twin(0) if self.controlled else world}
        return self._worlds[control]

    def hear(self, seed: int, control: bool) -> Heard:
        """Return what is heard in a run, which is run once."""
        if (seed, control) not in self._heard:
            request = self.request
            made = hear(self._world(control), request.agent, seed, request.steps, request.watch)
            self._heard[seed, control] = made
        return self._heard[seed, control]

    def facts(self) -> dict[str, Any]:
        """Return what a study must know first: how long runs are, whether 0 and 1 are all, which are alike."""
        heard = [self.hear(seed, control) for seed in self.seeds for control in {False, self.controlled}]
        return {
            "steps": max(one.steps for one in heard),
            "heard": sum(len(self.hear(seed, False).values) for seed in self.seeds),
            "binary": all(bool(np.isin(one.values, (0.0, 1.0)).all()) for one in heard),
            "curve": self._curve(False),
            "control_curve": self._curve(self.controlled),
            "kinds": [blake2b(self.hear(seed, False).values.tobytes()).hexdigest() for seed in self.seeds],
        }

    def _curve(self, control: bool) -> list[list[float]]:
        """Return, for figures, the mean of what is heard in stretches of a run, over runs, with where they end."""
        runs = [self.hear(seed, control) for seed in self.seeds]
        steps = max(run.steps for run in runs)
        edges = np.unique(np.linspace(0, steps, 1 + min(_STRETCHES, max(1, steps // 20))).astype(np.int64))
        total, count = (np.zeros(len(edges) - 1) for _ in range(2))
        for run in runs:
            total += np.histogram(run.at, edges, weights=run.values)[0]
            count += np.histogram(run.at, edges)[0]
        return [[float(end), t / n] for end, t, n in zip(edges[1:], total, count, strict=True) if n]

    def alarms(self, detector: Detector, control: bool, most: float = math.inf) -> dict[int, Alarms]:
        """Return the alarms of a detector, by seed; once there are more than `most`, not of the seeds that are left."""
        found: dict[int, Alarms] = {}
        count = 0
        for seed in self.seeds:
            stopping.check()
            heard = self.hear(seed, control)
            if detector.every is not None:
                found[seed] = dummy_alarms(detector.every, heard.steps)
            else:
                self._check(detector, heard, seed)
                found[seed] = alarms_of(detector.fresh(seed), heard, f"{detector}, seed {seed}", most - count)
            count += len(found[seed].at)
            if count > most:
                break
        return found

    def _check(self, detector: Detector, heard: Heard, seed: int) -> None:
        if detector.binary and not np.isin(heard.values, (0.0, 1.0)).all():
            raise SandboxError(
                f"{detector.name} only understands 0 and 1, and what is heard of {self.request.world}, seed {seed}, "
                "is something else; adwin, page-hinkley and kswin understand any numbers"
            )

    def answer(self, job: dict[str, Any]) -> Any:
        """Answer a job that came as JSON; see `sandbox.detection.crew`."""
        if job["do"] == "facts":
            return self.facts()
        detector = detector_of(job["name"])
        detector = Detector(**(vars(detector) | {"settings": job["settings"]}))
        most = math.inf if job["most"] is None else job["most"]
        found = self.alarms(detector, job["control"], most)
        return {str(seed): [list(one.at), list(one.fell)] for seed, one in found.items()}
