"""Values that nest deeply, contain themselves, share parts, or say themselves what they are."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import sys
import threading
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from afml_cache import UnkeyableArgumentError, content_key, register_key

LEVELS = 5_000


class Node:
    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)


@dataclasses.dataclass
class Link:
    value: int
    next: object = None


class Cell:
    __slots__ = ("content",)

    def __init__(self, content: object) -> None:
        self.content = content


def boxed(value: object) -> np.ndarray:
    array = np.empty(1, object)
    array[0] = value
    return array


WRAPPERS: dict[str, Callable[[object], object]] = {
    "lists": lambda v: [v],
    "tuples": lambda v: (v,),
    "dict values": lambda v: {"k": v},
    "frozensets": lambda v: frozenset({v}),
    "dict keys": lambda v: frozenset({(v, 1)}),
    "deques": lambda v: collections.deque([v]),
    "defaultdicts": lambda v: collections.defaultdict(list, k=v),
    "ordered dicts": lambda v: collections.OrderedDict(k=v),
    "instances": lambda v: Node(inner=v),
    "slots": Cell,
    "dataclasses": lambda v: Link(1, v),
    "namespaces": lambda v: types.SimpleNamespace(inner=v),
    "partials": lambda v: functools.partial(max, v),
    "object arrays": boxed,
    "object columns": lambda v: pd.Series([v], dtype=object),
    "closures": lambda v: lambda: v,
    "mapping proxies": lambda v: types.MappingProxyType({"k": v}),
}


# numpy itself overflows the stack when it frees object arrays that nest more deeply
SHALLOWER = {WRAPPERS["object arrays"]: 1_000, WRAPPERS["object columns"]: 300}
SHALLOWER[WRAPPERS["closures"]] = 50  # more of them: see the test below


def nested(wrap: Callable[[object], object], core: object, levels: int) -> object:
    for _ in range(levels):
        core = wrap(core)
    return core


@pytest.mark.slow
@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS.keys())
def test_five_thousand_levels_end_and_the_innermost_value_counts(
    wrap: Callable[[object], object],
) -> None:
    levels = SHALLOWER.get(wrap, LEVELS)
    assert content_key(nested(wrap, "x", levels)) != content_key(nested(wrap, "y", levels))
    few = [nested(wrap, core, depth) for core, depth in (("x", 50), ("y", 50), ("x", 51), ("x", 0))]
    assert len({content_key(value) for value in few}) == len(few)
    assert content_key(few[0]) == content_key(nested(wrap, "x", 50))


@pytest.mark.xfail(strict=True, reason="time grows with the cube of the levels: 400 take a minute")
@pytest.mark.timeout(1)
def test_closures_nest_as_deeply_as_other_values() -> None:
    assert content_key(nested(WRAPPERS["closures"], "x", 300)) != content_key(
        nested(WRAPPERS["closures"], "y", 300)
    )


def test_deep_values_end_in_a_thread_with_a_small_stack() -> None:
    found: list[str] = []
    deep = nested(WRAPPERS["lists"], "x", LEVELS)
    previous = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(content_key(deep)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(previous)
    assert found == [content_key(deep)]


def test_a_deep_value_has_its_key_whatever_is_left_of_the_stack() -> None:
    deep = nested(WRAPPERS["instances"], "x", 500)

    def below(frames: int) -> str:
        return content_key(deep) if frames == 0 else below(frames - 1)

    assert below(sys.getrecursionlimit() // 2) == content_key(deep)


def test_the_key_does_not_depend_on_how_a_part_lies_in_a_deep_value() -> None:
    """Parts that are one object, and equal parts that are two, share a key at any depth."""
    for depth in (1, 50, 400, 2_000):
        shared = nested(WRAPPERS["lists"], [1, "a"], depth)
        twin = nested(WRAPPERS["lists"], [1, "a"], depth)
        assert content_key([shared, shared]) == content_key([shared, twin]), depth


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "join",
    [
        pytest.param(lambda v: [v, v], id="lists"),
        pytest.param(lambda v: (v, v), id="tuples"),
        pytest.param(lambda v: {"a": v, "b": v}, id="dicts"),
        pytest.param(lambda v: Node(a=v, b=v), id="instances"),
        pytest.param(lambda v: Link(1, (v, v)), id="dataclasses"),
        pytest.param(lambda v: functools.partial(max, v, v), id="partials"),
        pytest.param(lambda v: np.array([boxed(v), boxed(v)], object), id="object arrays"),
    ],
)
def test_a_value_with_shared_parts_is_not_unfolded(join: Callable[[object], object]) -> None:
    """Two to the hundredth leaves when written out; a hundred objects in memory."""
    assert content_key(nested(join, 1, 100)) == content_key(nested(join, 1, 100))
    assert content_key(nested(join, 1, 100)) != content_key(nested(join, 2, 100))


def loop(number: int = 1) -> list[object]:
    made: list[object] = [number]
    made.append(made)
    return made


def ring(numbers: list[int]) -> list[object]:
    rings: list[list[object]] = [[n] for n in numbers]
    for one, following in itertools.pairwise([*rings, rings[0]]):
        one.append(following)
    return rings[0]


def dict_loop(number: int = 1) -> dict[str, object]:
    made: dict[str, object] = {"n": number}
    made["self"] = made
    return made


def node_loop(number: int = 1) -> Node:
    made = Node(n=number)
    made.me = made  # type: ignore[attr-defined]
    return made


def family(*ages: int) -> Node:
    """A parent and its children, who know their parent."""
    parent = Node(children=[])
    for age in ages:
        parent.children.append(Node(parent=parent, age=age))  # type: ignore[attr-defined]
    return parent


def set_loop(number: int = 1) -> Node:
    made = Node(n=number)
    made.seen = {made}  # type: ignore[attr-defined]
    return made


def array_loop(number: int = 1) -> np.ndarray:
    made = np.empty(2, object)
    made[0], made[1] = number, made
    return made


def frame_loop(number: int = 1) -> pd.Series:
    box: list[object] = [number]
    series = pd.Series([1, box], dtype=object)
    box.append(series)
    return series


def function_loop(number: int = 1) -> Callable[[int], object]:
    def down(n: int) -> object:
        return number if n == 0 else down(n - 1)

    return down


def partial_loop(number: int = 1) -> object:
    box: list[object] = [number]
    made = functools.partial(max, box)
    box.append(made)
    return made


def method_loop(number: int = 1) -> Node:
    made = Node(n=number)
    made.callback = types.MethodType(Node.__init__, made)  # type: ignore[attr-defined]
    return made


LOOPS = [
    loop, dict_loop, node_loop, set_loop, array_loop, frame_loop, function_loop, partial_loop,
    method_loop, family,
    lambda n=1: ring([n, 2, 3]), lambda n=1: ring([0, n]), lambda n=1: [loop(n), loop(5)],
]  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", LOOPS)
def test_a_value_that_contains_itself_has_a_key_of_its_content(make: Callable[..., object]) -> None:
    assert content_key(make(1)) == content_key(make(1))
    assert content_key(make(1)) != content_key(make(2))


def test_what_a_loop_goes_back_to_counts() -> None:
    def two(back_to_outer: bool) -> list[object]:
        outer: list[object] = ["outer"]
        inner: list[object] = ["inner"]
        outer.append(inner)
        inner.append(outer if back_to_outer else inner)
        return outer

    assert content_key(two(True)) == content_key(two(True))
    assert content_key(two(True)) != content_key(two(False))


def test_rings_are_told_apart() -> None:
    rings = [[1, 2], [2, 1], [1, 2, 3], [1, 3, 2], [1, 2, 1, 3], [1, 3, 1, 2], [1], [1, 1, 2]]
    assert len({content_key(ring(numbers)) for numbers in rings}) == len(rings)


def test_members_of_one_loop_have_keys_of_their_own_wherever_one_begins() -> None:
    first = ring([1, 2, 3])
    second = first[1]
    assert content_key(first) == content_key(ring([1, 2, 3]))
    assert content_key(second) == content_key(ring([2, 3, 1]))
    assert content_key(first) != content_key(second)


def test_the_order_of_a_dict_of_loops_does_not_count() -> None:
    def made(order: list[str]) -> dict[str, object]:
        out: dict[str, object] = {}
        for name in order:
            out[name] = {"name": name, "back": out}
        return out

    assert content_key(made(["a", "b", "c"])) == content_key(made(["c", "a", "b"]))
    assert content_key(made(["a", "b"])) != content_key(made(["a", "c"]))


def test_a_value_in_a_set_that_knows_the_set_does_not_depend_on_order() -> None:
    def made(order: list[int]) -> Node:
        owner = Node(members=set())
        for n in order:
            owner.members.add(Node(n=n, owner=owner))  # type: ignore[attr-defined]
        return owner

    keys = {content_key(made(list(order))) for order in itertools.permutations([1, 2, 3])}
    assert len(keys) == 1
    assert content_key(made([1, 2, 4])) not in keys


def test_a_family_differs_by_each_of_its_members() -> None:
    families = [family(), family(1), family(2), family(1, 2), family(2, 1), family(1, 1)]
    assert len({content_key(each) for each in families}) == len(families)


class Told:
    """Says what it is with a value that is new at every call."""

    def __init__(self, number: int, noise: object = None) -> None:
        self.number, self.noise = number, noise

    def __afml_key__(self) -> object:
        return [str(self.number), {"n": self.number}]


class ToldToo(Told):
    pass


class Alone:
    def __afml_key__(self) -> object:
        return 5


class Endless:
    def __afml_key__(self) -> object:
        return self


class EverNew:
    def __afml_key__(self) -> object:
        return EverNew()


class Failing:
    def __afml_key__(self) -> object:
        raise KeyError("its own fault")


class Unsaid:
    def __afml_key__(self) -> object:
        return (n for n in range(3))


def test_a_class_says_what_its_instances_are() -> None:
    assert content_key(Told(1, noise=object())) == content_key(Told(1, noise=threading.Lock()))
    values = [Told(1), Told(2), ToldToo(1), Told(1).__afml_key__(), Alone(), 5, Told, ToldToo]
    assert len({content_key(value) for value in values}) == len(values)


def test_what_is_made_only_to_be_keyed_is_not_confused_with_what_came_before() -> None:
    """The values of __afml_key__ die at once, and the next takes their place in memory."""
    numbers = list(range(2_000))
    told = content_key([Told(n) for n in numbers])
    assert told == content_key([Told(n) for n in numbers])
    for i in (0, 1, 1_000, 1_998):
        swapped = [*numbers]
        swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
        assert content_key([Told(n) for n in swapped]) != told


def test_a_key_of_its_own_inside_other_values_counts_by_itself() -> None:
    for wrap in (list, tuple, set, lambda v: dict(enumerate(v)), lambda v: np.array(v, object)):
        assert content_key(wrap([Told(1)])) == content_key(wrap([Told(1)]))
        assert content_key(wrap([Told(1)])) != content_key(wrap([Told(2)]))


@pytest.mark.timeout(20)
def test_a_key_that_leads_back_to_its_own_object_ends() -> None:
    assert outcome(Endless()) == outcome(Endless())


@pytest.mark.timeout(20)
def test_a_key_that_is_ever_another_object_is_refused() -> None:
    with pytest.raises(UnkeyableArgumentError):
        content_key(EverNew())


def outcome(value: object) -> str:
    """The key of a value, or the type of what its making raised."""
    try:
        return content_key(value)
    except UnkeyableArgumentError as error:
        return type(error).__name__


def test_a_key_method_that_fails_is_a_fault_that_names_it() -> None:
    with pytest.raises((UnkeyableArgumentError, KeyError)) as caught:
        content_key({"handle": Failing()})
    assert "its own fault" in str(caught.value) or "its own fault" in str(caught.value.__cause__)


def test_a_key_method_that_gives_what_has_no_key_is_refused() -> None:
    with pytest.raises(UnkeyableArgumentError, match="generator"):
        content_key(Unsaid())


def test_a_class_with_a_key_method_is_itself_keyed_by_name() -> None:
    assert content_key(Told) == content_key(Told)
    assert content_key(Told) != content_key(ToldToo)


def test_a_registered_function_keys_a_class_of_others_and_its_subclasses() -> None:
    class Handle:
        def __init__(self, url: str) -> None:
            self.url, self.lock = url, threading.Lock()

    class Secure(Handle):
        pass

    with pytest.raises(UnkeyableArgumentError):
        content_key(Handle("a"))
    register_key(Handle, lambda handle: handle.url)
    assert content_key(Handle("a")) == content_key(Handle("a"))
    values = [Handle("a"), Handle("b"), Secure("a"), Secure("b"), "a", [Handle("a")]]
    assert len({content_key(value) for value in values}) == len(values)


def test_a_registered_function_wins_over_that_of_a_base_class() -> None:
    class Base:
        a = 1

    class Derived(Base):
        b = 2

    register_key(Base, lambda value: "base")
    register_key(Derived, lambda value: value.b)
    one, other = Derived(), Derived()
    other.b = 3
    assert content_key(one) != content_key(other)


@pytest.mark.parametrize("scalar", [int, str, float, bool, bytes, type(None)])
def test_the_keys_of_built_in_scalars_are_fixed(scalar: type) -> None:
    with pytest.raises((TypeError, ValueError), match=scalar.__name__):
        register_key(scalar, lambda value: "changed")


def test_threads_agree_on_every_key() -> None:
    values = [
        {"frame": pd.DataFrame({"a": range(1000), "b": [f"t{i}" for i in range(1000)]})},
        [Told(n) for n in range(300)],
        ring(list(range(50))),
        np.arange(200_000).reshape(2, -1).T,
        {frozenset({i, i + 1}) for i in range(300)},
    ]
    expected = [content_key(value) for value in values]
    with ThreadPoolExecutor(8) as pool:
        for keys in pool.map(lambda _: [content_key(value) for value in values], range(24)):
            assert keys == expected
