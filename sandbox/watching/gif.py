"""An animation as a file: a GIF of few colours, written whole or not at all, the same bytes for the same frames."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from sandbox import stopping
from sandbox.errors import SandboxError

_EXACT = 192  # colours that are kept as they are, of 256
_COARSE = 3  # of the pixels every third in a row and column is asked


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
    """Return an image whose palette holds the colours of all frames: the commonest exactly, the rest nearly."""
    pixels = [np.asarray(frame)[k % _COARSE :: _COARSE, ::_COARSE].reshape(-1, 3) for k, frame in enumerate(frames)]
    codes = np.concatenate([part.astype(np.int64) @ (65536, 256, 1) for part in pixels])
    found, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    exact, rest = found[order[:_EXACT]], found[order[_EXACT:]]
    colours = np.stack([exact >> 16, (exact >> 8) & 255, exact & 255], axis=1).astype(np.uint8)
    if len(rest):
        near = np.stack([rest >> 16, (rest >> 8) & 255, rest & 255], axis=1).astype(np.uint8)
        few = Image.fromarray(near[None]).quantize(256 - _EXACT, method=Image.Quantize.MEDIANCUT)
        told = few.getpalette() or []
        colours = np.concatenate([colours, np.array(told, dtype=np.uint8).reshape(-1, 3)[: 256 - _EXACT]])
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours.tobytes())
    return palette
