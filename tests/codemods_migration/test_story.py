"""The whole story: a migration that holds, those that may not begin, and those cut short."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # each runs the repository's tests several times

#: All that the page is made of: nothing that runs, and nothing that is loaded.
TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "code", "table", "tr"}
TAGS |= {"pre", "wbr", "th", "td", "ul", "li", "figure", "svg", "text", "rect", "doctype"}

#: A test that waits to be killed, before the migration or after it.
WAITING = """

def test_that_takes_its_time():
    import os, time
    from pathlib import Path

    if ("robust_cacheable" in quant.SOURCE) is {after} and not os.environ.get("BE_QUICK"):
        Path("is-waiting").touch()
        time.sleep(60)
"""


def test_a_migration_that_holds_is_exit_0_and_told_in_80_columns(repository: Any) -> None:
    made = repository()
    before = made.sources()
    done = made.migrate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(made.holds().values()) <= {"holds", "does not apply"}
    assert made.became() == {"returns": "migrated", "ranks": "migrated"}
    for row in made.report()["functions"]:
        assert row["after"]["computed"] == 0
        assert row["after"]["adopted"] == 1
        assert row["recheck"]["verdict"] == "same"
        assert row["recheck"]["speed"]["decision"] in ("pass", "unsure")
    tables = done.stdout.split("criterion")[1].split("Undo:")[0]
    assert max(map(len, tables.splitlines())) <= 80
    page = (made.path / "migration-report.html").read_text()
    assert page.count("<svg") == 3
    assert set(re.findall(r"<(\w+)", page)) <= TAGS
    assert "http" not in page and "<script" not in page, "the page stands by itself"
    assert "@robust_cacheable" in made.sources()["quant.py"].decode()
    assert made.migrate().stdout.strip().endswith("Nothing to migrate.")

    shown = made.codemod("rollback", "--all", "--clear-cache", "--dry-run")
    assert "quant.py (migrated now)" in shown.stdout
    assert "would be cleared: 2 entries" in shown.stdout
    assert made.sources() != before
    undone = made.codemod("rollback", "--all", "--clear-cache")
    assert "cleared: 2 entries" in undone.stdout, undone.stdout + undone.stderr
    assert made.sources() == before

    again = made.migrate("--recheck", "0", "--yes")
    assert made.became() == {"returns": "migrated", "ranks": "migrated"}, again.stdout
    assert [row["after"]["adopted"] for row in made.report()["functions"]] == [1, 1]


def test_the_most_valuable_functions_are_the_first_under_a_limit_though_all_is_stored(
    repository: Any,
) -> None:
    made = repository(
        "\n\n@cacheable\ndef dear(n):\n    return sum(range(n))\n",
        "\n\ndef test_dear():\n    assert quant.dear(2_000_000) > 0\n",
    )
    plain = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(plain, cwd=made.path, env=made.environment(), check=True, capture_output=True)
    done = made.migrate("--limit", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    became = made.became()
    assert [name for name, what in became.items() if what == "migrated"] == ["dear"]
    assert became["ranks"] == "left: not this time"


def test_phase_1_measures_and_changes_nothing(repository: Any) -> None:
    cached = "from afml_cache import cacheable\n\n\n@cacheable\ndef data():\n    return 1\n"
    made = repository(more={"conftest.py": cached})
    before = made.sources()
    done = made.migrate("--phase", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing was changed." in done.stdout
    assert made.sources() == before
    predicted = {one["function"]: one["predicted_hit_rate"] for one in made.report()["functions"]}
    assert predicted == {"returns": 0.5, "ranks": 0.0}, "the test calls returns() twice"
    assert any(note.startswith("conftest.py:4:1: test-file") for note in made.report()["notes"])
    refused = made.migrate("--phase", "4")
    assert refused.returncode == 2
    assert "decorate NAME... --with backtest" in refused.stderr


def test_red_tests_stop_it_before_anything_is_changed(repository: Any) -> None:
    made = repository(tests="\n\ndef test_red():\n    assert not quant.ranks([1.0])\n")
    before = made.sources()
    done = made.migrate()
    assert done.returncode == 3
    assert "1 test fails before anything is changed" in done.stderr
    assert "test_quant.py::test_red" in done.stderr
    assert made.sources() == before


def test_an_own_cache_package_that_asks_to_be_kept_stops_it_with_the_remedy(
    repository: Any,
) -> None:
    made = repository()
    package = made.path / "afml" / "cache"
    package.mkdir(parents=True)
    text = "# afml: keep\ndef cacheable(function):\n    return function\n"
    package.joinpath("__init__.py").write_text(text)
    quant = made.path / "quant.py"
    quant.write_text(quant.read_text().replace("from afml_cache", "from afml.cache"))
    before = made.sources()
    done = made.migrate()
    assert done.returncode == 3, done.stdout + done.stderr
    assert "before any change, `afml-cache doctor` or `verify` finds" in done.stderr
    assert "`afml-codemod adopt-init`" in done.stderr
    assert made.sources() == before


def test_old_decorators_none_of_which_can_be_migrated_are_no_success(repository: Any) -> None:
    made = repository()
    quant = made.path / "quant.py"
    quant.write_text(quant.read_text().replace("@cacheable\n", "@cacheable(mmap_mode='r')\n"))
    done = made.migrate()
    assert done.returncode == 3, done.stdout + done.stderr
    assert "old decorators are there, and none can be migrated" in done.stderr
    assert "unknown-arguments" in done.stderr


def test_mlflow_that_does_not_work_stops_it_before_anything_is_changed(repository: Any) -> None:
    if find_spec("mlflow") is not None:
        pytest.skip("MLflow is installed, and may work")
    made = repository(more={"training.py": "# uses mlflow_cached\n"})
    before = made.sources()
    done = made.migrate()
    assert done.returncode == 3
    assert "uses MLflow, and before any change a trial run failed" in done.stderr
    assert made.sources() == before


def test_a_command_that_runs_no_pytest_is_told_to_prove_nothing(repository: Any) -> None:
    made = repository()
    done = made.migrate(verify="python -c pass")
    assert done.returncode == 1, done.stdout + done.stderr
    assert made.holds()["all existing tests pass"] == "holds"
    assert made.holds()["results are the same"] == "not measured"
    assert "the command runs no pytest" in done.stdout
    assert "this is not proven" in done.stdout


def test_a_pytest_within_another_command_and_its_workers_are_recorded(repository: Any) -> None:
    pytest.importorskip("xdist")
    made = repository()
    done = made.migrate(verify="sh -c 'echo first && pytest -q -n 2 -p no:cacheprovider'")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plays no part" not in done.stdout
    assert {row["after"]["adopted"] for row in made.report()["functions"]} == {1}


def test_a_function_that_differs_by_itself_is_left_alone(repository: Any) -> None:
    made = repository(
        "\n\n@cacheable\ndef drawn(ticket):\n    return np.random.default_rng().random()\n",
        "\n\ndef test_drawn():\n    import uuid\n\n    assert quant.drawn(uuid.uuid4().hex) < 1\n",
    )
    done = made.migrate()
    assert done.returncode == 1, done.stdout + done.stderr
    assert made.became()["drawn"] == "left: differs by itself"
    assert "@cacheable\ndef drawn" in made.sources()["quant.py"].decode()
    assert made.became()["ranks"] == "migrated"


def started(made: Any) -> subprocess.Popen[bytes]:
    """A migration that is running the tests."""
    process = subprocess.Popen(
        made.command("migrate", "--verify", "pytest -q -p no:cacheprovider"),
        cwd=made.path,
        env=made.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (made.path / "is-waiting").exists():
        assert process.poll() is None, "it ended before it ran them"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.whole
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_cut_short_it_is_described_and_resumed_or_rolled_back(
    repository: Any, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = repository(tests=WAITING.format(after=True))
    before = made.sources()
    process = started(made)
    assert "is at work, verifying" in made.codemod("status").stdout
    second = made.migrate()
    assert second.returncode == 3
    assert "another `afml-codemod migrate` is at work" in second.stderr
    process.send_signal(how)
    assert process.wait(timeout=30) == (130 if how is signal.SIGINT else -signal.SIGKILL)
    (made.path / "is-waiting").unlink()
    assert made.sources() != before
    state = json.loads((made.path / ".afml-codemod/verified/state.json").read_text())
    assert state["step"] == "verifying"
    assert "was cut short while verifying" in made.codemod("status").stdout
    again = made.migrate()
    assert again.returncode == 2
    assert "--resume" in again.stderr

    if how is signal.SIGKILL:
        monkeypatch.setenv("BE_QUICK", "1")
        resumed = made.codemod("migrate", "--resume")
        assert resumed.returncode == 0, resumed.stdout + resumed.stderr
        assert "recording `" not in resumed.stdout, "the baseline was whole, and is not run again"
        assert made.became()["ranks"] == "migrated"
        assert made.codemod("rollback", "--all").returncode == 0
    else:
        rolled_back = made.codemod("rollback")
        assert rolled_back.returncode == 0, rolled_back.stdout + rolled_back.stderr
        assert "is over; nothing of it stands" in rolled_back.stdout
    assert made.sources() == before
    assert "cut short" not in made.codemod("status").stdout
    _end(made.path)


@pytest.mark.whole
def test_killed_in_the_baseline_it_begins_that_again(
    repository: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = repository(tests=WAITING.format(after=False))
    before = made.sources()
    process = started(made)
    process.kill()
    process.wait(timeout=30)
    assert made.sources() == before
    assert "cut short while recording the baseline" in made.codemod("status").stdout
    monkeypatch.setenv("BE_QUICK", "1")
    resumed = made.codemod("migrate", "--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "recording `" in resumed.stdout
    assert made.became()["ranks"] == "migrated"
    _end(made.path)


def _end(path: Path) -> None:
    """End the tests that a killed migration has left behind, by the folder they run in."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            here = entry.joinpath("cwd").resolve()
        except OSError:  # another user's, or gone
            continue
        if here == path and int(entry.name) != os.getpid():
            os.kill(int(entry.name), signal.SIGKILL)
