"""`--afml-recheck`: bodies are run again, and the recording says what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from afml_cache import CallResult, robust_cacheable, watch_results
from pytest_afml.recheck import check as checking

PURE = """
import random
import time

import numpy as np
from afml_cache import cacheable, robust_cacheable

ran = []

@robust_cacheable
def total(numbers):
    ran.append("total")
    return float(np.sum(numbers))

@robust_cacheable
def counting(numbers):
    ran.append("counting")
    return len(ran)

@robust_cacheable
def sorting(numbers):
    numbers.sort()
    return numbers[0]

@robust_cacheable
def drawing(numbers):
    return random.random()

@robust_cacheable
def failing(numbers):
    raise ValueError("no")

@robust_cacheable
def lazily(numbers):
    return iter(numbers)

@robust_cacheable
def slowly(numbers):
    time.sleep(0.06)  # longer than half of what there is for rechecking
    return 1

feed = [3, 1, 2]

@robust_cacheable
def draining(name):
    taken, feed[:] = feed[:], []
    if not taken:
        raise RuntimeError("the feed is closed")
    return taken

@robust_cacheable
def momentum(numbers):
    ran.append("momentum")
    return numbers[-1] + len(ran)

@robust_cacheable
def hanging(numbers):
    ran.append("hanging")
    while len(ran) > 1:
        time.sleep(0.01)
    return 1

@robust_cacheable
async def later(numbers):
    return 1

@cacheable
def old(numbers):
    return 1
"""


@pytest.fixture
def rechecked(
    pytester: pytest.Pytester, run: Callable[..., Any]
) -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """Run a test, and give what was rechecked by function."""

    def recheck(test: str, *options: str) -> dict[str, list[dict[str, Any]]]:
        (pytester.path / "pure.py").write_text(PURE)
        pytester.makepyfile(f"import asyncio, random, pytest, pure\n\ndef test_it():\n{test}")
        run("--afml-record=it.json", *(options or ("--afml-recheck=1",))).assert_outcomes(passed=1)
        found: dict[str, list[dict[str, Any]]] = {}
        for one in json.loads((pytester.path / "it.json").read_text()).get("rechecks", ()):
            found.setdefault(one["function"], []).append(one)
        return found

    return recheck


def test_a_pure_function_gives_the_same_and_its_hits_are_timed_in_pairs(rechecked: Any) -> None:
    found = rechecked("    assert pure.total([1.0, 2.0]) == 3.0\n")
    (one,) = found["pure.total"]
    assert one["verdict"] == "same"
    assert one["test"].endswith("::test_it")
    assert one["called_with"] == "numbers=list"
    speed = one["speed"]
    assert speed["pairs"] >= 1, "how many there is time for is the machine's affair"
    assert 0 <= speed["low"] <= speed["ratio"], "of few pairs it has no lower end but 0"
    assert speed["ratio"] > 0
    assert speed["high"] is None or speed["ratio"] <= speed["high"]


def test_hidden_state_is_found_and_its_values_are_told(rechecked: Any) -> None:
    found = rechecked("    assert pure.counting([1]) == 1\n")
    (one,) = found["pure.counting"]
    assert one["verdict"] == "differs"
    assert one["what"] == ["the result was 1, is 2 (run again)"]


def test_the_global_random_numbers_are_found_and_left_as_they_were(rechecked: Any) -> None:
    found = rechecked(
        "    random.seed(7)\n    pure.drawing([1])\n    pure.total([2])\n"
        "    first = random.random()\n    random.seed(7)\n    random.random()\n"
        "    assert random.random() == first\n"
    )
    assert found["pure.drawing"][0]["verdict"] == "differs"
    assert found["pure.total"][0]["verdict"] == "same"


def test_a_changed_argument_is_found_by_its_name(rechecked: Any) -> None:
    found = rechecked("    assert pure.sorting([2, 1]) == 1\n")
    (one,) = found["pure.sorting"]
    assert one["verdict"] == "mutates"
    assert one["what"] == ["it changes its argument 'numbers' while it runs"]


def test_what_cannot_be_checked_is_counted_with_the_reason(rechecked: Any) -> None:
    found = rechecked(
        "    with pytest.raises(ValueError):\n        pure.failing([1])\n"
        "    pure.lazily([1])\n    asyncio.run(pure.later([1]))\n    pure.old([1])\n"
    )
    reasons = {name: (one["verdict"], one["what"][0]) for name, (one,) in found.items()}
    assert reasons == {
        "pure.failing": ("unchecked", "it raised builtins.ValueError"),
        "pure.lazily": ("unchecked", "result is an iterator (builtins.list_iterator)"),
        "pure.later": ("unchecked", "it is async"),
    }


def test_a_body_that_raises_when_it_is_run_again_gives_something_else(rechecked: Any) -> None:
    (one,) = rechecked("    assert pure.draining('feed') == [3, 1, 2]\n")["pure.draining"]
    assert one["verdict"] == "differs"
    assert one["what"] == ["it gave a result, and raises builtins.RuntimeError (run again)"]


def test_a_call_that_cannot_be_checked_leaves_its_place_to_a_later_one(rechecked: Any) -> None:
    found = rechecked(
        "    with pytest.raises(IndexError):\n        pure.momentum([])\n"
        "    assert pure.momentum([1]) == 3\n    assert pure.momentum([2]) == 5\n"
    )
    assert [(one["verdict"], one["lasting"]) for one in found["pure.momentum"]] == [
        ("differs", False),
        ("unchecked", False),
    ]


def test_calls_that_cannot_be_checked_are_tried_ten_times_and_async_ones_once(
    rechecked: Any,
) -> None:
    found = rechecked(
        "    for n in range(30):\n        pure.lazily([n])\n        asyncio.run(pure.later([n]))\n"
    )
    assert len(found["pure.lazily"]) == 10
    assert len(found["pure.later"]) == 1
    assert all(one["lasting"] for some in found.values() for one in some)


def test_a_body_that_does_not_end_when_it_is_run_again_is_interrupted(rechecked: Any) -> None:
    test = "    assert pure.hanging([1]) == 1\n    assert pure.total([1]) == 1\n"
    found = rechecked(test, "--afml-recheck=1", "--afml-recheck-seconds=0.5")
    (one,) = found["pure.hanging"]
    assert one["verdict"] == "unchecked"
    assert one["what"][0].startswith("run again, it was not done after 0.")
    assert found["pure.total"][0]["what"] == ["the 0.5 seconds for rechecking were used up"]


def test_hits_that_take_too_long_to_be_timed_leave_the_verdict_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checking, "TIMING", 1e-3)
    numbers = list(range(300_000))  # whose key takes longer

    @robust_cacheable
    def total(values: list[int]) -> int:
        return sum(values)

    told: list[CallResult] = []
    with watch_results(told.append):
        total(numbers)
    found = checking.check(total, ((numbers,), {}), told[0], patience=60)
    assert (found.verdict, found.speed) == ("same", None)
    assert found.unpaired == "its hits take too long to be timed in pairs"


@pytest.mark.slow
def test_so_many_calls_of_each_function_are_checked_or_all(rechecked: Any) -> None:
    test = "    for n in range(4):\n        pure.total([n])\n"
    assert len(rechecked(test)["pure.total"]) == 1
    assert len(rechecked(test, "--afml-recheck=3")["pure.total"]) == 3
    assert len(rechecked(test, "--afml-recheck=all")["pure.total"]) == 4
    assert rechecked(test, "--afml-recheck=0") == {}


def test_what_the_time_does_not_suffice_for_is_counted(rechecked: Any) -> None:
    test = "    for n in range(3):\n        pure.total([n])\n"
    found = rechecked(test, "--afml-recheck=all", "--afml-recheck-seconds=1e-9")["pure.total"]
    assert [one["verdict"] for one in found] == ["unchecked"] * 3
    assert found[0]["what"] == ["the 1e-09 seconds for rechecking were used up"]


def test_a_hit_is_not_run_again_where_its_body_takes_longer_than_there_is_time(
    rechecked: Any,
) -> None:
    test = "    for _ in range(2):\n        pure.slowly([1])\n"
    first, hit = rechecked(test, "--afml-recheck=all", "--afml-recheck-seconds=0.1")["pure.slowly"]
    assert (first["verdict"], hit["verdict"]) == ("unchecked", "unchecked")
    assert hit["what"] == ["the 0.1 seconds for rechecking were used up"]


def test_rechecking_leaves_no_trace_in_the_numbers_of_the_run(
    rechecked: Any, pytester: pytest.Pytester
) -> None:
    rechecked("    pure.total([1])\n    pure.total([1])\n")
    (test,) = json.loads((pytester.path / "it.json").read_text())["tests"].values()
    calls = test["functions"]["pure.total"]
    assert (calls["hits"], calls["computed"]) == (1, 1)


@pytest.mark.slow
def test_the_rechecks_of_workers_arrive(rechecked: Any) -> None:
    found = rechecked("    pure.counting([1])\n", "--afml-recheck=1", "-n", "2")
    assert found["pure.counting"][0]["verdict"] == "differs"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--afml-recheck=1"], "add --afml-record FILE"),
        (["--afml-record=x.json", "--afml-recheck=some"], "a number of calls a function, or all"),
        (["--afml-record=x.json", "--afml-recheck-seconds=1"], "nothing without --afml-recheck"),
        (
            ["--afml-record=x.json", "--afml-recheck=1", "--afml-recheck-seconds=0"],
            "it has to be above 0",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(
    run: Callable[..., Any], options: list[str], told: str
) -> None:
    result = run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{told}*"])


def test_two_recordings_are_compared_by_a_command(
    rechecked: Any, pytester: pytest.Pytester
) -> None:
    import sys

    rechecked("    pure.counting([1])\n", "--afml-recheck=0")
    before, after = pytester.path / "it.json", pytester.path / "after.json"
    document = json.loads(before.read_text())
    (test,) = document["tests"].values()
    test["functions"]["pure.counting"]["results"][0]["digest"] = "0" * 32
    after.write_text(json.dumps(document))
    done = pytester.run(sys.executable, "-m", "pytest_afml.record", str(before), str(after))
    assert done.ret == 0
    found = json.loads(done.stdout.str())
    assert found["failures"] == ["results"]
    (one,) = found["sentences"]
    assert one["function"] == "pure.counting"
    assert "pure.counting(numbers=list): the result is another" in one["sentence"]
    damaged = pytester.run(sys.executable, "-m", "pytest_afml.record", str(before), "none.json")
    assert damaged.ret == 3
    damaged.stderr.fnmatch_lines(["*cannot be compared: none.json cannot be read*"])
