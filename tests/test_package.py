"""What users install: one package, complete, and at peace with their own `agents/` and `envs/` folders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
UNTRACKED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "runs", "demo")


def call(*command: str | Path, cwd: Path) -> str:
    """Run `command` with a plain environment and return what it printed; its errors are shown if it fails."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "COV", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=plain, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks (and of new files that it does not ignore), so that the working tree stays clean."""
    copy = tmp_path_factory.mktemp("checkout") / "learner-sandbox"
    if not (ROOT / ".git").exists():
        return Path(shutil.copytree(ROOT, copy, symlinks=True, ignore=UNTRACKED))
    listed = call(
        "git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT
    )
    for name in filter(None, listed.split("\0")):
        if os.path.lexists(ROOT / name):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    return copy


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of the checkout, the source distribution, and the wheel that this one builds."""
    direct, chained = tmp_path_factory.mktemp("direct"), tmp_path_factory.mktemp("chained")
    tree = shutil.copytree(checkout, tmp_path_factory.mktemp("build") / "tree", symlinks=True)
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir")
    call(*build, direct, "--wheel", tree, cwd=direct)
    shutil.rmtree(tree / "build")
    call(*build, chained, tree, cwd=chained)
    return {
        "wheel": next(direct.glob("*.whl")),
        "sdist": next(chained.glob("*.tar.gz")),
        "wheel of sdist": next(chained.glob("*.whl")),
    }


def environment(folder: Path, wheel: Path | None = None) -> Path:
    """Make an environment with our dependencies but not our checkout, and `wheel` if given; return its bin folder."""
    call(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    bin_ = folder / ("Scripts" if os.name == "nt" else "bin")
    if wheel is not None:  # before our packages come in sight: pip would see the editable install among them
        install = ("-m", "pip", "--python", bin_ / "python", "install", "-qq", "--no-deps", "--no-index", wheel)
        call(sys.executable, *install, cwd=folder)
    site = call(bin_ / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    # A .pth file in a folder named by a .pth file is not read, so the editable install stays out.
    ours = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    Path(site, "dependencies.pth").write_text("\n".join(ours) + "\n")
    return bin_


@pytest.fixture(scope="module")
def installed(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel."""
    return environment(tmp_path_factory.mktemp("installed") / "env", built["wheel"])


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A user's folder with `agents/` and `envs/` of their own."""
    for name in ("agents", "envs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('this is the user\\'s own package')\n")
    return tmp_path


def contents(wheel: Path) -> dict[str, bytes]:
    """Return the files of `wheel`, less its record of digests."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


def test_wheel_holds_one_complete_package(built: dict[str, Path], checkout: Path) -> None:
    names = {name for name in contents(built["wheel"]) if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in names} == {"sandbox"}
    sources = {path.relative_to(checkout).as_posix() for path in (checkout / "sandbox").rglob("*.py")}
    for kind in ("envs", "agents"):
        sources |= {f"sandbox/{path.relative_to(checkout).as_posix()}" for path in (checkout / kind).rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources
    assert {f"sandbox/{p}__init__.py" for p in ("", "envs/", "agents/", "agents/adapters/", "streams/")} <= sources
    assert "sandbox/py.typed" in names


def test_sdist_builds_the_same_wheel(built: dict[str, Path]) -> None:
    assert contents(built["wheel"]) == contents(built["wheel of sdist"])


def check_figures(folder: Path, printed: str) -> None:
    """Check that the figures in `folder` were announced and show something."""
    drawn = sorted(folder.glob("*.png"))
    assert drawn and sorted(folder.glob("*.svg")) == [path.with_suffix(".svg") for path in drawn]
    for path in drawn:
        image, vector = path.read_bytes(), path.with_suffix(".svg").read_text()
        assert path.name in "".join(printed.split())
        assert image.startswith(b"\x89PNG\r\n\x1a\n") and len(image) > 10_000
        assert min(int.from_bytes(image[16:20]), int.from_bytes(image[20:24])) >= 300  # width, height
        assert "</svg>" in vector and vector.count("<path") > 5 and len(vector) > 5_000


def test_installed_beside_foreign_packages(installed: Path, workplace: Path) -> None:
    where = call(installed / "python", "-c", "import sandbox; print(sandbox.__file__)", cwd=workplace)
    assert Path(where.strip()).is_relative_to(installed.parent)
    for door in ([installed / "sandbox"], [installed / "python", "-m", "sandbox"]):
        listed = call(*door, "list", cwd=workplace)
        assert "q-learning" in listed and "FrozenLake-v1" in listed
    request = ("run", "FrozenLake-v1", "q-learning", "random", "--seeds", "2", "--steps", "2000")
    printed = call(installed / "sandbox", *request, "--runs", "mine", cwd=workplace)
    check_figures(workplace / "mine" / "figures", printed)
    printed = call(installed / "python", "-m", "sandbox", *request, cwd=workplace)
    check_figures(workplace / "runs" / "figures", printed)


def test_bare_checkout(checkout: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "env") / "python"
    call(python, "-c", "import importlib.util as u; assert not u.find_spec('sandbox')", cwd=tmp_path)
    assert "q-learning" in call(python, "-m", "sandbox", "list", cwd=checkout)


def needed(name: str, extras: tuple[str, ...] = ()) -> Iterator[str]:
    """Return the names of the packages that the installed package `name` needs here, itself included."""
    seen, todo = set(), [(canonicalize_name(name), extras)]
    while todo:
        package, wanted = item = todo.pop()
        if item in seen:
            continue
        seen.add(item)
        yield package
        for text in distribution(package).requires or ():
            requirement = Requirement(text)
            if any(not requirement.marker or requirement.marker.evaluate({"extra": e}) for e in ("", *wanted)):
                todo.append((canonicalize_name(requirement.name), tuple(sorted(requirement.extras))))


def test_constraints_pin_everything() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    pins = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    packages = set(needed("learner-sandbox", ("dev",))) - {"learner-sandbox"}
    assert pins == {name: distribution(name).version for name in packages}
