"""What a value is, as data that can be kept, sent and compared long after the value is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afml_cache.keys import content
from afml_cache.keys.explain import argument_differences, brief


def describe_value(value: object) -> dict[str, Any]:
    """Describe a value: the digest of its content, its type, shape, dtypes and span.

    Parameters
    ----------
    value : object
        Anything that has a key, see :func:`~afml_cache.content_key`.

    Returns
    -------
    dict
        JSON can hold it. ``digest`` has 32 hex digits, the same as of ``content_key``; of a frame
        there is one for each column and block of rows, too. It never holds the data.

    Raises
    ------
    UnkeyableArgumentError
        The value or a part of it has no key.

    Examples
    --------
    >>> from afml_cache import content_key
    >>> describe_value(1.5)["digest"] == content_key(1.5)
    True
    """
    described = content.describe(value)
    return {"digest": described.digest.hex(), **described.summary}


def compare_descriptions(
    before: Mapping[str, Any], after: Mapping[str, Any], name: str = "the value"
) -> list[str]:
    """What differs between two descriptions, a sentence each, as narrowly as they tell.

    Parameters
    ----------
    before, after : mapping
        As :func:`describe_value` makes them.
    name : str
        What the value is called in the sentences.

    Returns
    -------
    list of str
        Empty: they describe the same value.

    Examples
    --------
    >>> compare_descriptions(describe_value(20), describe_value(30), "the window")
    ['the window was 20, is 30']
    """
    return [str(one) for one in argument_differences({name: before}, {name: after})]


def value_in_words(description: Mapping[str, Any]) -> str:
    """A described value in a few words: its literal, or its type, shape, dtype and span.

    >>> value_in_words(describe_value(1.5))
    '1.5'
    """
    return brief(description)
