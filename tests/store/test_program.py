"""Results made of a program's own classes: the same in the program, its importers and workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # it starts many processes

ROOT = Path(__file__).parents[2]

PROGRAM = """
import enum, multiprocessing, sys
from dataclasses import dataclass
from afml_cache import robust_cacheable

class Box:
    @dataclass
    class Inner:
        number: int

class Side(enum.Enum):
    LONG = 1

def square(x):
    return x * x

@robust_cacheable
def compute(x):
    print("computed", end=" ", flush=True)
    return [Box.Inner(x), Side.LONG, square, Box, "script", "__main__"]

def right(found):
    inner, side, function, cls, *texts = found
    return (type(inner) is Box.Inner and inner.number == 7 and side is Side.LONG
            and function is square and cls is Box and texts == ["script", "__main__"])

def report(_=None):
    return right(compute(7)) and right(compute(7))  # from the store, and from memory

if __name__ == "__main__":
    if sys.argv[1:] == ["spawn"]:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(report), right(pool.apply(compute, (7,))))
    else:
        print(report())
"""


@pytest.fixture
def run(tmp_path, base):
    """Run Python with these arguments in the folder of the program."""
    (tmp_path / "script.py").write_text(PROGRAM)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "program.py").write_text(PROGRAM)

    def run_(*args: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", *args],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={
                "PYTHONPATH": f"{ROOT}:{tmp_path}",
                "AFML_CACHE": str(base),
                "AFML_CACHE_SECRET": "s" * 40,
                "HOME": str(tmp_path),
            },
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "unreadable" not in done.stderr
        return done.stdout.strip()

    return run_


SCRIPT = {
    "run": ("script.py",),
    "import": ("-c", "import script; print(script.report())"),
    "spawn": ("script.py", "spawn"),
}
MODULE = {
    "run": ("-m", "package.program"),
    "import": ("-c", "import package.program as p; print(p.report())"),
    "spawn": ("-m", "package.program", "spawn"),
}


@pytest.mark.parametrize("ways", [SCRIPT, MODULE], ids=["script", "module"])
@pytest.mark.parametrize("first", ["run", "import", "spawn"])
def test_a_program_its_importers_and_its_workers_share_results_of_its_classes(ways, first, run):
    good = {"run": "True", "import": "True", "spawn": "True True"}
    assert run(*ways[first]) == f"computed {good[first]}"
    for way in (*ways, *ways):
        assert run(*ways[way]) == good[way]


def test_a_class_of_an_interactive_session_is_not_mistaken_for_one_of_a_program(run, base):
    source = """
from afml_cache.store.store import *
class P: pass
with Store({base!r}) as store:
    {what}
"""
    put = "store.put(b'k' * 16, P(), Claim('f', b'c', b'e', b'a'))"
    get = "import warnings; warnings.simplefilter('ignore'); print(store.get(b'k' * 16))"
    run("-c", source.format(base=str(base), what=put))
    assert "P object" in run("-c", source.format(base=str(base), what=get))
    Path(base.parent / "other.py").write_text(source.format(base=str(base), what=get))
    assert run("other.py") == "Missing(unreadable)"


def test_a_class_that_cannot_be_found_any_more_is_a_miss(run, base):
    source = f"""
from afml_cache.store.store import *
class P: pass
with Store({str(base)!r}) as store:
    store.put(b'k' * 16, P(), Claim('f', b'c', b'e', b'a'))
"""
    program = Path(base.parent / "gone.py")
    program.write_text(source)
    run("gone.py")
    program.unlink()
    look = f"""
from afml_cache.store.store import *
import warnings; warnings.simplefilter('ignore')
print(Store({str(base)!r}).get(b'k' * 16))
"""
    assert run("-c", look) == "Missing(unreadable)"
