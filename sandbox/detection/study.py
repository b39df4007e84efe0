"""A study of detectors: the same runs heard by all, as they were given and tuned to equally many false alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sandbox.detection.alarms import Alarms
from sandbox.detection.crew import Crew
from sandbox.detection.detectors import DUMMIES, Detector, detector_of, offers
from sandbox.detection.found import Found, Row
from sandbox.detection.heard import usual_agent, what_to_watch
from sandbox.detection.listener import Request
from sandbox.detection.matched import tune
from sandbox.detection.scores import PER, WITHIN, Span, score_run, spans_of
from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.law_stream import LawStream
from sandbox.workers import cores
from sandbox.world import Budget, World

Progress = Callable[[str, int], None]


def detect(
    world: Any,
    detectors: Sequence[str] = (),
    *,
    agent: str | None = None,
    watch: str | None = None,
    seeds: int = 10,
    steps: int | None = None,
    drift: Specs = None,
    feedback: str | None = None,
    within: int = WITHIN,
    false_alarms: float = 1.0,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Found:
    """Let detectors listen to an agent in a world that changes, and score their alarms.

    `detectors`: names, all of River's if there are none; dummies stand beside them. `watch`: what they hear, `error`,
    `truth` or `reward`. `within`: so many decisions after a drift is complete an alarm has missed it. `false_alarms`:
    per 10,000 decisions where nothing changes, to which each is tuned. Raise `SandboxError` if that makes no sense.
    """
    check_range("detect", "false_alarms", false_alarms, 0.0, PER)
    check_range("detect", "within", within, 1, 2**62)
    check_range("detect", "seeds", seeds, 1, 10_000)
    listening = _listening(detectors)
    opened, request = _opened(Request(world, agent or "", watch or "", steps or 0, _texts(drift), feedback))
    known, why = _what_is_known(opened)
    spans = _spans(opened, request.steps, within) if known else ()
    tell = _counter(progress, len(listening), known)
    with Crew(request, range(seeds), known and bool(opened.schedule), jobs or cores()) as crew:
        facts = crew.facts()
        tell("what is heard")
        found = Found(opened.name, request, facts, str(opened.schedule), seeds, spans, why)
        study = _Study(crew, spans, facts["steps"])
        for one in listening:
            found.given.append(study.row(one))
            tell(str(one))
        if spans:
            _match(listening, study, found, false_alarms, tell)
    return found


def _spans(world: World, steps: int, within: int) -> tuple[Span, ...]:
    """Return where drifts are to be found in a run of so many decisions; refuse drifts that are outside of it."""
    spans = spans_of(world.schedule.changes(steps), steps, within)
    if world.schedule and not spans:
        raise SandboxError(f"{world.name}: the drift begins after the {steps:,} decisions of a run, or at their end")
    return spans


def _listening(names: Sequence[str]) -> list[Detector]:
    """Return the detectors of these names, each once, and the dummies."""
    found = [detector_of(name) for name in dict.fromkeys(names or offers())]
    return found + [detector_of(name) for name in DUMMIES if name not in {one.name for one in found}]


def _opened(request: Request) -> tuple[World, Request]:
    """Return the world that is asked for, and the request with what was left open filled in."""
    opened = request.open()
    watch = what_to_watch(opened, request.watch or None)
    steps = opened.budget(Budget(request.steps or None)).steps
    if steps is None:
        raise SandboxError(f"{opened.name}: say how many decisions a run has, by --steps")
    return opened, replace(request, watch=watch, steps=steps, agent=request.agent or usual_agent(opened, watch))


def _texts(drift: Specs) -> Specs:
    """Return drifts as texts, which another process understands."""
    return [str(one) for one in drift] if isinstance(drift, list | tuple) else str(drift) if drift else None


def _what_is_known(world: World) -> tuple[bool, str]:
    """Return whether it is known when the world changes, or why not: alarms can then only be listed."""
    drifts = world.schedule.drifts
    if any(drift.kind == "random-walk" for drift in drifts):
        return False, "a random walk never ceases, so that no alarm is true or false"
    if drifts:
        return True, ""
    stream = getattr(world, "stream", None)
    if stream is not None and not isinstance(stream, LawStream):
        return False, "nobody knows when real data change, so that no alarm is known to be true or false"
    if isinstance(stream, LawStream) and stream.n_concepts > 1:
        return False, "the world goes through phases by itself, so that no alarm is known to be true or false"
    return True, "nothing changes here: every alarm is false"


def _counter(progress: Progress | None, count: int, known: bool) -> Callable[[str], None]:
    left = 1 + count * (2 if known else 1)

    def tell(what: str) -> None:
        nonlocal left
        left = max(0, left - 1)
        if progress is not None:
            progress(what, left)

    return tell


class _Study:
    """The runs that all detectors hear, and what is true of them."""

    def __init__(self, crew: Crew, spans: Sequence[Span], steps: int) -> None:
        self.crew, self.spans, self.steps = crew, spans, steps

    def row(self, detector: Detector, name: str = "", why: str = "") -> Row:
        """Return how a detector did as it is."""
        alarms = self.crew.alarms(detector, False)
        control = self.crew.alarms(detector, True) if self.spans else alarms
        order = sorted(alarms)
        scores = [score_run(alarms[seed], control[seed], self.spans, self.steps) for seed in order]
        kept: dict[int, tuple[Alarms, Alarms]] = {seed: (alarms[seed], control[seed]) for seed in order}
        return Row(name or str(detector), detector, tuple(scores), kept, why)


def _match(
    listening: Sequence[Detector], study: _Study, found: Found, rate: float, tell: Callable[[str], None]
) -> None:
    """Tune each detector to a rate of false alarms, each kind once, and score it so."""
    most = rate * found.facts["steps"] * found.seeds / PER
    found.rate = rate
    done: set[str] = set()
    for one in listening:
        if one.tuned not in done and not one.is_dummy:
            done.add(one.tuned)
            tuned = tune(one, study.crew, most)
            if tuned.detector is None:
                found.unmatched[one.tuned] = tuned.why
            else:
                found.matched.append(study.row(tuned.detector, one.tuned, tuned.why))
        elif one.is_dummy:
            found.matched.append(next(row for row in found.given if row.name == str(one)))
        tell(one.tuned)
