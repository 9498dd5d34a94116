"""``explain_last_miss()`` says why the last computed call was computed: each cause planted."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    cacheable,
    explain_last_miss,
    last_miss,
    robust_cacheable,
    use_settings,
    use_store,
)


@pytest.fixture(autouse=True)
def nothing_missed(monkeypatch):
    monkeypatch.setattr(last_miss, "latest", None)


@robust_cacheable
def scaled(frame, by=1):
    return frame * by


def frame_of(rows: int = 30) -> pd.DataFrame:
    index = pd.date_range("2024-01-01", periods=rows)
    return pd.DataFrame({"open": np.arange(rows) * 1.0, "close": np.ones(rows)}, index=index)


def told() -> list[str]:
    return [str(difference) for difference in explain_last_miss().differences]


def test_there_is_nothing_to_explain_before_the_first_miss():
    assert explain_last_miss() is None


def test_a_first_call_has_nothing_to_be_compared_with():
    scaled(frame_of())
    explanation = explain_last_miss()
    assert (str(explanation.reason), explanation.differences) == ("first_call", ())
    assert explanation.function == scaled.identity
    assert str(explanation) == f"{scaled.identity}: was computed (first_call)"


def test_a_changed_argument_is_named_with_both_values():
    scaled(frame_of(), by=2)
    scaled(frame_of(), by=3)
    assert told() == ["by was 2, is 3"]
    assert explain_last_miss().key == scaled.cache_key(frame_of(), by=3)
    assert explain_last_miss().closest == scaled.cache_key(frame_of(), by=2)


def test_a_changed_column_is_named():
    scaled(frame_of())
    changed = frame_of()
    changed.iloc[4, 1] = 9.0
    scaled(changed)
    (text,) = told()
    assert "close" in text and "open" not in text


def test_a_hit_and_later_entries_do_not_disturb_the_explanation():
    scaled(frame_of(), by=2)
    scaled(frame_of(), by=3)
    scaled(frame_of(), by=2)
    assert told() == ["by was 2, is 3"]


def test_changed_code_is_named(run_python, tmp_path):
    script = """
        from afml_cache import explain_last_miss, robust_cacheable

        def helper(x):
            return x + {added}

        @robust_cacheable
        def f(x):
            return helper(x)

        f(1)
        print(explain_last_miss())
    """
    assert run_python(script.format(added=1)) == "script.f: was computed (first_call)"
    first, second, *diff = run_python(script.format(added=2)).splitlines()
    assert first == "script.f: was computed (code)"
    assert second == "  script.helper was edited (script.py:4)"
    assert {"    -    return x + 1", "    +    return x + 2"} <= set(diff)


def test_a_cleared_entry_has_its_reason():
    scaled(frame_of())
    scaled.cache_clear()
    scaled(frame_of())
    assert str(explain_last_miss().reason) == "cleared"


def test_an_argument_without_a_key_is_told():
    with pytest.warns(UserWarning):
        _first(n for n in [1])
    explanation = explain_last_miss()
    assert str(explanation.reason) == "unkeyable" and explanation.key is None
    assert "generator" in str(explanation)


@robust_cacheable
def _first(numbers):
    return next(numbers)


def test_a_call_that_was_not_stored_has_its_reason():
    @robust_cacheable
    def failing(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing(1)
    assert str(explain_last_miss().reason) == "first_call"
    assert explain_last_miss().differences == ()


def test_calls_past_the_cache_are_told_too():
    with use_settings(mode="off"):
        scaled(frame_of())
    assert str(explain_last_miss().reason) == "mode_off"


def test_a_miss_under_cacheable_has_its_reason():
    @cacheable
    def old(x):
        return x

    old(1), old(2)
    explanation = explain_last_miss()
    assert (explanation.function, str(explanation.reason)) == (old.identity, "argument")


def test_no_argument_is_held_for_it():
    array = np.ones(10)

    @robust_cacheable
    def total(values):
        return float(values.sum())

    total(array)
    held = weakref.ref(array)
    del array
    gc.collect()
    assert held() is None and explain_last_miss() is not None


def test_a_store_that_is_gone_is_not_made_again(tmp_path):
    import shutil

    with use_store(tmp_path / "other"):
        scaled(frame_of(), by=2)
        scaled(frame_of(), by=3)
    shutil.rmtree(tmp_path / "other")
    assert str(explain_last_miss().reason) == "argument"
    assert not (tmp_path / "other").exists()
