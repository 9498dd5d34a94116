"""Hold this cache against joblib, diskcache and mandala, and write the tables of docs/peers.md.

    pip install . joblib diskcache pymandala tqdm graphviz prettytable ipython
    python benchmarks/peers.py

A peer that is not installed, or that cannot be used here, is left out, and the page says so. The
last four packages are what pymandala 0.2.0a0 imports and does not ask for.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import peer_behaviour
import peer_times

PEERS = {"joblib": "joblib", "diskcache": "diskcache", "mandala": "pymandala"}
PAGE = Path(__file__).parents[1] / "docs" / "peers.md"
BEGIN, END = "<!-- measured: python benchmarks/peers.py -->\n", "<!-- end of measured -->\n"


def told(taken: float) -> str:
    """Seconds for people."""
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if abs(taken) >= unit:
            return f"{taken / unit:.3g} {name}"
    return f"{taken * 1e6:.3g} µs"


def table(rows: dict[str, dict[str, str]], peers: list[str], first: str) -> str:
    """Markdown: a row a question, a column a cache."""
    lines = [f"| {first} | {' | '.join(peers)} |", "|---" * (len(peers) + 1) + "|"]
    lines += [f"| {row} | {' | '.join(of[peer] for peer in peers)} |" for row, of in rows.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and put the tables where they belong."""
    versions, missing = {}, []
    for peer, package in PEERS.items():
        try:
            versions[peer] = version(package)
        except PackageNotFoundError:
            missing.append(f"{peer} is not installed where this was measured.")
    peers = ["afml_cache", *versions]
    answers = {peer: peer_behaviour.answers(peer) for peer in peers}
    times = peer_times.measured(peers)
    behaviour = {
        question: {peer: answers[peer][question] for peer in peers}
        for question in peer_behaviour.QUESTIONS
    }
    seconds = {what: {peer: told(of[peer]) for peer in peers} for what, of in times.items()}
    where = (
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("pandas", "numpy"))
        + "".join(f", {PEERS[peer]} {found}" for peer, found in versions.items())
    )
    page = PAGE.read_text("utf-8")
    head, rest = page.split(BEGIN)
    measured = "\n".join(
        [
            table(behaviour, peers, "is it so that"),
            table(seconds, peers, "time, the quickest of 5 to 9 rounds"),
            f"{where}.",
            *missing,
            "",
        ]
    )
    PAGE.write_text(head + BEGIN + "\n" + measured + "\n" + END + rest.split(END)[1], "utf-8")


if __name__ == "__main__":
    main()
