"""The fingerprint describes the code that is loaded, and globals as they are at each call."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
import textwrap
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from afml_cache import CacheWarning, configure, robust_cacheable

HEAD = "from afml_cache import robust_cacheable\n"
Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Write a module and import it as a new process would; without a source, import again."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loaded = set()

    def load(source: str | None = None, name: str = "solo") -> Any:
        loaded.add(name)
        sys.modules.pop(name, None)
        if source is not None:
            (tmp_path / f"{name}.py").write_text(HEAD + textwrap.dedent(source))
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield load
    for name in loaded:
        sys.modules.pop(name, None)


def rewrite(tmp_path: Path, old: str, new: str, name: str = "solo") -> None:
    path = tmp_path / f"{name}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


REACHING = """
import threading
import numpy as np
import pandas as pd

RATE = 1
TABLE = {"a": [1, 2]}
WEIGHTS = np.ones(3)
FRAME = pd.DataFrame({"a": [1.0, 2.0]})
NAMES = {"x"}

class Model:
    rate = 1

    def step(self, x):
        return x + 1

MODEL = Model()

def g(x):
    return x + 1

def other(x):
    return x + 100

@robust_cacheable
def f(x):
    model = MODEL.step(x) + Model.rate
    return g(x) + RATE + TABLE["a"][0] + WEIGHTS.sum() + FRAME["a"].sum() + len(NAMES) + model
"""


def put(holder: str, name: str, value: object) -> Callable[[Any, pytest.MonkeyPatch], None]:
    def patch(solo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        target = solo if not holder else getattr(solo, holder)
        made = value(solo) if callable(value) else value
        monkeypatch.setattr(target, name, made)

    return patch


def item(holder: str, key: object, value: object) -> Callable[[Any, pytest.MonkeyPatch], None]:
    def patch(solo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(getattr(solo, holder), key, value)

    return patch


PATCHES = {
    "a helper": put("", "g", lambda solo: solo.other),
    "a helper by a lambda": put("", "g", lambda solo: lambda x: x + 7),
    "a constant": put("", "RATE", 2),
    "a constant by an equal one of another type": put("", "RATE", 1.0),
    "an item of a dict": item("TABLE", "a", [3]),
    "a dict": put("", "TABLE", lambda solo: {"a": [9]}),
    "an array": put("", "WEIGHTS", lambda solo: solo.np.zeros(3)),
    "a frame": put("", "FRAME", lambda solo: solo.pd.DataFrame({"a": [5.0]})),
    "a set": put("", "NAMES", lambda solo: {"x", "y"}),
    "a method": put("Model", "step", lambda solo: lambda self, x: x + 50),
    "an attribute of a class": put("Model", "rate", 2),
    # Not setattr: older pytests undo it by an attribute that was not there before.
    "an attribute of an instance": lambda solo, patch: patch.setitem(vars(solo.MODEL), "rate", 3),
    "an instance": put("", "MODEL", lambda solo: type("Model", (solo.Model,), {"step": other})()),
    "a class": put("", "Model", lambda solo: type("Model", (), {"rate": 4})),
}


def other(self: object, x: int) -> int:
    return x + 60


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES.keys())
def test_what_is_replaced_while_the_program_runs_counts_while_it_is(
    load: Load, patch: Callable[[Any, pytest.MonkeyPatch], None]
) -> None:
    solo = load(REACHING)
    solo.f(1)
    with pytest.MonkeyPatch.context() as monkeypatch:
        patch(solo, monkeypatch)
        assert not solo.f.cache_contains(1)
        assert solo.f(1) == solo.f.__wrapped__(1)
    assert solo.f.cache_contains(1), "put back, the old result hits"
    assert solo.f(1) == solo.f.__wrapped__(1)


MUTATIONS = {
    "a nested list": lambda solo: solo.TABLE["a"].insert(0, 40),
    "an array": lambda solo: solo.WEIGHTS.fill(7),
    "one element of an array": lambda solo: solo.WEIGHTS.__setitem__(2, 1.5),
    "a frame": lambda solo: solo.FRAME.loc.__setitem__((0, "a"), 8.0),
    "a frame's new column": lambda solo: solo.FRAME.__setitem__("b", 1),
    "a set": lambda solo: solo.NAMES.add("z"),
    "a dict": lambda solo: solo.TABLE.update(a=[70]),
    "an instance": lambda solo: setattr(solo.MODEL, "rate", 9),
}


@pytest.mark.parametrize("mutate", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_global_that_is_changed_in_place_counts(
    load: Load, mutate: Callable[[Any], object]
) -> None:
    solo = load(REACHING)
    solo.f(1)
    solo.f(1)
    mutate(solo)
    assert not solo.f.cache_contains(1)
    assert solo.f(1) == solo.f.__wrapped__(1)


HELPED = "def g(x):\n    return x + 1\n\n@robust_cacheable\ndef f(x):\n    return g(x) * 2\n"


@pytest.mark.parametrize(
    ("old", "new"), [("* 2", "* 3"), ("x + 1", "x + 2")], ids=["own", "helper"]
)
def test_an_edit_without_a_reload_computes_and_stores_nothing(
    load: Load, tmp_path: Path, old: str, new: str
) -> None:
    solo = load(HELPED)
    rewrite(tmp_path, old, new)
    with pytest.warns(CacheWarning, match="edited"):
        assert [solo.f(1), solo.f(1)] == [4, 4], "what is loaded runs"
    assert solo.f.cache_info().reasons == {"source_changed": 2}
    solo = load()
    assert not solo.f.cache_contains(1)
    assert solo.f(1) == solo.f.__wrapped__(1) == 6
    rewrite(tmp_path, new, old)
    solo = load()
    assert not solo.f.cache_contains(1)
    assert solo.f(1) == 4


def test_an_edit_after_the_first_call_never_passes_for_the_code_that_ran(
    load: Load, tmp_path: Path
) -> None:
    solo = load(HELPED)
    solo.f(1)
    rewrite(tmp_path, "x + 1", "x + 2")
    assert [solo.f(1), solo.f(5), solo.f(5)] == [4, 12, 12], "what is loaded runs"
    solo = load()
    assert not solo.f.cache_contains(5)
    assert [solo.f(1), solo.f(5)] == [6, 14]
    rewrite(tmp_path, "x + 2", "x + 1")
    assert [load().f(1), load().f(5)] == [4, 12]


def test_an_edit_of_another_module_without_a_reload_stores_nothing(
    load: Load, tmp_path: Path
) -> None:
    load("def g(x):\n    return x + 1\n", "tools")
    solo = load("import tools\n\n@robust_cacheable\ndef f(x):\n    return tools.g(x)\n")
    rewrite(tmp_path, "x + 1", "x + 2", "tools")
    with pytest.warns(CacheWarning, match="edited"):
        assert solo.f(5) == 6
    assert solo.f.cache_info().reasons == {"source_changed": 1}
    sys.modules.pop("tools")
    solo = load()
    assert not solo.f.cache_contains(5)
    assert solo.f(5) == 7


def test_an_edit_between_import_and_first_call_of_the_second_function_is_noticed(
    load: Load, tmp_path: Path
) -> None:
    """What is known of one function of a file says nothing of another that was not read yet."""
    solo = load(HELPED + "\n@robust_cacheable\ndef late(x):\n    return x + 9\n")
    solo.f(1)
    rewrite(tmp_path, "x + 9", "x + 8")
    with pytest.warns(CacheWarning, match="edited"):
        assert solo.late(1) == 10
    solo = load()
    assert not solo.late.cache_contains(1)
    assert solo.late(1) == 9


def test_lines_that_move_without_a_reload_do_not_confuse_one_function_with_another(
    load: Load, tmp_path: Path
) -> None:
    solo = load("@robust_cacheable\ndef f(x):\n    return x + 1\n\ndef g(x):\n    return x + 2\n")
    (tmp_path / "solo.py").write_text(
        HEAD + "def g(x):\n    return x + 2\n\n@robust_cacheable\ndef f(x):\n    return x + 3\n"
    )
    with pytest.warns(CacheWarning, match="edited"):
        assert solo.f(1) == 2
    solo = load()
    assert not solo.f.cache_contains(1)
    assert solo.f(1) == 4


@pytest.mark.xfail(strict=True, reason="the __getattr__ of a module is not followed")
def test_the_getattr_of_a_module_counts(load: Load, tmp_path: Path) -> None:
    load("def __getattr__(name):\n    return len(name) + 1\n", "lazy")
    solo = "import lazy\n\n@robust_cacheable\ndef f(x):\n    return lazy.rate + x\n"
    assert load(solo).f(1) == 6
    load("def __getattr__(name):\n    return len(name) + 2\n", "lazy")
    assert load(solo).f(1) == 7


def test_a_reload_after_an_edit_ends_it(load: Load, tmp_path: Path) -> None:
    solo = load("@robust_cacheable\ndef f(x):\n    return x + 1\n")
    rewrite(tmp_path, "x + 1", "x + 2")
    with pytest.warns(CacheWarning, match="edited"):
        solo.f(1)
    importlib.reload(solo)
    assert solo.f(1) == 3
    assert solo.f(1) == 3
    assert solo.f.cache_info().hits == 1


def test_a_file_that_is_gone_leaves_a_right_result(load: Load, tmp_path: Path) -> None:
    solo = load("@robust_cacheable\ndef f(x):\n    return x + 1\n")
    (tmp_path / "solo.py").unlink()
    assert solo.f(1) == 2
    assert solo.f(1) == 2


def test_names_that_the_reached_code_rebinds_are_left_out_and_listed(load: Load) -> None:
    solo = load(
        """
        calls = 0

        def count():
            global calls
            calls += 1

        @robust_cacheable
        def f(x):
            count()
            return x + calls * 0
        """
    )
    solo.f(1)
    solo.f(1)
    assert solo.f.cache_info().hits == 1
    assert "calls" in str(solo.f.explain(1))


def test_globals_without_a_key_are_left_out_and_listed(load: Load) -> None:
    solo = load(
        """
        import threading

        LOCK = threading.Lock()
        GENERATOR = (n for n in range(3))

        @robust_cacheable
        def f(x):
            with LOCK:
                return x if GENERATOR else 0
        """
    )
    solo.f(1)
    solo.f(1)
    assert solo.f.cache_info().hits == 1
    told = str(solo.f.explain(1))
    assert "LOCK" in told
    assert "GENERATOR" in told


LOGGING = """
import logging, sys, threading
from afml_cache import robust_cacheable

log = logging.getLogger(__name__)
session = threading.local()
{more}

def note(x):
    log.info("computed %s", x)
    return x

@robust_cacheable
def f(x):
    return note(x) + 1

f(1)
print(f.cache_info().hits, f.cache_info().computed)
"""


def test_a_logger_that_is_reached_keeps_no_call_from_hitting(
    run_python: Callable[..., str],
) -> None:
    assert run_python(LOGGING.format(more="")).split() == ["0", "1"]
    assert run_python(LOGGING.format(more="")).split() == ["1", "1"]
    with_handlers = "logging.basicConfig(level=logging.DEBUG)"
    assert run_python(LOGGING.format(more=with_handlers)).split() == ["2", "1"]


def test_two_functions_of_one_name_in_one_module_do_not_collide(load: Load) -> None:
    solo = load(
        """
        @robust_cacheable
        def f(x):
            return x + 1

        first = f

        @robust_cacheable
        def f(x):
            return x + 2

        def make(n):
            @robust_cacheable
            def f(x):
                return x * n
            return f

        ten, twenty = make(10), make(20)
        """
    )
    for _ in range(3):  # none flips another out
        assert [g(1) for g in (solo.first, solo.f, solo.ten, solo.twenty)] == [2, 3, 10, 20]
    assert solo.f.cache_info().hits >= 2
    for g in (solo.first, solo.f, solo.ten, solo.twenty):
        assert g.cache_contains(1)


def test_functions_of_one_name_in_two_modules_do_not_collide(load: Load) -> None:
    one = load("@robust_cacheable\ndef f(x):\n    return x + __name__.count('o')\n", "one")
    two = load("@robust_cacheable\ndef f(x):\n    return x + __name__.count('o')\n", "tools2")
    assert (one.f(1), two.f(1)) == (2, 3)
    assert (one.f(1), two.f(1)) == (2, 3)


def test_classes_of_one_name_that_are_arguments_do_not_collide() -> None:
    def strategy(fee: int) -> type:
        class Strategy:
            def signal(self, x: int) -> int:
                return x - fee

        return Strategy

    made = [strategy(1), strategy(5), type("Strategy", (), {"signal": lambda self, x: x * 9})]
    bars = [namedtuple("Bar", "low high"), namedtuple("Bar", "high low")]

    @robust_cacheable
    def of_object(value, x):
        return value.signal(x)

    @robust_cacheable
    def of_class(value, x):
        return value["class"]().signal(x)

    @robust_cacheable
    def high(bar):
        return bar.high

    for _ in range(2):
        assert [of_object(each(), 7) for each in made] == [6, 2, 63]
        assert [of_class({"class": each}, 7) for each in made] == [6, 2, 63]
        assert [high(bar(1, 2)) for bar in bars] == [2, 1]


def test_lambdas_of_one_line_do_not_collide() -> None:
    f, g = robust_cacheable(lambda x: x + 1), robust_cacheable(lambda x: x + 2)
    assert [f(1), g(1), f(1), g(1)] == [2, 3, 2, 3]
    functions = [robust_cacheable(lambda x, n=n: x * n) for n in range(3)]
    assert [function(2) for function in functions] == [0, 2, 4]


def test_functions_without_a_source_file_are_told_apart() -> None:
    made = []
    for n in (1, 2):
        space: dict[str, Any] = {"robust_cacheable": robust_cacheable, "__name__": "made"}
        exec(f"def f(x):\n    return x + {n}\nf = robust_cacheable(f)\n", space)
        made.append(space["f"])
    assert [f(1) for f in made] == [2, 3]
    assert [f(1) for f in made] == [2, 3]


SCRIPT = """
from afml_cache import robust_cacheable

@robust_cacheable
def f(x):
    return x + {n}

if __name__ == "__main__":
    print(f(1), f.cache_info().hits, f.cache_info().computed)
"""


def test_functions_of_two_scripts_neither_collide_nor_take_turns(
    run_python: Callable[..., str],
) -> None:
    results = [
        run_python(SCRIPT.format(n=n), name=f"script{n}.py").split()[0] for n in (1, 2, 1, 2)
    ]
    assert results == ["2", "3", "2", "3"]
    again = run_python(SCRIPT.format(n=1), name="script1.py").split()
    assert int(again[1]) >= 2, "each of them hits"


def test_a_script_given_as_text_hits_in_the_next_process(tmp_path: Path) -> None:
    def run(n: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(n=n)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[0]

    assert [run(1), run(2), run(1)] == ["2", "3", "2"]


def test_a_decorated_function_survives_a_pickle(load: Load) -> None:
    solo = load("@robust_cacheable\ndef f(x):\n    return x + 1\n")
    solo.f(1)
    again = pickle.loads(pickle.dumps(solo.f))
    assert again(1) == 2
    assert again.cache_info().hits == 1


def test_a_global_that_the_function_fills_is_left_out_and_listed(load: Load) -> None:
    solo = load(
        """
        MEMO = {}

        def slow(x):
            if x not in MEMO:
                MEMO[x] = x + 1
            return MEMO[x]

        @robust_cacheable
        def f(x):
            return slow(x)
        """
    )
    assert [solo.f(x) for x in (1, 2, 1, 2)] == [2, 3, 2, 3]
    assert solo.f.cache_info().hits == 2
    assert "MEMO" in str(solo.f.explain(1))


def test_compiled_functions_are_followed_to_their_python_source(load: Load) -> None:
    pytest.importorskip("numba")
    source = """
    import numba

    RATE = 1

    @numba.njit
    def inner(x):
        return x + 1

    @numba.njit
    def g(x):
        return inner(x) * 2 + RATE

    @robust_cacheable
    @numba.njit
    def direct(x):
        return inner(x)

    @robust_cacheable
    def f(x):
        return g(x)
    """
    solo = load(source)
    assert (solo.f(1), solo.direct(1)) == (5, 2)
    compiled = load(source).f
    assert compiled.cache_contains(1), "having been compiled does not count"
    solo = load(source.replace("x + 1", "x + 2"))
    assert (solo.f(1), solo.direct(1)) == (7, 3)
    assert load(source.replace("RATE = 1", "RATE = 5")).f(1) == 9
    assert load(source.replace("* 2", "* 3")).f(1) == 7
    assert load(source.replace("return g(x)", "return g(x)  # twice")).f.cache_contains(1)


DISTRIBUTION = {
    "thirdparty/__init__.py": "def g(x):\n    return x + {n}\n",
    "thirdparty-{v}.dist-info/METADATA": "Metadata-Version: 2.1\nName: thirdparty\nVersion: {v}\n",
    "thirdparty-{v}.dist-info/INSTALLER": "pip\n",
    "thirdparty-{v}.dist-info/top_level.txt": "thirdparty\n",
    "thirdparty-{v}.dist-info/RECORD": "thirdparty/__init__.py,,\n",
}
USING = """
import sys, os
sys.dont_write_bytecode = True
sys.path.insert(0, os.environ["SITE"])
import thirdparty
from afml_cache import configure, robust_cacheable
configure(package_versions=os.environ["VERSIONS"])

@robust_cacheable
def f(x):
    return thirdparty.g(x)

print("hit" if f.cache_contains(1) else "miss", f(1))
"""


@pytest.mark.parametrize(
    ("versions", "patch", "minor"),
    [("minor", "hit", "miss"), ("exact", "miss", "miss"), ("ignore", "hit", "hit")],
)
def test_an_installed_package_counts_by_its_version(
    run_python: Callable[..., str], tmp_path: Path, versions: str, patch: str, minor: str
) -> None:
    def run(version: str, n: int) -> str:
        site = tmp_path / version / "lib" / "python3" / "site-packages"
        for name, text in DISTRIBUTION.items():
            path = site / name.format(v=version)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(v=version, n=n))
        return run_python(USING, SITE=str(site), VERSIONS=versions).split()[0]

    assert run("1.4.0", 1) == "miss"
    assert run("1.4.0", 1) == "hit"
    assert run("1.4.1", 2) == patch
    assert run("1.5.0", 3) == minor


def test_a_minor_version_and_an_exact_one_may_not_be_anything_else() -> None:
    with pytest.raises(ValueError, match="package_versions"):
        configure(package_versions="major")  # type: ignore[arg-type]


def test_generator_functions_are_refused_when_decorated_with_the_remedy() -> None:
    with pytest.raises(TypeError, match="list"):

        @robust_cacheable
        def numbers(n: int) -> Iterator[int]:
            yield from range(n)


def test_a_method_whose_self_has_no_key_says_what_to_define() -> None:
    class Feed:
        def __init__(self) -> None:
            self.generator = (n for n in range(3))

        @robust_cacheable
        def price(self, day: int) -> int:
            return day * 2

    with pytest.warns(CacheWarning, match="__afml_key__"):
        assert Feed().price(4) == 8
