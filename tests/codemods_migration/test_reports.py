"""The report goes with the last of what it tells; what somebody made his own stays."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from codemods.cli import main
from codemods.files import find
from codemods.migration.document import document
from codemods.migration.page import page
from codemods.migration.state import COMMAND, Notes, Step, Wishes
from codemods.migration.told import Outcome, Report
from codemods.rules import Rules
from codemods.runner import apply, survey


@pytest.fixture
def made(repository: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A repository that was migrated, with its report lying there for git to see."""
    made = repository(more={".gitignore": "*.pyc\n"})
    monkeypatch.chdir(made.path)
    migrated(made, "")
    return made


def migrated(made: Any, where: str) -> None:
    """Migrate as the verified migration does, with the report in its place."""
    notes = Notes(made.path)
    progress = notes.begin(Wishes("pytest -q", os.fspath(made.path), report=where))
    apply(survey(find([made.path]), Rules()), command=COMMAND)
    told = document(Report("1", "/r", "pytest", Outcome.KEPT, True, (), ()))
    shown, plain = notes.reports(progress)
    shown.write_text(page(told))
    plain.write_text(json.dumps(told))
    notes.at(progress, Step.DONE)


def rollback(*arguments: str) -> Result:
    """Roll back; that has to go well."""
    done = CliRunner().invoke(main, ["rollback", *arguments])
    assert done.exit_code == 0, done.output
    return done


def test_after_all_is_rolled_back_git_finds_nothing(made: Any) -> None:
    assert "migration-report.html" in made.changes()
    shown = rollback("--all", "--dry-run").output
    assert f"Would be removed: {made.path}/migration-report.html" in shown
    assert f"Would be removed: {made.path}/migration-report.json" in shown
    assert "migration-report.html" in made.changes()
    done = rollback("--all").output
    assert f"Removed: {made.path}/migration-report.html" in done
    assert made.changes() == ""


def test_one_migration_that_goes_back_leaves_it(made: Any) -> None:
    rollback()
    assert (made.path / "migration-report.html").exists()
    rollback("--all")
    assert made.changes() == "", "where nothing was left to undo, it is left over all the same"


def test_a_report_that_went_elsewhere_goes_too(made: Any, tmp_path: Path) -> None:
    rollback("--all")
    migrated(made, os.fspath(tmp_path / "mine.html"))
    rollback("--all")
    assert not list(tmp_path.glob("mine.*"))


def test_a_report_that_was_committed_stays(made: Any) -> None:
    made.git("add", "migration-report.html", "migration-report.json")
    made.git("commit", "--quiet", "--message", "How it went")
    assert "Removed" not in rollback("--all").output
    assert (made.path / "migration-report.json").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"format": "of somebody else"}', None])
def test_a_file_of_that_name_that_is_no_report_stays(made: Any, content: str | None) -> None:
    plain = made.path / "migration-report.json"
    if content is None:
        plain.unlink()
    else:
        plain.write_text(content)
    assert "Removed" not in rollback("--all").output
    assert (made.path / "migration-report.html").exists()
