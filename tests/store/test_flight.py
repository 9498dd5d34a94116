"""One computation a key: of all threads and processes that want it, one has the flight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from afml_cache.store.flight import FileLock, Flights

# Forking beside threads is what is tested here; Python 3.12 warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

HOLD = """
    import sys, time
    from pathlib import Path
    from afml_cache.store.flight import Flights
    flight = Flights(Path(sys.argv[1])).flight(b"key")
    flight.acquire()
    print("have it", flush=True)
    sys.stdin.readline()
    flight.release()
"""


@pytest.fixture
def flights(base):
    return Flights(base / "flights")


def test_one_thread_has_a_flight_and_the_others_wait(flights):
    inside, most, order = 0, 0, []

    def take(number: int) -> None:
        nonlocal inside, most
        flight = flights.flight(b"key")
        flight.acquire()
        inside += 1
        most = max(most, inside)
        order.append(number)
        inside -= 1
        flight.release()

    threads = [threading.Thread(target=take, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and sorted(order) == list(range(30))
    assert list(flights.directory.iterdir()) == []


def test_flights_of_different_keys_do_not_wait_for_each_other(flights):
    first, second = flights.flight(b"one"), flights.flight(b"two")
    first.acquire()
    assert second.try_acquire()
    first.release()
    second.release()


def test_a_held_flight_cannot_be_had_by_trying(flights, base):
    held, wanted = flights.flight(b"key"), flights.flight(b"key")
    elsewhere = Flights(base / "flights").flight(b"key")  # as another process would
    assert held.try_acquire()
    assert not wanted.try_acquire() and not elsewhere.try_acquire()
    held.release()
    held.release()  # twice is once
    assert wanted.try_acquire()
    assert not elsewhere.try_acquire()
    wanted.release()
    assert elsewhere.try_acquire()
    elsewhere.release()


def test_a_flight_may_be_released_by_another_thread(flights):
    flight = flights.flight(b"key")
    flight.acquire()
    thread = threading.Thread(target=flight.release)
    thread.start()
    thread.join()
    assert flights.flight(b"key").try_acquire()


def test_a_flight_of_another_process_is_waited_for(flights, start_python):
    owner = start_python(HOLD, str(flights.directory))
    assert owner.stdout.readline() == "have it\n"
    flight = flights.flight(b"key")
    assert not flight.try_acquire()
    got = threading.Event()

    def wait() -> None:
        flight.acquire()
        got.set()

    threading.Thread(target=wait).start()
    assert not got.wait(0.2)
    owner.stdin.write("\n")
    owner.stdin.flush()
    assert got.wait(10)
    flight.release()
    assert owner.wait() == 0
    assert list(flights.directory.iterdir()) == []


@pytest.mark.parametrize("waiters", [1, 3])
def test_when_the_owner_is_killed_the_next_takes_over_at_once(waiters, flights, start_python):
    owner = start_python(HOLD, str(flights.directory))
    assert owner.stdout.readline() == "have it\n"
    took: list[bool] = []
    ready = threading.Barrier(waiters + 1)

    def wait(others: Flights) -> None:
        flight = others.flight(b"key")
        ready.wait()
        took.append(flight.acquire())
        flight.release()

    # Flights of their own: each waits on the file, as processes do.
    threads = [
        threading.Thread(target=wait, args=(Flights(flights.directory),)) for _ in range(waiters)
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    owner.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join(10)  # nobody has reaped the owner yet: its death alone lets them in
    assert took == [True] * waiters
    assert list(flights.directory.iterdir()) == []


def test_many_processes_take_turns_and_never_two_at_a_time(flights, start_python, tmp_path):
    script = """
        import os, sys
        from pathlib import Path
        from afml_cache.store.flight import Flights
        flights, marker = Flights(Path(sys.argv[1])), Path(sys.argv[2])
        sys.stdin.readline()
        for _ in range(100):
            flight = flights.flight(b"key")
            flight.acquire()
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))  # fails where another is inside
            marker.unlink()
            flight.release()
    """
    marker = str(tmp_path / "inside")
    workers = [start_python(script, str(flights.directory), marker) for _ in range(4)]
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.wait() == 0, worker.stderr.read()
    assert list(flights.directory.iterdir()) == []


def test_a_forked_child_neither_holds_nor_frees_the_flight_of_its_parent(flights):
    """A parent that forked workers is killed: its flight is free although they live on."""
    script = f"""
import os, sys, time
from pathlib import Path
from afml_cache.store.flight import Flights
flight = Flights(Path({str(flights.directory)!r})).flight(b"key")
flight.acquire()
if os.fork() == 0:
    flight.release()  # as a `finally` would
    print(os.getpid(), flush=True)
    time.sleep(60)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    try:
        flight = flights.flight(b"key")
        assert not flight.try_acquire()  # the child's release did nothing
        parent.kill()
        parent.wait()
        flight.acquire()
        flight.release()
        os.kill(child, 0)  # it is alive
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


def test_a_forked_child_may_take_a_flight_that_threads_of_its_parent_waited_for(flights):
    held = flights.flight(b"key")
    held.acquire()
    waiting = [threading.Thread(target=_pass, args=(flights,)) for _ in range(3)]
    for thread in waiting:
        thread.start()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            flights.flight(b"other").acquire()
            code = 3 if flights.flight(b"key").try_acquire() else 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    held.release()
    for thread in waiting:
        thread.join(10)
        assert not thread.is_alive()


def _pass(flights: Flights) -> None:
    flight = flights.flight(b"key")
    flight.acquire()
    flight.release()


def test_where_no_lock_file_can_be_made_threads_still_take_turns(tmp_path):
    (tmp_path / "flights").write_text("a file where the folder should be")
    flights = Flights(tmp_path / "flights")
    flight, other = flights.flight(b"key"), flights.flight(b"key")
    flight.acquire()
    assert not other.try_acquire()
    flight.release()
    assert other.try_acquire()
    other.release()


def test_lock_files_of_killed_processes_are_swept(flights, start_python):
    owner = start_python(HOLD, str(flights.directory))
    assert owner.stdout.readline() == "have it\n"
    flights.sweep(time.time() + 60)
    assert len(list(flights.directory.iterdir())) == 1  # it is in use
    owner.kill()
    owner.wait()
    flights.sweep(time.time() - 60)
    assert len(list(flights.directory.iterdir())) == 1  # it is young
    flights.sweep(time.time() + 60)
    assert list(flights.directory.iterdir()) == []


def test_a_lock_that_was_removed_while_waited_for_is_not_mistaken_for_the_lock(tmp_path):
    first = FileLock(tmp_path / "lock")
    first.acquire()
    second = FileLock(tmp_path / "lock")
    thread = threading.Thread(target=second.acquire)
    thread.start()
    first.release()  # removes the file that `second` may already have opened
    thread.join(10)
    assert (tmp_path / "lock").exists()
    assert not FileLock(tmp_path / "lock").acquire(blocking=False)
    second.release()
    assert not (tmp_path / "lock").exists()
