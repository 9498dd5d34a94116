"""Objects of classes of one's own: keyed by their class and what they hold, never asked."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import pytest

from afml_cache import content_key

Make = Callable[[], object]


def with_attribute(value: object, **attributes: object) -> object:
    for name, each in attributes.items():
        setattr(value, name, each)
    return value


@dataclasses.dataclass
class Params:
    window: int
    span: float = 1.0
    note: str = dataclasses.field(default="", compare=False)
    derived: int = dataclasses.field(default=0, init=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    window: int


@dataclasses.dataclass
class OtherParams:
    window: int
    span: float = 1.0


class Slotted:
    __slots__ = ("__dict__", "a", "b")

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self, name, value)


class Plain:
    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)


class Derived(Plain):
    pass


class AlwaysEqual(Plain):
    """Compares equal to everything and hashes alike: the key must not ask it."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


class NeverAgain(Plain):
    """Its repr, equality, hash and truth all fail; its content is plain to see."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("asked for equality")

    def __repr__(self) -> str:
        raise RuntimeError("asked for repr")

    def __bool__(self) -> bool:
        raise RuntimeError("asked for truth")

    def __len__(self) -> int:
        raise RuntimeError("asked for length")


class Proxy:
    """Answers every attribute, as mocks and remote objects do."""

    def __init__(self, target: object) -> None:
        self.target = target

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return Proxy(name)


OBJECTS: dict[str, list[Make]] = {
    "dataclasses": [
        lambda: Params(1),
        lambda: Params(2),
        lambda: Params(1, 2.0),
        lambda: Params(1, 1),
        lambda: Params(1, note="not compared, but read"),
        lambda: with_attribute(Params(1), derived=1),
        lambda: with_attribute(Params(1), extra=1),
        lambda: OtherParams(1),
        lambda: Frozen(1),
        lambda: Frozen(2),
        lambda: dataclasses.asdict(Params(1)),
        lambda: dataclasses.astuple(Params(1)),
    ],
    "slots and dicts": [
        lambda: Slotted(),
        lambda: Slotted(a=1),
        lambda: Slotted(a=None),
        lambda: Slotted(b=1),
        lambda: Slotted(a=1, b=2),
        lambda: Slotted(a=2, b=1),
        lambda: Slotted(a=1, c=2),
        lambda: Plain(),
        lambda: Plain(a=1),
        lambda: Plain(b=1),
        lambda: Plain(a=2),
        lambda: Plain(a=1, b=2),
        lambda: Derived(a=1),
        lambda: Plain(a=Plain(a=1)),
        lambda: Plain(a=Derived(a=1)),
    ],
    "objects that claim to be equal": [
        lambda: AlwaysEqual(a=1),
        lambda: AlwaysEqual(a=2),
        lambda: AlwaysEqual(),
        lambda: [AlwaysEqual(a=1), AlwaysEqual(a=2)],
        lambda: [AlwaysEqual(a=2), AlwaysEqual(a=1)],
    ],
    "objects that answer nothing": [lambda: NeverAgain(a=1), lambda: NeverAgain(a=2)],
    "objects that answer everything": [lambda: Proxy(1), lambda: Proxy(2)],
}


@pytest.mark.parametrize("family", OBJECTS.values(), ids=OBJECTS.keys())
def test_objects_are_keyed_by_their_class_and_their_content(family: list[Make]) -> None:
    keys = [content_key(make()) for make in family]
    assert keys == [content_key(make()) for make in family]
    shared = [(i, j) for (i, a), (j, b) in itertools.combinations(enumerate(keys), 2) if a == b]
    assert not shared


def test_attrs_classes_are_keyed_by_their_fields() -> None:
    attrs = pytest.importorskip("attrs")

    @attrs.define
    class Bars:
        width: int
        unit: str = "s"

    @attrs.frozen
    class FrozenBars:
        width: int
        unit: str = "s"

    @attrs.define
    class Uncompared:
        width: int = attrs.field(eq=False)

    values = [Bars(1), Bars(2), Bars(1, "m"), FrozenBars(1), Uncompared(1), Uncompared(2)]
    assert content_key(Bars(1)) == content_key(Bars(1, "s"))
    assert len({content_key(value) for value in values}) == len(values)
