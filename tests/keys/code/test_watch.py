"""What changes while the program runs is noticed at the next call; what did not change is not."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from afml_cache import settings
from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys.code import FunctionCode

if TYPE_CHECKING:
    from tests.keys.code.conftest import Project

SOURCE = """
import functools
import numpy as np
import tools
N = 20
LIST = [1, 2]
DEEP = {"a": [1, 2], "b": {"c": 1}}
ARRAY = np.array([1.0, 2.0])
TABLE = {"f": tools.scale}
def helper(x, n=1, *, k=2): return x
def spare(x): return -x
class Model:
    rate = 1
    def run(self): return self.rate
class Child(Model):
    pass
model = Model()
def make(n, f):
    def inner(x): return f(x) + n + sum(x)
    return inner
inner = make(1, helper)
def signal(x):
    inner(x), Model().run(), Child(), model, TABLE["f"](x)
    return helper(x) + tools.scale(x) + N + len(LIST) + len(DEEP) + ARRAY
"""


def _set_cell(module: ModuleType, name: str, value: object) -> None:
    inner = module.inner
    inner.__closure__[inner.__code__.co_freevars.index(name)].cell_contents = value


CHANGES: dict[str, Callable[[Any], object]] = {
    "a constant": lambda m: setattr(m, "N", 21),
    "a constant of equal value and other type": lambda m: setattr(m, "N", 20.0),
    "a helper": lambda m: setattr(m, "helper", m.spare),
    "a helper in its module": lambda m: setattr(m.tools, "scale", m.spare),
    "a helper's code": lambda m: setattr(m.helper, "__code__", m.spare.__code__),
    "a helper's defaults": lambda m: setattr(m.helper, "__defaults__", (2,)),
    "no defaults": lambda m: setattr(m.helper, "__defaults__", None),
    "a keyword's default": lambda m: m.helper.__kwdefaults__.update(k=3),
    "an item of a list": lambda m: m.LIST.append(3),
    "the type of an item": lambda m: m.LIST.__setitem__(0, True),
    "an item deep in a dict": lambda m: m.DEEP["b"].update(c=2),
    "an element of an array": lambda m: m.ARRAY.__setitem__(0, 9.0),
    "an entry of a table": lambda m: m.TABLE.update(f=m.spare),
    "a method": lambda m: setattr(m.Model, "run", lambda self: 3),
    "a class attribute": lambda m: setattr(m.Model, "rate", 2),
    "an attribute of an instance": lambda m: setattr(m.model, "rate", 5),
    "a variable of a closure": lambda m: _set_cell(m, "n", 2),
    "a function of a closure": lambda m: _set_cell(m, "f", m.spare),
    "a name that shadows a builtin": lambda m: setattr(m, "sum", m.spare),
    "a new method of a class": lambda m: setattr(m.Child, "run", lambda self: 3),
    "a whole module": lambda m: setattr(m, "tools", m),
}


@pytest.fixture
def quant(project: Project) -> Any:
    project.write("tools.py", "def scale(x): return x\n")
    project.write("quant.py", SOURCE)
    return project.load()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_noticed(change: Callable[[Any], object], quant: Any) -> None:
    code = FunctionCode(quant.signal)
    before = code.current()
    assert code.current() is before
    change(quant)
    after = code.current()
    assert after.code != before.code
    assert after.parts != before.parts
    assert code.current() is after


EQUAL: dict[str, Callable[[Any], object]] = {
    "an equal constant": lambda m: setattr(m, "N", int("20")),
    "an equal list": lambda m: setattr(m, "LIST", [1, 2]),
    "an equal array": lambda m: setattr(m, "ARRAY", m.ARRAY.copy()),
    "an array of another order": lambda m: setattr(m, "ARRAY", m.ARRAY[::-1].copy()[::-1]),
    "a dict of another order": lambda m: m.DEEP.update(a=m.DEEP.pop("a")),
    "there and back": lambda m: (m.LIST.append(3), m.LIST.pop()),
}


@pytest.mark.parametrize("change", EQUAL.values(), ids=EQUAL)
def test_an_equal_value_is_no_change(change: Callable[[Any], object], quant: Any) -> None:
    code = FunctionCode(quant.signal)
    before = code.current()
    change(quant)
    assert code.current() == before


def test_a_change_that_is_undone_gives_the_first_fingerprint_again(quant: Any) -> None:
    code = FunctionCode(quant.signal)
    before = code.current()
    helper, quant.helper = quant.helper, quant.spare
    assert code.current() != before
    quant.helper = helper
    assert code.current() == before


def test_an_attribute_that_comes_to_shadow_the_bases_is_noticed(project: Project) -> None:
    project.write(
        "quant.py",
        """
        class Base:
            rate = 1
        class Model(Base):
            def signal(self): return self.rate
        """,
    )
    model = project.load().Model
    code = FunctionCode(model.signal)
    before = code.current()
    model.rate = 2
    assert code.current().code != before.code


def test_a_new_function_of_a_module_to_depend_on_is_noticed(quant: Any) -> None:
    code = FunctionCode(quant.helper, depends_on=[quant.tools])
    before = code.current()
    quant.tools.more = quant.spare
    assert code.current().code != before.code


def test_a_class_that_is_defined_later_is_found(project: Project) -> None:
    project.write(
        "quant.py",
        """
        from afml_cache.keys.code import FunctionCode
        class Model:
            rate = 1
            def run(self): return self.rate
            code = FunctionCode(run)
            early = code.current()
        """,
    )
    model = project.load().Model
    assert model.early.left_out == (("quant.Model.run: self.rate", "its class is not defined yet"),)
    late = model.code.current()
    assert not late.left_out
    assert late.parts["quant.Model.rate"]


LEFT_OUT = {
    "a counter": (
        "COUNT = 0\ndef signal(x):\n    global COUNT\n    COUNT += 1\n    return COUNT\n",
        "quant.COUNT",
        "changes it",
    ),
    "a counter of a helper": (
        "COUNT = 0\ndef helper():\n    global COUNT\n    COUNT += 1\n"
        "def signal(x):\n    helper()\n    return COUNT\n",
        "quant.COUNT",
        "changes it",
    ),
    "a memo": (
        "MEMO = {}\ndef signal(x):\n    MEMO[x] = len(MEMO)\n    return MEMO\n",
        "quant.MEMO",
        "changes it",
    ),
    "a list that is appended to": (
        "SEEN = []\ndef signal(x):\n    SEEN.append(x)\n    return SEEN\n",
        "quant.SEEN",
        "changes it",
    ),
    "an attribute of a class": (
        "class M:\n    n = 0\ndef signal(x):\n    M.n += 1\n    return M.n\n",
        "quant.M.n",
        "changes it",
    ),
    "an attribute of a module": (
        "import tools\ndef signal(x):\n    tools.n = x\n    return tools.n\n",
        "tools.n",
        "changes it",
    ),
    "an attribute of an instance": (
        "class M: n = 0\nmodel = M()\ndef signal(x):\n    model.n += 1\n    return model\n",
        "quant.model",
        "changes it",
    ),
    "a variable of a closure": (
        "def make():\n    n = 0\n    def signal(x):\n        nonlocal n\n        n += 1\n"
        "        return n\n    return signal\nsignal = make()\n",
        "quant.make.<locals>.signal.<closure>.n",
        "changes it",
    ),
    "a lock": (
        "import threading\nLOCK = threading.Lock()\ndef signal(x):\n    with LOCK: return x\n",
        "quant.LOCK",
        "no content key",
    ),
    "a generator": (
        "g = (i for i in 'ab')\ndef signal(x): return g\n",
        "quant.g",
        "no content key",
    ),
    "a sentinel as default": (
        "UNSET = object()\ndef signal(x=UNSET): return x\n",
        "quant.signal(x=)",
        "no content key",
    ),
    "a logger": (
        "import logging\nlog = logging.getLogger('a')\ndef signal(x): return log.info(x)\n",
        "quant.log",
        "logger",
    ),
    "the file's place": (
        "import os\ndef signal(x): return os.path.dirname(__file__)\n",
        "quant.__file__",
        "where the module lies",
    ),
    "a name that is not there": ("def signal(x): return missing(x)\n", "quant.missing", "defined"),
    "a module that is not there": (
        "def signal(x):\n    import missing\n    return missing.f(x)\n",
        "missing.f",
        "cannot be found",
    ),
    "a method of a local class": (
        "def make():\n    class M:\n        n = 1\n        def run(self): return self.n\n"
        "    return M.run\nsignal = make()\n",
        "quant.make.<locals>.M.run: self.n",
        "inside a function",
    ),
}


@pytest.mark.parametrize("case", LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_cannot_count_is_listed(case: tuple[str, str, str], project: Project) -> None:
    source, name, why = case
    project.write("tools.py", "n = 0\n")
    project.write("quant.py", source)
    quant = project.load()
    code = FunctionCode(quant.signal)
    first = code.current()
    assert [left for left in first.left_out if left[0] == name and why in left[1]], first.left_out
    assert code.current() is first


def test_running_the_function_does_not_change_its_fingerprint(project: Project) -> None:
    project.write(
        "quant.py",
        """
        COUNT, MEMO, SEEN = 0, {}, []
        class Model: calls = 0
        def helper(x):
            global COUNT
            COUNT += 1
            MEMO.setdefault(x, x)
            Model.calls += 1
        def signal(x):
            helper(x)
            SEEN.append(x)
            return COUNT, MEMO, SEEN, Model.calls
        """,
    )
    quant = project.load()
    code = FunctionCode(quant.signal)
    first = code.current()
    quant.signal(1)
    assert code.current() == first


def test_of_an_object_without_key_the_attribute_that_is_read_counts(project: Project) -> None:
    project.write(
        "quant.py",
        """
        import threading
        class Settings:
            def __init__(self):
                self.lock, self.window = threading.Lock(), 20
        config = Settings()
        def signal(x): return x * config.window
        """,
    )
    quant = project.load()
    code = FunctionCode(quant.signal)
    before = code.current()
    assert not before.left_out
    quant.config.window = 30
    assert code.current().code != before.code


def test_version_counts(quant: Any) -> None:
    codes = [FunctionCode(quant.signal, version=v).current().code for v in (None, 1, 2, 1.0, "1")]
    assert len(set(codes)) == len(codes)
    assert FunctionCode(quant.signal, version={"a": 1}).current().parts["version"]


def test_a_version_without_key_is_refused_at_once(quant: Any) -> None:
    with pytest.raises(UnkeyableArgumentError, match="version"):
        FunctionCode(quant.signal, version=threading.Lock())


def test_a_function_to_depend_on_counts(quant: Any) -> None:
    code = FunctionCode(quant.helper, depends_on=[quant.tools.scale])
    before = code.current()
    assert before.code != FunctionCode(quant.helper).current().code
    quant.tools.scale.__code__ = quant.spare.__code__
    assert code.current().code != before.code


def test_a_module_to_depend_on_counts_with_all_it_holds(quant: Any) -> None:
    code = FunctionCode(quant.helper, depends_on=[quant.tools])
    before = code.current()
    assert "tools.scale" in before.parts
    quant.tools.scale = quant.spare
    assert code.current().code != before.code


def test_a_value_to_depend_on_counts(quant: Any) -> None:
    code = FunctionCode(quant.helper, depends_on=[quant.LIST])
    before = code.current()
    quant.LIST.append(4)
    assert code.current().code != before.code


def test_a_file_to_depend_on_counts_by_its_content(quant: Any, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    code = FunctionCode(quant.helper, depends_on=[path])
    absent = code.current()
    path.write_text("1,2")
    first = code.current()
    assert absent.code != first.code
    path.write_text("1,3")  # the same size, perhaps within the same tick of the clock
    assert code.current().code != first.code
    path.write_text("1,2")
    assert code.current() == first
    os.utime(path, (1, 1))
    assert code.current() == first
    path.unlink()
    assert code.current() == absent


def test_a_folder_to_depend_on_counts_by_names_and_contents(quant: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.csv").write_text("1")
    code = FunctionCode(quant.helper, depends_on=[folder])
    seen = [code.current().code]
    (folder / "deep" / "a.csv").write_text("2")
    seen.append(code.current().code)
    (folder / "b.csv").write_text("2")
    seen.append(code.current().code)
    (folder / "b.csv").rename(folder / "c.csv")
    seen.append(code.current().code)
    assert len(set(seen)) == 4


def test_the_settings_are_noticed(project: Project) -> None:
    project.write("quant.py", "import numpy as np\ndef signal(x): return np.mean(x)\n")
    code = FunctionCode(project.load().signal)
    found = {}
    for how_much in ("exact", "minor", "ignore"):
        settings.configure(package_versions=how_much)  # type: ignore[arg-type]
        found[how_much] = code.current()
    import numpy

    assert found["exact"].packages == {"numpy": numpy.__version__}
    assert found["minor"].packages == {"numpy": ".".join(numpy.__version__.split(".")[:2])}
    assert found["ignore"].packages == {}
    assert len({f.environment for f in found.values()}) == 3
    assert len({f.code for f in found.values()}) == 1


def test_threads_agree(quant: Any) -> None:
    code = FunctionCode(quant.signal)
    expected = {20: FunctionCode(quant.signal).current()}
    quant.N = 21
    expected[21] = FunctionCode(quant.signal).current()
    seen: list[object] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        for _ in range(50):
            seen.append(code.current())

    threads = [threading.Thread(target=ask) for _ in range(7)]
    for thread in threads:
        thread.start()
    start.wait()
    for number in range(40):
        quant.N = 20 + number % 2
    for thread in threads:
        thread.join()
    assert len(seen) == 350
    assert all(any(found == known for known in expected.values()) for found in seen)
    assert code.current() == expected[quant.N]
