"""Whatever ``@cacheable`` had warm is served without computing, with an equal result."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from joblib.func_inspect import filter_args

from afml_cache import content_key

MAIN = """
    from afml.cache import cacheable
    from desk.noting import note

    @cacheable
    def f(first, second=None, *rest, option=(), **more):
        note("f")
        return [first, second, rest, option, sorted(more), len(str(first))]
"""

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.dates(),
    st.sampled_from([pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-01", tz="UTC"), pd.NaT]),
)
names = st.text("abcdefgh", min_size=1, max_size=3)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 4))
    columns = draw(st.lists(names, max_size=3, unique=True))
    kinds = [
        st.floats(width=32),
        st.integers(-5, 5),
        st.text("xyz", max_size=3),
        st.booleans(),
    ]
    data = {}
    for column in columns:
        values = draw(st.sampled_from(kinds))
        data[column] = draw(st.lists(values, min_size=rows, max_size=rows))
    index = draw(
        st.sampled_from(
            [
                pd.RangeIndex(rows),
                pd.date_range("2024-01-01", periods=rows, freq="D"),
                pd.date_range("2024-01-01", periods=rows, freq="h", tz="UTC", name="time"),
                pd.Index([f"row{i}" for i in range(rows)], dtype=object),
            ]
        )
    )
    return pd.DataFrame(data, index=index)


values = st.recursive(
    st.one_of(atoms, frames()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(names, st.integers(0, 9)), inner, max_size=3),
    ),
    max_leaves=5,
)
calls = st.tuples(
    st.lists(values, min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(["option", "window", "side"]), values, max_size=2),
)


@pytest.fixture
def both(repo: Any, tmp_path: Path) -> Any:
    """The function under the old decorator and under the new one, both loaded."""
    repo.write("main.py", MAIN)
    repo.old = repo.load().f
    # The old file stays as it is: the new one is another file of the same module name.
    repo.folder = tmp_path / "migrated"
    repo.write("__init__.py", "")
    repo.write("noting.py", (tmp_path / "desk/noting.py").read_text())
    repo.write("main.py", MAIN)
    repo.migrate()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(repo.folder)
        repo.new = repo.load().f
    assert repo.new.__module__ == repo.old.__module__
    assert repo.new.__wrapped__.__code__.co_filename != repo.old.__wrapped__.__code__.co_filename
    return repo


def joblib_binds(function: Any, args: Any, kwargs: Any) -> bool:
    """Before 1.5, joblib refused more positional arguments where some are keyword-only."""
    try:
        filter_args(function.__wrapped__, [], args, kwargs)
    except ValueError:
        return False
    return True


lasting = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@lasting
@given(call=calls)
def test_whatever_was_warm_is_served_without_computing(both: Any, call: Any) -> None:
    args, kwargs = call
    assume(joblib_binds(both.old, args, kwargs))
    for _ in range(5):
        both.ran()
        expected = both.old(*args, **kwargs)
        if not both.ran():
            break
    else:
        raise AssertionError("the old decorator misses every time")
    served = both.new(*args, **kwargs)
    assert both.ran() == []
    assert content_key(served) == content_key(expected)
    assert content_key(both.new(*args, **kwargs)) == content_key(expected)
    assert both.ran() == []


@lasting
@given(call=calls)
def test_whatever_was_warm_for_an_equal_call_is_served(both: Any, call: Any) -> None:
    """Equal arguments that are other objects, as another process would make them."""
    assume(joblib_binds(both.old, *call))
    written = pickle.dumps(call)
    for _ in range(5):
        both.ran()
        args, kwargs = pickle.loads(written)
        expected = both.old(*args, **kwargs)
        if not both.ran():
            break
    else:
        raise AssertionError("the old decorator misses every time")
    args, kwargs = pickle.loads(written)
    assert content_key(both.new(*args, **kwargs)) == content_key(expected)
    assert both.ran() == []


@lasting
@given(call=calls, other=calls)
def test_no_call_gets_the_result_of_another(both: Any, call: Any, other: Any) -> None:
    args, kwargs = call
    both.old(*args, **kwargs)
    args, kwargs = other
    served = both.new(*args, **kwargs)
    assert content_key(served) == content_key(both.new.__wrapped__(*args, **kwargs))
    both.ran()
