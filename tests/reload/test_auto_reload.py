"""Saved modules are loaded again, once; everybody sees the new code, and valid entries stay."""

from __future__ import annotations

import builtins
import importlib
import os
import pickle
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from afml_cache import (
    CacheWarning,
    ConfigurationError,
    auto_cacheable,
    get_auto_cache,
    jupyter_auto_setup,
    robust_cacheable,
    setup_auto_reloading,
)
from afml_cache.taken_over import take_over

pytestmark = pytest.mark.slow  # it starts many processes

ROOT = Path(__file__).resolve().parent.parent.parent

pytest.importorskip("watchfiles", reason="reloading is watchfiles' to notice")

FEATURES = """
    from afml_cache import auto_cacheable, cacheable, robust_cacheable
    WINDOW = 20

    def helper(x):
        return x + 1

    @auto_cacheable
    def momentum(x):
        return helper(x) * 10

    @robust_cacheable
    def spread(x):
        return x - 1

    @cacheable
    def legacy(x):
        return x + 7

    class Model:
        def fit(self, x):
            return x + 1

        @robust_cacheable
        def score(self, x):
            return x * 2

        def __getstate__(self):
            return {}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write modules of a project, and import them; each counts how often it was executed."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    monkeypatch.setattr(builtins, "executed", [], raising=False)

    class Project:
        path = folder

        def write(self, name, text):
            place = folder.joinpath(*name.split(".")).with_suffix(".py")
            place.parent.mkdir(exist_ok=True)
            draft = place.with_suffix(".tmp")  # as editors do it
            draft.write_text(f"executed.append({name!r})\n" + textwrap.dedent(text))
            draft.replace(place)
            return place

        def load(self, name, text):
            self.write(name, text)
            importlib.invalidate_caches()
            return importlib.import_module(name)

        def executed(self, name):
            return builtins.executed.count(name)

    yield Project()
    get_auto_cache().stop()
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def wait_until(condition) -> None:
    """Wait for another thread, not for a time."""
    patience = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < patience, "it has not come about"
        threading.Event().wait(0.01)


def names(reloaded) -> list[str]:
    return [one.module for one in reloaded]


# -- noticing ----------------------------------------------------------------------


def test_a_saved_module_is_reloaded_once_by_itself(project):
    features = project.load("quant_auto", FEATURES)
    with setup_auto_reloading(project.path) as auto:
        assert features.momentum(1) == 20
        project.write("quant_auto", FEATURES.replace("x + 1\n\n    @auto", "x + 2\n\n    @auto"))
        wait_until(lambda: auto.reloaded)
        assert features.momentum(1) == 30
        project.write("quant_auto", FEATURES.replace("WINDOW = 20", "WINDOW = 30"))
        wait_until(lambda: len(auto.reloaded) == 2)
        assert features.WINDOW == 30 and features.momentum(1) == 20
        assert features.momentum.cache_info().hits == 1
        assert auto.check() == []
    assert project.executed("quant_auto") == 3
    assert names(auto.reloaded) == ["quant_auto"] * 2


def test_a_touched_file_is_not_reloaded(project):
    project.load("quant_auto", FEATURES)
    with setup_auto_reloading([project.path]) as auto:
        os.utime(project.path / "quant_auto.py", (1, 1))
        project.write("quant_auto", FEATURES)  # saved again, with the same text
        assert auto.check() == []
    assert project.executed("quant_auto") == 1


def test_two_saves_of_one_size_and_time_are_two_versions(project, monkeypatch):
    """Python's own bytecode would be taken for that of the second."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    text = "def f():\n    return {}\n"
    module = project.load("quant_auto", text.format(1))
    with setup_auto_reloading(project.path) as auto:
        for number in (2, 3, 4):
            place = project.write("quant_auto", text.format(number))
            os.utime(place, (1_700_000_000, 1_700_000_000))
            auto.check()
            assert module.f() == number


def test_a_module_imported_meanwhile_is_watched_too(project):
    with setup_auto_reloading(project.path) as auto:
        module = project.load("quant_auto", "def f():\n    return 1\n")
        assert auto.check() == []
        project.write("quant_auto", "def f():\n    return 22\n")
        wait_until(lambda: module.f() == 22)
    assert project.executed("quant_auto") == 2


def test_what_lies_elsewhere_or_is_installed_is_left_alone(project):
    installed = project.path / "venv" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "quant_installed.py").write_text("X = 1\n")
    sys.path.insert(0, str(installed))
    try:
        module = importlib.import_module("quant_installed")
        with setup_auto_reloading(project.path) as auto:
            (installed / "quant_installed.py").write_text("X = 222\n")
            assert auto.check() == [] and module.X == 1
    finally:
        sys.path.remove(str(installed))


# -- who sees the new code ------------------------------------------------------------


def test_all_that_import_it_see_the_new_code(project):
    features = project.load("quant_auto", FEATURES)
    project.load("quant_pack.__init__", "from quant_auto import spread as widened\n")
    (project.path / "quant_pack" / "rates.py").write_text("RATE = 1\nLIMIT = 300\n")
    user = project.load(
        "quant_pack.user",
        """
        from functools import partial
        from quant_auto import Model, WINDOW, helper, legacy as old, momentum
        from .rates import RATE
        from quant_pack.rates import *
        listed = [helper, momentum]
        bound = partial(helper, 1)
        model = Model()
        class Mine(Model):
            pass
        def call(f=helper):
            return f(1), momentum(1), WINDOW, RATE, LIMIT
        """,
    )
    mine = user.Mine()
    assert user.call() == (2, 20, 20, 1, 300)
    with setup_auto_reloading(project.path) as auto:
        project.write(
            "quant_auto",
            FEATURES.replace("x + 1", "x + 5").replace("x + 7", "x + 8").replace("= 20", "= 21"),
        )
        (project.path / "quant_pack" / "rates.py").write_text("RATE = 2\nLIMIT = 400\n")
        assert sorted(names(auto.check())) == ["quant_auto", "quant_pack.rates"]
    assert user.call() == (6, 60, 21, 2, 400)
    assert user.helper is features.helper and user.momentum is features.momentum
    assert [f(1) for f in user.listed] == [6, 60] and user.bound() == 6
    assert user.old(1) == 9
    assert user.model.fit(1) == mine.fit(1) == 6
    assert isinstance(user.model, features.Model) and isinstance(mine, features.Model)
    assert project.executed("quant_pack.user") == 1


def test_objects_of_a_saved_class_are_of_the_new_one_and_can_be_pickled(project):
    text = """
        from dataclasses import dataclass
        class Base:
            def name(self): return "old"
        class Child(Base):
            def __init__(self): super().__init__()
            def name(self): return super().name() + " child"
        @dataclass(frozen=True)
        class Fill:
            price: float = 1.0
            def cost(self): return self.price + 1
    """
    module = project.load("quant_auto", text)
    child, fill = module.Child(), module.Fill()
    with setup_auto_reloading(project.path) as auto:
        project.write("quant_auto", text.replace('"old"', '"new"').replace("+ 1", "+ 9"))
        auto.check()
    assert child.name() == module.Child().name() == "new child"
    assert fill.cost() == 10.0 and fill == module.Fill()
    assert pickle.loads(pickle.dumps(fill)) == fill
    assert isinstance(child, module.Base) and type(child) is module.Child


def test_what_was_cached_of_unchanged_code_stays(project, store):
    features = project.load("quant_auto", FEATURES)
    held = features.momentum, features.spread
    features.momentum(1), features.spread(1), features.Model().score(1)
    with setup_auto_reloading(project.path) as auto:
        project.write("quant_auto", FEATURES.replace("x + 1\n\n    @auto", "x + 2\n\n    @auto"))
        auto.check()
        assert features.spread.cache_contains(1) and held[1].cache_contains(1)
        assert features.Model.score.cache_contains(features.Model(), 1)
        assert not features.momentum.cache_contains(1) and not held[0].cache_contains(1)
        assert features.momentum(1) == held[0](1) == 30
        assert features.momentum.cache_info().hits == 1
        project.write("quant_auto", "# only a comment\n" + textwrap.dedent(FEATURES))
        auto.check()
        assert features.momentum.cache_contains(1)  # what it was at first
    assert len(list(store.entries())) == 4


def test_a_function_that_gets_a_decorator_is_cached_for_its_importers(project):
    text = "from afml_cache import robust_cacheable\n{}def f(x):\n    return x\n"
    project.load("quant_auto", text.format(""))
    user = project.load("quant_user", "from quant_auto import f\n")
    with setup_auto_reloading(project.path) as auto:
        project.write("quant_auto", text.format("@robust_cacheable\n"))
        auto.check()
    assert user.f(1) == 1 and user.f.cache_info().computed == 1


def test_other_options_of_a_decorator_reach_who_holds_the_function(project):
    text = (
        "from afml_cache import robust_cacheable\n@robust_cacheable{}\ndef f(x, y=0):\n  return x\n"
    )
    held = [project.load("quant_auto", text.format("")).f]
    with setup_auto_reloading(project.path) as auto:
        project.write("quant_auto", text.format("(ignore='y')"))
        auto.check()
    held[0](1, y=1), held[0](1, y=2)
    assert held[0].cache_info().hits == 1


def test_a_call_during_which_its_module_was_reloaded_stores_nothing(project):
    text = """
        from afml_cache import get_auto_cache, robust_cacheable
        def later():
            return {}
        @robust_cacheable
        def f(on_the_way):
            on_the_way = __import__("quant_meanwhile").save()
            return later()
    """
    meanwhile = project.load("quant_meanwhile", "def save(): pass\n")
    features = project.load("quant_auto", text.format(1))
    with setup_auto_reloading(project.path) as auto:

        def save():
            meanwhile.save = lambda: None
            project.write("quant_auto", text.format(2))
            auto.check()

        meanwhile.save = save
        with pytest.warns(CacheWarning, match="was replaced|while it ran|source"):
            assert features.f(0) == 2
    assert not features.f.cache_contains(0)
    assert features.f(0) == 2


def test_a_module_reloaded_between_the_key_of_a_call_and_its_start_stores_nothing(
    project, store, monkeypatch
):
    features = project.load("quant_auto", FEATURES)
    with setup_auto_reloading(project.path) as auto:
        get = store.get

        def get_while_it_is_saved(digest):
            store.get = get
            project.write(
                "quant_auto", FEATURES.replace("x + 1\n\n    @auto", "x + 2\n\n    @auto")
            )
            auto.check()
            return get(digest)

        monkeypatch.setattr(store, "get", get_while_it_is_saved)
        old = features.momentum
        with pytest.warns(CacheWarning, match="momentum"):
            assert old(1) == 30
        project.write("quant_auto", FEATURES)
        auto.check()
        assert features.momentum(1) == 20


def test_a_call_while_its_function_is_exchanged_is_neither_served_nor_stored(store):
    def version(n):
        def f(x):
            return x + n

        return robust_cacheable(f)

    old, new = version(1), version(2)
    key_before = bytes.fromhex(old.cache_key(5))

    class HalfWay:
        def __getattribute__(self, name):
            if name == "__dict__":  # all but the code has been exchanged
                with pytest.warns(CacheWarning, match="being reloaded"):
                    assert old(5) == 7
            return getattr(new, name)

    take_over(old, HalfWay())
    assert not store.contains(key_before)
    assert old(5) == 7 and old.cache_key(5) == new.cache_key(5)


# -- what cannot be loaded ---------------------------------------------------------


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("def f(:\n", "SyntaxError"),
        ("X = 2\nraise ValueError('not yet')\n", "ValueError: not yet"),
        ("X = 2\nimport a_module_that_is_not_there\n", "ModuleNotFoundError"),
        ("X = 2\nraise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_what_cannot_be_loaded_leaves_the_code_before_in_use(project, broken, why):
    module = project.load("quant_auto", "X = 1\ndef f():\n    return X\n")
    with setup_auto_reloading(project.path) as auto:
        place = project.write("quant_auto", broken)
        with pytest.warns(CacheWarning, match=f"{place} was saved and cannot be loaded"):
            (failed,) = auto.check()
        assert why in failed.error
        assert module.f() == 1 and module.X == 1
        assert auto.check() == []  # it is not tried again until it is saved
        project.write("quant_auto", "X = 3\ndef f():\n    return X\n")
        auto.check()
        assert module.f() == 3


def test_modules_saved_together_may_need_each_other(project):
    project.load("quant_a", "def one():\n    return 1\n")
    b = project.load("quant_b", "from quant_a import one\ndef f():\n    return one()\n")
    # By the order of the imports `a` came first; now it needs something new of `b`.
    with setup_auto_reloading(project.path) as auto:
        project.write("quant_a", "from quant_b import two\ndef one():\n    return two() - 1\n")
        project.write("quant_b", "def two():\n    return 2\ndef f():\n    return two()\n")
        done = auto.check()
    assert sorted(names(done)) == ["quant_a", "quant_b"] and not any(one.error for one in done)
    assert b.f() == 2 and sys.modules["quant_a"].one() == 1


# -- starting and stopping ------------------------------------------------------------


def test_it_stops_and_leaves_no_thread(project):
    before = set(threading.enumerate())
    module = project.load("quant_auto", "X = 1\n")
    auto = setup_auto_reloading(project.path)
    assert auto is get_auto_cache() and auto.is_running
    assert len(set(threading.enumerate()) - before) == 1
    assert auto.paths == (project.path.resolve(),)
    auto.stop(), auto.stop()
    assert set(threading.enumerate()) == before
    assert not auto.is_running and auto.paths == ()
    project.write("quant_auto", "X = 222\n")
    assert auto.check() == [] and module.X == 1


def test_paths_are_added_and_what_lies_in_another_is_watched_with_it(project, tmp_path):
    inner, other = project.path / "inner", tmp_path / "other"
    inner.mkdir(), other.mkdir()
    with setup_auto_reloading(project.path) as auto:
        setup_auto_reloading([str(inner), other])
        assert auto.paths == tuple(sorted([other.resolve(), project.path.resolve()]))
        wait_until(lambda: sum(t.name == "afml-cache reload" for t in threading.enumerate()) == 1)


def test_auto_cacheable_brings_its_own_folder_while_reloading_is_on(project, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with setup_auto_reloading(elsewhere) as auto:
        features = project.load("quant_auto", FEATURES)
        assert project.path.resolve() in auto.paths
        project.write("quant_auto", FEATURES.replace("x + 1", "x + 4"))
        wait_until(lambda: auto.reloaded)
        assert features.momentum(1) == 50


def test_auto_cacheable_is_robust_cacheable_and_starts_nothing():
    before = set(threading.enumerate())

    @auto_cacheable(ignore="y")
    def f(x, y):
        return x

    assert type(f) is type(robust_cacheable(lambda: 0))
    assert f(1, 2) == f(1, 3) == 1 and f.cache_info().hits == 1
    # The thread that writes counters is every decorator's, and ends by itself.
    started = {thread.name for thread in set(threading.enumerate()) - before}
    assert started <= {"afml-cache counts"} and not get_auto_cache().is_running


@pytest.mark.parametrize("paths", [3, [], [None], "/no/such/folder"])
def test_paths_that_are_none_are_refused(paths):
    with pytest.raises(ConfigurationError, match=r"^paths is |^/no/such/folder cannot be watched"):
        setup_auto_reloading(paths)
    assert not get_auto_cache().is_running


def test_outside_of_ipython_the_notebook_setup_says_what_to_call(run_python):
    script = """
        from afml_cache import ConfigurationError, jupyter_auto_setup
        try:
            jupyter_auto_setup()
        except ConfigurationError as error:
            print(error)
    """
    assert "call setup_auto_reloading(paths)" in run_python(script)
    assert callable(jupyter_auto_setup)


def test_without_watchfiles_an_error_says_what_to_install(run_python):
    script = """
        import sys
        sys.modules["watchfiles"] = None
        from afml.cache.auto_reload import auto_cacheable, get_auto_cache, setup_auto_reloading
        import afml_cache
        @auto_cacheable
        def f(x):
            return x
        print(f(1), sorted({"pandas", "IPython"} & set(sys.modules)))
        try:
            setup_auto_reloading(".")
        except afml_cache.ConfigurationError as error:
            print(error, get_auto_cache().paths)
    """
    assert run_python(script).splitlines() == [
        "1 []",
        "reloading saved modules needs the package watchfiles, which is not installed: "
        'pip install "afml-cache[reload]" ()',
    ]


def test_a_program_ends_while_its_modules_are_watched(run_python):
    script = """
        import os, sys, threading
        from afml_cache import get_auto_cache, setup_auto_reloading
        setup_auto_reloading(".")
        child = os.fork()
        if not child:
            os._exit(get_auto_cache().is_running)
        print(os.waitpid(child, 0)[1], get_auto_cache().is_running)
    """
    assert run_python(script) == "0 True"


# -- notebooks -------------------------------------------------------------------------

SHELL = """
    import pathlib, sys
    from IPython.core.interactiveshell import InteractiveShell

    def save(n):
        pathlib.Path("quant_cell.py").write_text(
            "print('executed', flush=True)\\n"
            "from afml_cache import robust_cacheable\\n@robust_cacheable\\n"
            "def f(x):\\n    return x + %d\\nCONSTANT = %d\\n" % (n, n)
        )

    shell = InteractiveShell.instance(colors="NoColor")
    shell.push({"save": save})
    for cell in sys.argv[1:]:
        if cell.startswith("save"):  # by an editor, between two cells
            exec(cell)
        else:
            shell.run_cell(cell, store_history=True).raise_error()
"""
SAVE = (
    "def save(n):\n"
    "    import pathlib\n"
    "    pathlib.Path('quant_cell.py').write_text('print(\"executed\", flush=True)\\n'\n"
    "        'from afml_cache import robust_cacheable\\n@robust_cacheable\\n'\n"
    "        'def f(x):\\n    return x + %d\\nCONSTANT = %d\\n' % (n, n))"
)
SETUP = "import afml_cache; auto = afml_cache.jupyter_auto_setup('.')"
AUTORELOAD = "%load_ext autoreload\n%autoreload 2"


@pytest.mark.parametrize(
    "first",
    [(SETUP,), (AUTORELOAD, SETUP), (SETUP, AUTORELOAD)],
    ids=["alone", "after %autoreload", "before %autoreload"],
)
def test_between_cells_a_saved_module_is_executed_once(run_python, first):
    pytest.importorskip("IPython")
    shown = run_python(
        SHELL,
        *("save(1)", *first, "from quant_cell import f\nheld = [f]"),
        *("print(f(1))", "save(10)", "print(f(1), held[0](1))"),
        "print('run'); save(100)",  # by a program, in a cell
        *("print(f(1), f.cache_info().computed)", "auto.stop(); print(auto.is_running)"),
    ).splitlines()
    assert shown == ["executed", "2", "executed", "11 11", "run", "executed", "101 3", "False"]


def test_under_autoreload_alone_a_decorated_function_imported_by_name_is_the_new_one(run_python):
    pytest.importorskip("IPython")
    shown = run_python(
        SHELL,
        *("save(1)", AUTORELOAD, "from quant_cell import f\nheld = [f]\nprint(f(1))"),
        *("save(10)", "print(f(1), held[0](1))", "save(100)", "print(f(1), held[0](1))"),
        *("save(10)", "print(f(1), held[0](1), f.cache_info().computed)"),
    ).splitlines()
    assert [line for line in shown if line != "executed"] == ["2", "11 11", "101 101", "11 11 3"]


def test_autoreload_goes_on_from_what_was_loaded(run_python):
    """It compares a save with the text that it has seen last, and ours was loaded since."""
    pytest.importorskip("IPython")
    shown = run_python(
        SHELL,
        *("save(1)", AUTORELOAD, SETUP, "from quant_cell import f", "print(f(1))"),
        *("save(10)", "print(f(1))", "auto.stop()", "save(1)", "print(f(1))"),
    ).splitlines()
    assert [line for line in shown if line != "executed"] == ["2", "11", "2"]


def test_autoreload_leaves_a_touched_file_alone(run_python):
    pytest.importorskip("IPython")
    shown = run_python(
        SHELL,
        *("save(1)", AUTORELOAD, SETUP, "from quant_cell import f"),
        *("save(1)", "print(f(1))", "save(1)", "print(f(1))"),
    ).splitlines()
    assert shown == ["executed", "2", "2"]


REGISTRY = """
    import pathlib, sys
    from IPython.core.interactiveshell import InteractiveShell

    def save(n):
        pathlib.Path("quant_costs.py").write_text(
            "import enum\\n"
            f"FEE = {n}\\n"
            "def fee(x): return x - FEE\\n"
            "class Side(enum.Enum):\\n    BUY = 1\\n"
            f"    def sign(self): return {n}\\n"
            "class Strat:\\n"
            f"    def sig(self, x): return x + {n}\\n"
            f"    @property\\n    def limit(self): return {n}\\n"
            f"    @staticmethod\\n    def st(x): return x + {n}\\n"
            f"    @classmethod\\n    def cm(cls, x): return x + {n}\\n"
        )
    pathlib.Path("quant_bt.py").write_text(
        "from afml_cache import robust_cacheable\\n"
        "from quant_costs import fee, Side, Strat\\n"
        "from functools import partial, singledispatch\\n"
        "MODELS = {'f': fee, 's': Strat}\\n"
        "HELD = [partial(fee), Strat().sig, Strat.st, Strat.cm, Side.BUY.sign]\\n"
        "KINDS = (Strat,)\\n"
        "@singledispatch\\ndef kind(what): return 0\\n"
        "@kind.register\\ndef _(what: Strat): return 1\\n"
        "def go(x, s=Strat, side=Side.BUY):\\n"
        "    import quant_costs\\n"
        "    now = quant_costs.Strat()\\n"
        "    return [fee(x), MODELS['f'](x), s().sig(x), MODELS['s']().limit, kind(now),\\n"
        "        isinstance(now, KINDS), side is quant_costs.Side.BUY] + [\\n"
        "        held(x) if i < 4 else held() for i, held in enumerate(HELD)]\\n"
        "@robust_cacheable\\ndef res(x): return go(x)\\n"
    )
    shell = InteractiveShell.instance(colors="NoColor")
    save(1)
    for cell in sys.argv[1:]:
        shell.run_cell(cell).raise_error()
    shell.run_cell("from quant_bt import go, res; mine = {'go': go}").raise_error()
    shell.run_cell("pass")  # IPython reads before a cell what the one before has imported
    for n in (1, 2, 3, 2):
        save(n)
        shell.run_cell("print(go(100) == mine['go'](100) == res(100), *go(100))").raise_error()
"""


@pytest.mark.parametrize(
    "first",
    [(AUTORELOAD,), (SETUP,), (AUTORELOAD, SETUP), (SETUP, AUTORELOAD)],
    ids=["%autoreload", "ours", "ours after %autoreload", "ours before %autoreload"],
)
def test_what_is_held_is_as_new_as_under_autoreload(run_python, first):
    pytest.importorskip("IPython")
    shown = run_python(REGISTRY, *first).splitlines()
    assert shown == [
        f"True {100 - n} {100 - n} {100 + n} {n} 1 True True {100 - n} "
        f"{100 + n} {100 + n} {100 + n} {n}"
        for n in (1, 2, 3, 2)
    ]


def test_while_a_cell_runs_nothing_changes_under_it(run_python):
    pytest.importorskip("IPython")
    cell = "import time; save(10)\nfor _ in range(8): time.sleep(0.05); assert f(1) == 2"
    shown = run_python(SHELL, "save(1)", SETUP, "from quant_cell import f", cell, "print(f(1))")
    assert shown.splitlines() == ["executed", "executed", "11"]


def test_in_a_real_kernel_of_jupyter(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    cells = [
        SAVE,
        "save(1)",
        f"{AUTORELOAD}\n{SETUP}",
        "from quant_cell import f\nprint(f(1), f.__module__)",
        "save(10)",
        "print(f(1), f(1), f.cache_info().hits)",
        "import threading\nauto.stop()\n"
        "from afml_cache.store.active import active\nactive().flush()\n"
        "print([t.name for t in threading.enumerate() if 'afml' in t.name])",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=90, resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = "".join(output.get("text", "") for cell in notebook.cells for output in cell["outputs"])
    assert shown.splitlines() == [
        "executed",
        "2 quant_cell",
        "executed",
        "11 11 1",
        "[]",
    ]
