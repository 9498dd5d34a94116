"""numpy's values: what of an array, a scalar or a source of random numbers counts."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from afml_cache.keys.content import content_key, describe
from afml_cache.keys.stream import BLOCK

Values = Callable[[], list[Any]]
HAS_STRING_DTYPE = hasattr(np.dtypes, "StringDType")


def row(rule: str, values: Values) -> Any:
    return pytest.param(values, id=rule)


def bits(pattern: int, size: int = 8) -> Any:
    return np.array([pattern], f"u{size}").view(f"f{size}")


def with_padding(fill: int) -> Any:
    """A record with seven bytes between its fields that nobody set."""
    values = np.zeros(3, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    values.view(np.uint8)[:] = fill
    values["a"], values["b"] = 1, 2.0
    return values


def padded_long_double(fill: int) -> Any:
    values = np.zeros(4, np.longdouble)
    values.view(np.uint8)[:] = fill
    values[:] = 1.5
    return values


def masked(hidden: float) -> Any:
    return np.ma.masked_array([1.0, hidden, 3.0], [False, True, False])


def array(seed: int = 0, shape: tuple[int, ...] = (7, 5)) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def advanced(generator: Any, steps: int) -> Any:
    generator.random(steps)
    return generator


def with_nan(dtype: str, *nans: Any) -> list[Any]:
    made = []
    for nan in nans:
        values = np.ones(100_000, dtype)
        values[99_999] = nan
        made.append(values)
    return made


SAME = [
    row("C and F order", lambda: [array(), np.asfortranarray(array())]),
    row(
        "large and in any order",
        lambda: [(a := array(0, (700, 500))), np.asfortranarray(a), a.T.copy().T],
    ),
    row(
        "views and strides",
        lambda: [
            array(),
            np.repeat(array(), 2, axis=0)[::2],
            array()[::-1].copy()[::-1],
            np.pad(array(), 1)[1:-1, 1:-1],
        ],
    ),
    row(
        "large strided vectors",
        lambda: [(v := array(0, (300_000,))), np.repeat(v, 3)[::3], v[::-1].copy()[::-1]],
    ),
    row(
        "dimensions in any order",
        lambda: [(a := array(0, (40, 50, 60))), a.transpose(2, 0, 1).copy().transpose(1, 2, 0)],
    ),
    row(
        "broadcast and written out",
        lambda: [np.broadcast_to(np.float64(2), (3, 4)), np.full((3, 4), 2.0)],
    ),
    row(
        "NaN of any bits",
        lambda: [
            bits(0x7FF8000000000000),
            bits(0xFFF8000000000000),
            bits(0x7FF8000000000123),
            bits(0x7FF0000000000001),
        ],
    ),
    row(
        "NaN of any bits in float32",
        lambda: [bits(0x7FC00000, 4), bits(0xFFC00000, 4), bits(0x7F800001, 4)],
    ),
    row("NaN of any bits in float16", lambda: [bits(0x7E00, 2), bits(0xFE00, 2), bits(0x7C01, 2)]),
    row(
        "NaN of any bits far into a large array",
        lambda: with_nan("f8", np.nan, bits(0xFFF8000000000001)[0]),
    ),
    row(
        "NaN of any bits in strided data",
        lambda: [np.repeat(v, 2)[::2] for v in with_nan("f8", np.nan, bits(0xFFF8000000000001)[0])],
    ),
    row(
        "NaN of any bits in complex numbers",
        lambda: [
            np.array([complex(1, n)])
            for n in (bits(0x7FF8000000000000)[0], bits(0xFFF8000000000001)[0])
        ],
    ),
    row("NaN of any bits in scalars", lambda: [np.float64("nan"), bits(0xFFF8000000000123)[0]]),
    row(
        "NaN of any sign in long doubles",
        lambda: [np.array([np.nan], np.longdouble), -np.array([np.nan], np.longdouble)],
    ),
    row("bytes that pad a long double", lambda: [padded_long_double(0), padded_long_double(0xFF)]),
    row("bytes that pad a record", lambda: [with_padding(0), with_padding(0xFF)]),
    row("what a mask hides", lambda: [masked(2.0), masked(99.0), masked(np.nan)]),
    row(
        "no mask and an empty one",
        lambda: [np.ma.masked_array([1, 2]), np.ma.masked_array([1, 2], [False, False])],
    ),
    row(
        "a fill value that was only looked at",
        lambda: [np.ma.masked_array([1]), _looked_at(np.ma.masked_array([1]))],
    ),
    row(
        "objects in any order",
        lambda: [
            np.array([[1, "a"], [None, 2.5]], object),
            np.asfortranarray(np.array([[1, "a"], [None, 2.5]], object)),
        ],
    ),
    row("read-only", lambda: [array(), _frozen(array())]),
    row(
        "dtypes by other names", lambda: [np.dtype("f8"), np.dtype(np.float64), np.dtype("double")]
    ),
    row("generators in one state", lambda: [np.random.default_rng(1), np.random.default_rng(1)]),
    row(
        "old generators in one state", lambda: [np.random.RandomState(1), np.random.RandomState(1)]
    ),
    row(
        "a vectorized function that was called",
        lambda: [np.vectorize(len), _called(np.vectorize(len))],
    ),
    row("empty arrays", lambda: [np.zeros((0, 3)), np.ones((0, 3))]),
]

DIFFERENT = [
    row(
        "dtypes of equal numbers",
        lambda: [
            np.ones(4, t)
            for t in (
                "i1",
                "u1",
                "i2",
                "i4",
                "i8",
                "u8",
                "f2",
                "f4",
                "f8",
                "c8",
                "c16",
                "?",
                "O",
                "U1",
                "S1",
                "m8[s]",
                "M8[s]",
                np.longdouble,
            )
        ],
    ),
    row("units", lambda: [np.zeros(2, f"M8[{u}]") for u in ("D", "s", "ms", "us", "ns")]),
    row(
        "byte orders, which are dtypes",
        lambda: [np.arange(3, dtype="<i4"), np.arange(3, dtype=">i4")],
    ),
    row(
        "widths of text",
        lambda: [
            np.array(["a"], "U1"),
            np.array(["a"], "U2"),
            np.array(["a"], "S1"),
            np.array(["a"], object),
        ],
    ),
    row(
        "shapes",
        lambda: [
            np.zeros(s) for s in ((4,), (4, 1), (1, 4), (2, 2), (2, 2, 1), (0,), (0, 4), (4, 0), ())
        ],
    ),
    row("a square array and its transpose", lambda: [array(0, (3, 3)), array(0, (3, 3)).T]),
    row(
        "a large square array and its transpose",
        lambda: [array(0, (600, 600)), array(0, (600, 600)).T],
    ),
    row(
        "a permuted cube",
        lambda: [
            array(0, (4, 4, 4)).transpose(p) for p in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0))
        ],
    ),
    row(
        "zero and minus zero",
        lambda: [
            np.array([0.0]),
            np.array([-0.0]),
            np.array([0]),
            np.float64(0.0),
            np.float64(-0.0),
        ],
    ),
    row(
        "any one element of a large array",
        lambda: [
            _with(array(0, (200_000,)), i) for i in (None, 0, 65_535, 65_536, 131_071, 199_999)
        ],
    ),
    row(
        "any one element of a strided array",
        lambda: [_with(array(0, (2, 200_000)), (1, i)).T for i in (0, 1, 65_536, 199_999)],
    ),
    row("NaN and infinities", lambda: [np.array([v]) for v in (np.nan, np.inf, -np.inf, 0.0)]),
    row(
        "NaT and the smallest integer",
        lambda: [
            np.array(["NaT"], "M8[ns]"),
            np.array(["NaT"], "m8[ns]"),
            np.array([np.iinfo("i8").min]),
        ],
    ),
    row(
        "scalars, arrays without dimensions, numbers",
        lambda: [
            np.float64(1),
            np.array(1.0),
            np.array([1.0]),
            1.0,
            np.float32(1),
            np.int64(1),
            1,
            np.bool_(True),
            True,
        ],
    ),
    row(
        "texts", lambda: [np.str_("a"), "a", np.bytes_(b"a"), b"a", np.array("a"), np.array(["a"])]
    ),
    row(
        "moments",
        lambda: [
            np.datetime64("2020-01-01"),
            np.datetime64("2020-01-01", "ns"),
            np.timedelta64(1, "D"),
            np.datetime64("NaT", "ns"),
        ],
    ),
    row(
        "names and places of fields",
        lambda: [
            np.zeros(2, d)
            for d in (
                [("a", "f8")],
                [("b", "f8")],
                [("a", "f8"), ("b", "f8")],
                [("a", "f8", (2,))],
                np.dtype([("a", "i1"), ("b", "f8")], align=True),
                [("a", "i1"), ("b", "f8")],
                "V8",
            )
        ],
    ),
    row(
        "values of fields",
        lambda: [
            np.array([v], [("a", "i4"), ("b", "O")])
            for v in ((1, "x"), (2, "x"), (1, "y"), (1, None))
        ],
    ),
    row("masks", lambda: [np.ma.masked_array([1, 2], m) for m in ([0, 0], [1, 0], [0, 1], [1, 1])]),
    row(
        "a masked array and a plain one",
        lambda: [
            np.ma.masked_array([1.0]),
            np.array([1.0]),
            np.ma.masked,
            np.ma.masked_array([1.0], fill_value=5),
        ],
    ),
    row(
        "subclasses",
        lambda: [
            np.ones((1, 1)),
            np.asmatrix(np.ones((1, 1))),
            np.ones((1, 1)).view(_Own),
            _tagged(1),
            _tagged(2),
            np.ones((1, 1)).view(np.recarray),
        ],
    ),
    row(
        "kinds within an object array",
        lambda: [np.array([v], object) for v in (1, 1.0, True, "1", None, np.float64(1), np.nan)],
    ),
    row(
        "states of generators",
        lambda: [
            np.random.default_rng(1),
            np.random.default_rng(2),
            advanced(np.random.default_rng(1), 1),
            np.random.RandomState(1),
            np.random.PCG64(1),
            np.random.Generator(np.random.MT19937(1)),
            np.random.SeedSequence(1),
            np.random.SeedSequence(2),
        ],
    ),
    row(
        "a generator that has spawned others",
        lambda: [np.random.default_rng(1), _spawned(np.random.default_rng(1))],
    ),
    row(
        "functions",
        lambda: [
            np.add,
            np.subtract,
            np.mean,
            np.sum,
            np.vectorize(len),
            np.vectorize(abs),
            np.float64,
            np.dtype("f8"),
        ],
    ),
    row(
        "calendars",
        lambda: [
            np.busdaycalendar(),
            np.busdaycalendar("1111000"),
            np.busdaycalendar(holidays=["2020-01-01"]),
        ],
    ),
    row(
        "polynomials",
        lambda: [
            np.poly1d([1, 2]),
            np.poly1d([1, 3]),
            np.polynomial.Polynomial([1, 2]),
            np.polynomial.Chebyshev([1, 2]),
        ],
    ),
]


class _Own(np.ndarray[Any, Any]):
    tag: Any = None


def _tagged(tag: object) -> Any:
    value = np.ones((1, 1)).view(_Own)
    value.tag = tag
    return value


def _frozen(value: Any) -> Any:
    value.flags.writeable = False
    return value


def _looked_at(value: Any) -> Any:
    assert value.fill_value is not None and repr(value)
    return value


def _called(value: Any) -> Any:
    assert value(["a", "bc"]).tolist() == [1, 2]
    return value


def _spawned(generator: Any) -> Any:
    generator.bit_generator.seed_seq.spawn(1)
    return generator


def _with(value: Any, place: Any) -> Any:
    if place is not None:
        value[place] += 1
    return value


@pytest.mark.parametrize("values", SAME)
def test_same(values: Values) -> None:
    made = values()
    assert len(made) > 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # looking for NaN must not make numpy warn
        assert len({content_key(value) for value in made}) == 1


@pytest.mark.parametrize("values", DIFFERENT)
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_different(values: Values) -> None:
    keys = [content_key(value) for value in values()]
    assert len(keys) > 1
    assert len(set(keys)) == len(keys)


@pytest.mark.skipif(not HAS_STRING_DTYPE, reason="numpy 2 brought StringDType")
def test_strings_of_any_length() -> None:
    def strings(*items: Any, **options: Any) -> Any:
        return np.array(items, np.dtypes.StringDType(**options))

    missing = strings("a", None, na_object=None)
    assert content_key(strings("a", "bc")) == content_key(strings("a", "-", "bc")[::2])
    values = [
        strings("a", "bc"),
        strings("ab", "c"),
        strings("a", "bc", na_object=None),
        missing,
        strings("a", np.nan, na_object=np.nan),
        np.array(["a", "bc"]),
        np.dtypes.StringDType(),
    ]
    assert len(set(map(content_key, values))) == len(values)


def test_a_file_mapped_into_memory_is_its_content(tmp_path: Path) -> None:
    values = array(0, (300, 40))
    np.save(tmp_path / "a.npy", values)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert type(mapped) is np.memmap
    assert content_key(mapped) == content_key(values)
    assert content_key(mapped[::2]) == content_key(values[::2])


dtypes = st.sampled_from(
    ["f8", "f4", "f2", "i8", "u2", "?", "c16", "M8[ns]", "m8[s]", "U3", "S2", ">f8", ">i4", ">c8"]
)
arrays = dtypes.flatmap(
    lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6))
)


@given(arrays)
@settings(deadline=None)
def test_how_an_array_lies_in_memory_does_not_count(values: Any) -> None:
    key = content_key(values)
    spread = np.zeros([2 * n for n in values.shape], values.dtype)
    every_other = spread[tuple(slice(None, None, 2) for _ in values.shape)]
    every_other[...] = values
    flipped = np.flip(values).copy()
    for other in (
        values.copy(),
        np.asfortranarray(values),
        every_other,
        np.flip(flipped),
        copy.deepcopy(values),
        pickle.loads(pickle.dumps(values)),
        np.moveaxis(np.moveaxis(values, 0, -1).copy(), -1, 0),
    ):
        if other.dtype == values.dtype:  # numpy's pickles of empty arrays lose the byte order
            assert content_key(other) == key
    assert describe(values).digest.hex() == key


@given(arrays, st.data())
@settings(deadline=None)
def test_one_changed_element_changes_the_key(values: Any, data: st.DataObject) -> None:
    if not values.size:
        return
    changed = values.copy()
    place = data.draw(st.integers(0, values.size - 1))
    new = data.draw(hnp.from_dtype(values.dtype))
    changed.flat[place] = new
    before, after = values.flat[place], changed.flat[place]
    both_nan = before != before and after != after
    if values.dtype.kind == "c":  # parts count one by one
        both_nan = np.array_equal(
            np.array([before]).view(before.real.dtype),
            np.array([after]).view(after.real.dtype),
            equal_nan=True,
        )
    if before.tobytes() == after.tobytes() or both_nan:
        return
    assert content_key(changed) != content_key(values)


@given(st.integers(1, 4), st.integers(0, 3), st.sampled_from(["f8", "f4", "i2"]))
@settings(deadline=None, max_examples=20)
def test_strided_rows_have_the_digests_of_contiguous_ones(
    rows: int, blocks: int, dtype: str
) -> None:
    from afml_cache.keys.blocks import Plan

    length = blocks * BLOCK + 12_345
    values = np.arange(rows * length).reshape(rows, length).astype(dtype)
    apart = np.asfortranarray(values)
    digests = []
    for lying in (values, apart):
        plan = Plan()
        digests.append(plan.add(lying))
        plan.run()
    assert digests[0] == digests[1]
    assert len(digests[0]) == rows and len(digests[0][0]) == blocks + 1


def test_a_vector_is_described_by_its_blocks() -> None:
    values = np.zeros(BLOCK + 1)
    before = describe(values).summary
    values[BLOCK] = 1
    after = describe(values).summary
    assert before["shape"] == [BLOCK + 1] and before["dtype"] == "float64"
    assert before["values"]["blocks"][0] == after["values"]["blocks"][0]
    assert before["values"]["blocks"][1] != after["values"]["blocks"][1]
