"""What is project code, and which version of what else counts."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from afml_cache.keys.code import FunctionCode, code_of, is_followed
from afml_cache.keys.content import digest_and_met
from afml_cache.keys.projects import Home, Kind, counted_version, file_of, home_of

if TYPE_CHECKING:
    from tests.keys.code.conftest import Project


def followed_in(value: object) -> list[object]:
    """The project's classes that a value brings along."""
    _, met = digest_and_met(value, "x")
    return [code for code in met if is_followed(code)]


def install(folder: Path, name: str, version: str, **modules: str) -> None:
    """What pip leaves behind: modules, and metadata that lists them."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    record = [f"{metadata.name}/METADATA,,"]
    for module, source in modules.items():
        path = folder / (module.replace("__", "/") + ".py")  # a__b is the module b of a
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        record.append(f"{path.relative_to(folder).as_posix()},,")
    (metadata / "RECORD").write_text("\n".join(record))


@pytest.fixture
def site(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = project.folder / "venv" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(folder)
    return folder


def home(name: str) -> Home:
    module = importlib.import_module(name)
    return home_of(name, file_of(module))


@pytest.mark.parametrize("name", ["json", "math", "sys", "_csv", "os.path", "concurrent.futures"])
def test_the_standard_library_is_no_project(name: str) -> None:
    assert home(name).kind is Kind.STANDARD


@pytest.mark.parametrize(
    ("name", "distribution"),
    [("numpy.linalg", "numpy"), ("dateutil", "python-dateutil"), ("_pytest.main", "pytest")],
)
def test_an_installed_package_has_its_distribution(name: str, distribution: str) -> None:
    found = home(name)
    assert (found.kind, found.distribution) == (Kind.INSTALLED, distribution)
    assert found.version == importlib.import_module("importlib.metadata").version(distribution)


def test_this_cache_is_ours_and_its_tests_are_a_project() -> None:
    assert home("afml_cache.keys.code").kind is Kind.OURS
    assert home_of(__name__, __file__).kind is Kind.PROJECT
    fingerprint = FunctionCode(home).current()
    assert any(name.endswith("test_packages.home") for name in fingerprint.parts)


def test_working_copies_are_projects(project: Project) -> None:
    project.write("quant.py", "")
    project.write("quant.egg-info/PKG-INFO", "Name: quant\n")  # an editable install
    project.load()
    assert home("quant").kind is Kind.PROJECT


def test_a_package_under_another_name_has_its_distribution(site: Path) -> None:
    install(site, "fast-curves", "2.4.1", single="", curves__rest="")
    (site / "curves" / "__init__.py").write_text("")
    assert home("curves") == Home(Kind.INSTALLED, "fast-curves", "2.4.1")
    assert home("single") == Home(Kind.INSTALLED, "fast-curves", "2.4.1")


def test_a_namespace_package_belongs_to_who_installed_the_file(site: Path) -> None:
    install(site, "big-one", "1.0", big__one="")
    install(site, "big-two", "2.0", big__two="")
    assert home("big.one") == Home(Kind.INSTALLED, "big-one", "1.0")
    assert home("big.two") == Home(Kind.INSTALLED, "big-two", "2.0")


def test_a_stray_file_among_the_packages_is_a_project(site: Path) -> None:
    (site / "stray.py").write_text("")
    assert home("stray").kind is Kind.PROJECT


def test_packages_installed_into_any_folder_are_installed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project.folder / "vendored"
    install(folder, "curves", "1.0", curves="")
    monkeypatch.syspath_prepend(folder)
    assert home("curves") == Home(Kind.INSTALLED, "curves", "1.0")


def test_the_code_of_other_packages_counts_by_version_only(project: Project, site: Path) -> None:
    install(site, "curves", "2.4.1", curves="def fit(x): return x\nclass Fit: pass\n")
    project.write("quant.py", "import curves\ndef signal(x): return curves.fit(x)\n")
    before = project.fingerprint()
    assert before.packages == {"curves": "2.4"}
    (site / "curves.py").write_text("def fit(x): return -x\nclass Fit: pass\n")
    assert project.fingerprint() == before


@pytest.mark.parametrize(
    "source",
    [
        "from curves import fit\ndef signal(x): return fit(x)\n",
        "import curves as c\ndef signal(x): return c.fit(x)\n",
        "import curves\nclass Mine(curves.Fit): pass\ndef signal(x): return Mine()\n",
        "from curves import ready\ndef signal(x): return ready\n",
        "def signal(x):\n    import curves\n    return curves.fit(x)\n",
        "from curves import deco\n@deco\ndef signal(x): return x\n",
    ],
)
def test_every_use_of_a_package_counts_its_version(
    source: str, project: Project, site: Path
) -> None:
    curves = "import functools\ndef fit(x): return x\nclass Fit: pass\nready = object()\n"
    curves += "def deco(f):\n    @functools.wraps(f)\n    def w(*a): return f(*a)\n    return w\n"
    install(site, "curves", "2.4.1", curves=curves)
    project.write("quant.py", source)
    found = project.fingerprint()
    assert found.packages == {"curves": "2.4"}
    assert not found.left_out


def test_a_decorator_of_a_package_does_not_hide_the_function(project: Project, site: Path) -> None:
    curves = "import functools\ndef deco(f):\n    @functools.wraps(f)\n"
    install(site, "curves", "1.0", curves=curves + "    def w(*a): return f(*a)\n    return w\n")
    project.write("quant.py", "from curves import deco\n@deco\ndef signal(x): return x + 1\n")
    before = project.fingerprint()
    project.edit("quant.py", "x + 1", "x + 2")
    assert project.fingerprint().code != before.code


def test_a_functions_own_distribution_is_project_code(site: Path, project: Project) -> None:
    def code(own_package: bool) -> Any:
        project.unload()
        return FunctionCode(importlib.import_module("mine").run, own_package=own_package).current()

    install(site, "mine", "1.0", mine="import parts\ndef run(x): return parts.go(x)\n",
            parts="def go(x): return x\n")  # fmt: skip
    before = code(True)
    assert set(before.parts) == {"mine.run", "parts.go"}
    (site / "parts.py").write_text("def go(x): return -x\n")
    assert code(True).code != before.code
    assert not code(False).parts


def test_installed_functions_as_values_count_by_name(site: Path) -> None:
    import statistics

    import scipy.optimize

    assert not code_of(scipy.optimize.rosen).current().parts
    assert code_of(scipy.optimize.rosen) is code_of(scipy.optimize.rosen)
    codes = {
        code_of(f).current().code
        for f in (scipy.optimize.rosen, scipy.optimize.rosen_der, statistics.mean)
    }
    assert len(codes) == 3


def test_a_class_that_a_packages_metaclass_makes_is_listed(project: Project, site: Path) -> None:
    install(
        site, "models", "1.0", models="class Meta(type): pass\nclass Model(metaclass=Meta): pass\n"
    )
    project.write(
        "quant.py", "import models\nclass P(models.Model):\n    n: int\ndef signal(x): return P()\n"
    )
    found = project.fingerprint()
    assert found.packages == {"models": "1.0"}
    assert found.left_out == (("quant.P", "what Meta makes of its annotations cannot be seen"),)


def test_the_classes_of_arguments_are_found(project: Project) -> None:
    import pandas as pd

    project.write(
        "quant.py",
        """
        class Costs: pass
        class Strategy:
            def __init__(self): self.costs = {"usual": (Costs(),)}
        """,
    )
    quant = project.load()
    assert set(followed_in(quant.Strategy())) == {quant.Strategy, quant.Costs}
    assert set(followed_in([1, {"s": quant.Costs()}])) == {quant.Costs}
    assert set(followed_in(quant.Costs)) == {quant.Costs}
    for value in (1, "a", [1, 2], {"a": None}, pd.DataFrame({"a": [1]}), pd.DataFrame, None):
        assert not followed_in(value)


@pytest.mark.parametrize(
    ("version", "minor"),
    [("2.4.1", "2.4"), ("2", "2"), ("2024.8.6", "2024.8"), ("1.0rc1", "1.0"), ("1!2.3.4", "1!2.3"),
     ("v1.2.3", "v1.2"), ("unknown", "unknown"), ("", "")],
)  # fmt: skip
def test_a_patch_release_does_not_count(version: str, minor: str) -> None:
    assert counted_version(version, "minor") == minor
    assert counted_version(version, "exact") == version


def test_the_environment_of_another_python_is_no_project(project: Project) -> None:
    folder = project.folder / "other" / "lib" / "site-packages"
    install(folder, "curves", "3.1", curves="")
    assert str(folder) not in sys.path
    assert home_of("curves", str(folder / "curves.py")).distribution == "curves"
