"""Laws of what is written down of parameters and metrics."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from afml_cache import content_key
from afml_cache.backtests.arguments import parameters_of
from afml_cache.backtests.plain import apart, from_plain, to_plain, together
from afml_cache.backtests.run import run_id_of, safe_name, to_json

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.decimals(),
    st.dates(),
    st.datetimes().map(lambda time: time.replace(fold=0)),  # the other one is accounted for
    st.timedeltas(),
    st.times().map(lambda time: time.replace(fold=0)),
)
hashable = st.one_of(st.booleans(), st.integers(), st.text(max_size=5))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(hashable, max_size=4),
        st.dictionaries(hashable, inner, max_size=4),
    ),
    max_leaves=12,
)


@given(values)
def test_a_value_comes_back_through_json_as_it_was(value: Any) -> None:
    again = from_plain(json.loads(to_json(to_plain(value))))
    assert content_key(again) == content_key(value)


@given(st.dictionaries(st.text(max_size=8), values, max_size=5))
def test_types_beside_the_values_lose_nothing(named: dict[str, Any]) -> None:
    plain = {name: to_plain(value) for name, value in named.items()}
    parts = [json.loads(to_json(part)) for part in apart(plain)]
    assert together(*parts) == json.loads(to_json(plain))
    for value in parts[0].values():  # what plain SQL would take for a number is one
        assert value is None or not isinstance(value, float) or value == value


@given(st.dictionaries(st.text(max_size=4), values, max_size=4))
def test_taking_parameters_apart_loses_none(params: dict[str, Any]) -> None:
    """Two sets of parameters are named alike only if they are alike."""
    named = parameters_of({"params": params})
    assert content_key(parameters_of({"params": dict(reversed(params.items()))})) == content_key(
        named
    )
    flat = {name: value for name, value in params.items() if not isinstance(value, dict)}
    if len(flat) == len(params) and all(name and "." not in name for name in params) and params:
        assert content_key(named) == content_key(params)


@given(st.text(max_size=120), st.text(max_size=120))
def test_two_strategies_share_no_folder(one: str, other: str) -> None:
    names = safe_name(one), safe_name(other)
    assert (names[0].casefold() == names[1].casefold()) == (one == other)
    assert all("/" not in name and not name.startswith(".") and len(name) < 100 for name in names)
    assert run_id_of(one, b"\0" * 16).endswith("-" + "0" * 16)
