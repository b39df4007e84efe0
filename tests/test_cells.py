"""State by state: counts against a plain loop, through the store and the way from a worker, and where none are kept."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.catalog import make_agent, make_world
from sandbox.cells import AFTER, BEFORE, MOST_CELLS, Cells, cells_of, make_counts
from sandbox.evaluator import Evaluator, evaluate
from sandbox.report import make_report
from sandbox.report.parts import Part
from sandbox.runs import Options, Run, pack, run_once, unpack
from sandbox.store import Store
from sandbox.stored import load
from sandbox.study import run_study
from sandbox.trace import Meta, Trace, join, make_trace
from sandbox.world import Budget, make_terms


def brute(trace: Trace, meta: Meta) -> dict[str, dict[int, list[float]]]:
    """Return (visits, cost, mistakes) of each cell, row by row."""
    found: dict[str, dict[int, list[float]]] = {}
    for i in range(len(trace)):
        gap = float(trace.best[i] - trace.value[i])
        cells = found.setdefault(AFTER if trace.concept[i] else BEFORE, {})
        told = cells.setdefault(int(trace.cell[i]), [0.0, 0.0, 0.0])
        told[0] += 1
        told[1] += gap
        told[2] += gap > meta.material * meta.gap_range
    return found


def as_dict(cells: dict[str, Cells]) -> dict[str, dict[int, list[float]]]:
    return {
        name: {int(c): [v, g, m] for c, v, g, m in zip(*one, strict=True)}
        for name, one in cells.items()
    }  # fmt: skip


def a_trace(drift: str = "") -> tuple[Trace, Meta]:
    world = make_world("sandbox/GridMaze-v0").under(make_terms([drift] if drift else None))
    chunks: list[Trace] = []
    world.run(make_agent("q-learning", world), 3, Budget(20_000), chunks.append)
    return join(chunks), world.meta


@pytest.mark.parametrize("drift", ["", "abrupt@12345", "recurring@3000"])
def test_counts_are_those_of_a_plain_loop(drift: str) -> None:
    trace, meta = a_trace(drift)
    scores = evaluate(trace, meta)
    assert as_dict(scores.cells) == brute(trace, meta)
    assert list(scores.cells) == [BEFORE, AFTER] if drift else [BEFORE]
    assert sum(one.visits.sum() for one in scores.cells.values()) == len(trace)
    assert sum(one.mistakes.sum() for one in scores.cells.values()) == scores.metrics["mistakes"]
    assert math.isclose(sum(one.cost.sum() for one in scores.cells.values()), scores.metrics["regret"], rel_tol=1e-9)


def test_chunks_do_not_matter() -> None:
    trace, meta = a_trace("abrupt@7000")
    judge = Evaluator(meta)
    for low in range(0, len(trace), 999):
        judge.update(make_trace(len(trace.step[low : low + 999]), part(trace, low, low + 999)))
    assert as_dict(judge.finish().cells) == as_dict(evaluate(trace, meta).cells)


def part(trace: Trace, low: int, high: int) -> dict[str, Any]:
    return {name: column[low:high] for name, column in trace.columns().items()}


def test_a_cell_that_the_world_does_not_have_is_left_out() -> None:
    rows = {"cell": [0, 5, -1, 1], "episode": [0, 0, 0, 0], "best": [1.0] * 4, "value": [0.0, 0.0, 0.0, 1.0]}
    scores = evaluate(make_trace(4, rows), Meta("control", n_cells=2, gap_range=1.0))
    assert as_dict(scores.cells) == {BEFORE: {0: [1.0, 1.0, 1.0], 1: [1.0, 0.0, 0.0]}}


@pytest.mark.parametrize(
    "changed",
    [
        {"n_cells": 1},
        {"n_cells": MOST_CELLS + 1},
        {"why_unpriced": "nobody knows"},
        {"episodic": False},
        {"task": "classification"},
    ],
)
def test_none_are_kept_where_they_would_say_nothing(changed: dict[str, Any]) -> None:
    told: dict[str, Any] = {"task": "control", "n_cells": 4, "gap_range": 1.0}
    assert make_counts(Meta(**told)).shape == (2, 3, 4)
    counts = make_counts(Meta(**told | changed))
    assert counts.shape == (2, 3, 0) and cells_of(counts) == {}


def test_they_are_kept_with_the_run(tmp_path: Path) -> None:
    world = make_world("sandbox/GridMaze-v0").under(make_terms(["abrupt@500"]))
    run = run_once(world, make_agent("q-learning", world), 0, Budget(1500), Options())
    assert run.scores is not None and len(run.scores.cells) == 2
    failed = Run(1, None, "it broke", "trace")
    store = Store(tmp_path)
    store.write("key", [run, failed], {})
    for back in (store.read("key")[0], unpack(json.loads(json.dumps(pack(run))))):
        assert back.scores is not None
        assert as_dict(back.scores.cells) == as_dict(run.scores.cells)
        assert back.scores.cells[BEFORE].cell.dtype == np.int64


@pytest.mark.parametrize("agent", ["q-learning", "random"])
def test_both_speeds_count_the_same(agent: str) -> None:
    world = make_world("FrozenLake-v1")
    found = [
        run_once(world.under(make_terms(plain=plain)), make_agent(agent, world), 1, Budget(3000), Options())
        for plain in (True, False)
    ]
    plain, fast = (run.scores for run in found)
    assert plain is not None and fast is not None and [bool(run.why_plain) for run in found] == [True, False]
    assert as_dict(plain.cells) == as_dict(fast.cells) and plain.cells


def a_report(tmp_path: Path, world: str, agents: list[str], **given: Any) -> Part | None:
    """Return what a report of stored runs says of places."""
    run_study(world, agents, seeds=range(2), budget=Budget(1200), runs=tmp_path, jobs=1, **given)
    (section,) = make_report(load(tmp_path)).sections
    return next((part for part in section.parts if part.name.endswith("-places")), None)


def test_a_report_shows_cost_and_visits_before_and_after_a_drift(tmp_path: Path) -> None:
    terms = make_terms(["abrupt@600"])
    part = a_report(tmp_path, "sandbox/GridMaze-v0", ["q-learning", "random"], terms=terms)
    assert part is not None and part.title == "Where mistakes were made"
    assert [one.title for one in part.pictures] == [
        "q-learning: cost before the drift", "q-learning: visits before the drift",
        "q-learning: cost after the drift", "q-learning: visits after the drift",
    ]  # fmt: skip
    cost, visits = (one.draw().axes[0].collections[0] for one in part.pictures[:2])
    runs = [run.scores.cells[BEFORE] for run in load(tmp_path)[0].agents[0].done if run.scores is not None]
    for mesh, column in ((cost, "cost"), (visits, "visits")):
        drawn = np.ma.filled(np.ma.masked_invalid(mesh.get_array()), 0.0).sum()
        assert math.isclose(drawn, np.mean([getattr(cells, column).sum() for cells in runs]), rel_tol=1e-9)


def test_a_report_counts_the_states_that_hold_half_of_the_cost(tmp_path: Path) -> None:
    part = a_report(tmp_path, "FrozenLake-v1", ["q-learning"])
    assert part is not None
    runs = [run.scores.cells[BEFORE] for run in load(tmp_path)[0].agents[0].done if run.scores is not None]
    total = np.zeros(16)
    for cells in runs:
        total[cells.cell] += cells.cost
    costs, half, states = sorted(total, reverse=True), 0.5 * total.sum(), 0
    while sum(costs[:states]) < half:
        states += 1
    met = len({int(cell) for cells in runs for cell in cells.cell})
    unit = "state" if states == 1 else "states"
    assert part.said[1].text == f"half of what its mistakes cost fell to {states} {unit} of the {met} that it met."


def test_a_report_says_nothing_of_places_where_none_are_known(tmp_path: Path) -> None:
    assert a_report(tmp_path, "spam", ["majority"]) is None
