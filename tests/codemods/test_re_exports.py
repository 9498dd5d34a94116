"""Decorators that come through a module of the project: they are followed to the cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from codemods.files import find
from codemods.rules import Rules
from codemods.runner import Survey, apply, survey

USER = "from {} import cacheable\n\n\n@cacheable\ndef f(x):\n    return x\n"
DONE = "from {} import robust_cacheable\n\n\n@robust_cacheable\ndef f(x):\n    return x\n"
FACADE = '"""The cache of the house."""\n\nfrom afml.cache import cacheable\n'


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.parents:
            if folder.is_relative_to(root / "src") or folder.is_relative_to(root / "quant"):
                (folder / "__init__.py").touch()
    (root / "pyproject.toml").touch()


def migrate(root: Path, files: dict[str, str], **how: object) -> Survey:
    write(root, files)
    found = survey(find([root]), Rules(**how))  # type: ignore[arg-type]
    apply(found)
    again = survey(find([root]), Rules(**how))  # type: ignore[arg-type]
    assert not again.changes, "a second run changes something"
    return found


def told(found: Survey) -> dict[str, set[str]]:
    return {
        e.path: {f.code.value for f in e.plan.findings} for e in found.planned if e.plan.findings
    }


@pytest.mark.parametrize(
    "module",
    ["quant.caching", ".caching", "quant", "."],
    ids=["absolute", "relative", "package", "package, relative"],
)
@pytest.mark.parametrize("top", ["", "src/"], ids=["flat", "src"])
def test_successor_is_imported_from_the_cache(tmp_path: Path, module: str, top: str) -> None:
    found = migrate(
        tmp_path,
        {
            f"{top}quant/caching.py": FACADE,
            f"{top}quant/__init__.py": "from .caching import cacheable\n",
            f"{top}quant/labels.py": USER.format(module),
        },
    )
    assert (tmp_path / f"{top}quant/labels.py").read_text() == DONE.format("afml.cache")
    assert (tmp_path / f"{top}quant/caching.py").read_text() == FACADE
    assert told(found) == {
        f"{top}quant/caching.py": {"re-export"},
        f"{top}quant/__init__.py": {"re-export"},
    }


@pytest.mark.parametrize(
    ("facade", "user", "after"),
    [
        (
            "from afml.cache import cacheable, other\n",
            "from quant.caching import cacheable, other\n@cacheable\ndef f(x): ...\n",
            "from afml.cache import robust_cacheable\nfrom quant.caching import other\n"
            "@robust_cacheable\ndef f(x): ...\n",
        ),
        (
            "from afml.cache import cacheable as cached\n",
            "from quant.caching import cached\n@cached\ndef f(x): ...\n",
            "from afml.cache import robust_cacheable\n@robust_cacheable\ndef f(x): ...\n",
        ),
        (
            "from afml.cache import cacheable\n",
            "from quant.caching import (\n    cacheable as c,  # ours\n)\n@c\ndef f(x): ...\n",
            "from afml.cache import (\n    robust_cacheable as c,  # ours\n)\n@c\ndef f(x): ...\n",
        ),
        (
            "from afml.cache import *\n",
            "from quant.caching import cacheable\n@cacheable\ndef f(x): ...\n",
            None,
        ),
        (
            "from afml.cache import cacheable\n",
            "from quant.caching import *\n@cacheable\ndef f(x): ...\n",
            "from quant.caching import *\nfrom afml.cache import robust_cacheable\n"
            "@robust_cacheable\ndef f(x): ...\n",
        ),
        (
            "from afml.cache import cacheable\n",
            "import quant.caching as q\n@q.cacheable\ndef f(x): ...\n",
            "from afml.cache import robust_cacheable\n@robust_cacheable\ndef f(x): ...\n",
        ),
        (
            "from afml.cache import cacheable\n",
            "import quant.caching\n@quant.caching.cacheable\ndef f(x): ...\nquant.run()\n",
            "from afml.cache import robust_cacheable\nimport quant.caching\n"
            "@robust_cacheable\ndef f(x): ...\nquant.run()\n",
        ),
        (
            "from afml.cache import cacheable\n",
            "from quant import caching as q\n@q.cacheable()\ndef f(x): ...\nq.x\n",
            "from afml.cache import robust_cacheable\nfrom quant import caching as q\n"
            "@robust_cacheable()\ndef f(x): ...\nq.x\n",
        ),
        (
            "from afml.cache import cacheable, robust_cacheable, time_aware_cacheable\n",
            "from .caching import cacheable\n@cacheable\ndef f(x): ...\n",
            "from .caching import robust_cacheable\n@robust_cacheable\ndef f(x): ...\n",
        ),
        (
            "import quant.settings\nfrom afml.cache import cacheable, robust_cacheable\n",
            "import quant.caching as q\n@q.cacheable\ndef f(x): ...\n",
            "import quant.caching as q\n@q.robust_cacheable\ndef f(x): ...\n",
        ),
        (
            "from afml.cache.selective_cleaner import smart_cacheable\n",
            "from .caching import smart_cacheable\n@smart_cacheable\ndef f(x): ...\n",
            "from afml.cache import robust_cacheable\n@robust_cacheable\ndef f(x): ...\n",
        ),
    ],
)
def test_forms_of_the_import(tmp_path: Path, facade: str, user: str, after: str | None) -> None:
    migrate(tmp_path, {"quant/caching.py": facade, "quant/labels.py": user})
    wanted = "from afml.cache import robust_cacheable\n@robust_cacheable\ndef f(x): ...\n"
    assert (tmp_path / "quant/labels.py").read_text() == (after or wanted)


@pytest.mark.parametrize(
    ("facade", "reason"),
    [
        ("import quant.settings\nfrom afml.cache import cacheable\n", "unresolved-import"),
        ("from afml.cache import cacheable\nsetup()\n", "unresolved-import"),
        ("from afml.cache import cacheable\ncacheable = log(cacheable)\n", "unresolved-import"),
        ("from afml.cache import cacheable\ndef cacheable(f): return f\n", "unresolved-import"),
        (
            "try:\n    from afml.cache import cacheable\nexcept ImportError:\n"
            "    def cacheable(f): return f\n",
            "unresolved-import",
        ),
        ("from other import cacheable\n", "unresolved-import"),
        ("def cacheable(f): return f\n", "unresolved-import"),
        ("from .caching import cacheable\n", "unresolved-import"),
        ("(\n", "unresolved-import"),
    ],
)
def test_what_does_more_than_hand_on_is_left_and_reported(
    tmp_path: Path, facade: str, reason: str
) -> None:
    user = USER.format(".caching")
    found = migrate(tmp_path, {"quant/caching.py": facade, "quant/labels.py": user})
    assert (tmp_path / "quant/labels.py").read_text() == user
    assert told(found)["quant/labels.py"] == {reason}


def test_package_around_a_file_may_do_more_since_it_is_imported_anyway(tmp_path: Path) -> None:
    migrate(
        tmp_path,
        {
            "quant/__init__.py": "from afml.cache import cacheable\nsetup()\n",
            "quant/labels.py": USER.format("quant"),
        },
    )
    assert (tmp_path / "quant/labels.py").read_text() == DONE.format("afml.cache")


def test_two_modules_of_one_name_that_differ_are_not_guessed(tmp_path: Path) -> None:
    user = USER.format("caching")
    migrate(
        tmp_path,
        {
            "caching.py": FACADE,
            "tools/caching.py": "def cacheable(function): return function\n",
            "tools/labels.py": user,
            "labels.py": user,
        },
    )
    assert (tmp_path / "tools/labels.py").read_text() == user
    assert (tmp_path / "labels.py").read_text() == DONE.format("afml.cache")


def test_modules_that_import_each_other_in_a_circle_end(tmp_path: Path) -> None:
    user = USER.format(".a")
    migrate(
        tmp_path,
        {
            "quant/a.py": "from .b import cacheable\n",
            "quant/b.py": "from .a import cacheable\n",
            "quant/labels.py": user,
        },
    )
    assert (tmp_path / "quant/labels.py").read_text() == user


@pytest.mark.parametrize(
    ("facade", "module", "home"),
    [
        ("from .afml.cache import cacheable\n", "house.caching", "house.afml.cache"),
        ("from .afml.cache import cacheable\n", "..caching", "..afml.cache"),
        ("from house.afml.cache import cacheable\n", "..caching", None),
    ],
)
def test_cache_package_inside_of_another_package(
    tmp_path: Path, facade: str, module: str, home: str | None
) -> None:
    user = USER.format(module)
    offers = "cacheable = robust_cacheable = time_aware_cacheable = lambda function: function\n"
    migrate(
        tmp_path,
        {
            "house/__init__.py": "",
            "house/afml/__init__.py": "",
            "house/afml/cache.py": offers,
            "house/caching.py": facade,
            "house/labels/__init__.py": "",
            "house/labels/tb.py": user,
        },
    )
    there = (tmp_path / "house/labels/tb.py").read_text()
    assert there == (DONE.format(home) if home else user)
    code = "import house.labels.tb as m; print(m.f(1))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "1\n", done.stderr


def test_folder_with_a_dot_in_its_name(tmp_path: Path) -> None:
    root = tmp_path / "v1.2"
    root.mkdir()
    migrate(root, {"quant/caching.py": FACADE, "quant/labels.py": USER.format(".caching")})
    assert (root / "quant/labels.py").read_text() == DONE.format("afml.cache")


def test_repository_runs_before_and_after(tmp_path: Path) -> None:
    files = {
        "quant/caching.py": FACADE + "__all__ = ['cacheable']\n",
        "quant/__init__.py": "from quant.caching import cacheable\n",
        "quant/labels.py": USER.format("quant.caching"),
        "quant/deep/features.py": USER.format("..caching"),
        "run.py": dedent(
            """\
            from quant import cacheable, labels
            from quant.deep import features

            @cacheable
            def total(x):
                return labels.f(x) + features.f(x)

            print(total(20))
            """
        ),
    }
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONPATH": str(root), "AFML_CACHE": str(tmp_path / "cache")}

    def run() -> str:
        command = [sys.executable, "run.py"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    write(tmp_path, files)
    before = run()
    found = migrate(tmp_path, files)
    assert len(found.changes) == 3
    assert run() == before == "40\n"
