"""A model as MLflow saves it: signature, input example and requirements named, nothing inferred.

Inferring the requirements would load the model in another process, 4 to 6 seconds a time.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from afml_cache.backtests.windows import is_data
from afml_cache.tracking.client import unwarned
from afml_cache.tracking.said import flavor_of

#: Rows of the data that show what a model is given.
_EXAMPLE_ROWS = 5
#: What predicting may need besides the model's own package.
_BESIDE = ("numpy", "pandas", "scipy", "cloudpickle")


def save_models(
    folder: Path, models: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, str]:
    """Save models into a folder each.

    Parameters
    ----------
    folder : Path
    models : mapping
        By name.
    values : mapping
        The arguments of the call, among which the data lies that a model was fitted to.

    Returns
    -------
    dict
        Name -> why it was left out.
    """
    left_out = {}
    for name, model in models.items():
        try:
            _save(folder / name, model, values)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - what a model of the user's raises
            left_out[name] = f"{type(error).__name__}: {error}"
    return left_out


def _save(folder: Path, model: Any, values: Mapping[str, Any]) -> None:
    flavor = flavor_of(model)
    module = importlib.import_module(f"mlflow.{flavor}")
    options: dict[str, Any] = {"pip_requirements": requirements_of(model)}
    if flavor == "sklearn":  # other formats refuse trees
        options["serialization_format"] = "cloudpickle"
    with unwarned():
        example = example_of(model, values)
        signature = None if example is None else _signature(model, example)
        if signature is not None:
            options |= {"input_example": example, "signature": signature}
        folder.parent.mkdir(parents=True, exist_ok=True)
        module.save_model(model, str(folder), **options)


def requirements_of(model: object) -> list[str]:
    """What has to be installed to load a model, with the versions that made it."""
    packages = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    names = _distributions()
    found = {name for package in packages for name in names.get(package, ())}
    needed = {}
    for name in (*sorted(found), *_BESIDE):
        try:
            needed[name] = version(name)
        except PackageNotFoundError:
            continue
    return [f"{name}=={number}" for name, number in needed.items()]


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()  # it reads every package that is installed


def example_of(model: object, values: Mapping[str, Any]) -> Any:
    """The first rows of what a model was fitted to; None where no argument is that."""
    names = getattr(model, "feature_names_in_", None)
    width = getattr(model, "n_features_in_", None)
    for value in values.values():
        shape = getattr(value, "shape", ())
        if not is_data(value) or not isinstance(shape, tuple) or len(shape) != 2 or not shape[0]:
            continue
        columns = getattr(value, "columns", None)
        if names is not None:
            if columns is not None and set(names) <= set(columns):
                return value[list(names)].head(_EXAMPLE_ROWS)
        elif width is not None and shape[1] == width:
            return value[:_EXAMPLE_ROWS] if columns is None else value.head(_EXAMPLE_ROWS)
    return None


def _signature(model: Any, example: Any) -> Any:
    from mlflow.models import infer_signature

    try:
        predicted = model.predict(example) if hasattr(model, "predict") else None
        return infer_signature(example, predicted)
    except Exception:  # noqa: BLE001 - a model that wants more than rows is saved all the same
        return None
