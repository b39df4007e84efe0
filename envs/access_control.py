"""Who gets a server: a queue without an end (Sutton & Barto, 2nd edition, example 10.2)."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Objective, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld, grid_places

PAYMENTS = (1.0, 2.0, 4.0, 8.0)
_OBJECTIVES = ("average", "discounted")


class AccessControl(TableWorld):
    """Access to ten servers (book, example 10.2): accept or reject the customer at the head of an endless queue.

    The observation is (kind of customer) · (`servers` + 1) + (number of free servers); choice 0 rejects, 1 accepts,
    which pays what `payments` says of that kind and takes a server; with none free everybody is rejected. Then each
    busy server, the one just taken included, becomes free with probability `free`, and the next customer is of any
    kind, equally likely. All servers are free at the start; there is no end.

    What it wants is the average reward. Prices under drift are not known for that: `objective="discounted"` (by
    `discount`) has them. A drift without settings reverses the payments: who paid most pays least.
    """

    def __init__(
        self,
        servers: int = 10,
        *,
        free: float = 0.06,
        payments: Sequence[float] = PAYMENTS,
        objective: str = "average",
        discount: float = 0.99,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        given = {
            "servers": servers, "free": free, "payments": payments, "objective": objective, "discount": discount,
        }  # fmt: skip
        super().__init__(given, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of a queue."""
        _check(settings)
        n, chance, payments = settings["servers"], settings["free"], settings["payments"]
        kinds = range(len(payments))

        def serve(kind: int, free: int, accept: bool) -> list[Outcome]:
            taken = int(accept and free > 0)
            busy = n - free + taken
            paid = float(payments[kind]) if taken else 0.0
            freed = [comb(busy, k) * chance**k * (1.0 - chance) ** (busy - k) for k in range(busy + 1)]
            return [
                (p / len(payments), following * (n + 1) + n - busy + k, paid, False)
                for k, p in enumerate(freed)
                for following in kinds
            ]

        law = {
            kind * (n + 1) + free: {a: serve(kind, free, a == 1) for a in (0, 1)}
            for kind in kinds
            for free in range(n + 1)
        }
        start = np.zeros(len(law))
        start[[kind * (n + 1) + n for kind in kinds]] = 1.0 / len(payments)
        endless = settings["objective"] == "average"
        wants = Objective("average") if endless else Objective("discounted", float(settings["discount"]))
        return table_from_outcomes(law, start, wants)

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after its own change of this number (1, 2, ...): payments reversed, and back again."""
        payments = tuple(self._given["payments"])
        return {"payments": payments[::-1] if number % 2 else payments}

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return a row for each kind of customer, a column for each number of free servers, none at the left."""
        return ("." * (settings["servers"] + 1),) * len(settings["payments"])

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each state."""
        return grid_places(len(self._given["payments"]), int(self._given["servers"]) + 1)


def _check(settings: dict[str, Any]) -> None:
    for name, low, high in (("servers", 1, 50), ("free", 0.001, 1.0), ("discount", 0.0, 0.9999)):
        check_range("AccessControl", name, settings[name], low, high)
    if not isinstance(settings["servers"], int):
        raise SandboxError(f"AccessControl: servers={settings['servers']!r} is no whole number")
    if settings["objective"] not in _OBJECTIVES:
        raise SandboxError(f"AccessControl: objective={settings['objective']!r} is none of {', '.join(_OBJECTIVES)}")
    payments = settings["payments"]
    if isinstance(payments, str) or not isinstance(payments, Sequence) or not 1 <= len(payments) <= 20:
        raise SandboxError(f"AccessControl: payments={payments!r} is no list of 1 to 20 numbers, one for each kind")
    for payment in payments:
        check_range("AccessControl", "payments", payment, -1e9, 1e9)
