"""The loops do what ten plain lines do, write it down faithfully, and stop in one clear line at what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from naive import TableEnv, naive_episodes, random_table

from sandbox import loop
from sandbox.catalog import make_agent, make_world
from sandbox.env_world import EnvWorld
from sandbox.errors import RunError, SandboxError
from sandbox.evaluator import evaluate
from sandbox.interfaces import Decision, Labels, Number, Question, Stream
from sandbox.loop import agent_rng, run_episodes
from sandbox.oracle import Solution, solve
from sandbox.stream_loop import run_stream
from sandbox.table import Objective
from sandbox.trace import CHUNK, Trace, join
from sandbox.world import Budget


class Toy(gym.Env[Any, Any]):
    """An env in which every part of the contract can be broken: `faults` maps a step to what happens there."""

    def __init__(
        self,
        observations: spaces.Space[Any] | None = None,
        choices: spaces.Space[Any] | None = None,
        length: int = 5,
        faults: dict[int, Any] | None = None,
        first: Any = None,
    ) -> None:
        self.observation_space = observations or spaces.Discrete(3)
        self.action_space = choices or spaces.Discrete(2)
        self.length, self.faults, self.first, self.taken, self.clock = length, faults or {}, first, [], 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        elif "reset" in self.faults:
            raise ValueError("no second episode")
        self.at = 0
        return self.observation_space.sample() if self.first is None else self.first, {}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        fault = self.faults.get(self.clock)
        self.clock += 1
        self.at += 1
        self.taken.append(action)
        if isinstance(fault, Exception):
            raise fault
        observation = self.observation_space.sample() if not isinstance(fault, tuple) else fault[0]
        reward = fault if isinstance(fault, float) else float(self.clock)
        return observation, reward, self.at == self.length, self.clock % 7 == 0, {}


class Scripted:
    """An agent that answers from a list, then `otherwise`; `raises` maps a method to the step at which it fails."""

    def __init__(
        self, answers: list[Any] | None = None, otherwise: Any = 0, raises: dict[str, int] | None = None
    ) -> None:
        self.answers, self.otherwise, self.raises = answers or [], otherwise, raises or {}

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        self.step, self.learned = 0, []
        if "begin" in self.raises:
            raise ValueError("cannot begin")

    def act(self, observation: Any) -> Any:
        if self.raises.get("act") == self.step:
            raise ZeroDivisionError("cannot act")
        return self.answers[self.step] if self.step < len(self.answers) else self.otherwise

    def learn(self, experience: Any) -> None:
        if self.raises.get("learn") == self.step:
            raise KeyError("cannot learn")
        self.learned.append(experience)
        self.step += 1


def record(env: Any, agent: Any, **budget: Any) -> Trace:
    chunks: list[Trace] = []
    run_episodes(env, agent, chunks.append, seed=0, **budget)
    return join(chunks)


def fails(env: Any, agent: Any, message: str, recorded: int, **budget: Any) -> Trace:
    """Expect a `RunError` that says `message`, with `recorded` decisions handed on."""
    chunks: list[Trace] = []
    with pytest.raises(RunError, match=message) as caught:
        run_episodes(env, agent, chunks.append, seed=0, **(budget or {"steps": 20}))
    assert "\n" not in str(caught.value)
    trace = join(chunks)
    assert len(trace) == recorded and trace.step.tolist() == list(range(recorded))
    return trace


# --- ten plain lines --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["FrozenLake-v1", "CliffWalking-v1:is_slippery=True", "Taxi-v4:is_rainy=True"])
@pytest.mark.parametrize("agent", ["q-learning", "sarsa", "expected-sarsa", "random"])
def test_the_plain_loop_gives_the_same_trace(name: str, agent: str) -> None:
    """More decisions than a chunk holds, so that chunks join without a seam."""
    world, steps = make_world(name), CHUNK + 500
    assert isinstance(world, EnvWorld) and isinstance(world.solution, Solution)
    chunks: list[Trace] = []
    ours, plain = make_agent(agent, world), make_agent(agent, world)
    world.run(ours, 5, Budget(steps=steps), chunks.append)
    rows, trace = naive_episodes(world.make(), plain, 5, steps), join(chunks)
    assert [len(chunk) for chunk in chunks] == [CHUNK, 500]
    for column in ("cell", "choice", "reward", "terminated", "truncated"):
        np.testing.assert_array_equal(getattr(trace, column), rows[column])
    solution, choice = world.solution, np.array(rows["choice"])
    np.testing.assert_array_equal(trace.best, solution.best[rows["cell"]])
    np.testing.assert_array_equal(trace.value, solution.value[rows["cell"], choice])
    np.testing.assert_array_equal(trace.next_best, np.where(rows["terminated"], 0.0, solution.best[rows["next"]]))
    ended = np.array(rows["terminated"]) | np.array(rows["truncated"])
    np.testing.assert_array_equal(trace.episode, np.append(0, np.cumsum(ended)[:-1]))
    np.testing.assert_array_equal(trace.step, np.arange(steps))
    np.testing.assert_array_equal(trace.answered_at, trace.step)
    if hasattr(ours, "q"):
        np.testing.assert_array_equal(ours.q, plain.q)  # type: ignore[attr-defined]


class Asked(Stream):
    """Labels that lean on the number asked about."""

    observation_space = spaces.Dict({"x": spaces.Box(-np.inf, np.inf, (), np.float64)})

    def __init__(self, numbers: bool = False, bad: dict[int, Any] | None = None) -> None:
        self.choice_space = Number() if numbers else Labels(["no", "maybe", "yes"])
        self.bad = bad or {}

    def questions(self, seed: int) -> Iterator[Question]:
        rng = np.random.default_rng(seed)
        for i in range(9_000):
            if isinstance(self.bad.get(i), Exception):
                raise self.bad[i]
            x = float(rng.normal())
            truth = x if isinstance(self.choice_space, Number) else int(rng.integers(2) + (x > 0))
            question = Question({"x": x}, truth, cell=i % 4, group=i % 3, concept=i // 100)
            yield question if i not in self.bad else question._replace(**self.bad[i])


@pytest.mark.parametrize("agent", ["no-change", "majority", "random"])
def test_the_plain_loop_gives_the_same_answers(agent: str) -> None:
    from sandbox.interfaces import Experience

    stream, chunks = Asked(), []
    run_stream(stream, make_agent(agent, None), chunks.append, seed=4)  # type: ignore[arg-type]
    trace, plain, rows = join(chunks), make_agent(agent, None), []  # type: ignore[arg-type]
    plain.begin(stream.observation_space, stream.choice_space, agent_rng(4))
    for step, question in enumerate(stream.questions(4)):
        made = plain.act(question.observation)
        reward = float(made.choice == question.truth)
        plain.learn(Experience(question.observation, made.choice, reward, None, True, False, question.truth, step))
        rows.append((math.nan if made.choice is None else made.choice, question.truth, reward, made.confidence))
    for name, column in zip(("choice", "truth", "reward", "confidence"), zip(*rows, strict=True), strict=True):
        np.testing.assert_array_equal(getattr(trace, name), np.array(column, dtype=float))
    index = np.arange(9_000)
    for name, wanted in (("step", index), ("episode", index), ("answered_at", index), ("cell", index % 4)):
        np.testing.assert_array_equal(getattr(trace, name), wanted)
    np.testing.assert_array_equal(trace.group, index % 3)
    np.testing.assert_array_equal(trace.concept, index // 100)
    assert trace.terminated.all() and not trace.truncated.any() and np.isnan(trace.best).all()


# --- what the columns say ---------------------------------------------------------------------------------------------


def test_terminated_and_truncated_are_kept_apart() -> None:
    """Episodes of 5 decisions; the clock cuts every 7th decision."""
    trace = record(Toy(), Scripted(), steps=40)
    truncated = (np.arange(40) + 1) % 7 == 0
    np.testing.assert_array_equal(trace.truncated, truncated)
    at, ends = 0, []
    for step in range(40):
        at += 1
        ends.append(at == 5)
        at = 0 if at == 5 or truncated[step] else at
    np.testing.assert_array_equal(trace.terminated, ends)
    assert (trace.terminated & trace.truncated).any() or not truncated[np.array(ends)].any()
    assert (np.isnan(trace.best) & np.isnan(trace.value) & np.isnan(trace.truth)).all()


def test_budgets() -> None:
    assert len(record(Toy(length=5), Scripted(), steps=12)) == 12
    trace = record(Toy(length=3), Scripted(), episodes=4)
    assert trace.episode.tolist()[-1] == 3 and (trace.terminated | trace.truncated)[-1]
    assert len(record(Toy(length=3), Scripted(), episodes=100, steps=10)) == 10
    assert len(record(Toy(length=3), Scripted(), episodes=1, steps=10)) == 3
    chunks: list[Trace] = []
    run_stream(Asked(), Scripted(), chunks.append, seed=0, steps=17)
    assert len(join(chunks)) == 17


def test_greedy_is_what_would_have_been_chosen_without_exploring() -> None:
    answers = [
        1,
        Decision(1, explored=True, scores=[5.0, 2.0]),  # would have chosen 0
        Decision(1, explored=True, scores=[2.0, 2.0]),  # as good as any
        Decision(1, explored=True, scores=[1.0, 2.0]),  # explored, and found the best
        Decision(1, explored=True),  # does not say
        Decision(1, confidence=0.75),
    ]
    trace = record(Toy(length=99), Scripted(answers), steps=6)
    np.testing.assert_array_equal(trace.greedy, [1, 0, 1, 1, math.nan, 1])
    np.testing.assert_array_equal(trace.confidence, [math.nan] * 5 + [0.75])


@pytest.mark.parametrize("start", [-2, 3])
def test_spaces_that_do_not_count_from_zero(start: int) -> None:
    """The env sees what the agent said; the trace has codes from 0."""
    env = Toy(spaces.Discrete(4, start=start), spaces.Discrete(3, start=start))
    trace = record(env, Scripted([start, start + 2, start + 1, np.int64(start)]), steps=4)
    assert trace.choice.tolist() == [0, 2, 1, 0] and env.taken == [start, start + 2, start + 1, start]
    assert trace.cell.min() >= 0 and trace.cell.max() <= 3
    fails(Toy(choices=spaces.Discrete(3, start=start)), Scripted(otherwise=start + 3), "step 0: .*outside", 0)


@pytest.mark.parametrize(
    ("space", "choice", "vector"),
    [
        (spaces.Box(-1.0, 1.0, (2, 2)), np.array([[0.5, -1.0], [0.25, 0.0]]), [0.5, -1.0, 0.25, 0.0]),
        (spaces.MultiDiscrete([2, 3]), np.array([1, 2]), [0, 1, 0, 0, 1]),
        (spaces.MultiBinary(3), np.array([1, 0, 1], dtype=np.int8), [1, 0, 1]),
        (
            spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Box(0.0, 1.0, (1,))}),
            {"a": 1, "b": np.array([0.5], dtype=np.float32)},
            [0, 1, 0.5],
        ),
    ],
)
def test_choices_that_are_no_single_number(space: Any, choice: Any, vector: list[float]) -> None:
    env = Toy(choices=space)
    trace = record(env, Scripted(otherwise=choice), steps=9)
    assert trace.choice_vector is not None and trace.choice_vector.shape == (9, len(vector))
    assert (trace.choice_vector == vector).all() and (trace.choice == 0).all()
    assert env.taken[0] is choice and [*trace.columns()][-1] == f"choice_{len(vector) - 1}"


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf])
def test_a_reward_that_is_no_number(reward: float) -> None:
    fails(Toy(faults={4: reward}), Scripted(), f"step 4: .*reward {reward}", 4)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_observation_that_is_no_number(value: float) -> None:
    box = spaces.Box(-1.0, 1.0, (2,))
    fails(Toy(box, faults={3: (np.array([0.0, value]),)}), Scripted(), "step 3: .*observation.*not finite", 3)


@pytest.mark.parametrize("value", [-1, 3, math.nan])
def test_an_observation_outside_its_space(value: float) -> None:
    fails(Toy(faults={3: (value,)}), Scripted(), "step 3: .*observation.*outside", 3)


@pytest.mark.parametrize(
    ("space", "first"), [(spaces.Box(-1.0, 1.0, (1,)), np.array([math.nan])), (spaces.Discrete(3), 3)]
)
def test_a_first_observation_that_is_wrong(space: Any, first: Any) -> None:
    fails(Toy(space, first=first), Scripted(), "step 0: .*observation", 0)


@pytest.mark.parametrize("choice", [2, -1, 1.0, "1", [1], np.array([1, 0])])
def test_a_choice_outside_its_space(choice: Any) -> None:
    fails(Toy(), Scripted([0, 1, 0], otherwise=choice), "step 3: .*", 3)


def test_a_fraction_in_an_array_is_no_choice() -> None:
    fails(Toy(), Scripted(otherwise=np.array(1.7)), "step 0: .*outside", 0)


@pytest.mark.parametrize("choice", [np.zeros(3), np.array([math.nan, 0.0]), np.array([math.inf, 0.0]), 0.5])
def test_a_vector_that_does_not_fit(choice: Any) -> None:
    fails(Toy(choices=spaces.Box(-1.0, 1.0, (2,))), Scripted(otherwise=choice), "step 0: .*does not fit", 0)


def test_a_vector_outside_its_bounds() -> None:
    fails(Toy(choices=spaces.Box(-1.0, 1.0, (2,))), Scripted(otherwise=np.array([50.0, 0.0])), "step 0: ", 0)


def test_an_abstention_without_a_price() -> None:
    fails(Toy(), Scripted([0, 0], otherwise=None), "step 2: the agent abstained, and this environment has no price", 2)


def priced(start: int = 0) -> tuple[Any, Solution]:
    solution = solve(random_table(np.random.default_rng(0), 4, 3, 2, Objective(), 0.1))
    return TableEnv(solution.table), solution


def test_an_abstention_is_priced_and_executed_as_the_worst_choice() -> None:
    env, solution = priced()
    plain = solution.value.argmin(axis=1)
    trace = record(env, Scripted(otherwise=None), steps=300, solution=solution)
    assert np.isnan(trace.choice).all()
    np.testing.assert_array_equal(trace.value, solution.value.min(axis=1)[trace.cell])

    class Worst(Scripted):
        def act(self, observation: Any) -> int:
            return int(plain[observation])

    np.testing.assert_array_equal(trace.reward, record(priced()[0], Worst(), steps=300, solution=solution).reward)


def test_an_abstention_is_no_exploration() -> None:
    env, solution = priced()
    world = EnvWorld("random", lambda: env, lambda _: solution.table)
    metrics = evaluate(record(env, Scripted(otherwise=None), steps=300, solution=solution), world.meta).metrics
    assert metrics["abstentions"] == 300 and metrics["mistakes"] > 0
    assert metrics["exploring_mistakes"] in (0, pytest.approx(math.nan, nan_ok=True))


@pytest.mark.parametrize("confidence", [1.5, -0.1])
def test_a_confidence_that_is_no_probability_in_an_episode(confidence: float) -> None:
    fails(Toy(), Scripted(otherwise=Decision(0, confidence)), "confidence", 0)


@pytest.mark.parametrize("method", ["begin", "act", "learn"])
def test_an_agent_that_raises(method: str) -> None:
    step = 0 if method == "begin" else 3
    fails(Toy(), Scripted(raises={method: step}), f"step {step}: .*raised .*: '?cannot {method}", step)
    chunks: list[Trace] = []
    with pytest.raises(RunError, match=f"step {step}: .*raised .*: '?cannot {method}"):
        run_stream(Asked(), Scripted(raises={method: step}), chunks.append, seed=0)
    assert len(join(chunks)) == step


@pytest.mark.parametrize(("where", "step", "fault"), [("step", 4, {4: OSError("gone")}), ("reset", 4, {"reset": 1})])
def test_an_env_that_raises(where: str, step: int, fault: Any) -> None:
    recorded = 5 if where == "reset" else 4
    fails(
        Toy(length=5, faults=fault), Scripted(), r"step \d: .* raised (OSError: gone|ValueError: no second)", recorded
    )


@pytest.mark.parametrize("method", ["act", "learn"])
def test_the_error_says_whose_fault_it_is(method: str) -> None:
    fails(Toy(), Scripted(raises={method: 3}), f"the agent's {method} raised", 3)


@pytest.mark.parametrize(("who", "fault"), [("step", {4: OSError("gone")}), ("reset", {"reset": 1})])
def test_the_error_says_that_the_environment_raised(who: str, fault: Any) -> None:
    fails(Toy(length=5, faults=fault), Scripted(), f"the environment's {who} raised", 4 if who == "step" else 5)


def test_what_was_recorded_before_is_whole() -> None:
    """One choice vector for each decision, also when the env fails after the choice."""
    env = Toy(choices=spaces.Box(-1.0, 1.0, (2,)), faults={4: OSError("gone")})
    trace = fails(env, Scripted(otherwise=np.zeros(2)), "gone", 4)
    assert trace.choice_vector is not None and trace.choice_vector.shape == (4, 2)


def test_an_env_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LONGEST_EPISODE", 50)

    class Endless(Toy):
        def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
            return (*super().step(action)[:2], False, False, {})

    fails(Endless(), Scripted(), "episode 0 did not end within 50 steps", 50, episodes=3)
    assert len(record(Endless(), Scripted(), steps=200)) == 200
    assert len(record(Toy(length=49), Scripted(), episodes=3)) > 3


# --- streams ----------------------------------------------------------------------------------------------------------


def stream_fails(stream: Stream, agent: Any, message: str, recorded: int) -> None:
    chunks: list[Trace] = []
    with pytest.raises(RunError, match=message):
        run_stream(stream, agent, chunks.append, seed=0)
    assert len(join(chunks)) == recorded


@pytest.mark.parametrize("value", [math.nan, math.inf, np.float64("nan"), pytest.param(np.float32("nan"))])
def test_a_feature_that_is_no_number(value: Any) -> None:
    stream_fails(Asked(bad={6: {"observation": {"x": value}}}), Scripted(), "step 6: feature 'x' is (nan|inf)", 6)
    with_text = {"t": "word", "x": value}
    stream_fails(Asked(bad={6: {"observation": with_text}}), Scripted(), "step 6: feature 'x' is (nan|inf)", 6)


def test_features_that_may_be_large_or_absent() -> None:
    fine = {3: {"observation": {"x": 1e308, "y": 1e308}}, 4: {"observation": {"x": None, "t": "word"}}}
    chunks: list[Trace] = []
    run_stream(Asked(bad=fine), Scripted(), chunks.append, seed=0, steps=10)
    assert len(join(chunks)) == 10


@pytest.mark.parametrize("truth", [math.nan, math.inf])
def test_a_label_that_is_no_number(truth: float) -> None:
    stream_fails(Asked(True, {6: {"truth": truth}}), Scripted(otherwise=0.0), f"step 6: .*label {truth}", 6)


@pytest.mark.parametrize(
    ("numbers", "choice", "message"),
    [
        (False, 3, "outside 0..2"),
        (False, "yes", "code is wanted"),
        (False, 0.5, "outside"),
        (True, math.nan, "not a finite number"),
        (True, "high", "not a finite number"),
    ],
)
def test_an_answer_outside_its_space(numbers: bool, choice: Any, message: str) -> None:
    stream_fails(Asked(numbers), Scripted([0], otherwise=choice), f"step 1: .*{message}", 1)


@pytest.mark.parametrize("confidence", [1.5, -0.5])
def test_a_confidence_that_is_no_probability(confidence: float) -> None:
    stream_fails(Asked(), Scripted(otherwise=Decision(0, confidence)), "step 0: .*not a probability", 0)


@pytest.mark.parametrize("score", [math.nan, 3.0, -1.0])
def test_a_score_that_is_no_probability(score: float) -> None:
    stream_fails(Asked(), Scripted(otherwise=Decision(0, 0.5, False, [score] * 3)), "probabilit", 0)


def test_the_likelihood_of_the_truth() -> None:
    chunks: list[Trace] = []
    run_stream(Asked(), Scripted(otherwise=Decision(0, 0.7, False, [0.7, 0.2, 0.1])), chunks.append, seed=0, steps=50)
    trace = join(chunks)
    np.testing.assert_array_equal(trace.likelihood, np.array([0.7, 0.2, 0.1])[trace.truth.astype(int)])
    chunks.clear()
    run_stream(Asked(), Scripted(otherwise=Decision(0, 0.7)), chunks.append, seed=0, steps=50)
    assert np.isnan(join(chunks).likelihood).all()  # of three labels, one number says nothing of the others
    two = Asked()
    two.choice_space = Labels([0, 1, 2][:2])
    two.questions = lambda seed: (Question({"x": 0.0}, i % 2) for i in range(6))  # type: ignore[method-assign]
    chunks.clear()
    run_stream(two, Scripted(otherwise=Decision(1, 0.7)), chunks.append, seed=0)
    np.testing.assert_array_equal(join(chunks).likelihood, [1.0 - 0.7, 0.7] * 3)


@pytest.mark.parametrize("numbers", [False, True])
def test_an_abstention_in_a_stream(numbers: bool) -> None:
    chunks: list[Trace] = []
    run_stream(Asked(numbers), Scripted(otherwise=None), chunks.append, seed=0, steps=20)
    trace = join(chunks)
    assert np.isnan(trace.choice).all() and np.isnan(trace.greedy).all()
    assert np.isnan(trace.reward).all() if numbers else (trace.reward == 0.0).all()


def test_an_explored_abstention_in_a_stream() -> None:
    chunks: list[Trace] = []
    run_stream(Asked(), Scripted(otherwise=Decision(None, math.nan, True, [1, 2, 3])), chunks.append, seed=0, steps=3)
    assert len(join(chunks)) == 3


def test_a_stream_that_raises_names_the_step_it_was_asked_for() -> None:
    stream_fails(Asked(bad={6: OSError("gone")}), Scripted(), "step 6: .*gone", 6)


def test_a_stream_that_raises_keeps_what_was_recorded() -> None:
    stream_fails(Asked(bad={6: OSError("gone")}), Scripted(), "gone", 6)


def test_errors_are_errors_of_the_sandbox() -> None:
    assert issubclass(RunError, SandboxError)
