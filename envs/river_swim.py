"""A river to be swum against its current: hard to explore (Strehl & Littman 2008; Osband, Russo & Van Roy 2013)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Objective, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld, grid_places

_OBJECTIVES = ("discounted", "average")


class RiverSwim(TableWorld):
    """RiverSwim: six places in a river, a crumb at hand downstream, a feast far up against the current.

    The law is that of Osband, Russo & Van Roy (2013). Choice 0 swims with the current and always gets one place down;
    where the river ends it pays `crumb`. Choice 1 swims against it: one place up with probability `advance`, one place
    down with probability `swept`, else it stays; at the lower end it gets up with 1 - 0.4, at the upper end it is swept
    back with 0.4 and pays `feast` whatever comes of it. Episodes start at the lower end and never end by themselves;
    the registered world cuts them after 20 steps, as the literature on exploration does.

    What it wants is discounted by 0.95, as in Strehl & Littman: a horizon of 20 in the eyes of who sees no clock.
    `objective="average"` wants the average reward instead (then prices under drift are not known). A drift without
    settings turns the river round, start and all, and with it what the two choices mean: `upstream` is `"right"` or
    `"left"`.
    """

    max_episode_steps = 20

    def __init__(
        self,
        states: int = 6,
        *,
        advance: float = 0.35,
        swept: float = 0.05,
        crumb: float = 0.005,
        feast: float = 1.0,
        upstream: str = "right",
        objective: str = "discounted",
        discount: float = 0.95,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        given = {
            "states": states, "advance": advance, "swept": swept, "crumb": crumb, "feast": feast,
            "upstream": upstream, "objective": objective, "discount": discount,
        }  # fmt: skip
        super().__init__(given, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of a river."""
        _check(settings)
        n, up, down = settings["states"], settings["advance"], settings["swept"]
        crumb, feast = settings["crumb"], settings["feast"]

        def swim(place: int, against: bool) -> list[Outcome]:
            if not against:
                return [(1.0, max(place - 1, 0), crumb if place == 0 else 0.0, False)]
            if place == 0:
                return [(0.6, 1, 0.0, False), (0.4, 0, 0.0, False)]
            if place == n - 1:
                return [(0.6, place, feast, False), (0.4, place - 1, feast, False)]
            stays = (1.0 - up - down, place, 0.0, False)
            return [(up, place + 1, 0.0, False), stays, (down, place - 1, 0.0, False)]

        law = {s: {a: swim(s, a == 1) for a in (0, 1)} for s in range(n)}
        if settings["upstream"] == "left":
            law = {
                n - 1 - s: {1 - a: [(p, n - 1 - to, paid, ends) for p, to, paid, ends in law[s][a]] for a in (1, 0)}
                for s in range(n)
            }
        start = np.zeros(n)
        start[0 if settings["upstream"] == "right" else n - 1] = 1.0
        endless = settings["objective"] == "average"
        wants = Objective("average") if endless else Objective("discounted", float(settings["discount"]))
        return table_from_outcomes(law, start, wants)

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after its own change of this number (1, 2, ...): the river turned, and back again."""
        here = self._given["upstream"]
        return {"upstream": {"right": "left", "left": "right"}[here] if number % 2 else here}

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return one row: `c` the crumb, `G` the feast, and between them the current."""
        row = "c" + "<" * (settings["states"] - 2) + "G"
        return (row if settings["upstream"] == "right" else row[::-1].replace("<", ">"),)

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each state."""
        return grid_places(1, int(self._given["states"]))


def _check(settings: dict[str, Any]) -> None:
    for name, low, high in (
        ("states", 2, 100),
        ("advance", 0.001, 1.0),
        ("swept", 0.0, 1.0),
        ("discount", 0.0, 0.9999),
    ):
        check_range("RiverSwim", name, settings[name], low, high)
    for name in ("crumb", "feast"):
        check_range("RiverSwim", name, settings[name], -1e9, 1e9)
    if not isinstance(settings["states"], int):
        raise SandboxError(f"RiverSwim: states={settings['states']!r} is no whole number")
    if settings["advance"] + settings["swept"] > 1.0:
        raise SandboxError("RiverSwim: advance and swept are probabilities that together exceed 1")
    for name, known in (("upstream", ("right", "left")), ("objective", _OBJECTIVES)):
        if settings[name] not in known:
            raise SandboxError(f"RiverSwim: {name}={settings[name]!r} is none of {', '.join(known)}")
