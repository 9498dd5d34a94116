"""The exit code is 0 only where all that was asked for is migrated, and holds."""

from __future__ import annotations

import pytest

from codemods.migration.shown import in_words
from codemods.migration.told import Became, Outcome, Report, Row


def report(outcome: Outcome, *became: Became, proven: bool = False) -> Report:
    """A migration that ended like this, for these functions."""
    rows = tuple(Row("q.py", f"f{n}", "a", "b", one) for n, one in enumerate(became))
    return Report("1", "/r", "pytest", outcome, proven, (), rows)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (report(Outcome.NOTHING), 0),
        (report(Outcome.LOOKED, Became.LATER, Became.LATER), 0),  # phase 1, or nothing was chosen
        (report(Outcome.LOOKED, Became.UNSTEADY), 1),
        (report(Outcome.LOOKED, Became.ROLLED_BACK, Became.LATER), 1),  # resumed: known to be bad
        (report(Outcome.KEPT, Became.MIGRATED, Became.LATER, proven=True), 0),
        (report(Outcome.KEPT, Became.MIGRATED), 1),  # a criterion was not measured
        (report(Outcome.PARTLY_KEPT, Became.MIGRATED, Became.LEFT), 1),
        (report(Outcome.ROLLED_BACK, Became.ROLLED_BACK), 1),
    ],
)
def test_the_exit_code(ended: Report, code: int) -> None:
    assert ended.code == code


def test_nothing_was_changed_is_told_with_or_without_a_reason_to_regret_it() -> None:
    assert in_words(report(Outcome.LOOKED, Became.LATER)) == "Nothing was changed."
    assert in_words(report(Outcome.LOOKED, Became.UNSTEADY)) == (
        "Nothing was changed: nothing of what was asked for can be migrated."
    )
    assert "1 function migrated; 0 rolled back, 1 left alone" in in_words(
        report(Outcome.PARTLY_KEPT, Became.MIGRATED, Became.LEFT)
    )
