"""What calls under each cache take: the quickest of rounds in which all of them take their turn.

The quickest, since whatever else a machine does makes a round longer and never shorter.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import arms

#: A round of one cache: seconds for one call.
Round = Callable[[], float]

FIRST = """
import sys, time
sys.path.insert(0, {here!r})
import numpy, pandas
from pathlib import Path
import arms
started = time.perf_counter()
with arms.cached_by({peer!r}, arms.add, Path({folder!r})) as cached:
    assert cached(1, 2) == 3
print(time.perf_counter() - started)
"""


def seconds(call: Callable[[], object], times: int) -> float:
    """Of one call, over so many in a row."""
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times


def in_turn(rounds: dict[str, Round], count: int) -> dict[str, float]:
    """The quickest of each cache's rounds, the caches in turn; a first round is not counted."""
    taken: dict[str, list[float]] = {peer: [] for peer in rounds}
    for number in range(count + 1):
        for peer, one_round in rounds.items():
            took = one_round()
            if number:
                taken[peer].append(took)
    return {peer: min(times) for peer, times in taken.items()}


def hits(
    peers: list[str], function: Callable[..., Any], arguments: tuple[Any, ...], times: int
) -> dict[str, float]:
    """One call whose result is there."""
    with ExitStack() as stack:
        rounds: dict[str, Round] = {}
        for peer in peers:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            cached = stack.enter_context(arms.cached_by(peer, function, folder))
            cached(*arguments)
            rounds[peer] = lambda cached=cached: seconds(  # type: ignore[misc]
                lambda: cached(*arguments), times
            )
        return in_turn(rounds, 9)


def first_calls(
    peers: list[str], function: Callable[..., Any], rest: tuple[Any, ...], times: int
) -> dict[str, float]:
    """One call whose result is not there, less what the function takes by itself."""
    with ExitStack() as stack:
        numbers = itertools.count()
        rounds: dict[str, Round] = {
            "": lambda: seconds(lambda: function(next(numbers), *rest), times)
        }
        for peer in peers:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            cached = stack.enter_context(arms.cached_by(peer, function, folder))
            rounds[peer] = lambda cached=cached: seconds(  # type: ignore[misc]
                lambda: cached(next(numbers), *rest), times
            )
        taken = in_turn(rounds, 5)
    bare = taken.pop("")
    return {peer: took - bare for peer, took in taken.items()}


def new_process(peers: list[str]) -> dict[str, float]:
    """Importing the cache, decorating and one hit, in a process that has loaded pandas."""
    with tempfile.TemporaryDirectory() as folder:
        here = str(Path(__file__).parent)
        programs = {peer: FIRST.format(here=here, peer=peer, folder=folder) for peer in peers}
        rounds: dict[str, Round] = {
            peer: lambda program=program: float(  # type: ignore[misc]
                subprocess.run(
                    [sys.executable, "-c", program], capture_output=True, text=True, check=True
                ).stdout
            )
            for peer, program in programs.items()
        }
        return in_turn(rounds, 7)


def measured(peers: list[str]) -> dict[str, dict[str, float]]:
    """Seconds by what is done and by cache."""
    middle, big = arms.middle_frame(), arms.big_frame()
    return {
        "a hit, two numbers": hits(peers, arms.add, (1, 2), 50),
        "a hit, a frame of 1,000 x 10": hits(peers, arms.total, (middle,), 20),
        "a hit, a frame of 80 MB": hits(peers, arms.total, (big,), 1),
        "a hit whose result has 80 MB": hits(peers, arms.build, (1,), 1),
        "what a first call adds, two numbers": first_calls(peers, arms.add, (2,), 50),
        "what a first call adds, a result of 80 MB": first_calls(peers, arms.build, (), 1),
        "a new process: import, decorate, one hit": new_process(peers),
    }
