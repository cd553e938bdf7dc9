"""The set-up: one list of packages in three files, all pinned, and an environment that is quiet.

The files are read, not trusted; what is installed here is compared with what they say.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text()
OURS = "labkit"


def pins() -> dict[str, str]:
    """Package -> version, as constraints.txt has it."""
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (ln.split("==") for ln in lines)}


def requirements() -> list[Requirement]:
    """All that pyproject.toml asks for: to run the labs, to grade, to develop."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(line) for lines in lists for line in lines]


def needed(wanted: list[Requirement]) -> set[str]:
    """The packages that `wanted` brings here, all the way down."""
    found: set[str] = set()
    waiting = [(item, extra) for item in wanted for extra in item.extras | {""}]
    while waiting:
        item, extra = waiting.pop()
        name = canonicalize_name(item.name)
        if name == OURS or (name in found and not extra):
            continue
        found.add(name)
        for line in distribution(name).requires or []:
            below = Requirement(line)
            if below.marker is None or below.marker.evaluate({"extra": extra}):
                waiting += [(below, other) for other in below.extras | {""}]
    return found


def test_each_package_is_installed_in_the_version_that_is_pinned() -> None:
    pinned = pins()
    unpinned = {name for name in needed(requirements()) if name not in pinned}
    assert not unpinned, "constraints.txt has no version for these"
    installed = {name: distribution(name).version for name in needed(requirements())}
    assert installed == {name: pinned[name] for name in installed}


def test_each_pin_is_within_what_the_project_asks_for() -> None:
    pinned = pins()
    for item in requirements():
        if item.name != OURS:
            version = pinned[canonicalize_name(item.name)]
            assert item.specifier.contains(version), f"{item}, but pinned to {version}"


def test_each_pin_can_be_had_on_the_oldest_python() -> None:
    """Some releases ask for a late patch of 3.11, which Debian 12 does not have."""
    oldest = PROJECT["requires-python"].removeprefix(">=") + ".0"
    packages = needed(requirements())
    asked = {name: distribution(name).metadata["Requires-Python"] for name in packages}
    late = {
        name: python
        for name, python in asked.items()
        if python and not Requirement(f"python{python}").specifier.contains(oldest)
    }
    assert not late


def test_constraints_name_no_host() -> None:
    """Names and versions only: where packages come from is the business of pip's own settings."""
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    odd = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)]
    assert not odd
    assert len({line.split("==")[0].lower() for line in lines}) == len(lines), "pinned twice"


def conda_lists() -> tuple[list[str], list[str]]:
    """environment.yml's own list, and the list below its ``pip:``."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (below_pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
    return [entry for entry in entries if isinstance(entry, str)], below_pip


def test_conda_gives_python_and_pip_and_pip_gives_the_rest() -> None:
    conda, below_pip = conda_lists()
    assert [entry.split("=")[0] for entry in conda] == ["python", "pip"]
    assert below_pip == ["-c constraints.txt", *PROJECT["dependencies"], "-e ."]


def test_conda_installs_a_python_that_the_project_supports() -> None:
    (python, _), _ = conda_lists()
    version = python.split("=")[1]
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(f"{version}.0")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("repo2docker") is None, reason="needs repo2docker")
def test_repo2docker_accepts_the_environment() -> None:
    student = ["--user-id=1000", "--user-name=student"]
    command = ["repo2docker", "--no-build", "--debug", *student, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "environment.yml" in done.stdout + done.stderr


def run_python(*arguments: str, home: Path, **environment: str) -> str:
    """What this environment's Python prints, with another home directory."""
    bare = {"PATH": os.environ["PATH"], "HOME": str(home), "JUPYTER_PREFER_ENV_PATH": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=bare | environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_the_kernel_is_this_environment_even_beside_one_of_the_same_name(tmp_path: Path) -> None:
    other = tmp_path / ".local/share/jupyter/kernels/python3"
    other.mkdir(parents=True)
    spec = {"argv": ["/nowhere/python"], "display_name": "Other", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    listing = run_python("-m", "jupyter", "kernelspec", "list", "--json", home=tmp_path)
    kernel = json.loads(listing)["kernelspecs"]["python3"]
    assert Path(kernel["resource_dir"]).is_relative_to(sys.prefix)
    assert kernel["spec"]["argv"][0] in ("python", "python3", sys.executable)


def test_jupyterlab_asks_nobody_for_news_or_updates() -> None:
    overrides = json.loads((ROOT / "jupyter/overrides.json").read_text())
    notification = overrides["@jupyterlab/apputils-extension:notification"]
    assert notification == {"fetchNews": "false", "checkForUpdates": False}
    lab = json.loads((ROOT / "jupyter/jupyter_lab_config.json").read_text())["LabApp"]
    assert lab["extension_manager"] == "readonly"
    assert lab["check_for_updates_class"].endswith("NeverCheckForUpdate")


@pytest.mark.skipif(
    not (ROOT / ".venv").exists() or Path(sys.prefix).resolve() != (ROOT / ".venv").resolve(),
    reason="about the environment that make makes",
)
def test_make_puts_the_kit_and_the_settings_in_place(tmp_path: Path) -> None:
    places = "share/jupyter/lab/settings/overrides.json", "etc/jupyter/jupyter_lab_config.json"
    for place in places:
        installed = Path(sys.prefix) / place
        assert installed.read_bytes() == (ROOT / "jupyter" / installed.name).read_bytes()
    where = run_python("-P", "-c", "import labkit; print(labkit.__path__[0])", home=tmp_path)
    assert Path(where.strip()) == ROOT / "labkit"


def test_make_knows_its_targets() -> None:
    targets = ["lab", "test", "check-all", "lint", "bench", "soak", "build"]
    done = subprocess.run(
        ["make", "--dry-run", "PYTHON=python3", *targets, "LAB=05"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "-m jupyterlab --ServerApp.root_dir=labs" in done.stdout
    assert '-m pytest -m "not slow and not browser"' in done.stdout
    assert "-m grading soak 05" in done.stdout
