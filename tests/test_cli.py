"""The command line: one JSON document, the oracle's values, lists, light imports, exit status."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from shell import COMMAND, document, sandbox, user_file

from sandbox import demo
from sandbox.cli import app
from sandbox.metrics import METRICS
from sandbox.world import Budget


def test_json_has_the_promised_schema(tmp_path: Path) -> None:
    told = document("run", "FrozenLake-v1", "q-learning", "random", "--seeds", 3, "--steps", 500, cwd=tmp_path)
    assert {"schema", "world", "oracle", "budget", "agents", "differences"} <= told.keys()
    assert (told["schema"], told["world"], told["budget"]) == (1, "FrozenLake-v1", {"steps": 500, "episodes": None})
    listed = {row["name"] for row in document("list", "metrics", cwd=tmp_path)["metrics"]}
    assert listed == set(METRICS) >= {
        "reward", "return", "accuracy", "mistakes", "mistake_rate", "final_mistake_rate", "regret", "luck", "shift",
        "luck_z", "ledger_error", "abstentions",
    }  # fmt: skip
    keys = {"agent", "settings", "seeds", "metrics", "per_seed", "failed", "decisions_per_second", "compiled"}
    for agent, name in zip(told["agents"], ("q-learning", "random"), strict=True):
        assert keys | {"why_plain"} <= agent.keys() and agent["agent"] == name
        assert (
            agent["seeds"] == [0, 1, 2]
            and agent["failed"] == []
            and (agent["compiled"], agent["why_plain"]) == (True, "")
        )
        assert agent["metrics"].keys() == agent["per_seed"].keys() == listed
        for metric, interval in agent["metrics"].items():
            assert interval.keys() == {"mean", "low", "high", "n"}
            known = [value for value in agent["per_seed"][metric] if value is not None]
            assert interval["n"] == len(known)
            assert interval["mean"] == (pytest.approx(sum(known) / len(known)) if known else None)
        assert agent["metrics"]["accuracy"] == {"mean": None, "low": None, "high": None, "n": 0}  # NaN is null
        assert agent["decisions_per_second"] > 0
    assert told["agents"][0]["settings"]["step_size"] == 0.1
    keys = {"metric", "a", "b", "mean", "low", "high", "p", "n", "failed", "p_holm", "improvement", "over", "settled"}
    assert [keys | {"more_seeds"} == row.keys() for row in told["differences"]] == [True]
    assert all(Path(tmp_path / path).is_file() for path in told["figures"])


def test_everything_that_can_print_json_does(tmp_path: Path) -> None:
    user_file(tmp_path)
    (tmp_path / "log.csv").write_text("c,r\n1,0.5\n0,1\n1,0\n")
    assert document("list", cwd=tmp_path).keys() == {"worlds", "agents", "metrics"}
    told, *settings = document("list", "q-learning", cwd=tmp_path)["q-learning"]
    assert "Watkins 1989" in told["text"] and {row["name"]: row["default"] for row in settings} == {
        "step_size": 0.1, "discount": 0.99, "epsilon": 0.1, "initial_value": 0.0
    }  # fmt: skip
    for kind in ("worlds", "agents", "metrics"):
        assert all(row["name"] and row["text"] for row in document("list", kind, cwd=tmp_path)[kind])
    assert document("score", "log.csv", "--choice", "c", "--reward", "r", cwd=tmp_path)
    checks = json.loads(sandbox("check", "mine.py:Walker", "--json", cwd=tmp_path).stdout)
    assert checks["schema"] == 1 and checks["checks"]


@pytest.mark.parametrize(
    ("world", "optimal"),
    [("FrozenLake-v1", 0.744190), ("FrozenLake8x8-v1", 0.913220), ("Taxi-v4", 7.93), ("CliffWalking-v1", -13)],
)
def test_the_oracle_gives_the_published_values(world: str, optimal: float, tmp_path: Path) -> None:
    told = document("oracle", world, "--epsilon", 0.1, cwd=tmp_path)
    assert told["optimal_return"] == pytest.approx(optimal, abs=1e-6)
    assert {"stationary_value", "gap_range", "objective"} <= told.keys()
    if world == "FrozenLake-v1":
        assert told["stationary_value"] == pytest.approx(14 / 17, abs=1e-6)
        assert told["random_value"] == pytest.approx(0.0139, abs=5e-5)
    if world == "CliffWalking-v1":
        assert told["best_soft_value"] == pytest.approx(-20.707677, abs=1e-6)
        assert told["greedy_soft_value"] == pytest.approx(-50.800048, abs=1e-6)


SLOW = ("river", "numba", "matplotlib")
HEAVY = (*SLOW, "numpy", "gymnasium", "duckdb", "scipy", "pandas")


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["--help"], HEAVY),
        (["run", "--help"], HEAVY),
        (["list"], SLOW),
        (["list", "agents"], SLOW),
        (["oracle", "FrozenLake-v1"], ("river", "matplotlib")),  # worlds draw their chance in compiled code
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "light",
)
def test_heavy_libraries_are_imported_where_they_are_used(
    words: list[str], without: tuple[str, ...], tmp_path: Path
) -> None:
    script = (
        "import sys, sandbox.cli\n"
        f"sys.argv = ['sandbox', *{words!r}]\n"
        "try: sandbox.cli.main()\n"
        "except SystemExit as left: assert not left.code, left.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout
    assert sorted(set(without) & set(done.stderr.split())) == []


def test_users_prints_do_not_reach_standard_output(tmp_path: Path) -> None:
    path = user_file(tmp_path)
    text = path.read_text().replace("        self.made += 1\n", "        self.made += 1\n        print('thinking')\n")
    path.write_text("print('loading')\n" + text)
    for seeds in (1, 2):
        words = ("run", "mine.py:Corridor", "mine.py:Walker", "--seeds", seeds, "--steps", 40, "--json")
        done = sandbox(*words, cwd=tmp_path)
        assert done.returncode == 0 and json.loads(done.stdout)["world"] == "mine.py:Corridor"
        assert "thinking" in done.stderr


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "_a.py").write_text(user_file(tmp_path).read_text().replace("class Walker", "class A"))
    words = ("run", "FrozenLake-v1", "_a.py:A:on='[b]'", "_a.py:A:fault='raise',on=1", "--seeds", 2)
    done = sandbox(*words, "--steps", 90, "--runs", "[bold]runs", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr == ""
    assert "_a.py:A:on='[b]'" in done.stdout and "failed: _a.py:A:fault='raise',on=1: " in done.stdout
    assert "figure: [bold]runs/figures/" in done.stdout


def test_sweeps_are_expanded_where_the_shell_did_not(tmp_path: Path) -> None:
    words = ("run", "FrozenLake-v1", "q-learning:step_size={0.1,0.5}", "--seeds", 1, "--steps", 50)
    told = document(*words, cwd=tmp_path)
    assert [agent["settings"]["step_size"] for agent in told["agents"]] == [0.1, 0.5]


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    command = " ".join([*COMMAND, "list", "metrics"])
    done = subprocess.run(f"{command} | head -n 1", shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == "" and done.stdout


def test_the_folder_of_runs_lists_what_it_holds(tmp_path: Path) -> None:
    user_file(tmp_path)
    document("run", "FrozenLake-v1", "random", "--seeds", 2, "--episodes", 3, cwd=tmp_path)
    words = ("run", "FrozenLake-v1", "mine.py:Walker:fault=raise,on=0", "--seeds", 3, "--steps", 99)
    document(*words, cwd=tmp_path, status=1)
    texts = sorted(row["text"] for row in document("list", "runs", cwd=tmp_path)["runs"])
    assert texts == [
        "mine.py:Walker:fault=raise,on=0 in FrozenLake-v1, 99 decisions, 3 seeds, 1 failed",
        "random in FrozenLake-v1, 3 episodes, 2 seeds",
    ]


def test_their_module_is_found_beside_the_command(tmp_path: Path) -> None:
    user_file(tmp_path, "their_module.py")
    with (tmp_path / "their_module.py").open("a") as file:
        file.write("\ngym.register('TheirEnv-v0', entry_point='their_module:Corridor')\n")
    words = ("run", "their_module:TheirEnv-v0:length=4", "random", "--seeds", 2, "--steps", 80)
    told = document(*words, cwd=tmp_path)
    assert told["agents"][0]["metrics"]["episode_length"]["mean"] == 4
    before = len(list((tmp_path / "runs").glob("*.parquet")))
    with (tmp_path / "their_module.py").open("a") as file:
        file.write("# another law\n")
    document(*words, cwd=tmp_path)
    assert len(list((tmp_path / "runs").glob("*.parquet"))) == before + 1


LOST = "the figure cannot be written"


def test_the_numbers_come_out_where_the_figure_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "figures").write_text("")
    words = ("run", "FrozenLake-v1", "random", "--seeds", 2, "--steps", 50)
    for more in ((), ("--json",)):
        done = sandbox(*words, *more, cwd=tmp_path)
        assert done.returncode == 1 and done.stderr.startswith("sandbox: runs/figures/FrozenLake-v1--")
        assert LOST in done.stderr and done.stderr.count("\n") == 1
        if more:
            told = json.loads(done.stdout)
            assert told["figures"] == [] and told["agents"][0]["metrics"]["return"]["n"] == 2
        else:
            assert "random" in done.stdout and "figure" not in done.stdout


@pytest.mark.parametrize("as_json", [False, True])
def test_the_demo_goes_on_without_a_figure(
    as_json: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worlds = ("FrozenLake-v1", "CliffWalking-v1")
    monkeypatch.setattr(demo, "_studies", lambda: [demo.Study(world, ("random",), Budget(60)) for world in worlds])
    (tmp_path / "FrozenLake-v1.svg").mkdir()
    words = ["demo", "--out", str(tmp_path), "--seeds", "2", *["--json"] * as_json]
    assert app(words, standalone_mode=False) == 1
    out, err = capsys.readouterr()
    assert LOST in err and err.count("\n") == 1
    if as_json:
        told = json.loads(out)["studies"]
        assert [(study["world"], len(study["figures"])) for study in told] == [(worlds[0], 0), (worlds[1], 2)]
    else:
        assert all(f"{world}: 60 decisions" in out for world in worlds) and out.count("figure: ") == 1


def test_progress_shows_names_as_they_are(tmp_path: Path) -> None:
    user_file(tmp_path)
    words = ("run", "FrozenLake-v1", "mine.py:Walker:on='[/x]\x1b[2J'", "--seeds", "2", "--steps", "40")
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(
        [*COMMAND, *words], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        assert process.stdout is not None
        table = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0, shown
    assert b"Traceback" not in shown and b"[/x]" in shown
    assert b"\x1b[2J" not in shown + table and b"[/x]" in table


def test_complaints_do_not_steer_the_terminal(tmp_path: Path) -> None:
    done = sandbox("run", "FrozenLake-v1", "q-\x1b[2Jlearning", cwd=tmp_path)
    assert done.returncode == 2 and "\x1b" not in done.stderr and "x1b[2J" in done.stderr
