"""Environments: those of Gymnasium that we know the law of, and our own, registered as `sandbox/...`.

Streams are registered too, as environments whose episodes are one question long.
"""

from __future__ import annotations

import gymnasium

from sandbox.discovery import discover


def _register(name: str, entry_point: str, most_steps: int | None) -> None:
    if name not in gymnasium.registry:
        gymnasium.register(name, entry_point=entry_point, max_episode_steps=most_steps)


for _entry in discover("environments").values():
    _register(_entry.name, f"{_entry.module}:{_entry.class_name}", _entry.most_steps)
for _entry in discover("worlds").values():
    _register(f"sandbox/{_entry.class_name}-v0", f"sandbox.stream_env:{_entry.class_name}", None)
