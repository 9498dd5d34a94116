"""Applying a migration records which code the stored results belong to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # it starts, or kills, many processes

ROOT = Path(__file__).resolve().parent.parent

LABELS = """\
from afml.cache import cacheable
import math as st
import quant.helpers as h
from quant.helpers import CONFIG, FEE, SPAN, TABLE, Costs, scale, shift


@cacheable
def label(x):
    print("computed")
    more = SPAN - st.floor(6.5)
    return scale(x) + FEE + CONFIG["k"] + shift(0) + TABLE["up"](0) + Costs.rate + more


@cacheable
def late(x):
    print("late")
    return x + h.LATE


@cacheable
def priced(costs, x):
    print("priced")
    return costs.of(x)
"""
HELPERS = """\
WINDOW = 3
SPAN = 2 * WINDOW
FEE = 1
CONFIG = {"k": 10}
LATE = None
shift = lambda x: x + 100


def scale(x):
    return x * 2


def up(x):
    return x + 1000


def down(x):
    return x - 1000


TABLE = {"up": up}


class Costs:
    rate = 10_000

    def of(self, x):
        return x * self.rate
"""
USE = "import quant.helpers; import quant.labels as q; "
USE += "print(q.label(3), q.priced(quant.helpers.Costs(), 2))"
RESULT = ["11117", "20000"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    package = root / "quant"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "labels.py").write_text(LABELS)
    (package / "helpers.py").write_text(HELPERS)
    return root


@pytest.fixture
def call(repository: Path) -> Callable[..., list[str]]:
    """Run a statement, or a script, in a new process of the project's; what it printed."""

    def run(statement: str = USE, *, script: Path | None = None) -> list[str]:
        path = f"import sys; sys.path[:0] = [{str(repository)!r}, {str(ROOT)!r}]; "
        what = [str(script)] if script is not None else ["-c", path + statement]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-B", *what],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def codemod(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "codemods.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def apply(repository: Path, *options: str) -> str:
    return codemod("apply", "--yes", *options, str(repository))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


EDITS = {
    "a helper": ("helpers", "return x * 2", "return x * 3"),
    "a constant": ("helpers", "FEE = 1", "FEE = 2"),
    "a constant in a container": ("helpers", '"k": 10', '"k": 20'),
    "a lambda": ("helpers", "x + 100\n", "x + 200\n"),
    "which function a table holds": ("helpers", '{"up": up}', '{"up": down}'),
    "a function that a table holds": ("helpers", "x + 1000", "x + 2000"),
    "an attribute of a class": ("helpers", "rate = 10_000", "rate = 20_000"),
    "a decorator of a helper": ("helpers", "def scale", "@abs.__call__\ndef scale"),
    "a default of a helper": ("helpers", "def scale(x)", "def scale(x, y=1)"),
    "what an import binds": ("labels", "Costs, scale,", "Costs, up as scale,"),
    "what a constant is made of": ("helpers", "WINDOW = 3", "WINDOW = 4"),
    "what a module is called": ("labels", "import math as st", "import numpy as st"),
    "the version of the function": (
        "labels",
        "@robust_cacheable\ndef label",
        "@robust_cacheable(version=2)\ndef label",
    ),
}


@pytest.mark.parametrize("name", [name for name in EDITS if name != "a decorator of a helper"])
def test_an_edit_between_applying_and_the_first_call_is_noticed(
    repository: Path, call: Callable[..., list[str]], name: str
) -> None:
    assert call() == ["computed", "priced", *RESULT]
    assert "Pinned the code that the results of 2 functions belong to" in apply(repository)
    file, old, new = EDITS[name]
    edit(repository / "quant" / f"{file}.py", old, new)
    assert call()[0] == "computed"


def test_the_class_of_an_argument_counts_though_nothing_names_it(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    call()
    apply(repository)
    edit(repository / "quant" / "helpers.py", "return x * self.rate", "return x - self.rate")
    assert "priced" in call()


SAME = {
    "a comment": ("helpers", "FEE = 1", "FEE = 1  # basis points"),
    "formatting": ("helpers", '{"k": 10}', '{\n    "k": 10,\n}'),
    "a docstring": ("helpers", "def scale(x):\n", 'def scale(x):\n    """Twice."""\n'),
    "what is not reached": ("helpers", "return x - 1000", "return x - 1"),
    "another option of the decorator": (
        "labels",
        "@robust_cacheable\ndef label",
        "@robust_cacheable(ttl='7 d')\ndef label",
    ),
    "nothing": ("helpers", "FEE = 1", "FEE = 1"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_change_the_code_does_not_keep_results_out(
    repository: Path, call: Callable[..., list[str]], name: str
) -> None:
    call()
    apply(repository)
    file, old, new = SAME[name]
    edit(repository / "quant" / f"{file}.py", old, new)
    assert call("import quant.labels as q; print(q.label(3))") == RESULT[:1]


STARTED = "import quant.helpers as h; h.LATE = 5; h.CONFIG['k'] = 50; import quant.labels as q; "
STARTED += "print(q.late(3), q.label(3))"


def test_what_the_program_sets_before_it_calls_does_not_keep_results_out(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    assert call(STARTED) == ["late", "computed", "8", "11157"]
    apply(repository)
    assert call(STARTED) == ["8", "11157"]


@pytest.mark.parametrize("late", [False, True], ids=["at once", "by another module"])
def test_unless_a_file_was_edited_that_may_be_why(
    repository: Path, call: Callable[..., list[str]], late: bool
) -> None:
    started = STARTED.replace("h.LATE = 5", "import quant.setting" if late else "h.LATE = 5")
    setting = repository / "quant" / "setting.py"
    setting.write_text("import quant.helpers\nquant.helpers.LATE = 5\n")
    call(started)
    apply(repository)
    if late:
        edit(setting, "LATE = 5", "LATE = 7")
    else:
        edit(repository / "quant" / "helpers.py", "LATE = None", "LATE = 1")
    assert call(started)[0] == "late"


def test_a_constant_that_is_read_from_another_file_counts(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    (repository / "quant" / "fee.txt").write_text("1")
    read = "int(__import__('pathlib').Path(__file__).with_name('fee.txt').read_text())"
    edit(repository / "quant" / "helpers.py", "FEE = 1", f"FEE = {read}")
    assert call() == ["computed", "priced", *RESULT]
    apply(repository)
    (repository / "quant" / "fee.txt").write_text("2")
    assert call()[0] == "computed"
    (repository / "quant" / "fee.txt").write_text("1")
    assert call(STARTED.replace("h.CONFIG['k'] = 50; ", "")) == ["late", "8", "11117"]


def test_what_could_not_be_pinned_is_not_pinned_by_the_next_migration_as_it_is_then(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    switch = repository / "broken"
    labels = repository / "quant" / "labels.py"
    fails = f"import os\nassert not os.path.exists({str(switch)!r})\n"
    labels.write_text(fails + LABELS)
    assert call() == ["computed", "priced", *RESULT]
    switch.touch()
    assert "quant.labels cannot be imported" in apply(repository)
    switch.unlink()
    edit(repository / "quant" / "helpers.py", "return x * 2", "return x * 3")
    codemod("rollback", "--root", str(repository))
    assert "Pinned the code" in apply(repository)
    assert call()[0] == "computed"


def test_folders_whose_modules_have_the_same_names_are_imported_apart(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    for number, name in enumerate("ab"):
        folder = repository / name
        folder.mkdir()
        (folder / "shared.py").write_text(f"STEP = {number}\n")
        (folder / f"labels_{name}.py").write_text(
            "from afml.cache import cacheable\nfrom shared import STEP\n\n\n"
            "@cacheable\ndef f(x):\n    print('computed')\n    return x + STEP\n"
        )

    def used(name: str) -> list[str]:
        folder = str(repository / name)
        return call(f"sys.path.insert(0, {folder!r}); import labels_{name} as q; print(q.f(1))")

    assert [used(name) for name in "ab"] == [["computed", "1"], ["computed", "2"]]
    assert "Pinned the code that the results of 2 functions belong to" in apply(repository)
    assert [used(name) for name in "ab"] == [["1"], ["2"]]
    edit(repository / "a" / "shared.py", "STEP = 0", "STEP = 5")
    edit(repository / "b" / "shared.py", "STEP = 1", "STEP = 6")
    assert [used(name) for name in "ab"] == [["computed", "6"], ["computed", "7"]]


def test_undoing_the_edit_lets_the_results_in_again(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    call()
    apply(repository)
    edit(repository / "quant" / "helpers.py", "FEE = 1", "FEE = 2")
    assert call()[0] == "computed"
    edit(repository / "quant" / "helpers.py", "FEE = 2", "FEE = 1")
    assert call() == RESULT


SCRIPT = """\
import sys
sys.path.insert(0, {root!r})
from afml.cache import cacheable

STEP = 5

def helper(x):
    return x + STEP

@cacheable
def f(x):
    print("computed")
    return helper(x)

print(f(1))
"""


def test_a_script_is_covered_too(repository: Path, call: Callable[..., list[str]]) -> None:
    script = repository / "run.py"
    script.write_text(SCRIPT.format(root=str(ROOT)))
    assert call(script=script) == ["computed", "6"]
    apply(repository)
    edit(script, "STEP = 5", "STEP = 7")
    assert call(script=script) == ["computed", "8"]
    edit(script, "STEP = 7", "STEP = 5")
    assert call(script=script) == ["6"]


def test_two_scripts_of_one_name_each_have_their_results(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    scripts = [repository / "a" / "run.py", repository / "b" / "run.py"]
    for number, script in enumerate(scripts):
        script.parent.mkdir()
        text = SCRIPT.format(root=str(ROOT)).replace("STEP = 5", f"STEP = {10 * number}")
        script.write_text(text)
        assert call(script=script) == ["computed", f"{1 + 10 * number}"]
    for script in scripts:
        edit(script, "import cacheable", "import robust_cacheable as cacheable")
    assert [call(script=script) for script in scripts] == [["1"], ["11"]]


def test_only_modules_that_have_entries_are_imported(
    repository: Path, call: Callable[..., list[str]], tmp_path: Path
) -> None:
    call()
    marked = f"open({str(tmp_path / 'imported')!r}, 'w').close()\n"
    (repository / "quant" / "other.py").write_text(
        f"{marked}from afml.cache import cacheable\n\n\n@cacheable\ndef f(x):\n    return x\n"
    )
    apply(repository)
    assert not (tmp_path / "imported").exists()
    assert not list(repository.rglob("*.pyc"))


def test_a_module_that_cannot_be_imported_is_named_and_edits_are_noticed_all_the_same(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    call()
    labels = repository / "quant" / "labels.py"
    labels.write_text("import sys\nassert 'afml_cache.pin_applied' not in sys.argv[0]\n" + LABELS)
    edit(labels, "'afml_cache.pin_applied' not in sys.argv[0]", "sys.argv[0] == '-c', 'no'")
    told = apply(repository)
    assert "Migrated 3 functions in 1 file" in told
    assert "quant.labels cannot be imported (AssertionError: no)" in told
    assert call() == RESULT
    edit(repository / "quant" / "helpers.py", "x + 1000", "x + 1001")
    statement = USE.replace("label(3)", "label(4)")
    assert call(statement)[0] == "computed"


def test_without_entries_or_when_told_not_to_nothing_is_kept(
    repository: Path, call: Callable[..., list[str]], tmp_path: Path
) -> None:
    told = apply(repository)
    assert "There is nothing stored in" in told
    assert "Pinned" not in told
    codemod("rollback", "--root", str(repository))
    call()
    assert "Pinned" not in apply(repository, "--no-pin")
    assert not (tmp_path / "cache" / "records" / "adoption.sqlite").exists()
    assert call() == RESULT  # the first call decides


def test_work_after_a_rollback_is_adopted_by_the_next_migration(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    call()
    apply(repository)
    assert call() == RESULT  # adopted, and pinned
    codemod("rollback", "--root", str(repository))
    edit(repository / "quant" / "helpers.py", "FEE = 1", "FEE = 2")
    cleared = "import quant.labels as q; q.label.cache_clear(); " + USE
    assert call(cleared)[0] == "computed"  # under the old decorator
    apply(repository)
    assert call() == ["11118", "20000"]


def test_what_cannot_be_kept_is_said_and_the_migration_stands(
    repository: Path, call: Callable[..., list[str]], tmp_path: Path
) -> None:
    call()
    (tmp_path / "cache" / "records").write_text("not a folder")
    told = apply(repository)
    assert "Migrated 3 functions in 1 file" in told
    assert "Not pinned" in told


def test_a_migration_in_steps_adopts_at_every_step(
    repository: Path, call: Callable[..., list[str]]
) -> None:
    (repository / "quant" / "other.py").write_text(
        "from afml.cache import cacheable\n\n\n"
        "@cacheable\ndef other(x):\n    print('other')\n    return x\n"
    )
    use = USE + "; import quant.other as o; print(o.other(7))"
    assert call(use) == ["computed", "priced", *RESULT, "other", "7"]
    for pattern in ("quant.labels.priced", "quant.labels.label", "*"):
        apply(repository, "--only", pattern)
        assert call(use) == [*RESULT, "7"], f"after {pattern}"
