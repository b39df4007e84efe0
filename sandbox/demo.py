"""The demo: both kinds of world under one judge, in under a minute."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sandbox.result import Result
from sandbox.study import Progress, run_study
from sandbox.workers import Workers, cores
from sandbox.world import Budget

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


def _studies() -> Iterator[tuple[str, tuple[str, ...], Budget]]:
    for world, settings in (
        ("FrozenLake-v1", "step_size=0.2"),
        ("CliffWalking-v1", "step_size=0.5,discount=1"),
        ("Taxi-v4", "step_size=0.5"),
    ):
        agents = tuple(f"{name}:{settings}" for name in _TABULAR)
        yield world, (*agents, "random"), Budget(steps=25_000)
    yield "river:Phishing", (*_PHISHING, *_LABEL_YARDSTICKS), Budget()
    folder = os.environ.get("RIVER_DATA")
    if folder and (Path(folder) / "SMSSpam").is_dir():
        yield "river:SMSSpam", (*_MESSAGES, *_LABEL_YARDSTICKS), Budget()


def run_demo(out: Path, seeds: int, progress: Progress) -> Iterator[tuple[Result, list[Path]]]:
    """Run the demo's studies into `out`; yield each result with its figures as it is done."""
    with Workers(cores()) as workers:
        for world, agents, budget in _studies():
            result = run_study(
                world,
                agents,
                seeds=range(seeds),
                budget=budget,
                runs=out / "runs",
                progress=progress,
                workers=workers,
            )
            yield result, result.save_figure(out / world.replace(":", "-"))
