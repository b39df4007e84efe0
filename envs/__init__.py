"""Environments: those of Gymnasium that we know the law of, and our own, registered as `sandbox/...`."""

from __future__ import annotations

import gymnasium

_OURS = {
    "sandbox/GridMaze-v0": ("sandbox.envs.grid_maze:GridMaze", 200),
    "sandbox/Spam-v0": ("sandbox.stream_env:spam", None),
    "sandbox/Recommendation-v0": ("sandbox.stream_env:recommendation", None),
}

for _id, (_entry, _steps) in _OURS.items():
    if _id not in gymnasium.registry:
        gymnasium.register(_id, entry_point=_entry, max_episode_steps=_steps)
