"""Only edits clear: not what a program has set, and not another project's code of the same name."""

from __future__ import annotations

import functools
import importlib
import sys
import textwrap

import pytest

from afml_cache import cache_maintenance, clear_changed_functions, get_function_tracker
from afml_cache.keys.constants import Kind, kinds_of
from afml_cache.keys.origin import origin_of

pytestmark = pytest.mark.usefixtures("only_functions_of_this_module")

CONF = """
    FEE = 0.001
    LEVELS = (1, 2)
    MODE = None

    class Config:
        FEE = 0.001
        NAMES = ["a"]

        class Inner:
            SPAN = 3
"""
FEAT = """
    import conf_of_test as conf
    from afml_cache import robust_cacheable

    @robust_cacheable
    def of_constant(x):
        return x - conf.FEE

    @robust_cacheable
    def of_none(x):
        return x if conf.MODE is None else -x

    @robust_cacheable
    def of_class(x):
        return x - conf.Config.FEE - conf.Config.Inner.SPAN

    @robust_cacheable
    def of_list(x):
        return x + len(conf.Config.NAMES)
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write modules into a folder of their own, and load them from there."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names = ("conf_of_test", "feat_of_test")

    def load(conf: str = CONF, feat: str = FEAT, place: str = "project"):
        folder = tmp_path / place
        folder.mkdir(exist_ok=True)
        monkeypatch.syspath_prepend(str(folder))
        found = []
        for name, text in zip(names, (conf, feat), strict=True):
            (folder / f"{name}.py").write_text(textwrap.dedent(text))
            loaded = sys.modules.get(name)
            if loaded is not None and (folder / f"{name}.py").samefile(loaded.__file__):
                found.append(importlib.reload(loaded))
            else:
                sys.modules.pop(name, None)
                found.append(importlib.import_module(name))
        return tuple(found)

    yield load
    for name in names:
        sys.modules.pop(name, None)


def call_all(feat):
    for name in ("of_constant", "of_none", "of_class", "of_list"):
        getattr(feat, name)(1.0)


def test_a_sweep_that_sets_constants_back_has_changed_no_code(load, store):
    conf, feat = load()
    call_all(feat)
    conf.FEE, conf.MODE, conf.Config.FEE, conf.Config.Inner.SPAN = 0.002, "m", 0.002, 4
    conf.Config.NAMES.append("b")
    call_all(feat)
    conf.FEE, conf.MODE, conf.Config.FEE, conf.Config.Inner.SPAN = 0.001, None, 0.001, 3
    conf.Config.NAMES.remove("b")
    assert len(list(store.entries())) == 8
    assert get_function_tracker().changed() == []
    done = cache_maintenance()
    assert not done.changed and done.entries == 8
    told = str(done.changed)
    assert "feat_of_test.of_constant: 1 of 2 entries" in told
    assert "another value of conf_of_test.FEE, which a program has set" in told


def test_what_another_environment_sets_is_no_edit(load, run_python, monkeypatch):
    text = "import os\nFEE = 0.001\nif os.environ.get('PROD'):\n    FEE = 0.002\nMODE = None\n"
    text += "class Config:\n    FEE = 0.001\n"
    monkeypatch.setenv("PROD", "1")
    _, feat = load(text)
    feat.of_constant(1.0)
    monkeypatch.delenv("PROD")
    load(text)
    assert not clear_changed_functions()


@pytest.mark.parametrize(
    ("function", "before", "after"),
    [
        ("of_constant", "FEE = 0.001\n    LEVELS", "FEE = 0.005\n    LEVELS"),
        ("of_class", "        FEE = 0.001", "        FEE = 0.005"),
        ("of_class", "SPAN = 3", "SPAN = 4"),
    ],
)
def test_a_constant_that_was_edited_is_a_change(load, function, before, after):
    _, feat = load()
    call_all(feat)
    assert before in CONF
    load(CONF.replace(before, after))
    cleaning = clear_changed_functions()
    assert cleaning.functions.keys() == {f"feat_of_test.{function}"} and cleaning.entries == 1


def test_an_entry_of_a_set_constant_stays_though_the_constant_is_edited(load):
    conf, feat = load()
    conf.FEE = 0.002
    feat.of_constant(1.0)
    load(CONF.replace("FEE = 0.001\n    LEVELS", "FEE = 0.005\n    LEVELS"))
    cleaning = clear_changed_functions()
    assert not cleaning and "which a program has set" in str(cleaning)


def test_an_edited_function_clears_though_a_constant_was_set_too(load):
    conf, feat = load()
    conf.FEE = 0.002
    feat.of_constant(1.0)
    load(feat=FEAT.replace("x - conf.FEE", "x + conf.FEE"))
    assert clear_changed_functions().entries == 1


def test_what_a_part_is_is_told_from_what_is_loaded(load):
    conf, _ = load(CONF + "\n    N = 2 * 3\n    DICT = {}\n    PAIR = (1, True)\n")
    conf.LEVELS = (1, 2.0)
    conf.PAIR = (1, 1)
    names = ("FEE", "LEVELS", "PAIR", "N", "DICT", "Config", "Config.FEE", "Config.NAMES")
    kinds = kinds_of(f"conf_of_test.{name}" for name in names)
    assert list(kinds.values()) == [
        *(Kind.CONSTANT, Kind.SET, Kind.SET, Kind.SET, Kind.STATE),
        *(Kind.CODE, Kind.CONSTANT, Kind.STATE),
    ]


# -- two of one name --------------------------------------------------------------


def test_a_module_of_the_same_name_in_another_project_is_left_alone(load, store):
    _, theirs = load(place="theirs")
    call_all(theirs)
    del theirs
    _, ours = load(feat=FEAT.replace("x - conf.FEE", "x + conf.FEE"), place="ours")
    ours.of_constant(1.0)
    assert not get_function_tracker().has_changed("feat_of_test.of_constant")
    cleaning = clear_changed_functions()
    assert not cleaning and len(list(store.entries())) == 5
    assert (
        "feat_of_test.of_constant: 1 of 2 entries: stored by a function of this name in "
        "another file" in str(cleaning)
    )


def test_a_link_to_the_project_is_the_project(load, tmp_path):
    load()
    (tmp_path / "linked").symlink_to(tmp_path / "project")
    for name in ("conf_of_test", "feat_of_test"):
        del sys.modules[name]
    _, feat = load(place="linked")
    assert "linked" in feat.__file__
    feat.of_constant(1.0)
    del feat, sys.modules["feat_of_test"]
    load(feat=FEAT.replace("x - conf.FEE", "x + conf.FEE"))
    assert clear_changed_functions().entries == 1


NOTEBOOK = """
    import sys
    from IPython.core.interactiveshell import InteractiveShell
    import afml_cache

    shell = InteractiveShell.instance()

    def cell(text):
        assert shell.run_cell(text).success

    define = "from afml_cache import robust_cacheable\\n@robust_cacheable\\ndef feature(x):\\n"
    cell(define + "    return x * " + sys.argv[1])
    cell("feature(1); feature(2)")
    told = afml_cache.clear_changed_functions(dry_run=True)
    if sys.argv[1] == "2":
        assert told.entries == 0, told
        assert "2 of 4 entries: stored by a function of this name in another" in str(told)
        cell(define + "    return x * 3")
        cell("feature(1)")
        done = afml_cache.clear_changed_functions()
        assert done.entries == 2, done
    print(len(list(afml_cache.store.active.active().entries())))
"""


def test_two_notebooks_leave_each_others_entries_alone(run_python):
    assert run_python(NOTEBOOK, "1").splitlines()[-1] == "2"
    assert run_python(NOTEBOOK, "2").splitlines()[-1] == "3"


def test_an_entry_that_says_no_file_is_left_alone(load, store):
    """An older version wrote none."""
    import sqlite3

    from afml_cache.store import valuefile

    _, feat = load()
    feat.of_constant(1.0)
    (entry,) = store.entries()
    described = store.description(entry.digest)
    for name in ("home", "module", "qualname", "set"):
        del described[name]
    store.close()
    with sqlite3.connect(store.directory / "index.sqlite") as index:
        index.execute("UPDATE description SET packed=?", (valuefile.pack_record(described),))
    index.close()
    load(feat=FEAT.replace("x - conf.FEE", "x + conf.FEE"))
    cleaning = clear_changed_functions()
    assert not cleaning and "before it was noted which file" in str(cleaning)


class Model:
    def fit(self, x):
        return x


def test_an_origin_tells_the_module_from_the_class():
    origin = origin_of(Model.fit)
    assert (origin.module, origin.qualname) == (__name__, "Model.fit")
    assert origin == origin_of(Model().fit) and len(origin.home) == 16
    assert origin.home != origin_of(textwrap.dedent).home


def test_a_wrapper_from_elsewhere_is_at_home_where_what_it_wraps_is(tmp_path, monkeypatch):
    """Else two projects that share a library of decorators would be one."""
    (tmp_path / "timing_of_test.py").write_text(
        "import functools\n"
        "def timed(f):\n"
        "    @functools.wraps(f)\n"
        "    def inner(*args):\n"
        "        return f(*args)\n"
        "    return inner\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    timed = importlib.import_module("timing_of_test").timed
    monkeypatch.delitem(sys.modules, "timing_of_test")
    assert origin_of(timed(Model.fit)) == origin_of(Model.fit)
    assert origin_of(functools.partial(timed(timed(Model.fit)))) == origin_of(Model.fit)
    assert origin_of(Callable()).home == origin_of(Model.fit).home


class Callable:
    def __call__(self, x):
        return x
