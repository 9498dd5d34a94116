"""Tables and arrays of Arrow: keyed by what they hold, not by how it lies in chunks and buffers."""

from __future__ import annotations

import numpy as np
import pytest

from afml_cache import content_key


def test_looking_for_nothing_keeps_the_key_of_arrow_tables() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": list(range(50)), "b": [str(i) for i in range(50)]})
    chunked = pa.concat_tables([table.slice(0, 7), table.slice(7, 20), table.slice(27)])
    longer = pa.concat_tables([table.slice(0, 3), table]).combine_chunks().slice(3)
    assert content_key(chunked) == content_key(table)
    assert content_key(longer) == content_key(table)
    assert content_key(table.slice(5, 9)) == content_key(chunked.slice(5, 9))


def test_arrow_tables_that_differ_in_anything_differ() -> None:
    pa = pytest.importorskip("pyarrow")
    a, b = pa.array([1, 2]), pa.array([3, 4])
    values = [
        pa.table({"a": a, "b": b}),
        pa.table({"b": b, "a": a}),
        pa.table({"a": b, "b": a}),
        pa.table({"a": a, "c": b}),
        pa.table({"a": a}),
        pa.table({"a": a.cast("int32"), "b": b}),
        pa.table({"a": a, "b": b}).replace_schema_metadata({"k": "v"}),
        pa.table(
            [a, b], schema=pa.schema([pa.field("a", "int64", nullable=False), ("b", "int64")])
        ),
        pa.record_batch({"a": a, "b": b}),
        pa.array([{"a": 1, "b": 3}, {"a": 2, "b": 4}]),
        pa.array([[1, 2], [3, 4]]),
        pa.array([[1], [2, 3, 4]]),
        pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)),
        pa.array(["a", "b", "a"]),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array(["a", "b", "a"], pa.large_string()),
        pa.array(["a", "ba", ""]),
        pa.chunked_array([a]),
        a,
        a.cast("int32"),
        pa.schema([("a", pa.int64())]),
        pa.schema([("a", pa.int32())]),
        pa.int64(),
        pa.scalar(1),
        pa.scalar(2),
        pa.array([1, None]),
        pa.array([None, 1]),
        pa.array([1, None]).cast("float64"),
        pa.array([1.0, np.nan]),
    ]
    keys = [content_key(value) for value in values]
    assert len(set(keys)) == len(keys), [i for i, k in enumerate(keys) if keys.count(k) > 1]


def test_nested_arrow_arrays_do_not_show_how_they_lie() -> None:
    pa = pytest.importorskip("pyarrow")
    rows = [[1, 2], None, [], [3], [4, 5, 6]] * 3
    lists = pa.array([[0], [0], *rows])
    structs = pa.array([{"x": 0}, *({"x": i, "y": [i]} if i % 3 else None for i in range(9))])
    words = pa.array(["zero", *["a", None, "bc"] * 5]).dictionary_encode()
    for array, offset in ((lists, 2), (structs, 1), (words, 1)):
        sliced = array.slice(offset)
        rebuilt = (
            pa.DictionaryArray.from_arrays(
                pa.array(
                    [None if i is None else i for i in sliced.indices.to_pylist()], pa.int32()
                ),
                array.dictionary,
            )
            if array is words
            else pa.array(sliced.to_pylist(), array.type)
        )
        assert content_key(sliced) == content_key(rebuilt), array.type
