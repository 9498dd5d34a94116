"""One fingerprint in every process: under pytest, on every Python, with every hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.keys.code.conftest import Project

ROOT = Path(__file__).resolve().parents[3]

QUANT = '''
"""Every syntax that compiles differently somewhere."""
from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import tools

WINDOW = 20
LIMITS = {"low": 0.1, "high": [1.0, 2.0], 3: {b"x", None, ...}}


class Side(Enum):
    LONG = 1
    SHORT = -1

    def sign(self):
        assert self.value, "no side"
        return self.value


class Bar(NamedTuple):
    price: float
    size: int = 1


@dataclass(frozen=True)
class Trade:
    side: Side
    size: float = 1.0

    def value(self, price, *, fee: float = 0.1):
        assert price > 0, f"price {price!r} is not positive"
        return self.side.sign() * self.size * price - fee


def checked(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        assert args
        return function(*args, **kwargs)

    return wrapper


@checked
def signal(prices, /, window: int = 10, *rest, power=2, **more):
    """Words."""
    assert len(prices) > 2 and window, (
        "too short"
    )
    out = []
    for i, p in enumerate(prices):
        try:
            out.append(tools.scale(p, WINDOW) if i % 2 else -p**power)
        except* (ValueError, TypeError) as group:
            raise RuntimeError(f"{group = } {p:>{window}.{power}f} {'nested'} {{}}") from None
        else:
            continue
    while (left := len(out)) > 10:
        out.pop()
        assert left
    match out:
        case [Trade(size=s), *_] if s > 1:
            pass
        case {"a": x, **kw} | {"b": x, **kw}:
            del x
        case _:
            out[0:1] = [*out, {**more, None: 1}]
    with open("x") as a, open("y"):
        yield from list(a)
    total = sum(x for x in out) + [z for z in rest if z is not None][-1]
    assert total != (lambda q, r=1: q @ r)(total, 2)
    return Trade(Side.LONG).value(total), Bar(1.0), LIMITS, math.pi, 10**40, 1e400, 2j, "\\ud800é"
'''

TOOLS = """
def scale(value, window):
    assert window > 0, "a window of nothing"
    for _ in range(3):
        assert value == value
    else:
        value *= 2
    return value / window
"""

SCRIPT = """
from operator import attrgetter
import quant
from afml_cache.keys.code import FunctionCode
names = ["signal", "Trade.value", "Side.sign", "checked"]
print(shown({name: FunctionCode(attrgetter(name)(quant)).current() for name in names}))
"""

SHOWN = """
import json
def shown(found):
    assert not any(f.edited or f.left_out for f in found.values()), found
    return json.dumps({name: f.code.hex() for name, f in found.items()})
"""

#: Pinned: these change with the format only, on no Python and in no process.
GOLDEN = {
    "signal": "04277f9ff7580c53af2ed30423f46d0a",
    "Trade.value": "7587101de2e0d56d924a3b20a8fa4db6",
    "Side.sign": "9b399469240da20a142973aa9977e544",
    "checked": "20112a51857ca70699ec34b86da62841",
}


@pytest.fixture
def quant(project: Project) -> Project:
    project.write("quant.py", QUANT)
    project.write("tools.py", TOOLS)
    project.write("ask.py", SHOWN + SCRIPT)
    return project


def _run(project: Project, *command: str, **environment: str) -> str:
    paths = os.pathsep.join([str(project.folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_fingerprints_are_the_golden_ones(quant: Project) -> None:
    assert json.loads(_run(quant, "ask.py")) == GOLDEN


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_hash_seed_does_not_matter(seed: str, quant: Project) -> None:
    assert json.loads(_run(quant, "ask.py", PYTHONHASHSEED=seed)) == GOLDEN


def test_compiled_files_and_optimisation_do_not_matter(quant: Project) -> None:
    for _ in range(2):  # the second run loads __pycache__
        assert json.loads(_run(quant, "ask.py", PYTHONDONTWRITEBYTECODE="")) == GOLDEN
    for flag in ("-O", "-OO"):
        assert json.loads(_run(quant, flag, "ask.py")) == GOLDEN


@pytest.mark.parametrize("mode", ["rewrite", "plain"])
def test_pytest_does_not_matter(mode: str, quant: Project) -> None:
    """pytest rewrites the asserts, and so the bytecode, of the modules that it registers."""
    quant.write("conftest.py", "import pytest\npytest.register_assert_rewrite('quant', 'tools')\n")
    quant.write(
        "test_quant.py",
        SHOWN
        + """
import os, pathlib
from operator import attrgetter
def test_fingerprints():
    import quant
    from afml_cache.keys.code import FunctionCode
    is_rewritten = "@pytest_ar" in vars(quant)
    assert is_rewritten == (os.environ["MODE"] == "rewrite")
    names = ["signal", "Trade.value", "Side.sign", "checked"]
    found = {name: FunctionCode(attrgetter(name)(quant)).current() for name in names}
    pathlib.Path("found.json").write_text(shown(found))
""",
    )
    _run(quant, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--assert={mode}", MODE=mode)
    assert json.loads((quant.folder / "found.json").read_text()) == GOLDEN


def test_an_edit_is_seen_under_pytests_rewriting(quant: Project) -> None:
    quant.write("conftest.py", "import pytest\npytest.register_assert_rewrite('quant', 'tools')\n")
    quant.write(
        "test_quant.py",
        """
        import pathlib, pytest, quant, tools
        from afml_cache.keys.code import FunctionCode
        @pytest.mark.parametrize("old, new", [
            ("value / window", "value * window"),
            ("value *= 2", "value *= 3"),
            ("window > 0", "window > 17"),
            ("range(3)", "range(4)"),
            ("assert value == value", "assert value == max"),
        ])
        def test_edit(old, new):
            path = pathlib.Path(tools.__file__)
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new))
            try:
                assert FunctionCode(tools.scale).current().edited == (str(path),)
            finally:
                path.write_text(text)
        def test_lines_above():
            path = pathlib.Path(tools.__file__)
            path.write_text("# more" + chr(10) * 5 + path.read_text())
            assert not FunctionCode(tools.scale).current().edited
        """,
    )
    assert "6 passed" in _run(quant, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_a_program_and_its_import_agree(project: Project) -> None:
    project.write(
        "quant.py",
        """
        from afml_cache.keys.code import FunctionCode, function_identity
        N = 3
        class Model:
            def run(self): return N
        def signal(x): return Model().run() + N
        print(function_identity(signal), FunctionCode(signal).current())
        """,
    )
    imported = _run(project, "-c", "import quant")
    assert imported == _run(project, "quant.py") == _run(project, "-m", "quant")
    assert imported.startswith("quant.signal ")
    assert imported == _run(project, str(project.folder / "quant.py"))
