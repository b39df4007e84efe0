"""Tic-tac-toe against an opponent whose style may change."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError, suggestion
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld

STYLES = ("random", "eager", "wary", "tactical", "perfect")
ROWS = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
FREE, OURS, THEIRS = range(3)

Board = tuple[int, ...]  # nine squares, row by row


class TicTacToe(TableWorld):
    """Tic-tac-toe (Sutton & Barto, 2nd edition, section 1.5): the observation is the number of the board.

    Choices are squares, 0 to 8, row by row. A win earns 1, a loss -1, a draw 0; who chooses a square that is taken
    loses at once. `first`: whether the agent begins. The opponent moves at once: with probability `skill` in its
    `style`, else on any free square. `random`: any free square. `eager`: wins if it can, never blocks. `wary`: blocks
    if it must, never sees its own win. `tactical`: wins if it can, else blocks if it must. `perfect`: a best move by
    minimax, which looks at results only. Where several squares are as good, each is as likely.

    `drift`: when the opponent changes; a drift without settings turns it to the next style in the order above (after
    `perfect` comes `random`). Against `perfect` at `skill` 1 the best possible is a draw. Boards that a rotation or a
    reflection makes equal are different states.
    """

    max_episode_steps = 9

    def __init__(
        self,
        style: str = "eager",
        *,
        skill: float = 0.9,
        first: bool = True,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        if not isinstance(first, bool):
            raise SandboxError(f"TicTacToe: first={first!r} is neither True nor False")
        self.first = first
        super().__init__({"style": style, "skill": skill}, drift, render_mode)

    @property
    def boards(self) -> tuple[Board, ...]:
        """The board of each state: 0 a free square, 1 one of the agent, 2 one of the opponent."""
        return boards_of(self.first)

    def build(self, **settings: Any) -> Table:
        """Return the law of games against an opponent."""
        return game_table(self.first, **settings)

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after the opponent's own change of this number (1, 2, ...): its style turns."""
        return {"style": STYLES[(STYLES.index(self._given["style"]) + number) % len(STYLES)]}

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return an empty board."""
        return ("...",) * 3

    def places(self) -> IntArray:
        """Return -1, -1 for each state (S, 2): a board lies nowhere on the board."""
        return np.full((len(self.boards), 2), -1, dtype=np.int64)

    def render(self) -> str | None:
        """Return the board as text: `X` moved first, `O` second, `.` is free."""
        if self.render_mode != "ansi":
            return None
        signs = ".XO" if self.first else ".OX"
        board = "".join(signs[square] for square in self.boards[self.state])
        return "\n".join((board[:3], board[3:6], board[6:]))


def winner(board: Board) -> int:
    """Return whose three squares lie in a row: `OURS`, `THEIRS`, or `FREE` for nobody's."""
    for a, b, c in ROWS:
        if board[a] != FREE and board[a] == board[b] == board[c]:
            return board[a]
    return FREE


def placed(board: Board, square: int, side: int) -> Board:
    """Return the board after a move."""
    return (*board[:square], side, *board[square + 1 :])


def free_squares(board: Board) -> list[int]:
    """Return the squares that can be chosen."""
    return [square for square in range(9) if board[square] == FREE]


@cache
def minimax(board: Board, side: int) -> int:
    """Return the result for us, 1, 0 or -1, when `side` moves and both play perfectly."""
    won = winner(board)
    if won != FREE or FREE not in board:
        return {OURS: 1, THEIRS: -1, FREE: 0}[won]
    best = max if side == OURS else min
    return best(minimax(placed(board, square, side), 3 - side) for square in free_squares(board))


def replies(board: Board, style: str, skill: float) -> dict[int, float]:
    """Return how likely the opponent is to choose each free square, 0 included."""
    free = free_squares(board)
    good = _styled(board, style, free)
    chance = {square: (1.0 - skill) / len(free) for square in free}
    for square in good:
        chance[square] += skill / len(good)
    return chance


def _styled(board: Board, style: str, free: list[int]) -> list[int]:
    """Return the squares between which a style chooses."""
    if style == "perfect":
        worth = {square: minimax(placed(board, square, THEIRS), OURS) for square in free}
        return [square for square in free if worth[square] == min(worth.values())]
    looks = {"eager": (THEIRS,), "wary": (OURS,), "tactical": (THEIRS, OURS)}.get(style, ())
    for side in looks:
        rows = [square for square in free if winner(placed(board, square, side)) == side]
        if rows:
            return rows
    return free


def is_over(board: Board) -> bool:
    """Return whether a game has ended."""
    return winner(board) != FREE or FREE not in board


@lru_cache(maxsize=2)
def boards_of(first: bool) -> tuple[Board, ...]:
    """Return the boards of all states: those that a game can come to with the agent to move, then its ends."""
    empty = (FREE,) * 9
    moves = {empty} if first else {placed(empty, square, THEIRS) for square in range(9)}
    over: set[Board] = set()
    edge = list(moves)
    while edge:
        board = edge.pop()
        for after in (placed(board, square, OURS) for square in free_squares(board)):
            if is_over(after):
                over.add(after)
                continue
            found = {placed(after, square, THEIRS) for square in free_squares(after)}
            over |= {one for one in found if is_over(one)}
            new = {one for one in found if not is_over(one)} - moves
            moves |= new
            edge += new
    return (*sorted(moves), *sorted(over))


def game_table(first: bool, style: str, skill: float) -> Table:
    """Return the law of games against an opponent; of a finished one, any choice changes nothing and earns 0."""
    check_range("TicTacToe", "skill", skill, 0.0, 1.0)
    if style not in STYLES:
        near = suggestion(str(style), STYLES)
        raise SandboxError(f"TicTacToe: there is no style {style!r}{near}; one of {', '.join(STYLES)}")
    return _game_table(first, style, float(skill))


@lru_cache(maxsize=8)
def _game_table(first: bool, style: str, skill: float) -> Table:
    boards = boards_of(first)
    number = {board: state for state, board in enumerate(boards)}
    result = {OURS: 1.0, THEIRS: -1.0, FREE: 0.0}

    def came(chance: float, board: Board) -> Outcome:
        return chance, number[board], result[winner(board)], is_over(board)

    @cache
    def answered(board: Board) -> list[Outcome]:
        if is_over(board):
            return [came(1.0, board)]
        likely = replies(board, style, skill).items()
        return [came(chance, placed(board, square, THEIRS)) for square, chance in likely]

    def outcomes(state: int, square: int) -> list[Outcome]:
        board = boards[state]
        if is_over(board):
            return [(1.0, state, 0.0, True)]
        return answered(placed(board, square, OURS)) if board[square] == FREE else [(1.0, state, -1.0, True)]

    start = np.zeros(len(boards))
    empty = (FREE,) * 9
    opening = {empty: 1.0} if first else {placed(empty, k, THEIRS): p for k, p in replies(empty, style, skill).items()}
    for board, chance in opening.items():
        start[number[board]] = chance
    law = {state: {square: outcomes(state, square) for square in range(9)} for state in range(len(boards))}
    return table_from_outcomes(law, start / start.sum())
