"""How a migration looks on a terminal of 80 columns, and on the page."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from codemods.migration.attempt import _unrecorded
from codemods.migration.command import Ran
from codemods.migration.criteria import health
from codemods.migration.document import document
from codemods.migration.health import Health
from codemods.migration.judge import Criterion, Fault, Holds, Name, idle
from codemods.migration.page import page
from codemods.migration.proof import Proof, Proven
from codemods.migration.recorded import Again, Calls, Recheck, Speed
from codemods.migration.shown import in_lines, show_report
from codemods.migration.told import Became, Outcome, Report, Row


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("quant.ranks", ["quant.ranks"]),
        ("model.feature_importance", ["model.", "feature_importance"]),
        ("make.make.<locals>.inner", ["make.make.<locals>.", "inner"]),
        ("m.a_very_long_name_of_a_function", ["m.a_very_long_name_of_", "a_function"]),
        ("m." + "x" * 30, ["m.", "x" * 21, "x" * 9]),
    ],
)
def test_a_name_breaks_where_a_part_of_it_ends(name: str, lines: list[str]) -> None:
    assert in_lines(name).split("\n") == lines


PAIRED = Speed(1.23e-3, 2.34e-4, 0.2, 0.1, 0.3, 40, "pass")
DIFFERS = Recheck("m.f", "t", "x=1", Again.DIFFERS, ("the result was 1, is 2",))
ROWS = (
    Row(
        "model.py",
        "feature_importance_of_all",
        "cacheable",
        "robust_cacheable",
        Became.MIGRATED,
        before=Calls(hits=97, computed=3),
        after=Calls(hits=98, computed=2),
        recheck=Recheck("model.f", "t", "", Again.SAME, (), PAIRED),
        proven=Proven(Proof.VERIFIED),
    ),
    Row(
        "make.py",
        "make.<locals>.inner",
        "cacheable",
        "robust_cacheable",
        Became.ROLLED_BACK,
        ("bodies give what is stored: make.<locals>.inner(x=1): the result was 1, is 2",),
        before=Calls(hits=4),
        after=Calls(computed=4, reasons=Counter(code=4)),
        recheck=DIFFERS,
    ),
    Row(
        "model.py",
        "unused",
        "cacheable",
        "robust_cacheable",
        Became.MIGRATED,
        proven=Proven(Proof.NEVER_CALLED, "no test calls it"),
    ),
)
REPORT = Report(
    "1",
    "/r",
    "pytest",
    Outcome.PARTLY_KEPT,
    False,
    (Criterion(Name.TESTS, Holds.YES, "3 of 3 pass"),),
    ROWS,
    seconds={"before, run 1": 2.0, "after, run 1": 1.5},
    migration="m1",
    diff=("--- a/model.py", "+++ b/model.py", "-@cacheable", "+@robust_cacheable"),
)


def test_a_terminal_of_80_columns_holds_every_table_and_breaks_no_word() -> None:
    out = io.StringIO()
    show_report(Console(file=out, width=80), REPORT)
    shown = out.getvalue()
    assert all(len(line) <= 80 for line in shown.split("not covered")[0].splitlines()[:14])
    for word in ("importance_of_all", "<locals>.", "inner", "97 % -> 98 %", "1.2 -> 0.23"):
        assert word in shown
    assert "model.py::unused: never called, no test calls it" in shown
    assert "2 functions migrated: 1 verified, 1 never called; 1 rolled back." in shown


def made_page() -> str:
    return page(document(REPORT))


def test_the_pictures_have_a_legend_that_is_seen() -> None:
    pictures = made_page().split("<svg")[1:]
    assert len(pictures) == 3, "hit rates, hits, runs"
    for one in pictures:
        assert ">before</text>" in one and ">after</text>" in one


def test_what_went_back_is_not_shown_as_if_it_stood() -> None:
    made = made_page()
    assert "100% (when tried: 0%)" in made
    same = replace(ROWS[1], after=Calls(hits=4))
    assert ">100%</td>" in page(document(replace(REPORT, rows=(same,))))
    assert "make.&lt;locals&gt;.inner" not in made.split("<svg")[1], "it has no rate after"


def test_a_name_on_the_page_breaks_after_its_parts_only() -> None:
    assert "model.<wbr>py::<wbr>feature_<wbr>importance_<wbr>of_<wbr>all</td>" in made_page()


def test_what_no_test_calls_is_said_to_be_so() -> None:
    made = made_page()
    assert ">never called</td>" in made
    assert "- -&gt; -" not in made


def test_the_page_shows_what_was_changed() -> None:
    assert "-@cacheable\n+@robust_cacheable</pre>" in made_page()


def ran(code: int) -> Any:
    return Ran(code, 1.0, None, ())


def test_without_recordings_the_criteria_have_the_same_order() -> None:
    well = Health("/c", 0, 0, ())
    found = _unrecorded(ran(0), health(well, well), idle(Name.MLFLOW, "not used here"))
    assert [one.name for one in found] == list(Name)
    (told, *_) = _unrecorded(ran(7), health(well, well), idle(Name.MLFLOW, "not used here"))
    assert told.faults == (Fault("the command ends with exit code 7"),)
