"""The combinations of parameters that a study tries, one at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

from afml_cache.errors import ConfigurationError

#: Name -> values, scikit-learn's ``ParameterGrid``, or any iterable of combinations.
Grid = Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]]


def combinations_of(grid: Grid | object) -> tuple[Iterator[dict[str, Any]], int | None]:
    """The combinations in their order, and how many there are; None: nobody knows.

    Of a mapping name -> values, the last name varies fastest. What is iterated over is consumed
    once, as the combinations are taken.

    Raises
    ------
    ConfigurationError
        It is no grid. A combination that is no mapping raises when it is taken.

    Examples
    --------
    >>> found, count = combinations_of({"fast": [5, 10], "slow": [50]})
    >>> count, list(found)
    (2, [{'fast': 5, 'slow': 50}, {'fast': 10, 'slow': 50}])
    """
    if isinstance(grid, Mapping):
        names = [str(name) for name in grid]
        values = [_values(name, grid[name]) for name in grid]
        count = 1
        for some in values:
            count *= len(some)
        return (dict(zip(names, one, strict=True)) for one in itertools.product(*values)), count
    if isinstance(grid, str | bytes) or not isinstance(grid, Iterable):
        raise ConfigurationError(
            f"the grid is {grid!r}; give a dict of lists ({{'window': [10, 20]}}), a "
            "ParameterGrid, or an iterable of dicts"
        )
    return map(_combination, grid), len(grid) if isinstance(grid, Sized) else None


def _values(name: object, values: object) -> list[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ConfigurationError(
            f"the grid has {name!r}: {values!r}; give its values as a list, also a single one: "
            f"{name!r}: [{values!r}]"
        )
    return list(values)


def _combination(one: object) -> dict[str, Any]:
    if not isinstance(one, Mapping):
        raise ConfigurationError(
            f"the grid yields {one!r}; each combination has to be a dict of parameters by name"
        )
    return {str(name): value for name, value in one.items()}
