"""River's datasets as worlds, as they are."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from sandbox.errors import RunError, SandboxError, one_line, suggestion
from sandbox.interfaces import Labels, Number, Question, Stream
from sandbox.streams.features import feature_space, ordered_labels

_PEEK = 20_000  # questions looked at to learn the labels of an endless dataset


class RiverStream(Stream):
    """A River dataset. Multi-output datasets need a `target`: the name of the output to predict."""

    def __init__(self, dataset: Any, target: str | None = None) -> None:
        self.dataset = dataset
        self.target = target
        self.length = dataset.n_samples
        self._several = any(isinstance(answer, dict) for _, answer in itertools.islice(dataset, 1))
        peek = list(itertools.islice(self._pairs(dataset), 1))
        if not peek:
            raise SandboxError(f"River's {type(dataset).__name__} is empty")
        question, answer = peek[0]
        self.observation_space = feature_space(question)
        if "lassification" in (dataset.task or "") and not isinstance(answer, float):
            self.choice_space: Labels | Number = Labels(self._labels())
        else:
            self.choice_space = Number()

    def _pairs(self, dataset: Any) -> Any:
        """Return an iterable of questions and single answers."""
        return self._targets(dataset) if self._several else dataset

    def _targets(self, dataset: Any) -> Iterator[tuple[Any, Any]]:
        for question, answers in dataset:
            if self.target not in answers:
                raise SandboxError(
                    f"River's {type(dataset).__name__} has several outputs; choose one with target=, "
                    f"of {', '.join(map(str, answers))}"
                )
            yield question, answers[self.target]

    def _labels(self) -> tuple[Any, ...]:
        limit = None if self.length is not None else _PEEK
        return ordered_labels({answer for _, answer in itertools.islice(self._pairs(_seeded(self.dataset, 0)), limit)})

    def questions(self, seed: int) -> Iterator[Question]:
        """Yield the questions; a synthetic dataset without a seed of its own is seeded with `seed`."""
        dataset = _seeded(self.dataset, seed)
        if isinstance(self.choice_space, Number):
            for question, answer in self._pairs(dataset):
                yield Question(question, math.nan if answer is None else float(answer))
            return
        codes = {label: code for code, label in enumerate(self.choice_space.labels)}
        new = tuple.__new__  # what Question(...) does, without a call in between
        for question, answer in self._pairs(dataset):
            if answer not in codes:
                raise RunError(f"the label {answer!r} is new: it was not among {list(codes)}")
            yield new(Question, (question, codes[answer], 0, 0, 0, None, None, math.nan))


def _seeded(dataset: Any, seed: int) -> Any:
    """Return the dataset made anew with every seed that it leaves open: `seed` itself, others drawn from it."""
    parameters = inspect.signature(type(dataset).__init__).parameters
    settings = {name: getattr(dataset, name) for name in parameters if name != "self" and hasattr(dataset, name)}
    open_seeds = [name for name, value in settings.items() if name.startswith("seed") and value is None]
    inner = [name for name, value in settings.items() if hasattr(value, "n_samples")]
    if not open_seeds and not inner:
        return dataset
    rng = np.random.default_rng([seed, 2])
    changed = {name: seed if name == "seed" else int(rng.integers(2**31)) for name in open_seeds}
    changed |= {name: _seeded(settings[name], int(rng.integers(2**31))) for name in inner}
    return type(dataset)(**(settings | changed))


def _available() -> dict[str, Any]:
    from river import datasets
    from river.datasets import synth

    found = {name: getattr(datasets, name) for name in datasets.__all__ if inspect.isclass(getattr(datasets, name))}
    return found | {f"synth.{name}": getattr(synth, name) for name in synth.__all__}


def names() -> list[str]:
    """Return the names of River's datasets, synthetic ones as `synth.NAME`."""
    return sorted(_available())


def river_stream(name: str, settings: dict[str, Any]) -> RiverStream:
    """Return the River dataset `name` with `settings` for its constructor, and `target` for multi-output ones."""
    known = _available()
    if name not in known:
        raise SandboxError(f"River has no dataset {name!r}{suggestion(name, known)}")
    target = settings.pop("target", None)
    try:
        dataset = known[name](**settings)
    except Exception as error:
        raise SandboxError(f"river:{name}: {one_line(error)}") from error
    if not getattr(dataset, "is_downloaded", True):
        raise SandboxError(
            f"river:{name} is not on this machine; download it with "
            f"python -c 'from river.datasets import {name}; {name}().download()' or set RIVER_DATA to its folder"
        )
    return RiverStream(dataset, target)
