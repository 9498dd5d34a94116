"""``afml-codemod demo``: the verified migration of a small legacy repository, with real numbers.

The example is copied, tested, migrated by ``afml-codemod migrate``, edited and rolled back, each
step by the command that a user would type. What is promised is checked at every step against the
cache's own counters, and the exit code says whether all of it came true.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemods.demo_repository import Counts, DemoError, Repository, Run, missing_packages

if TYPE_CHECKING:
    from codemods.demo_console import Stage

DONE, USAGE, FAILED, INTERRUPTED = 0, 2, 3, 130

VERIFY = "pytest -q"

#: A criterion that says so does not stand in the way.
FINE = ("holds", "does not apply")

#: The cached functions of the example, notebook aside, each under ``@cacheable`` before.
FUNCTIONS = 17

#: The two of them that should not be cached, in one file, and what is wrong with each.
TRAPS = {
    "noise_threshold": "draws from a random generator that every call moves on",
    "standardised": "writes into the frame that it is given",
}
TRAPS_FILE = "legacy_quant/screening.py"

#: The edit of the story: one helper, the same numbers, said shorter.
HELPER = "daily_volatility"
EDITED_FILE = "legacy_quant/volatility.py"
BEFORE = """\
    variance = returns.ewm(span=span, min_periods=span // 2).var()
    return np.sqrt(variance).reindex(close.index)
"""
AFTER = """\
    volatility = returns.ewm(span=span, min_periods=span // 2).std()
    return volatility.reindex(close.index)
"""

#: The cached functions that reach the helper, and what for. No other may recompute.
REACHING = {
    "legacy_quant.labels.cusum_events": "its threshold",
    "legacy_quant.labels.triple_barrier_labels": "barrier widths",
    "legacy_quant.features.price_features": "a feature",
    "legacy_quant.backtest.walk_forward": "position sizes",
}


def run(directory: Path | None = None, keep: bool = False) -> int:
    """Tell the whole story; a minute or two.

    Parameters
    ----------
    directory : Path, optional
        A folder for the copy and its cache, new or empty; a temporary one by default.
    keep : bool
        Leave the folder behind. It is also left behind when something fails.

    Returns
    -------
    int
        0 when every promise held, 2 when the demonstration cannot start, 130 when it was
        interrupted, 3 otherwise.
    """
    from codemods.demo_console import Stage

    stage = Stage()
    missing = missing_packages()
    if missing:
        _complain(f"the demonstration needs {', '.join(missing)}: pip install 'afml-cache[demo]'")
        return USAGE
    if directory is not None and directory.exists() and not _is_empty(directory):
        _complain(f"{directory} is not an empty folder; name one that is, or none")
        return USAGE
    given = directory is not None
    home = directory or Path(tempfile.mkdtemp(prefix="afml-demo-"))
    made = not given or not home.exists()
    home.mkdir(parents=True, exist_ok=True)

    try:
        _Story(stage, Repository(home.resolve())).tell()
    except DemoError as error:
        _complain(f"the demonstration stopped: {error}")
        stage.broken.append("every step runs to its end")
    except BrokenPipeError:
        _end(home, made, keep)
        raise
    except KeyboardInterrupt:
        _complain(f"Interrupted; {_end(home, made, keep)}.")
        return INTERRUPTED

    if stage.broken:
        _complain("\n".join(["these promises did not hold:", *(f"- {b}" for b in stage.broken)]))
        _complain(f"the copy and its cache are left in {home}")
        return FAILED
    if keep:
        stage.say(f"\nThe copy and its cache are in {home}")
    else:
        _remove(home, made)
    return DONE


@dataclass(slots=True)
class _Story:
    """The steps in order; each one is told, measured and checked."""

    stage: Stage
    repository: Repository

    def tell(self) -> None:
        began = time.perf_counter()
        self.introduce()
        original = self.repository.tree()
        cold, warm = self.run_legacy()
        migration, report = self.migrate()
        self.judge(report, migration, original)
        edited, undone = self.edit_a_helper()
        back = self.roll_back(original)
        self.stage.chapter("The whole story")
        self.stage.table_of_runs([cold, warm, migration, edited, undone, back])
        self.stage.console.print()
        if not self.stage.broken:
            self.stage.say(f"Every promise held ({time.perf_counter() - began:.0f} s in all).")

    def introduce(self) -> None:
        self.stage.say(
            "A quant's repository (examples/legacy_quant) on real prices: GOOG and the"
            " S&P 500 daily, EURUSD hourly. Its slow functions carry @cacheable, and its tests call"
            " them. It is copied, with a cache of its own, and migrated; every number below is"
            " measured now."
        )

    def run_legacy(self) -> tuple[Run, Run]:
        self.stage.chapter("Its own tests, twice under @cacheable: pytest -q")
        cold = self.run_tests("cold, @cacheable")
        warm = self.run_tests("warm, @cacheable")
        again = [name for name, counts in warm.functions.items() if counts.computed]
        if again:
            self.stage.say(
                f"joblib, which @cacheable rests on, computed {_names(again)} once more though"
                " nothing had changed: what comes out of the cache equals what went in, but"
                " does not pickle to the same bytes, and the pickle is joblib's key."
            )
        return cold, warm

    def migrate(self) -> tuple[Run, Mapping[str, Any]]:
        self.stage.chapter(f'Migrate: afml-codemod migrate --verify "{VERIFY}"')
        with self.stage.waiting("migrating"):
            migration, report = self.repository.migrate(VERIFY, self.stage.line)
        return migration, report

    def judge(self, report: Mapping[str, Any], migration: Run, original: Mapping[str, str]) -> None:
        """Hold what the migration reports, and what it left, against what is promised."""
        self.stage.chapter("What it has found")
        for name, wrong in TRAPS.items():
            self.stage.say(f"- {name}() {wrong}: {_why(report, name)}")
        became = {one["function"]: one["became"] for one in report["functions"]}
        back = {name for name, what in became.items() if what == "rolled back"}
        self.stage.promise(
            f"both traps are found, and just these {len(TRAPS)} functions rolled back",
            back == set(TRAPS),
            f"rolled back: {', '.join(sorted(back)) or 'none'}",
        )
        kept = [name for name, what in became.items() if what == "migrated"]
        self.stage.promise(
            f"the other {FUNCTIONS - len(TRAPS)} functions are migrated",
            len(kept) == FUNCTIONS - len(TRAPS),
            f"migrated: {', '.join(kept) or 'none'}",
        )
        tree = self.repository.tree()
        changed = [file for file in original if tree.get(file) != original[file]]
        self.stage.promise(
            f"their file is byte for byte what it was; {len(changed)} others are changed",
            TRAPS_FILE not in changed and bool(changed) and tree.keys() == original.keys(),
            f"changed: {', '.join(changed) or 'none'}",
        )
        broken = [one["name"] for one in report["criteria"] if one["holds"] not in FINE]
        self.stage.promise(
            "every criterion holds for what is kept", not broken, f"not: {', '.join(broken)}"
        )
        self.stage.promise(
            "exit code 1 says that not everything was migrated", report["exit_code"] == 1
        )
        self.expect_all_adopted(migration, report)

    def edit_a_helper(self) -> tuple[Run, Run]:
        self.stage.chapter(f"Edit a helper that is not cached itself: {HELPER}()")
        self.repository.replace(EDITED_FILE, BEFORE, AFTER)
        self.stage.show_edit(EDITED_FILE, BEFORE, AFTER)
        edited = self.run_tests(f"{HELPER} edited")
        self.stage.table_of_functions(edited.functions, REACHING)
        self.stage.promise(
            f"exactly the {len(REACHING)} functions that reach it recompute, because of it",
            *_recomputed_for_code(edited.functions, set(REACHING)),
        )
        self.stage.say(
            "Functions further down take what these four return. That came out as before, so"
            " they hit: a change goes no further than its effect."
        )
        self.repository.replace(EDITED_FILE, AFTER, BEFORE)
        undone = self.run_tests("edit undone")
        self.expect_nothing_computed(undone, "with the edit undone, the older entries hit again")
        return edited, undone

    def roll_back(self, original: Mapping[str, str]) -> Run:
        """Undo the migration, and see that the old decorator has lost nothing by it."""
        self.take_back(original)
        back = self.run_tests("rolled back, @cacheable")
        self.expect_nothing_computed(back, "the old decorator hits as if nothing had happened")
        return back

    def take_back(self, original: Mapping[str, str]) -> None:
        self.stage.chapter("Take the migration back: afml-codemod rollback")
        with self.stage.waiting("rolling back"):
            shown = self.repository.codemod("rollback")
        self.stage.show(shown)
        tree = self.repository.tree()
        differing = [f for f in {**original, **tree} if tree.get(f) != original.get(f)]
        self.stage.promise(
            f"all {len(original)} files are byte for byte what they were",
            not differing,
            f"not: {', '.join(differing)}",
        )

    def run_tests(self, name: str) -> Run:
        with self.stage.waiting(name):
            finished = self.repository.test(name)
        self.stage.outcome(finished)
        self.stage.promise(f"its tests pass: {finished.closing}", True)
        return finished

    def expect_all_adopted(self, migration: Run, report: Mapping[str, Any]) -> None:
        """Whether what the old decorator had stored was used, all of it."""
        kept = [one for one in report["functions"] if one["became"] == "migrated"]
        computed = sum((one["after"] or {"computed": 0})["computed"] for one in kept)
        adopted = migration.counts.adopted
        self.stage.promise(
            f"0 recomputations: {adopted} results of @cacheable adopted",
            adopted > 0 and computed == 0,
            f"{computed} calls of migrated functions were computed",
        )

    def expect_nothing_computed(self, finished: Run, text: str) -> None:
        computed = {name: c for name, c in finished.functions.items() if c.computed}
        self.stage.promise(
            f"{text}: {finished.counts.hits} hits",
            finished.counts.hits > 0 and not computed,
            "; ".join(f"{name}: {counts.why}" for name, counts in computed.items()),
        )


def _recomputed_for_code(functions: Mapping[str, Counts], expected: set[str]) -> tuple[bool, str]:
    """Whether just the expected functions were computed, for `code` and for nothing else.

    Their further calls with the same arguments hit what was computed then.
    """
    wrong = [
        f"{name}: {counts.hits} hits, {counts.computed} computed ({counts.why})"
        for name, counts in functions.items()
        if set(counts.reasons) != ({"code"} if name in expected else set())
    ]
    wrong += [f"{name} was not called" for name in expected - functions.keys()]
    return not wrong, "; ".join(wrong)


def _names(functions: list[str]) -> str:
    return ", ".join(f"{name.rpartition('.')[2]}()" for name in functions)


def _why(report: Mapping[str, Any], function: str) -> str:
    """The end of what is reported of a function: its call is named in full above."""
    whys = [one["why"] for one in report["functions"] if one["function"] == function]
    return whys[0][0].rpartition("): ")[2] if whys and whys[0] else "nothing is reported of it"


def _is_empty(directory: Path) -> bool:
    return directory.is_dir() and not any(directory.iterdir())


def _remove(home: Path, made: bool) -> None:
    """Remove what the demonstration put there, and the folder where it made that."""
    if made:
        shutil.rmtree(home, ignore_errors=True)
        return
    for name in ("legacy_quant", "cache"):
        shutil.rmtree(home / name, ignore_errors=True)
    for name in ("migration-report.html", "migration-report.json"):
        (home / name).unlink(missing_ok=True)


def _end(home: Path, made: bool, keep: bool) -> str:
    """Remove what there is, unless it is to be kept; what has been done, in words."""
    if keep:
        return f"the copy is left in {home}"
    _remove(home, made)
    return "the temporary copy was removed" if made else f"its copy was removed from {home}"


def _complain(text: str) -> None:
    print(text, file=sys.stderr)
