"""The command that removes what nothing needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.shared import Runs, app, finish


@app.command()
def clean(
    runs: Runs = Path("runs"),
    damaged: Annotated[bool, typer.Option("--damaged", help="also remove files that cannot be read")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be removed, remove nothing")] = False,
) -> None:
    """Remove what nothing needs from a folder of runs: half-written files, traces without their runs, and such."""
    from sandbox import leftovers
    from sandbox.show.text import printable

    found = leftovers.leftovers(runs)
    chosen = [one for one in found if damaged or not one.damaged]
    gone, kept = (chosen, []) if dry_run else leftovers.clean(chosen)
    verb = "would remove" if dry_run else "removed"
    for one in gone:
        print(printable(f"{verb} {one.path.relative_to(runs)} ({one.size:,} bytes): {one.why}"))
    for one in found:
        if one not in chosen:
            print(printable(f"left {one.path.relative_to(runs)} ({one.size:,} bytes): {one.why}; --damaged removes it"))
    files = "file" if len(gone) == 1 else "files"
    print(f"{verb} {len(gone)} {files}, {sum(one.size for one in gone):,} bytes")
    finish(False, kept)
