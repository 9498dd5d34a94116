"""What a user gives for every run, checked where it is given: MLflow would refuse each run."""

from __future__ import annotations

from collections.abc import Mapping

from afml_cache.errors import ConfigurationError
from afml_cache.tracking.texts import LONGEST_TAG, cut, name_of


def checked_tags(tags: object) -> dict[str, str]:
    """Tags with names and lengths that MLflow takes; none for None.

    Raises
    ------
    ConfigurationError
        They are no mapping.
    """
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        raise ConfigurationError(f"tags is {tags!r}; give a dict, as tags={{'model': 'rf'}}")
    return {name_of(name): cut(str(one), LONGEST_TAG) for name, one in tags.items()}


def check_text(name: str, value: object, instead: str) -> None:
    """Raise `ConfigurationError` unless an argument is a text, or None."""
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise ConfigurationError(f"{name} is {value!r}; give a text, or None: {instead}")
