"""Repositories that carry the source module themselves: no import may lead nowhere afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import libcst
import pytest
from libcst.codemod import CodemodContext

from codemods.files import find
from codemods.migrate_cacheable import MigrateCacheable
from codemods.rules import Rules
from codemods.runner import Survey, apply, survey

ROOT = Path(__file__).resolve().parents[2]
OLD = "def cacheable(function):\n    return function\n"
USER = "from afml.cache import cacheable\n\n\n@cacheable\ndef f(x):\n    return x\n"


def write(root: Path, files: dict[str, str]) -> None:
    (root / "pyproject.toml").touch()
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def findings(found: Survey) -> list[tuple[str, str]]:
    return [(e.path, f"{f.code}: {f.text}") for e in found.planned for f in e.plan.findings]


@pytest.mark.parametrize(
    ("source", "user", "code"),
    [
        ("afml/cache/__init__.py", "pkg/a.py", USER),
        ("afml/cache.py", "a.py", USER),
        ("src/afml/cache/__init__.py", "tests/a.py", USER),
        ("part/afml/cache/__init__.py", "part/pkg/a.py", USER),
        ("afml/cache/__init__.py", "afml/a.py", USER.replace("afml.cache", ".cache")),
        ("src/afml/cache/__init__.py", "src/afml/x/a.py", USER.replace("afml.cache", "..cache")),
        (
            "afml/cache/__init__.py",
            "a.py",
            USER.replace("afml.cache", "afml.cache.auto_caching"),
        ),
        (
            "afml/cache/__init__.py",
            "a.py",
            "import afml.cache\n@afml.cache.cacheable\ndef f(x): ...\n",
        ),
        (
            "afml/cache/__init__.py",
            "afml/a.py",
            "from . import cache as c\n@c.cacheable\ndef f(x): ...\n",
        ),
        (
            "afml/cache/__init__.py",
            "a.py",
            USER.replace("import cacheable", "import cacheable as cc").replace("@c", "@cc #"),
        ),
    ],
)
def test_decorator_stays_where_the_projects_own_module_lacks_the_new_one(
    tmp_path: Path, source: str, user: str, code: str
) -> None:
    write(tmp_path, {source: OLD, user: code})
    found = survey(find([tmp_path / user]), Rules())
    text = (
        f"unresolved-import: {source} does not offer robust_cacheable;"
        " add `from afml_cache import robust_cacheable` there (`afml-codemod adopt-init`)"
    )
    assert findings(found) == [(user, text)]
    assert not found.changes


@pytest.mark.parametrize(
    "offered",
    [
        "from afml_cache import robust_cacheable\n",
        "from afml_cache import time_aware_cacheable as robust_cacheable\n",
        "from afml_cache import *\n",
        "import sys\nimport afml_cache\nsys.modules[__name__] = afml_cache\n",
        "try:\n    from afml_cache import robust_cacheable\nexcept ImportError:\n    pass\n",
        "def robust_cacheable(function):\n    return function\n",
        "robust_cacheable = cacheable\n",
        "NAMES = {'robust_cacheable': 'x'}\ndef __getattr__(name):\n    return NAMES[name]\n",
    ],
)
def test_decorator_is_migrated_where_the_projects_own_module_has_the_new_one(
    tmp_path: Path, offered: str
) -> None:
    write(tmp_path, {"afml/cache/__init__.py": OLD + offered, "a.py": USER})
    found = survey(find([tmp_path / "a.py"]), Rules())
    assert [entry.path for entry in found.changes] == ["a.py"]
    assert not findings(found)


@pytest.mark.parametrize(
    ("unclear", "why"),
    [
        ("from .auto import *\n", "import *"),
        ("def __getattr__(name): ...\n", "__getattr__"),
        ("(\n", "does not parse"),
    ],
)
def test_decorator_stays_where_it_cannot_be_told(tmp_path: Path, unclear: str, why: str) -> None:
    write(tmp_path, {"afml/cache/__init__.py": unclear, "a.py": USER})
    found = survey(find([tmp_path / "a.py"]), Rules())
    assert not found.changes
    ((_, text),) = findings(found)
    assert "cannot be told whether afml/cache/__init__.py offers robust_cacheable" in text
    assert why in text


def test_name_for_type_checkers_only_is_no_name(tmp_path: Path) -> None:
    offered = "if TYPE_CHECKING:\n    from afml_cache import robust_cacheable\n"
    write(tmp_path, {"afml/cache/__init__.py": OLD + offered, "a.py": USER})
    assert not survey(find([tmp_path]), Rules()).changes


def test_each_new_name_is_asked_for_by_itself(tmp_path: Path) -> None:
    code = USER + "\n\n@cacheable\ndef g(start, end):\n    return start\n"
    offered = "from afml_cache import robust_cacheable\n"
    write(tmp_path, {"afml/cache/__init__.py": OLD + offered, "a.py": code})
    found = survey(find([tmp_path / "a.py"]), Rules())
    assert [r.function for e in found.changes for r in e.plan.rewrites] == ["f"]
    assert "does not offer time_aware_cacheable" in findings(found)[0][1]


def test_module_of_ones_own_that_was_named_is_read_as_well(tmp_path: Path) -> None:
    write(tmp_path, {"quant/caching.py": OLD, "a.py": USER.replace("afml.cache", "quant.caching")})
    assert not survey(find([tmp_path / "a.py"]), Rules(more_sources=("quant.caching",))).changes


def test_project_still_runs_after_the_migration(
    tmp_path: Path, afml_codemod: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    write(
        tmp_path,
        {"afml/__init__.py": "", "afml/cache/__init__.py": OLD, "afml/bars.py": USER},
    )
    done = afml_codemod("apply", tmp_path)
    assert done.returncode == 0, done.stderr
    run = [sys.executable, "-c", "import afml.bars"]
    ran = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert afml_codemod("check", tmp_path).returncode == 1


def test_shipped_example_is_migrated_in_full() -> None:
    found = survey(find([ROOT / "examples" / "legacy_quant"]), Rules())
    assert sum(len(entry.plan.rewrites) for entry in found.changes) == 17


def test_apply_reads_back_what_was_planned(tmp_path: Path) -> None:
    offered = "from afml_cache import robust_cacheable\n"
    write(tmp_path, {"afml/cache/__init__.py": OLD + offered, "a.py": USER})
    assert apply(survey(find([tmp_path]), Rules())).changed == ("a.py",)
    assert "import robust_cacheable" in (tmp_path / "a.py").read_text()


def test_libcst_command_leaves_it_too(tmp_path: Path) -> None:
    write(tmp_path, {"afml/cache/__init__.py": OLD, "a.py": USER})
    context = CodemodContext(filename=str(tmp_path / "a.py"))
    module = MigrateCacheable(context).transform_module(libcst.parse_module(USER))
    assert module.code == USER
    assert "does not offer robust_cacheable" in context.warnings[0]
