"""The CI files of ``examples/ci``: their commands run, in a project, as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # it starts many processes

yaml = pytest.importorskip("yaml")
pytest.importorskip("pytest_benchmark")

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "examples" / "ci"
FILES = ("github.yml", "gitlab-ci.yml")

PROJECT = {
    "pyproject.toml": (
        '[tool.pytest.ini_options]\npythonpath = ["src"]\n\n[tool.afml.gates]\nfaster = 1.05\n'
    ),
    "src/features.py": """
from afml_cache import robust_cacheable

@robust_cacheable
def labels(prices, horizon=5):
    return [price * horizon for price in prices]
""",
    "tests/test_features.py": """
from features import labels

def test_labels():
    assert labels([1.0, 2.0]) == [5.0, 10.0]
""",
    "benchmarks/test_speed.py": """
def test_speed(afml_gate):
    afml_gate("faster", candidate=lambda: sum(range(10)), baseline=lambda: sum(range(1000)) and 45)
""",
}


def document(file: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CI / file).read_text(encoding="utf-8"))
    return found


def scripts(file: str) -> dict[str, list[str]]:
    """What the jobs of a file run, the installation left out."""
    found = document(file)
    if file == "github.yml":
        return {
            name: [step["run"] for step in job["steps"] if "run" in step and not _installs(step)]
            for name, job in found["jobs"].items()
        }
    return {name: found[name]["script"] for name in ("tests", "migration", "gates")}


def _installs(step: dict[str, Any]) -> bool:
    return bool(step["name"] == "Install")


class Runner:
    """A machine of the CI: a home and a checkout of its own, and the commands that it has."""

    def __init__(self, folder: Path, secret: str | None) -> None:
        self.checkout = folder / "checkout"
        home = folder / "home"
        home.mkdir(parents=True)
        for name, text in PROJECT.items():
            path = self.checkout / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        there = entry_points(group="pytest11", name="afml")
        plugin = "" if there else "-p pytest_afml.plugin"
        commands = {
            "pytest": f'"{sys.executable}" -m pytest -p no:cacheprovider {plugin}',
            "afml-codemod": f'"{sys.executable}" -m codemods.cli',
        }
        for name, command in commands.items():
            path = folder / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            path.chmod(0o755)
        self._environment = {
            "HOME": str(home),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "LC_ALL": "C.UTF-8",
            **({} if secret is None else {"AFML_CACHE_SECRET": secret}),
        }

    def run(self, lines: list[str]) -> subprocess.CompletedProcess[str]:
        """Run the lines of a job, as both GitHub and GitLab do: until one fails."""
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", "\n".join(lines)],
            cwd=self.checkout,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=100,
        )


@pytest.fixture
def runner(tmp_path: Path) -> Callable[..., Runner]:
    """Make new runners."""

    def make(name: str, secret: str | None = "of the CI") -> Runner:
        return Runner(tmp_path / name, secret)

    return make


@pytest.mark.parametrize("file", FILES)
def test_every_command_of_the_file_runs_in_a_project(
    file: str, runner: Callable[..., Runner]
) -> None:
    machine = runner("machine")
    for job, lines in scripts(file).items():
        done = machine.run(lines)
        assert done.returncode == 0, f"{job}:\n{done.stdout}{done.stderr}"
    total = json.loads((machine.checkout / "afml-cache.json").read_text())["total"]
    assert (total["hits"], total["computed"]) == (0, 1)
    (gate,) = json.loads((machine.checkout / "afml-gates.json").read_text())["gates"]
    assert gate["verdict"] == "pass"


@pytest.mark.parametrize("file", FILES)
def test_the_file_runs_what_it_should(file: str) -> None:
    lines = [
        line for job in scripts(file).values() for script in job for line in script.split("\n")
    ]
    commands = " ".join(lines)
    for wanted in (
        "afml-codemod check src",
        "--afml-cache --afml-cache-dir=.afml-store",
        "--afml-min-hit-rate=",
        "--afml-gates=require",
    ):
        assert wanted in commands
    assert not re.search(r"pytest benchmarks.* -n", commands), "gates cannot measure beside others"


def test_github_restores_before_the_tests_and_keeps_the_store_even_when_they_are_red() -> None:
    job = document("github.yml")["jobs"]["tests"]
    assert job["env"]["AFML_CACHE_SECRET"] == "${{ secrets.AFML_CACHE_SECRET }}"
    uses = [step.get("uses", step.get("name", "")).partition("@")[0] for step in job["steps"]]
    restore, tests = uses.index("actions/cache/restore"), uses.index("Tests")
    save = uses.index("actions/cache/save")
    assert restore < tests < save
    restored, saved = job["steps"][restore]["with"], job["steps"][save]["with"]
    assert restored["path"] == saved["path"] == ".afml-store"
    assert restored["key"] == saved["key"]
    # The key is new in every attempt, since GitHub never writes one twice.
    assert "github.run_id" in saved["key"]
    assert saved["key"].startswith(restored["restore-keys"])
    assert job["steps"][save]["if"] == "always()"


def test_gitlab_keeps_the_store_even_when_the_tests_are_red() -> None:
    cache = document("gitlab-ci.yml")["tests"]["cache"]
    assert cache["paths"] == [".afml-store/"]
    assert cache["when"] == "always"


@pytest.mark.parametrize("file", FILES)
def test_no_file_holds_a_secret(file: str) -> None:
    text = (CI / file).read_text(encoding="utf-8")
    assert not re.search(r"[0-9a-f]{32}", text)


@pytest.mark.parametrize("file", FILES)
def test_a_store_that_is_restored_on_a_new_runner_hits(
    file: str, runner: Callable[..., Runner]
) -> None:
    first, second = runner("first"), runner("second")
    done = first.run(scripts(file)["tests"])
    assert done.returncode == 0, done.stdout
    assert "1 computed" in done.stdout
    restore(first, second)
    done = second.run(scripts(file)["tests"])
    assert done.returncode == 0, done.stdout
    assert "1 cached call: 1 hit, 0 computed" in done.stdout


def test_without_the_secret_a_restored_store_misses_and_says_why(
    runner: Callable[..., Runner],
) -> None:
    first = runner("first")
    assert first.run(scripts("github.yml")["tests"]).returncode == 0
    for name, secret in (("fork", None), ("empty", ""), ("stranger", "of somebody else")):
        other = runner(name, secret)
        restore(first, other)
        done = other.run(scripts("github.yml")["tests"])
        assert "1 other_secret" in done.stdout, done.stdout
        # Where there is a secret, the rate is asked, and missed.
        assert done.returncode == (1 if secret else 0), done.stdout


def restore(source: Runner, target: Runner) -> None:
    """What the CI's cache does: the same directory, on another machine."""
    shutil.copytree(source.checkout / ".afml-store", target.checkout / ".afml-store")


#: A function that is not migrated, and what an attacker puts in the place of its result.
OLD = """
from afml_cache import cacheable

@cacheable
def old_labels(prices):
    return list(prices)
"""
TEST_OLD = """
from old_features import old_labels

def test_old_labels():
    assert old_labels([1.0]) == [1.0]
"""
PLANTED = """
import pathlib, sys
import joblib

class Planted:
    def __reduce__(self):
        return eval, ("open('it-ran', 'w').close() or [1.0]",)

for result in pathlib.Path(sys.argv[1]).rglob("output.pkl"):
    joblib.dump(Planted(), result)
    print(result)
"""


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("removed", [True, False], ids=["as it is", "without the removal"])
def test_a_pickle_that_was_planted_in_a_restored_store_does_not_run(
    file: str, removed: bool, runner: Callable[..., Runner]
) -> None:
    """`@cacheable` opens what lies in joblib_cache; the file has it removed before."""
    script = scripts(file)["tests"]
    if not removed:  # the proof that the planted one is one
        script = [
            re.sub(r"(?m)^ *rm -rf \.afml-store/joblib_cache.*$", "", part) for part in script
        ]
        assert script != scripts(file)["tests"]
    first, second = runner("first"), runner("second")
    for machine in (first, second):
        (machine.checkout / "src" / "old_features.py").write_text(OLD)
        (machine.checkout / "tests" / "test_old.py").write_text(TEST_OLD)
    done = first.run(script)
    assert done.returncode == 0, done.stdout
    restore(first, second)
    stored = second.checkout / ".afml-store" / "joblib_cache"
    planted = subprocess.run(
        [sys.executable, "-c", PLANTED, stored], capture_output=True, text=True, check=True
    )
    assert planted.stdout
    done = second.run(script)
    assert done.returncode == 0, done.stdout
    assert (second.checkout / "it-ran").exists() is not removed
    assert "features.labels: 1 hit, 0 computed" in done.stdout, "what is sealed is still served"


@pytest.mark.parametrize("file", FILES)
def test_a_project_that_has_not_migrated_runs_its_tests(
    file: str, runner: Callable[..., Runner]
) -> None:
    machine = runner("machine")
    for name in PROJECT:
        if "features" in name:
            (machine.checkout / name).unlink()
    (machine.checkout / "src" / "old_features.py").write_text(OLD)
    (machine.checkout / "tests" / "test_old.py").write_text(TEST_OLD)
    done = machine.run(scripts(file)["migration"])
    assert done.returncode == 1
    assert "old_labels" in done.stdout + done.stderr
    for _ in range(2):  # the second time on the store that the first has left
        done = machine.run(scripts(file)["tests"])
        assert done.returncode == 0, done.stdout
    assert "no hits, 1 computed" in done.stdout
    assert not any("codemod" in line for line in scripts(file)["tests"])


@pytest.mark.parametrize("file", FILES)
def test_a_gate_that_fails_makes_its_job_red(file: str, runner: Callable[..., Runner]) -> None:
    machine = runner("machine")
    speed = machine.checkout / "benchmarks" / "test_speed.py"
    speed.write_text(
        PROJECT["benchmarks/test_speed.py"]
        .replace("candidate=", "x=")
        .replace("baseline=", "candidate=")
        .replace("x=", "baseline=")
    )
    assert machine.run(scripts(file)["gates"]).returncode == 1


@pytest.mark.parametrize("file", FILES)
def test_the_file_says_what_it_assumes_and_what_it_lets_pass(file: str) -> None:
    text = " ".join((CI / file).read_text(encoding="utf-8").replace("#", " ").split())
    for said in (
        "an extra `test` of your project installs what they need, afml-cache",
        "What @cacheable stores is joblib's, and bears no seal",
        'leaves the job green; `on-unsure = "fail"` under [tool.afml.gates]',
    ):
        assert said in text
