"""An animation as a file: a GIF of few colours, written whole or not at all, the same bytes for the same frames."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image

from sandbox import stopping
from sandbox.errors import SandboxError
from sandbox.plots.painter import AGENT, INK, PAPER, RIGHT, SOFT, WRONG

_COLOURS = 128
_SAMPLES = 24  # frames that the colours are taken from
_COARSE = 3  # of whose pixels every third in a row and column
_MARKS = (AGENT, INK, PAPER, RIGHT, SOFT, WRONG)  # which must stay what they are, however few their pixels


def check_place(out: Path) -> None:
    """Refuse, in one line, a file that no animation can be written to, before time is spent."""
    if not out.name or out.suffix.lower() != ".gif":
        raise SandboxError(f"{str(out)!r}: an animation is written as .gif")
    if out.is_dir():
        raise SandboxError(f"{out}: the animation cannot be written: it is a folder")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"{out}: the animation cannot be written: {error.strerror or error}") from error


def save_gif(frames: Sequence[Image.Image], milliseconds: Sequence[int], out: Path) -> Path:
    """Write frames of one size, each shown for so long, as a GIF that repeats; return its path."""
    draft = out.with_name(f".tmp-{os.getpid()}-{uuid.uuid4().hex}.gif")
    stopping.tidy(out.parent)
    palette = _palette(frames)
    plain = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    try:
        plain[0].save(
            draft, save_all=True, append_images=plain[1:], duration=list(milliseconds), loop=0, disposal=1,
            optimize=False,
        )  # fmt: skip
        draft.replace(out)
    except OSError as error:
        raise SandboxError(f"{out}: the animation cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return out


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Return an image whose palette holds the colours of all frames, as well as so many can."""
    chosen = frames[:: -(-len(frames) // _SAMPLES)]
    wide, high = (side // _COARSE for side in frames[0].size)
    sheet = Image.new("RGB", (wide, high * len(chosen) + 40 * len(_MARKS)), PAPER)
    for k, frame in enumerate(chosen):
        sheet.paste(frame.resize((wide, high), Image.Resampling.NEAREST), (0, k * high))
    for k, colour in enumerate(_MARKS):
        sheet.paste(Image.new("RGB", (wide, 40), colour), (0, high * len(chosen) + 40 * k))
    return sheet.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT)
