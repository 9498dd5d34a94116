"""What is kept of a part of the code to be shown: normalised source, or a value in a few words."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from afml_cache.keys.texts import normalised, of_value

if TYPE_CHECKING:
    from tests.keys.code.conftest import Project

#: Source as it is written, and as it is kept.
SOURCES = {
    "comments, docstrings and formatting": (
        '''
        def f( x ):  # twice
            """Double.

        Not indented."""
            return (x
                    * 2)
        ''',
        "def f(x):\n    return x * 2",
    ),
    "annotations, decorators and defaults": (
        """
        @decorate(
            1,
        )
        def f(x: int, n=3, *, k: float = 2.0, m) -> float:
            y: float = x * n
            z: int
            return y
        """,
        "def f(x, n, *, k, m):\n    y = x * n\n    return y",
    ),
    "a method, with a text that is not indented": (
        '    def fit(self, x):\n        text = """a\nb"""\n        return text',
        "def fit(self, x):\n    text = 'a\\nb'\n    return text",
    ),
    "a coroutine": (
        "async def f(x): return await x",
        "async def f(x):\n    return await x",
    ),
    "a lambda": ("(lambda x, n=2: x * n)", "lambda x, n: x * n"),
    "nothing but a docstring": ('def f():\n    "Nothing."', "def f():\n    pass"),
    "functions inside": (
        """
        def f(x):
            @wraps(x)
            def g(y: int):
                "Inner."
                return y
            return g
        """,
        "def f(x):\n\n    @wraps(x)\n    def g(y):\n        return y\n    return g",
    ),
}


@pytest.mark.parametrize(("written", "kept"), SOURCES.values(), ids=SOURCES)
def test_of_source_only_what_counts_is_kept(written: str, kept: str) -> None:
    text = written.strip("\n").rstrip()
    assert normalised(text if "    def fit" in text else textwrap.dedent(text)) == kept
    assert normalised(kept) == kept or kept.startswith("lambda")


def test_source_beyond_the_parser_is_kept_as_it_is() -> None:
    deep = f"def f(x):\n    return {' + '.join(['x'] * 5_000)}"
    assert normalised(deep).startswith("def f(x):")
    assert normalised("def f(:") == "def f(:"


def test_the_lines_of_what_is_loaded_are_found(project: Project) -> None:
    project.write(
        "quant.py",
        """
        import functools

        def noted(function):
            return function

        class Model:
            size = 3

            @staticmethod
            @noted
            def area(x):
                '''A doc.'''
                return x * 2

        pair = (lambda x: x + 1), (lambda x: x - 1)

        @functools.lru_cache(maxsize=None)
        def signal(x):
            return Model.area(x) + Model.size + pair[1](x)
        """,
    )
    texts = project.fingerprint("signal").texts
    area = texts["quant.Model.area"].record()
    assert area["text"] == "def area(x):\n    return x * 2"
    line = (project.folder / "quant.py").read_text().splitlines()[area["line"] - 1]
    assert line.strip() == "def area(x):"
    assert area["file"] == str(project.folder / "quant.py")
    lambdas = texts["quant.<lambda>"].record()["text"].splitlines()
    assert [line for line in lambdas if line] == ["lambda x: x + 1", "lambda x: x - 1"]
    signal = texts["quant.signal"].record()
    assert signal["uses"]["Model.size"] == "quant.Model.size"


def test_texts_are_no_part_of_a_fingerprint(project: Project) -> None:
    project.write("quant.py", "def signal(x):\n    return x  # one\n")
    one = project.fingerprint("signal")
    project.edit("quant.py", "# one", "# a longer comment")
    other = project.fingerprint("signal")
    assert one == other
    assert one.texts != other.texts


class Config:
    def __init__(self) -> None:
        self.window = 20
        self.password = "hunter2"


class Odd:
    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise OSError("not to be looked into")


def test_of_values_numbers_are_kept_and_no_texts() -> None:
    shown = [of_value(v) for v in (20, "hunter2", Config(), {"a": 1, "b": "hunter2"}, [1.5, b"x"])]
    values = [one.value for one in shown if one is not None]
    assert "hunter2" not in str(values)
    assert values[0] == {"type": "int", "repr": "20"}
    assert values[1] == {"type": "str", "length": 7}
    assert values[2] is not None and values[2]["members"]["window"]["repr"] == "20"
    assert values[3] is not None and values[3]["members"]["a"]["repr"] == "1"
    assert values[4] is not None and values[4]["members"]["0"]["repr"] == "1.5"


def test_of_large_containers_the_size_is_kept() -> None:
    shown = of_value({n: n for n in range(1_000)})
    assert shown is not None and shown.value == {"type": "dict", "shape": [1_000]}


def test_a_value_that_does_not_let_itself_be_looked_into_has_no_text() -> None:
    assert of_value(Odd()) is None
