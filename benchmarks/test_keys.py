"""How long it takes to make a key, against the hash functions of peers and raw xxh3-128."""

from __future__ import annotations

from typing import Any

import arms
import dask.base
import joblib
import numpy as np
import pytest
import xxhash

from afml_cache import content_key

INPUTS = {
    "key 80 MB": arms.big_frame,
    "key 80 MB strided": arms.strided_frame,
    "key 252 x 5": arms.small_frame,
    "key strings arrow": arms.arrow_strings,
    "key strings objects": arms.object_strings,
}


def raw_over(frame: Any) -> Any:
    """xxh3-128 over the frame's bytes, laid out so that nothing has to be gathered."""
    buffers = [np.ascontiguousarray(frame.iloc[:, i].to_numpy()) for i in range(frame.shape[1])]
    buffers.append(frame.index.asi8)

    def hash_all(_: Any) -> list[bytes]:
        return [xxhash.xxh3_128_digest(buffer) for buffer in buffers]

    return hash_all


@pytest.mark.parametrize("peer", ["afml_cache", "raw", "joblib", "dask"])
@pytest.mark.parametrize("name", INPUTS)
def test_key(benchmark: Any, name: str, peer: str) -> None:
    value = INPUTS[name]()
    if peer == "raw" and not name.startswith("key 80 MB"):
        pytest.skip("raw bytes are only comparable for one buffer a column")
    functions = {
        "afml_cache": content_key,
        "joblib": joblib.hash,
        "dask": dask.base.tokenize,
    }
    function = raw_over(value) if peer == "raw" else functions[peer]
    benchmark.group = name
    benchmark.extra_info["arm"] = peer
    small = name == "key 252 x 5"
    benchmark.pedantic(
        function,
        args=(value,),
        rounds=200 if small else 15,
        iterations=20 if small else 1,
        warmup_rounds=2,
    )
