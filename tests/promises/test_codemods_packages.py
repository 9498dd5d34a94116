"""Real packages on disk: relative imports at any depth, and names that files take from each other.

Every repository here runs before and after, and prints the same both times.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.promises.codemod_cases import after, before

pytestmark = pytest.mark.slow  # it starts many processes

#: A package that carries ``afml.cache`` itself and has the new names there, as the guide has it.
CARRIED = {
    "quant/__init__.py": "",
    "quant/cache/__init__.py": (
        "from afml_cache import cacheable, robust_cacheable, time_aware_cacheable\n"
        "__all__ = ['cacheable', 'robust_cacheable', 'time_aware_cacheable']\n"
    ),
}


@pytest.fixture
def migrate(codemod: Any, printed_by: Callable[..., tuple[int, str]]) -> Callable[..., Any]:
    """Apply to marked files; each becomes what its marks say, and ``case.py`` prints the same."""

    def check(
        files: dict[str, str], *options: str, runs: bool = True
    ) -> list[tuple[str, int, str]]:
        for name, marked in files.items():
            codemod.write(name, before(marked))
        code, said = printed_by(codemod.folder)
        assert code == 0 or not runs, said
        findings = codemod.findings(*options)
        codemod("apply", "--yes", "--no-pin", *options)
        (codemod.folder / "printed").unlink()
        wrong = {
            name: codemod.read(name).decode()
            for name, marked in files.items()
            if codemod.read(name) != after(marked).encode()
        }
        assert wrong == {}
        if runs:
            assert printed_by(codemod.folder) == (0, said)
        written = {name: codemod.read(name) for name in files}
        codemod("apply", "--yes", "--no-pin", *options)
        assert written == {name: codemod.read(name) for name in files}, "twice is not once"
        codemod("rollback")
        assert all(codemod.read(name) == before(marked).encode() for name, marked in files.items())
        return findings

    return check


@pytest.mark.parametrize(
    ("path", "dots"),
    [
        ("quant/labels.py", "."),
        ("quant/__init__.py", "."),
        ("quant/a/labels.py", ".."),
        ("quant/a/__init__.py", ".."),
        ("quant/a/b/c/labels.py", "...."),
    ],
)
def test_relative_imports_at_any_depth(migrate: Any, path: str, dots: str) -> None:
    files = {**CARRIED, "quant/a/__init__.py": ""}
    files |= {"quant/a/b/__init__.py": "", "quant/a/b/c/__init__.py": ""}
    files[path] = f"""\
from {dots}cache import «cacheable»

@«cacheable»
def f(x): return x + 1
"""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    files["case.py"] = f"from {module} import f\nprint(f(1), f(1))\n"
    told = migrate(files, "--source-module", "quant.cache")
    assert {code for _, _, code in told} == {"re-export"}


@pytest.mark.parametrize("root", ["", "src/"])
def test_a_relative_import_within_afml_itself(migrate: Any, root: str) -> None:
    files = {
        f"{root}afml/__init__.py": "",
        f"{root}afml/cache/__init__.py": CARRIED["quant/cache/__init__.py"],
        f"{root}afml/labels/__init__.py": "",
        f"{root}afml/labels/fast.py": """\
from ..cache import «cacheable»

@«cacheable»
def f(x): return x + 1
""",
        f"{root}afml/labels/slow.py": """\
from .. import cache as c

@c.«cacheable»
def f(x): return x + 2
""",
        "case.py": "import sys\nsys.path.insert(0, 'src')\nsys.modules.pop('afml')\n"
        "sys.modules.pop('afml.cache')\n"
        "from afml.labels import fast, slow\nprint(fast.f(1), slow.f(1))\n",
    }
    assert {code for _, _, code in migrate(files)} == {"re-export"}


def test_a_relative_import_of_another_cache(codemod: Any) -> None:
    text = "from .cache import cacheable\n\n@cacheable\ndef f(x): return x + 1\n"
    codemod.write("desk/__init__.py", "")
    codemod.write("desk/cache.py", "def cacheable(function): return function\n")
    codemod.write("desk/labels.py", text)
    assert {code for _, _, code in codemod.findings()} <= {"unresolved-import"}
    codemod("apply", "--yes")
    assert codemod.read("desk/labels.py").decode() == text


def test_too_many_dots_lead_nowhere(codemod: Any) -> None:
    text = "from .....cache import cacheable\n\n@cacheable\ndef f(x): return x\n"
    codemod.write("desk/__init__.py", "")
    codemod.write("desk/labels.py", text)
    codemod("apply", "--yes")
    assert codemod.read("desk/labels.py").decode() == text


@pytest.mark.parametrize("home", ["quant/caching.py", "quant/caching/__init__.py"])
def test_a_module_that_re_exports_is_a_source(migrate: Any, home: str) -> None:
    files = {
        "quant/__init__.py": "",
        home: "from afml.cache import cacheable\n",
        "quant/labels.py": """\
from «quant.caching→afml.cache» import «cacheable»

@«cacheable»
def f(x): return x + 1
""",
        "case.py": "from quant.labels import f\nprint(f(1))\n",
    }
    assert (home, 1, "re-export") in migrate(files)


def test_a_relative_import_of_a_re_export(migrate: Any) -> None:
    files = {
        "quant/__init__.py": "",
        "quant/caching.py": "from afml_cache import cacheable\n\n__all__ = ['cacheable']\n",
        "quant/a/__init__.py": "",
        "quant/a/labels.py": """\
from «..caching→afml_cache» import «cacheable»

@«cacheable»
def f(x): return x + 1
""",
        "case.py": "from quant.a.labels import f\nprint(f(1))\n",
    }
    assert {path for path, _, code in migrate(files) if code == "re-export"} == {"quant/caching.py"}


def test_a_chain_of_re_exports(migrate: Any) -> None:
    files = {
        "quant/__init__.py": "from quant.caching import cacheable\n",
        "quant/caching.py": "from afml.cache import cacheable as cacheable\n",
        "labels.py": """\
from «quant→afml.cache» import «cacheable»

@«cacheable»
def f(x): return x + 1
""",
        "case.py": "from labels import f\nprint(f(1))\n",
    }
    told = migrate(files)
    assert {path for path, _, code in told if code == "re-export"} == {
        "quant/__init__.py",
        "quant/caching.py",
    }


@pytest.mark.parametrize(
    "caching",
    [
        "from afml.cache import cacheable\n\ndef other(): return 3\n",
        "from afml.cache import cacheable, robust_cacheable\n\ndef other(): return 3\n",
    ],
)
def test_a_re_export_beside_other_names(
    codemod: Any, printed_by: Callable[..., tuple[int, str]], caching: str
) -> None:
    codemod.write("quant/__init__.py", "")
    codemod.write("quant/caching.py", caching)
    codemod.write("case.py", "from quant.labels import f\nprint(f(1))\n")
    codemod.write(
        "quant/labels.py",
        "from quant.caching import cacheable, other\n\n@cacheable\ndef f(x): return x + other()\n",
    )
    said = printed_by(codemod.folder)
    assert ("quant/caching.py", 1, "re-export") in codemod.findings()
    codemod("apply", "--yes", "--no-pin")
    labels = codemod.read("quant/labels.py").decode()
    assert "\n@robust_cacheable\n" in labels
    assert "cacheable, other" not in labels.replace("robust_cacheable", "robust")
    assert codemod.read("quant/caching.py").decode() == caching
    assert printed_by(codemod.folder) == said == (0, "4\n")


def test_a_module_that_wraps_the_decorator_is_no_re_export(codemod: Any) -> None:
    caching = "from afml.cache import cacheable as c\n\ndef cacheable(f): return c(f)\n"
    labels = "from quant.caching import cacheable\n\n@cacheable\ndef f(x): return x\n"
    codemod.write("quant/__init__.py", "")
    codemod.write("quant/caching.py", caching)
    codemod.write("quant/labels.py", labels)
    codemod("apply", "--yes")
    assert codemod.read("quant/labels.py").decode() == labels
    assert codemod.read("quant/caching.py").decode() == caching


@pytest.mark.parametrize("module", ["afml.cache", "afml_cache"])
def test_the_only_star_import(migrate: Any, module: str) -> None:
    files = {
        "case.py": f"""\
from {module} import *
«→from {module} import robust_cacheable
»
@«cacheable»
def f(x): return x + 1
print(f(1), f(1))
""",
    }
    migrate(files)


def test_a_star_import_of_a_re_export(migrate: Any) -> None:
    files = {
        "caching.py": "from afml.cache import cacheable\n",
        "case.py": """\
from caching import *
«→from afml.cache import robust_cacheable
»
@«cacheable»
def f(x): return x + 1
print(f(1))
""",
    }
    assert ("caching.py", 1, "re-export") in migrate(files)


def test_star_imports_of_which_one_is_no_source_are_reported(codemod: Any) -> None:
    text = "from afml.cache import *\nfrom desk_lib import *\n\n@cacheable\ndef f(x): ...\n"
    codemod.write("case.py", text)
    assert [(line, code) for _, line, code in codemod.findings()] == [(4, "star-import")]
    codemod("check", code=1)
    codemod("apply", "--yes")
    assert codemod.read("case.py").decode() == text


def test_a_star_import_that_cannot_bring_it_is_not_reported(codemod: Any) -> None:
    codemod.write("case.py", "from math import *\n\n@cacheable\ndef f(x): return x\n")
    assert codemod.findings() in ([], [("case.py", 3, "star-import")])


def test_what_another_file_reaches_stays_importable(migrate: Any) -> None:
    files = {
        "desk/__init__.py": "",
        "desk/a.py": """\
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
""",
        "case.py": "import desk.a\nfrom unittest import mock\n"
        "with mock.patch('desk.a.cacheable') as patched: print(desk.a.f(1), patched is not None)\n",
    }
    assert ("desk/a.py", 1, "re-export") in migrate(files)


@pytest.mark.parametrize(
    "reach",
    [
        "from desk.a import cacheable; print(cacheable(len)('ab'))",
        "from desk import a; print(a.cacheable(len)('ab'))",
        "import desk.a as b; print(getattr(b, 'cacheable')(len)('ab'))",
        "import desk.a as b; print(vars(b)['cacheable'](len)('ab'))",
        "import desk.a as b; print(b.__dict__['cacheable'](len)('ab'))",
        "from desk.a import *; print(cacheable(len)('ab'))",
        "from desk.a import (\n    f,\n    cacheable as c,\n); print(c(len)('ab'))",
        "import importlib; print(importlib.import_module('desk.a').cacheable(len)('ab'))",
        "import sys, desk.a; print(sys.modules['desk.a'].cacheable(len)('ab'))",
        "import operator, desk.a; print(operator.attrgetter('a.cacheable')(desk)(len)('ab'))",
        "import pkgutil; print(pkgutil.resolve_name('desk.a:cacheable')(len)('ab'))",
    ],
)
def test_no_way_to_reach_a_name_of_another_file_breaks(migrate: Any, reach: str) -> None:
    files = {
        "desk/__init__.py": "",
        "desk/a.py": """\
from afml.cache import cacheable«→, robust_cacheable»

@«cacheable»
def f(x): return x + 1
""",
        "case.py": reach + "\n",
    }
    migrate(files)


def test_paths_of_other_folders_are_looked_at_for_what_they_reach(
    codemod: Any, tmp_path: Path
) -> None:
    codemod.write("pyproject.toml", "")
    codemod.write(".git/HEAD", "ref: refs/heads/main\n")
    codemod.write(
        "a/one.py", "from afml.cache import cacheable\n\n@cacheable\ndef f(x): return x\n"
    )
    codemod.write("b/two.py", "from a.one import cacheable\nprint(cacheable)\n")
    codemod("apply", "--yes", "a")
    assert b"import cacheable, robust_cacheable\n" in codemod.read("a/one.py")
