"""The command that runs published experiments and compares their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sandbox.cli.shared import Json, app, complain, finish, print_json, progress_on
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from sandbox.gallery._catalog import Experiment
    from sandbox.gallery._found import Found


@app.command()
def gallery(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="an experiment, such as figure-2-2 [all]")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="small versions: fewer runs, wider tolerances")] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="folder for figures and page [gallery]")] = None,
    only_list: Annotated[bool, typer.Option("--list", help="only list the experiments")] = False,
    as_json: Json = False,
) -> None:
    """Run published experiments: what was expected against what is found, with figures and a page of all."""
    from sandbox.gallery._catalog import experiment, experiments

    known = experiments()
    if only_list:
        _list(known, as_json)
        return
    wanted = [experiment(name)] if name else list(known.values())
    folder = out if out is not None else None if as_json else Path("gallery")
    found: dict[str, tuple[Experiment, Found]] = {}
    try:
        failed = _measure(wanted, quick, as_json, found)
    except BaseException:  # stopped: the figures of what is done are kept
        if folder is not None and found:
            _write(list(found.values()), folder, quick, page=False)
        raise
    done = [found[one.name] for one in wanted if one.name in found]
    paths, lost = ([], []) if folder is None else _write(done, folder, quick, page=not name)
    if as_json:
        told = [
            {"name": one.name, "ok": not found.off, "off": [row.what for row in found.off], "found": found.as_json()}
            | ({"skipped": found.absent} if found.absent else {})
            for one, found in done
        ]
        print_json({"schema": 1, "quick": quick, "experiments": told, "figures": [str(path) for path in paths]})
    else:
        _tell(done, paths)
    finish(failed or any(found.off for _, found in done), lost)


def _list(known: dict[str, Experiment], as_json: bool) -> None:
    from sandbox.gallery._show import print_list

    if as_json:
        print_json({"experiments": [{"name": one.name, "text": one.title} for one in known.values()]})
    else:
        print_list(known)


def _measure(wanted: list[Experiment], quick: bool, silent: bool, done: dict[str, tuple[Experiment, Found]]) -> bool:
    """Run experiments, one here, several in processes of their own; put them into `done`, and return if one failed."""
    from sandbox.gallery._all import measure_all
    from sandbox.gallery._show import print_found
    from sandbox.workers import cores

    failed = False
    with progress_on("gallery") as progress:
        several = ((wanted[0], wanted[0].measure(quick)) for _ in wanted)
        for k, (one, found) in enumerate(several if len(wanted) == 1 else measure_all(wanted, quick, cores())):
            progress(one.name, len(wanted) - k - 1)
            if isinstance(found, str):
                failed = True
                complain(f"{one.name}: {found}", 1)
                continue
            done[one.name] = one, found
            if found.absent and not silent:
                complain(f"{one.name}: skipped: {found.absent}", 0)
            elif not silent:
                print_found(one, found)
    return failed


def _write(done: list[tuple[Experiment, Found]], folder: Path, quick: bool, page: bool) -> tuple[list[Path], list[str]]:
    """Write the figures, and the page of all; return the paths, and what could not be written."""
    from sandbox.gallery._page import write_page
    from sandbox.gallery._picture import figure
    from sandbox.plots.files import save, unwritten

    with unwritten() as lost:
        paths = [p for one, found in done if found.panels for p in save(figure(found, one.title), folder / one.name)]
    if page and done:
        try:
            paths.append(write_page(done, folder / "index.html", quick))
        except SandboxError as error:  # the numbers are still told
            lost.append(str(error))
    return paths, lost


def _tell(done: list[tuple[Experiment, Found]], paths: list[Path]) -> None:
    """Say how much agrees, and where the figures are."""
    from sandbox.show.text import console_of, safe

    rows = sum(len(found.rows) for _, found in done)
    off = [f"{one.name}: {row.what}" for one, found in done for row in found.off]
    console = console_of()
    skipped = sum(bool(found.absent) for _, found in done)
    run = len(done) - skipped
    experiments = f"{run} experiment" + ("s" if run != 1 else "") + (f" ({skipped} skipped)" if skipped else "")
    console.print(f"{experiments}: {rows - len(off)} of {rows} numbers ok", style="red" if off else "green")
    for text in off:
        console.print(safe(f"  off: {text}"), soft_wrap=True)
    shown = [path for path in paths if path.suffix == ".html"] or [path for path in paths if path.suffix == ".png"]
    for path in shown:
        console.print(safe(str(path)), soft_wrap=True)
