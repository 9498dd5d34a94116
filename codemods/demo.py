"""``afml-codemod demo``: the migration of a small legacy repository, told with real numbers.

The example is copied, run, migrated, run again, edited and rolled back, each step by the
command that a user would type. What the cache promises is checked at every step against
its own counters, and the exit code says whether all of it came true.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codemods.demo_repository import Counts, DemoError, Repository, Run, missing_packages

if TYPE_CHECKING:
    from codemods.demo_console import Stage

DONE, USAGE, FAILED, INTERRUPTED = 0, 2, 3, 130

#: The cached functions that the example's pipeline calls, each under ``@cacheable`` before.
FUNCTIONS = 14

#: So many functions are shown as those that a migration in steps would begin with.
DEAREST = 3

#: joblib may need more than one run until it hits: results that come out of it hash otherwise.
WARM_RUNS = 4

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
    """Tell the whole story; a few minutes.

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
        self.check_tests("before the migration")
        original = self.repository.tree()
        cold, *warm = self.run_legacy()
        self.weigh([cold, *warm])
        self.plan()
        self.apply(original)
        first, second = self.run_migrated(cold)
        edited, undone = self.edit_a_helper(second)
        back = self.roll_back(original, cold)
        self.stage.chapter("The whole story")
        self.stage.table_of_runs([cold, *warm, first, second, edited, undone, back])
        self.stage.console.print()
        if not self.stage.broken:
            self.stage.say(f"Every promise held ({time.perf_counter() - began:.0f} s in all).")

    def introduce(self) -> None:
        self.stage.say(
            "A quant's repository (examples/legacy_quant) on real prices: GOOG and the"
            " S&P 500 daily, EURUSD hourly. Its slow functions carry @cacheable. It is copied,"
            " with a cache of its own, and migrated; every number below is measured now."
        )

    def check_tests(self, when: str) -> None:
        with self.stage.waiting("the repository's own tests"):
            closing = self.repository.test()
        if closing is not None:
            self.stage.promise(f"its own tests pass {when}: {closing}", True)

    def run_legacy(self) -> list[Run]:
        self.stage.chapter("Run under @cacheable, until it computes nothing")
        cold = self.run_pipeline("cold, @cacheable", aloud=True)
        self.stage.show(cold.table)
        runs = [cold]
        while runs[-1].counts.computed and len(runs) <= WARM_RUNS:
            warm = self.run_pipeline(f"warm {len(runs)}, @cacheable")
            self.expect_results_of(cold, warm, f"{warm.name}, ends in the same results")
            again = [name for name, counts in warm.functions.items() if counts.computed]
            if again and len(runs) == 1:
                self.stage.say(
                    f"joblib, which @cacheable rests on, computed {_names(again)} once more though"
                    " nothing had changed: what comes out of the cache equals what went in, but"
                    " does not pickle to the same bytes, and the pickle is joblib's key."
                )
            runs.append(warm)
        self.expect_nothing_computed(runs[-1], "the old decorator hits every call")
        self.stage.promise(
            f"{FUNCTIONS} functions are cached",
            len(cold.functions) == FUNCTIONS,
            f"{len(cold.functions)} were counted",
        )
        return runs

    def weigh(self, runs: list[Run]) -> None:
        """Which functions the old decorator has served worst, by its own statistics."""
        self.stage.chapter(f"Where it pays most: afml-codemod plan --evidence --limit {DEAREST}")
        evidence = self.repository.record(runs)
        with self.stage.waiting("planning"):
            shown = self.repository.codemod(
                "plan", "--evidence", str(evidence), "--min-calls", "1", "--max-hit-rate", "1",
                "--limit", str(DEAREST), str(self.repository.path), colour=self.stage.colour,
            )  # fmt: skip
        self.stage.show(shown)
        self.stage.promise(
            f"the {DEAREST} dearest functions are named, by what they cost",
            f"{DEAREST} functions in" in shown,
        )
        self.stage.say("Here all of them are migrated at once.")

    def plan(self) -> None:
        self.stage.chapter("What the migration would change: afml-codemod plan --diff")
        with self.stage.waiting("planning"):
            shown = self.repository.codemod(
                "plan", "--diff", str(self.repository.path), colour=self.stage.colour
            )
        self.stage.show(shown)

    def apply(self, original: Mapping[str, str]) -> None:
        self.stage.chapter("Migrate: afml-codemod apply")
        with self.stage.waiting("migrating"):
            shown = self.repository.codemod("apply", "--yes", str(self.repository.path))
        self.stage.show(shown)
        tree = self.repository.tree()
        changed = [file for file in tree if tree[file] != original.get(file)]
        notebooks = [file for file in changed if file.endswith(".ipynb")]
        self.stage.promise(
            f"{len(changed)} of {len(tree)} files have changed, none came or went",
            bool(changed) and tree.keys() == original.keys(),
            f"changed: {', '.join(changed) or 'none'}",
        )
        self.stage.promise("a notebook is among them", bool(notebooks))
        with self.stage.waiting("checking"):
            clean = self.repository.codemod("check", str(self.repository.path))
        self.stage.promise("afml-codemod check finds no legacy decorator", not clean.strip(), clean)
        self.check_tests("after it")

    def run_migrated(self, cold: Run) -> tuple[Run, Run]:
        self.stage.chapter("Run twice under @robust_cacheable and @time_aware_cacheable")
        first = self.run_pipeline("first, migrated", aloud=True)
        self.expect_all_adopted(first, cold)
        self.expect_results_of(cold, first, "the migration changed no result")
        second = self.run_pipeline("second, migrated")
        self.expect_nothing_computed(second, "the second run computes nothing")
        self.expect_results_of(cold, second, "its results are the same to the last bit")
        return first, second

    def edit_a_helper(self, second: Run) -> tuple[Run, Run]:
        self.stage.chapter(f"Edit a helper that is not cached itself: {HELPER}()")
        self.repository.replace(EDITED_FILE, BEFORE, AFTER)
        self.stage.show_edit(EDITED_FILE, BEFORE, AFTER)
        edited = self.run_pipeline(f"{HELPER} edited")
        self.stage.table_of_functions(edited.functions, REACHING)
        self.stage.promise(
            f"exactly the {len(REACHING)} functions that reach it recompute, because of it",
            *_recomputed_for_code(edited.functions, set(REACHING)),
        )
        self.expect_results_of(second, edited, "the results are the same")
        self.stage.say(
            "Functions further down take what these four return. That came out as before, so"
            " they hit: a change goes no further than its effect."
        )
        self.repository.replace(EDITED_FILE, AFTER, BEFORE)
        undone = self.run_pipeline("edit undone")
        self.expect_nothing_computed(undone, "with the edit undone, the older entries hit again")
        return edited, undone

    def roll_back(self, original: Mapping[str, str], cold: Run) -> Run:
        """Undo the migration, and see that the old decorator has lost nothing by it."""
        self.take_back(original)
        back = self.run_pipeline("rolled back, @cacheable")
        self.expect_nothing_computed(back, "the old decorator hits as if nothing had happened")
        self.expect_results_of(cold, back, "with the results that it began with")
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

    def run_pipeline(self, name: str, *, aloud: bool = False) -> Run:
        with self.stage.progress(name, aloud=aloud) as progress:
            finished = self.repository.run(name, progress)
        self.stage.outcome(finished)
        return finished

    def expect_results_of(self, expected: Run, found: Run, text: str) -> None:
        self.stage.promise(
            text, found.results == expected.results, f"{found.name} differs from {expected.name}"
        )

    def expect_all_adopted(self, first: Run, cold: Run) -> None:
        counts = first.counts
        self.stage.promise(
            f"0 recomputations: {counts.adopted} results adopted, {counts.hits} hits on them",
            counts.adopted > 0 and counts.computed == 0,
            "; ".join(f"{name}: {c.why}" for name, c in first.functions.items() if c.computed),
        )
        saved = sum(c.seconds_saved for c in first.functions.values())
        self.stage.say(
            f"Without adoption these would have been computed once more: {saved:.0f} s of"
            f" computation saved, and the run took {first.seconds:.1f} s instead of"
            f" {cold.seconds:.1f} s."
        )

    def expect_nothing_computed(self, finished: Run, text: str) -> None:
        computed = {name: c for name, c in finished.functions.items() if c.computed}
        self.stage.promise(
            f"{text}: {finished.counts.hits} hits",
            finished.counts.hits > 0 and not computed,
            "; ".join(f"{name}: {counts.why}" for name, counts in computed.items()),
        )


def _recomputed_for_code(functions: Mapping[str, Counts], expected: set[str]) -> tuple[bool, str]:
    """Whether all calls of the expected functions, and no others, were computed for `code`."""
    wrong = [
        f"{name}: {counts.hits} hits, {counts.computed} computed ({counts.why})"
        for name, counts in functions.items()
        if dict(counts.reasons) != ({"code": counts.calls} if name in expected else {})
    ]
    wrong += [f"{name} was not called" for name in expected - functions.keys()]
    return not wrong, "; ".join(wrong)


def _names(functions: list[str]) -> str:
    return ", ".join(f"{name.rpartition('.')[2]}()" for name in functions)


def _is_empty(directory: Path) -> bool:
    return directory.is_dir() and not any(directory.iterdir())


def _remove(home: Path, made: bool) -> None:
    """Remove what the demonstration put there, and the folder where it made that."""
    if made:
        shutil.rmtree(home, ignore_errors=True)
        return
    for name in ("legacy_quant", "cache"):
        shutil.rmtree(home / name, ignore_errors=True)
    for name in ("results.json", "cache_stats.json"):
        (home / name).unlink(missing_ok=True)


def _end(home: Path, made: bool, keep: bool) -> str:
    """Remove what there is, unless it is to be kept; what has been done, in words."""
    if keep:
        return f"the copy is left in {home}"
    _remove(home, made)
    return "the temporary copy was removed" if made else f"its copy was removed from {home}"


def _complain(text: str) -> None:
    print(text, file=sys.stderr)
