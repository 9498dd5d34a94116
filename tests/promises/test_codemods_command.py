"""The command line: exit codes, messages, git trees, ignored files and the journal."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import zipfile
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # it starts many processes

OLD = "from afml.cache import cacheable\n\n\n@cacheable\ndef f(x):\n    return x + 1\n"
NEW = OLD.replace("cacheable", "robust_cacheable")


def git(codemod: Any, *arguments: str) -> str:
    named = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *named, *arguments], cwd=codemod.folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def tree(codemod: Any) -> Any:
    """A git repository with one file to migrate, committed."""
    git(codemod, "init", "-q")
    codemod.write("quant/labels.py", OLD)
    git(codemod, "add", ".")
    git(codemod, "commit", "-q", "-m", "begin")
    return codemod


# Exit codes


def test_nothing_to_do_is_done(codemod: Any) -> None:
    codemod.write("a.py", "print(1)\n")
    for command in ("plan", "apply", "check"):
        codemod(command, code=0)
    assert not (codemod.folder / ".afml-codemod").exists()
    assert codemod.read("a.py") == b"print(1)\n"


def test_check_fails_while_a_decorator_remains(codemod: Any) -> None:
    codemod.write("quant/labels.py", OLD + OLD.replace("def f", "def g"))
    found = codemod("check", code=1)
    lines = [line for line in found.stdout.splitlines() if line.startswith("quant/labels.py:")]
    assert len(lines) == 2
    codemod("apply")
    codemod("check", code=0)
    codemod("rollback")
    codemod("check", code=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "no_such_folder"],
        ["apply", "no_such_file.py"],
        ["check", "no_such_file.py"],
        ["plan", "--to", "fast"],
        ["apply", "--no-such-option"],
        ["migrate"],
        ["rollback", "20200101-000000"],
        ["plan", "--format", "xml"],
        ["plan", "--jobs", "0"],
    ],
    ids=" ".join,
)
def test_a_mistake_on_the_command_line_is_2(codemod: Any, arguments: list[str]) -> None:
    codemod.write("a.py", OLD)
    told = codemod(*arguments, code=2)
    assert told.stderr.strip()
    assert codemod.read("a.py").decode() == OLD


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"from afml.cache import cacheable\n@cacheable\ndef f(:\n", "syntax-error"),
        (b"from afml.cache import cacheable\n\xff\xfe\n@cacheable\ndef f(x): ...\n", "undecodable"),
        (b"# coding: no-such-thing\n" + OLD.encode(), "undecodable"),
        (b"\x7fELF\x00\x00cacheable\x00\xff\x80", ""),
        (OLD.encode() + b"\x00", "syntax-error"),
        (OLD.encode("utf-16"), ""),
        (b"from afml.cache import cacheable\nx = " + b"(" * 5000 + b")" * 5000 + b"\n", ""),
        (b"from afml.cache import cacheable\nx = " + b"'a'\\\n" * 3000 + b"\n", ""),
        (b"from afml.cache import cacheable\nx = " + b"-" * 100_000 + b"1\n", ""),
        (b"from afml.cache import cacheable\nx = a" + b".b" * 30_000 + b"\n", ""),
    ],
    ids=["syntax", "utf8", "cookie", "binary", "null", "utf16", "deep", "strings", "minus", "dots"],
)  # fmt: skip
def test_one_bad_file_stops_nothing(codemod: Any, command: str, bad: bytes, reason: str) -> None:
    codemod.write("a.py", OLD)
    codemod.write("bad.py", bad)
    codemod.write("z.py", OLD)
    told = codemod(command, code=None)
    assert told.returncode in (0, 3)
    assert codemod.read("bad.py") == bad
    assert reason in told.stdout + told.stderr
    if command == "apply":
        assert codemod.read("a.py") == codemod.read("z.py") == NEW.encode()


# What is said


def test_messages_fit_in_80_columns(codemod: Any) -> None:
    """But for those that begin with a place: they are for machines, too, and stay on a line."""
    deep = "research/volatility/estimators/rolling_windows_of_realised_volatility.py"
    text = OLD.replace("def f(", "def realised_volatility_of_overlapping_windows(")
    codemod.write(deep, text + "\ng = cacheable(len)\n\n@cacheable(verbose=1)\ndef h(x): ...\n")
    codemod.write("bad.py", "from afml.cache import cacheable\ndef f(:\n")
    said = [codemod(command).stdout for command in ("plan", "apply", "status", "rollback")]
    for text in said:
        assert [
            line
            for line in text.splitlines()
            if len(line) > 80 and ".py:" not in line and "/" not in line
        ] == []
    assert "research/volatility" in said[0]


def test_a_plan_writes_nothing(tree: Any) -> None:
    for options in ([], ["--diff"], ["--format", "json"]):
        tree("plan", *options)
    assert git(tree, "status", "--porcelain", "--ignored") == ""


def test_the_diff_of_a_plan_is_what_apply_does(tree: Any) -> None:
    shown = tree("plan", "--diff").stdout
    (tree.folder / "patch").write_text(shown[shown.index("--- a/") :].split("\n\n\n")[0] + "\n")
    git(tree, "apply", "--recount", "patch")
    assert tree.read("quant/labels.py").decode() == NEW


def test_a_plan_as_json_can_be_read(codemod: Any) -> None:
    codemod.write("ä/b c.py", OLD)
    codemod.write("bad.py", "from afml.cache import cacheable\ndef f(:\n")
    told = json.loads(codemod("plan", "--format", "json").stdout)
    by_path = {file["path"]: file for file in told["files"]}
    (function,) = by_path["ä/b c.py"]["functions"]
    assert function["function"] == "f" and function["to"] == "robust_cacheable"
    assert function["line"] == 4 and function["reason"]
    assert by_path["bad.py"]["findings"][0]["code"] == "syntax-error"


def test_the_reader_of_a_pipe_may_go(codemod: Any) -> None:
    for number in range(300):
        codemod.write(f"m{number}.py", OLD)
    command = f"{shlex.quote(sys.executable)} -m codemods.cli plan --diff | head -1"
    script = f"set -o pipefail; {command}; echo ${{PIPESTATUS[0]}}"
    root = os.pathsep.join(sys.path)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=codemod.folder,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ("141", "0")


@pytest.mark.parametrize("name", ["a.py", "été/наука.py"])
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_without_utf_8_gets_through(codemod: Any, name: str, encoding: str) -> None:
    codemod.write(name, OLD)
    for command in ("apply", "status", "rollback", "plan"):
        codemod(command, PYTHONIOENCODING=encoding, LC_ALL="C", PYTHONUTF8="0")
    assert codemod.read(name).decode() == OLD


@pytest.mark.parametrize(
    "name",
    ["with space.py", "new\nline.py", "-dash.py", "'quote'.py", "[a-z].py", "$HOME.py", "#.py"],
)
@pytest.mark.parametrize("in_git", [False, True])
def test_files_of_any_name(codemod: Any, name: str, in_git: bool) -> None:
    if in_git:
        git(codemod, "init", "-q")
    codemod.write(name, OLD)
    codemod("apply", "--yes")
    assert codemod.read(name).decode() == NEW
    codemod("rollback")
    assert codemod.read(name).decode() == OLD


def test_a_name_that_is_no_text(codemod: Any) -> None:
    path = os.fsencode(codemod.folder) + b"/\xff\xe9.py"
    with open(path, "w") as file:
        file.write(OLD)
    codemod.write("a.py", OLD)
    codemod("apply", code=None)
    assert codemod.read("a.py").decode() == NEW
    codemod("rollback", code=None)
    with open(path) as file:
        assert file.read() == OLD
    assert codemod.read("a.py").decode() == OLD


def test_what_is_no_file_is_passed_over(codemod: Any) -> None:
    os.mkfifo(codemod.folder / "pipe.py")
    (codemod.folder / "folder.py").mkdir()
    codemod.write("folder.py/a.py", OLD)
    codemod.write("empty.py", "")
    codemod("apply", code=None)
    assert codemod.read("folder.py/a.py").decode() == NEW


# Git


@pytest.mark.parametrize("how", ["changed", "staged"])
def test_a_dirty_tree_is_not_written_without_being_asked(tree: Any, how: str) -> None:
    tree.write("quant/labels.py", OLD + "# changed\n")
    if how == "staged":
        git(tree, "add", ".")
    told = tree("apply", code=2)
    assert "--yes" in told.stderr + told.stdout
    assert tree.read("quant/labels.py").decode() == OLD + "# changed\n"
    assert not (tree.folder / ".afml-codemod").exists()
    tree("apply", "--yes")
    assert tree.read("quant/labels.py").decode() == NEW + "# changed\n"


def test_a_clean_tree_is_not_asked_about(tree: Any) -> None:
    tree("apply")
    assert tree.read("quant/labels.py").decode() == NEW


def test_the_journal_is_at_the_root_and_ignores_itself(tree: Any) -> None:
    tree.write("quant/deep/a.py", OLD)
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "more")
    there = type(tree)(tree.folder / "quant" / "deep")
    there("apply", ".")
    assert (tree.folder / ".afml-codemod").is_dir()
    assert git(tree, "status", "--porcelain") == " M quant/deep/a.py\n"
    assert tree.read("quant/labels.py").decode() == OLD
    there("rollback")
    assert git(tree, "status", "--porcelain") == ""


def test_a_working_tree_beside_the_repository(tree: Any) -> None:
    git(tree, "worktree", "add", "-q", "../beside")
    beside = type(tree)(tree.folder.parent / "beside")
    beside("apply")
    assert beside.read("quant/labels.py").decode() == NEW
    assert tree.read("quant/labels.py").decode() == OLD
    assert (beside.folder / ".afml-codemod").is_dir()
    beside("rollback")
    assert beside.read("quant/labels.py").decode() == OLD


@pytest.mark.parametrize("in_git", [True, False])
def test_ignored_files_are_passed_over(codemod: Any, in_git: bool) -> None:
    if in_git:
        git(codemod, "init", "-q")
    codemod.write(".gitignore", "generated/\n*_pb2.py\n/only_here.py\n!kept_pb2.py\n")
    codemod.write("quant/.gitignore", "scratch.py\n")
    ignored = ["generated/a.py", "quant/generated/b.py", "quant/c_pb2.py", "only_here.py"]
    ignored += ["quant/scratch.py"]
    taken = ["kept_pb2.py", "quant/only_here.py", "scratch.py"]
    for name in ignored + taken:
        codemod.write(name, OLD)
    codemod("apply", "--yes")
    assert [name for name in ignored if codemod.read(name) != OLD.encode()] == []
    assert [name for name in taken if codemod.read(name) != NEW.encode()] == []


@pytest.mark.parametrize("in_git", [True, False])
@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("legacy", {"legacy/a.py", "quant/legacy/b.py"}),
        ("legacy/", {"legacy/a.py", "quant/legacy/b.py"}),
        ("quant/legacy/b.py", {"quant/legacy/b.py"}),
        ("b.py", {"quant/legacy/b.py"}),
        ("quant/*", {"quant/c.py", "quant/legacy/b.py"}),
        ("**/legacy/**", {"legacy/a.py", "quant/legacy/b.py"}),
        ("*.py", {"legacy/a.py", "quant/legacy/b.py", "quant/c.py", "d.py"}),
    ],
)
def test_patterns_leave_files_out(codemod: Any, in_git: bool, pattern: str, left: set[str]) -> None:
    if in_git:
        git(codemod, "init", "-q")
    names = ["legacy/a.py", "quant/legacy/b.py", "quant/c.py", "d.py"]
    for name in names:
        codemod.write(name, OLD)
    codemod("apply", "--yes", "--exclude", pattern)
    assert {name for name in names if codemod.read(name) == OLD.encode()} == left


@pytest.mark.parametrize(
    "paths", [["a.py", "a.py"], [".", "a.py"], ["./a.py", "../desk_repository"]]
)
def test_a_file_that_is_named_twice_is_migrated_once(codemod: Any, paths: list[str]) -> None:
    codemod.write("a.py", OLD)
    told = codemod("apply", *paths)
    assert "1 function in 1 file" in told.stdout
    assert codemod.read("a.py").decode() == NEW
    codemod("rollback")
    assert codemod.read("a.py").decode() == OLD


# The journal


def test_the_journal_can_be_read_and_holds_the_originals(codemod: Any) -> None:
    codemod.write("a.py", OLD)
    codemod("apply")
    (migration,) = [p for p in (codemod.folder / ".afml-codemod").iterdir() if p.is_dir()]
    told = json.loads((migration / "migration.json").read_text())
    assert told["version"] == 1
    assert [file["path"] for file in told["files"]] == ["a.py"]
    with zipfile.ZipFile(migration / "originals.zip") as archive:
        assert [archive.read(name).decode() for name in archive.namelist()] == [OLD]
    assert (codemod.folder / ".afml-codemod" / ".gitignore").read_text().splitlines()[-1] == "*"


def test_status_and_rollback_without_a_journal(codemod: Any) -> None:
    codemod("status")
    told = codemod("rollback", code=None)
    assert told.returncode in (0, 2)
    assert told.stdout + told.stderr


@pytest.mark.parametrize("damage", ["", "{", '{"version": 99}', "[]", "null", '{"version": 1}'])
def test_a_damaged_journal_is_told(codemod: Any, damage: str) -> None:
    codemod.write("a.py", OLD)
    codemod("apply")
    (record,) = (codemod.folder / ".afml-codemod").glob("*/migration.json")
    record.write_text(damage)
    told = codemod("status", code=None)
    assert told.stdout + told.stderr
    told = codemod("rollback", code=None)
    assert told.returncode != 0
    assert codemod.read("a.py").decode() == NEW


def test_lost_originals_are_told(codemod: Any) -> None:
    codemod.write("a.py", OLD)
    codemod("apply")
    (archive,) = (codemod.folder / ".afml-codemod").glob("*/originals.zip")
    archive.unlink()
    told = codemod("rollback", code=None)
    assert codemod.read("a.py").decode() in (OLD, NEW)
    assert (codemod.read("a.py").decode() == OLD) == (told.returncode == 0)
