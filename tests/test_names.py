"""The grammar of names: what is written is read back, and what is mistyped gets the nearest name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.catalog import make_agent, make_world
from sandbox.errors import SandboxError
from sandbox.names import expand, is_env_id, literal, parse_settings, split_outside, split_settings
from sandbox.study import run_study
from sandbox.world import Budget


@pytest.mark.parametrize(
    ("name", "parts", "settings"),
    [
        ("spam", ["spam"], {}),
        ("spam:cost_ratio=10", ["spam"], {"cost_ratio": 10}),
        ("FrozenLake-v1:map_name=8x8", ["FrozenLake-v1"], {"map_name": "8x8"}),
        ("sandbox/GridMaze-v0", ["sandbox/GridMaze-v0"], {}),
        ("their_module:TheirEnv-v0", ["their_module", "TheirEnv-v0"], {}),
        ("their_module:TheirEnv-v0:size=3", ["their_module", "TheirEnv-v0"], {"size": 3}),
        ("river:Phishing", ["river", "Phishing"], {}),
        ("river:synth.SEA:variant=1,noise=.1", ["river", "synth.SEA"], {"variant": 1, "noise": 0.1}),
        ("data.csv:label", ["data.csv", "label"], {}),
        ("data.csv:label:task=regression", ["data.csv", "label"], {"task": "regression"}),
        ("file.py:Name:key=value", ["file.py", "Name"], {"key": "value"}),
        ("q-learning:step_size=0.5,epsilon=0.1", ["q-learning"], {"step_size": 0.5, "epsilon": 0.1}),
        ("x:a=[1,2],b=(3,4),c={'k':5,'l':6}", ["x"], {"a": [1, 2], "b": (3, 4), "c": {"k": 5, "l": 6}}),
        ("x:a='p,q:r=s',b=\"t,u\"", ["x"], {"a": "p,q:r=s", "b": "t,u"}),
        (r"x:a='it\'s, so',b=1", ["x"], {"a": "it's, so", "b": 1}),
        ("x:a=True,b=None,c=-1e-3", ["x"], {"a": True, "b": None, "c": -0.001}),
        ("x:a= 1 , b = two words ", ["x"], {"a": 1, "b": "two words"}),
        ("x:a=", ["x"], {"a": ""}),
        ("FrozenLake-v1:desc=['SF','HG']", ["FrozenLake-v1"], {"desc": ["SF", "HG"]}),
    ],
)
def test_grammar(name: str, parts: list[str], settings: dict[str, Any]) -> None:
    assert split_settings(name) == (parts, settings)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("x:a=[1,2", "not closed"),
        ("x:a='b", "not closed"),
        ("x:a=1]", "closes no bracket"),
        ("x:a=(1]", "closes no bracket"),
        ("x:a=)1(", "closes no bracket"),
        ("x:a=1,b", "'b' is no setting"),
        ("x:a=1,a=2", "given twice"),
        ("x:a-b=1", "is no setting"),
        ("x:a=1,", "is no setting"),
    ],
)
def test_bad_grammar_is_refused_in_one_line(name: str, says: str) -> None:
    with pytest.raises(SandboxError, match=says) as caught:
        split_settings(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["(" * 5000 + ")" * 5000, "1" * 5000, "0x", "1if 0else 2", "\0", r"'\d'", "{[]}"])
def test_a_value_that_is_no_literal_stays_text(text: str) -> None:
    assert isinstance(literal(text), str)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True), _values, min_size=1, max_size=4))
def test_settings_written_out_are_parsed_back(settings: dict[str, Any]) -> None:
    written = ",".join(f"{key}={value!r}" for key, value in settings.items())
    assert parse_settings(written, "x") == settings
    assert split_settings(f"file.py:Name:{written}") == (["file.py", "Name"], settings)


@given(st.text(max_size=40))
def test_any_text_is_split_or_refused(text: str) -> None:
    try:
        parts = split_outside(text, ",")
    except SandboxError:
        return
    assert ",".join(parts) == text


@pytest.mark.parametrize(
    ("name", "expanded"),
    [
        ("q-learning", ["q-learning"]),
        ("q:a={0.1,0.5}", ["q:a=0.1", "q:a=0.5"]),
        ("q:a={1,2},b={3,4}", ["q:a=1,b=3", "q:a=1,b=4", "q:a=2,b=3", "q:a=2,b=4"]),
        ("q:a={(1,2),(3,4)}", ["q:a=(1,2)", "q:a=(3,4)"]),
        ("q:a={'x,y','}'},b=1", ["q:a='x,y',b=1", "q:a='}',b=1"]),
        ("q:a={ 1, 2 }", ["q:a=1", "q:a=2"]),
        ("q:a={'k':1,'l':2}", ["q:a={'k':1,'l':2}"]),
        ("q:a={1}", ["q:a={1}"]),
        ("q:a={'k':1},b={1,2}", ["q:a={'k':1},b=1", "q:a={'k':1},b=2"]),
        ("river:A(w={1,2}) | B()", ["river:A(w=1) | B()", "river:A(w=2) | B()"]),
    ],
)
def test_sweeps(name: str, expanded: list[str]) -> None:
    assert expand(name) == expanded


def test_an_open_brace_is_refused() -> None:
    with pytest.raises(SandboxError, match="not closed"):
        expand("q:a={1,2")


def test_gymnasium_ids_end_in_a_version() -> None:
    assert is_env_id("CartPole-v1") and is_env_id("ALE/Pong-v5")
    assert not is_env_id("spam") and not is_env_id("spam-v") and not is_env_id("CartPole-v1x")


@pytest.mark.parametrize(
    ("world", "near"),
    [
        ("FrozenLak-v1", "FrozenLake-v1"),
        ("river:Phising", "Phishing"),
        ("river:synth.SEAA", "synth.SEA"),
        ("rivr", "river"),
    ],
)
def test_the_nearest_world_is_suggested(world: str, near: str) -> None:
    with pytest.raises(SandboxError, match=f"did you mean '{near}'"):
        make_world(world).choice_space  # noqa: B018


@pytest.mark.parametrize(
    ("agent", "near"),
    [
        ("q-lerning", "q-learning"),
        ("qlearning:step_size=1", "q-learning"),
        ("orakle", "oracle"),
        ("q-learning:step_sise=0.1", "step_size"),
        ("river:LogisticRegresion()", "LogisticRegression"),
    ],
)
def test_the_nearest_agent_or_setting_is_suggested(agent: str, near: str) -> None:
    with pytest.raises(SandboxError, match=f"did you mean '{near}'"):
        make_agent(agent, make_world("FrozenLake-v1"))


def test_two_spellings_of_one_agent_are_one_agent() -> None:
    twice = ["q-learning:step_size=0.5,epsilon=0.2", "q-learning:epsilon=.2, step_size=0.50"]
    with pytest.raises(SandboxError, match="given twice"):
        run_study("FrozenLake-v1", twice, seeds=[0], budget=Budget(10))
