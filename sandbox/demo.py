"""The demo: both kinds of world under one judge, and what drift does to learners, in under two minutes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sandbox.result import Result
from sandbox.study import Progress, run_study
from sandbox.workers import Workers, cores
from sandbox.world import Budget, Terms, make_terms

_TABULAR = ("q-learning", "sarsa", "expected-sarsa")
_PHISHING = (
    "river:StandardScaler() | LogisticRegression(optimizer=SGD(0.1))",
    "river:GaussianNB()",
    "river:HoeffdingTreeClassifier()",
)
_MESSAGES = (
    "river:BagOfWords(on='body') | naive_bayes.MultinomialNB()",
    "river:TFIDF(on='body') | LogisticRegression(optimizer=SGD(0.5))",
)
_LABEL_YARDSTICKS = ("majority", "no-change", "random")
_SEEDS = 10  # of a study, where nothing else is asked
_MANY = 30  # of one that is compiled


class Study(NamedTuple):
    """One study of the demo."""

    world: str
    agents: tuple[str, ...]
    budget: Budget
    terms: Terms = Terms()
    seeds: int = _SEEDS

    def command(self, seeds: int, runs: Path) -> str:
        """Return the command that does this study alone."""
        words = ["sandbox", "run", self.world, *self.agents, "--seeds", str(seeds)]
        words += ["--steps", str(self.budget.steps)] if self.budget.steps is not None else []
        words += [word for one in self.terms.drift.drifts for word in ("--drift", str(one))]
        words += ["--feedback", str(self.terms.feedback)] if str(self.terms.feedback) != "immediate" else []
        return shlex.join([*words, "--runs", str(runs)])


def _drifting() -> Iterator[Study]:
    """Yield the studies of worlds that change midway."""
    tabular = tuple(f"{name}:step_size=0.5,discount=1" for name in _TABULAR)
    yield Study("sandbox/GridMaze-v0", (*tabular, "random"), Budget(steps=40_000), make_terms("abrupt@20000"), _MANY)
    yield Study(
        "spam",
        ("logistic", "naive-bayes", "random"),
        Budget(steps=20_000),
        make_terms("abrupt@10000:obfuscation=0.8", "delayed=500"),
        _MANY,
    )
    yield Study(
        "recommendation",
        ("linucb", "thompson", "epsilon-greedy", "popularity:decay=0.99", "random"),
        Budget(steps=20_000),
        make_terms("abrupt@10000"),
        _MANY,
    )


def _studies() -> Iterator[Study]:
    for world, settings in (
        ("FrozenLake-v1", "step_size=0.2"),
        ("CliffWalking-v1", "step_size=0.5,discount=1"),
        ("Taxi-v4", "step_size=0.5"),
    ):
        agents = tuple(f"{name}:{settings}" for name in _TABULAR)
        yield Study(world, (*agents, "random"), Budget(steps=25_000))
    yield from _drifting()
    yield Study("river:Phishing", (*_PHISHING, *_LABEL_YARDSTICKS), Budget())
    folder = os.environ.get("RIVER_DATA")
    if folder and (Path(folder) / "SMSSpam").is_dir():
        yield Study("river:SMSSpam", (*_MESSAGES, *_LABEL_YARDSTICKS), Budget())


def run_demo(out: Path, seeds: int | None, progress: Progress) -> Iterator[tuple[Result, list[Path]]]:
    """Run the demo's studies into `out`; yield each result with its figures as it is done.

    `seeds`: of every study; None: 10 each, 30 of those that are compiled and drift.
    """
    with Workers(cores()) as workers:
        for study in _studies():
            count = seeds or study.seeds
            result = run_study(
                study.world,
                study.agents,
                seeds=range(count),
                budget=study.budget,
                terms=study.terms,
                runs=out / "runs",
                progress=progress,
                workers=workers,
                tag="demo",
                command=study.command(count, out / "runs"),
            )
            yield result, result.save_figure(out / study.world.replace(":", "-").replace("/", "-"))
