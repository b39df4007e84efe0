"""Which settings and step sizes the figures of the 19-state random walk are made of."""

from __future__ import annotations

Point = tuple[str, float, float]  # kind of algorithm, its n or lambda, step size

_ALPHAS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def _points(kind: str, largest: dict[float, float]) -> list[Point]:
    """Return the points of a figure: for each setting the step sizes up to the largest that is of use."""
    return [(kind, setting, alpha) for setting, top in largest.items() for alpha in _ALPHAS if alpha <= top]


_BY_N = {1.0: 1.0, 2.0: 1.0, 4.0: 1.0, 8.0: 0.9, 16.0: 0.7, 32.0: 0.4, 64.0: 0.2, 128.0: 0.1}
_BY_LAMBDA = {0.0: 1.0, 0.4: 1.0, 0.8: 1.0, 0.9: 1.0, 0.95: 1.0, 0.99: 0.4, 1.0: 0.1}
GRIDS = {
    "figure-7-2": _points("n-step", _BY_N),
    "figure-12-3": _points("lambda-return", _BY_LAMBDA),
    "figure-12-6": _points("td-lambda", {0.0: 1.0, 0.4: 1.0, 0.8: 0.9, 0.9: 0.5, 0.95: 0.3, 0.99: 0.1}),
    "figure-12-8": _points("online", _BY_LAMBDA),
}


def point(kind: str, setting: float, alpha: float) -> str:
    """Return the name of a point of a figure."""
    return f"{kind} {setting:g} alpha {alpha:g}"
