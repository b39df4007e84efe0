"""Boards of signs as pictures: a maze, a lake, a road drawn from the text that an environment renders."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

INK, SOFT, PAPER = "#1b1f24", "#5a636d", "#ffffff"
WRONG, RIGHT, AGENT = "#D55E00", "#009E73", "#0072B2"  # Okabe and Ito: safe for the colour-blind
_FLOOR, _LINE, _WALL = "#f5f5f2", "#d9d9d4", "#4b5055"
_TILES = {
    "G": ("#c4e6d9", "#00543d"), "T": ("#c4e6d9", "#00543d"), "S": ("#dbe9f6", "#1d4e79"),
    "O": ("#f6cdb3", "#8a3b00"), "H": ("#f6cdb3", "#8a3b00"), "C": ("#f6cdb3", "#8a3b00"),
    "X": ("#d6e4f5", "#004b76"),
}  # fmt: skip
_OTHER = ("#f2ead0", "#5c4a00")
_WINDS = {"^": (-1, 0), ">": (0, 1), "v": (1, 0), "<": (0, -1)}
_EMPTY = ". F"
_FINE = 2  # times as large as shown is everything drawn, so that edges are smooth
_LARGEST = 64  # pixels of a cell
_EDGE = 0.35  # of a cell, around the board: arrows may point out of it


class Board(NamedTuple):
    """A board of signs: rows of equal length, `@` the agent, `#` a wall, `.` free; other signs are shown as they are.

    `bars`: cells (row, column) with a thin wall on their right. `label`: a sign that the agent carries. `note`: what
    signs mean, a line. `names`: signs that are but names of places.
    """

    rows: tuple[str, ...]
    bars: tuple[tuple[int, int], ...] = ()
    label: str = ""
    note: str = ""
    names: str = ""


class Marks(NamedTuple):
    """What is marked of a decision: the way it went (rows down, columns right), the best way, and whether it was wrong.

    A way of (0, 0) is no move, None is unknown and not drawn. `square`, `best_square`: the cells that were chosen and
    that would have been best, counted row by row; they are marked on a board without an agent.
    """

    way: tuple[float, float] | None = None
    best: tuple[float, float] | None = None
    wrong: bool = False
    square: int = -1
    best_square: int = -1


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return a font of this size in pixels: matplotlib's own, which is there wherever we are."""
    import matplotlib

    name = f"DejaVuSans{'-Bold' if bold else ''}.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def paint_board(board: Board, marks: Marks, wide: int, high: int) -> Image.Image:
    """Return the board in a picture of at most `wide` x `high` pixels, cells square."""
    n_rows, n_columns = len(board.rows), max(map(len, board.rows))
    side = int(max(4, min(_LARGEST, wide / (n_columns + 2 * _EDGE), high / (n_rows + 2 * _EDGE)))) * _FINE
    edge = round(_EDGE * side)
    drawn = Image.new("RGB", (n_columns * side + 2 * edge, n_rows * side + 2 * edge), PAPER)
    draw = ImageDraw.Draw(drawn)
    at = None
    for r, row in enumerate(board.rows):
        for c, sign in enumerate(row):
            look = (_FLOOR, SOFT) if sign in board.names else _TILES.get(sign, _OTHER)
            _cell(draw, (c * side + edge, r * side + edge), side, sign, look)
            at = (c * side + edge, r * side + edge) if sign == "@" else at
    for r, c in board.bars:
        x, y = (c + 1) * side + edge, r * side + edge
        draw.line([(x, y), (x, y + side)], _WALL, width=max(3, side // 10))
    if at is not None:
        _agent(draw, at, side, marks, board.label)
    else:
        for square, colour in ((marks.best_square, RIGHT), (marks.square, WRONG if marks.wrong else INK)):
            if 0 <= square < n_rows * n_columns and (colour != RIGHT or marks.wrong):
                r, c = divmod(square, n_columns)
                _ring(draw, (c * side + edge, r * side + edge), side, colour, marks.wrong and colour == WRONG)
    small = (drawn.width // _FINE, drawn.height // _FINE)
    return drawn.resize(small, Image.Resampling.BOX)


def _cell(draw: ImageDraw.ImageDraw, corner: tuple[int, int], side: int, sign: str, look: tuple[str, str]) -> None:
    box = [*corner, corner[0] + side, corner[1] + side]
    if sign == "#":
        draw.rectangle(box, fill=_WALL, outline=_WALL)
        return
    plain = sign in _EMPTY or sign in _WINDS or sign == "@"
    fill, ink = (_FLOOR, "#8fb8d4") if plain else look
    draw.rectangle(box, fill=fill, outline=_LINE, width=2)
    middle = (corner[0] + 0.5 * side, corner[1] + 0.5 * side)
    if sign in _WINDS:
        down, right = _WINDS[sign]
        tail = (middle[0] - 0.25 * side * right, middle[1] - 0.25 * side * down)
        _arrow(draw, tail, (right, down), 0.5 * side, ink, side // 12)
    elif not plain:
        draw.text(middle, sign, font=font(max(6, side // 2), True), fill=ink, anchor="mm")


def _agent(draw: ImageDraw.ImageDraw, corner: tuple[int, int], side: int, marks: Marks, label: str) -> None:
    """Draw the agent, the way it went and, where that was wrong, a frame, a cross and the way that was best."""
    x, y = corner[0] + 0.5 * side, corner[1] + 0.5 * side
    radius = 0.26 * side
    if marks.wrong:
        edge = 0.5 * side - 1
        draw.rectangle([x - edge, y - edge, x + edge, y + edge], outline=WRONG, width=max(3, side // 12))
    for way, colour in ((marks.best if marks.wrong else None, RIGHT), (marks.way, WRONG if marks.wrong else INK)):
        if way is not None and max(map(abs, way)) > 0:
            size = math.hypot(*way)
            unit = (way[1] / size, way[0] / size)
            tail = (x + radius * unit[0], y + radius * unit[1])
            _arrow(draw, tail, unit, 0.52 * side, colour, max(3, side // 11))
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=AGENT, outline=PAPER, width=max(2, side // 24))
    if marks.wrong:
        arm = 0.55 * radius
        for slope in (1, -1):
            ends = [(x - arm, y - slope * arm), (x + arm, y + slope * arm)]
            draw.line(ends, fill=PAPER, width=max(3, side // 12))
    elif label:
        draw.text((x, y), label, font=font(max(6, int(1.1 * radius)), True), fill=PAPER, anchor="mm")


def _ring(draw: ImageDraw.ImageDraw, corner: tuple[int, int], side: int, colour: str, crossed: bool) -> None:
    """Draw a ring in a cell, crossed out where what it stands for was wrong."""
    x, y, radius = corner[0] + 0.5 * side, corner[1] + 0.5 * side, 0.38 * side
    thick = max(3, side // 14)
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], outline=colour, width=thick)
    if crossed:
        arm = 0.7 * radius
        for slope in (1, -1):
            draw.line([(x - arm, y - slope * arm), (x + arm, y + slope * arm)], fill=colour, width=thick)


def _arrow(
    draw: ImageDraw.ImageDraw,
    tail: tuple[float, float],
    unit: tuple[float, float],
    length: float,
    colour: str,
    width: int,
) -> None:
    """Draw an arrow from `tail` along the unit vector (right, down)."""
    head = max(2.6 * width, 4.0)
    tip = (tail[0] + length * unit[0], tail[1] + length * unit[1])
    neck = (tip[0] - head * unit[0], tip[1] - head * unit[1])
    side = (-unit[1] * 0.62 * head, unit[0] * 0.62 * head)
    draw.line([tail, neck], fill=colour, width=width)
    draw.polygon([tip, (neck[0] + side[0], neck[1] + side[1]), (neck[0] - side[0], neck[1] - side[1])], fill=colour)
