"""What is run again is interrupted when its time is up, and nobody else's timer is lost by it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from pytest_afml.recheck.patience import TookTooLong, at_most


@pytest.fixture(autouse=True)
def timer() -> Iterator[None]:
    """Whoever limits these tests by the timer has it back afterwards."""
    theirs, handler = signal.setitimer(signal.ITIMER_REAL, 0), signal.getsignal(signal.SIGALRM)
    yield
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, *theirs)


def wait_for_ever() -> None:
    never = threading.Event()
    never.wait()


def test_what_never_ends_is_interrupted() -> None:
    with pytest.raises(TookTooLong), at_most(0.01):
        wait_for_ever()


def test_who_swallows_the_interrupt_gets_another() -> None:
    swallowed = []

    def careless() -> None:
        try:
            wait_for_ever()
        except BaseException as error:
            swallowed.append(type(error))
        wait_for_ever()

    with pytest.raises(TookTooLong), at_most(0.01):
        careless()
    assert swallowed == [TookTooLong]


class Lingering:
    """Its end takes so long that it is interrupted, where nobody can be told."""

    def __del__(self) -> None:
        wait_for_ever()


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_is_lost_in_a_finalizer_is_no_fault_of_the_test() -> None:
    hook = sys.unraisablehook

    def drop() -> None:
        lingering = Lingering()
        del lingering
        wait_for_ever()

    with pytest.raises(TookTooLong), at_most(0.01):
        drop()
    assert sys.unraisablehook is hook


def test_the_timer_of_somebody_else_pauses_and_goes_on() -> None:
    rung = []
    signal.signal(signal.SIGALRM, lambda number, _frame: rung.append(number))
    signal.setitimer(signal.ITIMER_REAL, 3600, 7)
    with pytest.raises(TookTooLong), at_most(0.01):
        wait_for_ever()
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    assert 3500 < left <= 3600
    assert interval == 7
    signal.raise_signal(signal.SIGALRM)
    assert rung == [signal.SIGALRM]


def test_in_another_thread_there_is_no_limit() -> None:
    done = []

    def body() -> None:
        with at_most(0.0):
            done.append(signal.getitimer(signal.ITIMER_REAL))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert done == [(0.0, 0.0)]
