"""What goes wrong while ``afml-codemod`` writes: kills, full disks, read-only folders, others.

After any of it each file is the old one or the new one, and ``rollback`` finishes the job.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # it starts, or kills, many processes

ROOT = Path(__file__).resolve().parent.parent.parent
OLD = "from afml.cache import cacheable\n\n\n@cacheable\ndef f(x):\n    return x + 1\n"
NEW = OLD.replace("cacheable", "robust_cacheable")

#: The command, as somebody who may neither read this environment nor write what root may.
AS_NOBODY = """
import importlib, os, pkgutil, sys
import rich.console, rich.table, rich.progress, rich.syntax, libcst, multiprocessing.pool
import concurrent.futures.process, multiprocessing.synchronize, multiprocessing.popen_fork
import codemods, encodings.idna, unicodedata, zipfile, lzma, bz2, click.shell_completion
import filelock
"".encode("cp437")
for package in (codemods, filelock):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
os.setgid(65534)
os.setuid(65534)
from codemods.cli import main
main()
"""


def start(codemod: Any, *arguments: str, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "codemods.cli", *arguments],
        cwd=codemod.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **how,
    )


def states(codemod: Any, count: int) -> dict[str, str]:
    """The files ``m0.py`` and so on: each of them the old one or the new one."""
    held = {f"m{number}.py": codemod.read(f"m{number}.py").decode() for number in range(count)}
    assert set(held.values()) <= {OLD, NEW}
    return held


def leftovers(codemod: Any) -> list[str]:
    """What lies around beside the files and the journal."""
    return [
        path.name
        for path in codemod.folder.iterdir()
        if not path.name.endswith(".py") and path.name not in (".afml-codemod", ".git")
    ]


def write_many(codemod: Any, count: int) -> None:
    for number in range(count):
        codemod.write(f"m{number}.py", OLD)


def wait_for_journal(codemod: Any, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        if list((codemod.folder / ".afml-codemod").glob("*/migration.json")):
            return


# Kills


def killed_after(codemod: Any, count: int, seconds: float, sent: int) -> subprocess.Popen[str]:
    write_many(codemod, count)
    process = start(codemod, "apply", "--no-pin")
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, sent)
    process.communicate(timeout=60)
    return process


def finish(codemod: Any, count: int) -> None:
    """``status`` and ``rollback`` do their work, and a new ``apply`` does too."""
    codemod("status")
    begun = list((codemod.folder / ".afml-codemod").glob("*/migration.json"))
    told = codemod("rollback", code=None)
    assert told.returncode == (0 if begun else told.returncode)
    assert set(states(codemod, count).values()) == {OLD}
    assert leftovers(codemod) == []
    codemod("apply", "--no-pin")
    assert set(states(codemod, count).values()) == {NEW}
    codemod("rollback")
    assert set(states(codemod, count).values()) == {OLD}


@pytest.mark.slow
@pytest.mark.parametrize(
    "tenth", [pytest.param(n, marks=pytest.mark.whole) if n % 2 else n for n in range(2, 26)]
)
def test_killed_at_any_instant(codemod: Any, tenth: int) -> None:
    killed_after(codemod, 150, tenth * 0.03, signal.SIGKILL)
    states(codemod, 150)
    finish(codemod, 150)


@pytest.mark.parametrize("milliseconds", [0, 10, 60])
def test_killed_while_it_writes(codemod: Any, milliseconds: int) -> None:
    write_many(codemod, 200)
    process = start(codemod, "apply", "--no-pin")
    wait_for_journal(codemod, process)
    time.sleep(milliseconds / 1000)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    states(codemod, 200)
    finish(codemod, 200)


def test_killed_and_applied_again(codemod: Any) -> None:
    write_many(codemod, 200)
    process = start(codemod, "apply", "--no-pin")
    wait_for_journal(codemod, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    codemod("apply", "--no-pin")
    assert set(states(codemod, 200).values()) == {NEW}
    for _ in range(2):
        codemod("rollback", code=None)
    assert set(states(codemod, 200).values()) == {OLD}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(codemod: Any, sent: int) -> None:
    write_many(codemod, 200)
    process = start(codemod, "apply", "--no-pin")
    wait_for_journal(codemod, process)
    os.killpg(process.pid, sent)
    _, complaint = process.communicate(timeout=60)
    if sent == signal.SIGINT:
        assert process.returncode in (130, 0), complaint
        assert "Traceback" not in complaint
    states(codemod, 200)
    finish(codemod, 200)


def test_a_rollback_that_is_killed_can_be_run_again(codemod: Any) -> None:
    write_many(codemod, 200)
    codemod("apply", "--no-pin")
    process = start(codemod, "rollback")
    while process.poll() is None and codemod.read("m0.py").decode() == NEW:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    states(codemod, 200)
    codemod("status")
    codemod("rollback", code=None)
    assert set(states(codemod, 200).values()) == {OLD}


# Others


def test_a_file_that_changes_meanwhile_is_left(codemod: Any) -> None:
    write_many(codemod, 200)
    process = start(codemod, "apply", "--no-pin", "--jobs", "1")
    wait_for_journal(codemod, process)
    os.killpg(process.pid, signal.SIGSTOP)
    waiting = [name for name, text in states(codemod, 200).items() if text == OLD]
    mine = OLD + "\n# mine\n"
    for name in waiting:
        codemod.write(name, mine)
    os.killpg(process.pid, signal.SIGCONT)
    said, complaint = process.communicate(timeout=60)
    if not waiting:
        pytest.skip("all was written before the process could be stopped")
    assert process.returncode == 3, said + complaint
    # One of them may have been read already when the process was stopped.
    lost = [name for name in waiting if codemod.read(name).decode() != mine]
    assert len(lost) <= 1
    assert waiting[-1] in said + complaint
    codemod("rollback", code=None)
    for number in range(200):
        text = codemod.read(f"m{number}.py").decode()
        assert text == (mine if f"m{number}.py" in set(waiting) - set(lost) else OLD)


def test_two_at_once(codemod: Any) -> None:
    write_many(codemod, 100)
    both = [start(codemod, "apply", "--no-pin") for _ in range(2)]
    for process in both:
        said, complaint = process.communicate(timeout=60)
        assert process.returncode in (0, 2, 3), said + complaint
        assert "Traceback" not in complaint
    assert set(states(codemod, 100).values()) == {NEW}
    codemod("status")
    for _ in range(2):
        codemod("rollback", code=None)
    assert set(states(codemod, 100).values()) == {OLD}
    assert leftovers(codemod) == []


def test_an_apply_and_a_rollback_at_once(codemod: Any) -> None:
    write_many(codemod, 100)
    codemod("apply", "--no-pin")
    for command in ("rollback", "apply"):
        process = start(codemod, command)
        codemod("plan", code=None)
        assert "Traceback" not in process.communicate(timeout=60)[1]
    codemod("rollback", code=None)
    assert set(states(codemod, 100).values()) == {OLD}


# Disks and rights


@pytest.fixture
def small_disk(codemod: Any) -> Iterator[Callable[[int], Any]]:
    """A file system of so many kilobytes, in which ``afml-codemod`` runs."""
    mounted: list[Path] = []

    def mount(kilobytes: int) -> Any:
        folder = codemod.folder / "small"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("this user may not mount")
        mounted.append(folder)
        return type(codemod)(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("free", [0, 8, 24])
def test_a_disk_that_is_full(small_disk: Callable[[int], Any], free: int) -> None:
    codemod = small_disk(200)
    write_many(codemod, 20)
    left = os.statvfs(codemod.folder)
    filling = left.f_bavail * left.f_frsize - free * 1024
    codemod.write("filling.bin", b"x" * filling)
    told = codemod("apply", "--no-pin", code=None)
    held = states(codemod, 20)
    if set(held.values()) == {NEW}:
        assert told.returncode == 0
    else:
        assert told.returncode == 3
        assert "No space left" in told.stdout + told.stderr
    (codemod.folder / "filling.bin").unlink()
    assert leftovers(codemod) == []
    codemod("status")
    codemod("rollback", code=None)
    assert set(states(codemod, 20).values()) == {OLD}


def test_a_limit_on_the_size_of_files(codemod: Any) -> None:
    big = OLD + "# x\n" * 5000
    for number in range(5):
        codemod.write(f"m{number}.py", big + f"# {number}\n")
    codemod.write("small.py", OLD)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, 15_000))

    process = start(codemod, "apply", "--no-pin", preexec_fn=limit)
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == 3, said + complaint
    assert "Traceback" not in complaint
    for number in range(5):
        assert codemod.read(f"m{number}.py").decode() == big + f"# {number}\n"
    assert codemod.read("small.py").decode() in (OLD, NEW)
    codemod("status")
    codemod("rollback", code=None)
    assert codemod.read("small.py").decode() == OLD
    assert leftovers(codemod) == []


@pytest.fixture
def nobody(codemod: Any) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Run the command as a user who is not root, in a folder that this user owns.

    Not below pytest's own folder: every pytest that starts closes that one to others.
    """
    if os.geteuid() != 0:
        pytest.skip("only root may become somebody else")
    home = Path(tempfile.mkdtemp(prefix="afml-nobody-"))
    home.chmod(0o755)
    codemod.folder = home / "desk_repository"
    codemod.folder.mkdir()

    def own(path: Path) -> None:
        os.chown(path, 65534, 65534)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", AS_NOBODY, *arguments],
            cwd=codemod.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(codemod.folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    write_many(codemod, 3)
    codemod.write("deep/a.py", OLD)
    for path in [codemod.folder, *codemod.folder.rglob("*")]:
        own(path)
    yield run
    shutil.rmtree(home)


def test_nobody_can_use_it(codemod: Any, nobody: Any) -> None:
    told = nobody("apply", "--no-pin")
    assert told.returncode == 0, told.stdout + told.stderr
    assert codemod.read("deep/a.py").decode() == NEW


def test_a_read_only_file_is_left(codemod: Any, nobody: Any) -> None:
    (codemod.folder / "m1.py").chmod(0o444)
    told = nobody("apply", "--no-pin")
    assert told.returncode == 3
    assert "m1.py" in told.stdout + told.stderr
    assert codemod.read("m1.py").decode() == OLD
    assert (
        codemod.read("m0.py") == codemod.read("m2.py") == codemod.read("deep/a.py") == NEW.encode()
    )
    told = nobody("rollback")
    assert told.returncode in (0, 3), told.stderr
    assert set(states(codemod, 3).values()) == {OLD}


def test_a_read_only_folder_is_left(codemod: Any, nobody: Any) -> None:
    (codemod.folder / "deep").chmod(0o555)
    told = nobody("apply", "--no-pin")
    assert told.returncode == 3
    assert "deep" in told.stdout + told.stderr
    assert codemod.read("deep/a.py").decode() == OLD
    assert set(states(codemod, 3).values()) == {NEW}
    told = nobody("rollback")
    assert told.returncode in (0, 3), told.stderr
    assert set(states(codemod, 3).values()) == {OLD}


def test_without_a_place_for_the_journal_nothing_is_written(codemod: Any, nobody: Any) -> None:
    codemod.folder.chmod(0o555)
    told = nobody("apply", "--no-pin")
    codemod.folder.chmod(0o755)
    assert told.returncode not in (0, 1)
    assert "Traceback" not in told.stderr, told.stderr
    assert "afml-codemod" in told.stdout + told.stderr
    assert set(states(codemod, 3).values()) == {OLD}
    assert codemod.read("deep/a.py").decode() == OLD


def test_unreadable_files_and_folders_are_told(codemod: Any, nobody: Any) -> None:
    (codemod.folder / "m1.py").chmod(0o000)
    (codemod.folder / "deep").chmod(0o000)
    told = nobody("apply", "--no-pin")
    assert told.returncode == 3
    assert "m1.py" in told.stdout + told.stderr and "deep" in told.stdout + told.stderr
    assert codemod.read("m0.py") == codemod.read("m2.py") == NEW.encode()
    assert codemod.read("m1.py") == codemod.read("deep/a.py") == OLD.encode()
    assert nobody("check").returncode == 3
    assert nobody("plan").returncode == 3


def test_a_rollback_into_a_read_only_folder_can_be_finished(codemod: Any, nobody: Any) -> None:
    assert nobody("apply", "--no-pin").returncode == 0
    (codemod.folder / "deep").chmod(0o555)
    told = nobody("rollback")
    assert told.returncode == 3
    assert set(states(codemod, 3).values()) == {OLD}
    (codemod.folder / "deep").chmod(0o755)
    assert nobody("rollback").returncode == 0
    assert codemod.read("deep/a.py").decode() == OLD
