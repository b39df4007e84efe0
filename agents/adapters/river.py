"""River estimators as agents: any classifier, regressor or pipeline, as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from gymnasium import spaces
from river import base, compose

from sandbox.errors import RunError, SandboxError, one_line
from sandbox.interfaces import Agent, Decision, Experience, Labels, Number

_new = tuple.__new__  # what Decision(...) does, without a call in between


def _leaves_seeds(thing: Any) -> bool:
    """Whether a model or a part of it leaves a seed open; quicker than River's own look at every signature."""
    if isinstance(thing, list | tuple):
        return any(map(_leaves_seeds, thing))
    if not isinstance(thing, base.Base):
        return False
    kept = vars(thing) if hasattr(thing, "__dict__") else {}
    return ("seed" in kept and kept["seed"] is None) or any(map(_leaves_seeds, kept.values()))


def _seeded(model: Any, rng: np.random.Generator) -> Any:
    """Return an untrained clone of `model` in which every `seed` left open is drawn from `rng`."""
    if isinstance(model, compose.Pipeline | compose.TransformerUnion):
        steps = model.steps if isinstance(model, compose.Pipeline) else model.transformers
        return type(model)(*[(name, _seeded(step, rng)) for name, step in steps.items()])
    if not isinstance(model, base.Base):
        return model
    if not _leaves_seeds(model):
        return model.clone()
    settings: dict[str, Any] = {}
    for name, value in model._get_params().items():
        own = value if name == "_POSITIONAL_ARGS" else getattr(model, name, None)
        if name == "seed" and own is None:
            settings[name] = int(rng.integers(2**31))
        elif isinstance(own, base.Base):
            settings[name] = _seeded(own, rng)
        elif isinstance(own, list | tuple) and any(isinstance(part, base.Base) for part in own):
            settings[name] = type(own)(_seeded(part, rng) for part in own)
    return model.clone(settings)


def _overrides_predict(model: Any) -> bool:
    """Whether the final estimator has a `predict_one` of its own, so that it may differ from the likeliest label."""
    while isinstance(model, compose.Pipeline):
        model = list(model.steps.values())[-1]
    return type(model).predict_one is not base.Classifier.predict_one


class RiverAgent:
    """A River classifier, regressor or pipeline. It answers before it learns, and forgets nothing between questions.

    Seeds that the model leaves open are drawn from the run's generator. `None` from the model is an abstention.
    """

    def __init__(self, model: Any) -> None:
        if not (hasattr(model, "predict_one") and hasattr(model, "learn_one")):
            raise SandboxError(f"{type(model).__name__} is no River classifier or regressor: it has no predict_one")
        self.model = model
        # Bound anew by `begin` to what fits the stream: this agent's time is that of a few calls around the model's.
        self.act: Callable[[Any], Any] = self._forecast
        self.learn: Callable[[Experience], None] = self._learn_number
        self._labels: tuple[Any, ...] = ()
        self._codes: dict[Any, int] = {}
        self._in_order: Callable[[dict[Any, float]], Sequence[float]] = tuple

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with an untrained clone."""
        name = type(self.model).__name__
        if isinstance(choice_space, Labels):
            self._begin_labels(name, choice_space)
        elif isinstance(choice_space, Number):
            if _is_classifier(self.model):
                raise SandboxError(f"River's {name} predicts labels, and this stream asks for numbers")
            self.act, self.learn = self._forecast, self._learn_number
        else:
            raise SandboxError(f"River's {name} learns from right answers, and this world only gives rewards")
        self.trained = _seeded(self.model, rng)

    def _begin_labels(self, name: str, choice_space: Labels) -> None:
        if not _is_classifier(self.model):
            raise SandboxError(f"River's {name} forecasts numbers, and this stream asks for labels")
        labels = choice_space.labels
        if not getattr(self.model, "_multiclass", True):
            if len(labels) > 2:
                raise SandboxError(f"River's {name} knows two labels, and this stream has {len(labels)}")
            labels = (False, True)[: len(labels)]
        self._labels = labels
        self._codes = {label: code for code, label in enumerate(labels)}
        self._in_order = itemgetter(*labels) if len(labels) > 1 else lambda found: (found[labels[0]],)
        has_proba = self._has_probabilities()
        self.learn = self._learn_label
        self.act = self._likeliest if has_proba else self._label_only
        if has_proba and _overrides_predict(self.model):
            self.act = self._label_and_confidence

    def _has_probabilities(self) -> bool:
        model = self.model
        while isinstance(model, compose.Pipeline):
            model = list(model.steps.values())[-1]
        return type(model).predict_proba_one is not base.Classifier.predict_proba_one

    def _learn_label(self, experience: Experience) -> None:
        observation, _, _, _, _, _, truth, _ = experience
        if truth is not None:
            self.trained.learn_one(observation, self._labels[truth])

    def _learn_number(self, experience: Experience) -> None:
        observation, _, _, _, _, _, truth, _ = experience
        if truth is not None:
            self.trained.learn_one(observation, truth)

    def _code(self, label: Any) -> int:
        code = self._codes.get(label)
        if code is None:
            raise RunError(f"the model answered {label!r}, which is none of {list(self._codes)}")
        return code

    def _likeliest(self, observation: Any) -> Decision:
        # The same choice, ties included, as River's own default predict_one.
        found = self.trained.predict_proba_one(observation)
        if not found:
            return Decision(None)
        try:
            label = max(found, key=found.get)
            sound = found[label] >= 0.0
        except (AttributeError, TypeError):
            sound = False
        if not sound:
            raise RunError(f"the model answered {found!r:.80}, which is no probability for each label")
        code = self._codes.get(label)
        if code is None:
            code = self._code(label)
        try:
            scores = self._in_order(found)
        except KeyError:  # a label that the model has not met
            scores = [found.get(label, 0.0) for label in self._codes]
        return _new(Decision, (code, found[label], False, scores, True))

    def _label_only(self, observation: Any) -> Decision:
        label = self.trained.predict_one(observation)
        return Decision(None if label is None else self._code(label))

    def _label_and_confidence(self, observation: Any) -> Decision:
        label = self.trained.predict_one(observation)
        if label is None:
            return Decision(None)
        found = self.trained.predict_proba_one(observation)
        if not found:
            return Decision(self._code(label))
        return Decision(
            self._code(label), found.get(label, 0.0), False, [found.get(known, 0.0) for known in self._codes]
        )

    def _forecast(self, observation: Any) -> Any:
        return self.trained.predict_one(observation)


def _is_classifier(model: Any) -> bool:
    while isinstance(model, compose.Pipeline):
        model = list(model.steps.values())[-1]
    return isinstance(model, base.Classifier)


def agent_of(model: Any) -> Agent:
    """Return the agent that a River model is: a recommender, or whatever else predicts."""
    if any(kind.__module__ == "river.reco.base" for kind in type(model).__mro__):  # importing it here would take long
        from .river_reco import RiverRecommender

        return RiverRecommender(model)
    return RiverAgent(model)


def river_agent(expression: str) -> Agent:
    """Return the agent that a River expression such as `StandardScaler() | LogisticRegression()` describes."""
    from .river_expression import build

    try:
        return agent_of(build(expression))
    except SandboxError:
        raise
    except Exception as error:
        raise SandboxError(f"river:{expression}: {one_line(error)}") from error
