"""What a function is worth: the seconds that its calls would take if nothing had been stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afml_cache import cacheable, use_store
from afml_cache.outcomes import Outcome
from afml_cache.results import CallResult, watch_results
from afml_cache.watching import WatchedCall
from codemods.migration.recorded import Calls, read
from pytest_afml.record.recorder import Recorder
from pytest_afml.record.recording import Function

HIT = CallResult(WatchedCall("quant.dear", Outcome.HIT, seconds=3.0), seconds=0.001)


@pytest.mark.parametrize(
    ("calls", "worth"),
    [
        (Calls(computed=2, compute_seconds=6.0), 6.0),
        (Calls(hits=2, hit_seconds=0.01, saved_seconds=6.0), 6.0),
        (Calls(hits=1, computed=1, hit_seconds=0.01, saved_seconds=3.0, compute_seconds=3.0), 6.0),
        (Calls(hits=2, hit_seconds=0.01), 0.01),
        (Calls(), 0.0),
    ],
    ids=["cold", "warm", "half", "warm, and nobody noted what it took", "never called"],
)
def test_it_is_the_same_whether_the_cache_was_warm_or_cold(calls: Calls, worth: float) -> None:
    assert calls.worth == worth


def test_a_recording_tells_what_its_hits_had_taken(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.note(HIT)
    recorder.note(HIT)
    functions = json.loads(recorder.take() or "")["functions"]
    assert Function.of_plain(functions["quant.dear"]).saved_seconds == 6.0
    file = tmp_path / "before-1.json"
    test = {"outcome": "passed", "functions": functions}
    file.write_text(json.dumps({"mode": "shared", "tests": {"test_dear": test}}))
    assert read(file).functions["quant.dear"].worth == 6.0
    del functions["quant.dear"]["saved_seconds"]  # as recorded before there was such a number
    file.write_text(json.dumps({"mode": "shared", "tests": {"test_dear": test}}))
    assert read(file).functions["quant.dear"].worth == 0.002


def added(n: int) -> int:
    return sum(range(n))


def test_what_the_old_decorator_hits_is_told_with_what_it_had_taken(tmp_path: Path) -> None:
    told: list[CallResult] = []
    with use_store(tmp_path / "cache"), watch_results(told.append):
        cacheable(added)(1_000_000)
        cacheable(added)(1_000_000)  # decorated anew, as in another process
    computed, hit = told
    assert (computed.call.outcome, hit.call.outcome) == (Outcome.COMPUTED, Outcome.HIT)
    assert hit.call.seconds == pytest.approx(computed.call.seconds, rel=0.5)
    assert hit.call.seconds > 0
