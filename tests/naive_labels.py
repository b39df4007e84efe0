"""The metrics of labels once more, written from their definitions, row by row and pair by pair."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from sandbox.trace import Meta, Trace

NAN = math.nan
NAMES = (
    "brier", "calibration_error", "roc_auc", "roca_error", "final_roca_error", "false_positive_rate",
    "false_negative_rate", "final_false_positive_rate", "final_false_negative_rate", "lam", "final_lam", "g_mean",
    "kappa", "kappa_temporal", "kappa_majority", "coverage", "probabilities_told",
)  # fmt: skip
Row = tuple[float, float, float, float]  # choice, truth, confidence, likelihood


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else NAN


def naive_auc(rows: Sequence[Row]) -> float:
    """Every pair of one of each label: was the second ranked above the first."""
    scored = []
    for choice, truth, sure, likely in rows:
        label, p = (choice, sure)
        if math.isnan(choice) or math.isnan(sure):  # known by the truth: rounded, so that p and 1 - (1 - p) are alike
            label, p = truth, likely if math.isnan(likely) else math.floor(likely * 2**45 + 0.5) / 2**45
        if truth in (0, 1) and not math.isnan(p):
            scored.append((truth, p if label == 1 else 1 - p))
    pairs = [(a, b) for ta, a in scored if ta == 0 for tb, b in scored if tb == 1]
    return _mean([1.0 if b > a else 0.5 if b == a else 0.0 for a, b in pairs])


def naive_sides(rows: Sequence[Row]) -> dict[str, float]:
    """Misses of each of two labels, and their logistic average."""
    of = [[float(choice != truth) for choice, truth, _, _ in rows if truth == label] for label in (0, 1)]
    found = {"false_positive_rate": _mean(of[0]), "false_negative_rate": _mean(of[1]), "lam": NAN}
    if of[0] and of[1]:
        odds = []
        for misses in of:
            wrong = sum(misses)
            wrong = 0.5 if wrong == 0 else wrong - 0.5 if wrong == len(misses) else wrong
            odds.append(math.log(wrong / (len(misses) - wrong)))
        found["lam"] = 1 / (1 + math.exp(-_mean(odds)))
    return found


def naive_kappas(rows: Sequence[Row]) -> dict[str, float]:
    """Accuracy against that of three rules: the same labels shuffled, the last truth, the commonest truth so far."""
    told = [(choice, truth) for choice, truth, _, _ in rows if not math.isnan(truth)]
    n, right = len(told), _mean([float(c == t) for c, t in told])
    shuffled = sum(a == t for a, _ in told for _, t in told) / (n * n) if n else NAN
    last = _mean([float(i > 0 and told[i - 1][1] == told[i][1]) for i in range(n)])
    seen: Counter[float] = Counter()
    common = []
    for _, truth in told:
        common.append(float(bool(seen) and truth == min(t for t in seen if seen[t] == max(seen.values()))))
        seen[truth] += 1
    bases = {"kappa": shuffled, "kappa_temporal": last, "kappa_majority": _mean(common)}
    return {name: (right - base) / (1 - base) if n and base != 1 else NAN for name, base in bases.items()}


def naive_calibration(rows: Sequence[Row], bins: int = 15) -> list[list[tuple[float, bool]]]:
    """The choices of known confidence and truth, bin by bin."""
    sure = [(p, c == t) for c, t, p, _ in rows if not any(map(math.isnan, (c, t, p)))]
    return [[(p, r) for p, r in sure if b < p * bins <= b + 1 or (b == 0 and p == 0)] for b in range(bins)]


def naive_brier(rows: Sequence[Row], sharpness: Sequence[float], labels: int) -> float:
    """(1 - p)^2 of two labels; of more, what follows from the probabilities of all."""
    found = []
    for (_, truth, _, p), squares in zip(rows, sharpness, strict=True):
        value = (1 - p) ** 2 if labels <= 2 else squares - p**2 + (1 - p) ** 2
        if not math.isnan(truth) and not math.isnan(value):
            found.append(value)
    return _mean(found)


def naive_label_metrics(trace: Trace, meta: Meta) -> dict[str, float]:
    """Every metric of labels."""
    found = dict.fromkeys(NAMES, NAN)
    if meta.catalogue and trace.choice_vector is not None:
        shown = {int(item) for slate in trace.choice_vector.tolist() for item in slate if 0 <= item < meta.catalogue}
        found["coverage"] = len(shown) / meta.catalogue
    if meta.task != "classification":
        return found
    columns = (trace.choice, trace.truth, trace.confidence, trace.likelihood)
    rows: list[Row] = list(zip(*(column.tolist() for column in columns), strict=True))
    final = rows[len(rows) - max(1, len(rows) // 10) :]
    judged = [likely for _, truth, _, likely in rows if not math.isnan(truth)]
    found["probabilities_told"] = _mean([float(not math.isnan(likely)) for likely in judged])
    sharpness = trace.extras.get("sharpness")
    found["brier"] = naive_brier(rows, [NAN] * len(rows) if sharpness is None else sharpness.tolist(), meta.n_choices)
    binned = naive_calibration(rows)
    sure = sum(map(len, binned))
    gaps = [abs(_mean([p for p, _ in b]) - _mean([float(r) for _, r in b])) * len(b) for b in binned if b]
    found["calibration_error"] = sum(gaps) / sure if sure else NAN
    truths = {truth for _, truth, _, _ in rows if not math.isnan(truth)}
    recalls = [_mean([float(c == t) for c, t, _, _ in rows if t == label]) for label in truths]
    found["g_mean"] = math.prod(recalls) ** (1 / len(recalls)) if recalls else NAN
    found |= naive_kappas(rows)
    if meta.n_choices == 2:
        found |= naive_sides(rows) | {f"final_{name}": value for name, value in naive_sides(final).items()}
        found |= {
            "roc_auc": naive_auc(rows),
            "roca_error": 1 - naive_auc(rows),
            "final_roca_error": 1 - naive_auc(final),
        }
    return found
