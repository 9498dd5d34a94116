"""Storing and opening large values copies neither of them into memory."""

from __future__ import annotations

import pytest

SCRIPT = """
    import resource, sys
    import numpy as np, pandas as pd
    from afml_cache.store.store import Claim, Store

    megabytes, shape = int(sys.argv[2]), sys.argv[3]
    rows = megabytes * 1_000_000 // 80
    step = 2 if shape == "strided" else 1
    data = np.arange(rows * 10 * step, dtype="f8").reshape(rows, 10 * step)[:, ::step]
    frame = pd.DataFrame(data, index=pd.date_range("2000", periods=rows, freq="s"), copy=False)
    store = Store(sys.argv[1], secret=b"x" * 32)
    claim = Claim("f", b"c", b"e", b"a")
    store.put(b"w" * 16, frame.head(20_000), claim)  # whatever is loaded at first use
    store.get(b"w" * 16)

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3  # MB

    before = peak()
    assert store.put(b"k" * 16, frame, claim) is None
    print(peak() - before)
    found = store.get(b"k" * 16)
    pd.testing.assert_frame_equal(found.iloc[::997], frame.iloc[::997])
    assert found.shape == frame.shape
"""


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["contiguous", "strided"])
def test_storing_a_frame_adds_little_memory(shape, run_python, base):
    assert float(run_python(SCRIPT, str(base), "256", shape)) < 25


@pytest.mark.slow
def test_storing_a_gigabyte_adds_less_than_100_megabytes(run_python, base):
    assert float(run_python(SCRIPT, str(base), "1000", "contiguous")) < 100
