"""The doctor finds what is planted, names the remedy, and changes nothing by looking."""

from __future__ import annotations

import json
import os
import sqlite3
import time
import zipfile
from contextlib import closing

import pytest

from afml_cache import robust_cacheable, use_store
from afml_cache.doctor import contents, place
from afml_cache.doctor.bundle import write_bundle
from afml_cache.doctor.examine import examine
from afml_cache.store import location


@robust_cacheable
def labels(password):
    return f"result of {password}"


@pytest.fixture
def used(store):
    labels("hunter2")
    store.flush()
    return store.directory


def found(directory, check):
    return [one for one in examine(directory) if one.check == check]


def test_a_sound_cache_has_nothing_that_wants_doing(used):
    assert [one for one in examine(used) if one.level != "note"] == []


def test_value_files_of_sound_entries_are_no_leftovers(used, store):
    labels("x" * 100_000)
    store.flush()
    (file,) = (used / "values").glob("*/*")
    os.utime(file, (time.time() - 7200,) * 2)
    assert found(used, "leftovers") == []


def test_every_finding_names_a_remedy_and_looking_changes_nothing(used, store):
    store.close()
    (used / "strange").mkdir()
    before = sorted(path for path in used.rglob("*"))
    findings = examine(used)
    assert findings and all(one.what and one.remedy for one in findings)
    assert sorted(path for path in used.rglob("*")) == before


def test_a_cache_that_is_not_there_is_a_note_and_is_not_made(tmp_path):
    (finding,) = found(tmp_path / "nowhere", "directory")
    assert finding.level == "note"
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "file").write_text("")
    (finding,) = found(tmp_path / "file", "directory")
    assert finding.level == "error"


def test_files_of_another_cache_are_two_systems(used):
    (used / "joblib").mkdir()
    (used / "cache.db").write_bytes(b"")
    (finding,) = found(used, "two systems")
    assert "joblib (joblib.Memory)" in finding.what and "cache.db (diskcache)" in finding.what


def test_what_the_cache_itself_makes_is_no_other_system(used):
    for name in ("joblib_cache", "records", "cleared", "index.sqlite.corrupt-20240101T000000"):
        (used / name).mkdir(exist_ok=True)
    assert found(used, "two systems") == []


def test_what_the_system_before_this_one_keeps_there_is_none_either(used):
    (used / "numba_cache").mkdir()
    for name in ("cache_stats.json", "function_tracker.json"):
        (used / name).write_text("{}")
    assert found(used, "two systems") == []


def test_a_package_of_ones_own_without_the_names_is_an_import_problem(run_python, used, tmp_path):
    (tmp_path / "afml" / "cache").mkdir(parents=True)
    (tmp_path / "afml" / "__init__.py").write_text("")
    (tmp_path / "afml" / "cache" / "__init__.py").write_text("def cacheable(f): return f\n")
    said = run_python(
        """
        import sys
        from pathlib import Path
        from afml_cache.doctor.installation import imports
        for one in imports(Path()):
            print(one.level, one.what, one.remedy)
        """
    )
    assert said.startswith("error") and "robust_cacheable" in said and "adopt-init" in said


def test_missing_extras_are_notes(used, monkeypatch):
    monkeypatch.setattr(
        "afml_cache.doctor.installation.EXTRAS", {"no_such_package": ("extra", "nothing works")}
    )
    (finding,) = found(used, "extras")
    assert finding.level == "note" and "afml-cache[extra]" in finding.remedy


@pytest.mark.parametrize(("mode", "level"), [("off", "warning"), ("readonly", "note")])
def test_a_mode_that_keeps_the_cache_from_storing_is_told(used, monkeypatch, mode, level):
    monkeypatch.setenv("AFML_CACHE_MODE", mode)
    (finding,) = found(used, "mode")
    assert finding.level == level and f"AFML_CACHE_MODE={mode}" in finding.what


def test_a_directory_that_everybody_can_write_to_is_a_warning(used):
    used.chmod(0o777)
    (finding,) = found(used, "permissions")
    assert finding.remedy == f"chmod o-w {used}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_to_is_a_warning(used):
    used.chmod(0o500)
    try:
        (finding,) = found(used, "permissions")
    finally:
        used.chmod(0o700)
    assert "cannot be written to" in finding.what


def test_a_secret_that_is_open_to_others_is_a_warning(used, monkeypatch, tmp_path):
    from afml_cache.store.secret import secret_file

    monkeypatch.delenv("AFML_CACHE_SECRET")
    assert list(place.secret(used)) == []  # there is none yet, and looking makes none
    assert not secret_file().exists()
    secret_file().parent.mkdir(parents=True)
    secret_file().write_text("00" * 32)
    secret_file().chmod(0o644)
    (finding,) = found(used, "secret")
    assert finding.remedy == f"chmod 600 {secret_file()}"


def test_a_network_file_system_is_a_warning(used, monkeypatch):
    real = location.is_network
    mounts = f"server:/x {used} nfs4 rw 0 0\n"
    monkeypatch.setattr(location, "is_network", lambda directory: real(directory, mounts))
    (finding,) = found(used, "network")
    assert "network file system" in finding.what


def test_entries_from_the_future_tell_of_a_clock(used, store):
    assert found(used, "clock") == []
    store._index.write(lambda cursor: cursor.execute("UPDATE claim SET created = created + 7200"))
    (finding,) = found(used, "clock")
    assert "120 minutes" in finding.what or "119 minutes" in finding.what


def test_leftovers_of_dead_processes_are_found_and_young_ones_left_alone(used):
    folder = used / "values" / "00"
    folder.mkdir(parents=True, exist_ok=True)
    old, young = folder / ".a.part", folder / ".b.part"
    for file in (old, young):
        file.write_bytes(b"x" * 2_000_000)
    os.utime(old, (time.time() - 7200,) * 2)
    (finding,) = found(used, "leftovers")
    assert "1 files (2.0 MB)" in finding.what and "--compact" in finding.remedy
    orphan = folder / f"{'0' * 32}-{'1' * 16}"
    orphan.write_bytes(b"x" * 1_000_000)
    os.utime(orphan, (time.time() - 7200,) * 2)
    (finding,) = found(used, "leftovers")
    assert "2 files (3.0 MB)" in finding.what


def test_an_index_that_was_moved_aside_is_a_warning_that_says_what_is_lost(used):
    (used / "index.sqlite.corrupt-20240101T000000").write_bytes(b"")
    (finding,) = found(used, "leftovers")
    assert finding.level == "warning" and "small results and statistics, is lost" in finding.what


@pytest.mark.parametrize("how", ["emptied", "removed"])
def test_an_index_that_is_gone_beside_value_files_is_an_error(used, store, how):
    labels("x" * 100_000)
    store.close()
    index = used / "index.sqlite"
    index.unlink()
    if how == "emptied":
        index.touch()
    (finding,) = found(used, "index")
    assert finding.level == "error" and "1 value files are there" in finding.what
    assert "verify --repair" in finding.remedy
    assert index.exists() == (how == "emptied")


@pytest.mark.parametrize("table", ["entry", "claim"])
def test_rows_of_one_table_without_the_other_are_an_error(used, store, table):
    store.close()
    with closing(sqlite3.connect(used / "index.sqlite")) as connection:
        connection.execute(f"DELETE FROM {table}")
        connection.commit()
    (finding,) = found(used, "rows")
    assert finding.level == "error" and "contradicts itself about 1 entries" in finding.what


def test_value_files_that_are_gone_are_told(used, store):
    labels("x" * 100_000), labels("y" * 100_000)
    store.flush()
    first, second = (used / "values").glob("*/*")
    first.unlink()
    (finding,) = found(used, "rows")
    assert finding.level == "warning" and "1 of the 2 value files" in finding.what
    second.unlink()
    (finding,) = found(used, "rows")
    assert finding.level == "error" and "2 of the 2 value files" in finding.what


def test_entries_of_another_secret_are_an_error_where_none_is_of_ours(used, store, monkeypatch):
    store.close()
    assert found(used, "other secret") == []
    monkeypatch.setenv("AFML_CACHE_SECRET", "another one")
    (finding,) = found(used, "other secret")
    assert finding.level == "error" and "all 1 entries are sealed with another" in finding.what
    with use_store(used):
        labels("also of the other secret")
    (finding,) = found(used, "other secret")
    assert finding.level == "note"
    monkeypatch.delenv("AFML_CACHE_SECRET")  # the next call would make a secret of its own
    (finding,) = found(used, "other secret")
    assert "all 2 entries" in finding.what


def test_adopting_is_advised_only_where_joblib_is_the_stranger(used):
    (used / "mlruns").mkdir()
    (finding,) = found(used, "two systems")
    assert "adopt_from" not in finding.remedy
    (used / "joblib").mkdir()
    (finding,) = found(used, "two systems")
    assert "adopt_from" in finding.remedy


def test_an_index_that_is_none_is_an_error(used, store):
    store.close()
    (used / "index.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 9)
    (finding,) = found(used, "index")
    assert finding.level == "error"
    assert list(contents.clock(used)) == []


def test_a_bundle_holds_what_an_issue_needs_and_no_value(used, tmp_path):
    file = tmp_path / "bundle.zip"
    write_bundle(file, used, examine(used))
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    names = ["files", "findings", "log", "statistics", "versions"]
    assert sorted(parts) == [f"{name}.json" for name in names]
    log = json.loads(parts["log.json"])
    (stored,) = log["stored"]
    assert stored["function"].endswith("labels")
    (hour,) = log["hours"]
    assert (hour["function"], hour["computed"], hour["hits"]) == (stored["function"], 1, 0)
    assert log["misses"] == {stored["function"]: {"first_call": 1}} and log["faults"] == {}
    assert json.loads(parts["statistics.json"])["summary"]["total_calls"] == 1
    assert json.loads(parts["versions.json"])["packages"]["pandas"]
    assert all(b"hunter2" not in part for part in parts.values())


def test_a_bundle_leaves_a_damaged_index_as_it_is(used, store, tmp_path):
    store.close()
    index = used / "index.sqlite"
    index.write_bytes(b"garbage" * 3 + index.read_bytes()[21:])
    before = index.read_bytes()
    file = tmp_path / "bundle.zip"
    write_bundle(file, used, examine(used))
    assert index.read_bytes() == before
    assert not list(used.glob("index.sqlite.corrupt-*"))
    with zipfile.ZipFile(file) as archive:
        assert "statistics.json" not in archive.namelist()
        findings = json.loads(archive.read("findings.json"))
    assert any("is damaged" in one["what"] for one in findings)


def test_a_bundle_writes_nothing_into_the_cache(used, store, tmp_path):
    store.close()
    before = {path: path.read_bytes() for path in used.rglob("*") if path.is_file()}
    write_bundle(tmp_path / "bundle.zip", used, examine(used))
    assert {path: path.read_bytes() for path in used.rglob("*") if path.is_file()} == before


def test_a_bundle_has_no_text_of_an_error_that_is_a_users(run_python, used, tmp_path):
    (tmp_path / "afml" / "cache").mkdir(parents=True)
    (tmp_path / "afml" / "__init__.py").write_text("")
    (tmp_path / "afml" / "cache" / "__init__.py").write_text("raise ValueError('hunter2')\n")
    said = run_python(
        """
        import sys
        from pathlib import Path
        from zipfile import ZipFile
        from afml_cache.doctor.bundle import write_bundle
        from afml_cache.doctor.examine import examine
        findings = examine(Path(sys.argv[1]))
        write_bundle(Path("bundle.zip"), Path(sys.argv[1]), findings)
        print([one.what for one in findings if one.check == "imports"])
        with ZipFile("bundle.zip") as archive:
            print(b"hunter2" in b"".join(map(archive.read, archive.namelist())))
            print(b"`import afml.cache` fails (ValueError)" in archive.read("findings.json"))
        """,
        str(used),
    )
    shown, *held = said.splitlines()
    assert "ValueError: hunter2" in shown  # on one's own screen
    assert held == ["False", "True"]
