"""Whatever happens to the store, the caller gets the right result and the store stays honest."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from afml_cache import CachedFunction, CacheWarning, configure, robust_cacheable, use_store

RUNS: list[int] = []


@robust_cacheable
def small(x):
    globals()["RUNS"].append(x)
    return {"x": x, "text": "value " * 20}


@robust_cacheable
def large(x):
    globals()["RUNS"].append(x)
    return np.arange(50_000.0) * x


def right() -> None:
    """Both functions give the right results, whether they hit or compute."""
    for x in (1, 2):
        assert small(x) == {"x": x, "text": "value " * 20}
        assert large(x).tolist() == (np.arange(50_000.0) * x).tolist()


@pytest.fixture
def filled(tmp_path: pathlib.Path) -> pathlib.Path:
    """A store with four entries, at rest."""
    place = tmp_path / "filled"
    with use_store(place):
        right()
    RUNS.clear()
    return place


@contextlib.contextmanager
def using(place: pathlib.Path) -> Iterator[None]:
    with warnings.catch_warnings(), use_store(place):
        warnings.simplefilter("ignore", CacheWarning)
        yield


def files(place: pathlib.Path) -> list[pathlib.Path]:
    found = sorted(path for path in place.rglob("*") if path.is_file() and path.stat().st_size)
    assert found
    return found


def entries(place: pathlib.Path) -> list[pathlib.Path]:
    """The files that hold large values: not the index, not its journal."""
    found = [path for path in files(place) if path.stat().st_size >= 400_000]
    assert len(found) == 2
    return found


def test_a_store_at_rest_serves_every_entry(filled: pathlib.Path) -> None:
    with use_store(filled):
        right()
        assert RUNS == []
        assert small.cache_info().hits == 2


def damaged(function: CachedFunction[..., object]) -> int:
    """How many calls were computed because an entry was not what it had been.

    Where the bytes that name the secret are hit, it seems to be sealed by another one.
    """
    reasons = function.cache_info().reasons
    return sum(reasons.get(each, 0) for each in ("unreadable", "tampered", "other_secret"))


def flip(path: pathlib.Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("seed", range(24))
def test_a_flipped_byte_anywhere_never_reaches_the_caller(filled: pathlib.Path, seed: int) -> None:
    chance = random.Random(seed)
    path = chance.choice(files(filled))
    size = path.stat().st_size
    flip(path, chance.choice([0, size - 1, chance.randrange(size), chance.randrange(size)]))
    with using(filled):
        right()
        right()
        assert len(RUNS) <= 8
    with using(filled):
        RUNS.clear()
        right()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_every_part_of_a_large_value_is_checked(filled: pathlib.Path, place: str) -> None:
    span = {"start": range(0, 600, 19), "middle": range(600, 400_000, 33_333), "end": [400_000]}
    for position in span[place]:
        copy = filled.with_name(f"copy-{position}")
        shutil.copytree(filled, copy)
        for path in entries(copy):
            flip(path, position)
        with using(copy):
            right()
            assert large.cache_info().hits == 0, position
            assert damaged(large) == 2, position


def test_a_flipped_byte_behind_a_large_value_is_noticed(filled: pathlib.Path) -> None:
    for path in entries(filled):
        flip(path, -1)
    with using(filled):
        right()
        assert damaged(large) == 2


@pytest.mark.parametrize("position", [-1, -20, -100, -200, -300])
def test_an_index_that_is_made_again_from_damaged_files_serves_nothing_wrong(
    filled: pathlib.Path, position: int
) -> None:
    held = entries(filled)
    for path in files(filled):
        if path in held:
            flip(path, position)
        else:
            path.unlink()
    with using(filled):
        right()
        right()


DAMAGE: dict[str, Callable[[pathlib.Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut by a byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "longer by a byte": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "deleted": lambda path: path.unlink(),
    "a directory": lambda path: (path.unlink(), path.mkdir()),
    "a dangling link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "text": lambda path: path.write_text("not what it was"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_entries_are_computed_again(
    filled: pathlib.Path, damage: Callable[[pathlib.Path], object]
) -> None:
    for path in entries(filled):
        damage(path)
    with using(filled):
        right()
        assert RUNS == [1, 2]
        assert damaged(large) == 2
        right()
        assert RUNS == [1, 2], "and kept again"


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_index_costs_a_computation_and_no_more(
    filled: pathlib.Path, damage: Callable[[pathlib.Path], object]
) -> None:
    held = entries(filled)
    for path in files(filled):
        if path not in held:
            damage(path)
    with using(filled):
        right()
        right()
        assert len(RUNS) <= 8


def test_entries_that_took_each_others_place_are_not_served(filled: pathlib.Path) -> None:
    one, other = entries(filled)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    with using(filled):
        right()
        assert RUNS == [1, 2]


def test_an_entry_of_another_store_is_served_only_where_it_belongs(
    filled: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """The same entry sealed by the same secret, moved with its whole store, is the same entry."""
    moved = tmp_path / "elsewhere" / "moved"
    shutil.copytree(filled, moved)
    with use_store(moved):
        right()
        assert RUNS == []


class Payload:
    """What an attacker puts into a pickle: it runs when loaded."""

    def __reduce__(self) -> object:
        return os.system, (f"touch {os.environ['AFML_FORGED']}",)


def test_a_forged_pickle_is_never_executed(
    filled: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed by a secret of the attacker's own and put where the victim's entries were."""
    mark = tmp_path / "executed"
    monkeypatch.setenv("AFML_FORGED", str(mark))
    place = tmp_path / "shared"
    configure(secret="the attacker's")
    with use_store(place):

        @robust_cacheable
        def victim(x):
            return globals()["PAYLOAD"]

        globals()["PAYLOAD"] = Payload()
        victim(1)
    configure(secret="the victim's")
    globals()["PAYLOAD"] = "harmless"
    with using(place):
        assert victim(1) == "harmless"
        assert victim.cache_info().reasons["other_secret"] == 1
    assert not mark.exists()


def test_what_another_secret_sealed_is_a_miss_and_is_left_there(filled: pathlib.Path) -> None:
    configure(secret="another")
    with using(filled):
        assert small(1)["x"] == 1
        assert small.cache_info().reasons["other_secret"] == 1
    configure(secret=None)  # the tests' own, of the environment
    RUNS.clear()
    with using(filled):
        right()


def test_a_store_whose_place_is_a_file_costs_a_warning_and_no_result(
    tmp_path: pathlib.Path,
) -> None:
    place = tmp_path / "file"
    place.write_text("in the way")
    with pytest.warns(CacheWarning) as warned, use_store(place):
        right()
        right()
        assert small.cache_info().reasons == {"store_unavailable": 4}
    assert len([w for w in warned if w.category is CacheWarning]) == 1
    assert place.read_text() == "in the way"


def test_a_store_that_vanishes_costs_no_result(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "vanishing"
    with using(place):
        right()
        shutil.rmtree(place)
        right()
        right()


def test_a_store_that_vanishes_and_comes_back_is_used_again(tmp_path: pathlib.Path) -> None:
    place = tmp_path / "vanishing"
    with using(place):
        right()
    place.rename(tmp_path / "away")
    with using(place):
        right()
    shutil.rmtree(place)
    (tmp_path / "away").rename(place)
    RUNS.clear()
    with use_store(place):
        right()
        assert RUNS == []


@pytest.mark.slow
def test_an_index_that_another_program_locks_costs_no_result(filled: pathlib.Path) -> None:
    index = next(p for p in files(filled) if p.read_bytes()[:15] == b"SQLite format 3")
    lock = sqlite3.connect(index, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        with using(filled):
            assert small(1)["x"] == 1
            assert small(5)["x"] == 5
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    with using(filled):
        right()


def test_an_exception_of_the_function_is_not_taken_for_a_fault_of_the_store(
    tmp_path: pathlib.Path,
) -> None:
    """The function's own OSError and sqlite3 errors pass through, once, like any other."""

    @robust_cacheable
    def f(kind):
        globals()["RUNS"].append(kind)
        raise {"os": OSError, "sqlite": sqlite3.OperationalError}[kind]("the function's own")

    RUNS.clear()
    for kind, error in (("os", OSError), ("sqlite", sqlite3.OperationalError)):
        with pytest.raises(error, match="the function's own"):
            f(kind)
    assert RUNS == ["os", "sqlite"]


def test_a_secret_that_cannot_be_read_costs_no_result(
    tmp_path: pathlib.Path, run_python: Callable[..., str]
) -> None:
    config = tmp_path / "no-config"
    config.write_text("a file where a directory belongs")
    printed = run_python(
        """
        import os, warnings
        os.environ.pop("AFML_CACHE_SECRET")
        from afml_cache import robust_cacheable

        @robust_cacheable
        def f(x):
            return x + 1

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(f(1), f(1), len(caught))
        """,
        XDG_CONFIG_HOME=str(config),
        HOME=str(config),
    )
    assert printed.split() == ["2", "2", "1"]


def test_a_read_only_store_still_hits(filled: pathlib.Path) -> None:
    for path in [filled, *filled.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        if os.access(filled, os.W_OK):
            pytest.skip("this user may write everywhere")
        with using(filled):
            right()
            assert RUNS == []
    finally:
        for path in [filled, *filled.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_an_interrupted_process_leaves_no_entry_and_no_lock(
    tmp_path: pathlib.Path, run_python: Callable[..., str]
) -> None:
    script = """
        import os, signal, sys
        from afml_cache import robust_cacheable

        @robust_cacheable
        def f(x):
            if "die" in sys.argv:
                os.kill(os.getpid(), signal.SIGKILL)
            return x + 1

        print(f(1), f.cache_info().hits)
    """
    path = tmp_path / "dying.py"
    path.write_text(textwrap.dedent(script))
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, str(path), "die"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            timeout=60,
            capture_output=True,
        )
        assert done.returncode == -9
    assert run_python(script, name="dying.py").split() == ["2", "0"]
    assert run_python(script, name="dying.py").split() == ["2", "1"]
