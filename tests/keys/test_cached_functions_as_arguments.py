"""Decorated functions as arguments are what they do, whichever decorator they carry."""

from __future__ import annotations

import copy
import pickle

import pytest

from afml_cache import cacheable, content_key, robust_cacheable
from afml_cache.keys.code import FunctionCode


def made(factor, decorate):
    """Two functions of one name that differ in what they do."""
    if factor == 2:

        def f(x):
            return x * 2

    else:

        def f(x):
            return x * 3

    return decorate(f)


@pytest.mark.parametrize("decorate", [cacheable, robust_cacheable], ids=["cacheable", "robust"])
def test_a_decorated_function_counts_by_its_code(decorate):
    assert content_key(made(2, decorate)) == content_key(made(2, decorate))
    assert content_key(made(2, decorate)) != content_key(made(3, decorate))


class Model:
    def __init__(self, scale):
        self.scale = scale

    @robust_cacheable
    def predict(self, x):
        return x * self.scale


def test_a_bound_cached_method_counts_by_its_instance():
    assert content_key(Model(1).predict) == content_key(Model(1).predict)
    assert content_key(Model(1).predict) != content_key(Model(2).predict)


def test_copying_and_keying_an_instance_leave_the_class_as_it_is():
    class Local:
        def __init__(self):
            self.x = 1

    before = FunctionCode(Local).current()
    copy.copy(Local())
    content_key(Local())
    pickle.dumps(Model(1))
    assert FunctionCode(Local).current().code == before.code
