"""The command that says who is better, from stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.shared import Json, Runs, app, finish, print_json
from sandbox.errors import SandboxError

Metric = Annotated[str, typer.Option("--metric", metavar="NAME", help="what to compare by [the world's own]")]
World = Annotated[str, typer.Option("--world", metavar="WORLD", help="only this world")]
Agents = Annotated[list[str] | None, typer.Option("--agent", metavar="AGENT", help="only this agent; may be repeated")]
OfTag = Annotated[str, typer.Option("--tag", metavar="TAG", help="only studies with this tag")]


@app.command()
def compare(
    metric: Metric = "",
    world: World = "",
    agent: Agents = None,
    tag: OfTag = "",
    runs: Runs = Path("runs"),
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="where to draw it [DIR/figures]")] = None,
    as_json: Json = False,
) -> None:
    """Say of stored runs who is better, how sure that is, and how many more seeds would settle it."""
    from sandbox.compared import compare_all
    from sandbox.plots.files import save, unwritten
    from sandbox.show.comparisons import print_comparison
    from sandbox.show.results import print_figures
    from sandbox.stored import load

    _stem(out, 0, 1)  # refused before the work
    found = compare_all(load(runs, world, agent or (), tag), metric)
    documents = []
    with unwritten() as lost:
        for k, one in enumerate(found):
            figures = save(one.plot(), _stem(out, k, len(found)) or runs / "figures" / one.file_stem)
            documents.append(one.as_json() | {"figures": [str(path) for path in figures]})
            if not as_json:
                print_comparison(one)
                print_figures(figures)
    if as_json:
        print_json({"schema": 1, "comparisons": documents})
    finish(False, lost)


def _stem(out: Path | None, k: int, count: int) -> Path | None:
    """Return where a figure goes, without its ending; several are numbered."""
    if out is None:
        return None
    if not out.name or out.suffix.lower() not in ("", ".png", ".svg"):
        raise SandboxError(f"--out {out}: give the name of a figure, which is written as .png and .svg")
    stem = out.with_suffix("") if out.suffix.lower() in (".png", ".svg") else out
    return stem if count == 1 else stem.with_name(f"{stem.name}-{k + 1}")
