"""The arguments of a backtest, told apart: parameters, by name, and the data that it saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xxhash import xxh3_128_digest

from afml_cache.backtests.plain import to_plain
from afml_cache.backtests.windows import DataWindow, is_data, window_of
from afml_cache.keys import content

#: Dicts within dicts that are taken apart.
_DEEPEST = 4
#: What is called like this holds parameters, if they are arrays, too.
_PARAMETERS = frozenset(
    (
        *("params", "param", "parameters", "parameter", "hyperparameters", "hyperparams"),
        *("config", "settings", "options", "kwargs"),
    )
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a run was made with.

    ``parameters`` holds each as JSON knows it (:mod:`afml_cache.backtests.plain`). The digests (16
    bytes) are those of all parameters, by name, and of all data.
    """

    parameters: Mapping[str, Any]
    windows: tuple[DataWindow, ...]
    parameters_digest: bytes
    data_digest: bytes


def arguments_of(
    values: Mapping[str, Any], digests: Mapping[str, bytes] | None = None
) -> Arguments:
    """Tell the arguments of a call apart.

    Parameters
    ----------
    values : mapping
        Name -> value of every argument that counts. Dicts with texts for keys are taken apart:
        ``params={"window": 20}`` has the parameter ``window``, and ``{"risk": {"stop": 2}}``
        ``risk.stop``; where two arguments have a parameter of one name, both have theirs before it.
    digests : mapping, optional
        The digest (16 bytes) of each value's content, where it is known.

    Raises
    ------
    UnkeyableArgumentError
        A value has no content key.
    """
    digests = digests or {}
    data = {
        name: value
        for name, value in values.items()
        if is_data(value) and name.lower() not in _PARAMETERS
    }
    windows = tuple(
        window_of(name, value, digests.get(name) or content.digest(value, name))
        for name, value in data.items()
    )
    named = parameters_of({name: value for name, value in values.items() if name not in data})
    return Arguments(
        parameters={name: to_plain(value) for name, value in named.items()},
        windows=windows,
        parameters_digest=content.digest(named, "parameters"),
        data_digest=digest_of_data(windows),
    )


def parameters_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> value of the parameters in these arguments, sorted by name."""
    found = [(name, path, one) for name, value in values.items() for path, one in _leaves(value)]
    uses = Counter(path or name for name, path, _ in found)
    named = {}
    for name, path, value in found:
        short = path or name
        named[short if uses[short] == 1 or not path else f"{name}.{path}"] = value
    return dict(sorted(named.items()))


def digest_of_data(windows: Sequence[DataWindow]) -> bytes:
    """One digest (16 bytes) for the data of a run; of one argument, whatever that is called."""
    if len(windows) == 1:
        return bytes.fromhex(windows[0].digest)
    named = sorted(f"{window.name}={window.digest}" for window in windows)
    return xxh3_128_digest("\n".join(named).encode("utf-8", "surrogatepass"))


def _leaves(value: Any, depth: int = _DEEPEST) -> Iterator[tuple[str, Any]]:
    """The parameters within a value, each with its path; the value itself has an empty one."""
    if not depth or type(value) is not dict or not value or not all(map(_is_name, value)):
        yield "", value
        return
    for name, inner in value.items():
        for path, one in _leaves(inner, depth - 1):
            yield (f"{name}.{path}" if path else name), one


def _is_name(key: object) -> bool:
    return type(key) is str and bool(key) and "." not in key
