"""Watching one run: it is made, filmed where it is worth it, told of and drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.catalog import make_agent, make_world
from sandbox.env_world import EnvWorld
from sandbox.errors import SandboxError
from sandbox.watching.film import Film, same_run, shoot
from sandbox.watching.gif import check_place, save_gif
from sandbox.watching.maps import ground_under, save_maps
from sandbox.watching.reel import Told, reel_of
from sandbox.watching.scenes import Scene, scenes_of
from sandbox.watching.screens import Screen, screen_of
from sandbox.watching.telling import Teller
from sandbox.watching.ways import names_of, ways_of
from sandbox.world import Budget, Terms, World

_NOT_SAME = "the same seed did not give the same run twice: what is shown is one run, its scenes were chosen by another"

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Watched:
    """What was written of a run: `animation` (GIF) and `figures` (PNG and SVG), and what to know of them (`notes`)."""

    world: str
    agent: str
    seed: int
    decisions: int
    frames: int
    animation: Path
    figures: list[Path] = field(default_factory=list)
    scenes: list[tuple[str, list[str]]] = field(default_factory=list)  # title, and what is said of it
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "schema": 1,
            "world": self.world,
            "agent": self.agent,
            "seed": self.seed,
            "decisions": self.decisions,
            "frames": self.frames,
            "animation": str(self.animation),
            "figures": [str(path) for path in self.figures],
            "scenes": [{"title": title, "told": told} for title, told in self.scenes],
            "notes": self.notes,
        }


def watch(
    world: str | World,
    agent: Any,
    *,
    seed: int = 0,
    steps: int | None = None,
    terms: Terms | None = None,
    out: str | Path | None = None,
    progress: Progress = lambda what, left: None,
) -> Watched:
    """Run an agent once and write what it does as an animation, and where it errs as maps.

    `out`: the GIF; None: named after world and agent, in the folder we are in. Raise `SandboxError` for a world that
    has no frames, and for whatever a run can fail at.
    """
    met, place = _world(world, terms), Path(out) if out is not None else Path(file_name(str(world), str(agent)))
    check_place(place)
    budget = met.budget(Budget(steps))
    screen = screen_of(met)
    make = partial(make_agent, agent, met)
    make().begin(met.observation_space, met.choice_space, np.random.default_rng(0))  # refused now, if it does not fit
    try:
        scenes, film, notes = _filmed(screen, make, seed, budget, progress)
        told = _told(screen, scenes, film, str(agent))
        reel = reel_of(told, lambda left: progress("drawing", left))
        save_gif([shown for shown, _ in reel], [time for _, time in reel], place)
        figures = save_maps(screen, film, told, place.with_suffix(""))
    finally:
        screen.close()
    said = [(scene.title, told.teller.summary(scene)) for scene in scenes]
    notes += [screen.note] if screen.note else []
    notes += [] if met.meta.priced else [f"no mistakes are marked, and there are no maps: {met.meta.why_unpriced}"]
    return Watched(met.name, str(agent), seed, len(film.trace), len(reel), place, figures, said, notes)


def _told(screen: Screen, scenes: list[Scene], film: Film, agent: str) -> Told:
    """Return what the frames are made of."""
    world = screen.world
    solutions = world.law.solutions
    known = [] if isinstance(solutions, str) else solutions
    ground = ground_under(screen, 0)
    ways = ways_of(known[0].table, ground.places) if ground is not None and known and not ground.bare else []
    env = world.make()
    names = names_of(env, world.meta.n_choices, ways)
    env.close()
    teller = Teller(film.trace, world.meta, names, ways, known)
    changes = [begin for begin, _ in world.schedule.changes(len(film.trace))]
    subject = f"{agent.split(':')[0]} in {world.name.split(':')[0].rpartition('/')[2]}"
    return Told(subject, film, teller, scenes, changes)


def file_name(world: str, agent: str) -> str:
    """Return what an animation is called by itself.

    >>> file_name("sandbox/GridMaze-v0", "q-learning:step_size=0.5")
    'GridMaze-v0--q-learning-step-size-0.5.gif'
    """
    parts = [re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:40] or "x" for name in (world.rpartition("/")[2], agent)]
    return f"{parts[0]}--{parts[1]}.gif"


def _world(world: str | World, terms: Terms | None) -> EnvWorld:
    made = make_world(world)
    if not isinstance(made, EnvWorld):
        raise SandboxError(
            f"{made.name} is a stream: it has no frames to watch; see its curves with 'sandbox run {made.name} AGENT'"
        )
    return replace(made.under(terms or Terms()))


def _filmed(
    screen: Screen, make: Callable[[], Any], seed: int, budget: Budget, progress: Progress
) -> tuple[list[Scene], Film, list[str]]:
    """Run twice, the second time filming what the first showed to be worth it."""
    world, whole = screen.world, budget.steps or 0

    def told(what: str) -> Callable[[int], None]:
        return lambda made: progress(f"{what}, decision {made:,}", max(1, (whole - made) // 2048))

    first = shoot(world, make, seed, budget, go_on=told("running"))
    changes = world.schedule.changes(len(first.trace))
    scenes = scenes_of(first.trace, changes)
    marks = [begin for begin, _ in changes[:1]]
    steps = [step for scene in scenes for step in scene.steps]
    film = shoot(world, make, seed, budget, screen=screen, steps=steps, learned_at=marks, go_on=told("filming"))
    return scenes, film, [] if same_run(first.trace, film.trace) else [_NOT_SAME]
