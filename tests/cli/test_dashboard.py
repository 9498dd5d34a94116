"""`dashboard` writes one file, or prints what it shows; it says what is missing."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict

import pytest

from afml_cache import get_cache_summary, robust_cacheable
from afml_cache.dashboard.look import look


@robust_cacheable
def labels(number):
    return number


@pytest.fixture
def used(store):
    for number in (1, 2, 1):
        labels(number)
    store.close()
    return store


def test_json_is_what_the_page_shows(used, run_json):
    document = run_json("dashboard")
    shown = json.loads(json.dumps(asdict(look(used.directory))))
    assert {name: document[name] for name in shown} == shown
    assert document["calls"] == get_cache_summary()["total_calls"] == 3


def test_json_needs_no_plotly(used, run_python):
    printed = run_python("""
        import sys
        sys.modules["plotly"] = None
        from afml_cache.cli import main
        main(["dashboard", "--json"])
    """)
    assert json.loads(printed)["format"] == "afml-cache dashboard"


def test_out_writes_one_file(used, run, tmp_path):
    pytest.importorskip("plotly")
    target = tmp_path / "report.html"
    assert f"Written to {target}" in run("dashboard", "--out", str(target)).output
    assert target.read_text("utf-8").startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_a_place_that_cannot_be_written_to_is_a_sentence(used, run, tmp_path):
    pytest.importorskip("plotly")
    said = run("dashboard", "--out", str(tmp_path / "no" / "report.html"), code=3).output
    assert "report.html" in said and "Traceback" not in said


def test_without_plotly_it_says_what_to_install_and_writes_nothing(
    used, run, tmp_path, monkeypatch
):
    from afml_cache.dashboard.page import plotly_js

    plotly_js.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "plotly", None)
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    for options in (["--out", str(tmp_path / "report.html")], ["--serve"]):
        assert "pip install 'afml-cache[dashboard]'" in run("dashboard", *options, code=3).output
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    "options",
    [[], ["--out", "x.html", "--serve"], ["--serve", "--json"], ["--json", "--port", "9"]],
)
def test_what_to_do_has_to_be_said_once(used, run, options):
    run("dashboard", *options, code=2)


def test_a_port_that_is_taken_is_a_sentence(used, run):
    pytest.importorskip("plotly")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = run("dashboard", "--serve", "--port", port, code=3).output
    assert "choose another --port" in said


def test_a_cache_that_is_not_there_is_not_made(run, tmp_path):
    run("dashboard", "--json", "--directory", str(tmp_path / "nowhere"), code=3)
    assert not (tmp_path / "nowhere").exists()
