"""A frame of the animation: the picture, what is seen in it, in words, and where in the run it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from sandbox.plots.painter import INK, PAPER, RIGHT, SOFT, WRONG, Board, Marks, font, paint_board
from sandbox.watching.screens import Picture

WIDE = 480  # pixels
_EDGE, _TALL = 16, 340  # margin, and the most that a picture is high
_RULE, _SHADE = "#d5dae0", "#eceff2"


class Caption(NamedTuple):
    """What stands around a picture: `title` and `where` above; `told` below, `verdict` last, in colour if `wrong`.

    `wrong` None: nothing is said of right and wrong.
    """

    title: str
    where: str
    told: str
    verdict: str = ""
    wrong: bool | None = None


class Line(NamedTuple):
    """The run as a line: its length, the spans that are shown, the steps where the world changes."""

    steps: int
    spans: Sequence[tuple[int, int]]
    changes: Sequence[int]


def picture_size(pictures: Sequence[Picture]) -> int:
    """Return the height in pixels that the largest of the pictures needs."""
    return max((_drawn(picture, Marks()).height for picture in pictures), default=40)


def _drawn(picture: Picture, marks: Marks) -> Image.Image:
    return paint_board(picture, marks, WIDE - 2 * _EDGE, _TALL) if isinstance(picture, Board) else picture


def frame(picture: Picture, marks: Marks, caption: Caption, line: Line, at: int, high: int) -> Image.Image:
    """Return a frame; `high`: pixels kept for the picture, the same in all frames; `at`: the step it shows."""
    shown = _drawn(picture, marks)
    note = picture.note if isinstance(picture, Board) else ""
    drawn = Image.new("RGB", (WIDE, high + 172 + 18 * bool(note)), PAPER)
    draw = ImageDraw.Draw(drawn)
    _text(draw, (_EDGE, 10), caption.title, 16, INK, bold=True)
    _text(draw, (_EDGE, 34), caption.where, 13, SOFT)
    drawn.paste(shown, ((WIDE - shown.width) // 2, 62 + (high - shown.height) // 2))
    if marks.wrong and not isinstance(picture, Board):
        draw.rectangle([2, 58, WIDE - 3, 66 + high], outline=WRONG, width=4)
    y = 72 + high
    if note:
        _text(draw, (_EDGE, y), note, 12, SOFT)
        y += 18
    _text(draw, (_EDGE, y), caption.told, 13, INK)
    colour = INK if caption.wrong is None else WRONG if caption.wrong else "#00664a"
    _text(draw, (_EDGE, y + 22), caption.verdict, 14, colour, bold=True)
    _lifeline(draw, y + 56, line, at)
    return drawn


def card(title: str, told: Sequence[str], line: Line, at: int, high: int, noted: bool) -> Image.Image:
    """Return a frame of words that begins a scene; as large as one with a picture."""
    drawn = Image.new("RGB", (WIDE, high + 172 + 18 * noted), _SHADE)
    draw = ImageDraw.Draw(drawn)
    y = max(20, (drawn.height - 40 - 26 * len(told)) // 2 - 30)
    _text(draw, (_EDGE, y), title, 24, INK, bold=True)
    for k, text in enumerate(told):
        _text(draw, (_EDGE, y + 42 + 24 * k), text, 14, INK)
    _lifeline(draw, drawn.height - 44, line, at)
    return drawn


def _text(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, colour: str, bold: bool = False
) -> None:
    """Write a line that fits: smaller, and at last cut, where it is too long."""
    while size > 9 and draw.textlength(text, font=font(size, bold)) > WIDE - 2 * _EDGE:
        size -= 1
    while text and draw.textlength(text, font=font(size, bold)) > WIDE - 2 * _EDGE:
        text = text[:-2].rstrip("…") + "…"
    draw.text(at, text, font=font(size, bold), fill=colour)


def _lifeline(draw: ImageDraw.ImageDraw, y: int, line: Line, at: int) -> None:
    """Draw the run as a line, what is shown of it thick, where the world changes dotted, and where we are."""
    left, right = _EDGE, WIDE - _EDGE

    def x(step: int) -> float:
        return left + (right - left) * step / max(1, line.steps)

    draw.line([left, y, right, y], fill=_RULE, width=3)
    for begin, end in line.spans:
        draw.line([x(begin), y, max(x(end), x(begin) + 3), y], fill="#8d98a3", width=5)
    for change in line.changes[:50]:
        for k in range(-7, 8, 4):
            draw.line([x(change), y + k, x(change), y + k + 1], fill=INK, width=2)
    draw.ellipse([x(at) - 5, y - 5, x(at) + 5, y + 5], fill=RIGHT, outline=PAPER)
    draw.text((left, y + 9), "0", font=font(11), fill=SOFT)
    draw.text((right, y + 9), f"{line.steps:,} decisions", font=font(11), fill=SOFT, anchor="ra")
    if line.changes and 60 < x(line.changes[0]) < right - 160:
        draw.text((x(line.changes[0]), y + 9), "drift", font=font(11), fill=SOFT, anchor="ma")
