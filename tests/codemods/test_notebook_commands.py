"""Notebooks through the commands: the whole way there and back, also when they were used since."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codemods.files import find
from codemods.journal import Journal, State
from codemods.rollback import RolledBack, roll_back
from codemods.rules import Rules
from codemods.runner import apply, survey

Command = Callable[..., subprocess.CompletedProcess[str]]

IMPORT = "from afml.cache import cacheable"
OWN = ".cache.selective_cleaner"
F = "@cacheable\ndef f(x):\n    return x"
G = "%%time\n@cacheable\ndef g(start, end):\n    !echo {start}\n    return 1"


def notebook(*cells: str) -> dict[str, Any]:
    every = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": cell.splitlines(keepends=True),
        }
        for number, cell in enumerate(cells, start=1)
    ]
    return {"cells": every, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def write(path: Path, *cells: str) -> bytes:
    path.write_text(json.dumps(notebook(*cells), indent=1) + "\n")
    return path.read_bytes()


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def cells(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in read(path)["cells"]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    write(tmp_path / "a.ipynb", IMPORT, F, G)
    return tmp_path / "a.ipynb"


def migrate(root: Path) -> str:
    done = apply(survey(find([root]), Rules()))
    assert done.migration is not None
    return done.migration


def back(root: Path) -> RolledBack:
    journal = Journal(root)
    (migration,) = journal.migrations()
    return roll_back(journal, migration)


# ------------------------------------------------------------------ the commands


def test_the_way_there_and_back(file: Path, afml_codemod: Command) -> None:
    before = file.read_bytes()
    planned = afml_codemod("plan")
    assert planned.returncode == 0, planned.stderr
    assert "a.ipynb:cell 2:1" in planned.stdout
    assert "2 functions in 1 file to migrate" in planned.stdout
    checked = afml_codemod("check")
    assert checked.returncode == 1
    assert checked.stdout == (
        "a.ipynb:cell 2:1: f: @cacheable can become @robust_cacheable (no frame, no date range)\n"
        "a.ipynb:cell 3:2: g: @cacheable can become @time_aware_cacheable"
        " (start and end are a date range)\n"
    )
    assert file.read_bytes() == before
    applied = afml_codemod("apply", "a.ipynb")
    assert applied.returncode == 0, applied.stderr
    assert "Migrated 2 functions in 1 file." in applied.stdout
    assert cells(file) == [
        "from afml.cache import robust_cacheable, time_aware_cacheable",
        F.replace("@", "@robust_"),
        G.replace("@", "@time_aware_"),
    ]
    assert afml_codemod("check").returncode == 0
    assert afml_codemod("apply").stdout == "Nothing to migrate.\n"
    assert "the files now: 1 migrated" in afml_codemod("status").stdout
    undone = afml_codemod("rollback")
    assert undone.returncode == 0, undone.stderr
    assert "1 file restored byte for byte" in undone.stdout
    assert file.read_bytes() == before


def test_json_names_the_cell(file: Path, afml_codemod: Command) -> None:
    write(file, IMPORT, F, "x = cacheable")
    (entry,) = json.loads(afml_codemod("plan", "--format", "json").stdout)["files"]
    (function,), (finding,) = entry["functions"], entry["findings"]
    assert (function["cell"], function["line"], function["function"]) == (2, 1, "f")
    assert (finding["cell"], finding["line"], finding["code"]) == (3, 1, "value-use")


def test_diff_shows_the_lines_of_the_file(file: Path, afml_codemod: Command) -> None:
    shown = afml_codemod("plan", "--diff").stdout
    assert '-    "@cacheable\\n",\n+    "@robust_cacheable\\n",\n' in shown


def test_cells_that_were_not_read_are_told_and_pass(file: Path, afml_codemod: Command) -> None:
    write(file, "%%bash\ngrep cacheable", "@cacheable\ndef (")
    done = afml_codemod("check")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "a.ipynb:cell 1:1:1: cell-magic: a cell of %%bash mentions a decorator"
        " and was not looked at",
        "a.ipynb:cell 2:2:5: syntax-error: does not parse: invalid syntax",
    ]


def test_bad_notebook_stops_no_run(file: Path, afml_codemod: Command) -> None:
    bad = b'{"cells": [\n<<<<<<< HEAD cacheable\n]}'
    (file.parent / "bad.ipynb").write_bytes(bad)
    (file.parent / "b.py").write_text(f"{IMPORT}\n\n\n{F}\n")
    done = afml_codemod("apply")
    assert "Migrated 3 functions in 2 files." in done.stdout
    assert "bad.ipynb:2:1: invalid-notebook: is no notebook: its JSON expected" in done.stdout
    assert (file.parent / "bad.ipynb").read_bytes() == bad


def test_many_notebooks_are_planned_in_processes(file: Path) -> None:
    padding = "x = '" + "x" * 60_000 + "'"
    for number in range(12):
        write(file.parent / f"n{number}.ipynb", IMPORT, F, padding)
    found = survey(find([file.parent]), Rules(), jobs=2)
    assert len(found.changes) == 13
    assert found.failures == ()


def test_checkpoints_of_jupyter_are_no_files_of_the_repository(file: Path) -> None:
    folder = file.parent / ".ipynb_checkpoints"
    folder.mkdir()
    write(folder / "a-checkpoint.ipynb", IMPORT, F)
    assert find([file.parent]).files == ("a.ipynb",)
    subprocess.run(["git", "init", "-q"], cwd=file.parent, check=True)
    assert find([file.parent]).files == ("a.ipynb",)


# ------------------------------------------------------------------ with the other files


def test_name_that_a_notebook_takes_from_a_module_is_followed_and_stays_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "pyproject.toml").touch()
    module = f"{IMPORT}\n\n\n{F}\n"
    (tmp_path / "labels.py").write_text(module)
    write(tmp_path / "use.ipynb", "1", "import os\nfrom labels import cacheable", F)
    found = survey(find([tmp_path]), Rules())
    told = {entry.path: [f.at(entry.path) for f in entry.plan.findings] for entry in found.planned}
    assert "use.ipynb:cell 2:2: from labels import cacheable" in told["labels.py"][0]
    assert told["labels.py"][0].startswith("labels.py:1:24: re-export: ")
    apply(found)
    assert "import cacheable, robust_cacheable" in (tmp_path / "labels.py").read_text()
    there = cells(tmp_path / "use.ipynb")
    assert there[1] == "import os\nfrom afml.cache import robust_cacheable"
    assert there[2] == F.replace("cacheable", "robust_cacheable")


def test_name_that_a_notebook_takes_from_a_module_that_does_more_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "labels.py").write_text(f"{IMPORT}\nsetup()\n")
    write(tmp_path / "use.ipynb", "1", "import os\nfrom labels import cacheable", F)
    found = survey(find([tmp_path]), Rules())
    told = {entry.path: [f.at(entry.path) for f in entry.plan.findings] for entry in found.planned}
    assert told["use.ipynb"][0].startswith("use.ipynb:cell 3:1:2: unresolved-import: ")
    assert not found.changes


@pytest.mark.parametrize("cell", ["%%cython\n", "def (\n", "import labels as l\n%time "])
def test_cell_that_is_not_read_can_take_a_name_too(tmp_path: Path, cell: str) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "labels.py").write_text(f"{IMPORT}\n\n\n{F}\n")
    use = "l.cacheable(f)" if "%time" in cell else "from labels import cacheable"
    write(tmp_path / "use.ipynb", cell + use)
    apply(survey(find([tmp_path]), Rules()))
    assert "import cacheable, robust_cacheable" in (tmp_path / "labels.py").read_text()


def test_nobody_takes_a_name_from_a_notebook(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    write(tmp_path / "labels.ipynb", IMPORT, F)
    (tmp_path / "use.py").write_text("from labels import cacheable\n")
    apply(survey(find([tmp_path]), Rules()))
    assert cells(tmp_path / "labels.ipynb")[0] == "from afml.cache import robust_cacheable"


def test_source_module_of_the_project_has_to_offer_the_new_name(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "afml" / "cache").mkdir(parents=True)
    (tmp_path / "afml" / "cache" / "__init__.py").write_text("def cacheable(f): ...\n")
    (tmp_path / "research").mkdir()
    write(tmp_path / "research" / "a.ipynb", IMPORT, F)
    found = survey(find([tmp_path]), Rules())
    assert found.changes == ()
    (entry,) = (entry for entry in found.planned if entry.path == "research/a.ipynb")
    assert [finding.code for finding in entry.plan.findings] == ["unresolved-import"]


# ------------------------------------------------------------------ back, after it was used


def rerun(file: Path, indent: int | None = 2) -> None:
    """What a run and a save in another editor do to a notebook."""
    whole = read(file)
    for number, cell in enumerate(whole["cells"], start=1):
        cell["execution_count"] = number
        cell["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": ["@robust_cacheable\n"]}
        ]
    whole["metadata"]["kernelspec"] = {"name": "python3", "language": "python", "display_name": "p"}
    file.write_text(json.dumps(whole, indent=indent, ensure_ascii=False))


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_outputs_and_counts_stay_when_a_notebook_was_run(file: Path, indent: int | None) -> None:
    migrate(file.parent)
    rerun(file, indent)
    expected = read(file)
    result = back(file.parent)
    assert result.undone == ("a.ipynb",)
    assert result.complete
    assert cells(file) == [IMPORT, F, G]
    for cell, source in zip(expected["cells"], [IMPORT, F, G], strict=True):
        cell["source"] = source.splitlines(keepends=True)
    assert read(file) == expected
    assert file.read_text() == json.dumps(expected, indent=indent, ensure_ascii=False)


def test_cells_that_came_and_cells_that_moved(file: Path) -> None:
    migrate(file.parent)
    whole = read(file)
    imports, f, g = whole["cells"]
    own = {**f, "source": ["@robust_cacheable\n", "def mine(x): ..."], "id": "mine"}
    f["source"].append("  # edited")
    whole["cells"] = [{"cell_type": "markdown", "source": "# New"}, imports, g, own, f]
    file.write_text(json.dumps(whole, indent=1))
    assert back(file.parent).complete
    both = "from afml.cache import cacheable, robust_cacheable"
    mine = "@robust_cacheable\ndef mine(x): ..."
    assert cells(file) == ["# New", both, G, mine, F + "  # edited"]


def test_cell_that_was_turned_into_a_string_is_undone_there(file: Path) -> None:
    migrate(file.parent)
    whole = read(file)
    for cell in whole["cells"]:
        cell["source"] = "".join(cell["source"])
    file.write_text(json.dumps(whole))
    assert back(file.parent).complete
    assert [cell["source"] for cell in read(file)["cells"]] == [IMPORT, F, G]


def test_function_that_is_gone_is_told_once(file: Path) -> None:
    migrate(file.parent)
    whole = read(file)
    del whole["cells"][1]
    file.write_text(json.dumps(whole, indent=1))
    result = back(file.parent)
    assert [(c.ours, c.theirs) for c in result.conflicts] == [
        ("@robust_cacheable on f", "no function of that name")
    ]
    assert back(file.parent).complete


def test_function_in_a_cell_that_was_broken_stays_a_conflict(
    file: Path, afml_codemod: Command
) -> None:
    migrate(file.parent)
    whole = read(file)
    whole["cells"][1]["source"][1] = "def f(x:\n"
    file.write_text(json.dumps(whole, indent=1))
    for _ in range(2):
        done = afml_codemod("rollback")
        assert done.returncode == 3
        assert "a.ipynb:cell 2:2\n    the migration left: @robust_cacheable on f" in done.stdout
        assert "there is now:       does not parse" in done.stdout
    assert cells(file)[2] == G
    whole = read(file)
    whole["cells"][1]["source"][1] = "def f(x):\n"
    file.write_text(json.dumps(whole, indent=1))
    assert back(file.parent).complete
    assert cells(file)[1:] == [F, G]


def test_new_arguments_are_a_conflict_in_their_cell(file: Path) -> None:
    migrate(file.parent)
    file.write_text(file.read_text().replace("@robust_cacheable", "@robust_cacheable(version=2)"))
    (conflict,) = back(file.parent).conflicts
    assert (conflict.cell, conflict.line, conflict.ours) == (2, 2, "@robust_cacheable on f")


def test_notebook_that_is_none_any_more_is_a_conflict(file: Path) -> None:
    migrate(file.parent)
    file.write_text("{")
    result = back(file.parent)
    (conflict,) = result.conflicts
    assert conflict.theirs == "a file that is no notebook: its JSON misses a name or }"
    assert result.migration.state is State.PARTLY_ROLLED_BACK
    assert file.read_text() == "{"


# ------------------------------------------------------------------ as nbformat has it


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("version", [3, 4])
def test_what_nbformat_writes_is_valid_afterwards(
    tmp_path: Path, version: int, newline: str
) -> None:
    nbformat = pytest.importorskip("nbformat", reason="notebooks are checked by nbformat itself")
    (tmp_path / "pyproject.toml").touch()
    file = tmp_path / "a.ipynb"
    new = nbformat.v4
    written = new.new_notebook(
        cells=[
            new.new_markdown_cell("# Größe of @cacheable"),
            new.new_code_cell(f"import os\n{IMPORT}, clear".replace(".cache", OWN)),
            new.new_code_cell(F + "\n'ä'", outputs=[new.new_output("stream", text="@cacheable")]),
        ]
    )
    text = nbformat.writes(written, version=version)
    file.write_bytes(text.replace("\n", newline).encode())
    before = file.read_bytes()
    migrate(tmp_path)
    after = nbformat.read(file, as_version=4)
    nbformat.validate(after)
    assert [cell["source"] for cell in after.cells] == [
        "# Größe of @cacheable",
        "import os\nfrom afml.cache import robust_cacheable\n"
        "from afml.cache.selective_cleaner import clear",
        F.replace("@", "@robust_") + "\n'ä'",
    ]
    # Written again by nbformat it is the same: it looks as if it had been written so at once.
    again = nbformat.writes(nbformat.read(file, as_version=nbformat.NO_CONVERT), version=version)
    assert again.replace("\n", newline).encode().rstrip() == file.read_bytes().rstrip()
    back(tmp_path)
    assert file.read_bytes() == before
