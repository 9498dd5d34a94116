"""A part of the cache is cleared: what was named, what is of changed code, what is too much."""

from __future__ import annotations

import importlib
import os
import sqlite3
import sys
import textwrap
import threading
import time
from datetime import timedelta

import numpy as np
import pytest

from afml_cache import (
    ClearingError,
    ConfigurationError,
    cache_maintenance,
    cacheable,
    clear_afml_cache,
    clear_changed_functions,
    configure,
    get_cache_summary,
    get_function_tracker,
    list_cleared,
    optimize_cache_system,
    restore_cleared,
    robust_cacheable,
    selective_cache_clear,
    smart_cacheable,
    use_settings,
)
from afml_cache.function_names import module_of
from afml_cache.store import rows, setaside, upkeep
from afml_cache.store.claims import Claim

RAN: list[object] = []
ME = __name__

pytestmark = pytest.mark.usefixtures("only_functions_of_this_module")


@robust_cacheable
def labels(number):
    RAN.append(("labels", number))
    return np.full(3_000, number)  # a file of its own


@robust_cacheable
def labels_of_all(number):
    RAN.append(("labels_of_all", number))
    return number


@cacheable
def features(number):
    RAN.append(("features", number))
    return number


class Model:
    def __init__(self, span):
        self.span = span

    @robust_cacheable
    def fit(self, number):
        return number * self.span


@pytest.fixture(autouse=True)
def nothing_ran():
    RAN.clear()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of the project, and load it (again)."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    written: set[str] = set()

    def write(text: str, name: str = "quant_features"):
        (tmp_path / f"{name}.py").write_text(
            "from afml_cache import cacheable, robust_cacheable, smart_cacheable\n"
            + textwrap.dedent(text)
        )
        importlib.invalidate_caches()
        written.add(name)
        loaded = sys.modules.get(name)
        return importlib.import_module(name) if loaded is None else importlib.reload(loaded)

    yield write
    for name in written:
        sys.modules.pop(name, None)


FEATURES = """
    WINDOW = 20
    PARAMS = {"span": 3}

    def helper(x):
        return x * WINDOW

    @smart_cacheable
    def momentum(x):
        return helper(x) + PARAMS["span"]

    @robust_cacheable
    def spread(x):
        return x - 1
"""


# -- what was named ---------------------------------------------------------------


def test_a_named_function_is_cleared_and_no_other():
    labels(1), labels(2), labels_of_all(1)
    cleaning = selective_cache_clear(functions=f"{ME}.labels")
    assert cleaning.functions.keys() == {f"{ME}.labels"}
    assert cleaning.entries == 2 and cleaning.bytes > 2 * 24_000
    RAN.clear()
    labels(1), labels_of_all(1)
    assert RAN == [("labels", 1)]
    assert labels.cache_info().reasons["cleared"] == 1


def test_what_was_cleared_can_be_restored(store):
    labels(1), labels_of_all(1), features(1)
    cleaning = selective_cache_clear(functions=[labels, labels_of_all, features])
    assert cleaning.entries == 3
    assert cleaning.cleared.entries == 2 and cleaning.cleared.joblib_entries == 1
    assert list_cleared() == [cleaning.cleared]
    assert not list(store.entries()) and features.cache_info().entries == 0
    restored = restore_cleared()
    assert (restored.entries, restored.joblib_entries) == (2, 1)
    RAN.clear()
    assert labels(1)[0] == labels_of_all(1) == features(1) == 1
    assert RAN == []
    assert store.verify() == [] and list_cleared() == []


def test_a_dry_run_tells_and_moves_nothing(store):
    labels(1), features(1)
    before = store.sizes()
    cleaning = selective_cache_clear(functions=[labels, features], dry_run=True)
    assert cleaning.dry_run and cleaning.entries == 2 and not cleaning.cleared
    assert "would be cleared: 2 entries" in str(cleaning)
    assert store.sizes() == before and list_cleared() == []


@pytest.mark.parametrize("part", ["labels", f"{ME}.label", f"{ME[:-1]}.labels", f"{ME}.labels_"])
def test_a_part_of_a_name_matches_nothing(part):
    labels(1), labels_of_all(1)
    cleaning = selective_cache_clear(functions=part)
    assert not cleaning and len(cleaning.unmatched) == 1
    assert f"no function matches {part}" in str(cleaning)
    RAN.clear()
    labels(1), labels_of_all(1)
    assert RAN == []


def test_an_unmatched_name_is_told_with_what_may_have_been_meant():
    labels(1)
    (told,) = selective_cache_clear(functions="labels").unmatched
    assert told == f"labels (is it {ME}.labels?)"


def test_modules_are_matched_exactly_and_a_star_takes_a_package(module, tmp_path):
    package = tmp_path / "quant_pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    text = "from afml_cache import robust_cacheable\n@robust_cacheable\ndef f(x):\n    return x\n"
    for name in ("labeling", "labeling2"):
        (package / f"{name}.py").write_text(text)
    loaded = [importlib.import_module(f"quant_pack.{name}") for name in ("labeling", "labeling2")]
    for one in loaded:
        one.f(1)
    assert not selective_cache_clear(modules="quant_pack")
    assert not selective_cache_clear(modules="quant_pack.label")
    cleaned = selective_cache_clear(modules="quant_pack.labeling")
    assert cleaned.functions.keys() == {"quant_pack.labeling.f"}
    restore_cleared()
    assert selective_cache_clear(modules=loaded[0]).entries == 1
    restore_cleared()
    assert selective_cache_clear(modules=["quant_pack.*"]).entries == 2
    for one in ("quant_pack", "quant_pack.labeling", "quant_pack.labeling2"):
        del sys.modules[one]
    # Not imported, they are still told from classes of a module of that name.
    assert module_of("quant_pack.labeling.f") == "quant_pack.labeling"
    assert module_of("quant_pack.labeling.Model.fit") == "quant_pack.labeling"
    assert module_of("quant_pack.labeling.make.<locals>.inner") == "quant_pack.labeling"


def test_a_method_belongs_to_the_module_of_its_class():
    Model(2).fit(1)
    assert selective_cache_clear(functions=Model.fit, dry_run=True).entries == 1
    assert selective_cache_clear(functions=Model(2).fit, dry_run=True).entries == 1
    assert not get_function_tracker().has_changed(Model(2).fit)
    assert selective_cache_clear(modules=ME).functions.keys() == {f"{ME}.Model.fit"}


def test_without_a_name_nothing_is_cleared():
    labels(1)
    with pytest.raises(ConfigurationError, match=r"clear_afml_cache\(\) clears all"):
        selective_cache_clear()
    with pytest.raises(ConfigurationError, match="functions has 3 in it"):
        selective_cache_clear(functions=[3])
    assert not selective_cache_clear(functions=[], modules=[])
    assert labels.cache_info().entries == 1


def test_joblibs_results_of_a_module_named_like_a_function_stay(store):
    """joblib keeps ``pack.f`` and the functions of the module ``pack.f`` in one folder."""
    features(1)
    folder = store.directory.joinpath("joblib_cache", "joblib", *ME.split("."), "features")
    inner = folder / "deeper" / ("0" * 32)
    inner.mkdir(parents=True)
    (inner / "output.pkl").write_bytes(b"\x80.")
    assert selective_cache_clear(functions=features).entries == 1
    assert (inner / "output.pkl").exists()
    RAN.clear()
    features(1)
    assert RAN == [("features", 1)]


def test_where_nothing_may_be_written_clearing_is_refused():
    labels(1)
    with (
        use_settings(mode="readonly"),
        pytest.raises(ClearingError, match=r"configure\(mode='on'\) first"),
    ):
        selective_cache_clear(functions=labels)
    for maintain in (cache_maintenance, optimize_cache_system):
        with (
            use_settings(mode="readonly"),
            pytest.raises(ClearingError, match="nothing is removed"),
        ):
            maintain(max_cache_size_mb=0.001)
    assert labels.cache_info().entries == 1


def test_an_entry_stored_anew_while_it_is_cleared_is_not_lost(monkeypatch):
    from afml_cache.store import setaside

    labels(1)
    keep_file = setaside._keep_file

    def meanwhile(store, row, folder):
        kept = keep_file(store, row, folder)
        store.clear(f"{ME}.labels")
        labels(1)  # computed and stored again, into another file
        return kept

    monkeypatch.setattr(setaside, "_keep_file", meanwhile)
    assert selective_cache_clear(functions=labels).entries == 1
    RAN.clear()
    assert labels(1)[0] == 1 and RAN == []
    restored = restore_cleared()
    assert restored.present == 1 and "1 were there already" in str(restored)
    assert labels(1)[0] == 1 and RAN == []


@pytest.mark.parametrize("where", ["_removal", "account", "_keep_file"])
def test_whoever_is_killed_while_clearing_loses_nothing(start_python, store, where):
    labels(1), labels(2), labels_of_all(1)
    expected = {digest.digest for digest in store.entries()}
    process = start_python(f"""
        import os, signal
        from afml_cache import selective_cache_clear
        from afml_cache.store import setaside
        setaside.{where} = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
        selective_cache_clear(functions={ME + ".labels"!r})
    """)
    assert process.wait(timeout=60) == -9
    restore_cleared()
    assert {digest.digest for digest in store.entries()} == expected
    RAN.clear()
    assert labels(1)[0] == 1 and labels(2)[0] == 2 and labels_of_all(1) == 1
    assert RAN == [] and store.verify() == []
    # What was left in between is in nobody's way, and clearing goes on from there.
    assert selective_cache_clear(functions=labels).entries == 2
    assert restore_cleared().entries == 2


def test_functions_of_other_processes_store_on_while_one_is_cleared(start_python, store):
    script = """
        import sys
        from afml_cache import robust_cacheable
        @robust_cacheable
        def stored(x):
            return "x" * 20_000 + str(x)
        for number in range(150):
            assert stored(number)[20_000:] == str(number)
        print("done")
    """
    writers = [start_python(script) for _ in range(2)]
    cleared = 0
    while any(writer.poll() is None for writer in writers):
        cleaning = selective_cache_clear(functions="script.stored")
        assert cleaning.entries == cleaning.cleared.entries  # what was moved, not what was counted
        cleared += cleaning.entries
    for writer in writers:
        assert writer.communicate(timeout=60)[0] == "done\n"
    left = len(list(store.entries("script.stored")))
    restored = restore_cleared("all")
    assert left <= 150 <= cleared + left
    assert restored.unreadable == 0
    assert len(list(store.entries("script.stored"))) == 150 and store.verify() == []


def test_what_is_being_cleared_may_be_read_meanwhile(store, monkeypatch):
    labels(1), labels(2)
    keep, readers = setaside._keep_file, []

    def while_somebody_looks(store, row, folder):
        if not readers:  # as whoever explains a miss looks into what was cleared
            reader = sqlite3.connect(
                folder / "index.sqlite", isolation_level=None, check_same_thread=False
            )
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM entry").fetchone()
            readers.append(threading.Timer(0.2, reader.close))
            readers[0].start()
        return keep(store, row, folder)

    monkeypatch.setattr(setaside, "_keep_file", while_somebody_looks)
    assert selective_cache_clear(functions=labels).entries == 2
    readers[0].join()
    assert restore_cleared().entries == 2


# -- what has changed -------------------------------------------------------------


def test_entries_of_an_edited_helper_go_and_all_others_stay(module):
    loaded = module(FEATURES)
    loaded.momentum(1), loaded.spread(1), labels(1)
    loaded = module(FEATURES.replace("x * WINDOW", "x * WINDOW + 1"))
    loaded.momentum(1)
    (changed,) = get_function_tracker().changed()
    assert changed.name == "quant_features.momentum"
    assert (changed.entries, changed.changed_entries) == (2, 1)
    assert changed.changed == ("quant_features.helper",)
    cleaning = clear_changed_functions()
    assert cleaning.functions.keys() == {"quant_features.momentum"} and cleaning.entries == 1
    assert loaded.momentum.cache_contains(1) and loaded.spread.cache_contains(1)
    assert labels.cache_contains(1)
    assert not clear_changed_functions()


def test_code_that_is_what_it_was_hits_what_was_restored(module):
    loaded = module(FEATURES)
    loaded.momentum(1)
    module(FEATURES.replace("x * WINDOW", "x * WINDOW + 1"))
    assert clear_changed_functions().entries == 1
    restore_cleared()
    assert module(FEATURES).momentum.cache_contains(1)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text,
        lambda text: text.replace("def helper(x):", 'def helper(x):\n        """Of x."""'),
        lambda text: text.replace("return x - 1", "# a comment\n        return (x - 1)"),
        lambda text: text.replace("@smart_cacheable", "@robust_cacheable"),
        lambda text: "\n\n" + text + "\n    def unrelated():\n        return 0\n",
    ],
    ids=["touched", "docstring", "comment", "decorator", "moved and more beside it"],
)
def test_what_is_no_change_clears_nothing(module, edit):
    loaded = module(FEATURES)
    loaded.momentum(1), loaded.spread(1)
    loaded = module(edit(FEATURES))
    os.utime(loaded.__file__, (1, 1))
    assert not clear_changed_functions()
    assert not cache_maintenance().changed
    assert loaded.momentum.cache_contains(1) and loaded.spread.cache_contains(1)


def test_functions_that_this_process_has_not_loaded_stay(store, run_python):
    run_python("""
        from afml_cache import robust_cacheable
        @robust_cacheable
        def unknown(x):
            return x
        unknown(1)
    """)
    assert len(list(store.entries())) == 1
    assert not clear_changed_functions()
    assert not get_function_tracker().has_changed("script.unknown")
    cleaning = clear_changed_functions(modules="script", functions="script.unknown")
    assert not cleaning and cleaning.unmatched == ("script.unknown", "script")
    assert len(list(store.entries())) == 1


def test_a_file_edited_and_not_reloaded_is_left_alone_and_told(module, tmp_path):
    module(FEATURES).spread(1)
    module(FEATURES)  # from here on nobody has compared the file with what is loaded
    (tmp_path / "quant_features.py").write_text(
        "from afml_cache import robust_cacheable\n"
        "@robust_cacheable\ndef spread(x):\n    return x - 2\n"
    )
    cleaning = clear_changed_functions(modules="quant_features")
    assert not cleaning
    assert "quant_features.spread" in str(cleaning) and "reload it to tell" in str(cleaning)


def test_an_edited_constant_is_a_change_and_one_that_was_set_is_not(module):
    loaded = module(FEATURES)
    loaded.momentum(1)
    loaded.WINDOW = 50  # a sweep: the file says 20
    loaded.momentum(1)
    assert not clear_changed_functions()
    loaded = module(FEATURES.replace("WINDOW = 20", "WINDOW = 30"))
    assert get_function_tracker().has_changed(loaded.momentum)
    cleaning = clear_changed_functions()
    assert cleaning.entries == 1  # the other one may be asked for again: no edit can tell
    assert "quant_features.WINDOW, which a program has set" in str(cleaning)


def test_a_dictionary_that_was_filled_meanwhile_is_no_change(module):
    loaded = module(FEATURES)
    loaded.momentum(1)
    loaded.PARAMS["span"] = 4
    loaded.momentum(1)
    assert not clear_changed_functions()


def test_other_closures_of_one_function_are_no_change(module):
    text = """
        def make(n, inside):
            @robust_cacheable
            def inner(x):
                return inside(x) + n
            return inner
        def one(x): return x
        def two(x): return -x
    """
    loaded = module(text)
    loaded.make(1, loaded.one)(1)
    kept = loaded.make(2, loaded.two)
    kept(1)
    assert not clear_changed_functions()


def test_another_version_is_a_change(module):
    text = "@robust_cacheable(version={})\ndef f(x):\n    return x\n"
    module(text.format(1)).f(1)
    module(text.format(2)).f(1)
    assert clear_changed_functions(functions="quant_features.f").entries == 1


def test_a_version_that_somebody_still_holds_keeps_its_entries(module):
    held = module(FEATURES).spread
    held(1)
    module(FEATURES.replace("x - 1", "x - 2"))
    assert not clear_changed_functions()
    assert held.cache_contains(1)


def test_smart_cacheable_notices_an_edited_helper(module):
    loaded = module(FEATURES)
    assert loaded.momentum(1) == 23
    loaded = module(FEATURES.replace("x * WINDOW", "x + WINDOW"))
    assert loaded.momentum(1) == 24
    assert loaded.momentum.cache_info().reasons == {"first_call": 1, "code": 1}
    assert smart_cacheable(ignore="y")(lambda x, y: x)(1, y=2) == 1


# -- limits -----------------------------------------------------------------------


def insert(store, name: str, *, size: float, seconds: float, used: float = 0.0) -> bytes:
    """A row that says of itself what it takes and took."""
    digest = name.encode().ljust(16, b"0")
    store.put(digest, name, Claim(f"mod.{name}", b"c" * 16, b"e" * 16, b"a" * 16, seconds=seconds))

    def work(cursor: sqlite3.Cursor) -> None:
        cursor.execute(
            "UPDATE claim SET size=?, used=used-? WHERE function=?",
            (int(size), used, f"mod.{name}"),
        )
        cursor.execute(f"UPDATE claim SET priority={rows.WORTH} WHERE function=?", (f"mod.{name}",))
        cursor.execute("UPDATE meta SET value=(SELECT total(size) FROM claim) WHERE name='total'")
        cursor.execute("UPDATE meta SET value=CAST(value AS INTEGER) WHERE name='total'")

    store._index.write(work)
    return digest


def test_two_hours_in_a_megabyte_outlive_a_second_in_a_gigabyte(store):
    dear = insert(store, "dear", size=1e6, seconds=7_200.0)
    cheap = insert(store, "cheap", size=1e9, seconds=1.0)
    done = cache_maintenance(max_cache_size_mb=500)
    assert store.contains(dear) and not store.contains(cheap)
    assert done.evicted.functions == {"mod.cheap": (1, 10**9)}
    assert done.freed_bytes == 10**9
    assert "1 entries (1,000.0 MB)" in str(done)


def test_least_saved_seconds_a_megabyte_go_first(store):
    for name, size, seconds in (
        ("one_second", 1e8, 100.0),
        ("half", 1e8, 50.0),
        ("quarter", 4e8, 100.0),
        ("tenth", 1e6, 0.1),
    ):
        insert(store, name, size=size, seconds=seconds)
    # Down to nine tenths of a limit.
    assert upkeep.make_room(store, 600_999_999).functions.keys() == {"mod.tenth", "mod.quarter"}
    assert upkeep.make_room(store, 150 * 10**6).functions.keys() == {"mod.half"}
    assert not upkeep.make_room(store, 100 * 10**6)
    assert store.sizes() == {"mod.one_second": (1, 10**8)}


def test_what_was_not_used_for_long_goes_and_what_was_stays(store):
    old = insert(store, "old", size=1e6, seconds=1e6, used=31 * 86_400)
    young = insert(store, "young", size=1e6, seconds=0.0, used=29 * 86_400)
    assert not cache_maintenance().expired
    done = cache_maintenance(max_age_days=30)
    assert done.expired.functions == {"mod.old": (1, 10**6)}
    assert store.contains(young) and not store.contains(old)


def test_more_than_a_put_would_drop_at_once_goes(store, monkeypatch):
    from afml_cache.store import evict

    monkeypatch.setattr(evict, "_EXPIRED_AT_ONCE", 2)
    for number in range(5):
        insert(store, f"old{number}", size=1e3, seconds=1.0, used=1e6)
    assert cache_maintenance(max_age_days=1).expired.entries == 5


def test_what_was_cleared_makes_room_before_any_entry_and_is_told(store):
    labels(1), labels(2)
    cleared = selective_cache_clear(functions=labels).cleared
    labels_of_all(1)
    with pytest.warns(match="over its size limit"):
        done = cache_maintenance(max_cache_size_mb=0.02)
    assert done.outdated == (cleared,) and done.freed_bytes == cleared.bytes > 40_000
    assert not done.evicted and labels_of_all.cache_contains(1)
    assert list_cleared() == []


def test_the_limits_of_the_settings_hold_without_an_argument(store):
    insert(store, "large", size=5e6, seconds=1.0)
    with use_settings(size_limit="1 MB"):
        assert cache_maintenance().evicted.entries == 1


def test_what_was_used_a_moment_ago_counts_as_used(store):
    digest = insert(store, "again", size=1e3, seconds=1.0, used=1e6)
    assert store.get(digest) == "again"
    assert not cache_maintenance(max_age_days=1).expired


def test_a_value_in_hand_survives_its_eviction(store):
    held = labels(1)
    labels_of_all(1)
    assert cache_maintenance(max_cache_size_mb=0.001).evicted.entries >= 1
    assert not labels.cache_contains(1)
    assert held.sum() == 3_000


def test_maintenance_keeps_warm_entries(module):
    loaded = module(FEATURES)
    loaded.momentum(1), loaded.spread(1), labels(1), features(1)
    done = cache_maintenance(max_cache_size_mb=100, max_age_days=30)
    assert done.freed_bytes == 0 and not done.changed and done.entries == 3
    RAN.clear()
    labels(1), features(1)
    assert RAN == [] and loaded.momentum.cache_contains(1)


def test_maintenance_tells_what_no_limit_is_applied_to():
    labels(1)
    assert cache_maintenance(max_cache_size_mb=0.001).joblib_bytes == 0
    features(1)
    done = cache_maintenance(max_cache_size_mb=0.001)
    assert done.joblib_bytes == features.cache_info().size > 0
    assert "@cacheable holds 0.0 MB beside it, which no limit is applied to" in str(done)


@pytest.mark.parametrize("bad", [0, -1, float("nan"), "2 GB", float("inf"), True, np.bool_(True)])
def test_a_limit_that_is_none_removes_nothing(bad):
    labels(1)
    with pytest.raises(ConfigurationError, match="max_cache_size_mb"):
        cache_maintenance(max_cache_size_mb=bad)
    with pytest.raises(ConfigurationError, match="max_age_days"):
        optimize_cache_system(max_age_days=bad)
    assert labels.cache_info().entries == 1


def test_a_number_of_numpy_is_a_limit(store):
    insert(store, "large", size=5e6, seconds=1.0)
    done = cache_maintenance(max_cache_size_mb=np.int64(1), max_age_days=np.float32(30))
    assert done.evicted.entries == 1


def test_optimizing_removes_what_killed_processes_left_and_compacts_the_index(store):
    labels(1)
    for number in range(400):
        (
            labels_of_all(number + 0.5),
            store.put(number.to_bytes(16), "x" * 4_000, Claim("mod.g", b"c", b"e", b"a")),
        )
    store.clear("mod.g")
    folder = next(store.directory.glob("values/*"))
    young, old = folder / ".young.part", folder / f"{folder.name}{'0' * 30}-{'0' * 16}"
    for path in (young, old):
        path.write_bytes(b"x" * 1_000)
    long_ago = time.time() - timedelta(days=1).total_seconds()
    os.utime(old, (long_ago, long_ago))
    done = optimize_cache_system()
    assert done.leftovers.entries == 1 and done.leftovers.bytes == 1_000
    assert young.exists() and not old.exists()
    assert done.index_bytes > 1_000_000
    assert store.verify() == [] and labels.cache_contains(1)
    assert get_cache_summary()["entries"] == 401


def test_nothing_to_maintain_makes_nothing(store):
    assert optimize_cache_system().freed_bytes == 0
    assert not store.directory.exists()


# -- everything that is ours, and nothing else --------------------------------------


def test_clearing_all_takes_what_is_ours_and_nothing_else(store):
    labels(1), features(1)
    kept = {
        "records/runs.sqlite": b"a ledger",
        "notes.txt": b"a person's",
        "mlflow/mlruns.db": b"a tracking database",
        "values.csv": b"not the folder of the values",
    }
    for name, content in kept.items():
        path = store.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    beside = store.directory.with_name("beside.txt")
    beside.write_bytes(b"not in the cache")
    assert clear_afml_cache(warn=False).entries == 1
    assert not list(store.directory.glob("values/*/*"))
    assert not list(store.directory.glob("joblib_cache/**/output.pkl"))
    assert get_cache_summary()["entries"] == get_cache_summary()["joblib_entries"] == 0
    for name, content in kept.items():
        assert (store.directory / name).read_bytes() == content
    assert beside.exists()


def test_the_module_has_its_other_name_too(run_python):
    script = """
        from afml.cache.selective_cleaner import cache_maintenance, smart_cacheable
        import afml_cache, afml.cache.selective_cleaner as a, afml_cache.selective_cleaner as b
        import sys
        print(a is b, afml_cache.smart_cacheable is smart_cacheable, "pandas" in sys.modules)
    """
    assert run_python(script) == "True True False"


def test_settings_of_this_process_stay_as_they_are():
    before = configure()
    cache_maintenance(max_cache_size_mb=1, max_age_days=1)
    assert configure() == before
