"""A study of detectors as a terminal shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from sandbox.comparison.intervals import Interval
from sandbox.detection.found import Found, Row
from sandbox.detection.scores import PER
from sandbox.show.numbers import interval_text
from sandbox.show.text import console_of, safe
from sandbox.show.verdicts import p_text

_MOST_TOLD = 12  # alarms of a run that are listed
_MOST_PAIRS = 10


def print_found(found: Found) -> None:
    """Print how each detector did, as given and tuned alike, and what is sure of their differences."""
    console = console_of()
    if not found.spans:
        console.print(_listed(found))
        for text in found.caveats():
            console.print(safe(f"! {text}"), style="yellow", soft_wrap=True)
        return
    console.print(_table(found, found.given, f"{found.terms}, detectors as given"))
    if found.matched:
        console.print(_table(found, found.matched, f"{found.tuned}, as loose as that allows"))
    for text in found.caveats():
        console.print(safe(f"! {text}"), style="yellow", soft_wrap=True)
    for text in [*_verdicts(found), *_legend(found)]:
        console.print(safe(text), soft_wrap=True)


def _table(found: Found, rows: Sequence[Row], title: str) -> Table:
    table = Table(title=safe(title + ", mean [95 % interval] over seeds"), title_justify="left")
    table.add_column("place", justify="right")
    table.add_column("detector", overflow="fold", max_width=40)
    heads = ("credit ↑", "found %", "by chance %", "delay ↓", "false ↓", "fell %", "false fell %")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    places = found.places(rows)
    for row in found.ranking(rows):
        place = "dummy" if row.detector.is_dummy else str(places.get(row.name, "–"))
        mark = " ▼" if row.beats_dummies is False and not row.detector.is_dummy else ""
        table.add_row(place, safe(str(row.detector)) + mark, *_cells(row))
    return table


def _cells(row: Row) -> list[str]:
    percent = [_text(row.interval(name), 100.0, 100.0) for name in ("found", "by_chance")]
    false = row.interval("false_alarms").mean
    fell = [row.interval("fell").mean, row.interval("false_fell").mean / false if false else math.nan]
    if row.detector.is_dummy:
        fell = [math.nan, math.nan]
    return [
        _text(row.interval("credit"), 1.0, 1.0),
        *percent,
        _text(row.interval("delay")),
        _text(row.interval("false_alarms")),
        *("–" if math.isnan(share) else f"{100.0 * share:.0f}" for share in fell),
    ]


def _text(interval: Interval, factor: float = 1.0, most: float = math.inf) -> str:
    """Return a mean with its interval, cut where no mean can be: at 0, if it is not below that, and at `most`."""
    mean, low, high = (factor * part for part in interval[:3])
    return interval_text((mean, max(0.0, low) if mean >= 0.0 else low, min(high, most), interval.n))


def _listed(found: Found) -> Table:
    """Return when each detector alarmed, where nobody knows whether that was right."""
    table = Table(title=safe(f"{found.terms}: alarms"), title_justify="left")
    table.add_column("detector", overflow="fold", max_width=40)
    for head in (f"alarms per {PER:,} decisions", "fell %", "steps of the alarms of seed 0 (▽ it fell)"):
        table.add_column(head, justify="left" if "seed" in head else "right", overflow="fold")
    for row in found.given:
        run = row.alarms[min(row.alarms)][0]
        steps = [f"{at:,}{'▽' * fell}" for at, fell in zip(run.at[:_MOST_TOLD], run.fell, strict=False)]
        more = f" and {len(run.at) - _MOST_TOLD:,} more" if len(run.at) > _MOST_TOLD else ""
        total = sum(len(one.at) for one, _ in row.alarms.values())
        fell = sum(sum(one.fell) for one, _ in row.alarms.values())
        share = f"{100.0 * fell / total:.0f}" if total and not row.detector.is_dummy else "–"
        table.add_row(safe(str(row.detector)), _text(row.interval("false_alarms")), share, "  ".join(steps) + more)
    return table


def _verdicts(found: Found) -> list[str]:
    """Return what is sure of pairs of detectors tuned alike."""
    settled = [(a, b, d, p) for a, b, d, p in found.differences(found.matched) if p <= 0.05]
    told = [
        f"{a if d.mean > 0 else b} is better than {b if d.mean > 0 else a}: credit "
        f"{interval_text((abs(d.mean), *sorted((abs(d.low), abs(d.high))), d.n))} more, p {p_text(p)} for all pairs"
        for a, b, d, p in settled[:_MOST_PAIRS]
    ]
    if len(settled) > _MOST_PAIRS:
        told.append(f"and {len(settled) - _MOST_PAIRS} more pairs; --json has them all")
    pairs = len(found.differences(found.matched))
    if pairs and not settled:
        told.append("between those tuned alike no difference of credit is settled; more seeds may settle it")
    return told


def _legend(found: Found) -> list[str]:
    told = [
        "credit: the share of the time after a drift that is left once it is found, beyond that by chance; 1 at best. "
        "Chance: the same seeds where nothing changes",
        f"false: alarms where nothing changes, per {PER:,} decisions",
        "fell: of the alarms that find a drift, and of the false ones, those that say that what is heard fell",
    ]
    if any(row.beats_dummies is False and not row.detector.is_dummy for row in [*found.given, *found.matched]):
        told.append("▼ not better than a dummy, beyond chance")
    return told
