"""What can only be measured in a new process: imports, first opens, memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent

IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"

FIRST_OPEN = """
import sys, time
sys.path.insert(0, {here!r})
import arms
from pathlib import Path
with arms.cached_by({peer!r}, arms.build, Path({folder!r})) as cached, \\
        arms.cached_by({peer!r}, arms.tiny, Path({folder!r}) / "warm") as warm:
    warm(3), warm(3)  # modules, packages and store are known; no big value has been opened
    if {peer!r} == "afml_cache":
        from afml_cache import use_store
        use_store(Path({folder!r}) / "afml")
        cached.cache_info()
    t = time.perf_counter()
    frame = cached(1)
    value = float(frame.iloc[0, 0])
    print(time.perf_counter() - t)
"""

MEMORY = """
import resource, sys
sys.path.insert(0, {here!r})
import arms, numpy as np, pandas as pd
from pathlib import Path
from afml_cache import content_key, robust_cacheable, use_store
values = np.random.default_rng(1).standard_normal((10, 12_500_000))
index = pd.date_range("1990", periods=12_500_000, freq="s")
frame = pd.DataFrame(values.T, index=index, copy=False)
frame.index.asi8
@robust_cacheable
def hand_out(number):
    return frame
content_key(arms.small_frame())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if {what!r} == "hash":
    content_key(frame)
else:
    with use_store(Path({folder!r}) / "afml"):
        hand_out(1)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def measured(source: str) -> float:
    """Run ``source`` in a new Python; the number that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "AFML_CACHE_SECRET": "benchmarks"},
    )
    return float(done.stdout)


def import_seconds(module: str, rounds: int = 15) -> float:
    """Median seconds to import a module in a new process, its files in the page cache."""
    source = IMPORT.format(module)
    measured(source)
    return median(measured(source) for _ in range(rounds))


def first_open_seconds(rounds: int = 9) -> dict[str, float]:
    """Median seconds to the first big hit of a process, for us and for joblib, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        sources = {
            peer: FIRST_OPEN.format(here=str(HERE), peer=peer, folder=folder)
            for peer in ("afml_cache", "joblib")
        }
        for source in sources.values():
            measured(source)  # the first run computes and stores
        times: dict[str, list[float]] = {peer: [] for peer in sources}
        for _ in range(rounds):
            for peer, source in sources.items():
                times[peer].append(measured(source))
        return {peer: median(seconds) for peer, seconds in times.items()}


def added_megabytes(what: str) -> float:
    """Memory (MB) that hashing or storing a 1 GB frame adds to the peak of a process."""
    with tempfile.TemporaryDirectory() as folder:
        return measured(MEMORY.format(here=str(HERE), what=what, folder=folder))


def main() -> None:
    """Print everything as JSON."""
    print(
        json.dumps(
            {
                "import": {m: import_seconds(m) for m in ("afml_cache", "joblib")},
                "first open": first_open_seconds(),
                "memory": {what: added_megabytes(what) for what in ("hash", "store")},
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
