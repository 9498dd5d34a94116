"""``rollback`` after what people do to files in the meantime: only our own edits are undone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # it starts many processes

OLD = """\
import os

from afml.cache import cacheable, get_cache_stats


@cacheable
def first(x):
    return [x,
            x + 1]


class Desk:
    @staticmethod
    @cacheable()
    def second(x):
        return {  'a':x }


@cacheable(ignore=["verbose"])
def third(x, verbose=False):
    return x * 3
"""
NEW = (
    OLD.replace("import cacheable, get_cache_stats", "import get_cache_stats, robust_cacheable")
).replace("@cacheable", "@robust_cacheable")


@pytest.fixture
def applied(codemod: Any) -> Any:
    codemod.write("a.py", OLD)
    codemod("apply", "--no-pin")
    assert codemod.read("a.py").decode() == NEW
    return codemod


def edit(codemod: Any, *changes: tuple[str, str], name: str = "a.py") -> str:
    text = codemod.read(name).decode()
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    codemod.write(name, text)
    return str(text)


def decorators(text: str) -> dict[str, str]:
    """The decorator that is next to each function."""
    lines = [line.strip() for line in text.splitlines()]
    return {
        line.split("(")[0].removeprefix("def "): lines[number - 1]
        for number, line in enumerate(lines)
        if line.startswith("def ") and lines[number - 1].startswith("@")
    }


ALL_OLD = {
    "first": "@cacheable",
    "second": "@cacheable()",
    "third": '@cacheable(ignore=["verbose"])',
}


def runs(codemod: Any) -> None:
    """No name is missing and none is left over."""
    ruff = Path(sys.executable).parent / "ruff"
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    done = subprocess.run(
        [
            ruff,
            "check",
            "--isolated",
            "--select",
            "F821,F811,E9",
            "--output-format",
            "concise",
            ".",
        ],
        cwd=codemod.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_untouched(applied: Any) -> None:
    applied("rollback")
    assert applied.read("a.py").decode() == OLD


def test_lines_added_above_and_below(applied: Any) -> None:
    applied.write("a.py", "# above\n\n" + NEW + "\n\ndef more():\n    return os.sep\n")
    applied("rollback")
    assert (
        applied.read("a.py").decode()
        == "# above\n\n" + OLD + "\n\ndef more():\n    return os.sep\n"
    )


def test_reformatted_by_ruff(applied: Any) -> None:
    ruff = Path(sys.executable).parent / "ruff"
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    path = applied.folder / "a.py"
    subprocess.run([ruff, "format", "--isolated", path], check=True, capture_output=True)
    formatted = path.read_text()
    assert formatted != NEW
    applied("rollback")
    expected = formatted.replace("@robust_cacheable", "@cacheable")
    expected = expected.replace("get_cache_stats, robust_", "cacheable, get_cache_stats, robust_")
    text = path.read_text()
    assert decorators(text) == ALL_OLD
    assert "robust_cacheable" not in text
    assert [line for line in text.splitlines() if "afml" not in line] == [
        line for line in expected.splitlines() if "afml" not in line
    ]
    runs(applied)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_newlines(applied: Any, end: str) -> None:
    applied.write("a.py", NEW.replace("\n", end).encode())
    applied("rollback")
    assert applied.read("a.py") == OLD.replace("\n", end).encode()


def test_tabs_for_blanks(applied: Any) -> None:
    text = edit(applied, ("    ", "\t"))
    applied("rollback")
    assert decorators(applied.read("a.py").decode()) == ALL_OLD
    assert applied.read("a.py").decode().count("\t") == text.count("\t")


def test_a_body_was_edited(applied: Any) -> None:
    edit(applied, ("x * 3", "x * 4"))
    applied("rollback")
    assert applied.read("a.py").decode() == OLD.replace("x * 3", "x * 4")


def test_a_function_was_renamed(applied: Any) -> None:
    edit(applied, ("def third", "def last"))
    applied("rollback")
    assert applied.read("a.py").decode() == OLD.replace("def third", "def last")


def test_a_function_was_renamed_and_moved(applied: Any) -> None:
    """What cannot be told to be ours is a conflict; nothing is lost and the file still runs."""
    block = NEW[NEW.index("@robust_cacheable(ignore") :]
    text = NEW.replace(block, "").replace(
        "\n\n@robust_cacheable\n",
        "\n\n" + block.replace("third", "last") + "\n\n@robust_cacheable\n",
        1,
    )
    applied.write("a.py", text)
    told = applied("rollback", code=None)
    found = decorators(applied.read("a.py").decode())
    assert found["first"] == "@cacheable" and found["second"] == "@cacheable()"
    if found["last"].startswith("@robust"):
        assert told.returncode == 3 and "third" in told.stdout + told.stderr
    runs(applied)


def test_a_function_was_moved(applied: Any) -> None:
    block = NEW[NEW.index("@robust_cacheable(ignore") :]
    rest = NEW.replace(block, "")
    applied.write(
        "a.py", rest.replace("@robust_cacheable\ndef", block + "\n\n@robust_cacheable\ndef", 1)
    )
    applied("rollback")
    old_block = block.replace("robust_cacheable", "cacheable")
    old_rest = OLD.replace(old_block, "")
    expected = old_rest.replace("@cacheable\ndef", old_block + "\n\n@cacheable\ndef", 1)
    assert applied.read("a.py").decode() == expected


def test_all_functions_were_turned_round(applied: Any) -> None:
    head, _, rest = NEW.partition("@robust_cacheable\ndef first")
    first, _, rest = ("@robust_cacheable\ndef first" + rest).partition("class Desk")
    desk, _, third = ("class Desk" + rest).partition("@robust_cacheable(ignore")
    text = head + "@robust_cacheable(ignore" + third + "\n\n" + desk + first.rstrip() + "\n"
    applied.write("a.py", text)
    applied("rollback")
    expected = text.replace(
        "import get_cache_stats, robust_cacheable", "import cacheable, get_cache_stats"
    )
    assert applied.read("a.py").decode() == expected.replace("@robust_", "@")


def test_a_function_was_deleted(applied: Any) -> None:
    block = NEW[NEW.index("\n\n@robust_cacheable(ignore") :]
    edit(applied, (block, ""))
    told = applied("rollback", code=None)
    assert "third" in told.stdout + told.stderr
    assert applied.read("a.py").decode() == OLD.replace(block.replace("robust_", ""), "")


def test_all_functions_were_deleted(applied: Any) -> None:
    applied.write("a.py", "import os\n")
    applied("rollback", code=None)
    assert applied.read("a.py") == b"import os\n"


@pytest.mark.parametrize(
    "other", ["@time_aware_cacheable", "@functools.cache", "@robust_cacheable(version=2)"]
)
def test_a_decorator_was_changed_by_hand(applied: Any, other: str) -> None:
    mine = f"{other}\ndef first"
    edit(
        applied,
        ("@robust_cacheable\ndef first", mine),
        ("robust_cacheable\n\n", "robust_cacheable, time_aware_cacheable\nimport functools\n\n"),
    )
    told = applied("rollback", code=None)
    text = applied.read("a.py").decode()
    assert decorators(text) == {**ALL_OLD, "first": other}
    assert told.returncode == 3 or "first" in told.stdout + told.stderr
    runs(applied)


def test_a_decorator_was_put_back_by_hand(applied: Any) -> None:
    edit(
        applied,
        ("@robust_cacheable\ndef first", "@cacheable\ndef first"),
        ("import get", "import cacheable, get"),
    )
    applied("rollback", code=None)
    text = applied.read("a.py").decode()
    assert decorators(text) == ALL_OLD
    runs(applied)


def test_a_decorator_was_added_beside_ours(applied: Any) -> None:
    edit(applied, ("@robust_cacheable\ndef first", "@os.fspath\n@robust_cacheable\ndef first"))
    applied("rollback")
    expected = OLD.replace("@cacheable\ndef first", "@os.fspath\n@cacheable\ndef first")
    assert applied.read("a.py").decode() == expected


@pytest.mark.parametrize("where", ["above", "between", "below"])
def test_one_that_a_person_wrote_stays(applied: Any, where: str) -> None:
    mine = "@robust_cacheable\ndef mine(x):\n    return x - 1\n\n\n"
    text = NEW + "\n\n" + mine.rstrip() + "\n"
    if where == "above":
        text = NEW.replace("@robust_cacheable\ndef first", mine + "@robust_cacheable\ndef first")
    elif where == "between":
        text = NEW.replace("class Desk", mine + "class Desk")
    applied.write("a.py", text)
    applied("rollback")
    written = applied.read("a.py").decode()
    assert decorators(written) == {**ALL_OLD, "mine": "@robust_cacheable"}
    runs(applied)


def test_a_person_replaced_ours_by_another_function_of_the_name(applied: Any) -> None:
    """The function that was migrated is gone; one elsewhere that bears its name may be theirs."""
    edit(applied, ("    @staticmethod\n    @robust_cacheable()\n    def second", "    def second"))
    edit(
        applied,
        (
            "@robust_cacheable(ignore",
            "@robust_cacheable\ndef second(x): ...\n\n\n@robust_cacheable(ignore",
        ),
    )
    told = applied("rollback", code=None)
    text = applied.read("a.py").decode()
    assert "@robust_cacheable\ndef second" in text
    assert told.stdout + told.stderr
    runs(applied)


def test_the_import_was_renamed(applied: Any) -> None:
    edit(
        applied,
        ("@robust_cacheable", "@rc"),
        ("stats, robust_cacheable", "stats, robust_cacheable as rc"),
    )
    told = applied("rollback", code=None)
    text = applied.read("a.py").decode()
    if told.returncode == 0:
        assert "robust" not in text
    runs(applied)


def test_the_import_was_replaced_by_one_of_the_module(applied: Any) -> None:
    edit(
        applied,
        ("import get_cache_stats, robust_cacheable", "import get_cache_stats\nimport afml.cache"),
        ("@robust_cacheable", "@afml.cache.robust_cacheable"),
    )  # fmt: skip
    applied("rollback", code=None)
    runs(applied)


def test_a_file_was_emptied_or_broken(applied: Any) -> None:
    for text in (b"", b"def f(:\n" + NEW.encode(), b"\xff\xfe\x00robust_cacheable"):
        applied.write("a.py", text)
        told = applied("rollback", code=None)
        assert applied.read("a.py") == text
        assert "a.py" in told.stdout + told.stderr


def test_a_file_was_deleted(applied: Any) -> None:
    (applied.folder / "a.py").unlink()
    told = applied("rollback", code=None)
    assert "a.py" in told.stdout + told.stderr
    assert not (applied.folder / "a.py").exists()


def test_a_file_was_replaced_by_a_folder(applied: Any) -> None:
    (applied.folder / "a.py").unlink()
    applied.write("a.py/b.py", "1\n")
    told = applied("rollback", code=None)
    assert "a.py" in told.stdout + told.stderr


def test_a_mode_was_changed(applied: Any) -> None:
    (applied.folder / "a.py").chmod(0o700)
    applied("rollback", code=None)
    assert applied.read("a.py").decode() == OLD


@pytest.mark.parametrize("edited", [False, True])
def test_a_file_was_renamed_by_git(codemod: Any, edited: bool) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=codemod.folder, check=True, capture_output=True)

    git("init", "-q")
    codemod.write("a.py", OLD)
    codemod.write("b.py", OLD)
    git("add", ".")
    codemod("apply", "--yes", "--no-pin")
    git("mv", "a.py", "moved.py")
    if edited:
        edit(codemod, ("x * 3", "x * 4"), name="moved.py")
    told = codemod("rollback", code=None)
    assert codemod.read("b.py").decode() == OLD
    text = codemod.read("moved.py").decode().replace("x * 4", "x * 3")
    assert text == OLD or (text == NEW and "a.py" in told.stdout + told.stderr)
    assert not (codemod.folder / "a.py").exists()


def test_a_rollback_is_rolled_back_once(applied: Any) -> None:
    applied("rollback")
    applied("rollback", code=None)
    assert applied.read("a.py").decode() == OLD
