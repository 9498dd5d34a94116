"""Built-in and standard containers.

Sequences keep their order; dictionaries and sets do not (an ``OrderedDict`` does, since its order
is part of its equality).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final

from afml_cache.keys import resolve
from afml_cache.keys.atoms import NAN, binary, gather, integer, little_endian, sequence, text
from afml_cache.keys.objects import attributes, instance, mapping, unordered
from afml_cache.keys.resolve import named
from afml_cache.keys.stream import Refused, Rule, Stream, compose, tag

_LIST = tag("list")
_TUPLE = tag("tuple")
_DICT = tag("dict")


def _list(value: list[Any]) -> Stream:
    return sequence(_LIST, value if type(value) is list else list.__getitem__(value, slice(None)))


def _tuple(value: tuple[Any, ...]) -> Stream:
    if type(value) is not tuple:  # a subclass may iterate in its own way
        value = tuple.__getitem__(value, slice(None))
    return sequence(_TUPLE, value)


def _set(value: set[Any]) -> Stream:
    return unordered(tag("set"), set.__iter__(value))


def _frozenset(value: frozenset[Any]) -> Stream:
    return unordered(tag("frozenset"), frozenset.__iter__(value))


def _bytearray(value: bytearray) -> Stream:
    return tag("bytearray") + binary(bytes(value))


def _memoryview(value: memoryview) -> Stream:
    if value.format in ("P", "O"):
        raise Refused("a view of pointers", "Pass the values that they point to.")
    shape = gather(tag("tuple"), value.shape or ())
    return compose(tag("memoryview"), (text(value.format), shape, binary(value.tobytes())))


def _range(value: range) -> Stream:
    return gather(tag("range"), (value.start, value.stop, value.step))


def _slice(value: slice) -> Stream:
    return gather(
        tag("slice"),
        (value.start, value.stop, value.step),
        label=lambda i: (".start", ".stop", ".step")[i],
    )


def _array(value: array[Any]) -> Stream:
    if value.typecode in "fd" and any(item != item for item in value):
        value = array(value.typecode, [item if item == item else NAN for item in value])
    return tag("array.array") + text(value.typecode) + binary(little_endian(value))


def _proxy(value: MappingProxyType[Any, Any]) -> Stream:
    return gather(tag("mappingproxy"), (value | {},), label=lambda _: "")


def _namespace(value: SimpleNamespace) -> Stream:
    return instance(type(value), attributes(value))


def _deque(value: deque[Any]) -> Stream:
    items = list(deque.__iter__(value))
    return sequence(tag("deque") + _optional(value.maxlen), items)


def _optional(value: int | None) -> bytes:
    return tag("N") if value is None else integer(value)


@named("collections.OrderedDict")
def _ordered_dict(value: Mapping[Any, Any]) -> Stream:
    content = dict(value)
    flat = [member for pair in content.items() for member in pair]
    keys = list(content)

    def label(position: int) -> str:
        from afml_cache.keys.objects import literal

        return f"[{literal(keys[position // 2])}]"

    return gather(tag("OrderedDict"), flat, label=label)


@named("collections.defaultdict")
def _default_dict(value: Any) -> Stream:
    factory = gather(tag("factory"), (value.default_factory,), label=lambda _: ".default_factory")
    return compose(tag("defaultdict"), (factory, mapping(value)), lambda _: "")


@named("collections.Counter")
def _counter(value: dict[Any, Any]) -> Stream:
    return mapping(value, tag("Counter"))


@named("collections.ChainMap")
def _chain_map(value: Any) -> Stream:
    return gather(tag("ChainMap"), value.maps, label=lambda i: f".maps[{i}]")


def _dict_keys(value: Any) -> Stream:
    return unordered(tag("dict_keys"), value)


def _dict_values(value: Any) -> Stream:
    return unordered(tag("dict_values"), value)


def _dict_items(value: Any) -> Stream:
    return unordered(tag("dict_items"), value)


def _struct_sequence(value: Any) -> Stream:
    """``time.struct_time``, ``os.stat_result``: tuples that hold more than their items."""
    _, (items, *others) = value.__reduce__()
    name = text(resolve.class_name(type(value)))
    return gather(tag("structseq") + name, (items, *others), label=lambda _: "")


for _name in ("time.struct_time", "os.stat_result", "os.terminal_size"):
    named(_name)(_struct_sequence)

_empty: dict[Any, Any] = {}

EXACT: Final[dict[type, Rule]] = {
    list: _list,
    tuple: _tuple,
    dict: mapping,
    set: _set,
    frozenset: _frozenset,
    bytearray: _bytearray,
    memoryview: _memoryview,
    range: _range,
    slice: _slice,
    array: _array,
    deque: _deque,
    MappingProxyType: _proxy,
    SimpleNamespace: _namespace,
    type(_empty.keys()): _dict_keys,
    type(_empty.values()): _dict_values,
    type(_empty.items()): _dict_items,
}
