"""Whether an agent that offers a compiled loop is the same agent in it, to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.catalog import make_world
from sandbox.checks import agents
from sandbox.checks.grounds import AgentSubject
from sandbox.checks.state import Frozen, frozen, generators_of
from sandbox.checks.suite import CheckError, SkipError, needs
from sandbox.errors import SandboxError
from sandbox.feedback import Feedback, parse_feedback
from sandbox.interfaces import Agent, Chosen, Labels
from sandbox.law_stream import LawStream
from sandbox.loop import agent_rng
from sandbox.stream_loop import run_stream
from sandbox.streams.recommendation import Recommendation
from sandbox.streams.spam import Spam
from sandbox.trace import Trace
from sandbox.world import Budget, World, make_terms

_STEPS, _CHUNK, _AFTER = 400, 97, 40  # decisions compared, at most so many at a time, and questions asked afterwards
_FEEDBACK = ("immediate", "delayed=uniform(0,9)+partial=0.8+noisy=0.2", "delayed=5+one-sided=1+active=60")


class _Run(NamedTuple):
    """What an agent did, and what it has become."""

    decisions: list[Frozen]
    agent: Agent


def _streams() -> list[LawStream]:
    return [
        Spam(campaigns=2, topics=2, drift="abrupt@150"),
        Recommendation(users=6, items=4, dimensions=2, segments=2, item_life=60, drift="abrupt@150"),
    ]


def _tables() -> list[World]:
    frozen_lake = make_world("FrozenLake-v1")
    return [frozen_lake, frozen_lake.under(make_terms("abrupt@150:is_slippery=False"))]


@needs(agents.check_asking_teaches_nothing)
def check_compiled_equals_plain(subject: AgentSubject) -> None:
    """If it offers a compiled loop (`fast`), that decides, learns and draws as `act` and `learn` do, bit for bit."""
    if not hasattr(subject.make(), "fast"):
        raise SkipError("it offers no compiled loop")
    looked = False
    for found in (_stream_runs, _table_runs):
        for name, compiled, plain, questions in found(subject.make):
            looked = True
            _compare(name, compiled, plain, questions)
    if not looked:
        raise SkipError("it offers a compiled loop for none of messages, slates and tables")


def _compare(name: str, compiled: _Run, plain: _Run, questions: list[Any]) -> None:
    for step, (one, other) in enumerate(zip(compiled.decisions, plain.decisions, strict=True)):
        if one != other:
            part = next(part for part in one if one[part] != other[part]).strip("[]'")
            raise CheckError(f"on {name} the compiled loop differs in {part} at step {step}")
    for what, look in (("holds", _held), ("has drawn", _drawn)):
        if look(compiled.agent) != look(plain.agent):
            raise CheckError(f"on {name} the agent {what} something else after the compiled loop")
    for k, question in enumerate(questions):
        if frozen(compiled.agent.act(question)) != frozen(plain.agent.act(question)):
            raise CheckError(f"on {name} the agent, asked after the compiled loop, decides otherwise (question {k})")


def _held(agent: Agent) -> Frozen:
    return frozen({name: part for name, part in vars(agent).items() if not name.startswith("_")})


def _drawn(agent: Agent) -> list[Frozen]:
    return [frozen(generator.bit_generator.state) for generator in generators_of(agent)]


_Found = Iterator[tuple[str, _Run, _Run, list[Any]]]


def _stream_runs(make: Callable[[], Agent]) -> _Found:
    for stream in _streams():
        for spec in _FEEDBACK:
            feedback, agent = parse_feedback(spec), make()
            try:
                agent.begin(stream.observation_space, stream.choice_space, agent_rng(1))
            except SandboxError:
                continue
            advance = _offered(agent, stream, feedback)
            if advance is None:
                continue
            compiled, plain = _Run(_in_chunks(stream, feedback, advance), agent), make()
            traces: list[Trace] = []
            run_stream(stream, plain, traces.append, seed=1, steps=_STEPS, feedback=feedback, names=stream.choice_names)
            asked = [question.observation for question in islice(stream.questions(2), _AFTER)]
            yield f"{stream.kind} ({feedback})", compiled, _Run(_decisions(traces), plain), asked


def _offered(agent: Any, stream: LawStream, feedback: Feedback) -> Callable[..., Any] | None:
    """Return the compiled loop that an agent offers, None if it says why it has none."""
    assert isinstance(stream.choice_space, spaces.Discrete)
    told = tuple(feedback.answered(int(stream.choice_space.n), stream.choice_names).tolist())
    found: Callable[..., Any] | str = agent.fast(stream.kind, told, feedback.budget, feedback.longest)
    if isinstance(found, str) and found:
        return None
    if not callable(found):
        raise CheckError(f"for {stream.kind} fast returns {found!r}, neither a loop nor why there is none")
    return found


_COLUMNS = Chosen._fields


def _in_chunks(stream: LawStream, feedback: Feedback, advance: Callable[..., Any]) -> list[Frozen]:
    """Run a compiled loop, a small chunk at a time."""
    found: list[Frozen] = []
    for start in range(0, _STEPS, _CHUNK):
        count = min(_CHUNK, _STEPS - start)
        batch, answers = stream.batch(1, start, count), feedback.answers(1, start, count)
        choice, greedy, confidence, likelihood = (np.full(count, np.nan) for _ in range(4))
        chosen = Chosen(choice, greedy, confidence, likelihood, np.empty(count, dtype=np.int64))
        outcome = batch.truth if isinstance(stream.choice_space, Labels) else batch.rewards
        advance(start, batch.seen, outcome, answers, chosen)
        found += [frozen(dict(zip(_COLUMNS, row, strict=True))) for row in zip(*chosen, strict=True)]
    return found


def _decisions(traces: list[Trace], columns: tuple[str, ...] = _COLUMNS) -> list[Frozen]:
    rows = (zip(*(getattr(trace, name) for name in columns), strict=True) for trace in traces)
    return [frozen(dict(zip(columns, row, strict=True))) for part in rows for row in part]


def _table_runs(make: Callable[[], Agent]) -> _Found:
    for world in _tables():
        agent, runs = make(), list[_Run]()
        try:
            agent.begin(world.observation_space, world.choice_space, agent_rng(1))
        except SandboxError:
            continue
        if world.why_plain(agent):
            continue
        for terms in (world.terms, make_terms(world.terms.drift.drifts, plain=True)):
            agent, traces = make(), list[Trace]()
            world.under(terms).run(agent, 1, Budget(steps=_STEPS), traces.append)
            runs.append(_Run(_decisions(traces, ("choice", "greedy", "cell", "reward", "value")), agent))
        assert isinstance(world.observation_space, spaces.Discrete)
        asked = [k % int(world.observation_space.n) for k in range(_AFTER)]
        yield f"tables ({world.terms.drift or 'no drift'})", runs[0], runs[1], asked
