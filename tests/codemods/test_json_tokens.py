"""JSON with positions: the same values and the same errors as ``json``, at their places."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemods.json_tokens import NotJsonError, Value, scan

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


def check(value: Value, data: bytes, expected: Any, level: int = 1) -> None:
    assert repr(json.loads(data[value.start : value.end])) == repr(expected)
    if level > 6:
        return
    if isinstance(expected, dict):
        assert list(value.members) == list(expected)
        for name in expected:
            check(value.members[name], data, expected[name], level + 1)
    if isinstance(expected, list):
        for item, one in zip(value.items, expected, strict=True):
            check(item, data, one, level + 1)


@given(values, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_values_lie_where_they_are_said_to(value: Any, indent: Any, ascii_only: bool) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    check(scan(data), data, value)


@given(values, st.data())
def test_what_json_refuses_is_refused(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=True)
    at = data.draw(st.integers(0, len(text)))
    width = data.draw(st.integers(0, 2))
    damaged = text[:at] + data.draw(st.sampled_from(list('{}[],:"\\ 01-e.u\n\t\0') + [""]))
    damaged += text[at + width :]
    try:
        json.loads(damaged)
    except ValueError:
        with pytest.raises(NotJsonError):
            scan(damaged.encode())
    else:
        scan(damaged.encode())


def test_of_two_members_with_one_name_the_last_counts() -> None:
    data = b'{"source": 1, "s\\u006furce": "2"}'
    found = scan(data).get("source")
    assert found is not None
    assert found.text(data) == "2"


@pytest.mark.slow
def test_nesting_may_be_as_deep_as_the_file() -> None:
    deep = b'{"a":[' * 100_000 + b"]}" * 100_000
    assert scan(deep).end == len(deep)
    with pytest.raises(NotJsonError, match="misses , or }"):
        scan(deep[:-1])


@pytest.mark.parametrize(
    ("data", "at", "text"),
    [
        (b'{"cells": [1 2]}', 13, "expected , or ], found '2\\]}'"),
        (b"", 0, "misses value"),
        (b"[1] x", 4, "expected the file to end, found 'x'"),
        (b"<<<<<<< HEAD\n", 0, "expected value, found '<<<<<<< HE'"),
        (b'{"a" 1}', 5, "expected :"),
        (b"[1,]", 3, "expected value, found ']'"),
    ],
)
def test_error_says_what_is_missing_and_where(data: bytes, at: int, text: str) -> None:
    with pytest.raises(NotJsonError, match=text) as caught:
        scan(data)
    assert caught.value.at == at
