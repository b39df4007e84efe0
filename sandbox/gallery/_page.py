"""The gallery as a page: every experiment with its figure and its rows, in one file without script or network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sandbox.gallery._catalog import Experiment
from sandbox.gallery._found import Found, Row
from sandbox.gallery._picture import EXPECTED_TOLD, figure
from sandbox.report import write_made
from sandbox.report.parts import Part, Picture, Report, Said, Section, Table
from sandbox.show.numbers import number

Done = tuple[Experiment, Found]


def write_page(done: Sequence[Done], out: Path, quick: bool) -> Path:
    """Write the page of experiments that were run; return its path."""
    off = [(one.name, row) for one, found in done for row in found.off]
    rows = sum(len(found.rows) for _, found in done)
    lead = "Everything agrees:" if not off else f"{len(off)} of {rows} numbers are off:"
    told = (
        f"{rows} numbers of {sum(bool(found.rows) for _, found in done)} experiments came out as expected."
        if not off
        else ""
    )
    said = [Said(lead, told or "; ".join(f"{name}, {row.what}" for name, row in off) + ".")]
    said += [Said("Small versions:", "fewer runs than the gallery proper, and so wider tolerances.")] if quick else []
    said += [Said("Skipped:", f"{one.name}: {found.absent}.") for one, found in done if found.absent]
    sections = [_section(*one) for one in done if not one[1].absent]
    report = Report("The gallery: published experiments, run", said, sections, _WORDS)
    return write_made(report, out)[0]


def _section(experiment: Experiment, found: Found) -> Section:
    pictures = [
        Picture(f"{experiment.name}-{k}", panel.title, _label(found, k), partial(figure, _only(found, k), "", 5.2))
        for k, panel in enumerate(found.panels)
    ]
    head = ("what", "unit", "expected", "found", "may differ by", "verdict")
    table = Table("numbers", f"Expected: {experiment.source}.", head, [cells(row, found) for row in found.rows], (1, 5))
    said = [Said("", note) for note in found.notes]
    part = Part(f"{experiment.name}-rows", "Expected and found", said, pictures, [table])
    verdict = f"{len(found.rows) - len(found.off)} of {len(found.rows)} ok"
    terms = [("name", experiment.name), ("verdict", verdict)]
    return Section(experiment.name, experiment.title, terms, [Said("", experiment.about)], [part])


def cells(row: Row, found: Found) -> tuple[str, ...]:
    """Return a row as text: what, unit, expected, found, tolerance, verdict."""
    count = len(found.rows)
    tolerance = row.tolerance(count)
    return (
        row.what,
        row.unit,
        told(row.expected.mean, tolerance),
        told(row.found.mean, tolerance),
        number(tolerance) if tolerance >= 0.001 else f"{tolerance:.2g}",
        verdict(row, count),
    )


def verdict(row: Row, rows: int) -> str:
    """Return ok or off."""
    return "ok" if row.ok(rows) else "off"


def told(value: float, tolerance: float) -> str:
    """Return a number with as many digits as its tolerance makes sense of, and one more."""
    digits = 6 if tolerance <= 0 else max(0, min(8, 2 - int(f"{tolerance:e}".partition("e")[2])))
    return f"{value:,.{digits}f}"


def _only(found: Found, k: int) -> Found:
    """Return what was found with one of its panels, whose title stands above the figure on the page."""
    return replace(found, panels=[replace(found.panels[k], title="")])


def _label(found: Found, k: int) -> str:
    panel = found.panels[k]
    names = ", ".join(curve.name for curve in panel.curves)
    return f"{panel.title}: {panel.y} over {panel.x}, of {names}; circles: {EXPECTED_TOLD}"


_WORDS = [
    ("expected", "what was published, or computed by an independent program kept beside the experiment"),
    ("found", "what the agents and worlds of this package do, mean over runs"),
    (
        "may differ by",
        "three standard errors of the difference, more where there are several rows, and half of the last digit "
        "published; 0.000001 where both numbers are exact",
    ),
    ("best arm", "the arm with the largest expected reward, known to the judge and to no agent"),
    ("RMS error", "root of the mean, over states, of the squared error of the values learned"),
]
