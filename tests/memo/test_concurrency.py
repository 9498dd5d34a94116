"""One computation a key, whoever asks: threads, processes, tasks, and a call that meets itself."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from afml_cache import robust_cacheable, watch_calls

RAN: list[int] = []


@pytest.fixture(autouse=True)
def nothing_ran():
    RAN.clear()
    yield
    EXPECTED["callers"] = 0


SEATED = threading.Semaphore(0)  #: released by every caller on its way into the function
EXPECTED = {"callers": 0}


@robust_cacheable
def slow(x):
    RAN.append(x)
    for _ in range(EXPECTED["callers"]):  # until all the others have set out, too
        assert SEATED.acquire(timeout=30)
    return x * 2


@robust_cacheable
async def slow_async(x):
    RAN.append(x)
    for _ in range(20):  # the other tasks reach the flight while this one is out
        await asyncio.sleep(0)
    return x * 2


@robust_cacheable
def factorial_by_way_of_itself(n, again=True):
    RAN.append(n)
    if again:
        return factorial_by_way_of_itself(n, again=True) if len(RAN) < 3 else n
    return n


@robust_cacheable
def fibonacci(n):
    RAN.append(n)
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def test_threads_on_one_cold_key_compute_once():
    barrier = threading.Barrier(8)

    def call():
        barrier.wait()
        SEATED.release()
        return slow(3)

    EXPECTED["callers"] = 8

    calls = []
    with watch_calls(calls.append), ThreadPoolExecutor(8) as pool:
        done = [pool.submit(call) for _ in range(8)]
    assert RAN == [3], calls
    assert [one.result() for one in done] == [6] * 8
    info = slow.cache_info()
    assert (info.hits, info.computed) == (7, 1)


def test_tasks_on_one_cold_key_compute_once():
    async def main():
        return await asyncio.gather(*[slow_async(3) for _ in range(8)])

    assert asyncio.run(main()) == [6] * 8
    assert RAN == [3]
    assert asyncio.run(slow_async(3)) == 6
    assert slow_async.cache_info().hits == 8


def test_an_async_function_is_still_seen_as_one():
    assert inspect.iscoroutinefunction(slow_async) or sys.version_info < (3, 12)
    assert asyncio.iscoroutinefunction(slow_async)


def test_a_cancelled_task_lets_the_next_one_compute():
    async def main():
        first = asyncio.create_task(slow_async(5))
        while not RAN:
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await slow_async(5)

    assert asyncio.run(main()) == 10
    assert RAN == [5, 5]


def test_a_call_that_meets_itself_computes():
    assert factorial_by_way_of_itself(4) == 4
    assert len(RAN) == 3


def test_recursion_computes_each_argument_once():
    assert fibonacci(20) == 6765
    assert sorted(RAN) == list(range(21))


def test_an_interrupted_wait_leaves_nothing_behind():
    """After a wait that was cut short, the same call is cached as ever."""

    async def main():
        owner = asyncio.create_task(slow_async(7))
        while not RAN:
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slow_async(7), 0)
        await owner
        return [await slow_async(7), await slow_async(7)]

    assert asyncio.run(main()) == [14, 14]
    assert RAN == [7]


def test_a_task_that_outlives_its_call_is_no_recursion():
    late: list[asyncio.Task[int]] = []

    @robust_cacheable
    async def parent(x):
        RAN.append(x)

        async def later():
            while len(RAN) < 2:
                await asyncio.sleep(0)
            return await parent(x)

        late.append(asyncio.create_task(later()))
        return x

    async def main():
        await parent(1)
        RAN.append(-1)
        return await late[0]

    assert asyncio.run(main()) == 1
    assert RAN == [1, -1]


def test_a_failing_owner_lets_a_waiting_thread_compute():
    started = threading.Event()
    outcomes: list[object] = []

    @robust_cacheable
    def flaky(x):
        RAN.append(x)
        if len(RAN) == 1:
            started.set()
            time.sleep(0.05)
            raise OSError("first time")
        return x

    def first():
        with pytest.raises(OSError):
            flaky(1)

    thread = threading.Thread(target=first)
    thread.start()
    started.wait()
    outcomes.append(flaky(1))
    thread.join()
    assert outcomes == [1]
    assert RAN == [1, 1]


PROJECT = """
    import os, sys, time
    from pathlib import Path
    from afml_cache import robust_cacheable

    RAN = Path(sys.argv[1])

    @robust_cacheable
    def slow(x):
        fd = os.open(RAN, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(fd, f"{os.getpid()}\\n".encode())
        os.close(fd)
        deadline = time.monotonic() + float(sys.argv[2])
        while time.monotonic() < deadline:
            time.sleep(0.01)
        return x * 2

    print("ready", flush=True)
    sys.stdin.readline()
    print(slow(21), flush=True)
"""


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.005)
    raise AssertionError(f"{path} was not written")


def go(process):
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def test_processes_on_one_cold_key_compute_once(start_python, tmp_path):
    ran = tmp_path / "ran"
    processes = [start_python(PROJECT, str(ran), "0.3") for _ in range(6)]
    for process in processes:
        go(process)
    assert [p.stdout.readline() for p in processes] == ["42\n"] * 6
    assert len(ran.read_text().splitlines()) == 1


def test_a_killed_owner_is_followed_within_a_second(start_python, tmp_path):
    ran = tmp_path / "ran"
    owner = start_python(PROJECT, str(ran), "600")
    go(owner)
    assert wait_for(ran) == f"{owner.pid}\n"
    other = start_python(PROJECT, str(ran), "0")
    go(other)
    os.kill(owner.pid, signal.SIGKILL)
    # The owner would have taken ten minutes: whoever answers now has not waited for it.
    assert other.stdout.readline() == "42\n"
    assert ran.read_text().splitlines() == [str(owner.pid), str(other.pid)]


def call_slow(x):
    return slow(x)


def test_a_forked_child_uses_the_same_entries():
    slow(1)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(call_slow, [1, 1, 2, 2]) == [2, 2, 4, 4]
    assert RAN == [1]
    slow(2)
    assert RAN == [1]


SPAWNED = """
    import multiprocessing, sys
    from afml_cache import robust_cacheable

    @robust_cacheable
    def double(x):
        return x * 2

    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            print(pool.map(double, [1, 2, 3]))
        print(double(1), double(2), double(3), double.cache_info().computed)
"""

LOKY = """
    from joblib import Parallel, delayed
    from afml_cache import robust_cacheable

    def helper(x):
        return x * 2

    @robust_cacheable
    def double(x):
        return helper(x)

    print(Parallel(n_jobs=2)(delayed(double)(x) for x in [1, 2, 3]))
    print(double(1), double(2), double(3), double.cache_info().computed)
"""


@pytest.mark.parametrize("script", [SPAWNED, LOKY], ids=["spawn", "loky"])
def test_a_decorated_function_of_a_script_travels_to_workers(run_python, script):
    assert run_python(script).splitlines() == ["[2, 4, 6]", "2 4 6 3"]


def test_a_script_and_an_import_of_it_share_entries(run_python):
    script = """
        from afml_cache import robust_cacheable

        @robust_cacheable
        def double(x):
            return x * 2

        if __name__ == "__main__":
            double(4)
            print(double.cache_info().computed)
    """
    assert run_python(script, name="pipeline.py") == "1"
    importing = "import pipeline\npipeline.double(4)\nprint(pipeline.double.cache_info().hits)"
    assert run_python(importing) == "1"


THREADS = """
    import warnings
    from concurrent.futures import ThreadPoolExecutor
    from afml_cache import robust_cacheable

    warnings.simplefilter("ignore")
    RAN = []

    @robust_cacheable(ignore="parallel")
    def f(x, parallel=True):
        RAN.append(parallel)
        if not parallel:
            return x * 2
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(f, x, parallel=False).result()

    print(f(4), f(4), len(RAN))
"""


@pytest.mark.slow
def test_a_function_that_reaches_itself_through_a_pool_comes_to_an_end(run_python):
    assert run_python(THREADS) == "8 8 2"


def test_a_coroutine_that_is_closed_in_another_context_lets_the_next_one_in(store):
    @robust_cacheable
    async def later(number):
        await asyncio.sleep(0)
        return number

    given_up = later(1)
    contextvars.copy_context().run(given_up.send, None)
    given_up.close()
    assert asyncio.run(later(1)) == 1
