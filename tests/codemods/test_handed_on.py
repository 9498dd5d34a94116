"""Names that other files reach through a migrated module: they stay, and both sides are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from codemods.files import find
from codemods.rules import Rules
from codemods.runner import Survey, apply, survey

ROOT = Path(__file__).resolve().parents[2]
TAKER = "from afml.cache import cacheable\n\n\n@cacheable\ndef f(x):\n    return x\n"
STAYS = "from afml.cache import cacheable, robust_cacheable\n"
GOES = "from afml.cache import robust_cacheable\n"


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in {path.parent for path in root.rglob("*.py")} - {root}:
        (folder / "__init__.py").touch()
    (root / "pyproject.toml").touch()


def python(root: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the repository, on a cache of its own."""
    environment = {"PYTHONPATH": f"{root}:{ROOT}", "AFML_CACHE": str(root / "cache")}
    run = [sys.executable, "-c", script]
    return subprocess.run(run, cwd=root, env=environment, capture_output=True, text=True)


def told(found: Survey) -> dict[str, list[tuple[int, str]]]:
    return {
        entry.path: [(finding.line, finding.code.value) for finding in entry.plan.findings]
        for entry in found.planned
        if entry.plan.findings
    }


@pytest.mark.parametrize(
    ("user", "line", "code"),
    [
        ("from pkg import a\ng = a.cacheable(len)\n", 2, "value-use"),
        ("import pkg.a as m\ng = m . cacheable\n", 2, "value-use"),
        ("import pkg.a as m\ng = (m.  # it\n  cacheable)\n", 2, "value-use"),
        ("import pkg.a as m\ng = m. \\\n cacheable\n", 2, "value-use"),
        ("from importlib import import_module as i\ni('pkg.a').cacheable\n", 2, "value-use"),
        ("import sys\nsys.modules[name].cacheable\n", 2, "value-use"),
        ("def g(module):\n    return module.cacheable\n", 2, "value-use"),
        ("import pkg.a\ngetattr(pkg.a, 'cacheable')\n", 2, "value-use"),
        ("from pkg import a\nmock.patch.object(a, 'cacheable')\n", 2, "value-use"),
        ("mock.patch('pkg.a.cacheable')\n", 1, "value-use"),
        ("plugin = 'pkg.a:cacheable'\n", 1, "value-use"),
        ("mock.patch(f'{module}.cacheable')\n", 1, "value-use"),
        ("from pkg.a import cacheable\ncacheable(len)\n", 2, "value-use"),
    ],
)
def test_name_that_is_reached_through_the_module_stays_and_both_sides_are_told(
    tmp_path: Path, user: str, line: int, code: str
) -> None:
    write(tmp_path, pkg__a=TAKER, pkg__b=user)
    found = survey(find([tmp_path]), Rules())
    assert told(found) == {"pkg/a.py": [(1, "re-export")], "pkg/b.py": [(line, code)]}
    (kept,) = [entry for entry in found.planned if entry.path == "pkg/a.py"]
    assert "pkg/b.py:" in kept.plan.findings[0].text
    apply(found)
    assert (tmp_path / "pkg" / "a.py").read_text().startswith(STAYS)
    assert (tmp_path / "pkg" / "b.py").read_text() == user


@pytest.mark.parametrize(
    "user",
    [
        "import afml.cache\ng = afml.cache.cacheable(len)\n",
        "from afml import cache as a\ng = a.cacheable(len)\n",
        "mock.patch('afml.cache.cacheable')\n",
        "import flask\nflask.response.cacheable\n",
        "class A:\n    def g(self): return self.cacheable\n",
        "from .other import cacheable\n",
        "# pkg.a.cacheable\nx = 'pkg.a.cacheable is gone'\n",
    ],
)
def test_what_cannot_mean_the_module_keeps_nothing(tmp_path: Path, user: str) -> None:
    write(tmp_path, pkg__a=TAKER, pkg__b=user)
    apply(survey(find([tmp_path]), Rules()))
    assert (tmp_path / "pkg" / "a.py").read_text().startswith(GOES)


def test_only_the_modules_that_can_be_meant_keep_the_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        pkg__a=TAKER,
        pkg__c=TAKER,
        other__a=TAKER,
        user="import pkg.a\npkg.a.cacheable\n",
        guess="def g(a):\n    a.cacheable\n",
    )
    apply(survey(find([tmp_path]), Rules()))
    assert (tmp_path / "pkg" / "a.py").read_text().startswith(STAYS)
    assert (tmp_path / "other" / "a.py").read_text().startswith(STAYS)
    assert (tmp_path / "pkg" / "c.py").read_text().startswith(GOES)


def test_files_that_were_not_asked_for_or_do_not_parse_count_too(tmp_path: Path) -> None:
    write(tmp_path, pkg__a=TAKER, pkg__c=TAKER, tests__b="import pkg.a\npkg.a.cacheable\n")
    (tmp_path / "tests" / "broken.py").write_text("import pkg.c\npkg.c.cacheable\n(\n")
    apply(survey(find([tmp_path / "pkg"], ["tests/*"]), Rules()))
    assert (tmp_path / "pkg" / "a.py").read_text().startswith(STAYS)
    assert (tmp_path / "pkg" / "c.py").read_text().startswith(STAYS)


def test_alias_that_is_reached_stays(tmp_path: Path) -> None:
    code = (
        "from afml.cache import cacheable as cc\n@cc\ndef f(x): ...\n@cc\ndef g(start, end): ...\n"
    )
    write(tmp_path, pkg__a=code, pkg__b="from pkg import a\na.cc(len)\n")
    apply(survey(find([tmp_path]), Rules()))
    assert "cacheable as cc" in (tmp_path / "pkg" / "a.py").read_text()


def test_importers_still_run_after_the_migration(tmp_path: Path) -> None:
    write(
        tmp_path,
        pkg__a=TAKER,
        pkg__b="import pkg.a\n@pkg.a.cacheable\ndef g(x): return x\n",
        afml__cache="cacheable = robust_cacheable = lambda function: function\n",
    )
    apply(survey(find([tmp_path / "pkg"]), Rules()))
    run = [sys.executable, "-c", "import pkg.b; pkg.b.g(1)"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_long_comment_behind_a_dot_takes_no_longer_than_a_short_one(tmp_path: Path) -> None:
    """A ruler of hashes in a string used to be tried in every way that it can be split."""
    ruler = "from a import *\n\nprint('Chapter 1.' '" + "." + "#" * 200 + "')\n"
    write(tmp_path, a=TAKER, b=ruler)
    assert told(survey(find([tmp_path]), Rules())) == {"a.py": [(1, "re-export")]}


# ------------------------------------------------------------------ files that are run


@pytest.mark.parametrize(
    ("user", "line"),
    [
        (
            "import runpy\nglobals().update(runpy.run_path('a.py'))\n@cacheable\ndef g(x): ...\n",
            2,
        ),
        ("exec(open('a.py').read())\n@cacheable\ndef g(x): ...\n", 1),
        ('exec(Path(HERE, "a.py").read_text())\n@cacheable\ndef g(x): ...\n', 1),
        ("from runpy import run_module\nm = run_module('pkg.a')['cacheable']\n", 2),
    ],
)
def test_name_stays_in_a_file_that_another_runs_in_its_own_namespace(
    tmp_path: Path, user: str, line: int
) -> None:
    write(tmp_path, pkg__a=TAKER, pkg__b=user)
    found = survey(find([tmp_path]), Rules())
    assert told(found)["pkg/b.py"] == [(line, "unresolved-import")]
    assert told(found)["pkg/a.py"] == [(1, "re-export")]
    apply(found)
    assert (tmp_path / "pkg/a.py").read_text().startswith(STAYS)


def test_file_that_is_run_by_somebody_without_the_name_is_migrated_as_any(tmp_path: Path) -> None:
    write(tmp_path, pkg__a=TAKER, pkg__b="import runpy\nrunpy.run_path('a.py')\n")
    apply(survey(find([tmp_path]), Rules()))
    assert (tmp_path / "pkg/a.py").read_text().startswith(GOES)


@pytest.mark.parametrize("magic", ["%run a.py", "%run -i pkg/a", "%run './a.py' x y"])
def test_name_stays_in_a_file_that_a_notebook_runs(tmp_path: Path, magic: str) -> None:
    write(tmp_path, pkg__a=TAKER)
    book = nbformat.v4.new_notebook()
    book.cells = [
        nbformat.v4.new_code_cell("import os"),
        nbformat.v4.new_code_cell(f"{magic}\n@cacheable\ndef g(x): ..."),
    ]
    nbformat.write(book, tmp_path / "study.ipynb")
    found = survey(find([tmp_path]), Rules())
    (there,) = [entry.plan for entry in found.planned if entry.path == "study.ipynb"]
    assert [(f.cell, f.line, f.code.value) for f in there.findings] == [(2, 1, "unresolved-import")]
    apply(found)
    assert (tmp_path / "pkg/a.py").read_text().startswith(STAYS)


# ------------------------------------------------------------------ through several files


def test_name_stays_for_whoever_takes_it_from_a_file_that_has_it_from_another(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        pkg__q="from afml.cache import cacheable as memo\n",
        pkg__r="from pkg.q import memo\n@memo\ndef f(x):\n    return x\n",
        pkg__u="from .r import memo as m\n@m\ndef g(x):\n    return x + 1\n",
        pkg__v="from .u import m\n@m\ndef h(x):\n    return x + 2\n",
    )
    apply(survey(find([tmp_path]), Rules()))
    for name in "qruv":
        assert " import " in (tmp_path / f"pkg/{name}.py").read_text()
    script = "import pkg.r, pkg.u, pkg.v; print(pkg.r.f(1), pkg.u.g(1), pkg.v.h(1))"
    done = python(tmp_path, script)
    assert done.stdout.split() == ["1", "2", "3"], done.stderr
    assert not survey(find([tmp_path]), Rules()).changes


def test_alias_that_comes_with_a_star_is_told_where_it_is_used(tmp_path: Path) -> None:
    write(
        tmp_path,
        pkg__q="from afml.cache import cacheable as memo\n@memo\ndef q(x): ...\n",
        pkg__t="from pkg.q import *\n@memo\ndef f(x):\n    return x\n",
        pkg__idle="from pkg.q import *\n",
    )
    found = survey(find([tmp_path]), Rules())
    assert told(found)["pkg/t.py"] == [(1, "unresolved-import")]
    assert "pkg/idle.py" not in told(found)
    apply(found)
    assert python(tmp_path, "import pkg.t; print(pkg.t.f(1))").stdout.split() == ["1"]
