"""What was verified is what stands: whoever changes files meanwhile is kept out, or noticed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from codemods.cli import main
from codemods.files import find
from codemods.journal import Migration
from codemods.migration.state import COMMAND, Notes, Progress, Wishes
from codemods.migration.undisturbed import disturbed
from codemods.rollback import roll_back
from codemods.rules import Rules
from codemods.runner import apply, survey

QUANT = "from afml_cache import cacheable\n\n\n@cacheable\ndef {}(p):\n    return p\n"


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """A folder with two files to migrate."""
    root = tmp_path / "repository"
    root.mkdir()
    for name in ("alpha", "beta"):
        (root / f"{name}.py").write_text(QUANT.format(name))
    (root / "pyproject.toml").touch()
    monkeypatch.chdir(root)
    return Notes(root)


def migrated(notes: Notes) -> tuple[Progress, Migration]:
    """Both of them migrated, as a verified migration does it."""
    progress = notes.begin(Wishes("pytest -q", os.fspath(notes.root)))
    done = apply(survey(find([notes.root]), Rules()), command=COMMAND)
    assert done.migration is not None
    return progress, notes.journal.read(done.migration)


def edited(notes: Notes) -> None:
    file = notes.root / "beta.py"
    file.write_text(file.read_text() + "# a formatter was here\n")


def given_back(notes: Notes) -> None:
    (notes.root / "beta.py").write_text(QUANT.format("beta"))


def removed(notes: Notes) -> None:
    (notes.root / "beta.py").unlink()


def test_what_nobody_touched_is_undisturbed(notes: Notes) -> None:
    progress, _ = migrated(notes)
    assert disturbed(notes, progress, migrated=True) == ""
    assert disturbed(notes, progress, migrated=False) == ""


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (edited, "beta.py is not as the migration left it (edited)"),
        (given_back, "beta.py is not as the migration left it (original)"),
        (removed, "beta.py is not as the migration left it (missing)"),
    ],
)
def test_a_file_that_somebody_changed_is_named(
    notes: Notes, happened: Callable[[Notes], None], told: str
) -> None:
    progress, _ = migrated(notes)
    happened(notes)
    assert disturbed(notes, progress, migrated=True) == told


def test_a_migration_that_was_rolled_back_meanwhile_does_not_stand(notes: Notes) -> None:
    progress, migration = migrated(notes)
    roll_back(notes.journal, migration)
    assert disturbed(notes, progress, migrated=True) == "the journal has it rolled back"


@pytest.mark.parametrize("named", [True, False], ids=["by its ID", "the last one"])
@pytest.mark.parametrize("over", [True, False], ids=["nothing unfinished", "unfinished"])
def test_a_rollback_waits_for_a_migration_at_work(notes: Notes, named: bool, over: bool) -> None:
    progress, migration = migrated(notes)
    if over:
        notes.give_up(progress)
    with notes.held():
        refused = CliRunner().invoke(main, ["rollback", *([migration.id] if named else [])])
    assert refused.exit_code == 2
    assert "another `afml-codemod migrate` is at work" in refused.output
    assert disturbed(notes, progress, migrated=True) == ""
    done = CliRunner().invoke(main, ["rollback", *([migration.id] if named else [])])
    assert done.exit_code == 0, done.output
    assert (notes.root / "alpha.py").read_text() == QUANT.format("alpha")


@pytest.mark.parametrize("command", [["apply"], ["revert"]])
def test_other_rewrites_wait_for_it_too(notes: Notes, command: list[str]) -> None:
    if command == ["revert"]:
        migrated(notes)
    before = (notes.root / "alpha.py").read_text()
    with notes.held():
        refused = CliRunner().invoke(main, [*command, "--yes"])
    assert refused.exit_code == 2, refused.output
    assert "another `afml-codemod migrate` is at work" in refused.output
    assert (notes.root / "alpha.py").read_text() == before
    assert CliRunner().invoke(main, [*command, "--yes"]).exit_code == 0
    assert (notes.root / "alpha.py").read_text() != before


@pytest.mark.slow
def test_a_command_that_changes_what_it_verifies_is_told_so_and_all_is_undone(
    repository: Any,
) -> None:
    made = repository()
    before = made.sources()["quant.py"]
    changing = "grep -q robust quant.py && echo '# formatted' >> quant.py"
    done = made.migrate(verify=f'sh -c "pytest -q -p no:cacheprovider && ({changing}; true)"')
    assert done.returncode == 3, done.stdout + done.stderr
    assert "quant.py is not as the migration left it (edited)" in done.stderr
    assert made.sources()["quant.py"] == before + b"# formatted\n"
    assert "cut short" not in made.codemod("status").stdout
