"""A cluster of real processes, some of which do not see the caller's store."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def without(directory: Path, command: list[str]) -> list[str]:
    """A command that runs where this directory is another, empty one: as on another machine.

    In a mount namespace of its own, the nearest to another machine that one machine has.
    """
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"']
    return [*hidden, str(directory), *command]


def can_hide(directory: Path) -> bool:
    """Whether this process may make mount namespaces."""
    if shutil.which("unshare") is None:
        return False
    seen = without(directory, ["ls", "-A", str(directory)])
    done = subprocess.run(seen, capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout == ""


@contextmanager
def processes(folder: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start processes that are killed in the end; what they say is in ``folder``."""
    with ExitStack() as stack:

        def start(name: str, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


@contextmanager
def dask_cluster(
    folder: Path,
    store: Path,
    *,
    sees_store: bool,
    restarts: bool = False,
    workers: int = 2,
    **environment: str,
) -> Iterator[object]:
    """A scheduler and worker processes, which may be restarted if killed; gives a client."""
    distributed = pytest.importorskip("distributed")
    address = folder / "scheduler.json"
    with processes(folder) as start:
        python = [sys.executable, "-m"]
        cli = "distributed.cli.dask_"
        options = ["--port", "0", "--no-dashboard", "--host", "127.0.0.1"]
        start(
            "scheduler",
            [*python, f"{cli}scheduler", "--scheduler-file", str(address), *options],
        )
        wait_for(address)
        for number in range(workers):
            options = ["--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
            options += [] if restarts else ["--no-nanny"]
            local = str(folder / f"local-{number}")
            command = [*python, f"{cli}worker", "--scheduler-file", str(address)]
            command += [*options, "--local-directory", local]
            if sees_store:
                start(f"worker-{number}", command, **environment)
            else:
                home = folder / f"home-{number}"
                home.mkdir()
                elsewhere = {"HOME": str(home), "AFML_CACHE": str(home / "cache")}
                start(f"worker-{number}", without(store, command), **elsewhere)
        with distributed.Client(scheduler_file=str(address)) as client:
            client.wait_for_workers(workers, timeout=60)
            yield client


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    deadline = time.monotonic() + 60
    while not path.exists() or not path.stat().st_size:
        assert time.monotonic() < deadline, f"{path} is not there"
        time.sleep(0.05)


@contextmanager
def ray_cluster(folder: Path, store: Path, *, sees_store: bool) -> Iterator[None]:
    """A head whose workers are processes; this one is connected to it."""
    ray = pytest.importorskip("ray")
    with processes(folder) as start, ExitStack() as stack:
        # Sockets have to have short names.
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray", dir="/tmp"))
        command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block"]
        command += ["--num-cpus", "2", "--port", "0", "--include-dashboard", "false"]
        command += ["--temp-dir", place, "--object-store-memory", str(100_000_000)]
        command += ["--disable-usage-stats"]
        home = folder / "home-ray"
        home.mkdir()
        if sees_store:
            start("head", command)
        else:
            elsewhere = {"HOME": str(home), "AFML_CACHE": str(home / "cache")}
            start("head", without(store, command), **elsewhere)
        address = Path(place) / "ray_current_cluster"
        wait_for(address)
        ray.init(address=address.read_text().strip(), log_to_driver=False, _temp_dir=place)
        stack.callback(ray.shutdown)
        yield
