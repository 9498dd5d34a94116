"""Rolling back what somebody went on with: new arguments, a second attempt, files that are gone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codemods.files import find
from codemods.journal import Journal, State
from codemods.rollback import RolledBack, roll_back
from codemods.rules import Rules
from codemods.runner import apply, survey

HEAD = "from afml.cache import cacheable\n\n\n"
CODE = (
    HEAD
    + "@cacheable()\ndef f(x):\n    return x\n\n\n@cacheable\ndef g(start, end):\n    return 1\n"
)


def migrate(root: Path, **files: str) -> None:
    (root / "pyproject.toml").touch()
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    assert apply(survey(find([root]), Rules())).migration is not None


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, text
    file.write_text(text.replace(old, new))


def back(root: Path) -> RolledBack:
    journal = Journal(root)
    (migration,) = journal.migrations()
    result = roll_back(journal, migration)
    assert journal.read(migration.id).state is result.migration.state
    return result


# ------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("before", "migrated", "now"),
    [
        ("@cacheable()", "@robust_cacheable()", "@robust_cacheable(version=2)"),
        ("@cacheable", "@robust_cacheable\n", "@robust_cacheable(ttl=60, ignore=['x'])\n"),
        ("@cacheable(\n)", "@robust_cacheable(\n)", "@robust_cacheable(\n    version=2\n)"),
        ("@cacheable()", "@robust_cacheable()", "@robust_cacheable(**options)"),
    ],
)
def test_arguments_that_the_old_decorator_does_not_take_are_a_conflict(
    tmp_path: Path, before: str, migrated: str, now: str
) -> None:
    migrate(tmp_path, a=CODE.replace("@cacheable()", before))
    edit(tmp_path / "a.py", migrated, now)
    result = back(tmp_path)
    ((ours, theirs),) = [(conflict.ours, conflict.theirs) for conflict in result.conflicts]
    assert ours == "@robust_cacheable on f"
    assert theirs.startswith("@robust_cacheable(")
    assert "@cacheable takes no other argument than ignore=" in theirs
    assert result.migration.state is State.PARTLY_ROLLED_BACK
    text = (tmp_path / "a.py").read_text()
    assert now in text and "@cacheable\ndef g" in text
    assert "import cacheable, robust_cacheable" in text


def test_arguments_behind_the_old_name_are_a_conflict_too(tmp_path: Path) -> None:
    code = CODE.replace("import cacheable", "import cacheable as cc").replace("@cacheable", "@cc")
    code = code.replace("start, end", "y")
    migrate(tmp_path, a=code)
    edit(tmp_path / "a.py", "@cc()", "@cc(version=2)")
    result = back(tmp_path)
    assert [conflict.ours for conflict in result.conflicts] == ["@robust_cacheable on f"]
    text = (tmp_path / "a.py").read_text()
    assert "robust_cacheable as cc" in text and "@cc(version=2)" in text
    assert "@cacheable\ndef g" in text


@pytest.mark.parametrize(
    ("before", "migrated", "now", "after"),
    [
        ("()", "()", "(ignore=['x'])", "@cacheable(ignore=['x'])"),
        ("(version=1)", "(version=1)", "(version=1)  # it", "@cacheable(version=1)  # it"),
    ],
)
def test_arguments_that_it_takes_or_had_are_undone(
    tmp_path: Path, before: str, migrated: str, now: str, after: str
) -> None:
    migrate(tmp_path, a=CODE.replace("@cacheable()", f"@cacheable{before}"))
    edit(tmp_path / "a.py", f"@robust_cacheable{migrated}", f"@robust_cacheable{now}")
    assert back(tmp_path).complete
    assert after in (tmp_path / "a.py").read_text()


# ------------------------------------------------------------------ a second attempt


@pytest.mark.parametrize(
    "code",
    [
        CODE,
        CODE.replace("@cacheable()", "@cacheable(ignore=['x'])"),
        CODE.replace("@cacheable()", "@staticmethod\n@cacheable"),
        "import afml.cache as c\n" + CODE.replace(HEAD, "").replace("@cacheable", "@c.cacheable"),
        CODE.replace(HEAD, HEAD + "class A:\n    @cacheable\n    def m(self): ...\n\n\n"),
    ],
    ids=["called", "with arguments", "among others", "through a module", "in a class"],
)
def test_second_rollback_finishes_what_the_first_could_not(tmp_path: Path, code: str) -> None:
    migrate(tmp_path, a=code)
    kept = "@time_aware_cacheable" if "@c." not in code else "@c.time_aware_cacheable"
    edit(tmp_path / "a.py", f"{kept}\ndef g", f"{kept}(version=2)\ndef g")
    for _ in range(2):  # it is told as often as it is asked for, and of nothing else
        result = back(tmp_path)
        assert [conflict.ours for conflict in result.conflicts] == ["@time_aware_cacheable on g"]
    edit(tmp_path / "a.py", f"{kept}(version=2)\ndef g", f"{kept}\ndef g")
    result = back(tmp_path)
    assert result.complete and result.migration.state is State.ROLLED_BACK
    assert "aware" not in (tmp_path / "a.py").read_text()


def test_deleted_file_is_said_once_and_then_settled(
    tmp_path: Path, afml_codemod: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    migrate(tmp_path, a=CODE, b=CODE)
    (tmp_path / "a.py").unlink()
    first = afml_codemod("rollback")
    assert first.returncode == 3
    assert "there is now:       no such file" in first.stdout
    second = afml_codemod("rollback")
    assert second.returncode == 0, second.stdout
    assert "is rolled back." in second.stdout and "1 place gone" in second.stdout
    assert "rolled back:" in afml_codemod("status").stdout
    assert (tmp_path / "b.py").read_text() == CODE


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("def g", "def h", "no function of that name"),
        ("@time_aware_cacheable\n", "@memo\n", "@memo"),
        ("@time_aware_cacheable\n", "", "no decorator"),
    ],
)
def test_function_that_went_its_own_way_is_said_once(
    tmp_path: Path, old: str, new: str, text: str
) -> None:
    migrate(tmp_path, a=CODE)
    edit(tmp_path / "a.py", old, new)
    edit(tmp_path / "a.py", "@robust_cacheable()\n", "@robust_cacheable()  # mine\n")
    result = back(tmp_path)
    if result.complete:
        return  # its lines were still there: undone under the new name
    assert [conflict.theirs for conflict in result.conflicts] == [text]
    assert back(tmp_path).complete


def test_file_that_does_not_parse_is_told_in_a_sentence(tmp_path: Path) -> None:
    migrate(tmp_path, a=CODE)
    edit(tmp_path / "a.py", "return 1", "return (1")
    (conflict,) = back(tmp_path).conflicts
    assert conflict.theirs.startswith("a file that does not parse: ")
    edit(tmp_path / "a.py", "return (1", "return 1")
    assert back(tmp_path).complete
    assert (tmp_path / "a.py").read_text() == CODE


def test_file_that_was_rolled_back_can_be_imported(tmp_path: Path) -> None:
    migrate(tmp_path, a=CODE)
    edit(tmp_path / "a.py", "@robust_cacheable()", "@robust_cacheable(version=2)")
    back(tmp_path)
    root = str(Path(__file__).resolve().parents[2])
    run = [sys.executable, "-c", f"import sys; sys.path.append({root!r}); import a"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------ a second rollback


def test_a_second_rollback_leaves_alone_what_a_person_has_migrated_meanwhile(
    tmp_path: Path,
) -> None:
    migrate(tmp_path, a=CODE, b=CODE)
    migrated = (tmp_path / "b.py").read_text()
    edit(tmp_path / "a.py", "@robust_cacheable()", "@robust_cacheable(version=2)")
    assert [conflict.path for conflict in back(tmp_path).conflicts] == ["a.py"]
    assert (tmp_path / "b.py").read_text() == CODE
    (tmp_path / "b.py").write_text(migrated)  # by hand, after the rollback
    edit(tmp_path / "a.py", "(version=2)", "()")
    again = back(tmp_path)
    assert again.complete and again.already == ("b.py",)
    assert (tmp_path / "a.py").read_text() == CODE
    assert (tmp_path / "b.py").read_text() == migrated
