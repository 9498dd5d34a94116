"""Keys asked of two new processes with different PYTHONHASHSEED."""

from __future__ import annotations

import importlib
import sys
import types

import numpy as np
import pandas as pd
import pytest

from pytest_afml.compat import args
from pytest_afml.limits import LimitError

SOURCE = """
import os
from afml_cache import cacheable, robust_cacheable

class Contract:
    def __init__(self, name):
        self.name = name
    def __afml_key__(self):
        return hash(self.name)

SEED = os.environ.get("PYTHONHASHSEED")
print("imported, and noisily so")

@robust_cacheable
def labels(prices, window=20):
    return prices

@robust_cacheable
def seeded(x):
    return x, SEED

@robust_cacheable
def other(x):
    return x

@cacheable
def old(x):
    return x

class Model:
    @robust_cacheable
    def fit(self, x):
        return x

def factory():
    @robust_cacheable
    def local(x):
        return x
    return local
"""


@pytest.fixture
def module(tmp_path, monkeypatch) -> types.ModuleType:
    (tmp_path / "stable_t.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    yield importlib.import_module("stable_t")
    sys.modules.pop("stable_t")


def test_keys_of_real_arguments_are_the_same(afml_compat, module, goog):
    afml_compat.stable_keys(
        module.labels,
        {
            "frame": args(goog),
            "sets": args({frozenset("ab"), frozenset("cd")}, window={"x", "y", "z"}),
            "nested": args({"a": [1, (2.5, None)], "b": np.arange(3)}),
            "named": {"prices": pd.Timestamp("2024-01-01", tz="UTC"), "window": 5},
        },
    )


def test_an_argument_without_a_steady_key_is_named(afml_compat, module):
    with pytest.raises(AssertionError) as caught:
        afml_compat.stable_keys(module.labels, [args(1), args(module.Contract("ES"))])
    message = str(caught.value)
    assert "the keys of stable_t.labels are not the same in every process" in message
    assert "case 1" not in message
    assert "case 2: the key is " in message
    assert "argument prices has another key in each process" in message
    assert "window" not in message


def test_a_global_that_differs_is_named(afml_compat, module):
    with pytest.raises(AssertionError, match=r"code or value of stable_t.SEED has another key"):
        afml_compat.stable_keys(module.seeded, [args(1)])


def test_methods_can_be_asked_with_their_instance(afml_compat, module):
    afml_compat.stable_keys(module.Model().fit, [args(1), args({"b", "a"})])


def test_a_module_that_only_its_file_leads_to_is_found(afml_compat, module, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(tmp_path)])
    afml_compat.stable_keys(module.other, [args({"b", "a"})])


def test_what_new_processes_cannot_ask_is_refused(afml_compat, module):
    with pytest.raises(LimitError, match="has no exact keys: it is under @cacheable"):
        afml_compat.stable_keys(module.old, [args(1)])
    with pytest.raises(LimitError, match="define it in a module"):
        afml_compat.stable_keys(module.factory(), [args(1)])
    with pytest.raises(LimitError, match=r"arguments .* cannot be sent"):
        afml_compat.stable_keys(module.other, [args(lambda: 1)])
    with pytest.raises(LimitError, match="is not cached"):
        afml_compat.stable_keys(len, [args([])])
    with pytest.raises(
        LimitError, match=r"case 2 is no call of stable_t.*: missing a required arg"
    ):
        afml_compat.stable_keys(module.other, [args(1), args()])
    with pytest.raises(ValueError, match="proves nothing"):
        afml_compat.stable_keys(module.other, [])


def test_a_process_that_fails_says_what_it_wrote(afml_compat, module, tmp_path):
    (tmp_path / "stable_t.py").write_text("raise RuntimeError('no feed')")
    with pytest.raises(RuntimeError, match=r"could not make the keys(.|\n)*no feed"):
        afml_compat.stable_keys(module.other, [args(1)])
