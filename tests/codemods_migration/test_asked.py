"""What would stop a migration later stops it now: before a test has run, with the remedy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codemods.files import find
from codemods.migration.asked import check_adoption, check_only, check_report
from codemods.migration.baseline import ran_once
from codemods.migration.command import check_command
from codemods.migration.recorded import Recording
from codemods.migration.state import MigrationError, WishError
from codemods.rules import Rules
from codemods.runner import Survey, survey
from codemods.select import Selection

QUANT = """
from afml_cache import cacheable, robust_cacheable


@cacheable
def old(p):
    return p


@robust_cacheable
def new(p):
    return p


def bare(p):
    return p
"""


@pytest.fixture
def only(tmp_path: Path) -> Callable[..., Survey]:
    """What is found under patterns."""
    (tmp_path / "quant.py").write_text(QUANT)
    return lambda *patterns: survey(find([tmp_path]), Rules(), Selection(patterns))


@pytest.mark.parametrize("patterns", [["old"], ["quant.*"], ["new"], ["quant.py::new", "old"]])
def test_a_pattern_that_means_a_function_old_or_new_is_fine(
    only: Callable[..., Survey], patterns: list[str]
) -> None:
    check_only(only(*patterns))


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        (["nosuch"], "--only nosuch means no function"),
        (["old", "nosuch"], "--only nosuch means no function"),
        (["bare"], "--only bare means no function with a decorator of the cache"),
        (["nosuch", "quant.odl"], "--only nosuch and --only quant.odl mean no function"),
    ],
)
def test_a_pattern_that_means_none_is_a_misspelling(
    only: Callable[..., Survey], patterns: list[str], told: str
) -> None:
    with pytest.raises(WishError, match=told):
        check_only(only(*patterns))


def test_without_patterns_there_is_nothing_to_misspell(tmp_path: Path) -> None:
    check_only(survey(find([tmp_path]), Rules()))


def test_a_report_needs_a_folder_to_go_to(tmp_path: Path) -> None:
    check_report(tmp_path / "report.html")
    (tmp_path / "taken.html").mkdir()
    (tmp_path / "file").touch()
    for page, told in {
        tmp_path / "none" / "report.html": f"there is no folder {tmp_path}/none; make it",
        tmp_path / "file" / "report.html": f"there is no folder {tmp_path}/file",
        tmp_path / "taken.html": "that is a folder; name a file",
        tmp_path / "report.json": "JSON goes beside the page",
    }.items():
        with pytest.raises(WishError, match=told):
            check_report(page)


@pytest.mark.parametrize(("value", "stored", "stops"), [
    ("off", 3, True), ("off", 0, False), ("on", 3, False), (None, 3, False),
])  # fmt: skip
def test_without_adoption_what_is_stored_would_be_computed_again(
    monkeypatch: pytest.MonkeyPatch, value: str | None, stored: int, stops: bool
) -> None:
    monkeypatch.delenv("AFML_CACHE_ADOPT", raising=False)
    if value is not None:
        monkeypatch.setenv("AFML_CACHE_ADOPT", value)
    if not stops:
        check_adoption(stored)
        return
    with pytest.raises(MigrationError, match="AFML_CACHE_ADOPT is off, so the 3 results"):
        check_adoption(stored)


@pytest.mark.parametrize("command", ["", "  ", "no-such-program -q", "sh -c 'open"])
def test_a_command_that_cannot_be_started_is_a_wrong_wish(command: str) -> None:
    with pytest.raises(WishError, match="--verify"):
        check_command(command)


def ran(*tests: str) -> Recording:
    """A run of these tests."""
    return Recording(Path("x"), "shared", dict.fromkeys(tests, "passed"), {}, {})


@pytest.mark.parametrize(
    ("first", "second", "once"),
    [("ab", "ba", ""), ("ab", "a", "b"), ("a", "ab", "b"), ("ab", "ac", "bc")],
)
def test_tests_have_to_be_the_same_in_both_runs(first: str, second: str, once: str) -> None:
    assert ran_once(ran(*first), ran(*second)) == list(once)


def test_usage_is_exit_2_and_nothing_is_run(repository: Any) -> None:
    made = repository()
    for arguments in (
        ("--verify", ""),
        ("--verify", "no-such-program"),
        ("--verify", "touch was-run", "--report", "none/report.html"),
        ("--verify", "touch was-run", "--only", "nosuch"),
    ):
        done: subprocess.CompletedProcess[str] = made.codemod("migrate", *arguments)
        assert done.returncode == 2, (arguments, done.stdout, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr
    assert not (made.path / "was-run").exists()
    assert "cut short" not in made.codemod("status").stdout


@pytest.mark.slow
def test_tests_with_names_that_do_not_stay_stop_it_before_anything_is_changed(
    repository: Any,
) -> None:
    made = repository(
        tests="\n\nimport time\n\nimport pytest\n\n\n"
        "@pytest.mark.parametrize('now', [time.time()])\ndef test_now(now):\n    assert now\n"
    )
    done = made.migrate(verify=f"{sys.executable} -m pytest -q -p no:cacheprovider")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "2 tests ran in one of two runs and not in the other" in done.stderr
    assert "test_quant.py::test_now[" in done.stderr
    assert made.changes() == ""
