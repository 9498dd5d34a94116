"""The demonstration: it tells the truth, and its exit code does."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from codemods import demo
from codemods.demo_console import Stage
from codemods.demo_repository import Counts, DemoError, Repository, Run, find_example

NEEDS = ("sklearn", "backtesting", "arch")
FIVE_FOR_CODE = Counts(computed=5, reasons={"code": 5})


@pytest.fixture
def all_packages() -> None:
    for package in NEEDS:
        pytest.importorskip(package)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "demo")


@pytest.fixture
def stage() -> Stage:
    return Stage(Console(file=io.StringIO(), width=80))


def test_the_difference_of_counts_is_what_happened_in_between() -> None:
    before = Counts(hits=1, computed=2, reasons={"first_call": 1, "argument": 1})
    after = Counts(hits=5, computed=4, reasons={"first_call": 1, "argument": 1, "code": 2})
    between = after - before
    assert (between.hits, between.computed, between.calls) == (4, 2, 6)
    assert between.reasons == {"code": 2}
    assert before + between == after


@pytest.mark.parametrize(
    ("functions", "held"),
    [
        ({"a": FIVE_FOR_CODE, "b": Counts(hits=3)}, True),
        ({"a": FIVE_FOR_CODE, "b": Counts(adopted=3)}, True),
        ({"a": FIVE_FOR_CODE, "b": Counts(computed=1, reasons={"code": 1})}, False),
        ({"a": Counts(computed=5, reasons={"code": 4, "argument": 1})}, False),
        ({"a": Counts(hits=1, computed=5, reasons={"code": 5})}, True),
        ({"a": Counts(hits=5)}, False),
        ({"b": Counts(hits=3)}, False),
    ],
    ids=[
        "exactly the expected one",
        "an adopted result is not computed",
        "one too many",
        "for another reason",
        "the same call once more hits what was computed",
        "served from the cache",
        "not called",
    ],
)
def test_a_recomputation_is_held_against_the_expected_set(
    functions: dict[str, Counts], held: bool
) -> None:
    assert demo._recomputed_for_code(functions, {"a"})[0] is held


def test_the_edit_of_the_story_fits_the_example_and_can_be_undone(repository: Repository) -> None:
    original = repository.tree()
    repository.replace(demo.EDITED_FILE, demo.BEFORE, demo.AFTER)
    edited = repository.tree()
    assert {file for file in original if original[file] != edited[file]} == {demo.EDITED_FILE}
    repository.replace(demo.EDITED_FILE, demo.AFTER, demo.BEFORE)
    assert repository.tree() == original


def test_an_edit_that_does_not_fit_is_refused(repository: Repository) -> None:
    with pytest.raises(DemoError, match="does not hold the lines"):
        repository.replace(demo.EDITED_FILE, "nothing like it", "")


def test_the_copy_is_made_of_sources_alone(repository: Repository) -> None:
    example = find_example()
    expected = {
        str(path.relative_to(example))
        for path in example.rglob("*")
        if path.is_file() and not {"__pycache__", ".pytest_cache"} & set(path.parts)
    }
    assert set(repository.tree()) == expected


def test_a_command_that_fails_is_named_with_the_end_of_what_it_said(
    repository: Repository,
) -> None:
    (repository.path / "tests" / "test_loader.py").write_text("assert not 'no prices'\n")
    with pytest.raises(DemoError, match=r"(?s)exit code \d of: .*pytest.*no prices"):
        repository.test("cold")


def test_a_folder_with_something_in_it_is_refused_and_left_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], all_packages: None
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    assert demo.run(folder) == demo.USAGE
    assert "not an empty folder" in capfd.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "arch", None)
    assert demo.run() == demo.USAGE
    told = capfd.readouterr().err
    assert "arch" in told
    assert "pip install 'afml-cache[demo]'" in told


def test_a_file_that_does_not_come_back_breaks_the_promise(
    repository: Repository, stage: Stage
) -> None:
    story = demo._Story(stage, repository)
    original = repository.tree()
    repository.codemod("apply", "--yes", str(repository.path))
    with (repository.path / "README.md").open("a") as readme:
        readme.write("one line more\n")
    story.take_back(original)
    (broken,) = stage.broken
    assert "byte for byte" in broken
    assert broken.endswith("not: README.md")


def reported(name: str, became: str, computed: int = 0) -> dict[str, Any]:
    """A function in the report of a migration."""
    why = [f"bodies give what is stored: {name}(x): it was 1, is 2"]
    after = {"computed": computed}
    return {"function": name, "became": became, "after": after, "why": why}


KEPT = [reported(f"f{number}", "migrated") for number in range(demo.FUNCTIONS - len(demo.TRAPS))]
BACK = [reported(name, "rolled back") for name in demo.TRAPS]
HOLDS = [{"name": "nothing computed again", "holds": "holds"}]
BROKEN = [{"name": "nothing computed again", "holds": "does not hold"}]
FAULTS = {
    "a trap that is not found": (KEPT, BACK[:1], HOLDS, 1, "both traps"),
    "one too many": (KEPT, [*BACK, reported("f", "rolled back")], HOLDS, 1, "both traps"),
    "one too few": (KEPT[1:], BACK, HOLDS, 1, "the other"),
    "a criterion": (KEPT, BACK, BROKEN, 1, "every criterion"),
    "the exit code": (KEPT, BACK, HOLDS, 0, "exit code 1"),
    "a recomputation": (
        [*KEPT[1:], reported("f0", "migrated", 1)], BACK, HOLDS, 1, "0 recomputations",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_what_the_migration_reports_is_held_against_each_promise(
    stage: Stage, repository: Repository, fault: str | None
) -> None:
    original = repository.tree()
    repository.replace(demo.EDITED_FILE, demo.BEFORE, demo.AFTER)  # a file that was migrated
    kept, back, criteria, code, broken = FAULTS[fault] if fault else (KEPT, BACK, HOLDS, 1, "")
    report = {"functions": [*kept, *back], "criteria": criteria, "exit_code": code}
    migration = Run("migrate", 9.0, "", {"a": Counts(adopted=3)})
    demo._Story(stage, repository).judge(report, migration, original)
    assert [one.startswith(broken) for one in stage.broken] == ([True] if fault else [])


def test_a_file_of_a_trap_that_was_changed_breaks_the_promise(
    stage: Stage, repository: Repository
) -> None:
    original = repository.tree()
    with (repository.path / demo.TRAPS_FILE).open("a") as file:
        file.write("# left behind\n")
    report = {"functions": [*KEPT, *BACK], "criteria": HOLDS, "exit_code": 1}
    migration = Run("migrate", 9.0, "", {"a": Counts(adopted=3)})
    demo._Story(stage, repository).judge(report, migration, original)
    (broken,) = stage.broken
    assert broken.startswith("their file is byte for byte")


def test_a_migration_that_adopts_nothing_breaks_the_promise(
    stage: Stage, repository: Repository
) -> None:
    story = demo._Story(stage, repository)
    story.expect_all_adopted(
        Run("migrate", 9.0, "", {"a": Counts(hits=2)}), {"functions": [*KEPT, *BACK]}
    )
    assert [one.partition(":")[0] for one in stage.broken] == ["0 recomputations"]


def test_the_traps_are_in_the_file_of_the_story(repository: Repository) -> None:
    text = (repository.path / demo.TRAPS_FILE).read_text()
    assert all(f"@cacheable\ndef {name}(" in text for name in demo.TRAPS)


def test_a_long_line_of_a_command_goes_on_below(stage: Stage) -> None:
    stage.line("  " + "word " * 40)
    assert isinstance(stage.console.file, io.StringIO)
    lines = stage.console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()) == ("word " * 40).strip()


@pytest.mark.slow
@pytest.mark.whole
@pytest.mark.timeout(400)
def test_the_whole_story_holds(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], all_packages: None
) -> None:
    folder = tmp_path / "story"
    code = demo.run(folder)
    told = capfd.readouterr()
    assert (code, told.err) == (demo.DONE, ""), told.out
    assert not folder.exists()
    assert "Every promise held" in told.out
    assert "all existing tests pass      yes" in told.out
    assert "both traps are found, and just these 2 functions rolled back" in told.out
    assert max(map(len, told.out.splitlines())) <= 80
    assert "\x1b" not in told.out
    for function in demo.REACHING:
        assert function.rpartition(".")[2] in told.out


RUN_CELLS = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
for cell in json.load(open("research/volatility.ipynb"))["cells"]:
    if cell["cell_type"] == "code":
        shell.run_cell("".join(cell["source"])).raise_error()
sys.stderr.write(repr(shell.user_ns["by_year"].to_dict()))
"""


@pytest.mark.slow
def test_the_notebook_runs_before_and_after_and_comes_back(
    repository: Repository, all_packages: None
) -> None:
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("IPython")
    path = repository.path / "research" / "volatility.ipynb"
    before = path.read_bytes()

    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", RUN_CELLS],
            cwd=repository.path,
            env={**repository._environment, "IPYTHONDIR": str(repository.directory / "ipython")},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stderr

    result = run()
    assert result.startswith("{2006: ")
    repository.codemod("apply", "--yes", str(repository.path))
    assert b"@time_aware_cacheable" in path.read_bytes()
    nbformat.validate(nbformat.read(path, as_version=4))
    assert run() == result
    repository.codemod("rollback")
    assert path.read_bytes() == before
