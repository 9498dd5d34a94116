"""Robust or time-aware: one row a rule, one row an exception to it."""

from __future__ import annotations

import ast

import pytest

from codemods.choose import RULES, choose
from codemods.resolve import Names
from codemods.rules import Rules
from codemods.source import Source

HEADER = """\
import pandas as pd
import pandas
import polars as pl
from pandas import DataFrame, Series as S
from pandas.core.frame import DataFrame as Inner
from polars import DataFrame as Polars
from typing import Annotated, Optional, Union
import typing as t
"""


def chosen(parameters: str) -> tuple[str, str]:
    source = Source(f"{HEADER}def f({parameters}): ...\n".encode())
    imported = Names(source, (), Rules(), always=True).imported
    function = source.tree.body[-1]
    assert isinstance(function, ast.FunctionDef)
    choice = choose(function, imported)
    return choice.name, choice.reason


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ("frame: pd.DataFrame", "frame is a pandas DataFrame"),
        ("x, close: pandas.Series", "close is a pandas Series"),
        ("frame: DataFrame", "frame is a pandas DataFrame"),
        ("close: S", "close is a pandas Series"),
        ("frame: Inner", "frame is a pandas DataFrame"),
        ("frame: 'pd.DataFrame'", "frame is a pandas DataFrame"),
        ("frame: 'Optional[pd.DataFrame]' = None", "frame is a pandas DataFrame"),
        ("frame: Optional['DataFrame']", "frame is a pandas DataFrame"),
        ("frame: t.Optional[pd.DataFrame]", "frame is a pandas DataFrame"),
        ("frame: pd.DataFrame | None", "frame is a pandas DataFrame"),
        ("frame: None | 'pd.DataFrame'", "frame is a pandas DataFrame"),
        ("x: Union[int, pd.Series]", "x is a pandas Series"),
        ("x: Annotated[pd.Series, 'daily']", "x is a pandas Series"),
        ("x: pd.Series[float]", "x is a pandas Series"),
        ("*frames: pd.DataFrame", "frames is a pandas DataFrame"),
        ("**series: pd.Series", "series is a pandas Series"),
        ("*, frame: pd.DataFrame", "frame is a pandas DataFrame"),
        ("frame: pd.DataFrame, /", "frame is a pandas DataFrame"),
        ("symbol, start, end", "start and end are a date range"),
        ("symbol, *, end_date=None, start_date=None", "start_date and end_date are a date range"),
        ("since, until", "since and until are a date range"),
    ],
)
def test_time_aware(parameters: str, reason: str) -> None:
    assert chosen(parameters) == ("time_aware_cacheable", reason)


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "x, y=1, *args, **kwargs",
        "frame",
        "start",
        "end, x",
        "frame: pl.DataFrame",
        "frame: Polars",
        "frames: dict[str, pd.DataFrame]",
        "frames: list['pd.DataFrame']",
        "index: pd.DatetimeIndex",
        "x: Annotated[int, pd.Series]",
        "make: Callable[[pd.DataFrame], int]",
        "x: 'not python'",
        "x: unknown.DataFrame",
        "x: DataFrameLike",
    ],
)
def test_robust(parameters: str) -> None:
    name, reason = chosen(parameters)
    assert name == "robust_cacheable"
    assert reason == "no frame, no date range"


def test_every_rule_has_a_line_of_prose() -> None:
    assert all(rule.summary for rule in RULES)
