"""A file of a user's whose stream and models do what they must not, after ten questions."""

from __future__ import annotations

THEIRS = '''
import math
import numpy as np
from gymnasium import spaces
from river import base
from sandbox import Decision, Question, Stream
from sandbox.interfaces import Labels

ASKED = {
    "nan": {"x": math.nan}, "inf": {"x": math.inf}, "text": {"x": "seven"}, "none": {"x": None}, "nothing": {},
    "list": [1.0],
}
LABELS = {"seven": 7, "half": 0.5, "word": "spam", "nan": math.nan, "minus": -1}
REWARDS = {"short": (1.0,), "nan": (math.nan, 1.0), "inf": (0.0, -math.inf)}


class Asks(Stream):
    """Sixty questions, True and False in turn; the eleventh is `fault`."""

    def __init__(self, asked="", label="", rewards="", fault=""):
        self.asked, self.label, self.rewards, self.fault = asked, label, rewards, fault
        self.observation_space = spaces.Dict({"x": spaces.Box(-np.inf, np.inf, ())})
        self.choice_space = Labels((False, True))
        self.length = 60

    def questions(self, seed):
        for k in range(60):
            asked = {"x": float(k % 7)}
            if k != 10:
                yield Question(asked, k % 2)
            elif self.fault == "tuple":
                yield asked, True
            elif self.fault == "raise":
                raise ValueError("the line\\nbroke")
            else:
                label, rewards = LABELS.get(self.label, 0), REWARDS.get(self.rewards)
                yield Question(ASKED.get(self.asked, asked), label, rewards=rewards)


PROBABILITIES = {
    "none": None, "empty": {}, "high": {False: -0.5, True: 1.5}, "low": {False: 0.0, True: -0.2},
    "both": {False: 0.9, True: 0.9}, "negative": {False: 1.0, True: -0.0000001 * 10**6}, "text": {True: "much"},
    "nan": {False: math.nan, True: math.nan}, "half nan": {False: 0.4, True: math.nan}, "number": 0.7,
    "pair of none": {False: None, True: None}, "stranger": {"maybe": 1.0},
}


class Likely(base.Classifier):
    def __init__(self, fault=""):
        self.fault, self.made = fault, 0

    def learn_one(self, x, y):
        if self.fault == "learn" and self.made > 10:
            raise KeyError("y")

    def predict_proba_one(self, x):
        self.made += 1
        if self.fault == "raise" and self.made > 10:
            raise ZeroDivisionError("by\\nnothing")
        return PROBABILITIES.get(self.fault, {True: 1.0}) if self.made > 10 else {False: 0.4, True: 0.6}


class Says(base.Classifier):
    def __init__(self, answer="none"):
        self.answer, self.made = answer, 0

    def learn_one(self, x, y):
        pass

    def predict_one(self, x):
        self.made += 1
        return {"none": None, "stranger": "maybe", "nan": math.nan}[self.answer] if self.made > 10 else True


class Forecasts(base.Regressor):
    def __init__(self, answer="none"):
        self.answer, self.made = answer, 0

    def learn_one(self, x, y):
        pass

    def predict_one(self, x):
        self.made += 1
        answers = {"none": None, "nan": math.nan, "inf": math.inf, "text": "much", "huge": 10**400}
        return answers[self.answer] if self.made > 10 else 200.0


def decisions(n):
    return {
        "none": None, "nan": math.nan, "text": "left", "huge": 10**400, "minus": -1, "half": 0.5, "pair": [0, 1],
        "sure": Decision(0, 1.5), "unsure": Decision(0, -0.1), "word": Decision(0, "sure"), "no": Decision(0, None),
        "two": Decision(0, 0.5, False, (2.0 / n,) * n), "less": Decision(0, 0.5, False, (-1.0, 2.0, *(0.0,) * (n - 2))),
        "short": Decision(0, 0.5, False, (1.0,)), "lost": Decision(0, 0.5, False, (math.nan,) * n),
        "number": Decision(0, 0.5, False, 0.5), "row": np.full(n, 1.0 / n), "abstains": Decision(None),
    }


class Answers:
    """Answers what it is told to, after ten good decisions."""

    def __init__(self, answer="none"):
        self.answer = answer

    def begin(self, observations, choices, rng):
        self.made, self.n = 0, int(getattr(choices, "n", 2))

    def act(self, observation):
        self.made += 1
        return decisions(self.n)[self.answer] if self.made > 10 else 0

    def learn(self, experience):
        pass
'''
