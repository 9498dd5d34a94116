"""Keys are the same in every process, whatever its hash seed, its order of imports and its past."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.slow  # it starts many processes

SCRIPT = textwrap.dedent(
    """
    {first}
    import collections, dataclasses, datetime, decimal, enum, functools, operator, pathlib, re, uuid
    import zoneinfo
    import numpy as np
    import pandas as pd
    from afml_cache import content_key

    class Side(enum.Enum):
        BUY = "buy"

    @dataclasses.dataclass
    class Params:
        names: set
        side: Side

    class Plain:
        def __init__(self, **values):
            self.__dict__.update(values)

    def scale(x, by=2):
        return [y for y in {{1, 2, x}} if y in {{"a", "b"}}] + [by]

    def outer(n, names):
        return lambda x: (x + n, names, scale(x))

    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    frame = pd.DataFrame({{
        "f": np.linspace(0, 1, 5), "s": words,
        "o": pd.Series([1, "a", None, (1,), {{"x"}}], dtype=object),
        "c": pd.Categorical(words), "i": pd.array([1, None, 3, 4, 5], dtype="Int64"),
        "t": pd.date_range("2024-01-01", periods=5, tz="Europe/Paris"),
    }})
    print(*(content_key(value) for value in [
        set(words), frozenset(words), {{w: set(w) for w in words}},
        {{frozenset(w) for w in words}},
        {{w: i for i, w in enumerate(words)}}, collections.Counter("mississippi"),
        Params(set(words), Side.BUY), Plain(a=set(words), b=Side), scale, outer(1, set(words)),
        functools.partial(scale, by=set(words)), operator.itemgetter("a"), re.compile("a|b", re.I),
        uuid.UUID(int=3), pathlib.PurePosixPath("a/b"), decimal.Decimal("1.0"),
        zoneinfo.ZoneInfo("UTC"),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), np.arange(10.0),
        np.array(words),
        np.array([set(words), None], dtype=object), np.random.default_rng(3),
        np.random.RandomState(3),
        frame, frame.index, frame["c"], frame.set_index(["s", "i"]).index, pd.offsets.BDay(3),
        pd.offsets.CustomBusinessDay(holidays=["2024-01-02", "2024-01-03"]),
        len, np.sin, int, Plain,
    ]), sep="\\n")
    """
)


HERE: list[str] = []  # what the first process printed, with which the others are compared


@pytest.mark.parametrize(
    ("first", "environment"),
    [
        pytest.param("", {"PYTHONHASHSEED": "1"}, id="another hash seed"),
        pytest.param("", {"PYTHONHASHSEED": "4242"}, id="a third hash seed"),
        pytest.param("", {"PYTHONOPTIMIZE": "2"}, id="without docstrings and asserts"),
        pytest.param("", {"TZ": "Asia/Tokyo", "LC_ALL": "C"}, id="elsewhere"),
        pytest.param(
            "import pandas as pd\n"
            "pd.set_option('display.precision', 2)\n"
            "pd.set_option('mode.copy_on_write', True)\n"
            "import numpy as np\n"
            "np.set_printoptions(precision=1)\n"
            "import decimal\n"
            "decimal.getcontext().prec = 3\n"
            "import sys\n"
            "sys.setrecursionlimit(5000)",
            {},
            id="with other options",
        ),
        pytest.param("import afml_cache.memo, json, sqlite3", {}, id="other imports first"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_new_process_makes_the_same_keys(
    run_python: Callable[..., str], first: str, environment: dict[str, str]
) -> None:
    if not HERE:
        HERE.append(
            run_python(SCRIPT.format(first=""), PYTHONHASHSEED="0", PYTHONWARNINGS="ignore")
        )
    here = HERE[0]
    there = run_python(SCRIPT.format(first=first), PYTHONWARNINGS="ignore", **environment)
    assert len(here.splitlines()) == 33
    assert there.splitlines() == here.splitlines()


CALLS = """
    from afml_cache import robust_cacheable

    OPTIONS = {"a", "b", "c"}

    @robust_cacheable
    def choose(names, by):
        return sorted(by(name) for name in names if name in OPTIONS), len({"x", "y"})

    def main():
        choose({"a", "b", "z"}, lambda name: name.upper())
        info = choose.cache_info()
        print(info.hits, info.computed)

    main()
"""


def test_a_call_of_one_process_hits_in_the_next(run_python: Callable[..., str]) -> None:
    assert run_python(CALLS, PYTHONHASHSEED="1").split() == ["0", "1"]
    assert run_python(CALLS, PYTHONHASHSEED="2").split() == ["1", "1"]
    assert run_python(CALLS, PYTHONOPTIMIZE="2").split() == ["2", "1"]
