"""A state that cannot be read any more is no obstacle to going back: the journal suffices."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codemods.cli import main
from codemods.files import find
from codemods.migration.state import COMMAND, Notes, Wishes
from codemods.rules import Rules
from codemods.runner import apply, survey

QUANT = "from afml_cache import cacheable\n\n\n@cacheable\ndef {}(p):\n    return p\n"


def run(*arguments: str) -> Result:
    """The command, in the working directory."""
    return CliRunner().invoke(main, arguments)


@pytest.fixture(params=['{"version": 99}\n', '{"vers', "[]"], ids=["newer", "cut off", "a list"])
def notes(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """Two migrations, the later one verified and cut short, of which the state is damaged."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "pyproject.toml").touch()
    monkeypatch.chdir(root)
    for name in ("alpha", "beta"):
        (root / f"{name}.py").write_text(QUANT.format(name))
        if name == "beta":
            Notes(root).begin(Wishes("pytest -q", os.fspath(root)))
        apply(survey(find([root]), Rules()), command=COMMAND if name == "beta" else "apply")
    notes = Notes(root)
    notes.file.write_text(request.param)
    return notes


def is_migrated(notes: Notes, name: str) -> bool:
    """Whether a file is."""
    text = (notes.root / f"{name}.py").read_text()
    assert (text == QUANT.format(name)) is ("robust" not in text)
    return "robust" in text


def test_what_the_journal_has_can_be_undone_step_by_step(notes: Notes) -> None:
    told = run("status")
    assert told.exit_code == 3
    assert "`afml-codemod rollback` undoes what the journal has" in told.output
    last = run("rollback")
    assert last.exit_code == 0, last.output
    assert "cannot be read" in last.output and "goes by the journal alone" in last.output
    assert is_migrated(notes, "alpha") and not is_migrated(notes, "beta")
    assert notes.file.exists()
    first = run("rollback")
    assert first.exit_code == 0, first.output
    assert not is_migrated(notes, "alpha")
    assert "Nothing stands any more" in first.output
    assert not notes.file.exists()
    assert run("status").exit_code == 0


def test_all_of_it_at_once_too_and_a_dry_run_changes_nothing(notes: Notes) -> None:
    before = notes.file.read_bytes()
    shown = run("rollback", "--all", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert is_migrated(notes, "alpha") and is_migrated(notes, "beta")
    assert notes.file.read_bytes() == before
    done = run("rollback", "--all")
    assert done.exit_code == 0, done.output
    assert not is_migrated(notes, "alpha") and not is_migrated(notes, "beta")
    assert not notes.file.exists()


def test_where_nothing_stands_only_the_file_goes(notes: Notes) -> None:
    content = notes.file.read_bytes()
    assert run("rollback", "--all").exit_code == 0
    notes.file.write_bytes(content)
    assert "Nothing stands any more" in run("rollback").output
    assert run("rollback").output.startswith("No migration to roll back")
