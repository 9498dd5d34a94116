"""The demonstration: it tells the truth, and its exit code does."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from codemods import demo
from codemods.demo_console import Stage
from codemods.demo_repository import Counts, DemoError, Repository, find_example

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
        ({"a": Counts(hits=1, computed=5, reasons={"code": 5})}, False),
        ({"a": Counts(hits=5)}, False),
        ({"b": Counts(hits=3)}, False),
    ],
    ids=[
        "exactly the expected one",
        "an adopted result is not computed",
        "one too many",
        "for another reason",
        "only some of its calls",
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
    (repository.path / "legacy_quant" / "run.py").write_text("raise SystemExit('no prices')\n")
    with pytest.raises(DemoError, match=r"(?s)exit code 1 of: .*legacy_quant\.run.*no prices"):
        repository.run("cold", lambda *_: None)


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


def test_results_that_differ_break_the_promise(stage: Stage, repository: Repository) -> None:
    story = demo._Story(stage, repository)
    one = demo.Run("one", 1.0, "", b"[1]", {})
    other = demo.Run("other", 1.0, "", b"[2]", {})
    story.expect_results_of(one, one, "equal to itself")
    assert stage.broken == []
    story.expect_results_of(one, other, "the same results")
    assert stage.broken == ["the same results: other differs from one"]


def test_a_computation_in_the_first_migrated_run_breaks_the_promise(
    stage: Stage, repository: Repository
) -> None:
    story = demo._Story(stage, repository)
    cold = demo.Run("cold", 30.0, "", b"", {"a": Counts(computed=2)})
    kept = Counts(adopted=2, seconds_saved=29.0)
    story.expect_all_adopted(demo.Run("first", 1.0, "", b"", {"a": kept}), cold)
    assert stage.broken == []
    lost = {"a": kept, "b": Counts(computed=1, reasons={"adoption_refused": 1})}
    story.expect_all_adopted(demo.Run("first", 9.0, "", b"", lost), cold)
    story.expect_all_adopted(demo.Run("first", 9.0, "", b"", {"a": Counts(hits=2)}), cold)
    assert [broken.partition(":")[0] for broken in stage.broken] == ["0 recomputations"] * 2
    assert stage.broken[0].endswith("b: 1 adoption_refused")


@pytest.mark.slow
@pytest.mark.whole
def test_the_whole_story_holds_on_fewer_prices(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    all_packages: None,
) -> None:
    monkeypatch.setenv("LEGACY_QUANT_INSTRUMENTS", "GOOG")
    monkeypatch.setenv("LEGACY_QUANT_BARS", "1000")
    folder = tmp_path / "story"
    code = demo.run(folder)
    told = capfd.readouterr()
    assert (code, told.err) == (demo.DONE, "")
    assert not folder.exists()
    assert "Every promise held" in told.out
    before_diff, diff, after_diff = re.split(r"^(?:3|4)\. .*$", told.out, flags=re.MULTILINE)
    assert "+@time_aware_cacheable" in diff
    assert max(map(len, (before_diff + after_diff).splitlines())) <= 80
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


def test_what_is_recorded_of_the_runs_can_be_read_as_evidence(repository: Repository) -> None:
    first = demo.Run("cold", 1.0, "", b"", {"legacy_quant.labels.cusum_events": Counts(computed=4)})
    second = demo.Run("warm", 1.0, "", b"", {"legacy_quant.labels.cusum_events": Counts(hits=8)})
    evidence = repository.record([first, second])
    shown = repository.codemod("plan", "--evidence", str(evidence), str(repository.path))
    assert "1 function has a hit rate above 50 %" in shown
    shown = repository.codemod(
        "plan", "--evidence", str(evidence), "--max-hit-rate", "0.7", str(repository.path)
    )
    assert "12 calls, 67 % hits" in shown
