"""SIGKILL at any instant leaves no wrong entry, no unreadable one, and nothing to repair."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

import numpy as np
import pytest

from afml_cache.store.store import Missing

#: Writers are forked, a process each: a new Python a kill would take most of the time.
WRITERS = """
    import hashlib, os, signal, sys
    import numpy as np
    from afml_cache.store.store import Claim, Store

    def write(base, generation):
        # A limit and one key for many puts: killed while evicting and replacing, too.
        store = Store(base, secret=b"a secret of at least thirty-two bytes", size_limit=4_000_000)
        sizes = [1, 10, 700, 2_000, 40_000, 150_000]
        number = generation
        if generation % 2 == 0:  # half of them are killed as they open the store, too
            print(os.getpid(), flush=True)
        while True:
            number += 1
            key = hashlib.blake2b(str(number % 60).encode(), digest_size=16).digest()
            value = np.full(sizes[number % 6], number % 60, dtype="f8")
            claim = Claim(f"f{number % 3}", b"c", b"e", b"a", {"number": number % 60}, seconds=0.1)
            assert store.put(key, value if number % 4 else value.tolist(), claim) is None
            store.tally("f").hits += 1
            if generation % 2 and number == generation + 1:
                print(os.getpid(), flush=True)

    for line in sys.stdin:
        writer = os.fork()
        if writer == 0:
            write(sys.argv[1], int(line))
        _, status = os.waitpid(writer, 0)
        print("killed" if os.WTERMSIG(status) == signal.SIGKILL else status, flush=True)
"""


def rounds_of_kills(rounds, seed, open_store, base, digest_of, start_python) -> int:
    """How many values were found; every other writer has stored one before it is killed."""
    chosen = random.Random(seed)
    found = 0
    writers = start_python(WRITERS, str(base))
    for generation in range(rounds):
        print(generation * 7, file=writers.stdin, flush=True)
        writer = int(writers.stdout.readline())
        time.sleep(chosen.random() * 0.03)  # the instant of the kill
        os.kill(writer, signal.SIGKILL)
        assert writers.stdout.readline() == "killed\n", writers.stderr.read()
        if generation % 10 == 9 or rounds < 20:
            found += everything_is_right_or_absent(open_store, digest_of)
    leftovers = list(base.glob("flights/*"))
    assert len(leftovers) <= 1
    assert not list(base.glob("*corrupt*"))
    return found


def everything_is_right_or_absent(open_store, digest_of) -> int:
    found = 0
    with open_store() as store:
        assert store.verify() == []
        for number in range(60):
            value = store.get(digest_of(number))
            if type(value) is Missing:
                continue
            found += 1
            assert set(np.asarray(value).tolist()) == {float(number)}
            assert store.description(digest_of(number)) == {"number": number}
        assert store.faults() == {}
        assert store.counters().get("f") is None or store.counters()["f"].hits > 0
    return found


@pytest.fixture
def digest_of():
    import hashlib

    return lambda number: hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def test_a_writer_may_be_killed_at_any_instant(open_store, base, digest_of, start_python):
    assert rounds_of_kills(8, 1, open_store, base, digest_of, start_python) >= 8 // 2


@pytest.mark.slow
def test_two_hundred_writers_may_be_killed(open_store, base, digest_of, start_python):
    assert rounds_of_kills(200, 2, open_store, base, digest_of, start_python) >= 200 // 10


def test_an_interrupted_write_leaves_no_file(open_store, base, digest, claim, monkeypatch):
    store = open_store()
    real, calls = os.write, 0

    def interrupted(descriptor: int, data: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.put(digest(1), np.arange(9_000.0), claim())
    assert [path for path in base.rglob("*") if path.is_file() and "values" in str(path)] == []


def test_the_killed_are_not_waited_for(open_store, base, digest_of, start_python):
    """A writer killed in a transaction blocks nobody."""
    script = """
        import sys, sqlite3
        index = sqlite3.connect(sys.argv[1] + "/index.sqlite", isolation_level=None)
        index.execute("BEGIN EXCLUSIVE")
        index.execute("DELETE FROM entry")
        print("inside", flush=True)
        sys.stdin.readline()
    """
    from afml_cache.store.store import Claim

    store = open_store()
    store.put(digest_of(1), 1, Claim("f", b"c", b"e", b"a"))
    writer: subprocess.Popen[str] = start_python(script, str(base))
    assert writer.stdout.readline() == "inside\n"
    writer.kill()
    writer.wait()
    assert store.put(digest_of(2), 2, Claim("f", b"c", b"e", b"a")) is None
    assert store.get(digest_of(1)) == 1
