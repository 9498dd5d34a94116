"""Values of the standard library: dates, numbers, paths, enums, patterns and the like."""

from __future__ import annotations

import enum
from struct import Struct
from typing import Any, Final

from afml_cache.keys import resolve
from afml_cache.keys.atoms import gather, text
from afml_cache.keys.resolve import named
from afml_cache.keys.stream import Refused, Rule, Stream, tag

_date = Struct("<HBB").pack
_time = Struct("<BBBIB").pack


@named("datetime.date")
def date(value: Any) -> Stream:
    return tag("date") + _date(value.year, value.month, value.day)


@named("datetime.time")
def time(value: Any) -> Stream:
    return gather(tag("time") + _clock(value), (value.tzinfo,), label=_tzinfo)


@named("datetime.datetime")
def datetime(value: Any) -> Stream:
    head = tag("datetime") + _date(value.year, value.month, value.day) + _clock(value)
    return gather(head, (value.tzinfo,), label=_tzinfo)


def _clock(value: Any) -> bytes:
    return _time(value.hour, value.minute, value.second, value.microsecond, value.fold)


def _tzinfo(_: int) -> str:
    return ".tzinfo"


@named("datetime.timedelta")
def timedelta(value: Any) -> Stream:
    return gather(tag("timedelta"), (value.days, value.seconds, value.microseconds))


@named("datetime.timezone")
def timezone(value: Any) -> Stream:
    return gather(tag("timezone"), value.__getinitargs__())


@named("zoneinfo.ZoneInfo")
def zone(value: Any) -> Stream:
    if value.key is None:
        raise Refused("a time zone without a name", "Make it with ZoneInfo(key).")
    return gather(tag("ZoneInfo"), (value.key,))


@named("decimal.Decimal")
def decimal(value: Any) -> Stream:
    sign, digits, exponent = value.as_tuple()
    return gather(tag("Decimal"), (sign, "".join(map(str, digits)), exponent))


@named("fractions.Fraction")
def fraction(value: Any) -> Stream:
    return gather(tag("Fraction"), (value.numerator, value.denominator))


@named("uuid.UUID")
def uuid(value: Any) -> Stream:
    return tag("UUID") + bytes(value.bytes)


@named("re.Pattern")
def pattern(value: Any) -> Stream:
    return gather(tag("Pattern"), (value.pattern, value.flags))


def path(value: Any) -> Stream:
    """A path counts by its name, not by what the file holds."""
    return tag("path") + text(type(value).__name__) + text(str(value))


# Python 3.13 moved the classes to a module of its own.
for _module in ("pathlib", "pathlib._local"):
    for _class in ("PurePath", "PurePosixPath", "PureWindowsPath", "Path", "PosixPath"):
        named(f"{_module}.{_class}")(path)
    named(f"{_module}.WindowsPath")(path)


def member(value: enum.Enum) -> Stream:
    """A member of an enum: class, name and value; of flags the bits, which have no one name."""
    head = tag("enum") + text(resolve.class_name(type(value)))
    name = None if isinstance(value, enum.Flag) else value._name_
    content = value._value_
    if type(content) is object:  # a sentinel: the name is all there is to it
        content = None
    return gather(head, (name, content), label=lambda _: ".value")


@named("types.GenericAlias")
def alias(value: Any) -> Stream:
    return gather(tag("GenericAlias"), (value.__origin__, *value.__args__))


@named("types.UnionType")
def union(value: Any) -> Stream:
    return gather(tag("UnionType"), value.__args__)


@named("random.SystemRandom")
def system_random(_: Any) -> Stream:
    raise Refused("a source of true randomness", "Pass a seeded random.Random.")


FAMILY: Final[dict[type, Rule]] = {enum.Enum: member}
