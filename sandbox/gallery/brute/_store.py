"""Where brute-force programs keep what they find."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sandbox.table import FloatArray

NUMBERS = Path(__file__).with_name("numbers.json")


def store(experiment: str, module: str, runs: int, values: Mapping[str, FloatArray]) -> None:
    """Keep the mean and standard error of each number's values, one a run (runs,), or a single one that is exact."""
    stored = json.loads(NUMBERS.read_text(encoding="utf-8")) if NUMBERS.is_file() else {}
    numbers = {}
    for name, one in values.items():
        known = np.asarray(one, dtype=np.float64).reshape(-1)
        error = float(known.std(ddof=1) / math.sqrt(known.size)) if known.size > 1 else 0.0
        numbers[name] = [float(f"{known.mean():.9g}"), float(f"{error:.3g}")]
        print(f"{experiment}: {name}: {numbers[name][0]:.6g} ± {numbers[name][1]:.2g}", flush=True)
    stored[experiment] = {"command": f"python -m sandbox.gallery.brute.{module}", "runs": runs, "numbers": numbers}
    NUMBERS.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
