"""Runs the command that verifies, with recording on, as the user would run it.

The options go in by ``PYTEST_ADDOPTS``, so the command may be `pytest`, `make test` or `tox`:
whichever pytest it ends up with records. A command that runs no pytest is judged by its exit code
alone, and that is said.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from codemods.migration.endings import put_off
from codemods.migration.state import WishError
from codemods.migration.watch import watched

#: Lines of the end of a command's output that are kept to be shown.
TAIL = 25

#: pytest's exit codes: 0 all passed, 1 some failed; the rest means that it did not come to that.
PASSED, FAILED, USAGE, NO_TESTS = 0, 1, 4, 5


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run of the command."""

    code: int
    seconds: float
    recording: Path | None  #: None: it has recorded nothing
    tail: tuple[str, ...]  #: the end of what it printed


def words_of(command: str) -> list[str]:
    """The command as a list.

    Raises
    ------
    WishError
        It is empty, or its quotes do not match.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise WishError(f"--verify {command!r} cannot be read: {error}") from error
    if not words:
        raise WishError('--verify is empty; give the command that runs the tests: "pytest -q"')
    return words


def own_caches(modules: Sequence[str]) -> tuple[str, ...]:
    """Options for pytest: further modules that define decorators of the repository's own."""
    return tuple(f"--afml-record-own={module}" for module in modules)


def check_command(command: str) -> None:
    """Refuse a command that cannot be started.

    Raises
    ------
    WishError
        There is no such program.
    """
    program = words_of(command)[0]
    if shutil.which(program, path=_path()) is None:
        raise WishError(
            f"--verify: there is no program {program!r} on the PATH; give the command as you would"
            " type it here (for `a && b`, write sh -c 'a && b')"
        )


def run(
    command: str,
    cwd: Path,
    folder: Path,
    name: str,
    options: Sequence[str] = (),
    told: Callable[[str], None] | None = None,
) -> Ran:
    """Run the command to its end.

    Parameters
    ----------
    command : str
        As the user gave it.
    cwd : Path
        Where it runs.
    folder : Path
        Where the recording and the output go.
    name : str
        What this run is called, for the names of these files.
    options : sequence of str
        Further options for pytest.
    told : callable, optional
        Given every line that the command prints.
    """
    # A name of its own: what outlived a killed migration must not write over a later recording.
    recording = folder / f"{name}-{secrets.token_hex(3)}.json"
    began = time.perf_counter()
    tail: deque[str] = deque(maxlen=TAIL)
    with (
        put_off() as let_through,
        subprocess.Popen(
            words_of(command),
            cwd=cwd,
            env=_environment(recording, options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            let_through()
            log_file = folder / f"{name}.log"
            with watched(process.pid), log_file.open("w", encoding="utf-8") as log:
                for line in process.stdout:
                    log.write(line)
                    tail.append(line.rstrip("\n"))
                    if told is not None:
                        told(tail[-1])
                process.wait()
        except BaseException:  # an interrupt: leave no process that goes on testing
            _kill(process)
            raise
    seconds = time.perf_counter() - began
    made = recording if recording.is_file() else None
    return Ran(process.returncode, seconds, made, tuple(tail))


def _kill(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended by itself
        pass


def _environment(recording: Path, options: Sequence[str]) -> dict[str, str]:
    given = os.environ.get("PYTEST_ADDOPTS", "")
    ours = [f"--afml-record={recording}", "--afml-cache-mode=shared", *options]
    if not entry_points(group="pytest11", name="afml"):
        ours = ["-p", "pytest_afml.plugin", *ours]
    added = " ".join(filter(None, (given, shlex.join(ours))))
    # Where nothing is written beside the sources, nothing stale is read from there either.
    more = {"PYTEST_ADDOPTS": added, "PATH": _path(), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **more}


def _path() -> str:
    """The user's PATH, behind the folder of this interpreter: `pytest` is the one beside it."""
    return os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])  # noqa: PTH120
