"""Agents that break one rule each."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Labels
from sandbox.rows import greedy_choice


class Honest:
    """Says what earned most, or was right most often, so far; explores a share of the time."""

    def __init__(self, share: float = 0.2) -> None:
        self.share = share

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        if not isinstance(choice_space, spaces.Discrete):
            raise SandboxError("needs discrete choices")
        self.totals = [0.0] * int(choice_space.n)
        self.rng = rng

    def act(self, observation: Any) -> Any:
        if self.rng.random() < self.share:
            return Decision(int(self.rng.integers(len(self.totals))), explored=True, scores=self.totals)
        return int(np.argmax(self.totals))

    def learn(self, experience: Any) -> None:
        if experience.truth is not None:
            self.totals[experience.truth] += 1.0
        elif experience.choice is not None:
            self.totals[experience.choice] += experience.reward


class AtTwoSpeeds(Honest):
    """Offers a loop over slates too."""

    def fast(self, kind: str, told: tuple[bool, ...], budget: int | None, delay: int) -> Any:
        if kind != "slate":
            return "slates only"
        waiting: dict[int, list[tuple[int, float]]] = {}
        left = [np.inf if budget is None else budget]

        def advance(start: int, seen: Any, outcome: Any, answers: Any, chosen: Any) -> None:
            self.begin_chunk(waiting)
            for i in range(len(outcome)):
                made = self.act(None)
                made = made if isinstance(made, Decision) else Decision(made)
                due = int(answers.due[i]) if told[made.choice] and left[0] else -1
                left[0] -= 1 if left[0] else 0
                chosen.choice[i], chosen.answered_at[i] = made.choice, due
                chosen.greedy[i] = greedy_choice(made.choice, made.explored, made.scores)
                reward = outcome[i, made.choice] * (-1.0 if answers.wrong[i] else 1.0)
                waiting.setdefault(due, []).append((made.choice, reward))
                for choice, late in waiting.pop(start + i, []):
                    self.totals[choice] += late
            self.end_chunk()

        return advance

    def begin_chunk(self, waiting: dict[int, Any]) -> None:
        """Do nothing."""

    def end_chunk(self) -> None:
        """Do nothing."""


class LosesItsMailBetweenChunks(AtTwoSpeeds):
    def begin_chunk(self, waiting: dict[int, Any]) -> None:
        waiting.clear()


class DrawsOnceMore(AtTwoSpeeds):
    def end_chunk(self) -> None:
        self.rng.random()


class RoundsWhatItLearned(AtTwoSpeeds):
    def end_chunk(self) -> None:
        self.totals[:] = [float(np.float32(total)) for total in self.totals]


class KeepsQuietAboutItsLoop(Honest):
    def fast(self, *given: Any) -> None:
        return None


class NeedsArgument(Honest):
    def __init__(self, share: float) -> None:
        self.share = share


class HidesItsSetting(Honest):
    def __init__(self, chance: float = 0.2) -> None:
        self.share = chance


class TakesNothing(Honest):
    def begin(self, *given: Any) -> None:
        raise SandboxError("not that one")


class CrashesAtTheEnd(Honest):
    def learn(self, experience: Any) -> None:
        if experience.terminated:
            raise ValueError("no more")
        super().learn(experience)


class ChoosesOutside(Honest):
    def act(self, observation: Any) -> Any:
        return len(self.totals) if self.rng.random() < self.share else int(np.argmax(self.totals))


class Overconfident(Honest):
    def act(self, observation: Any) -> Any:
        return Decision(int(np.argmax(self.totals)), confidence=1.5)


class ScoresOneChoice(Honest):
    def act(self, observation: Any) -> Any:
        return Decision(int(np.argmax(self.totals)), scores=[max(self.totals)])


class ScoresBelieDoubt(Honest):
    def act(self, observation: Any) -> Any:
        return Decision(0, confidence=0.9, scores=[1.0] + [0.0] * (len(self.totals) - 1))


class SeedsItself(Honest):
    def begin(self, *given: Any) -> None:
        super().begin(*given)
        self.rng = np.random.default_rng()


class DrawsFromNumPy(Honest):
    def act(self, observation: Any) -> Any:
        return int(np.random.random() * len(self.totals))  # noqa: NPY002


class DrawsFromPython(Honest):
    def act(self, observation: Any) -> Any:
        return random.randrange(len(self.totals))


class ReadsGlobalState(Honest):
    def act(self, observation: Any) -> Any:
        return random.getstate()[1][5] % len(self.totals)


class SeedsNumPy(Honest):
    def begin(self, *given: Any) -> None:
        super().begin(*given)
        np.random.seed(0)  # noqa: NPY002


class RemembersItsLastRun(Honest):
    def begin(self, *given: Any) -> None:
        kept = getattr(self, "totals", None)
        super().begin(*given)
        self.totals = kept if kept is not None and len(kept) == len(self.totals) else self.totals


class SharesItsTable(Honest):
    table: list[float] = []  # noqa: RUF012 - the lie

    def begin(self, *given: Any) -> None:
        super().begin(*given)
        self.table[:] = self.totals
        self.totals = self.table


class LearnsWhileActing(Honest):
    def begin(self, *given: Any) -> None:
        super().begin(*given)
        self.seen = 0

    def act(self, observation: Any) -> Any:
        self.seen += 1
        return super().act(observation)

    def learn(self, experience: Any) -> None:
        self.seen += 1
        super().learn(experience)


class ExploresLessWhenAsked(Honest):
    def begin(self, *given: Any) -> None:
        super().begin(*given)
        self.asked = 0

    def act(self, observation: Any) -> Any:
        self.asked += 1
        if self.rng.random() < 5.0 / self.asked:
            return int(self.rng.integers(len(self.totals)))
        return int(np.argmax(self.totals))


class LearnsLessWhenAsked(Honest):
    def begin(self, *given: Any) -> None:
        super().begin(*given)
        self.asked = 0

    def act(self, observation: Any) -> Any:
        self.asked += 1
        return Decision(0, scores=self.totals)

    def learn(self, experience: Any) -> None:
        self.totals[0] += experience.reward / max(1, self.asked)


class Scribbles(Honest):
    def learn(self, experience: Any) -> None:
        super().learn(experience)
        if isinstance(experience.observation, dict):
            experience.observation["bias"] = 1.0


class WearsItsSettingDown(Honest):
    def begin(self, *given: Any) -> None:
        super().begin(*given)
        self.share = 0.2

    def learn(self, experience: Any) -> None:
        super().learn(experience)
        self.share *= 0.99


class KnowsNoTimeLimit(Honest):
    def learn(self, experience: Any) -> None:
        assert not experience.truncated
        super().learn(experience)


class KeepsItsQuestion(Honest):
    def act(self, observation: Any) -> Any:
        self.asked = observation
        return super().act(observation)

    def learn(self, experience: Any) -> None:
        assert experience.observation is self.asked
        super().learn(experience)


class CountsOnAnswers(Honest):
    def begin(self, *given: Any) -> None:
        super().begin(*given)
        self.told = isinstance(given[1], Labels)

    def learn(self, experience: Any) -> None:
        if self.told:
            self.totals[experience.truth] += 1.0


class CountsOnChoices(Honest):
    def learn(self, experience: Any) -> None:
        self.totals[experience.choice] += experience.reward


LIARS: list[tuple[str, Any]] = [
    ("makes_itself", NeedsArgument),
    ("makes_itself", NeedsArgument(0.2)),
    ("keeps_its_settings", HidesItsSetting),
    ("takes_some_ground", TakesNothing),
    ("plays", CrashesAtTheEnd),
    ("choices_fit", ChoosesOutside),
    ("confidence_is_a_probability", Overconfident),
    ("scores_fit", ScoresOneChoice),
    ("scores_fit", ScoresBelieDoubt),
    ("same_seed_same_choices", SeedsItself),
    ("leaves_global_chance_alone", DrawsFromNumPy),
    ("leaves_global_chance_alone", DrawsFromPython),
    ("leaves_global_chance_alone", ReadsGlobalState),
    ("leaves_global_chance_alone", SeedsNumPy),
    ("begin_starts_afresh", RemembersItsLastRun),
    ("shares_nothing", SharesItsTable),
    ("act_leaves_what_learn_changes", LearnsWhileActing),
    ("asking_teaches_nothing", ExploresLessWhenAsked),
    ("asking_teaches_nothing", LearnsLessWhenAsked),
    ("leaves_questions_alone", Scribbles),
    ("settings_stay", WearsItsSettingDown),
    ("takes_truncated", KnowsNoTimeLimit),
    ("takes_late_answers", KeepsItsQuestion),
    ("takes_no_truth", CountsOnAnswers),
    ("takes_abstention", CountsOnChoices),
    ("compiled_equals_plain", LosesItsMailBetweenChunks),
    ("compiled_equals_plain", DrawsOnceMore),
    ("compiled_equals_plain", RoundsWhatItLearned),
    ("compiled_equals_plain", KeepsQuietAboutItsLoop),
]
