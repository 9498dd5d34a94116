"""joblib's entries are adopted when the recorded source is the same but for the cache's decorators.

Each row edits the file beyond the rename. What changes no result keeps the entries; whatever else
is in the function's own source and differs leaves them where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MAIN = '''
from afml.cache import cacheable
from desk.marks import mark, other
from desk.noting import note

START = 10


@cacheable
def f(x, y=2, *, z=[3]):
    """What f does."""
    # a comment in f
    note("f", x)
    return START + x + y + z[0]


@cacheable
@mark
def marked(x):
    note("marked", x)
    return x + 1
'''
MARKS = """
def mark(function):
    function.is_marked = True
    return function


def other(function):
    return function
"""


@pytest.fixture
def desk(repo: Any) -> Any:
    repo.write("main.py", MAIN)
    repo.write("marks.py", MARKS)
    repo.warm(lambda main: [main.f(1), main.marked(1)])
    return repo


Edit = tuple[str, list[tuple[str, str]]]

SAME: list[Edit] = [
    ("a comment", [("# a comment in f", "# another")]),
    ("no comment", [("    # a comment in f\n", "")]),
    ("the docstring", [('"""What f does."""', '"""In other words."""')]),
    ("no docstring", [('    """What f does."""\n', "")]),
    ("formatting", [("START + x + y + z[0]", "( START+x + y\n            + z[ 0 ] )")]),
    ("blank lines", [("    # a comment in f\n", "\n\n\n")]),
    ("a comment behind the signature", [("z=[3]):", "z=[3]):  # all of them")]),
    (
        "a signature on several lines",
        [("f(x, y=2, *, z=[3])", "f(\n    x,\n    y=2,\n    *,\n    z=[3],\n)")],
    ),
    ("quotes", [('note("f", x)', "note('f', x)")]),
    ("lines above the function", [("START = 10", "# the start\n\n\nSTART = 10")]),
    ("a comment between decorator and function", [("able\ndef f", "able\n# slow\ndef f")]),
    ("a call of the decorator", [("able\ndef f", "able()\ndef f")]),
    ("options of the decorator", [("able\ndef f", "able(ttl='9 d')\ndef f")]),
    ("a decorator on several lines", [("able\ndef f", "able(\n    ttl='9 d',\n)\ndef f")]),
    (
        "the name of the import",
        [
            ("import robust_cacheable", "import robust_cacheable as cached"),
            ("robust_cacheable\ndef f", "cached\ndef f"),
            ("robust_cacheable\n@mark", "cached\n@mark"),
        ],
    ),
    (
        "an import of the module",
        [
            ("from afml.cache import robust_cacheable", "import afml.cache as c"),
            ("robust_cacheable\ndef f", "c.robust_cacheable\ndef f"),
            ("robust_cacheable\n@mark", "c.robust_cacheable\n@mark"),
        ],
    ),
    (
        "the whole name",
        [
            ("from afml.cache import robust_cacheable", "import afml.cache"),
            ("robust_cacheable\ndef f", "afml.cache.robust_cacheable\ndef f"),
            ("robust_cacheable\n@mark", "afml.cache.robust_cacheable\n@mark"),
        ],
    ),
    (
        "the package's own name",
        [("afml.cache import", "afml_cache import")],
    ),
]

OTHER: list[Edit] = [
    ("the body", [("START + x + y", "START - x + y")]),
    ("a number in the body", [("z[0]", "z[-1]")]),
    ("a statement more", [("    return START", "    x = x * 1\n    return START")]),
    ("a default", [("y=2", "y=3")]),
    ("the value of a keyword's default", [("z=[3]", "z=[4]")]),
    ("no default", [("y=2", "y")]),
    (
        "a parameter's name",
        [("f(x, y=2,", "f(w, y=2,"), ('note("f", x)', 'note("f", w)'), ("START + x", "START + w")],
    ),
    ("a parameter more", [("y=2,", "y=2, v=0,")]),
    ("a decorator in between", [("robust_cacheable\ndef f", "robust_cacheable\n@mark\ndef f")]),
    ("a decorator above", [("@robust_cacheable\ndef f", "@mark\n@robust_cacheable\ndef f")]),
    ("an async function", [("def f(", "async def f(")]),
]


def rows(edits: list[Edit]) -> list[Any]:
    return [pytest.param(edit[1], id=edit[0]) for edit in edits]


def edited(desk: Any, edits: list[tuple[str, str]]) -> Any:
    desk.migrate()
    for old, new in edits:
        desk.edit("main.py", old, new)
    return desk.load()


@pytest.mark.parametrize("edits", rows(SAME))
def test_what_changes_no_result_keeps_the_entries(desk: Any, edits: list[tuple[str, str]]) -> None:
    f = edited(desk, edits).f
    with desk.counting(f) as told:
        assert f(1) == 16
    assert desk.ran() == []
    assert (told.adopted, told.computed) == (1, 0)


@pytest.mark.parametrize("edits", rows(OTHER))
def test_whatever_else_differs_leaves_the_entries_where_they_are(
    desk: Any, edits: list[tuple[str, str]]
) -> None:
    f = edited(desk, edits).f
    with desk.counting(f) as told:
        result = f(1, 2)
        if hasattr(result, "send"):
            with pytest.raises(StopIteration):
                result.send(None)
    assert desk.ran() == ["f 1"]
    assert (told.adopted, told.computed) == (0, 1)


def test_a_decorator_of_another_package_is_part_of_the_function(desk: Any) -> None:
    marked = edited(desk, []).marked
    with desk.counting(marked) as told:
        assert marked(1) == 2
    assert (told.adopted, told.computed) == (1, 0)
    assert desk.ran() == []


@pytest.mark.parametrize(
    "now", ["", "@other\n", "@mark\n@other\n", "@other\n@mark\n", "@mark\n@mark\n"]
)
def test_another_decorator_in_between_is_another_function(desk: Any, now: str) -> None:
    marked = edited(desk, [("@mark\ndef", f"{now}def")]).marked
    with desk.counting(marked) as told:
        assert marked(1) == 2
    assert (told.adopted, told.computed) == (0, 1)
    assert desk.ran() == ["marked 1"]


def test_a_default_that_has_another_value_is_another_argument(repo: Any) -> None:
    repo.write(
        "main.py",
        """
        from afml.cache import cacheable
        from desk.noting import note

        FEE = 5

        @cacheable
        def f(x, fee=FEE):
            note("f", x)
            return x - fee
        """,
    )
    repo.warm(lambda main: main.f(9))
    repo.migrate()
    repo.edit("main.py", "FEE = 5", "FEE = 6")
    f = repo.load().f
    assert f(9) == 3
    assert repo.ran() == ["f 9"]
    assert f(9, 5) == 4, "the call that joblib has seen, spelled out"
    assert repo.ran() == []


ALIASES = {
    "another name": ("from afml.cache import cacheable as cached", "@cached"),
    "another name, called": ("from afml.cache import cacheable as cached", "@cached()"),
    "the module": ("import afml.cache as c", "@c.cacheable"),
    "the module, called": ("import afml.cache as c", "@c.cacheable()"),
    "the whole name": ("import afml.cache", "@afml.cache.cacheable"),
    "a module of the package": ("from afml import cache", "@cache.cacheable"),
    "the defining module": ("from afml.cache.legacy import cacheable", "@cacheable"),
    "the package's own name": ("import afml_cache", "@afml_cache.cacheable"),
}


@pytest.mark.parametrize(("line", "decorator"), ALIASES.values(), ids=ALIASES.keys())
def test_the_cache_is_known_under_every_name_it_was_imported_by(
    repo: Any, line: str, decorator: str
) -> None:
    text = f"""
{line}
from desk.noting import note

{decorator}
def f(x):
    note("f", x)
    return x + 1
"""
    repo.write("main.py", text)
    repo.warm(lambda main: main.f(1))
    repo.migrate()
    if "legacy" in line:  # where the new decorators are not
        repo.edit("main.py", "cache.legacy", "cache")
    f = repo.load().f
    with repo.counting(f) as told:
        assert f(1) == 2
    assert repo.ran() == []
    assert (told.adopted, told.computed) == (1, 0)


def test_a_source_that_has_changed_pins_nothing(desk: Any) -> None:
    f = edited(desk, [("START + x", "START - x")]).f
    assert f(1) == 14
    desk.edit("main.py", "START - x", "START + x")
    f = desk.load().f
    with desk.counting(f) as told:
        assert f(1) == 16
    assert (told.adopted, told.computed) == (1, 0)


def test_two_functions_of_one_name_do_not_get_each_others_results(repo: Any) -> None:
    text = """
    from afml.cache import cacheable
    from desk.noting import note

    @cacheable
    def f(x):
        note("f", x)
        return x + {number}
    """
    repo.write("main.py", text.format(number=1))
    repo.write("twin.py", text.format(number=2))
    repo.warm(lambda main: main.f(1))
    repo.migrate("twin.py")
    assert repo.load("twin").f(1) == 3
    assert repo.ran() == ["f 1"]


RECORDS: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "not text": lambda path: path.write_bytes(bytes(range(256))),
    "not Python": lambda path: path.write_text("# first line: 9\n@cacheable\ndef f(x, y=2:\n"),
    "only decorators": lambda path: path.write_text("# first line: 9\n@cacheable\n"),
    "another function's": lambda path: path.write_text(
        "# first line: 9\ndef g(x):\n    return 1\n"
    ),
    "very deep": lambda path: path.write_text("# first line: 1\n" + "(" * 5000 + ")" * 5000),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", RECORDS.values(), ids=RECORDS.keys())
def test_a_damaged_record_of_the_source_costs_a_computation_and_no_more(
    desk: Any, damage: Callable[[Path], object]
) -> None:
    damage(desk.joblib / "desk/main/f/func_code.py")
    f = edited(desk, []).f
    with desk.counting(f) as told:
        assert f(1) == 16
    assert desk.ran() == ["f 1"]
    assert (told.adopted, told.computed) == (0, 1)
