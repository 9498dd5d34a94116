"""Reports in files, tables in notebooks, and the evidence that the codemods read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from afml_cache import (
    ReportError,
    cacheable,
    export_evidence,
    get_cache_efficiency_report,
    get_cache_monitor,
    print_cache_health,
    robust_cacheable,
    use_settings,
)
from afml_cache.outcomes import Outcome, Reason
from codemods.evidence import read_evidence

ROOT = Path(__file__).resolve().parents[2]
EVIL = "pkg.<script>alert(1)</script>&\"'f"


@robust_cacheable
def f(number):
    return number


@cacheable
def g(number):
    return number


@pytest.fixture
def called():
    for number in (1, 1, 2, 1):
        f(number)
        g(number)


def test_csv_and_parquet_hold_the_efficiency_report(called, tmp_path):
    expected = get_cache_efficiency_report()
    monitor = get_cache_monitor()
    read = pd.read_parquet(monitor.export_report(tmp_path / "report.parquet"))
    pd.testing.assert_frame_equal(read, expected)
    csv = pd.read_csv(monitor.export_report(str(tmp_path / "REPORT.CSV")))
    assert list(csv.columns) == list(expected.columns)
    assert list(csv["calls"]) == [4, 4] and list(csv["hit_rate"]) == [0.5, 0.5]


def test_json_holds_the_health_too_and_no_nan(called, tmp_path):
    path = get_cache_monitor().export_report(tmp_path / "report.json")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    read = json.loads(path.read_text(), parse_constant=refuse)
    assert (read["format"], read["version"]) == ("afml-cache report", 1)
    assert read["health"] == get_cache_monitor().generate_health_report()
    assert [one["calls"] for one in read["functions"]] == [4, 4]
    assert {one["robust_hit_rate"] for one in read["functions"]} == {None}


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_html_escapes_names_and_loads_nothing(called, store, tmp_path):
    store.count(EVIL, Outcome.COMPUTED, Reason.ARGUMENT)
    page = get_cache_monitor().export_report(tmp_path / "report.html").read_text("utf-8")
    read = Tags(page)
    assert EVIL in read.text and "script" not in read.tags
    assert not {"link", "img", "iframe"} & set(read.tags) and "http" not in page


def test_a_name_that_is_no_utf8_is_written_escaped(store, tmp_path, capsys):
    store.count("b\udcff.f", Outcome.COMPUTED, Reason.ARGUMENT)
    print_cache_health()
    assert "b\\udcff.f" in get_cache_monitor()._repr_html_()
    get_cache_monitor().export_report(tmp_path / "report.parquet")
    for ending in ("csv", "json", "html"):
        text = get_cache_monitor().export_report(tmp_path / f"report.{ending}").read_text("utf-8")
        assert r"\udcff.f" in text
    assert "b\\udcff.f" in export_evidence(tmp_path / "evidence.json").read_text()


def test_html_has_every_number_of_the_efficiency_report(called, tmp_path):
    with pytest.warns(UserWarning):
        f(number for number in "no key")
    frame = get_cache_efficiency_report()
    page = get_cache_monitor().export_report(tmp_path / "report.html").read_text("utf-8")
    text = Tags(page).text.split()
    for name in frame.columns:
        # Reasons that nothing missed for would be seventeen columns of zeros.
        wanted = not name.startswith("misses_") or frame[name].any()
        assert (name in text) == wanted, name
    row = frame.set_index("function").loc[f.identity]
    assert (row["calls"], row["misses"], row["misses_unkeyable"]) == (5, 3, 1)
    cells = Tags(page[page.index("<h2>") :]).text.split()
    mine = cells[cells.index(f.identity) :]
    assert mine[1:4] == ["5", "2", "3"] and float(mine[4]) == 0.4


@pytest.mark.parametrize("name", ["report", "report.xlsx", "report.csv.gz"])
def test_another_ending_is_refused_and_nothing_written(name, tmp_path):
    with pytest.raises(ReportError, match=r"end it with \.csv, \.json, \.html, \.parquet"):
        get_cache_monitor().export_report(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_parquet_without_pyarrow_says_what_to_install(run_python):
    out = run_python("""
        import sys
        sys.modules["pyarrow"] = None
        from afml_cache import ReportError, get_cache_monitor
        try:
            get_cache_monitor().export_report("report.parquet")
        except ReportError as error:
            print(error)
    """)
    assert "pip install 'afml-cache[parquet]'" in out


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(called, tmp_path):
    (tmp_path / "report.json").mkdir()
    (tmp_path / "report.json" / "there").write_text("")
    with pytest.raises(IsADirectoryError, match="folder is there") as told:
        get_cache_monitor().export_report(tmp_path / "report.json")
    assert told.value.filename == str(tmp_path / "report.json")
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith(".")) == []


@pytest.mark.parametrize("write", [get_cache_monitor().export_report, export_evidence])
def test_a_folder_that_is_missing_is_named_and_not_a_file_of_ours(write, tmp_path):
    wanted = tmp_path / "missing" / "a.json"
    with pytest.raises(FileNotFoundError) as told:
        write(wanted)
    assert f"the folder {wanted.parent} does not exist; make it" in str(told.value)
    assert told.value.filename == str(wanted) and ".part" not in str(told.value)


@pytest.mark.parametrize("write", [get_cache_monitor().export_report, export_evidence])
def test_a_path_may_begin_at_home(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert write("~/a.json") == tmp_path / "a.json" and (tmp_path / "a.json").exists()


def test_a_notebook_shows_a_compact_escaped_table(called, store):
    store.count(EVIL, Outcome.COMPUTED, Reason.ARGUMENT)
    for number in range(30):
        store.count(f"m.f{number}", Outcome.COMPUTED, Reason.ARGUMENT)
    from IPython.core.formatters import DisplayFormatter

    data, _ = DisplayFormatter().format(get_cache_monitor())
    read = Tags(data["text/html"])
    assert read.tags.count("tr") == 21  # a head, and twenty functions
    assert "39 calls" in read.text and "13 more functions" in read.text
    assert f.identity in read.text and "<script" not in data["text/html"]
    assert str(store.directory) in data["text/plain"]


# -- evidence

MODULE = """
from afml.cache import cacheable

@cacheable
def barrier(number):
    return number

@cacheable
def rare(number):
    return number
"""


def test_the_codemods_select_by_the_exported_evidence(tmp_path, run_python):
    project = tmp_path / "project"
    project.mkdir()
    (project / "quant.py").write_text(MODULE)
    run_python(
        """
        import sys
        sys.path.insert(0, "project")
        from afml_cache import configure, export_evidence
        from quant import barrier, rare
        configure(note_exact_keys=True)
        for number in range(12):
            barrier(number)
        rare(1), rare(1)
        export_evidence("evidence.json")
        """
    )
    done = subprocess.run(
        [sys.executable, "-m", "codemods.cli", "plan", "--evidence", "../evidence.json", "."],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 calls, 0 % hits" in done.stdout and "0 % with exact keys" in done.stdout
    assert "1 function has fewer than 10 calls" in done.stdout
    assert "1 function in 1 file to migrate" in done.stdout


def test_evidence_is_what_the_report_says(called, tmp_path, store):
    with use_settings(mode="off"):
        g(1)  # passes the cache by: a call, and neither a hit nor a miss
    store.count("m.untimed", Outcome.COMPUTED, Reason.UNKEYABLE)
    found = {one.function: one for one in read_evidence(export_evidence(tmp_path / "e")).functions}
    assert set(found) == {f.identity, g.identity, "m.untimed"}
    ours, joblibs = found[f.identity], found[g.identity]
    assert (ours.calls, ours.hits, ours.misses) == (4, 2, 2)
    assert ours.compute_seconds == get_cache_monitor().get_function_stats(f).seconds_computed
    assert (joblibs.calls, joblibs.hits, joblibs.misses, joblibs.robust_hit_rate) == (4, 2, 2, None)
    assert found["m.untimed"].compute_seconds is None


def test_what_was_called_with_the_cache_off_only_is_no_evidence(tmp_path):
    with use_settings(mode="off"):
        for number in range(12):
            f(number), g(number)
        assert read_evidence(export_evidence(tmp_path / "evidence.json")).functions == ()
    f(1)
    (one,) = read_evidence(export_evidence(tmp_path / "evidence.json")).functions
    assert (one.function, one.calls, one.misses) == (f.identity, 1, 1)


def test_evidence_of_nothing_is_read_too(tmp_path):
    assert read_evidence(export_evidence(tmp_path / "evidence.json")).functions == ()
    document = json.loads((tmp_path / "evidence.json").read_text())
    assert document == {"format": "afml-cache evidence", "version": 1, "functions": []}
