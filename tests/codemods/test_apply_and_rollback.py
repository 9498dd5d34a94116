"""The whole way on a real repository: plan, apply, and back, also when things go wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codemods.files import find
from codemods.journal import Journal, State
from codemods.rollback import roll_back
from codemods.rules import Rules
from codemods.runner import apply, survey

ROOT = Path(__file__).resolve().parents[2]

Command = Callable[..., subprocess.CompletedProcess[str]]

LABELS = b"""\
import pandas as pd
from afml.cache import cacheable


@cacheable
def labels(close: pd.Series, barriers):
    return close + barriers


@cacheable
def entropy(message):
    return len(message)
"""
LABELS_AFTER = LABELS.replace(
    b"import cacheable", b"import robust_cacheable, time_aware_cacheable"
).replace(b"@cacheable\ndef labels", b"@time_aware_cacheable\ndef labels")
LABELS_AFTER = LABELS_AFTER.replace(b"@cacheable\ndef entropy", b"@robust_cacheable\ndef entropy")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small package with one file of each kind."""
    root = tmp_path / "repository"
    (root / "quant").mkdir(parents=True)
    (root / "pyproject.toml").write_bytes(b"")
    (root / "quant" / "__init__.py").write_bytes(b"")
    (root / "quant" / "labels.py").write_bytes(LABELS)
    (root / "quant" / "plain.py").write_bytes(b"x = 1\n")
    (root / "quant" / "windows.py").write_bytes(LABELS.replace(b"\n", b"\r\n").rstrip())
    (root / "quant" / "broken.py").write_bytes(b"from afml.cache import cacheable\n(\n")
    return root


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and mode of every file outside of the journal."""
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".afml-codemod", ".git"} & set(path.relative_to(root).parts)
    }


def migrate(root: Path) -> str:
    done = apply(survey(find([root]), Rules()))
    assert done.migration is not None
    return done.migration


# ------------------------------------------------------------------ the plain way


def test_apply_then_rollback_is_the_identity(repository: Path, afml_codemod: Command) -> None:
    (repository / "quant" / "labels.py").chmod(0o754)
    before = contents(repository)
    applied = afml_codemod("apply", repository)
    assert applied.returncode == 0, applied.stderr
    assert "Migrated 4 functions in 2 files." in applied.stdout
    after = contents(repository)
    assert after["quant/labels.py"] == (LABELS_AFTER, before["quant/labels.py"][1])
    assert after["quant/windows.py"][0] == LABELS_AFTER.replace(b"\n", b"\r\n").rstrip()
    assert {k: v for k, v in after.items() if k not in ("quant/labels.py", "quant/windows.py")} == {
        k: v for k, v in before.items() if k not in ("quant/labels.py", "quant/windows.py")
    }
    back = afml_codemod("rollback", cwd=repository)
    assert back.returncode == 0, back.stderr
    assert "2 files restored byte for byte" in back.stdout
    assert contents(repository) == before


def test_plan_writes_nothing_and_shows_every_function(
    repository: Path, afml_codemod: Command
) -> None:
    before = contents(repository)
    shown = afml_codemod("plan", "--diff", repository)
    assert shown.returncode == 0, shown.stderr
    for text in (
        "quant/labels.py:5",
        "@time_aware_cacheable",
        "close is a pandas Series",
        "-@cacheable",
        "+@robust_cacheable",
        "quant/broken.py:2:1: syntax-error",
        "4 functions in 2 files to migrate",
    ):
        assert text in shown.stdout
    assert all(len(line) <= 80 for line in shown.stdout.splitlines() if "─" in line)
    assert contents(repository) == before
    assert not (repository / ".afml-codemod").exists()


def test_plan_for_machines(repository: Path, afml_codemod: Command) -> None:
    document = json.loads(afml_codemod("plan", "--format", "json", repository).stdout)
    files = {Path(entry["path"]).name: entry for entry in document["files"]}
    assert files["labels.py"]["functions"][1] == {
        "function": "entropy",
        "line": 10,
        "from": "cacheable",
        "to": "robust_cacheable",
        "reason": "no frame, no date range",
    }
    assert files["broken.py"]["findings"][0]["code"] == "syntax-error"


def test_second_run_changes_nothing_and_leaves_no_migration(
    repository: Path, afml_codemod: Command
) -> None:
    afml_codemod("apply", repository)
    again = afml_codemod("apply", repository)
    assert again.returncode == 0
    assert "Nothing was changed." in again.stdout
    assert len(list(Journal(repository).migrations())) == 1


def test_run_without_a_match_leaves_no_journal(tmp_path: Path, afml_codemod: Command) -> None:
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    done = afml_codemod("apply", tmp_path)
    assert (done.returncode, done.stdout) == (0, "Nothing to migrate.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["a.py"]


def test_check_finds_legacy_decorators(repository: Path, afml_codemod: Command) -> None:
    (repository / "quant" / "broken.py").unlink()
    found = afml_codemod("check", repository)
    assert found.returncode == 1
    assert "quant/labels.py:5: labels: @cacheable can become @time_aware_cacheable" in found.stdout
    migrate(repository)
    assert afml_codemod("check", repository).returncode == 0


def test_check_is_content_with_what_is_no_decorator(tmp_path: Path, afml_codemod: Command) -> None:
    (tmp_path / "a.py").write_bytes(b"from afml.cache import cacheable as cacheable\n")
    (tmp_path / "b.py").write_bytes(
        b"from afml.cache import cacheable\n@cacheable  # afml: keep\ndef f(x): ...\n"
    )
    done = afml_codemod("check")
    assert done.returncode == 0
    assert "a.py:1:24: re-export" in done.stdout and "b.py:2:2: opted-out" in done.stdout
    (tmp_path / "c.py").write_bytes(b"from afml.cache import *\n@cacheable\ndef f(x): ...\n")
    assert afml_codemod("check").returncode == 1


def test_status_tells_what_of_a_migration_stands(repository: Path, afml_codemod: Command) -> None:
    assert "No migrations." in afml_codemod("status", cwd=repository).stdout
    name = migrate(repository)
    with (repository / "quant" / "labels.py").open("ab") as file:
        file.write(b"# more\n")
    shown = afml_codemod("status", "--root", repository).stdout
    assert f"{name}  applied: 4 functions in 2 files" in shown
    assert "1 edited, 1 migrated" in shown


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["plan", "nowhere"], "nowhere does not exist"),
        (["rollback", "20000101-000000"], "there is no migration 20000101-000000"),
        (["plan", "--to", "fast"], "auto"),
        (["plan", "--source-module", "a-b"], "no module name"),
    ],
)
def test_misuse_is_told_in_a_sentence(afml_codemod: Command, arguments: list[str], text: str):
    done = afml_codemod(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------ which files


def test_git_tells_which_files_there_are(repository: Path) -> None:
    git(repository, "init", "-q")
    (repository / ".gitignore").write_bytes(b"build/\n")
    (repository / "build").mkdir()
    (repository / "build" / "copy.py").write_bytes(LABELS)
    git(repository, "add", "quant")
    tree = find([repository])
    assert "quant/labels.py" in tree.files
    assert "build/copy.py" not in tree.files
    assert find([repository / "build" / "copy.py"]).files == ("build/copy.py",)
    assert find([repository / "build"]).files == ("build/copy.py",)
    assert "quant/labels.py" not in find([repository], ["quant/l*"]).files


def test_journal_lives_where_rollback_will_look(tmp_path: Path, afml_codemod: Command) -> None:
    (tmp_path / "quant").mkdir()
    (tmp_path / "quant" / "a.py").write_bytes(LABELS)
    assert "rollback" in afml_codemod("apply", "quant").stdout
    assert (tmp_path / ".afml-codemod").is_dir()
    assert afml_codemod("rollback").returncode == 0
    assert (tmp_path / "quant" / "a.py").read_bytes() == LABELS


def test_virtual_environments_are_passed_over(repository: Path) -> None:
    environment = repository / "my-env"
    environment.mkdir()
    (environment / "pyvenv.cfg").touch()
    (environment / "a.py").write_bytes(LABELS)
    assert "my-env/a.py" not in find([repository]).files


def test_dirty_tree_is_asked_about(repository: Path, afml_codemod: Command) -> None:
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "all")
    with (repository / "quant" / "plain.py").open("ab") as file:
        file.write(b"y = 2\n")
    before = contents(repository)
    refused = afml_codemod("apply", repository)
    assert refused.returncode == 2
    assert "quant/plain.py" in refused.stderr and "--yes" in refused.stderr
    assert contents(repository) == before
    assert afml_codemod("apply", "--yes", repository).returncode == 0
    git(repository, "checkout", "-q", ".")


def test_journal_is_ignored_by_git(repository: Path) -> None:
    git(repository, "init", "-q")
    migrate(repository)
    status = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=repository, capture_output=True, text=True
    )
    assert ".afml-codemod" not in status.stdout


def test_link_keeps_pointing_at_the_file_that_is_written(repository: Path) -> None:
    (repository / "link.py").symlink_to("quant/labels.py")
    migrate(repository)
    assert (repository / "link.py").is_symlink()
    assert (repository / "quant" / "labels.py").read_bytes() == LABELS_AFTER


def test_link_that_leads_out_of_the_repository_is_left_and_told(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = tmp_path_factory.mktemp("elsewhere") / "shared.py"
    shared.write_bytes(LABELS)
    (repository / "link.py").symlink_to(shared)
    found = survey(find([repository]), Rules())
    assert [failure.path for failure in found.failures] == ["link.py"]
    assert "out of the repository" in found.failures[0].text
    apply(found)
    assert shared.read_bytes() == LABELS


def test_relative_imports_are_resolved_by_the_place_of_the_file(tmp_path: Path) -> None:
    code = b"from ..cache import cacheable\n@cacheable\ndef f(x): ...\n"
    for package in ("src/afml/features", "src/other/features"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "a.py").write_bytes(code)
    found = survey(find([tmp_path]), Rules())
    assert [entry.path for entry in found.changes] == ["src/afml/features/a.py"]


@pytest.mark.parametrize("names", ["(\n    cacheable, labels)", "* # with cacheable", "cacheable"])
def test_name_that_another_file_imports_from_a_migrated_one_stays(
    tmp_path: Path, names: str
) -> None:
    (tmp_path / "one.py").write_bytes(LABELS)
    (tmp_path / "two.py").write_text(f"from one import {names}\n")
    migrate(tmp_path)
    assert b"import cacheable, robust_cacheable" in (tmp_path / "one.py").read_bytes()


# ------------------------------------------------------------------ what goes wrong


def test_read_only_file_is_left_and_the_others_are_done(
    repository: Path, afml_codemod: Command
) -> None:
    (repository / "quant" / "labels.py").chmod(0o444)
    done = afml_codemod("apply", repository)
    assert done.returncode == 3
    assert "quant/labels.py: is read-only" in done.stdout
    assert (repository / "quant" / "labels.py").read_bytes() == LABELS
    assert b"robust_cacheable" in (repository / "quant" / "windows.py").read_bytes()


@pytest.mark.slow
def test_folder_that_cannot_be_listed_is_told_and_the_others_are_done(
    repository: Path, afml_codemod: Command
) -> None:
    here = os.open(repository, os.O_RDONLY)
    for _ in range(25):  # deeper than any path can name: not even root can list it
        os.mkdir("d" * 200, dir_fd=here)
        above, here = here, os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(above)
    os.close(here)
    done = afml_codemod("apply", repository)
    assert done.returncode == 3
    assert "cannot be listed" in done.stdout
    assert (repository / "quant" / "labels.py").read_bytes() == LABELS_AFTER
    assert afml_codemod("check", repository).returncode == 3


def test_only_a_read_only_file_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(LABELS)
    (tmp_path / "a.py").chmod(0o444)
    done = apply(survey(find([tmp_path]), Rules()))
    assert done.migration is None and done.failures
    assert [path.name for path in tmp_path.iterdir()] == ["a.py"]


def test_file_that_changes_after_planning_is_left(repository: Path) -> None:
    found = survey(find([repository]), Rules())
    with (repository / "quant" / "labels.py").open("ab") as file:
        file.write(b"# meanwhile\n")
    done = apply(found)
    assert done.changed == ("quant/windows.py",)
    assert "changed after it had been planned" in done.failures[0].text
    assert (repository / "quant" / "labels.py").read_bytes() == LABELS + b"# meanwhile\n"


@pytest.mark.slow
@pytest.mark.parametrize("instant", [0, 1, 7, 40, 90])
def test_killed_at_any_instant_each_file_is_old_or_new_and_rollback_finishes(
    tmp_path: Path, instant: int
) -> None:
    files = {f"m{number:03}.py": LABELS + b"# %d\n" % number for number in range(100)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    process = subprocess.Popen(
        [sys.executable, "-m", "codemods.cli", "apply", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    names = sorted(files)
    journal = tmp_path / ".afml-codemod"
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        if instant == 0 and journal.exists():
            break
        if instant and (tmp_path / names[instant]).read_bytes() != files[names[instant]]:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    after = {name: data.replace(LABELS, LABELS_AFTER) for name, data in files.items()}
    now = {name: (tmp_path / name).read_bytes() for name in files}
    assert all(now[name] in (files[name], after[name]) for name in files)
    migration = Journal(tmp_path).latest()
    if migration is None:
        assert now == files
        return
    result = roll_back(Journal(tmp_path), migration)
    assert result.complete
    assert {name: (tmp_path / name).read_bytes() for name in files} == files
    assert sorted(p.name for p in tmp_path.iterdir()) == [".afml-codemod", *names]


def test_run_can_be_finished_after_a_kill(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(LABELS)
    (tmp_path / ".a.py.afml-codemod").write_bytes(b"half of a fi")  # what a kill leaves behind
    migrate(tmp_path)
    assert (tmp_path / "a.py").read_bytes() == LABELS_AFTER
    assert not (tmp_path / ".a.py.afml-codemod").exists()


def test_full_disk_leaves_every_file_as_it_was(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can make a small disk")
    try:
        (mount / "a.py").write_bytes(LABELS)
        found = survey(find([mount]), Rules())
        with open(mount / "filler", "wb", buffering=0) as filler:
            while filler.write(b"x" * 1024) == 1024:
                if shutil.disk_usage(mount).free < 1024:
                    break
        with pytest.raises(OSError):
            apply(found)
        assert (mount / "a.py").read_bytes() == LABELS
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_two_runs_do_not_write_at_the_same_time(repository: Path, afml_codemod: Command) -> None:
    with Journal(repository).locked():
        done = afml_codemod("apply", repository)
    assert done.returncode == 2
    assert "another afml-codemod is at work" in done.stderr
    assert (repository / "quant" / "labels.py").read_bytes() == LABELS


# ------------------------------------------------------------------ rolling back edited files


def edited(tmp_path: Path, change: Callable[[bytes], bytes]) -> tuple[bytes, list[str]]:
    """Migrate, let somebody edit, roll back: what is left of the file, and the conflicts."""
    file = tmp_path / "labels.py"
    file.write_bytes(LABELS)
    migrate(tmp_path)
    file.write_bytes(change(file.read_bytes()))
    journal = Journal(tmp_path)
    migration = journal.latest()
    assert migration is not None
    result = roll_back(journal, migration)
    state = State.PARTLY_ROLLED_BACK if result.conflicts else State.ROLLED_BACK
    assert journal.read(migration.id).state is state
    return file.read_bytes(), [conflict.ours for conflict in result.conflicts]


def test_body_edited_since(tmp_path: Path) -> None:
    def edit(data: bytes) -> bytes:
        return data.replace(b"close + barriers", b"close - barriers") + b"\n\ndef new(): ...\n"

    assert edited(tmp_path, edit) == (edit(LABELS), [])


def test_import_moved_and_grown_since(tmp_path: Path) -> None:
    found, conflicts = edited(
        tmp_path,
        lambda data: data.replace(
            b"import robust_cacheable, time_aware_cacheable",
            b"import (\n    get_cache_stats,\n    robust_cacheable,\n    time_aware_cacheable,\n)",
        ),
    )
    assert not conflicts
    assert found == LABELS.replace(
        b"import cacheable", b"import (\n    cacheable,\n    get_cache_stats,\n)"
    )


def test_function_renamed_and_moved_since(tmp_path: Path) -> None:
    def edit(data: bytes) -> bytes:
        head, first, second = data.split(b"\n\n\n")
        return b"\n\n\n".join((head, second.rstrip(), first.replace(b"labels", b"marks"))) + b"\n"

    found, conflicts = edited(tmp_path, edit)
    assert b"@cacheable\ndef entropy" in found
    assert b"cacheable\ndef marks" in found
    assert conflicts == [] or conflicts == ["@time_aware_cacheable on labels"]
    compile(found, "labels.py", "exec")


def test_decorator_that_a_person_wrote_stays(tmp_path: Path) -> None:
    found, conflicts = edited(
        tmp_path, lambda data: data + b"\n\n@robust_cacheable\ndef mine(x):\n    return x\n"
    )
    assert not conflicts
    assert b"import cacheable, robust_cacheable" in found
    assert found.endswith(b"@robust_cacheable\ndef mine(x):\n    return x\n")
    assert found.count(b"@cacheable\n") == 2


def test_decorator_that_was_changed_since_is_a_conflict(tmp_path: Path) -> None:
    found, conflicts = edited(
        tmp_path,
        lambda data: data.replace(b"@robust_cacheable\ndef entropy", b"@memo\ndef entropy"),
    )
    assert conflicts == ["@robust_cacheable on entropy"]
    assert b"@memo\ndef entropy" in found
    assert b"@cacheable\ndef labels" in found


def test_file_that_no_longer_parses_is_a_conflict(tmp_path: Path) -> None:
    found, conflicts = edited(tmp_path, lambda data: data.replace(b"return len", b"return ((len"))
    assert conflicts
    assert found == LABELS_AFTER.replace(b"return len", b"return ((len")


def test_file_that_is_gone_is_a_conflict_and_the_others_are_restored(repository: Path) -> None:
    migrate(repository)
    (repository / "quant" / "labels.py").unlink()
    journal = Journal(repository)
    migration = journal.latest()
    assert migration is not None
    result = roll_back(journal, migration)
    assert [conflict.path for conflict in result.conflicts] == ["quant/labels.py"]
    assert result.restored == ("quant/windows.py",)


def test_mode_is_restored(repository: Path) -> None:
    file = repository / "quant" / "labels.py"
    file.chmod(0o640)
    migrate(repository)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    file.chmod(0o600)
    journal = Journal(repository)
    migration = journal.latest()
    assert migration is not None
    assert roll_back(journal, migration).complete
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.slow
def test_older_migration_can_be_named(repository: Path, afml_codemod: Command) -> None:
    first = migrate(repository)
    (repository / "quant" / "later.py").write_bytes(LABELS)
    second = migrate(repository)
    assert first != second
    assert afml_codemod("rollback", first, cwd=repository).returncode == 0
    assert (repository / "quant" / "labels.py").read_bytes() == LABELS
    assert (repository / "quant" / "later.py").read_bytes() == LABELS_AFTER
    assert afml_codemod("rollback", cwd=repository).returncode == 0
    assert (repository / "quant" / "later.py").read_bytes() == LABELS


def test_damaged_journal_never_reaches_a_file(repository: Path, afml_codemod: Command) -> None:
    name = migrate(repository)
    archive = repository / ".afml-codemod" / name / "originals.zip"
    data = bytearray(archive.read_bytes())
    data[60:80] = bytes(20)
    archive.write_bytes(data)
    done = afml_codemod("rollback", cwd=repository)
    assert done.returncode == 3
    assert "originals.zip" in done.stdout
    assert (repository / "quant" / "labels.py").read_bytes() in (LABELS, LABELS_AFTER)


def test_journal_of_a_later_version_is_refused(repository: Path, afml_codemod: Command) -> None:
    name = migrate(repository)
    record = repository / ".afml-codemod" / name / "migration.json"
    record.write_text(record.read_text().replace('"version": 1', '"version": 99'))
    done = afml_codemod("rollback", cwd=repository)
    assert done.returncode == 2
    assert "version 99" in done.stderr


def test_file_that_could_not_be_written_is_none_of_the_migrations(
    tmp_path: Path, afml_codemod: Command
) -> None:
    code = b"from afml.cache import cacheable\n@cacheable\ndef f(x): ...\n"
    (tmp_path / "pyproject.toml").touch()
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_bytes(code)
    (tmp_path / "b.py").chmod(0o444)
    assert afml_codemod("apply").returncode == 3
    (tmp_path / "b.py").chmod(0o644)
    by_hand = code.replace(b"cacheable", b"robust_cacheable")
    (tmp_path / "b.py").write_bytes(by_hand)
    assert afml_codemod("rollback").returncode == 0
    assert (tmp_path / "a.py").read_bytes() == code
    assert (tmp_path / "b.py").read_bytes() == by_hand


def test_status_outlives_a_folder_that_became_a_file(tmp_path: Path, afml_codemod: Command) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "a.py").write_bytes(
        b"from afml.cache import cacheable\n@cacheable\ndef f(): ...\n"
    )
    assert afml_codemod("apply").returncode == 0
    (tmp_path / "q" / "a.py").unlink()
    (tmp_path / "q").rmdir()
    (tmp_path / "q").touch()
    shown = afml_codemod("status")
    assert shown.returncode == 0
    assert "1 missing" in shown.stdout
