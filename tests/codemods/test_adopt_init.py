"""``adopt-init``: a repository's own ``afml/cache`` offers the enhanced names as well."""

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

import afml_cache
from codemods.adopt_init import NAMES, OPTIONAL, not_offered, plan_adoption
from codemods.edits import inverse, splice
from codemods.exports import exports
from codemods.files import find
from codemods.journal import Journal, State
from codemods.module_names import ModuleNames
from codemods.offered import offered
from codemods.plan import Plan
from codemods.rollback import RolledBack, roll_back
from codemods.rules import Rules
from codemods.runner import Planned, Survey, apply
from codemods.star_names import brought

ROOT = Path(__file__).resolve().parents[2]
ROBUST = frozenset({"robust_cacheable"})
BOTH = frozenset({"robust_cacheable", "time_aware_cacheable"})
EVERYTHING = frozenset({*NAMES, *OPTIONAL})
INIT = """\
\"\"\"The project's own cache.\"\"\"

from .legacy import cacheable, get_cache_stats

__all__ = ["cacheable", "get_cache_stats"]
"""
LEGACY = "def cacheable(f):\n    return f\n\n\ndef get_cache_stats():\n    return {}\n"
BARS = "from .cache import cacheable\n\n\n@cacheable\ndef bars(x):\n    return x + 1\n"


def becomes(
    before: str | bytes,
    after: str | bytes,
    names: frozenset[str] = ROBUST,
    left: tuple[str, ...] = (),
    **how: object,
) -> Plan:
    data = before if isinstance(before, bytes) else dedent(before).encode()
    wanted = after if isinstance(after, bytes) else dedent(after).encode()
    found = plan_adoption(data, names, **how)  # type: ignore[arg-type]
    assert found.carry_out(data).decode("utf-8", "replace") == wanted.decode("utf-8", "replace")
    assert found.carry_out(data) == wanted
    assert tuple(finding.code.value for finding in found.findings) == left
    assert not plan_adoption(wanted, names, **how).edits, "a second run changes something"  # type: ignore[arg-type]
    return found


def stays(code: str | bytes, names: frozenset[str] = ROBUST, **how: object) -> Plan:
    return becomes(code, code, names, **how)  # type: ignore[arg-type]


# ------------------------------------------------------------------ what is added


def test_import_goes_below_the_others_and_the_name_into_all() -> None:
    found = becomes(
        """\
        \"\"\"Docs.\"\"\"

        from __future__ import annotations

        from .legacy import cacheable

        __all__ = ["cacheable"]
        """,
        """\
        \"\"\"Docs.\"\"\"

        from __future__ import annotations

        from .legacy import cacheable

        from afml_cache import robust_cacheable

        __all__ = ["cacheable", "robust_cacheable"]
        """,
    )
    assert [(r.function, r.old, r.new) for r in found.rewrites] == [("", "", "robust_cacheable")]


def test_whole_guide_with_its_guarded_optional_part() -> None:
    becomes(
        """\
        from .legacy import cacheable

        __all__ = [
            # the decorators
            "smart_cacheable",
            "cacheable",  # the old one
        ]
        """,
        """\
        from .legacy import cacheable

        from afml_cache import (
            BacktestCache,
            cached_backtest,
            get_backtest_cache,
            get_cache_efficiency_report,
            get_cache_monitor,
            print_cache_health,
            robust_cacheable,
            time_aware_cacheable,
        )

        # MLflow integration (optional)
        try:
            from afml_cache import MLFLOW_AVAILABLE, mlflow_cached, setup_mlflow_cache
        except ImportError:
            MLFLOW_AVAILABLE = False

        __all__ = [
            # the decorators
            "smart_cacheable",
            "cacheable",  # the old one
            "robust_cacheable",
            "time_aware_cacheable",
            "get_cache_monitor",
            "print_cache_health",
            "get_cache_efficiency_report",
            "BacktestCache",
            "cached_backtest",
            "get_backtest_cache",
            "MLFLOW_AVAILABLE",
            "mlflow_cached",
            "setup_mlflow_cache",
        ]
        """,
        EVERYTHING,
    )


def test_second_run_after_an_upgrade_adds_what_has_come() -> None:
    becomes(
        """\
        from .legacy import cacheable

        from afml_cache import robust_cacheable  # enhanced

        __all__ = ["cacheable", "robust_cacheable"]
        """,
        """\
        from .legacy import cacheable

        from afml_cache import robust_cacheable, time_aware_cacheable  # enhanced

        __all__ = ["cacheable", "robust_cacheable", "time_aware_cacheable"]
        """,
        BOTH,
    )
    once = plan_adoption(INIT.encode(), BOTH).carry_out(INIT.encode())
    twice = plan_adoption(once, EVERYTHING).carry_out(once)
    assert twice == plan_adoption(INIT.encode(), EVERYTHING).carry_out(INIT.encode())


def test_part_that_is_only_half_there_waits() -> None:
    stays(INIT, frozenset({"mlflow_cached", "setup_mlflow_cache"}))


def test_list_that_grows_too_long_is_broken() -> None:
    becomes(
        """\
        from .a import aaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbb, c
        __all__ = ["aaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "c"]
        """,
        """\
        from .a import aaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbb, c

        from afml_cache import robust_cacheable

        __all__ = [
            "aaaaaaaaaaaaaaaaaaaaa",
            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "c",
            "robust_cacheable",
        ]
        """,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('["a", "z"]', '["a", "robust_cacheable", "z"]'),
        ('["z", "a"]', '["z", "a", "robust_cacheable"]'),
        ("['a']", "['a', 'robust_cacheable']"),
        ("[]", '["robust_cacheable"]'),
        ("()", '("robust_cacheable",)'),
        ('("a", "z")', '("a", "robust_cacheable", "z")'),
        ('("a",)', '("a", "robust_cacheable")'),
        ('"a", "z"', '"a", "robust_cacheable", "z"'),
        ('["a"] + other.__all__', '["a", "robust_cacheable"] + other.__all__'),
        ('other.__all__ + ["a"]', 'other.__all__ + ["a", "robust_cacheable"]'),
        ('[*other.__all__, "a"]', '[*other.__all__, "a", "robust_cacheable"]'),
        ('["a", "z"]  # noqa', '["a", "robust_cacheable", "z"]  # noqa'),
        ('[\n    "a",\n    "z"\n]', '[\n    "a",\n    "robust_cacheable",\n    "z"\n]'),
        ('[\n    "a",\n    "b"\n]', '[\n    "a",\n    "b",\n    "robust_cacheable"\n]'),
        ('[\n    "a",  # A\n]', '[\n    "a",  # A\n    "robust_cacheable",\n]'),
        (
            '[\n    "a",\n    # the z\n    "z",\n]',
            '[\n    "a",\n    "robust_cacheable",\n    # the z\n    "z",\n]',
        ),
        ('other.__all__\n__all__ += ["a"]', 'other.__all__\n__all__ += ["a", "robust_cacheable"]'),
        (
            'other.__all__\n__all__.extend(["a"])',
            'other.__all__\n__all__.extend(["a", "robust_cacheable"])',
        ),
        ('["a", "robust_cacheable"]', '["a", "robust_cacheable"]'),
    ],
)
def test_all_keeps_its_shape(before: str, after: str) -> None:
    new = "from afml_cache import robust_cacheable\n"
    becomes(f"import os\n\n__all__ = {before}\n", f"import os\n\n{new}\n__all__ = {after}\n")
    typed = f"import os\n\n__all__: list[str] = {before}\n"
    if "\n__all__" not in before and before[0] != '"':
        becomes(typed, f"import os\n\n{new}\n__all__: list[str] = {after}\n")


@pytest.mark.parametrize(
    "computed",
    [
        "[name for name in dir() if name[0] != '_']",
        "list(globals())",
        "sorted(['a'])",
        "other.__all__",
    ],
)
def test_computed_all_is_reported_and_left(computed: str) -> None:
    code = f"import os\n\n__all__ = {computed}\n"
    new = "from afml_cache import robust_cacheable\n"
    found = becomes(code, f"import os\n\n{new}\n__all__ = {computed}\n", left=("re-export",))
    assert found.findings[0].line == 3
    assert "robust_cacheable" in found.findings[0].text


@pytest.mark.parametrize(
    "statement", ["if x:\n    __all__ = ['a']\n", "from .other import __all__\n"]
)
def test_all_that_is_made_elsewhere_is_reported(statement: str) -> None:
    found = plan_adoption(statement.encode(), ROBUST)
    assert [finding.code.value for finding in found.findings] == ["re-export"]
    assert statement.encode() in found.carry_out(statement.encode())


def test_no_all_gets_none() -> None:
    becomes("import os\n", "import os\n\nfrom afml_cache import robust_cacheable\n")


# ------------------------------------------------------------------ where it goes

NEW = "from afml_cache import robust_cacheable\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", NEW),
        ("import os", f"import os\n\n{NEW}".rstrip()),
        ("# a comment\n", f"# a comment\n\n{NEW}"),
        ('"""Docs."""\n', f'"""Docs."""\n\n{NEW}'),
        ('"""Docs."""\n\nx = 1\n', f'"""Docs."""\n\n{NEW}\nx = 1\n'),
        (
            "from __future__ import annotations\nx = 1\n",
            f"from __future__ import annotations\n\n{NEW}\nx = 1\n",
        ),
        ("def f(): ...\n", f"{NEW}\n\ndef f(): ...\n"),
        ("import os; import sys\nx = 1\n", f"import os; import sys\n\n{NEW}\nx = 1\n"),
        (
            "import os\ntry:\n    import a\nexcept ImportError:\n    a = None\n\nx = 1\n",
            f"import os\ntry:\n    import a\nexcept ImportError:\n    a = None\n\n{NEW}\nx = 1\n",
        ),
        (
            "if TYPE_CHECKING:\n    from afml_cache import robust_cacheable\n",
            f"if TYPE_CHECKING:\n    from afml_cache import robust_cacheable\n\n{NEW}",
        ),
        (
            "import os\ndef f(): ...\nimport late\n",
            f"import os\n\n{NEW}\ndef f(): ...\nimport late\n",
        ),
        (
            b"\xef\xbb\xbfimport os\r\n",
            b"\xef\xbb\xbfimport os\r\n\r\n" + NEW.encode()[:-1] + b"\r\n",
        ),
        (
            "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"),
            f"# -*- coding: latin-1 -*-\n\n{NEW}\nx = 'é'\n".encode("latin-1"),
        ),
    ],
)
def test_place_of_the_import(before: str | bytes, after: str | bytes) -> None:
    becomes(before, after)


# ------------------------------------------------------------------ what is left alone


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("from .robust_cache_keys import robust_cacheable\n", "name-collision"),
        ("def robust_cacheable(f): ...\n", "name-collision"),
        ("try:\n    from x import robust_cacheable\nexcept ImportError: pass\n", "name-collision"),
        ("robust_cacheable = cacheable = lambda f: f\n", "name-collision"),
        ("N = ['robust_cacheable']\ndef __getattr__(name): ...\n", "name-collision"),
        ("# afml: keep\nimport os\n", "opted-out"),
        ("import (\n", "syntax-error"),
        ("from .unknown import *\n", "star-import"),
    ],
)
def test_left_alone_with_a_reason(code: str, reason: str) -> None:
    stays(code, left=(reason,))


@pytest.mark.parametrize(
    "code",
    [
        "from afml_cache import robust_cacheable\n",
        "try:\n    from afml_cache import robust_cacheable\nexcept ImportError:\n    pass\n",
        "from afml_cache import *\n",
        "import sys\nimport afml_cache\nsys.modules[__name__] = afml_cache\n",
    ],
)
def test_module_that_has_the_names_from_the_cache_needs_nothing(code: str) -> None:
    stays(code)


def test_star_imports_are_followed_into_the_package(tmp_path: Path) -> None:
    init = tmp_path / "__init__.py"
    code = b"from .auto import *\nfrom .more import *\n"
    (tmp_path / "auto.py").write_text("from .deep import *\n_x = 1\n")
    (tmp_path / "deep.py").write_text("def cacheable(f): ...\n")
    (tmp_path / "more.py").write_text("__all__ = ['robust_cacheable']\n")
    found = plan_adoption(code, BOTH, brought(init, code))
    assert [finding.code.value for finding in found.findings] == ["star-import"]
    assert found.carry_out(code) == code + b"\nfrom afml_cache import time_aware_cacheable\n"


# ------------------------------------------------------------------ what the cache offers


def test_offered_names_are_those_of_the_cache() -> None:
    assert offered() == frozenset(afml_cache.__all__)
    assert not set(not_offered(offered())) & set(afml_cache.__all__)


def test_looking_them_up_imports_nothing() -> None:
    script = "from codemods.offered import offered; offered(); import sys; print(*sys.modules)"
    run = [sys.executable, "-c", script]
    modules = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"afml_cache", "pandas", "numpy"} & set(modules.split())


# ------------------------------------------------------------------ laws

pieces = st.lists(
    st.sampled_from(
        [
            "import os\n",
            "from .legacy import cacheable, stats\n",
            "from .z import (\n    z,  # z\n)\n",
            "try:\n    from .y import y\nexcept ImportError:\n    y = None\n",
            "if True:\n    from .w import w\n",
            "from afml_cache import get_cache_monitor\n",
            "x = 1; y = 2\n",
            "\n",
            "# a comment\n",
            "def f():\n    import os\n    return 1\n",
            "class A: ...\n",
        ]
    ),
    max_size=6,
).map("".join)
heads = st.sampled_from(["", '"""Docs."""\n', "# head\n\n", "from __future__ import annotations\n"])
alls = st.sampled_from(
    [
        "",
        "__all__ = []\n",
        '__all__ = ["a", "b"]\n',
        '__all__ = (\n    "z",\n    "b",  # b\n)\n',
        "__all__ = [\n    'a', 'b',\n    'c', 'd'\n]\n",
        "__all__ = x.__all__ + ['q']\n",
        "__all__ = dir()\n",
        '__all__: list[str] = ["a"]  # noqa\n__all__ += ["c"]\n',
    ]
)
newlines = st.sampled_from(["\n", "\r\n"])


@given(heads, pieces, alls, pieces, newlines, st.booleans(), st.sampled_from([BOTH, EVERYTHING]))
def test_any_module_gets_the_names_once_and_nothing_else_changes(
    head: str, above: str, listed: str, below: str, newline: str, end: bool, names: frozenset[str]
) -> None:
    text = head + above + listed + below
    data = (text if end else text.rstrip("\n")).replace("\n", newline).encode()
    found = plan_adoption(data, names)
    result = found.carry_out(data)
    assert not plan_adoption(result, names).edits
    assert splice(result, inverse(found.edits)) == data
    tree, old = ast.parse(result), ast.parse(data)
    assert names <= ModuleNames(tree).names
    if exports(old).literal is not None:
        assert names <= exports(tree).listed | {"get_cache_monitor"}
    kept = [line for line in data.splitlines() if line.strip()]
    if "import get_cache_monitor" not in text and exports(old).literal is None:
        rest = iter(result.splitlines())
        assert all(line in rest for line in kept), "lines are kept, in their order"
    if b"\r\n" in data:
        assert b"\n" not in result.replace(b"\r\n", b"")


# ------------------------------------------------------------------ in a repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project that carries its own ``afml/cache``."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "afml" / "cache").mkdir(parents=True)
    (tmp_path / "afml" / "__init__.py").touch()
    (tmp_path / "afml" / "cache" / "__init__.py").write_text(INIT)
    (tmp_path / "afml" / "cache" / "legacy.py").write_text(LEGACY)
    (tmp_path / "afml" / "bars.py").write_text(BARS)
    return tmp_path


Command = Callable[..., subprocess.CompletedProcess[str]]


def python(root: Path, script: str) -> str:
    environment = {"PYTHONPATH": f"{root}:{ROOT}", "PATH": "/usr/bin:/bin", "AFML_CACHE": str(root)}
    run = [sys.executable, "-c", dedent(script)]
    done = subprocess.run(run, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_repository_is_migrated_after_its_package_has_adopted_the_names(
    repository: Path, afml_codemod: Command
) -> None:
    before = {file: file.read_bytes() for file in repository.rglob("*.py")}
    assert "does not offer robust_cacheable" in afml_codemod("plan").stdout
    adopted = afml_codemod("adopt-init")
    assert adopted.returncode == 0, adopted.stderr
    assert "Undo it with: afml-codemod rollback" in adopted.stdout
    applied = afml_codemod("apply", "--no-pin")
    assert "@robust_cacheable: 1 function" in applied.stdout
    script = """
        import afml.cache, afml_cache, afml.bars
        print(afml.cache.robust_cacheable is afml_cache.robust_cacheable, afml.bars.bars(1))
        print(afml.cache is afml_cache, afml.cache.cacheable.__module__)
        from afml.cache import *
        print(time_aware_cacheable.__name__, get_cache_stats())
    """
    assert python(repository, script).splitlines() == [
        "True 2",
        "False afml.cache.legacy",
        "time_aware_cacheable {}",
    ]
    for _ in range(2):
        assert afml_codemod("rollback").returncode == 0
    assert {file: file.read_bytes() for file in repository.rglob("*.py")} == before


def test_names_that_a_later_migration_imports_are_not_taken_away_from_under_it(
    repository: Path, afml_codemod: Command
) -> None:
    afml_codemod("adopt-init")
    afml_codemod("apply", "--no-pin")
    first, second = Journal(repository).migrations()
    refused = afml_codemod("rollback", first.id)
    assert refused.returncode == 2
    assert f"roll {second.id} back first" in refused.stderr
    assert python(repository, "import afml.bars; print(afml.bars.bars(1))") == "2"
    assert afml_codemod("rollback", second.id).returncode == 0
    assert afml_codemod("rollback", first.id).returncode == 0
    assert (repository / "afml/cache/__init__.py").read_text() == INIT


@pytest.mark.parametrize("path", [".", "afml/cache", "afml/cache/__init__.py", "afml"])
def test_path_may_be_the_file_its_folder_or_the_repository(
    repository: Path, afml_codemod: Command, path: str
) -> None:
    assert afml_codemod("adopt-init", path).returncode == 0
    assert "robust_cacheable" in (repository / "afml/cache/__init__.py").read_text()


def test_package_in_src_and_a_single_module_are_found(
    tmp_path: Path, afml_codemod: Command
) -> None:
    (tmp_path / "src" / "afml").mkdir(parents=True)
    (tmp_path / "src" / "afml" / "cache.py").write_text(LEGACY)
    assert afml_codemod("adopt-init", tmp_path).returncode == 0
    assert (tmp_path / "src/afml/cache.py").read_text().startswith("from afml_cache import")


def test_second_run_says_so_and_leaves_no_migration(
    repository: Path, afml_codemod: Command
) -> None:
    afml_codemod("adopt-init")
    again = afml_codemod("adopt-init")
    assert again.returncode == 0
    assert "has all the enhanced names that afml_cache offers" in again.stdout
    assert len(list(Journal(repository).migrations())) == 1
    added = EVERYTHING & offered()
    assert f"{len(added)} names in 1 file" in afml_codemod("status").stdout


def test_dry_run_shows_a_diff_and_writes_nothing(repository: Path, afml_codemod: Command) -> None:
    shown = afml_codemod("adopt-init", "--dry-run")
    assert shown.returncode == 0
    assert "+from afml_cache import" in shown.stdout
    assert (repository / "afml/cache/__init__.py").read_text() == INIT
    assert not (repository / ".afml-codemod").exists()


def test_repository_without_a_package_of_its_own_is_a_usage_error(
    tmp_path: Path, afml_codemod: Command
) -> None:
    (tmp_path / "a.py").touch()
    answer = afml_codemod("adopt-init", tmp_path)
    assert answer.returncode == 2
    assert "`afml.cache` is the installed cache then" in answer.stderr


def test_several_packages_have_to_be_told_apart(tmp_path: Path, afml_codemod: Command) -> None:
    for part in ("a", "b"):
        (tmp_path / part / "afml" / "cache").mkdir(parents=True)
        (tmp_path / part / "afml" / "cache" / "__init__.py").write_text(INIT)
    answer = afml_codemod("adopt-init", tmp_path)
    assert answer.returncode == 2
    assert "a/afml/cache/__init__.py" in answer.stderr and "b/afml/cache" in answer.stderr


def test_cache_itself_is_refused(tmp_path: Path, afml_codemod: Command) -> None:
    answer = afml_codemod("adopt-init", ROOT / "afml_cache" / "__init__.py")
    assert answer.returncode == 2
    assert "is the cache itself" in answer.stderr


def test_dirty_tree_is_asked_about(repository: Path, afml_codemod: Command) -> None:
    subprocess.run(["git", "init", "-q", repository], check=True)
    answer = afml_codemod("adopt-init")
    assert answer.returncode == 2
    assert "--yes" in answer.stderr
    assert (repository / "afml/cache/__init__.py").read_text() == INIT
    assert afml_codemod("adopt-init", "--yes").returncode == 0


# ------------------------------------------------------------------ undone after edits


def adopt(root: Path, code: str, names: frozenset[str]) -> Path:
    file = root / "afml" / "cache" / "__init__.py"
    file.parent.mkdir(parents=True)
    (root / "pyproject.toml").touch()
    file.write_text(code)
    found = plan_adoption(file.read_bytes(), names)
    tree = find([file])
    assert apply(Survey(tree, Rules(), (Planned(tree.files[0], found),), ())).migration
    return file


def back(root: Path) -> RolledBack:
    journal = Journal(root)
    (migration,) = journal.migrations()
    return roll_back(journal, migration)


@pytest.mark.parametrize("names", [ROBUST, BOTH, EVERYTHING])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("get_cache_stats\n", "get_cache_stats, more\n"),
        ("own cache.", "own cache, edited."),
        ('    "cacheable",\n', '    "cacheable",  # kept\n'),
        ("__all__ =", "x = 1\n\n__all__ ="),
    ],
)
def test_only_our_lines_go_where_others_were_edited(
    tmp_path: Path, names: frozenset[str], old: str, new: str
) -> None:
    code = INIT.replace('["cacheable", "get', '[\n    "cacheable",\n    "get').replace(
        's"]', 's",\n]'
    )
    file = adopt(tmp_path, code, names)
    file.write_text(file.read_text().replace(old, new))
    result = back(tmp_path)
    assert not result.conflicts
    assert file.read_text() == code.replace(old, new)


def test_reformatted_lines_are_found_by_what_they_mean(tmp_path: Path) -> None:
    file = adopt(tmp_path, INIT, EVERYTHING)
    text = ast.unparse(ast.parse(file.read_text()))
    file.write_text(f"{text}\nmore = 1\n")
    result = back(tmp_path)
    assert not result.conflicts
    assert file.read_text() == ast.unparse(ast.parse(INIT)) + "\nmore = 1\n"


def test_name_that_is_used_since_is_a_conflict(tmp_path: Path) -> None:
    file = adopt(tmp_path, INIT, BOTH)
    file.write_text(file.read_text() + "\ncacheable = robust_cacheable\n")
    result = back(tmp_path)
    assert [conflict.ours for conflict in result.conflicts] == ["robust_cacheable of afml_cache"]
    assert result.migration.state is State.PARTLY_ROLLED_BACK
    assert "import robust_cacheable\n" in file.read_text()
    assert "time_aware_cacheable" not in file.read_text()


def test_file_that_does_not_parse_any_more_is_a_conflict(tmp_path: Path) -> None:
    file = adopt(tmp_path, INIT, BOTH)
    file.write_text(file.read_text().replace("from afml_cache", "from from") + "(\n")
    before = file.read_text()
    assert back(tmp_path).conflicts
    assert file.read_text() == before
