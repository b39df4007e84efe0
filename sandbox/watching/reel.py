"""The frames of an animation, in their order: for each scene a card of words, its decisions, the ends of episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from PIL import Image

from sandbox.plots.painter import Board, Marks
from sandbox.watching.film import Film
from sandbox.watching.frames import Line, card, frame, picture_size
from sandbox.watching.scenes import Scene
from sandbox.watching.telling import Teller

_MOVE, _WRONG, _END, _CARD = 260, 800, 1100, 2200  # milliseconds that a frame is shown

Reel = list[tuple[Image.Image, int]]  # frames, and how long each is shown


class Told(NamedTuple):
    """What frames are made of; `subject`: whose run it is, in a few words."""

    subject: str
    film: Film
    teller: Teller
    scenes: Sequence[Scene]
    changes: Sequence[int]


def reel_of(told: Told, went_on: Callable[[int], None] = lambda left: None) -> Reel:
    """Return the frames of a run that was filmed; `went_on` hears how many decisions are still to be drawn."""
    film = told.film
    spans = [(scene.steps[0], scene.steps[-1]) for scene in told.scenes]
    line = Line(len(film.trace), spans, told.changes)
    pictures = [*film.before.values(), *film.after.values()]
    high = picture_size(pictures)
    noted = any(isinstance(picture, Board) and picture.note for picture in pictures)
    left = sum(len(scene.steps) for scene in told.scenes)
    found: Reel = []
    for scene in told.scenes:
        title = f"{told.subject}: {scene.title}"
        found.append(
            (card(scene.title.capitalize(), told.teller.summary(scene), line, scene.steps[0], high, noted), _CARD)
        )
        last = scene.steps[0] - 1
        for step in scene.steps:
            if step in film.before:
                caption = told.teller.caption(step, title, step - last - 1)
                shown = frame(film.before[step], told.teller.marks(step), caption, line, step, high)
                found.append((shown, _WRONG if told.teller.wrong(step) else _MOVE))
            if step in film.after:
                ending = told.teller.ending(step, title)
                found.append((frame(film.after[step], Marks(), ending, line, step, high), _END))
            last, left = step, left - 1
            went_on(left)
    return found
