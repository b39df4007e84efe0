"""The command line. It parses, calls the core and shows; heavy libraries are imported where they are used."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import typer

from sandbox import stopping
from sandbox.cli import ask, clean, compare, demo, detect, gallery, report, run, score, watch  # noqa: F401 (each adds its commands)
from sandbox.cli.shared import app, complain
from sandbox.errors import SandboxError, one_line


def main() -> None:
    """Run the command line: exit status 0 all done, 1 something failed, 2 the request makes no sense.

    Stopped by a signal it is 128 and the signal's number: 130 after Ctrl-C.
    """
    stopping.listen()
    try:
        here = str(Path.cwd())
        if "" not in sys.path and here not in sys.path:
            sys.path.append(here)  # users' own modules; last, so that nothing of ours is shadowed
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that cannot show a sign shows another
        status = app(standalone_mode=False)
    except FileNotFoundError:
        status = complain("the folder that this was started in is gone", 2)
    except SandboxError as error:
        status = complain(one_line(error), stopping.status() if type(error).__name__ == "StoppedError" else 2)
    except typer.TyperException as error:
        # Without a command the help was shown already; that is no complaint.
        status = 2 if type(error).__name__ == "NoArgsIsHelpError" else complain(_usage(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        status = complain("stopped", stopping.status())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader left, as `| head` does
        status = 0
    code = status if isinstance(status, int) else 0
    if stopping.asked():
        stopping.leave(code)
    stopping.ignore()
    sys.exit(code)


def _usage(error: Exception) -> str:
    describe = getattr(error, "format_message", None)
    text = " ".join((describe() if describe is not None else str(error)).split())
    context = getattr(error, "ctx", None)
    return f"{text.rstrip('.')}; see '{context.command_path if context is not None else 'sandbox'} --help'"
