"""Whether a function's keys are the same in every process: asked of two new ones."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_afml.compat.bodies import Function, name_of
from pytest_afml.compat.cases import Args
from pytest_afml.limits import LimitError, identity

SEEDS = ("1", "2")

#: Seconds for a process to import the function's module and make the keys.
_PATIENCE = 300


def different_keys(function: Function, cases: list[tuple[str, Args]]) -> list[str]:
    """What differs between the keys of two new processes, a sentence each; empty: nothing.

    Raises
    ------
    LimitError
        New processes cannot get hold of the function or of its arguments, or it has no keys.
    RuntimeError
        A process failed; the message has what it wrote.
    """
    told = _order(function, cases)
    with tempfile.TemporaryDirectory(prefix="afml-keys-") as folder:
        order = Path(folder) / "order.pickle"
        order.write_bytes(told)
        running = [(seed, _start(order, seed)) for seed in SEEDS]
        answers = [_answer(process, seed, order) for seed, process in running]
    found = []
    for (name, _), one, other in zip(cases, *answers, strict=True):
        if one["key"] != other["key"]:
            seeds = [
                f"{answer['key']} with PYTHONHASHSEED={seed}"
                for answer, seed in zip((one, other), SEEDS, strict=True)
            ]
            why = "; ".join([*_of(one, other, "argument"), *_of(one, other, "code")])
            found.append(f"{name}: the key is {' and '.join(seeds)}: {why or 'no part differs'}")
    return found


def _of(one: Mapping[str, Any], other: Mapping[str, Any], kind: str) -> list[str]:
    """Which arguments, or parts of the code, have two keys."""
    names = sorted({*one[kind], *other[kind]})
    different = [name for name in names if one[kind].get(name) != other[kind].get(name)]
    what = "argument" if kind == "argument" else "the code or value of"
    return [f"{what} {name} has another key in each process" for name in different]


def _order(function: Function, cases: list[tuple[str, Args]]) -> bytes:
    """What the processes need: the way to the function, and the arguments."""
    identity(function)
    name = name_of(function)
    if not hasattr(function, "cache_key"):
        raise LimitError(
            f"{name} has no exact keys: it is under @cacheable, whose keys are joblib's"
        )
    defined = getattr(function, "__func__", function)
    module, path = defined.__module__, defined.__qualname__
    if module == "__main__" or "<" in path:
        raise LimitError(
            f"{name} cannot be found by a new process; define it in a module, not in a function"
        )
    file = getattr(sys.modules.get(module), "__file__", None)
    for case, one in cases:
        try:
            inspect.signature(function).bind(*one.args, **one.kwargs)
        except TypeError as error:
            raise LimitError(f"{case} is no call of {name}: {error}") from None
    instance = getattr(function, "__self__", None)  # of a bound method
    own = () if instance is None or isinstance(instance, type) else (instance,)
    try:
        arguments = pickle.dumps([((*own, *one.args), one.kwargs) for _, one in cases])
    except Exception as error:  # a value's own pickling may raise anything
        raise LimitError(
            f"the arguments of {name} cannot be sent to a new process "
            f"({type(error).__name__}: {error}); give such as can be pickled"
        ) from error
    return pickle.dumps((list(sys.path), module, path, file, arguments))


def _start(order: Path, seed: str) -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[2])
    code = "from pytest_afml.compat.stable_keys_child import main; main()"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    known = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = root if not known else f"{root}{os.pathsep}{known}"
    answer = order.with_suffix(f".{seed}.json")
    return subprocess.Popen(
        [sys.executable, "-c", code, str(order), str(answer)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _answer(process: subprocess.Popen[str], seed: str, order: Path) -> list[dict[str, Any]]:
    try:
        written, _ = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        written, _ = process.communicate()
        raise RuntimeError(
            f"no keys from a new process after {_PATIENCE} s; it wrote:\n{written}"
        ) from None
    answer = order.with_suffix(f".{seed}.json")
    if process.returncode != 0 or not answer.exists():
        raise RuntimeError(
            f"a new process (PYTHONHASHSEED={seed}) could not make the keys; it wrote:\n{written}"
        )
    found: list[dict[str, Any]] = json.loads(answer.read_text(encoding="utf-8"))
    return found
