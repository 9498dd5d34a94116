"""pyarrow, scipy and scikit-learn values, and functions that other packages wrap."""

from __future__ import annotations

import copy
import decimal
import functools
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from afml_cache.keys.content import content_key, describe

Values = Callable[[], list[Any]]


def keys_of(values: list[Any]) -> list[str]:
    return [content_key(value) for value in values]


def assert_same(*values: Any) -> None:
    assert len(values) > 1 and len(set(keys_of(list(values)))) == 1


def assert_different(*values: Any) -> None:
    assert len(values) > 1 and len(set(keys_of(list(values)))) == len(values)


class TestArrow:
    @pytest.fixture(autouse=True)
    def _pyarrow(self) -> None:
        self.pa = pytest.importorskip("pyarrow")

    def table(self, **columns: Any) -> Any:
        pa = self.pa
        return pa.table(
            {
                "int": [1, 2, None],
                "text": ["x", None, "z"],
                "list": [[1], [], None],
                "struct": [{"a": 1}, None, {"a": 2}],
                "dictionary": pa.array(["q", "r", "q"]).dictionary_encode(),
                "bool": [True, None, False],
                "decimal": [decimal.Decimal("1.5")] * 3,
                "nothing": pa.nulls(3),
                "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
                "float": [1.0, float("nan"), None],
                "time": pa.array([1, None, 3], pa.timestamp("ns", "UTC")),
                "bytes": [b"a", b"", None],
                "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
                **columns,
            }
        )

    def test_chunks_and_offsets_do_not_count(self) -> None:
        pa, table = self.pa, self.table()
        longer = pa.concat_tables([table, table])
        assert_same(
            table,
            self.table(),
            longer.slice(3),
            longer.slice(0, 3),
            pa.concat_tables([table.slice(0, 1), table.slice(1, 0), table.slice(1)]),
            table.combine_chunks(),
            pickle.loads(pickle.dumps(table)),
            copy.deepcopy(table),
        )

    def test_every_cell_counts(self) -> None:
        table = self.table()
        for place, name in enumerate(table.schema.names):
            reversed_column = table[name].take(self.pa.array([2, 1, 0]))
            changed = table.set_column(place, table.schema.field(name), reversed_column)
            if repr(reversed_column.to_pylist()) != repr(table[name].to_pylist()):
                assert_different(table, changed)

    def test_types_names_and_metadata_count(self) -> None:
        pa = self.pa
        assert_different(
            pa.table({"a": [1]}),
            pa.table({"b": [1]}),
            pa.table({"a": pa.array([1], pa.int32())}),
            pa.table({"a": [1.0]}),
            pa.table({"a": [1]}).replace_schema_metadata({"k": "v"}),
            pa.table({"a": [1]}, schema=pa.schema([pa.field("a", pa.int64(), nullable=False)])),
            pa.table({"a": pa.array(["1"])}),
            pa.table({"a": pa.array(["1"], pa.large_string())}),
            pa.table({"a": pa.array(["1"]).dictionary_encode()}),
            pa.table({"a": [[1]]}),
            pa.table({"a": [{"x": 1}]}),
            pa.table({"a": [{"y": 1}]}),
            pa.record_batch({"a": [1]}),
            pa.array([1]),
            pa.chunked_array([[1]]),
            pa.scalar(1),
            pa.int64(),
            pa.field("a", pa.int64()),
            pa.schema([pa.field("a", pa.int64())]),
        )

    def test_null_is_neither_zero_nor_nan(self) -> None:
        pa = self.pa
        assert_different(
            pa.array([1.0, None]),
            pa.array([1.0, 0.0]),
            pa.array([1.0, float("nan")]),
            pa.array([None, 1.0]),
            pa.array([1.0]),
        )

    def test_nan_of_any_bits_and_values_under_a_null(self) -> None:
        pa = self.pa
        odd = np.array([0x7FF8000000000000, 0xFFF8000000000001], "u8").view("f8")
        assert_same(pa.array(odd[:1], from_pandas=False), pa.array(odd[1:], from_pandas=False))
        hidden = [
            pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.py_buffer(np.array(v))])
            for v in ([1, 2], [1, 3])
        ]
        assert hidden[0].equals(hidden[1])
        assert_same(*hidden)

    def test_long_columns_are_told_apart_row_by_row(self) -> None:
        pa = self.pa
        items = [f"s{i}" if i % 5 else None for i in range(140_000)]
        whole = pa.chunked_array([items])
        parts = pa.chunked_array([items[:99_999], items[99_999:]])
        changed = pa.chunked_array([[*items[:-1], "other"]])
        assert_same(whole, parts)
        assert_different(whole, changed, whole.cast(pa.large_string()))


class TestSparse:
    @pytest.fixture(autouse=True)
    def _scipy(self) -> None:
        self.sparse = pytest.importorskip("scipy.sparse")

    def matrix(self, form: str, seed: int = 1) -> Any:
        return self.sparse.random(20, 30, 0.2, format=form, random_state=seed)

    @pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"])
    def test_every_format(self, form: str) -> None:
        value = self.matrix(form)
        assert_same(value, value.copy(), pickle.loads(pickle.dumps(value)))
        assert_different(value, self.matrix(form, 2), value * 2, value.astype("f4"))

    def test_formats_and_classes_count(self) -> None:
        assert_different(
            *(self.matrix(form) for form in ("csr", "csc", "coo", "bsr", "dok", "lil")),
            self.sparse.csr_array(self.matrix("csr")),
            self.matrix("csr").toarray(),
        )

    def test_the_order_of_storage_does_not_count_and_is_left_as_it_was(self) -> None:
        sparse = self.sparse
        data, indices, indptr = np.array([1.0, 2.0, 3.0]), np.array([2, 0, 1]), np.array([0, 2, 3])
        shuffled = sparse.csr_matrix((data, indices, indptr), shape=(2, 3))
        in_order = sparse.csr_matrix(
            (np.array([2.0, 1.0, 3.0]), np.array([0, 2, 1]), indptr), shape=(2, 3)
        )
        assert_same(shuffled, in_order)
        assert shuffled.indices.tolist() == [2, 0, 1]

    def test_stored_zeros_count(self) -> None:
        stored = self.sparse.csr_matrix(np.array([[1.0, 2.0]]))
        stored.data[1] = 0
        assert_different(stored, self.sparse.csr_matrix(np.array([[1.0, 0.0]])))


class TestEstimators:
    @pytest.fixture(autouse=True)
    def _sklearn(self) -> None:
        pytest.importorskip("sklearn")
        rng = np.random.default_rng(0)
        self.X = rng.standard_normal((60, 3))
        self.y = (self.X[:, 0] > 0).astype(int)

    def made(self) -> dict[str, Callable[[], Any]]:
        from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return {
            "linear": lambda: LogisticRegression(C=2.0),
            "pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
            "forest": lambda: RandomForestClassifier(3, random_state=1),
            "boosting": lambda: HistGradientBoostingClassifier(max_iter=3, random_state=1),
            "neighbours": lambda: KNeighborsClassifier(),
        }

    def test_made_alike_and_fitted_alike(self) -> None:
        for make in self.made().values():
            fitted = [make().fit(self.X, self.y) for _ in range(2)]
            assert_same(make(), make(), copy.deepcopy(make()))
            assert_same(*fitted)
            if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # numpy 1 pickles lose seeds
                assert_same(fitted[0], pickle.loads(pickle.dumps(fitted[0])))
            assert_different(make(), fitted[0])

    def test_kinds_parameters_and_training_data_count(self) -> None:
        made = self.made()
        linear = made["linear"]
        assert_different(
            *(make() for make in made.values()),
            linear().set_params(C=3.0),
            linear().fit(self.X, self.y),
            linear().fit(self.X, 1 - self.y),
            made["pipeline"]().set_params(logisticregression__C=3.0),
            type(linear()),
        )

    def test_splitters_and_scorers(self) -> None:
        from sklearn.metrics import accuracy_score, f1_score, make_scorer
        from sklearn.model_selection import KFold, TimeSeriesSplit

        assert_same(KFold(3), KFold(3))
        assert_same(make_scorer(f1_score), make_scorer(f1_score))
        assert_different(
            KFold(3),
            KFold(4),
            KFold(3, shuffle=True, random_state=1),
            TimeSeriesSplit(3),
            make_scorer(f1_score),
            make_scorer(accuracy_score),
            f1_score,
            accuracy_score,
        )

    def test_the_version_of_scikit_learn_belongs_to_the_environment(self) -> None:
        import sklearn.base

        before = content_key(self.made()["linear"]())
        kept = sklearn.base.__version__
        try:
            sklearn.base.__version__ = "0.0"
            assert content_key(self.made()["linear"]()) == before
        finally:
            sklearn.base.__version__ = kept


def scale(x: float, factor: float = 2.0) -> float:
    return x * factor


def offset(x: float, by: float = 2.0) -> float:
    return x + by


class TestFunctions:
    def test_a_cached_function_counts_by_its_function(self) -> None:
        assert_same(functools.lru_cache(scale), functools.lru_cache(maxsize=5)(scale))
        assert_different(scale, offset, functools.lru_cache(scale), functools.lru_cache(offset))

    def test_a_joblib_function_counts_by_its_function(self, tmp_path: Any) -> None:
        import joblib

        memories = [joblib.Memory(tmp_path / name, verbose=0) for name in "ab"]
        assert_same(*(memory.cache(scale) for memory in memories))
        assert_different(memories[0].cache(scale), memories[0].cache(offset))

    def test_a_jitted_function_counts_by_its_source(self) -> None:
        numba = pytest.importorskip("numba")
        assert_same(numba.njit(scale), numba.njit(scale))
        assert_different(
            numba.njit(scale), numba.njit(offset), numba.njit(fastmath=True)(scale), scale
        )

    def test_dispatch_tables_count(self) -> None:
        def made(case: Callable[[Any], Any]) -> Any:
            function = functools.singledispatch(scale)
            function.register(int, case)
            return function

        used = made(offset)
        assert used(1) == 3.0  # fills a cache inside
        assert_same(made(offset), used)
        assert_different(made(offset), made(scale))

    def test_functions_of_packages_go_by_their_name(self) -> None:
        import statistics

        assert_different(statistics.mean, statistics.median, np.mean, np.median, np.nanmean)


def test_nothing_is_imported_for_the_keys_of_plain_values() -> None:
    program = (
        "import sys\n"
        "from afml_cache.keys.content import content_key, describe\n"
        "import datetime, decimal, pathlib, collections\n"
        "value = {'a': [1, 2.5, 'x', None, b'y'], 'd': datetime.date(2024, 1, 1),\n"
        "         'p': pathlib.Path('x'), 'o': collections.OrderedDict(a=decimal.Decimal(1))}\n"
        "content_key(value), describe(value)\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'scipy', 'sklearn', 'joblib', 'numba'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_numpy_values_load_no_pandas() -> None:
    program = (
        "import sys, numpy as np\n"
        "from afml_cache.keys.content import content_key, describe\n"
        "content_key([np.arange(3), np.float64(1), np.random.default_rng(1)])\n"
        "describe(np.arange(3))\n"
        "print(sorted({'pandas', 'pyarrow', 'scipy', 'sklearn'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_estimators_are_described_by_their_type() -> None:
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression

    assert "LogisticRegression" in describe(LogisticRegression()).summary["type"]


def test_columns_that_a_library_made_of_its_own_arrays_are_columns() -> None:
    """The trades of the library backtesting hold its indicators."""
    import pandas as pd

    class Indicator(np.ndarray):
        """An array with a name."""

    def frame(kind: type[np.ndarray]) -> pd.DataFrame:
        made = pd.DataFrame({"size": [1, 2]})
        made["sma"] = np.array([1.5, 2.5]).view(kind)
        return made

    assert_same(frame(Indicator), frame(np.ndarray))
    assert_same(frame(Indicator)["sma"], frame(np.ndarray)["sma"])
