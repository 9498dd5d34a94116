"""`ls`, `show` and `explain`: what is stored, and why it had to be computed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from afml_cache import CacheWarning, robust_cacheable, time_aware_cacheable


@robust_cacheable
def labels(number, secret="nothing"):
    return np.arange(10) * number


@time_aware_cacheable
def trend(close, window):
    return close.rolling(window).mean()


def prices(month):
    days = pd.date_range(f"2024-{month}-01", periods=20)
    return pd.Series(np.linspace(1, 2, 20), index=days)


@pytest.fixture
def used(store):
    labels(1)
    labels(2)
    trend(prices("01"), 3)
    trend(prices("03"), 3)
    return store


def test_ls_lists_the_functions_with_what_is_stored_of_each(used, run, run_json):
    listed = run_json("ls")["functions"]
    assert [one["function"] for one in listed] == [f"{__name__}.labels", f"{__name__}.trend"]
    assert [one["entries"] for one in listed] == [2, 2]
    sizes = used.sizes()
    assert [one["size_bytes"] for one in listed] == [sizes[one["function"]][1] for one in listed]
    assert "labels" in run("ls").output


def test_ls_of_a_function_lists_its_results_newest_first(used, run, run_json):
    listed = run_json("ls", "labels")["entries"]
    assert [one["key"] for one in listed] == [labels.cache_key(2), labels.cache_key(1)]
    text = run("ls", "labels").output
    assert text.index(labels.cache_key(2)[:12]) < text.index(labels.cache_key(1)[:12])
    assert "no function 'label'" in run("ls", "label", code=2).output  # never by substring


def test_ls_by_date_lists_what_touches_the_dates(used, run, run_json):
    (entry,) = run_json("ls", "trend", "--since", "2024-02")["entries"]
    assert entry["key"] == trend.cache_key(prices("03"), 3)
    assert entry["dates"] == {"close": "2024-03-01 to 2024-03-20"}
    (entry,) = run_json("ls", "--until", "2024-01")["entries"]
    assert entry["key"] == trend.cache_key(prices("01"), 3)
    assert "2024-03-20" in run("ls", "trend", "--since", "2024-03").output
    assert "'yesterday' is no date" in run("ls", "--since", "yesterday", code=2).output
    assert "no results" in run("ls", "--since", "2025").output


def test_show_tells_of_the_call_and_opens_nothing(used, run, run_json):
    key = labels.cache_key(2)
    document = run_json("show", key[:10])
    assert document["key"] == key
    assert document["arguments"]["number"] == "2"
    assert "nothing" not in document["arguments"]["secret"]  # a text is not kept
    assert any(part.endswith("labels") for part in document["code"])
    text = run("show", key).output
    assert key in text and "number = 2" in text
    assert "--since" not in text


@pytest.mark.parametrize(
    ("key", "said"), [("zz", "is no key"), ("0" * 32, "has the key"), ("abc", "is no key")]
)
def test_show_says_what_is_wrong_with_a_key(used, run, key, said):
    assert said in run("show", key, code=2).output


def test_explain_names_what_differs_from_the_closest_result_before(used, run, run_json):
    document = run_json("explain", "labels")
    assert document["key"] == labels.cache_key(2)
    assert document["closest"] == labels.cache_key(1)
    assert [one["text"] for one in document["differences"]] == ["number was 1, is 2"]
    assert "number was 1, is 2" in run("explain", labels.cache_key(2)).output
    assert "no earlier result" in run("explain", labels.cache_key(1)).output


def test_explain_without_a_name_is_about_the_newest_result(used, run_json):
    document = run_json("explain")
    assert document["key"] == trend.cache_key(prices("03"), 3)
    assert document["differences"] and "close" in document["differences"][0]["text"]


def test_explain_of_a_call_tells_whether_it_would_hit_and_computes_nothing(
    store, run, run_json, tmp_path, monkeypatch
):
    (tmp_path / "explained_by_command.py").write_text(
        "from afml_cache import robust_cacheable\n\n"
        "@robust_cacheable\ndef scaled(x, by=2):\n    return x * by\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import explained_by_command

    explained_by_command.scaled(3)
    document = run_json("explain", "explained_by_command.scaled", "3")
    assert document["would_hit"] is True
    assert run_json("explain", "scaled", "3", "2")["would_hit"] is True
    assert run_json("explain", "scaled", "-1")["would_hit"] is False
    document = run_json("explain", "explained_by_command.scaled", "3", "by=-4")
    assert (document["would_hit"], document["reason"]) == (False, "argument")
    assert document["differences"][0]["text"] == "by was 2, is -4"
    assert len(list(store.entries())) == 1
    told = run("explain", "explained_by_command.scaled", "1", "2", "3", code=2).output
    assert "cannot be called so" in told
    assert "cannot be imported" in run("explain", "no_such_module.f", "1", code=2).output
    assert "whole name" in run("explain", "unheard_of", "1", code=2).output


def test_explain_of_a_function_without_a_result_tells_why_it_has_none(used, run):
    with pytest.warns(CacheWarning):
        labels(1, (number for number in "cannot be read twice"))
    used.flush()
    labels.cache_clear()
    said = run("explain", labels.identity, code=2).stderr
    assert f"{labels.identity} has no result stored" in said and "unkeyable" in said
