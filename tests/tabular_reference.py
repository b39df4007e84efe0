"""Tabular learning once more, written from its definitions: whole episodes in lists, forward views, explicit sums.

Every function takes what was known before an episode and returns what is known after it; nothing is shared with the
agents. Equations are those of Sutton & Barto, 2nd edition.
"""

from __future__ import annotations

import cmath
import importlib
import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from sandbox.interfaces import Decision, Experience
from sandbox.table import FloatArray


class Step(NamedTuple):
    """One step of an episode; `then` is the choice that follows it, or that would have."""

    state: int
    choice: int
    reward: float
    after: int
    terminated: bool
    then: int = 0


Episode = Sequence[Step]
Worth = Callable[[Step], float]  # of what follows a step that did not end the episode


def partial_return(episode: Episode, t: int, end: int, discount: float, follows: float) -> float:
    """Return G of the steps t, ..., end - 1, and then `follows` (equation 7.1); nothing follows an end."""
    total = sum(discount ** (i - t) * episode[i].reward for i in range(t, end))
    return total + (0.0 if episode[end - 1].terminated else discount ** (end - t) * follows)


def lambda_return(
    episode: Episode, t: int, horizon: int, discount: float, decay: float, worth: Callable[[int], float]
) -> float:
    """Return the lambda-return of step t, cut at `horizon` (equation 12.9); `worth(k)` is of the state k."""
    total = 0.0
    for end in range(t + 1, horizon):
        share = (1.0 - decay) * decay ** (end - t - 1)
        total += share * partial_return(episode, t, end, discount, worth(end))
    return total + decay ** (horizon - t - 1) * partial_return(episode, t, horizon, discount, worth(horizon))


def blended(before: float, targets: Sequence[float], step_size: float) -> float:
    """Return what a value becomes that moves towards one target after another: its weighted mean with all of them."""
    kept = 1.0 - step_size
    m = len(targets)
    return kept**m * before + sum(step_size * kept ** (m - 1 - j) * g for j, g in enumerate(targets))


# --- control ----------------------------------------------------------------------------------------------------------


def soft_mean(q: FloatArray, state: int, epsilon: float) -> float:
    """Return the mean of q[state] under the epsilon-greedy policy."""
    chances = np.full(q.shape[1], epsilon / q.shape[1])
    best = np.flatnonzero(q[state] == q[state].max())
    chances[best] += (1.0 - epsilon) / len(best)
    return float(chances @ q[state])


def monte_carlo(
    q: FloatArray,
    past: dict[tuple[int, int], list[float]],
    episode: Episode,
    step_size: float | None,
    discount: float,
    epsilon: float,
) -> FloatArray:
    """Every-visit Monte Carlo (section 5.1): `past` holds all returns of a pair, of which None takes the mean."""
    after = q.copy()
    follows = soft_mean(q, episode[-1].after, epsilon)
    found: dict[tuple[int, int], list[float]] = {}
    for t, step in enumerate(episode):
        total = partial_return(episode, t, len(episode), discount, follows)
        found.setdefault((step.state, step.choice), []).append(total)
    for pair, returns in found.items():
        past.setdefault(pair, []).extend(returns)
        after[pair] = np.mean(past[pair]) if step_size is None else blended(q[pair], returns, step_size)
    return after


def n_step_sarsa(q: FloatArray, episode: Episode, n: int, step_size: float, discount: float) -> FloatArray:
    """n-step Sarsa (equations 7.4 and 7.5); the pairs left at the end learn what is left, by the values of then."""
    q, length = q.copy(), len(episode)
    for end in range(n, length):
        step = episode[end - n]
        target = partial_return(episode, end - n, end, discount, q[episode[end].state, episode[end].choice])
        q[step.state, step.choice] += step_size * (target - q[step.state, step.choice])
    follows = q[episode[-1].after, episode[-1].then]
    for t in range(max(length - n, 0), length):
        pair = episode[t].state, episode[t].choice
        q[pair] += step_size * (partial_return(episode, t, length, discount, follows) - q[pair])
    return q


def trace_of(times: Sequence[int], now: int, fade: float, replacing: bool) -> float:
    """Return the trace of what was visited at `times`: the sum over all visits, or the last one's share."""
    shares = [fade ** (now - k) for k in times]
    return shares[-1] if replacing and shares else sum(shares)


def traced_control(
    q: FloatArray, episode: Episode, settings: tuple[float, float, float, bool], watkins: bool
) -> FloatArray:
    """Sarsa(lambda) (section 12.7) or Watkins's Q(lambda), with traces as sums over the episode's visits so far."""
    step_size, discount, decay, replacing = settings
    q, since = q.copy(), 0
    for t, step in enumerate(episode):
        if watkins and q[step.state, step.choice] < q[step.state].max():
            since = t  # of what came before nothing is kept
        follows = q[step.after].max() if watkins else q[step.after, step.then]
        error = step.reward + (0.0 if step.terminated else discount * follows) - q[step.state, step.choice]
        moved = np.zeros_like(q)
        for pair in np.ndindex(*q.shape):
            times = [k for k in range(since, t + 1) if (episode[k].state, episode[k].choice) == pair]
            moved[pair] = step_size * error * trace_of(times, t, discount * decay, replacing)
        q += moved
    return q


def double_q(
    tables: tuple[FloatArray, FloatArray], step: Step, learner: int, step_size: float, discount: float
) -> tuple[FloatArray, FloatArray]:
    """Equation 6.10 where table `learner` learns."""
    own, other = tables[learner].copy(), tables[1 - learner]
    follows = 0.0 if step.terminated else discount * other[step.after, int(own[step.after].argmax())]
    pair = step.state, step.choice
    own[pair] = (1.0 - step_size) * own[pair] + step_size * (step.reward + follows)
    return (own, other) if learner == 0 else (other, own)


def actor_critic(
    preference: FloatArray, v: FloatArray, episode: Episode, rates: tuple[float, float, float], fading: bool
) -> tuple[FloatArray, FloatArray]:
    """The box of section 13.5; the gradient of ln pi is taken by a complex step, which has no rounding error."""
    (actor, critic, discount), (preference, v) = rates, (preference.copy(), v.copy())
    for t, step in enumerate(episode):
        error = step.reward + (0.0 if step.terminated else discount * v[step.after]) - v[step.state]
        gradient = np.zeros(preference.shape[1])
        for a in range(len(gradient)):
            theta = preference[step.state].astype(complex)
            theta[a] += 1e-30j
            gradient[a] = (theta[step.choice] - cmath.log(np.exp(theta).sum())).imag / 1e-30
        preference[step.state] += actor * (discount**t if fading else 1.0) * error * gradient
        v[step.state] += critic * error
    return preference, v


# --- prediction -------------------------------------------------------------------------------------------------------


def monte_carlo_values(v: FloatArray, episode: Episode, step_size: float, discount: float) -> FloatArray:
    """Constant-step every-visit Monte Carlo (equation 6.1)."""
    after, length = v.copy(), len(episode)
    for state in {step.state for step in episode}:
        times = [t for t in range(length) if episode[t].state == state]
        found = [partial_return(episode, t, length, discount, v[episode[-1].after]) for t in times]
        after[state] = blended(v[state], found, step_size)
    return after


def n_step_values(v: FloatArray, episode: Episode, n: int, step_size: float, discount: float) -> FloatArray:
    """n-step TD (equations 7.1 and 7.2)."""
    v, length = v.copy(), len(episode)
    for end in range(n, length):
        state = episode[end - n].state
        v[state] += step_size * (partial_return(episode, end - n, end, discount, v[episode[end].state]) - v[state])
    follows = v[episode[-1].after]
    for t in range(max(length - n, 0), length):
        state = episode[t].state
        v[state] += step_size * (partial_return(episode, t, length, discount, follows) - v[state])
    return v


def traced_values(v: FloatArray, episode: Episode, settings: tuple[float, float, float, bool]) -> FloatArray:
    """TD(lambda) (equations 12.5 to 12.7), with traces as sums over the episode's visits so far."""
    step_size, discount, decay, replacing = settings
    v = v.copy()
    for t, step in enumerate(episode):
        error = step.reward + (0.0 if step.terminated else discount * v[step.after]) - v[step.state]
        moved = np.zeros_like(v)
        for state in range(len(v)):
            times = [k for k in range(t + 1) if episode[k].state == state]
            moved[state] = step_size * error * trace_of(times, t, discount * decay, replacing)
        v += moved
    return v


def online_lambda_values(
    v: FloatArray, episode: Episode, step_size: float, discount: float, decay: float
) -> list[FloatArray]:
    """The online lambda-return algorithm (section 12.4): values after each step, each time learned all over again."""
    found = [v]
    for horizon in range(1, len(episode) + 1):
        fresh = v.copy()
        for t in range(horizon):
            state = episode[t].state
            target = lambda_return(episode, t, horizon, discount, decay, lambda k: found[k - 1][episode[k - 1].after])
            fresh[state] += step_size * (target - fresh[state])
        found.append(fresh)
    return found[1:]


def offline_lambda_values(
    v: FloatArray, episode: Episode, step_size: float, discount: float, decay: float
) -> FloatArray:
    """The off-line lambda-return algorithm (section 12.1), returns by the values from before the episode."""
    after, length = v.copy(), len(episode)
    for t, step in enumerate(episode):
        target = lambda_return(episode, t, length, discount, decay, lambda k: v[episode[k - 1].after])
        after[step.state] += step_size * (target - after[step.state])
    return after


# --- experience, and rules with a fault -------------------------------------------------------------------------------


class Small(NamedTuple):
    """A small world drawn at random: chances (S, A, S) and rewards (S, A, S), of ends (S,)."""

    moves: FloatArray
    rewards: FloatArray
    ends: FloatArray


def small_world(rng: np.random.Generator, states: int, choices: int) -> Small:
    """Return a small world in which episodes have about eight steps."""
    moves = rng.dirichlet(np.full(states, 0.5), size=(states, choices))
    return Small(moves, rng.normal(size=(states, choices, states)), rng.uniform(0.0, 0.2, size=states))


Seen = list[FloatArray]


def live(
    agent: Any, world: Small, rng: np.random.Generator, longest: int, look: Callable[[], FloatArray]
) -> tuple[list[Step], Seen]:
    """Return an episode of `agent`, cut after `longest` steps, and what it knew before it and after each step."""
    states, steps, seen = len(world.ends), [], [look().copy()]
    state = int(rng.integers(states))
    while True:
        made = agent.act(state)
        choice = made.choice if isinstance(made, Decision) else made
        after = int(rng.choice(states, p=world.moves[state, choice]))
        reward = float(world.rewards[state, choice, after])
        terminated, truncated = bool(rng.random() < world.ends[after]), len(steps) + 1 >= longest
        agent.learn(Experience(state, choice, reward, after, terminated, truncated, None, 0))
        planned = getattr(agent.memory, "planned", None)
        steps.append(Step(state, choice, reward, after, terminated, 0 if planned is None else int(planned[2])))
        seen.append(look().copy())
        if terminated or truncated:
            return steps, seen
        state = after


def with_fault(module: str, old: str, new: str, shared: str = "") -> Any:
    """Return the namespace of a module with `old` replaced by `new` in its source, or in that of a module it uses."""
    changed = importlib.import_module(shared or module)
    source = inspect.getsource(changed)
    assert source.count(old) >= 1, f"{old!r} is not in {changed.__name__}"
    faulty = ModuleType(changed.__name__)
    faulty.__dict__.update(__package__=changed.__package__, __file__=changed.__file__)
    exec(compile(source.replace(old, new), str(changed.__file__), "exec"), faulty.__dict__)
    if not shared:
        return faulty
    user = with_fault(module, "from __future__", "from __future__")
    for name in vars(faulty).keys() & vars(user).keys():
        if inspect.isfunction(getattr(faulty, name)):
            setattr(user, name, getattr(faulty, name))
    return user
