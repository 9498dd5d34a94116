"""joblib's files bear no seal: they are read only where nobody but the user can have written them.

Whatever another person could have put there is not unpickled, and the user is told once what to do.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from afml_cache import CacheWarning, configure, use_store

MAIN = """
    from afml.cache import cacheable
    from desk.noting import note

    @cacheable
    def f(x):
        note("f", x)
        return [x] * 3
"""


class Planted:
    """Pickled, this is a program that makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return open, (str(self.marker), "w")


@pytest.fixture
def desk(repo: Any) -> Iterator[Any]:
    """A migrated repository whose store lies where every user of the machine can reach it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        with use_store(place / "cache") as reachable:
            repo.store = reachable
            repo.write("main.py", MAIN)
            repo.warm(lambda main: [main.f(1), main.f(2)])
            for path in [place / "cache", *(place / "cache").rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)
            repo.migrate()
            yield repo


PLACES: dict[str, Callable[[Any], Path]] = {
    "the folder of @cacheable": lambda desk: desk.joblib.parent,
    "joblib's folder": lambda desk: desk.joblib,
    "the package": lambda desk: desk.joblib / "desk",
    "the module": lambda desk: desk.joblib / "desk/main",
    "the function": lambda desk: desk.joblib / "desk/main/f",
    "the entry": lambda desk: desk.entry,
    "the result": lambda desk: desk.entry / "output.pkl",
}
places = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())


@pytest.fixture
def planted(desk: Any) -> Any:
    """f(1), whose entry is now a program that makes the file ``desk.marker``."""
    size = {output: output.stat().st_size for output in desk.outputs()}
    (desk.entry,) = [output.parent for output in size if b"K\x01" in output.read_bytes()]
    desk.marker = desk.folder / "executed"
    mode = (desk.entry / "output.pkl").stat().st_mode
    (desk.entry / "output.pkl").write_bytes(pickle.dumps(Planted(desk.marker)))
    assert (desk.entry / "output.pkl").stat().st_mode == mode
    return desk


def refused(desk: Any, path: Path) -> list[str]:
    """Call f(1) twice; it computes, nothing planted is run. Returns what the user was told."""
    f = desk.load().f
    with warnings.catch_warnings(record=True) as told, desk.counting(f) as counted:
        warnings.simplefilter("always")
        assert f(1) == [1, 1, 1]
        assert f(1) == [1, 1, 1]
    assert not desk.marker.exists(), "what was planted has been executed"
    assert desk.ran() == ["f 1"]
    assert (counted.adopted, counted.computed, counted.hits) == (0, 1, 1)
    assert counted.reasons == {"adoption_refused": 1}
    assert {warning.category for warning in told} <= {CacheWarning}
    return [str(warning.message) for warning in told]


def test_what_lies_in_the_users_own_folders_is_adopted(desk: Any) -> None:
    f = desk.load().f
    with warnings.catch_warnings(), desk.counting(f) as told:
        warnings.simplefilter("error")
        assert [f(1), f(2)] == [[1, 1, 1], [2, 2, 2]]
    assert (told.adopted, told.computed) == (2, 0)


def test_the_planted_program_is_one(planted: Any) -> None:
    with (planted.entry / "output.pkl").open("rb") as file:
        pickle.load(file).close()
    assert planted.marker.exists()


@places
@pytest.mark.parametrize("more", [0o020, 0o002, 0o022], ids=["group", "others", "both"])
def test_what_others_can_write_is_refused_with_one_warning_that_says_what_to_do(
    planted: Any, place: Callable[[Any], Path], more: int
) -> None:
    path = place(planted)
    path.chmod(path.stat().st_mode & 0o777 | more)
    (told,) = refused(planted, path)
    assert str(path) in told
    assert "chmod" in told


@places
def test_after_the_remedy_the_entries_are_adopted(desk: Any, place: Callable[[Any], Path]) -> None:
    desk.entry = next(output.parent for output in desk.outputs() if b"K\x02" in output.read_bytes())
    path = place(desk)
    before = path.stat().st_mode & 0o777
    path.chmod(before | 0o022)
    f = desk.load().f
    with pytest.warns(CacheWarning, match="chmod"), desk.counting(f) as told:
        assert f(2) == [2, 2, 2]
    assert told.reasons == {"adoption_refused": 1}
    path.chmod(before)
    with use_store(desk.folder / "another store"):
        configure(adopt_from=desk.joblib.parent)
        f = desk.load().f
        assert f(2) == [2, 2, 2]
        assert f.cache_info().adopted == 1


@places
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_what_another_user_owns_is_refused_with_one_warning(
    planted: Any, place: Callable[[Any], Path]
) -> None:
    path = place(planted)
    os.chown(path, 12345, -1)
    (told,) = refused(planted, path)
    assert str(path) in told


def test_many_refused_calls_are_told_once(desk: Any) -> None:
    desk.joblib.chmod(0o777)
    f = desk.load().f
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert [f(x)[0] for x in (1, 2, 3, 1, 2)] == [1, 2, 3, 1, 2]
    assert len(told) == 1
    assert desk.ran() == ["f 1", "f 2", "f 3"]


def test_the_remedy_is_a_command_that_makes_everything_adoptable(desk: Any) -> None:
    """As after years under umask 002, where all that joblib made belongs to a group, too."""
    for path in [desk.joblib.parent, *desk.joblib.parent.rglob("*")]:
        path.chmod(path.stat().st_mode & 0o777 | 0o020)
    f = desk.load().f
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        f(1)
    (message,) = [str(warning.message) for warning in told]
    (command,) = re.findall(r"chmod [^']*'[^']*'", message)
    subprocess.run(command, shell=True, check=True)
    f = desk.load().f
    with warnings.catch_warnings(), desk.counting(f) as counted:
        warnings.simplefilter("error")
        assert f(2) == [2, 2, 2]
    assert (counted.adopted, counted.computed) == (1, 0)


def test_a_warning_that_the_program_made_an_error_costs_no_result(desk: Any) -> None:
    desk.joblib.chmod(0o777)
    f = desk.load().f
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(1) == [1, 1, 1]
    assert desk.ran() == ["f 1"]


def test_a_result_behind_a_link_to_where_others_write_is_refused(planted: Any) -> None:
    """The mode of a link says nothing; the mode of what it leads to does."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        output = planted.entry / "output.pkl"
        elsewhere = Path(folder) / "output.pkl"
        elsewhere.write_bytes(output.read_bytes())
        elsewhere.chmod(0o666)
        output.unlink()
        output.symlink_to(elsewhere)
        refused(planted, output)


def test_an_entry_behind_a_link_to_where_others_write_is_refused(planted: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        elsewhere = Path(folder) / "entry"
        planted.entry.rename(elsewhere)
        elsewhere.chmod(0o777)
        planted.entry.symlink_to(elsewhere)
        refused(planted, planted.entry)


def test_a_refusal_pins_nothing(desk: Any) -> None:
    desk.joblib.chmod(0o777)
    f = desk.load().f
    with pytest.warns(CacheWarning):
        f(1)
    desk.joblib.chmod(0o755)
    desk.edit("noting.py", "    with open", "    what = tuple(what)\n    with open")
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(2) == [2, 2, 2]
    assert told.adopted == 1


class Raises:
    """Unpickled, this raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> Any:
        return _throw, (self.error,)


def _throw(error: BaseException) -> None:
    raise error


def _pickled_as(module: bytes, name: bytes) -> bytes:
    """A pickle of protocol 0 that calls ``module.name()``."""
    return b"c" + module + b"\n" + name + b"\n(tR."


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut by a byte": lambda path: os.truncate(path, path.stat().st_size - 1),
    "garbage": lambda path: path.write_bytes(os.urandom(300)),
    "zeros": lambda path: path.write_bytes(bytes(300)),
    "text": lambda path: path.write_text("not what it was"),
    "a broken zlib stream": lambda path: path.write_bytes(b"\x78\x9c" + b"broken" * 9),
    "a broken gzip stream": lambda path: path.write_bytes(b"\x1f\x8b" + b"broken" * 9),
    "a broken xz stream": lambda path: path.write_bytes(b"\xfd7zXZ" + b"broken" * 9),
    "a class that is gone": lambda path: path.write_bytes(_pickled_as(b"desk.main", b"Gone")),
    "a module that is gone": lambda path: path.write_bytes(_pickled_as(b"no_such_module", b"f")),
    "raising a value error": lambda path: path.write_bytes(pickle.dumps(Raises(ValueError("no")))),
    "raising an assertion": lambda path: path.write_bytes(pickle.dumps(Raises(AssertionError()))),
    "raising a recursion error": lambda path: path.write_bytes(
        pickle.dumps(Raises(RecursionError("too deep")))
    ),
    "raising a memory error": lambda path: path.write_bytes(pickle.dumps(Raises(MemoryError()))),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_computed_and_counted_as_unreadable(
    desk: Any,
    damage: Callable[[Path], object],
    contents: Callable[[Path], dict[str, tuple[object, ...]]],
) -> None:
    for output in desk.outputs():
        damage(output)
    before = contents(desk.joblib)
    f = desk.load().f
    with warnings.catch_warnings(), desk.counting(f) as told:
        warnings.simplefilter("ignore", CacheWarning)
        assert [f(1), f(1)] == [[1, 1, 1], [1, 1, 1]]
    assert (told.adopted, told.computed, told.hits) == (0, 1, 1)
    assert told.reasons == {"unreadable": 1}
    assert desk.ran() == ["f 1"]
    assert contents(desk.joblib) == before, "left for joblib to deal with"


def test_beside_a_damaged_entry_the_others_are_adopted(desk: Any) -> None:
    damaged, *others = desk.outputs()
    assert len(others) == 1
    damaged.write_bytes(b"broken")
    f = desk.load().f
    with warnings.catch_warnings(), desk.counting(f) as told:
        warnings.simplefilter("ignore", CacheWarning)
        assert [f(1), f(2)] == [[1, 1, 1], [2, 2, 2]]
    assert (told.adopted, told.computed) == (1, 1)


def test_an_entry_without_a_result_is_no_entry(desk: Any) -> None:
    """joblib makes the folder before the function runs; a run that was killed leaves it empty."""
    for output in desk.outputs():
        output.unlink()
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(1) == [1, 1, 1]
    assert (told.adopted, told.computed) == (0, 1)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_an_entry_that_may_not_be_read_is_computed(desk: Any) -> None:
    for output in desk.outputs():
        output.chmod(0)
    f = desk.load().f
    with warnings.catch_warnings(), desk.counting(f) as told:
        warnings.simplefilter("ignore", CacheWarning)
        assert f(1) == [1, 1, 1]
    assert (told.adopted, told.computed) == (0, 1)
    assert desk.ran() == ["f 1"]
