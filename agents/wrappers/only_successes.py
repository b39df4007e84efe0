"""Learning from successes alone."""

from __future__ import annotations

from sandbox.interfaces import Agent

from ._judge import Judged
from ._wrapper import check_whole
from .only_mistakes import OnlyMistakes


class OnlySuccesses(OnlyMistakes):
    """Around any agent: it learns only from decisions that were no mistakes, as `only-mistakes` tells them.

    Where labels are told, it never hears of a label that it does not already choose: what it believes is confirmed.
    """

    def __init__(self, agent: Agent, window: int = 100) -> None:
        check_whole("only-successes", "window", window, 1, 1_000_000)
        super().__init__(agent, 0.0, window)

    def _wanted(self, judged: Judged) -> bool:
        return not judged.mistake
