"""``afml-cache explain`` across processes: each cause planted by itself, and read in 80 columns."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CALLED = """
from afml_cache import robust_cacheable

WIDTH = {width}

def helper(x):
    y = x * {factor}
    return y + 1

@robust_cacheable
def feature(x, window=20):
    return helper(x) + WIDTH

if __name__ == "__main__":
    feature(1, window={window})
"""


@pytest.fixture
def call(run_python):
    """Call the function in a process of its own, with something changed."""

    def called(width=2, factor=10, window=20):
        return run_python(
            CALLED.format(width=width, factor=factor, window=window), name="explained.py"
        )

    return called


#: What changes, and the sentences that are then told.
CAUSES = {
    "a helper": ({"factor": 100}, ["explained.helper was edited (explained.py:6)"]),
    "a constant": ({"width": 3}, ["explained.WIDTH was 2, is 3"]),
    "an argument": ({"window": 5}, ["window was 20, is 5"]),
}


@pytest.mark.parametrize(("changes", "sentences"), CAUSES.values(), ids=CAUSES)
def test_exactly_what_changed_between_two_processes_is_told(
    call, run, run_json, tmp_path, monkeypatch, changes, sentences
):
    monkeypatch.chdir(tmp_path)
    call()
    call(**changes)
    document = run_json("explain", "feature")
    assert [one["text"] for one in document["differences"]] == sentences
    diff = document["differences"][0]["diff"]
    assert bool(diff) == ("factor" in changes)
    told = run("explain", "feature").output.splitlines()
    assert told[2:] == [f"  {sentences[0]}", *(f"    {line}".rstrip() for line in diff)]
    assert all(len(line) <= 80 for line in told)


def test_another_version_of_a_package_is_told_and_no_code(run_python, run_json, tmp_path):
    site = tmp_path / "venv" / "site-packages"
    source = """
        from afml_cache import robust_cacheable
        from explained_thirdparty import area

        @robust_cacheable
        def feature(x):
            return area(x)

        feature(1)
    """
    for version in ("1.4.0", "1.5.2"):
        metadata = site / f"explained_thirdparty-{version}.dist-info"
        metadata.mkdir(parents=True)
        metadata.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: explained-thirdparty\nVersion: {version}\n"
        )
        metadata.joinpath("RECORD").write_text(
            f"explained_thirdparty.py,,\n{metadata.name}/METADATA,,\n"
        )
        (site / "explained_thirdparty.py").write_text(
            f"def area(x):\n    return x + {version[0]}\n"
        )
        run_python(source, PYTHONPATH=f"{ROOT}{os.pathsep}{site}")
        metadata.joinpath("METADATA").unlink()
        metadata.joinpath("RECORD").unlink()
        metadata.rmdir()
    (one,) = run_json("explain", "feature")["differences"]
    assert (one["kind"], one["text"]) == ("package", "explained-thirdparty was 1.4, is 1.5")


def test_a_diff_names_file_and_line_for_programs(call, run_json, tmp_path):
    call()
    call(factor=100)
    (one,) = run_json("explain")["differences"]
    assert (one["file"], one["line"]) == (str(tmp_path / "explained.py"), 6)
    assert {"-    y = x * 10", "+    y = x * 100"} <= set(one["diff"])


def test_a_long_diff_is_cut_short_on_a_screen_and_whole_for_programs(
    run_python, run, run_json, tmp_path
):
    more = "\n".join(f"    y += {n}" for n in range(100))
    for factor in ("10", f"10\n{more}"):
        run_python(CALLED.format(width=2, factor=factor, window=20), name="explained.py")
    told = run("explain", "feature").output
    assert "more lines of the diff" in told and "--json has the whole diff" in told
    assert len(told.splitlines()) < 50
    assert len(run_json("explain", "feature")["differences"][0]["diff"]) > 100


def test_a_call_that_is_asked_about_is_told_with_its_diff(call, run_json, tmp_path, monkeypatch):
    call()
    (tmp_path / "explained.py").write_text(CALLED.format(width=2, factor=7, window=20))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    document = run_json("explain", "explained.feature", "1")
    sys.modules.pop("explained", None)
    assert (document["would_hit"], document["reason"]) == (False, "code")
    (one,) = document["differences"]
    assert one["text"] == "explained.helper was edited (explained.py:6)"
    assert "+    y = x * 7" in one["diff"]


def test_the_key_of_a_result_that_is_gone_tells_what_became_of_it(call, run, run_json, store):
    call()
    (entry,) = store.entries()
    key = entry.digest.hex()
    store.clear()
    told = run("explain", key).output
    assert f"key {key}: no result (cleared)" in told
    assert re.search(r"its result was cleared at \d{4}-\d\d-\d\d .*, for good", told)
    document = run_json("explain", key)
    assert document["reason"] == "cleared" and len(document["details"]) == 1
    assert "has the key" in run("explain", "0" * 32, code=2).output


@pytest.mark.slow
def test_colours_are_on_a_terminal_only(call, tmp_path):
    pty = pytest.importorskip("pty")
    call()
    call(factor=100)
    command = [sys.executable, "-m", "afml_cache.cli", "explain", "feature"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    piped = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    parent, child = pty.openpty()
    with subprocess.Popen(command, env=environment, stdout=child, stderr=child, stdin=child) as one:
        os.close(child)
        shown = b""
        try:
            while chunk := os.read(parent, 4096):
                shown += chunk
        except OSError:  # the other end is closed
            pass
        one.wait(60)
    os.close(parent)
    assert "\x1b" not in piped and "+    y = x * 100" in piped
    assert re.search(rb"\x1b\[32m\s*\+    y = x \* 100", shown)
    assert re.search(rb"\x1b\[31m\s*-    y = x \* 10", shown)
