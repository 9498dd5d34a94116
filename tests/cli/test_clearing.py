"""`clear`, `restore` and `prune`: asked first, matched exactly, restorable where it says so."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest

from afml_cache import cacheable, list_cleared, robust_cacheable, use_settings


@robust_cacheable
def labels(number):
    return np.arange(10) * number


@robust_cacheable
def label(number):
    return np.arange(1_000) * number


@cacheable
def older(number):
    return np.arange(10) * number


@pytest.fixture
def used(store):
    labels(1)
    labels(2)
    label(1)
    store.flush()
    return store


def left(store):
    store.close()  # the command may have moved the index away
    return {name.rpartition(".")[2]: count for name, (count, _) in store.sizes().items()}


def test_clear_asks_first_and_no_is_no(used, run):
    result = run("clear", input="n\n")
    assert "Clear 3 results" in result.stderr and "restored for seven days" in result.stderr
    assert "Nothing was cleared" in result.stderr
    assert left(used) == {"labels": 2, "label": 1}


def test_what_was_cleared_is_back_after_restore(used, run, run_json):
    document = run_json("clear", "--yes")
    assert document["entries"] == 3 and document["path"] == str(list_cleared()[0].path)
    assert left(used) == {}
    (listed,) = run_json("restore", "--list")["cleared"]
    assert listed["entries"] == 3
    assert listed["name"] in run("restore", "--list").output
    assert run_json("restore")["entries"] == 3
    assert left(used) == {"labels": 2, "label": 1}
    assert "nothing to restore" in run("restore").output
    assert "Nothing can be restored" in run("restore", "--list").output
    assert "no cleared folder" in run("restore", "20200101", code=3).output


def test_a_function_is_cleared_by_its_exact_name(used, run):
    assert "Nothing is stored of" in run("clear", "label", "--yes", code=2).output
    assert left(used) == {"labels": 2, "label": 1}
    run("clear", f"{__name__}.label", input="y\n")
    assert left(used) == {"labels": 2}


def test_a_module_is_cleared_with_all_its_functions(used, run_json):
    document = run_json("clear", __name__, "--yes")
    assert len(document["functions"]) == 2
    assert left(used) == {}


def test_results_of_cacheable_are_listed_cleared_and_restored_with_the_others(used, run_json):
    older(1)
    older(2)
    listed = {one["function"]: one["entries"] for one in run_json("ls")["functions"]}
    assert listed[f"{__name__}.older"] == 2
    assert run_json("clear", f"{__name__}.older", "--yes")["entries"] == 2
    assert not any(one["function"].endswith("older") for one in run_json("ls")["functions"])
    assert run_json("restore")["joblib_entries"] == 2
    assert left(used) == {"labels": 2, "label": 1}


def test_a_cache_that_cannot_be_written_to_is_not_cleared_and_says_so(used, run):
    with use_settings(mode="readonly"):
        for command in (["clear", "--yes"], ["prune", "--max-size", "1"]):
            assert "in mode 'readonly'" in run(*command, code=3).stderr
    assert left(used) == {"labels": 2, "label": 1}


def test_a_dry_run_clears_nothing(used, run, run_json):
    assert run_json("clear", "--dry-run")["entries"] == 3
    assert run_json("clear", f"{__name__}.labels", "--dry-run")["entries"] == 2
    assert "would be cleared: 3 entries" in run("clear", "--dry-run").output
    assert left(used) == {"labels": 2, "label": 1}


def test_only_results_of_changed_code_are_cleared(store, run_json, tmp_path, monkeypatch):
    file = tmp_path / "changed_by_command.py"
    text = (
        "from afml_cache import robust_cacheable\n\n"
        "@robust_cacheable\ndef one(x):\n    return x + 1\n\n"
        "@robust_cacheable\ndef two(x):\n    return x + 2\n"
    )
    file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import changed_by_command

    changed_by_command.one(1), changed_by_command.two(1)
    file.write_text(text.replace("x + 2", "x + 22"))
    importlib.reload(changed_by_command)
    document = run_json("clear", "changed_by_command", "--changed", "--yes")
    assert [one["function"] for one in document["functions"]] == ["changed_by_command.two"]
    assert left(store) == {"one": 1}


def test_a_module_that_cannot_be_imported_is_left_alone_and_said(store, run, tmp_path, monkeypatch):
    file = tmp_path / "broken_by_test.py"
    file.write_text(
        "from afml_cache import robust_cacheable\n\n@robust_cacheable\ndef f(x):\n    return x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import broken_by_test

    broken_by_test.f(1)
    monkeypatch.delitem(sys.modules, "broken_by_test")
    for text, said in (("raise RuntimeError('no')", "RuntimeError: no"), ("exit(0)", "SystemExit")):
        file.write_text(f"print('hello')\n{text}\n")
        result = run("clear", "--changed", "--yes", "broken_by_test", code=3)
        assert f"broken_by_test cannot be imported ({said}" in result.stdout
        assert "hello" not in result.stdout
    assert left(store) == {"f": 1}


def test_prune_keeps_to_a_size_and_says_before_what_goes(used, run, run_json):
    size = sum(entry.size for entry in used.entries())
    document = run_json("prune", "--max-size", f"{size - 1}", "--dry-run")
    assert document["dry_run"] is True and document["evicted"]["entries"] >= 1
    assert left(used) == {"labels": 2, "label": 1}
    done = run_json("prune", "--max-size", f"{size - 1}")
    assert done["evicted"] == document["evicted"]
    assert sum(left(used).values()) == 3 - done["evicted"]["entries"]


def test_prune_removes_what_was_not_used_for_so_long(used, run, run_json):
    with used._index._pool.writing:
        used._index.write(lambda cursor: cursor.execute("UPDATE claim SET used = used - 864000"))
    assert run_json("prune", "--max-age", "30d", "--dry-run")["expired"]["entries"] == 0
    assert run("prune", "--max-age", "30d", "--dry-run").output == "Nothing would be removed.\n"
    assert run_json("prune", "--max-age", "9d", "--dry-run")["expired"]["entries"] == 3
    assert "3 entries" in run("prune", "--max-age", "9d", "--compact").output
    assert left(used) == {}


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--max-size", "2 parsecs", "is not understood"),
        ("--max-age", "soon", "is not understood"),
        ("--max-size", "0", "not positive"),
    ],
)
def test_a_limit_that_is_none_is_refused(used, run, option, value, said):
    assert said in run("prune", option, value, code=2).output
    assert left(used) == {"labels": 2, "label": 1}
