"""Importing the package loads next to nothing."""

from __future__ import annotations

import afml_cache


def test_importing_loads_nothing_heavy(run_python):
    script = """
        import sys
        import afml_cache
        from afml_cache import robust_cacheable, configure, use_store
        @robust_cacheable
        def f(x):
            return x
        heavy = {"pandas", "numpy", "joblib", "mlflow", "sklearn", "pyarrow", "libcst", "scipy"}
        heavy |= {"plotly", "click", "rich", "http.server"}
        print(sorted(heavy & set(sys.modules)))
    """
    assert run_python(script) == "[]"


def test_every_public_name_is_there():
    for name in afml_cache.__all__:
        assert getattr(afml_cache, name) is not None
    assert set(afml_cache.__all__) <= set(dir(afml_cache))


def test_an_unknown_name_is_an_attribute_error(run_python):
    script = """
        import afml_cache
        try:
            afml_cache.robust_cachable
        except AttributeError as error:
            print(error)
    """
    assert run_python(script) == "module 'afml_cache' has no attribute 'robust_cachable'"
