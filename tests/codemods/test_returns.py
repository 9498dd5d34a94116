"""What a function returns, as far as its source tells, and what a decorator needs of it."""

from __future__ import annotations

import ast
from textwrap import indent

import pytest

from codemods.returns import Lack, lacks

BACKTEST = "cached_backtest"
MLFLOW = "mlflow_cached"


def lack(body: str, decorator: str = BACKTEST, head: str = "def f(x):") -> Lack | None:
    function = ast.parse(f"{head}\n{indent(body, '    ')}").body[0]
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    return lacks(function, decorator)


@pytest.mark.parametrize(
    "body",
    [
        "return metrics, trades, equity",
        "return {}, trades, equity",
        "return dict(a=1), None, None",
        "if x:\n    return m, t, e\nreturn a, b, c",
        "result = m, t, e\nreturn result",
        "result: tuple = (m, t, e)\nreturn result",
        "r = (m, t, e)\nresult = r\nreturn result",
        "return (m, t, e) if x else (a, b, c)",
        "if x:\n    r = m, t, e\nelse:\n    r = a, b, c\nreturn r",
        "def inner():\n    return 1\nreturn m, t, e",
        "g = lambda: 1\nreturn m, t, e",
        "try:\n    return m, t, e\nexcept ValueError:\n    raise",
        "with x:\n    return m, t, e",
        "while True:\n    if x:\n        return m, t, e",
        "match x:\n    case 1:\n        return m, t, e\n    case _:\n        raise ValueError",
    ],
)
def test_three_values_are_what_a_backtest_needs(body: str) -> None:
    assert lack(body) is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("pass", "returns nothing"),
        ("return", "returns nothing"),
        ("return None", "returns nothing"),
        ("return m, t, e\nreturn", "returns nothing in line 3"),
        ("return m, t", "returns 2 values in line 2"),
        ("return m, t, e, x", "returns 4 values in line 2"),
        ("return {}", "returns a dictionary in line 2"),
        ("return [m, t, e]", "returns a list in line 2"),
        ("return 'x'", "returns 'x' in line 2"),
        ("return x > 1", "returns a comparison in line 2"),
        ("if x:\n    return 0\nreturn m, t, e", "returns 0 in line 3"),
        ("r = {}\nr['a'] = 1\nreturn r", "returns a dictionary in line 4"),
        ("r = m, t\nreturn r", "returns 2 values in line 3"),
        ("return (m, t) if x else (m, t, e)", "returns 2 values in line 2"),
        ("return [1], t, e", "returns metrics in line 2 that are no dictionary ([1])"),
        ("m = 0.5\nreturn m, t, e", "returns metrics in line 3 that are no dictionary (m)"),
    ],
)
def test_certainly_not(body: str, text: str) -> None:
    found = lack(body)
    assert found is not None
    assert (found.text, found.certain) == (text, True)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("return run(x)", "returns run(x) in line 2"),
        ("return x", "returns x in line 2"),
        ("return self.result", "returns self.result in line 2"),
        ("r = run(x)\nreturn r", "returns r in line 3, set in line 2 to run(x)"),
        ("for r in x:\n    pass\nreturn r", "returns r in line 4"),
        ("r = m, t, e\nr += (1,)\nreturn r", "returns r in line 4"),
        ("return m, *rest", "returns a tuple of unknown length in line 2"),
        ("if x:\n    return m, t, e", "may come to its end without a return"),
        ("for y in x:\n    return m, t, e", "may come to its end without a return"),
        ("global r\nr = m, t, e\nreturn r", "returns r in line 4"),
    ],
)
def test_what_cannot_be_told(body: str, text: str) -> None:
    found = lack(body)
    assert found is not None
    assert (found.text, found.certain) == (text, False)


def test_guides_training_function_before_and_after() -> None:
    before = "model = RandomForest(**params)\nmodel.fit(features, labels)\nreturn model"
    found = lack(before, MLFLOW)
    assert found is not None
    assert found.text == "returns model in line 4, set in line 2 to RandomForest(**params)"
    after = before.replace("return model", "metrics = {'accuracy': 1}\nreturn model, metrics")
    assert lack(after, MLFLOW) is None


@pytest.mark.parametrize(
    ("annotation", "certain"),
    [
        ("tuple[dict, list, object]", None),
        ("'Tuple[dict, list, object]'", None),
        ("typing.Tuple[dict, list, object]", None),
        ("tuple[dict, list]", True),
        ("tuple[float, ...]", False),
        ("object", False),
    ],
)
def test_annotation_decides_where_the_body_does_not(annotation: str, certain: bool | None) -> None:
    found = lack("return run(x)", head=f"def f(x) -> {annotation}:")
    assert (found.certain if found else None) is certain


def test_body_that_is_certain_beats_the_annotation() -> None:
    found = lack("return m, t", head="def f(x) -> tuple[dict, list, object]:")
    assert found is not None
    assert found.certain


def test_async_functions_are_read_as_well() -> None:
    assert lack("return {}, 1, 2", head="async def f(x):") is None


def test_other_decorators_need_nothing() -> None:
    assert lack("pass", "robust_cacheable") is None
