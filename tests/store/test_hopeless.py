"""A wait that can never end is given up; any other wait lasts as long as the computation."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from afml_cache.notices import forget_causes
from afml_cache.store import prospect
from afml_cache.store.flight import FileLock, Flights

# Forking beside threads is part of what is tested; Python 3.12 warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@pytest.fixture
def flights(base, monkeypatch):
    monkeypatch.setattr(prospect, "PATIENCE", 0.2)
    forget_causes()
    return Flights(base / "flights")


def compute(flights: Flights, inner=lambda: 0) -> int:
    """As a cached function does it: compute, with the flight or without."""
    flight = flights.flight(b"key")
    held = flight.acquire()
    try:
        return inner() + (10 if held else 1)
    finally:
        flight.release()


def test_a_function_that_maps_itself_over_threads_ends(flights, told):
    with ThreadPoolExecutor(3) as pool:
        answer = compute(flights, lambda: sum(pool.map(lambda _: compute(flights), range(3))))
    assert answer == 13  # the outer call had the flight, the three inner ones gave up
    assert len(told()) == 1 and "maps itself over a pool" in told()[0]
    assert list(flights.directory.iterdir()) == []


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_function_that_maps_itself_over_processes_ends(method, run_python, base):
    source = f"""
        import multiprocessing, warnings
        from pathlib import Path
        from afml_cache.store import prospect
        from afml_cache.store.flight import Flights
        warnings.simplefilter("ignore")
        prospect.PATIENCE = 0.2
        flights = Flights(Path({str(base)!r}))

        def compute(depth):
            flight = flights.flight(b"key")
            held = flight.acquire()
            total = 10 if held else 1
            if depth:
                with multiprocessing.get_context({method!r}).Pool(2) as pool:
                    total += sum(pool.map(compute, [0, 0, 0]))
            flight.release()
            return total

        if __name__ == "__main__":
            print(compute(1))
    """
    assert run_python(source) == "13"


def test_a_holder_that_computes_is_waited_for(flights):
    looks, enough = [], threading.Event()
    real = prospect.thread_waits

    def watched(thread: int) -> bool:
        looks.append(real(thread))
        if len(looks) > 3 * prospect.LOOKS:
            enough.set()
        return looks[-1]

    def busy() -> int:
        while not enough.is_set():
            sum(range(2000))
        return 0

    prospect.thread_waits = watched
    try:
        with ThreadPoolExecutor(2) as pool:
            answers = [pool.submit(compute, flights, busy), pool.submit(compute, flights, busy)]
            assert [answer.result(30) for answer in answers] == [10, 10]
    finally:
        prospect.thread_waits = real
    assert len(looks) > 3 * prospect.LOOKS


def test_who_polls_is_told_when_it_is_hopeless(flights, told):
    done, polled = threading.Event(), []

    def poll() -> None:
        flight = flights.flight(b"key")
        polled.append(flight.hopeless())  # never at the first look
        while not flight.try_acquire():
            if flight.hopeless():
                polled.append(True)
                break
            done.wait(0.01)

    def hold() -> int:
        thread = threading.Thread(target=poll)
        thread.start()
        thread.join(30)
        return 0

    assert compute(flights, hold) == 10
    assert polled == [False, True] and len(told()) == 1


def test_a_lock_file_says_who_holds_it_and_only_parents_count(tmp_path):
    lock = FileLock(tmp_path / "lock")
    assert lock.acquire()
    card = lock.holder()
    assert card == prospect.process_card() and not prospect.is_ancestor(card)
    child = os.fork()
    if child == 0:
        os._exit(0 if prospect.is_ancestor(card) and not prospect.is_ancestor(b"") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    elsewhere = b"another-machine " + card.partition(b" ")[2]
    assert not prospect.is_ancestor(elsewhere)
    lock.release()
