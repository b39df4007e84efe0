"""What the evaluator counts beside prices: answers, several concepts, fingerprints; runs that share a process."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import naive_metrics, random_books

from sandbox.answers import AnswerCount
from sandbox.evaluator import Evaluator, Scores, evaluate
from sandbox.fingerprint import absorb, bits_of
from sandbox.ledger import BLOCK
from sandbox.luck import LuckTest, enlarged, make_luck_test, reach_of, slot_of
from sandbox.trace import TRACE_COLUMNS, Meta, Trace, join, make_trace

UNPRICED = Meta("control", why_unpriced="nobody knows", episodic=False)
SEEDS = st.integers(0, 2**32 - 1)


def cut(trace: Trace, cuts: list[int]) -> list[Trace]:
    edges = itertools.pairwise([0, *sorted(cuts), len(trace)])
    return [Trace(**{name: getattr(trace, name)[a:b].copy() for name in TRACE_COLUMNS}) for a, b in edges]


def judged(chunks: list[Trace], meta: Meta) -> Scores:
    judge = Evaluator(meta)
    for chunk in chunks:
        judge.update(chunk)
    return judge.finish()


# --- answers ----------------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(SEEDS, st.integers(1, 200), st.integers(0, 400), st.floats(0, 1), st.lists(st.integers(0, 200), max_size=8))
def test_answers_are_counted(seed: int, rows: int, longest: int, lost: float, cuts: list[int]) -> None:
    """An answer is pending if it comes after the last decision; else it has come, or it never comes."""
    rng = np.random.default_rng(seed)
    due = np.arange(rows) + rng.integers(longest + 1, size=rows)
    due[rng.random(rows) < lost] = -1
    trace = make_trace(rows, {"choice": 0.0, "reward": 0.0, "answered_at": due})
    metrics = judged(cut(trace, [min(c, rows) for c in cuts]), UNPRICED).metrics
    assert metrics["pending"] == sum(1 for at in due.tolist() if at >= rows)
    assert metrics["never_answered"] == sum(1 for at in due.tolist() if at == -1)


def test_immediate_answers_are_never_pending() -> None:
    trace, meta = random_books(np.random.default_rng(0), 100)
    metrics = evaluate(trace, meta).metrics
    assert metrics["pending"] == metrics["never_answered"] == 0.0


def test_memory_grows_with_what_is_pending_alone() -> None:
    """A million answers, each 500 late: what is kept stays within a few chunks, and is counted at any time."""
    count, chunk = AnswerCount(), 1_000
    for start in range(0, 1_000_000, chunk):
        step = np.arange(start, start + chunk)
        count.update(make_trace(chunk, {"step": step, "answered_at": step + 500}))
        assert sum(map(len, count._due)) <= 4 * chunk
    assert count.pending == 500 and count.never == 0


# --- several concepts -------------------------------------------------------------------------------------------------


def test_two_concepts_by_hand() -> None:
    """Three episodes of a world that becomes worse in the middle of the second."""
    trace = make_trace(
        6,
        {
            "episode": [0, 0, 1, 1, 1, 2],
            "concept": [0, 0, 0, 1, 1, 1],
            "choice": np.zeros(6),
            "best": [10.0, 8.0, 11.0, 6.0, 5.0, 7.0],
            "value": [9.0, 8.0, 11.0, 6.0, 3.0, 7.0],
            "next_best": [8.0, 0.0, 9.0, 5.0, 0.0, 0.0],
            "reward": [2.0, 7.0, 1.0, 1.0, 4.0, 9.0],
            "terminated": [False, True, False, False, True, True],
        },
    )
    metrics = evaluate(trace, Meta("control", gap_range=2.0, expected_start=(10.5, 6.5))).metrics
    assert metrics["shift"] == 6.0 - 9.0  # V* was 9 under the old law and is 6 under the new; the third starts afresh
    assert metrics["start_luck"] == (10 - 10.5) + (11 - 10.5) + (7 - 6.5)
    assert metrics["level"] == 6.5 - 10.5  # of the third episode; the second began under the old law
    assert metrics["regret"] == 3.0 and metrics["luck"] == (1 - 1) + (-1 + 0 + 1) + 2
    assert metrics["ledger_error"] == 0.0 and metrics["shift_leak"] == 0.0


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 1_500), st.integers(1, 5), st.booleans())
def test_one_step_worlds_with_several_concepts(seed: int, rows: int, concepts: int, task: bool) -> None:
    """Each question is an episode: no shift, and what it is worth beyond the first concept's mean is luck or level."""
    trace, meta = random_books(np.random.default_rng(seed), rows, concepts=concepts)
    columns = {"episode": trace.step, "terminated": np.ones(rows, dtype=np.bool_), "next_best": np.zeros(rows)}
    trace = replace(trace, **columns, truncated=np.zeros(rows, dtype=np.bool_))
    meta = replace(meta, episodic=False, task="classification" if task else "control")
    metrics, wanted = evaluate(trace, meta).metrics, naive_metrics(trace, meta)
    for name in ("start_luck", "level", "shift", "regret", "luck", "ledger_error", "min_gap", "shift_leak"):
        assert metrics[name] == pytest.approx(wanted[name], rel=1e-9, abs=1e-9), name
    assert metrics["ledger_error"] <= 1e-9 and metrics["shift"] == 0.0 and math.isnan(metrics["return"])
    total = math.fsum((trace.best - meta.expected_start[0]).tolist())
    assert metrics["start_luck"] + metrics["level"] == pytest.approx(total, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("told", [1, 2, 3])
def test_luck_has_slots_and_reaches_of_its_own_in_each_concept(told: int) -> None:
    """`luck_reach` tells of one concept, for all, or of several, the last of which stands for those after it."""
    cells, choices, concepts = 2, 3, 3
    reach = np.random.default_rng(told).random(told * cells * choices)
    meta = Meta("control", n_cells=cells, n_choices=choices, luck_reach=tuple(reach.tolist()))
    found = reach_of(meta, concepts * cells * choices)
    assert found is not None
    slots = []
    for concept, cell, choice in itertools.product(range(concepts), range(cells), range(choices)):
        slot = slot_of(concept, cell, float(choice), cells, choices)
        slots.append(slot)
        block = min(concept, told - 1) * cells * choices
        assert found[slot] == reach[block + cell * choices + choice]
    assert slots == list(range(concepts * cells * choices))
    assert {slot_of(0, cell, c, 2, 3) for cell, c in ((-1, 0.0), (2, 0.0), (0, 3.0), (0, -1.0), (0, math.nan))} == {-1}
    assert reach_of(replace(meta, luck_reach=(0.5,)), 6).tolist() == [0.5] * 6  # type: ignore[union-attr]
    assert reach_of(replace(meta, luck_reach=()), 6) is None


def test_luck_wrong_in_one_concept_alone_is_seen() -> None:
    """Luck of +1 in one concept and -1 in another: over both it averages to zero, in each it does not."""
    rng, rows = np.random.default_rng(0), 4_000
    concept = np.arange(rows) // (rows // 2)
    noise = rng.normal(size=rows).clip(-3, 3)
    meta = Meta("control", gap_range=1.0, luck_reach=(4.0,), expected_start=(0.0,), episodic=False)
    for bias, wrong in ((0.0, False), (1.0, True)):
        reward = noise + np.where(concept == 0, bias, -bias)
        columns = {"choice": 0.0, "best": 0.0, "value": 0.0, "next_best": 0.0, "reward": reward, "concept": concept}
        metrics = evaluate(make_trace(rows, columns), meta).metrics
        assert (abs(metrics["luck_z"]) > metrics["luck_z_bound"]) == wrong


def test_slots_come_as_concepts_do_and_are_bounded() -> None:
    meta = Meta("control", n_cells=100, n_choices=10)
    few: LuckTest = enlarged(make_luck_test(0), meta, 2)
    few.counts[:] = 1.0
    more = enlarged(few, meta, 4)
    assert len(few.counts) == 3_000 and len(more.counts) == 5_000 and more.counts.sum() == 3_000
    assert enlarged(more, meta, 3) is more and enlarged(more, meta, 10_000) is more


# --- fingerprints -----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(2, 60), st.lists(st.integers(0, 60), max_size=4))
def test_a_fingerprint_sees_values_and_order_but_not_chunks(seed: int, rows: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    trace, _ = random_books(rng, rows, abstains=0.3)
    trace = replace(trace, truth=rng.integers(2, size=rows).astype(float))
    print_of = evaluate(trace, UNPRICED).fingerprint
    assert len(print_of) == 32 and judged(cut(trace, [min(c, rows) for c in cuts]), UNPRICED).fingerprint == print_of
    others = set()
    for name in ("cell", "choice", "truth", "reward", "likelihood", "terminated", "truncated"):
        column = getattr(trace, name).copy()
        row = int(rng.integers(rows))
        column[row] = not column[row] if column.dtype == np.bool_ else 7 if column[row] != 7 else 8
        others.add(evaluate(replace(trace, **{name: column}), UNPRICED).fingerprint)
    swapped = np.arange(rows)
    swapped[[0, -1]] = swapped[[-1, 0]]
    others.add(evaluate(replace(trace, reward=trace.reward[swapped]), UNPRICED).fingerprint)
    others.add(evaluate(cut(trace, [rows - 1])[0], UNPRICED).fingerprint)
    others.add(evaluate(replace(trace, choice_vector=rng.normal(size=(rows, 2))), UNPRICED).fingerprint)
    assert len(others) == 10 and print_of not in others


def test_a_fingerprint_knows_one_nan_and_one_zero() -> None:
    odd = np.array([0x7FF8000000000001, 0xFFF8000000000000], dtype=np.uint64).view(np.float64)
    assert len({int(bits_of(v)) for v in (math.nan, *odd)}) == 1 and bits_of(0.0) == bits_of(-0.0)
    assert len({int(bits_of(v)) for v in (0.0, 1.0, math.nan, math.inf, -math.inf, 5e-324)}) == 6


def test_fingerprints_of_many_runs_differ() -> None:
    """Runs of 0/1 rewards that differ in few places, the likeliest to be taken for one another."""
    prints = set()
    for k in range(2_000):
        reward = np.array([(k >> j) & 1 for j in range(11)], dtype=float)
        prints.add(evaluate(make_trace(11, {"choice": 0.0, "reward": reward}), UNPRICED).fingerprint)
    words = {print_of[half : half + 16] for print_of in prints for half in (0, 16)}
    assert len(prints) == 2_000 and len(words) == 4_000
    assert len({int(absorb(np.uint64(3), np.uint64(k))) for k in range(10_000)}) == 10_000


# --- one process, many runs -------------------------------------------------------------------------------------------


def test_threads_do_not_disturb_each_other() -> None:
    traces = [random_books(np.random.default_rng(k), 5 * BLOCK + k, ends=0.05, concepts=2) for k in range(6)]
    alone = [evaluate(*trace) for trace in traces]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda one: judged(cut(one[0], list(range(0, 2_500, 100))), one[1]), traces))
    for mine, other in zip(alone, together, strict=True):
        assert mine.fingerprint == other.fingerprint
        for name in ("regret", "luck", "ledger_error", "mistakes", "luck_z"):
            assert mine.metrics[name] == other.metrics[name], name


def test_blocks_do_not_matter() -> None:
    """Episodes longer than a block, and as many episodes as a block has rows."""
    for ends in (0.0, 1e-3, 2.0):
        trace, meta = random_books(np.random.default_rng(3), 3 * BLOCK + 1, ends=ends, concepts=2)
        whole, rows = evaluate(trace, meta), cut(trace, list(range(1, len(trace))))
        assert join(rows).step.tolist() == trace.step.tolist()
        parts = judged(rows, meta).metrics
        for name in ("episodes", "return", "episode_length", "ledger_error", "shift", "regret", "start_luck", "level"):
            assert parts[name] == pytest.approx(whole.metrics[name], nan_ok=True, rel=0, abs=0), name
