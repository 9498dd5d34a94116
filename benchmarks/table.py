"""Run the benchmarks once and write ``benchmarks/RESULTS.md``: one table of ratios.

Every ratio is one of medians that were taken in the same run on the same machine.

    python benchmarks/table.py
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import processes

HERE = Path(__file__).parent
PACKAGES = ("numpy", "pandas", "xxhash", "joblib", "diskcache", "cachier", "dask", "pyarrow")

#: (group, arm) -> median seconds
Medians = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Row:
    """One line of the table: ``ratio`` of ours to the peer's must stay at or under ``limit``."""

    what: str
    ours: tuple[str, str]
    peer: tuple[str, str]
    limit: float
    per: int = 1  #: calls in one measured round
    without: tuple[str, str] | None = None  #: what both also contain, and is taken off


KEY = "content_key, 1e6 x 10 floats (80 MB), contiguous"
STRIDED = "content_key, the same, strided columns"
SCALARS = "hit, two scalars"
MIDDLE = "hit, 1000 x 10 frame -> float"
RESULT = "hit, 80 MB frame as result"

ROWS = [
    Row(f"{KEY}, against raw xxh3-128", ("key 80 MB", "afml_cache"), ("key 80 MB", "raw"), 1.6),
    Row(
        f"{KEY}, against joblib.hash", ("key 80 MB", "afml_cache"), ("key 80 MB", "joblib"), 1 / 30
    ),
    Row(f"{KEY}, against dask", ("key 80 MB", "afml_cache"), ("key 80 MB", "dask"), 0),
    Row(
        f"{STRIDED}, against raw xxh3-128",
        ("key 80 MB strided", "afml_cache"),
        ("key 80 MB strided", "raw"),
        4,
    ),
    Row(
        "content_key, 252 x 5 frame, against joblib.hash",
        ("key 252 x 5", "afml_cache"),
        ("key 252 x 5", "joblib"),
        1 / 8,
    ),
    Row(
        "content_key, 1e6 strings in Arrow memory, against joblib.hash",
        ("key strings arrow", "afml_cache"),
        ("key strings arrow", "joblib"),
        1 / 15,
    ),
    Row(
        "content_key, 1e6 strings as objects, against joblib.hash",
        ("key strings objects", "afml_cache"),
        ("key strings objects", "joblib"),
        1 / 4,
    ),
    *(
        Row(
            f"{SCALARS}, against {peer}",
            ("hit scalars", "afml_cache"),
            ("hit scalars", peer),
            limit,
            100,
        )
        for peer, limit in (("diskcache", 0.45), ("joblib", 0.1), ("cachier", 0.0))
    ),
    *(
        Row(
            f"{MIDDLE}, against {peer}",
            ("hit 1000 x 10", "afml_cache"),
            ("hit 1000 x 10", peer),
            limit,
        )
        for peer, limit in (("joblib", 0.35), ("diskcache", 0.7), ("cachier", 0.0))
    ),
    Row(
        "hit, 80 MB argument, against joblib",
        ("hit 80 MB argument", "afml_cache"),
        ("hit 80 MB argument", "joblib"),
        1 / 25,
    ),
    Row(
        f"{RESULT}, first open in a process, against joblib",
        ("first open", "afml_cache"),
        ("first open", "joblib"),
        1 / 2.5,
    ),
    Row(
        f"{RESULT}, later, against joblib",
        ("hit 80 MB result", "afml_cache"),
        ("hit 80 MB result", "joblib"),
        1 / 8,
    ),
    Row(
        f"{RESULT}, later, with one full pass over it, against joblib",
        ("hit 80 MB result, read", "afml_cache"),
        ("hit 80 MB result, read", "joblib"),
        1.0,
    ),
    Row(
        "first call, 80 MB result: what the cache adds, against joblib",
        ("first call 80 MB result", "afml_cache"),
        ("first call 80 MB result", "joblib"),
        1.0,
        without=("first call 80 MB result", "none"),
    ),
    Row(
        "hit among 100,000 entries, against 100",
        ("hit among entries", "100000"),
        ("hit among entries", "100"),
        1.3,
        100,
    ),
    Row(
        "adopting a result of joblib's, two scalars, against joblib's own hit",
        ("adopt scalars", "afml_cache"),
        ("adopt scalars", "joblib"),
        0,
        100,
    ),
    Row(
        "adopting a result of joblib's, 1000 x 10 frame -> float, against joblib's own hit",
        ("adopt 1000 x 10", "afml_cache"),
        ("adopt 1000 x 10", "joblib"),
        0,
        100,
    ),
    Row(
        "first call, 80 MB argument, beside 10,000 entries of joblib's, against none",
        ("miss beside entries", "10,000 entries"),
        ("miss beside entries", "none"),
        0,
    ),
]


def run_suites() -> Medians:
    """Run the pytest-benchmark suites; their medians."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", str(HERE), "-q", "-p", "no:cacheprovider"),
                *("-o", "addopts=", "--benchmark-only", "--benchmark-quiet"),
                f"--ignore={HERE / 'test_gates.py'}",
                f"--benchmark-json={report}",
            ],
            check=True,
            cwd=HERE.parent,
        )
        found = json.loads(report.read_text())["benchmarks"]
    return {(b["group"], b["extra_info"]["arm"]): b["stats"]["median"] for b in found}


def shown(seconds: float) -> str:
    """Seconds in the unit that reads best.

    >>> shown(0.0000042), shown(0.0123)
    ('4.2 us', '12.3 ms')
    """
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.1f} ms"


def ratio_text(ratio: float) -> str:
    """A ratio both ways: how much of the peer's time, how many times as fast."""
    faster = f", {1 / ratio:.1f} x as fast" if ratio < 1 else ""
    return f"{ratio:.3f}{faster}"


def lines(medians: Medians, megabytes: dict[str, float]) -> list[str]:
    """The table's lines."""
    table = ["| what | ours | peer | ratio | to reach | |", "|---|---|---|---|---|---|"]

    def add(what: str, ours: str, peer: str, ratio: str, limit: str, reached: bool | None) -> None:
        mark = "" if reached is None else "reached" if reached else "**missed**"
        table.append(f"| {what} | {ours} | {peer} | {ratio} | {limit} | {mark} |")

    for row in ROWS:
        if row.peer not in medians:
            continue
        off = medians[row.without] if row.without else 0.0
        ours, peer = ((medians[arm] - off) / row.per for arm in (row.ours, row.peer))
        ratio = ours / peer
        limit = f"<= {row.limit:.3f}" if row.limit else "for comparison"
        reached = ratio <= row.limit if row.limit else None
        add(row.what, shown(ours), shown(peer), ratio_text(ratio), limit, reached)
    seconds = medians["import", "afml_cache"]
    joblib = medians["import", "joblib"]
    add(
        "import afml_cache (peer: import joblib)",
        shown(seconds),
        shown(joblib),
        ratio_text(seconds / joblib),
        "<= 30 ms",
        seconds <= 0.030,
    )
    for what, used in megabytes.items():
        add(f"memory added: {what} a 1 GB frame", f"{used:.0f} MB", "", "", "< 100 MB", used < 100)
    return table


def machine() -> list[str]:
    """The machine and the versions, a line each."""
    model: Callable[[], str] = platform.processor
    cpuinfo = Path("/proc/cpuinfo")
    name = model()
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        name = names[0].partition(":")[2].strip() if names else name
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return [
        f"- {name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        f"- Python {platform.python_version()}, {versions}",
    ]


def main() -> None:
    """Measure, print, write."""
    medians = run_suites()
    first = processes.first_open_seconds()
    medians |= {("first open", peer): seconds for peer, seconds in first.items()}
    medians |= {("import", m): processes.import_seconds(m) for m in ("afml_cache", "joblib")}
    megabytes = {
        "hashing": processes.added_megabytes("hash"),
        "storing": processes.added_megabytes("store"),
    }
    text = "\n".join(
        [
            "# Results",
            "",
            "Ratios of medians, ours to the peer's, all taken in one run by",
            "`python benchmarks/table.py`. A ratio under 1 is faster than the peer.",
            "",
            *machine(),
            "",
            *lines(medians, megabytes),
            "",
        ]
    )
    print(text)
    (HERE / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
