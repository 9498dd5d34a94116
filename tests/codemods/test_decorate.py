"""``decorate``: a caching decorator and its import, on the functions that are named."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemods.decorate import KINDS, Decorating, Decoration, plan_decorating
from codemods.definitions import definitions
from codemods.edits import inverse, splice
from codemods.files import find
from codemods.journal import Journal, State
from codemods.named import UnknownNameError, find_named
from codemods.named_functions import survey_named
from codemods.rollback import RolledBack, roll_back
from codemods.runner import apply

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ("src", "afml", "features")
ROBUST = Decoration("robust_cacheable")


def becomes(
    before: str | bytes,
    after: str | bytes,
    *functions: str,
    how: Decoration = ROBUST,
    left: tuple[str, ...] = (),
) -> Decorating:
    data = before if isinstance(before, bytes) else dedent(before).encode()
    wanted = after if isinstance(after, bytes) else dedent(after).encode()
    names = functions or ("f",)
    found = plan_decorating(data, names, how, PACKAGE)
    result = found.plan.carry_out(data)
    assert result.decode("utf-8", "replace") == wanted.decode("utf-8", "replace")
    assert result == wanted
    assert tuple(finding.code.value for finding in found.plan.findings) == left
    again = plan_decorating(wanted, names, how, PACKAGE)
    assert not again.plan.edits, "a second run changes something"
    return found


def stays(code: str, *functions: str, left: str, how: Decoration = ROBUST) -> str:
    found = becomes(code, code, *functions, how=how, left=(left,))
    return found.plan.findings[0].text


# ------------------------------------------------------------------ patterns of the guide


def test_pattern_3_expensive_labelling() -> None:
    becomes(
        """\
        import pandas as pd


        def triple_barrier_labels(prices, barriers):
            return labels
        """,
        """\
        import pandas as pd
        from afml.cache import robust_cacheable


        @robust_cacheable
        def triple_barrier_labels(prices, barriers):
            return labels
        """,
        "triple_barrier_labels",
    )


def test_pattern_4_model_training() -> None:
    becomes(
        """\
        from afml.cache import setup_mlflow_cache

        def train_model(features, labels, params):
            return model, {"accuracy": model.score(features, labels)}
        """,
        """\
        from afml.cache import mlflow_cached, setup_mlflow_cache

        @mlflow_cached(tags={"model": "rf", "version": "v1"})
        def train_model(features, labels, params):
            return model, {"accuracy": model.score(features, labels)}
        """,
        "train_model",
        how=Decoration("mlflow_cached", tags={"model": "rf", "version": "v1"}),
    )


def test_pattern_5_parameter_optimisation() -> None:
    before = "def run_backtest(data, params):\n    return metrics, trades, equity\n"
    head = "from afml.cache import cached_backtest\n\n\n"
    for strategy in (None, 'the "best"'):
        written = '"run_backtest"' if strategy is None else '"the \\"best\\""'
        becomes(
            before,
            f"{head}@cached_backtest({written})\n{before}",
            "run_backtest",
            how=Decoration("cached_backtest", strategy),
        )


def test_no_tags_leave_empty_brackets() -> None:
    code = "def f(x):\n    return x, {}\n"
    head = "from afml.cache import mlflow_cached\n\n\n@mlflow_cached()\n"
    becomes(code, head + code, how=Decoration("mlflow_cached"))


def test_function_that_returns_something_else_is_told_what_is_missing() -> None:
    code = "def f(x):\n    return x\n"
    text = stays(code, left="returns", how=Decoration("mlflow_cached"))
    assert "f returns x in line 2; @mlflow_cached needs (model, metrics)" in text
    assert "--trust-returns" in text
    how = Decoration("mlflow_cached", trust_returns=True)
    head = "from afml.cache import mlflow_cached\n\n\n@mlflow_cached()\n"
    becomes(code, head + code, how=how)


def test_what_is_certainly_wrong_is_not_overruled() -> None:
    how = Decoration("cached_backtest", trust_returns=True)
    text = stays("def f(x):\n    return {}, 1\n", left="returns", how=how)
    assert "returns 2 values in line 2" in text
    assert "--trust-returns" not in text


# ------------------------------------------------------------------ where the name comes from

DEF = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    ("imports", "after", "spelled"),
    [
        ("from afml.cache import robust_cacheable\n", None, "robust_cacheable"),
        ("from afml.cache import robust_cacheable as rc\n", None, "rc"),
        ("from afml.cache.robust_cache_keys import robust_cacheable\n", None, "robust_cacheable"),
        ("import afml.cache as c\n", None, "c.robust_cacheable"),
        ("import afml.cache\n", None, "afml.cache.robust_cacheable"),
        ("import afml_cache\n", None, "afml_cache.robust_cacheable"),
        ("from afml import cache\n", None, "cache.robust_cacheable"),
        ("from .. import cache as c\n", None, "c.robust_cacheable"),
        (
            "from ..cache import cacheable\n",
            "from ..cache import cacheable, robust_cacheable\n",
            "robust_cacheable",
        ),
        (
            "from afml_cache import (\n    a,  # A\n    z,\n)\n",
            "from afml_cache import (\n    a,  # A\n    robust_cacheable,\n    z,\n)\n",
            "robust_cacheable",
        ),
        (
            "import afml.cache as c\nfrom afml.cache import stats\n",
            "import afml.cache as c\nfrom afml.cache import robust_cacheable, stats\n",
            "robust_cacheable",
        ),
        (
            "try:\n    from afml.cache import robust_cacheable\nexcept ImportError:\n"
            "    def robust_cacheable(f):\n        return f\n",
            None,
            "robust_cacheable",
        ),
        (
            "from afml.cache.selective_cleaner import smart_cacheable\n",
            "from afml.cache import robust_cacheable\n"
            "from afml.cache.selective_cleaner import smart_cacheable\n",
            "robust_cacheable",
        ),
        (
            "if TYPE_CHECKING:\n    from afml.cache import robust_cacheable as rc\n",
            "from afml.cache import robust_cacheable\n\n"
            "if TYPE_CHECKING:\n    from afml.cache import robust_cacheable as rc\n",
            "robust_cacheable",
        ),
    ],
)
def test_name_comes_from_where_the_file_takes_such_names(
    imports: str, after: str | None, spelled: str
) -> None:
    becomes(f"{imports}\n\n{DEF}", f"{after or imports}\n\n@{spelled}\n{DEF}")


def test_several_functions_share_one_import() -> None:
    becomes(
        f"{DEF}\n\nfrom afml.cache import stats\n\n\nclass A:\n    def g(self): ...\n",
        "from afml.cache import robust_cacheable\n\n\n@robust_cacheable\n"
        f"{DEF}\n\nfrom afml.cache import stats\n\n\n"
        "class A:\n    @robust_cacheable\n    def g(self): ...\n",
        "f",
        "A.g",
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (f"from other import robust_cacheable\n{DEF}", "name-collision"),
        (f"robust_cacheable = 1\n{DEF}", "name-collision"),
        (f"{DEF}def robust_cacheable(): ...\n", "name-collision"),
        (f"{DEF}from afml.cache import robust_cacheable\n", "name-collision"),
        (
            f"try:\n    from afml.cache import stats\nexcept ImportError:\n    stats = 1\n{DEF}",
            "fallback-definition",
        ),
    ],
)
def test_name_that_cannot_be_had_is_reported(code: str, reason: str) -> None:
    stays(code, left=reason)


@pytest.mark.parametrize(
    "body",
    [
        "    robust_cacheable = 1\n",
        "    import robust_cacheable\n",
        "    for robust_cacheable in x: ...\n",
        "    def robust_cacheable(): ...\n",
    ],
)
def test_name_of_an_enclosing_scope_is_seen(body: str) -> None:
    code = f"def outer(x):\n{body}    def f(y):\n        return y\n"
    stays(code, "outer.<locals>.f", left="name-collision")


# ------------------------------------------------------------------ where the import goes

NEW = "from afml.cache import robust_cacheable\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{NEW}\n\n"),
        ('"""Docs."""\n\n\n', f'"""Docs."""\n\n{NEW}\n\n'),
        ("#!/usr/bin/env python\n# text\n\n", f"#!/usr/bin/env python\n# text\n\n{NEW}\n"),
        (
            "from __future__ import annotations\n\n\n",
            f"from __future__ import annotations\n\n{NEW}\n\n",
        ),
        ("import os\n\n\n", f"import os\n\n{NEW}\n\n"),
        ("import numpy\nimport pandas\n\n\n", f"import numpy\nimport pandas\n{NEW}\n\n"),
        (
            "from abc import ABC\nfrom zlib import x\n\n",
            f"from abc import ABC\nfrom zlib import x\n\n{NEW}\n",
        ),
        (
            "import numpy\nfrom aaa import x\nfrom sklearn import y\n\n",
            f"import numpy\nfrom aaa import x\n{NEW}from sklearn import y\n\n",
        ),
        ("import z\nimport a\n\n", f"import z\nimport a\n{NEW}\n"),
        (
            "import os\n\nimport numpy\n\nfrom . import x\n\n",
            f"import os\n\nimport numpy\n{NEW}\nfrom . import x\n\n",
        ),
        (
            "import numpy\n# why\nfrom sklearn import y\n\n",
            f"import numpy\n{NEW}# why\nfrom sklearn import y\n\n",
        ),
        ("#!x\nfrom sklearn import y\n\n", f"#!x\n{NEW}from sklearn import y\n\n"),
        (
            "import sys\n\nsys.path.insert(0, 'lib')\n\n",
            f"import sys\n\nsys.path.insert(0, 'lib')\n\n{NEW}\n",
        ),
        (
            "import sys\nsys.path.insert(0, 'lib')\nfrom lib import x\n\n",
            f"import sys\nsys.path.insert(0, 'lib')\n{NEW}from lib import x\n\n",
        ),
        ("import os; import numpy\n\n", f"import os; import numpy\n{NEW}\n"),
        (
            "import numpy\ntry:\n    import a\nexcept ImportError:\n    a = 1\n\n",
            f"import numpy\n{NEW}try:\n    import a\nexcept ImportError:\n    a = 1\n\n",
        ),
    ],
)
def test_place_of_a_new_import(before: str, after: str) -> None:
    becomes(before + DEF, f"{after}@robust_cacheable\n{DEF}")


def test_bytes_are_kept() -> None:
    before = b"\xef\xbb\xbfimport numpy\r\n\r\nclass A:\r\n\t@staticmethod\r\n\tdef f(x): return x"
    after = before.replace(b"numpy\r\n", b"numpy\r\n" + NEW.encode()[:-1] + b"\r\n")
    after = after.replace(b"\tdef", b"\t@robust_cacheable\r\n\tdef")
    becomes(before, after, "A.f")
    latin = "# -*- coding: latin-1 -*-\nimport numpy\ndef f(x): return 'é'\n".encode("latin-1")
    wanted = latin.replace(b"numpy\n", b"numpy\n" + NEW.encode() + b"@robust_cacheable\n")
    becomes(latin, wanted)


# ------------------------------------------------------------------ which place in the stack


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("@staticmethod\ndef f(x): ...", "@staticmethod\n@robust_cacheable\ndef f(x): ..."),
        ("@classmethod\ndef f(x): ...", "@classmethod\n@robust_cacheable\ndef f(x): ..."),
        ("@property\n# why\ndef f(x): ...", "@property\n# why\n@robust_cacheable\ndef f(x): ..."),
        ("async def f(x): ...", "@robust_cacheable\nasync def f(x): ..."),
        ("def __call__(x): ...", "@robust_cacheable\ndef __call__(x): ..."),
        ("@njit\ndef f(x): ...", "@robust_cacheable\n@njit\ndef f(x): ..."),
        (
            "@staticmethod\n@njit(cache=True)\ndef f(x): ...",
            "@staticmethod\n@robust_cacheable\n@njit(cache=True)\ndef f(x): ...",
        ),
        ("@logged\ndef f(x): ...", "@logged\n@robust_cacheable\ndef f(x): ..."),
    ],
)
def test_place_among_other_decorators(before: str, after: str) -> None:
    head = (
        "from numba import njit\nfrom afml.cache import robust_cacheable\n\n"
        "def logged(function):\n    def inner(*a):\n        return function(*a)\n    return inner\n"
    )

    def method(text: str) -> str:
        return head + "class A:\n" + "".join(f"    {line}\n" for line in text.split("\n"))

    becomes(method(before), method(after), "A.__call__" if "__call__" in before else "A.f")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("class f: ...\n", "value-use"),
        ("def f():\n    yield 1\n", "value-use"),
        ("async def f():\n    yield 1\n", "value-use"),
        ("@app.route('/')\ndef f(): ...\n", "value-use"),
        ("@overload\ndef f(): ...\n", "value-use"),
        ("from functools import lru_cache\n@lru_cache\ndef f(): ...\n", "already-cached"),
        ("from afml.cache import cacheable\n@cacheable\ndef f(): ...\n", "already-cached"),
        ("from afml.cache import cacheable as c\n@c(ignore=1)\ndef f(): ...\n", "already-cached"),
        ("def f():  # afml: keep\n    ...\n", "opted-out"),
        ("# afml: keep\ndef f(): ...\n", "opted-out"),
    ],
)
def test_function_that_cannot_be_cached_is_left_with_a_reason(code: str, reason: str) -> None:
    stays(code, left=reason)


def test_constructor_is_left() -> None:
    stays("class A:\n    def __init__(self): ...\n", "A.__init__", left="value-use")


def test_function_that_is_defined_twice_is_left() -> None:
    code = "if x:\n    def f(): ...\nelse:\n    def f(): ...\n"
    becomes(code, code, left=("ambiguous-binding",) * 2)


@pytest.mark.parametrize(
    "code",
    [
        "from afml.cache import robust_cacheable\n@robust_cacheable\ndef f(): ...\n",
        "from afml.cache import robust_cacheable as r\n@r(ttl=3)\ndef f(): ...\n",
        "import afml.cache as c\n@c.robust_cacheable\ndef f(): ...\n",
    ],
)
def test_function_that_has_it_already_needs_nothing(code: str) -> None:
    assert becomes(code, code).already == ("f",)


# ------------------------------------------------------------------ which function is meant


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with functions of the same name."""
    root = tmp_path / "project"
    for name, text in {
        "quant/__init__.py": "def top(): ...\n",
        "quant/labels.py": "import numpy\n\n\n"
        + DEF
        + "\n\nclass Model:\n    def fit(self): ...\n",
        "src/other/labels.py": DEF + "\n\ndef outer():\n    def inner(): ...\n",
        "broken.py": "def f(\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "pyproject.toml").touch()
    return root


@pytest.mark.parametrize(
    ("text", "file", "name"),
    [
        ("quant.labels.f", "quant/labels.py", "f"),
        ("quant/labels.py::f", "quant/labels.py", "f"),
        ("quant/labels.py:f", "quant/labels.py", "f"),
        ("other.labels.f", "src/other/labels.py", "f"),
        ("quant.top", "quant/__init__.py", "top"),
        ("top", "quant/__init__.py", "top"),
        ("Model.fit", "quant/labels.py", "Model.fit"),
        ("labels.Model.fit", "quant/labels.py", "Model.fit"),
        ("quant/labels.py::Model.fit", "quant/labels.py", "Model.fit"),
        ("outer.inner", "src/other/labels.py", "outer.<locals>.inner"),
        ("outer.<locals>.inner", "src/other/labels.py", "outer.<locals>.inner"),
    ],
)
def test_function_is_found(project: Path, text: str, file: str, name: str) -> None:
    assert find_named(find([project]), [text], project) == {file: [name]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("f", ["f can mean several functions", "quant/labels.py::f", "src/other/labels.py::f"]),
        ("labels.f", ["can mean several", "quant/labels.py::f", "src/other/labels.py::f"]),
        ("Model.fitt", ["there is no function Model.fitt", "quant/labels.py::Model.fit"]),
        ("fit", ["there is no function fit", "quant/labels.py::Model.fit"]),
        ("quant/labels.py::g", ["quant/labels.py has no function g"]),
        ("quant/label.py::f", ["there is no Python file quant/label.py"]),
        ("broken.py::f", ["broken.py does not parse"]),
    ],
)
def test_unknown_and_ambiguous_names_are_told(project: Path, text: str, said: list[str]) -> None:
    with pytest.raises(UnknownNameError) as error:
        find_named(find([project]), [text], project)
    assert all(part in str(error.value) for part in said)


# ------------------------------------------------------------------ the command

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_decorated_then_rolled_back(project: Path, afml_codemod: Command) -> None:
    before = {file: file.read_bytes() for file in project.rglob("*.py")}
    names = ("quant.labels.f", "Model.fit", "src/other/labels.py::f")
    done = afml_codemod("decorate", *names, "--with", "time_aware", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "Added decorators to 3 functions in 2 files." in done.stdout
    assert "Undo it with: afml-codemod rollback" in done.stdout
    assert (project / "quant/labels.py").read_text().count("@time_aware_cacheable") == 2
    assert "3 functions in 2 files" in afml_codemod("status", cwd=project).stdout
    again = afml_codemod("decorate", *names, "--with", "time_aware", cwd=project)
    assert again.returncode == 0
    assert again.stdout.count("already") == 3
    assert afml_codemod("rollback", cwd=project).returncode == 0
    assert {file: file.read_bytes() for file in project.rglob("*.py")} == before


def test_decorated_function_is_really_cached(tmp_path: Path, afml_codemod: Command) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "a.py").write_text("def f(x):\n    print('computes')\n    return x\n")
    assert afml_codemod("decorate", "a.f", "--with", "robust").returncode == 0
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "AFML_CACHE": str(tmp_path)}
    run = [sys.executable, "-c", "import a; print(a.f(2), a.f(2))"]
    done = subprocess.run(
        run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["computes", "2", "2"]


def test_one_that_is_refused_does_not_stop_the_others(project: Path, afml_codemod: Command) -> None:
    done = afml_codemod(
        "decorate", "quant.labels.f", "quant.labels.Model", "--with", "robust", cwd=project
    )
    assert done.returncode == 3
    assert "Model is a class" in done.stdout
    assert "Added a decorator to 1 function in 1 file." in done.stdout


def test_dry_run_writes_nothing(project: Path, afml_codemod: Command) -> None:
    shown = afml_codemod("decorate", "top", "--with", "robust", "--dry-run", cwd=project)
    assert shown.returncode == 0
    assert "+@robust_cacheable" in shown.stdout
    assert not (project / ".afml-codemod").exists()
    assert (project / "quant/__init__.py").read_text() == "def top(): ...\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("f", "--with", "robust"), "can mean several functions"),
        (("top", "--with", "robust", "--name", "x"), "--with backtest"),
        (("top", "--with", "robust", "--tag", "a=b"), "--with mlflow"),
        (("top", "--with", "robust", "--trust-returns"), "--with mlflow or backtest"),
        (("top", "f", "--with", "backtest", "--name", "x"), "name one function"),
        (("top", "--with", "mlflow", "--tag", "ab"), "is no KEY=VALUE"),
        (("top", "--with", "other"), "Invalid value for '--with'"),
        (("--with", "robust"), "Missing argument"),
    ],
)
def test_usage(project: Path, afml_codemod: Command, arguments: tuple[str, ...], said: str) -> None:
    answer = afml_codemod("decorate", *arguments, cwd=project)
    assert answer.returncode == 2
    assert said in answer.stderr


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_decorator_that_the_installed_cache_lacks_is_refused_until_it_comes(
    project: Path, tmp_path: Path, kind: str
) -> None:
    """With stand-ins for two versions of the cache; only their list of names is ever read."""
    name = KINDS[kind]
    (project / "quant/__init__.py").write_text(
        "def top():\n    return 1, {}\ndef b():\n    return {}, 1, 2\n"
    )
    function = "b" if kind == "backtest" else "top"
    for number, names in enumerate((["other"], ["other", name])):
        cache = tmp_path / str(number) / "afml_cache"
        cache.mkdir(parents=True)
        (cache / "__init__.py").write_text(f"__all__ = {names!r}\nraise SystemExit(5)\n")
        script = f"import sys; sys.path.insert(0, {str(cache.parent)!r})\n"
        script += "from codemods.cli import main\nmain()\n"
        answer = subprocess.run(
            [sys.executable, "-c", script, "decorate", function, "--with", kind],
            cwd=project,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )
        if name in names:
            assert answer.returncode == 0, answer.stderr
            assert f"@{name}" in (project / "quant/__init__.py").read_text()
        else:
            assert answer.returncode == 2
            assert f"The installed afml_cache has no {name}" in answer.stderr


def test_own_package_without_the_name_has_to_adopt_it_first(
    project: Path, afml_codemod: Command
) -> None:
    (project / "afml" / "cache").mkdir(parents=True)
    (project / "afml" / "__init__.py").touch()
    (project / "afml" / "cache" / "__init__.py").touch()
    refused = afml_codemod("decorate", "top", "--with", "robust", cwd=project)
    assert refused.returncode == 3
    assert "afml/cache/__init__.py does not offer robust_cacheable" in refused.stdout
    assert "adopt-init" in refused.stdout
    assert afml_codemod("adopt-init", cwd=project).returncode == 0
    assert afml_codemod("decorate", "top", "--with", "robust", cwd=project).returncode == 0


def test_dirty_tree_is_asked_about(project: Path, afml_codemod: Command) -> None:
    subprocess.run(["git", "init", "-q", project], check=True)
    answer = afml_codemod("decorate", "top", "--with", "robust", cwd=project)
    assert answer.returncode == 2
    assert "--yes" in answer.stderr
    assert afml_codemod("decorate", "top", "--with", "robust", "--yes", cwd=project).returncode == 0


# ------------------------------------------------------------------ undone after edits


def decorated(root: Path, code: str, *functions: str) -> Path:
    (root / "pyproject.toml").touch()
    (root / "a.py").write_text(code)
    found, _ = survey_named(find([root]), {"a.py": functions}, ROBUST)
    assert apply(found).migration is not None
    return root / "a.py"


def back(root: Path) -> RolledBack:
    journal = Journal(root)
    (migration,) = journal.migrations()
    return roll_back(journal, migration)


CODE = (
    "import numpy\n\n\ndef f(x):\n    return x\n\n\nclass A:\n    def g(self):\n        return 1\n"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x", "return x + 1"),
        ("def f(x):", "def f(x, y):"),
        ("import numpy\n", "import numpy\nimport scipy\n"),
        ("import numpy\n", "import aaa\nimport numpy\n\n"),
        ("class A:", "class A:  # a class"),
        ("def f(x):", "def renamed(x):"),
    ],
)
def test_only_ours_goes_where_others_were_edited(tmp_path: Path, old: str, new: str) -> None:
    file = decorated(tmp_path, CODE, "f", "A.g")
    assert file.read_text().count("@robust_cacheable") == 2
    file.write_text(file.read_text().replace(old, new))
    assert not back(tmp_path).conflicts
    assert file.read_text() == CODE.replace(old, new)


def test_import_stays_where_somebody_needs_it(tmp_path: Path) -> None:
    file = decorated(tmp_path, CODE, "f")
    mine = "\n\n@robust_cacheable\ndef mine(x):\n    return x\n"
    file.write_text(file.read_text() + mine)
    assert not back(tmp_path).conflicts
    text = file.read_text()
    assert "import robust_cacheable" in text
    assert text.count("@robust_cacheable") == 1 and text.endswith(mine)


@pytest.mark.parametrize(
    ("now", "theirs"),
    [
        ("@robust_cacheable(ttl=60)\ndef f", "@robust_cacheable(ttl=60)"),
        ("@time_aware_cacheable\ndef f", "@time_aware_cacheable"),
        ("@ robust_cacheable\ndef renamed", "no function of that name"),
    ],
)
def test_decorator_that_is_not_as_we_wrote_it_is_a_conflict(
    tmp_path: Path, now: str, theirs: str
) -> None:
    file = decorated(tmp_path, CODE, "f", "A.g")
    file.write_text(file.read_text().replace("@robust_cacheable\ndef f", now))
    result = back(tmp_path)
    assert [(c.ours, c.theirs) for c in result.conflicts] == [("@robust_cacheable on f", theirs)]
    text = file.read_text()
    assert now in text
    assert "class A:\n    def g(self)" in text
    assert result.migration.state is State.PARTLY_ROLLED_BACK


def test_decorator_that_somebody_took_off_needs_no_undoing(tmp_path: Path) -> None:
    file = decorated(tmp_path, CODE, "f", "A.g")
    file.write_text(file.read_text().replace("@robust_cacheable\ndef f", "def f"))
    result = back(tmp_path)
    assert not result.conflicts
    assert file.read_text() == CODE
    assert result.migration.state is State.ROLLED_BACK


def test_reformatted_file_is_undone_by_meaning(tmp_path: Path) -> None:
    file = decorated(tmp_path, CODE, "f", "A.g")
    file.write_text(ast.unparse(ast.parse(file.read_text())))
    assert not back(tmp_path).conflicts
    assert ast.dump(ast.parse(file.read_text())) == ast.dump(ast.parse(CODE))


# ------------------------------------------------------------------ laws

tops = st.lists(
    st.sampled_from(
        [
            "import os\n",
            "import numpy as np\n",
            "from afml.cache import cacheable\n",
            "from ..cache import (\n    cacheable,  # old\n)\n",
            "import afml.cache as c\n",
            "try:\n    import a\nexcept ImportError:\n    a = None\n",
            "if True:\n    import b\n",
            "x = 1; y = 2\n",
            "# comment\n",
            "\n",
        ]
    ),
    max_size=5,
).map("".join)
bodies = st.lists(
    st.sampled_from(
        [
            "def f{n}(x):\n    return x\n",
            "@staticmethod\ndef f{n}(x): return x\n",
            "class f{n}:\n    def m(self):\n        '''doc\n  odd'''\n        return 1\n",
            "async def f{n}(x):\n\n\n    return x\n",
            "if x:\n    # why\n    def f{n}(x): return x\n",
            "def f{n}():\n    def inner(y):\n        return y\n    return inner\n",
            "def f{n}():\n    yield 1\n",
            "# between\n\n",
        ]
    ),
    min_size=1,
    max_size=4,
)
heads = st.sampled_from(["", '"""Docs."""\n', "#!x\n\n", "from __future__ import annotations\n"])


@given(heads, tops, bodies, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.data())
def test_any_module(
    head: str, top: str, parts: list[str], newline: str, end: bool, data: st.DataObject
) -> None:
    text = head + top + "".join(part.replace("{n}", str(n)) for n, part in enumerate(parts))
    code = (text if end else text.rstrip("\n")).replace("\n", newline).encode()
    old = {d.name: d.node for d in definitions(ast.parse(code))}
    names = data.draw(st.lists(st.sampled_from(sorted(old) or ["f"]), unique=True))
    found = plan_decorating(code, names, ROBUST, PACKAGE)
    result = found.plan.carry_out(code)
    assert not plan_decorating(result, names, ROBUST, PACKAGE).plan.edits
    assert splice(result, inverse(found.plan.edits)) == code
    done = {rewrite.function for rewrite in found.plan.rewrites}
    assert len(done) + len(found.plan.findings) == len(names)
    for definition in definitions(ast.parse(result)):
        more = len(definition.node.decorator_list) - len(old[definition.name].decorator_list)
        assert more == (definition.name in done)
    rest = iter(result.splitlines())
    changed = b"from afml.cache import cacheable", b"    cacheable,  # old"
    kept = [line for line in code.splitlines() if not line.startswith(changed)]
    assert all(line in rest for line in kept), "every line is kept, in its order"
