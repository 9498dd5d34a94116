"""The arguments of a call as MLflow knows them: parameters, flattened, and datasets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from afml_cache.backtests.arguments import parameters_of
from afml_cache.backtests.windows import is_data, window_of
from afml_cache.tracking.texts import LONGEST_PARAM, as_text, cut, names_of, text_of

#: Parameters of one run that are logged, and letters of a dataset's schema that MLflow takes.
_MOST, _LONGEST_SCHEMA, _LONGEST_NAME = 2000, 60_000, 500


def params_of(values: Mapping[str, Any]) -> dict[str, str]:
    """The parameters among bound arguments by name, with those within dicts, as texts."""
    given = {name: _named(one) for name, one in values.items() if not is_data(one)}
    shown = dict(list(parameters_of(given).items())[:_MOST])
    names = names_of(shown)
    return {names[name]: cut(text_of(value), LONGEST_PARAM) for name, value in shown.items()}


def _named(value: Any, depth: int = 4) -> Any:
    """A dict with names and numbers for its keys, with names only; one of numbers is a value."""
    if type(value) is not dict or not depth or not any(type(key) is str for key in value):
        return value
    named = {str(key): _named(one, depth - 1) for key, one in value.items()}
    are_names = all(isinstance(key, str | int) for key in value)
    return named if are_names and len(named) == len(value) else value


def datasets_of(
    values: Mapping[str, Any], digests: Mapping[str, bytes], function: str
) -> tuple[dict[str, str], ...]:
    """The data among bound arguments, as the fields of MLflow's datasets.

    Parameters
    ----------
    values : mapping
        The arguments by name.
    digests : mapping
        The digest (16 bytes) of each one's content, which identifies the dataset.
    function : str
        What they were given to: their source, as far as a call can tell.
    """
    return tuple(
        _dataset(name, value, digests[name], function)
        for name, value in values.items()
        if is_data(value) and name in digests
    )


def _dataset(name: str, value: Any, digest: bytes, function: str) -> dict[str, str]:
    window = window_of(name, value, digest)
    profile = {"kind": window.kind, "num_rows": window.rows}
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and all(isinstance(one, int) for one in shape):
        profile["shape"] = list(shape)
    if window.first is not None:
        profile |= {"first": as_text(str(window.first)), "last": as_text(str(window.last))}
    return {
        "name": as_text(name)[:_LONGEST_NAME],
        "digest": window.digest,
        "source_type": "code",
        "source": json.dumps({"tags": {"mlflow.source.name": as_text(function)}}),
        "schema": _schema(value),
        "profile": json.dumps(profile),
        "context": as_text(name)[:_LONGEST_NAME],
    }


def _schema(value: Any) -> str:
    """Columns and their types in the words of the table itself, as MLflow shows them."""
    types: Any = getattr(value, "dtypes", None)
    if hasattr(value, "columns") and hasattr(value, "iloc") and hasattr(types, "items"):
        specs = [
            {
                "name": as_text(str(column)),
                "type": _TYPES.get(str(kind), "string"),
                "required": True,
            }
            for column, kind in types.items()
        ]
        text = json.dumps({"mlflow_colspec": specs})
    elif hasattr(value, "dtype") and hasattr(value, "shape"):
        tensor = {"dtype": str(value.dtype), "shape": [-1, *map(int, value.shape[1:])]}
        spec = [{"type": "tensor", "tensor-spec": tensor}]
        text = json.dumps({"mlflow_tensorspec": {"features": json.dumps(spec), "targets": None}})
    else:
        return ""
    return text if len(text) <= _LONGEST_SCHEMA else ""


#: The types of columns in MLflow's words.
_TYPES = {
    **dict.fromkeys(("float64", "Float64"), "double"),
    **dict.fromkeys(("float32", "float16", "Float32"), "float"),
    **dict.fromkeys(("int64", "uint64", "uint32", "Int64", "UInt64", "UInt32"), "long"),
    **dict.fromkeys(("int32", "int16", "int8", "uint16", "uint8", "Int32"), "integer"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **{f"datetime64[{unit}]": "datetime" for unit in ("s", "ms", "us", "ns")},
}
