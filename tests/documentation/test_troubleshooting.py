"""The troubleshooting page shows what `afml-cache doctor` says of each of the guide's issues."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

#: What the page calls the folders of the test.
CACHE, REPOSITORY = "/home/me/.cache/afml", "/home/me/quant"
CONFIGURATION = "/home/me/.config"

#: A first result, so that there is a cache.
USE = "from afml_cache import robust_cacheable\n@robust_cacheable\ndef f(x):\n    return x\nf(1)\n"


class Place:
    """A repository and its cache; runs Python and the doctor in it."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.repository, self.cache, self.root = folder / "quant", folder / "cache", root
        self.configuration = folder / "configuration"
        self.repository.mkdir()
        (self.repository / "use.py").write_text(USE)
        self.python("use.py")

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "AFML_CACHE": str(self.cache),
            "AFML_CACHE_SECRET": "of the tests",
            "PYTHONPATH": str(self.root),
            "XDG_CONFIG_HOME": str(self.configuration),
            "COLUMNS": "100",
            **environment,
        }
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.repository,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=100,
        )

    def doctor(self, **environment: str) -> list[str]:
        """The findings and the last line, with the page's names of folders."""
        done = self.python("-m", "afml_cache.cli", "doctor", **environment)
        assert done.returncode in (0, 1), done.stderr
        names = {
            str(self.cache): CACHE,
            str(self.repository): REPOSITORY,
            str(self.configuration): CONFIGURATION,
        }
        return findings(done.stdout, names)


def findings(text: str, names: dict[str, str]) -> list[str]:
    """What the doctor said, one finding an item, however its lines are broken."""
    begins = r"^(?=(?:error|warning|note): |\S+: (?:nothing is wrong|\d+ to look at))"
    said = [" ".join(one.split()) for one in re.split(begins, text, flags=re.M) if one.strip()]
    for real, name in names.items():
        said = [one.replace(real, name) for one in said]
    return said


def without_extras(said: list[str]) -> list[str]:
    return [one for one in said if not re.match(r"note: \w+ is not installed", one)]


@pytest.fixture
def place(tmp_path: Path, root: Path) -> Place:
    return Place(tmp_path.resolve(), root)


@pytest.fixture
def shown(root: Path) -> Callable[[str], list[str]]:
    """What the page shows under a heading that begins so."""
    page = (root / "docs" / "troubleshooting.md").read_text("utf-8")

    def of(heading: str) -> list[str]:
        (section,) = [part for part in page.split("\n## ") if part.startswith(heading)]
        blocks = re.findall(r"```text\n\$ [^\n]*afml-cache doctor\n(.*?)```", section, re.S)
        assert len(blocks) == 1, heading
        return findings(blocks[0], {})

    return of


def test_issue_1_a_package_of_your_own_without_the_names(place, shown):
    package = place.repository / "afml" / "cache"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").write_text("def cacheable(function):\n    return function\n")
    assert without_extras(place.doctor()) == shown("Issue 1")


@pytest.mark.skipif(find_spec("mlflow") is not None, reason="MLflow is installed")
def test_issue_2_mlflow_is_not_installed(place, shown):
    said = place.doctor()
    assert [one for one in said if "mlflow" in one or not one.startswith("note")] == shown(
        "Issue 2"
    )


def test_issue_3_results_that_another_secret_has_sealed(place, shown):
    said = place.doctor(AFML_CACHE_SECRET="another one", AFML_CACHE_MODE="off")
    assert without_extras(said) == shown("Issue 3")


def test_issue_4_two_systems_in_one_directory(place, shown):
    (place.cache / "joblib").mkdir()
    (place.cache / "cache.db").touch()
    assert without_extras(place.doctor()) == shown("Issue 4")
