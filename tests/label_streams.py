"""What every stream of labels is held to, whichever its law: `test_classic_streams` and `test_accents` use it."""

from __future__ import annotations

import itertools
import math
import os
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from pairs_matrix import look

import sandbox.envs  # noqa: F401  registers the environments
from sandbox import draws
from sandbox.catalog import make_world
from sandbox.checks import run_checks
from sandbox.errors import SandboxError
from sandbox.interfaces import settings_of
from sandbox.law_stream import BATCH, Batch
from sandbox.metrics import audit_failures
from sandbox.streams import _classes, _normal
from sandbox.streams._classes import ClassStream
from sandbox.table import FloatArray
from sandbox.world import make_terms

DRAWS = int(os.environ.get("SANDBOX_DRAWS", "60000"))  # of each world; 2,000,000 for the whole check
SPECS = {
    "abrupt": "abrupt@300",
    "gradual": "gradual@300~400",
    "incremental": "incremental@300~400",
    "recurring": "recurring@300",
    "random-walk": "random-walk@5",
}
Make = Callable[..., ClassStream]


def columns(batch: Batch) -> list[np.ndarray]:
    """Return all columns of a batch."""
    return [*batch.seen, *batch[1:]]


def same(one: Batch, other: Batch) -> bool:
    """Say whether two batches are equal to the last bit."""
    pairs = zip(columns(one), columns(other), strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def alike(one: Batch, other: Batch) -> np.ndarray:
    """Return which questions (n,) are the same in both, prices and all, whatever their concept is called."""
    pairs = [(a, b) for a, b in zip(columns(one), columns(other), strict=True) if a is not one.concept]
    return np.all([(a == b).reshape(len(a), -1).all(axis=1) for a, b in pairs], axis=0)


def rows_of(world: ClassStream, seed: int, start: int, count: int) -> FloatArray:
    """Return what can be seen of some questions, as numbers (n, d)."""
    seen = world.batch(seed, start, count).seen
    return np.asarray(seen[0], dtype=np.float64)


def check_soundness(given: dict[str, Any], make: Make, seed: int, cuts: Sequence[int]) -> None:
    """Posteriors, prices, codes and chunks are what they must be, whatever the settings."""
    world = make(**given)
    batch = world.batch(seed, 0, 300)
    assert settings_of(world) | given == settings_of(world)
    values, labels = batch.values, int(world.choice_space.n)
    assert values.shape == (300, labels) and (values >= 0.0).all() and (values <= 1.0).all()
    assert values.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert np.array_equal(batch.rewards, np.eye(labels)[batch.truth])
    assert (values[np.arange(300), batch.truth] > 0.0).all()  # what happened was possible
    gap = values.max() - min(world.abstention, values.min())
    assert gap <= world.gap_range + 1e-12 and np.abs(batch.rewards - values).max() <= world.luck_reach
    assert world.abstention <= values.min()
    assert batch.cell.min() >= 0 and batch.cell.max() < world.n_cells == len(world.cell_names)
    assert batch.group.min() >= 0 and batch.group.max() < len(world.group_names)
    assert batch.concept.min() >= 0 and batch.concept.max() < world.n_concepts
    edges = sorted({0, 300, *cuts})
    parts = [columns(world.batch(seed, a, b - a)) for a, b in itertools.pairwise(edges)]
    for column, several in zip(columns(batch), zip(*parts, strict=True), strict=True):
        assert column.tobytes() == np.concatenate(several).tobytes()
    assert same(world.batch(seed, 0, 300), batch) and not same(world.batch(seed + 1, 0, 300), batch)


def check_drift(make: Make, kind: str, change: dict[str, Any] | None) -> None:
    """A drift of a kind leads from one law to the other, step by step as it says."""
    named = "" if change is None else ":" + ",".join(f"{key}={value}" for key, value in change.items())
    world = make(drift=SPECS[kind] + named)
    new = make(drift="abrupt@1") if change is None else make(**change)
    for seed in (0, 1):
        batch, old_batch, new_batch = (w.batch(seed, 0, 1000) for w in (world, make(), new))
        assert np.array_equal(batch.concept, world.schedule.concepts(seed, 0, 1000))
        assert not alike(old_batch, new_batch)[1:].all()
        is_old, is_new = (alike(batch, other) for other in (old_batch, new_batch))
        if kind == "random-walk":
            levels = np.array([world.schedule.levels_of(c)[0] for c in batch.concept.tolist()])
            assert is_old[levels == 0].all() and len(set(levels.tolist())) > 5
        elif kind == "recurring":
            assert is_old[1:300].all() and is_new[300:600].all() and is_old[600:900].all() and is_new[900:].all()
        else:
            assert is_old[1:300].all() and is_new[700:].all()
        if kind == "abrupt":
            assert is_new[300:].all()
        if kind == "gradual":  # each question is drawn from one of the two laws, and priced under their mixture
            drawn = [[(a == b).reshape(1000, -1).all(axis=1) for a, b in zip((*batch.seen, batch.truth),
                      (*other.seen, other.truth), strict=True)] for other in (old_batch, new_batch)]  # fmt: skip
            from_old, from_new = (np.all(one, axis=0) for one in drawn)
            assert (from_old | from_new).all() and (from_old & ~from_new)[300:700].any()


def check_plain(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain text of the rules equals the compiled one, bit for bit."""
    wanted = make().batch(3, 0, 150)
    own = [sys.modules[one.__module__] for one in type(make()).__mro__ if one.__module__.startswith("sandbox.streams")]
    found = 0
    for module in {draws, _normal, _classes, *own}:
        for name, thing in list(vars(module).items()):
            if hasattr(thing, "py_func"):
                monkeypatch.setattr(module, name, thing.py_func)
                found += 1
    assert found > 3
    with np.errstate(over="ignore"):
        assert same(make().batch(3, 0, 150), wanted)


def check_refusal(make: Make, settings: dict[str, Any], why: str) -> None:
    """A request that makes no sense is refused in one line that names the world."""
    with pytest.raises(SandboxError) as caught:
        make(**settings)
    text = str(caught.value)
    assert why in text and text.startswith(make().world_name + ": ") and "\n" not in text


def check_what_is_seen(world: ClassStream, env: str) -> None:
    """River's pairs, questions, the Gymnasium environment and the batch are of one make."""
    batch = world.batch(0, 0, 300)
    made = gym.make(env)
    labels = world.choice_space.labels
    for i, (question, (x, y)) in enumerate(zip(world.questions(0), world.take(300), strict=False)):
        assert question.observation == x == world.observation(batch, i) and world.observation_space.contains(x)
        assert tuple(x) == tuple(world.observation_space.spaces)
        assert y == labels[batch.truth[i]] and question.truth == batch.truth[i] and question.abstention == 0.0
        assert question.values == batch.values[i].tolist() and question.rewards == batch.rewards[i].tolist()
        if i < 20:
            seen, _ = made.reset(seed=0) if i == 0 else made.reset()
            _, reward, terminated, _, info = made.step(int(batch.values[i].argmax()))
            assert seen == x and terminated and info["truth"] == y
            assert reward == float(labels[batch.values[i].argmax()] == y)


def accuracy_of_means(world: ClassStream, shuffled: bool, n: int = 20_000) -> float:
    """Return how often the nearest mean of a label's features is right, learned from n questions, on n others.

    `shuffled`: whether labels are permuted, in both.
    """
    before, after = world.batch(0, 0, n), world.batch(0, n, n)
    if world.kind == "messages":  # each word is a feature
        x, z = (np.eye(9)[b.seen.words].sum(axis=1) for b in (before, after))
    else:
        x, z = before.seen[0], after.seen[0]
    truth = [
        np.random.default_rng(k).permutation(b.truth) if shuffled else b.truth for k, b in enumerate((before, after))
    ]
    x, z = x / x.std(axis=0), z / x.std(axis=0)
    means = np.stack([x[truth[0] == k].mean(axis=0) for k in range(int(world.choice_space.n))])
    score = z @ means.T - 0.5 * (means * means).sum(axis=1)
    return float((score.argmax(axis=1) == truth[1]).mean())


def check_shuffled_labels(world: ClassStream, floor: float) -> None:
    """What learns from true labels beats the prior and not the floor; from shuffled ones neither learns nor knows."""
    prior = np.bincount(world.batch(0, 0, 40_000).truth).max() / 40_000
    sd = 0.5 / math.sqrt(20_000)
    assert prior + 0.1 * (1.0 - floor - prior) < accuracy_of_means(world, False) < 1.0 - floor + 4.0 * sd
    assert accuracy_of_means(world, True) < prior + 4.0 * sd


def check_accounts(name: str, drift: str, learner: str) -> None:
    """A run of it: sound accounts, an oracle without regret, and nobody above the floor beyond noise."""
    world = make_world(name).under(make_terms(drift))
    for agent in ("oracle", "majority", learner):
        seen = look(agent, world, 1500)
        assert seen.run is not None and seen.run.scores is not None and seen.trace is not None, seen
        metrics, best = seen.run.scores.metrics, seen.trace.best
        assert audit_failures(metrics) == [] and metrics["ledger_error"] < 1e-9
        assert metrics["regret"] <= 1e-9 if agent == "oracle" else metrics["regret"] > 1.0
        assert metrics["reward"] < best.mean() + 4.0 * math.sqrt((best * (1.0 - best)).mean() / 1500) + 1e-12
        if agent == "oracle":
            assert metrics["reward"] > best.mean() - 4.0 * math.sqrt((best * (1.0 - best)).mean() / 1500) - 1e-12


def check_memory(world: ClassStream, limit: float = 1.3) -> None:
    """Any number of questions takes the same memory."""
    peaks = []
    tracemalloc.start()
    for n in (100_000, 500_000):
        tracemalloc.reset_peak()
        for start in range(10_000_000, 10_000_000 + n, BATCH):
            world.batch(0, start, BATCH)
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[1] < limit * peaks[0]


def check_threads(make: Make) -> None:
    """Threads may share one stream."""
    drift = ("random-walk@3", "gradual@1000~9")
    shared, wanted = make(drift=drift), [make(drift=drift).batch(seed, 0, 1500) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: shared.batch(seed, 0, 1500), range(4)))
    assert all(map(same, found, wanted))


def check_as_users_would(name: str) -> None:
    """`sandbox check` finds nothing wrong with it."""
    found = run_checks(name)
    assert [one.message for one in found if not one.passed] == [] and len(found) > 20


DRIFTS = ("abrupt@50", "gradual@50~8", "incremental@50~8", "recurring@40", "random-walk@9")
FEEDBACKS = ("immediate", "delayed=geometric(20)", "partial=0.3", "noisy=0.2", "one-sided={}", "active=60")


def check_every_feedback(name: str, shown: str) -> None:
    """Drift of every kind and feedback of every mode, two of each at once too, on accounts that stay sound."""
    agent = "naive-bayes"
    for kind, drift in enumerate(DRIFTS):
        drifts = (drift, "recurring@70") if kind == 1 else (drift,)
        for mode in range(len(FEEDBACKS)):
            modes = {FEEDBACKS[mode], FEEDBACKS[1 + (mode + kind) % 3]} - {"immediate"}
            feedback = "+".join(sorted(modes)).format(shown)
            world = make_world(name).under(make_terms(drifts, feedback or None))
            run = look(agent, world, 250).run
            assert run is not None and run.scores is not None, (drift, feedback)
            assert audit_failures(run.scores.metrics) == [], (drift, feedback)
