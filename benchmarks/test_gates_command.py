"""Gates of what the `afml-cache` command promises: quick on a large store, and `verify` on bytes.

Whole processes are compared, as a person meets them; the limits are in pyproject.toml.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from afml_cache import robust_cacheable, use_store
from afml_cache.store.active import active
from afml_cache.store.checkup import check
from pytest_afml import AfmlGate

ENTRIES = 100_000


def plus_one(x: int) -> int:
    return x + 1


def random_numbers(seed: int) -> np.ndarray:
    """20 MB."""
    return np.random.default_rng(seed).normal(size=2_500_000)


def test_status_of_a_hundred_thousand_entries(afml_gate: AfmlGate, tmp_path: Path) -> None:
    """The promise is half a second; Python with click and rich takes half of that to start."""
    for name in ("large", "small"):
        with use_store(tmp_path / name):
            robust_cacheable(plus_one)(1)
    _fill(tmp_path / "large" / "index.sqlite", ENTRIES)
    afml_gate(
        "status of 100,000 entries, against that of one",
        candidate=_command("status", tmp_path / "large"),
        baseline=_command("status", tmp_path / "small"),
        same=lambda large, small: (large["entries"], small["entries"]) == (ENTRIES, 1),
    )


def test_verify_against_reading(afml_gate: AfmlGate, tmp_path: Path) -> None:
    """In one process: its start would hide the difference."""
    with use_store(tmp_path):
        store, keep = active(), robust_cacheable(random_numbers)
        for seed in range(10):
            keep(seed)
        files = [path for path in (tmp_path / "values").rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) > 200_000_000
        afml_gate(
            "verify, against reading as cat does",
            candidate=lambda: check(store),
            baseline=lambda: [problem for path in files if (problem := _read(path))],
        )


def _read(path: Path) -> str | None:
    """Every byte, in pieces of the size that cat uses; None, as nothing is found."""
    piece = bytearray(131_072)
    with path.open("rb", buffering=0) as file:
        while file.readinto(piece):
            pass
    return None


def _command(name: str, directory: Path) -> Callable[[], Any]:
    words = [sys.executable, "-m", "afml_cache.cli", name, "--json", "--directory", str(directory)]

    def run() -> Any:
        done = subprocess.run(words, check=True, capture_output=True)
        return json.loads(done.stdout)

    return run


def _fill(index: Path, entries: int) -> None:
    """Rows as those of the one entry, under other keys: storing so many takes a minute."""
    with sqlite3.connect(index) as connection:
        for table in ("entry", "claim", "description"):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = ["randomblob(16) || substr(slot, 17)" if c == "slot" else c for c in columns]
            connection.execute(
                f"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                f"INSERT INTO {table} ({', '.join(columns)}) "
                f"SELECT {', '.join(values)} FROM n, (SELECT * FROM {table} LIMIT 1)",
                (entries,),
            )
    connection.close()
