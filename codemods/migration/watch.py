"""Ends the command's processes when the migration that started them is gone, however it went.

A process of its own, started beside the command: it waits at a pipe that only the migration has
the other end of. A byte says that the command has ended by itself. An end without a byte says that
the migration is dead, by SIGKILL or a crash: then its whole group of processes is killed, so that
nothing goes on testing, and storing, behind a repository that is rolled back meanwhile.

Run as a script, it imports nothing of this package: it has to be there at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def watched(group: int) -> Iterator[None]:
    """While this lasts, a group of processes does not outlive this one.

    Parameters
    ----------
    group : int
        The group, whose leader this process has not waited for yet.
    """
    with subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C, and a kill of our group, are not meant for it
    ) as watcher:
        assert watcher.stdin is not None
        yield  # if this raises, the end without a byte comes with leaving the block above
        try:
            watcher.stdin.write(b".")
            watcher.stdin.close()
        except BrokenPipeError:  # somebody has ended it; there is nobody to tell
            pass


def watch(group: int) -> None:
    """Wait for what comes first."""
    if sys.stdin.buffer.read(1):
        return
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:  # it has just ended by itself
        pass


if __name__ == "__main__":
    watch(int(sys.argv[1]))
