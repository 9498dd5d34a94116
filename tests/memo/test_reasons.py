"""Every computed call has one reason, named by the code that decided."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pandas as pd
import pytest

from afml_cache import CacheWarning, Reason, configure, robust_cacheable, use_store


@robust_cacheable
def mean(values, window=3):
    return float(np.mean(values)) + window


def reasons(function):
    return {str(reason): n for reason, n in function.cache_info().reasons.items()}


def test_first_call_then_argument():
    mean([1.0])
    mean([2.0])
    mean([2.0])
    assert reasons(mean) == {"first_call": 1, "argument": 1}


def test_cleared():
    mean([1.0])
    mean.cache_clear()
    mean([1.0])
    assert reasons(mean) == {"first_call": 1, "cleared": 1}


def test_environment_when_package_versions_count_differently():
    mean([1.0])
    configure(package_versions="exact")
    mean([1.0])
    assert reasons(mean) == {"first_call": 1, "environment": 1}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two modules that a test can edit and reload."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "afml_t_helpers.py").write_text("def scale(x):\n    return x * 2\n")
    (folder / "afml_t_features.py").write_text(
        "from afml_cache import robust_cacheable\n"
        "import afml_t_helpers\n"
        "@robust_cacheable\n"
        "def feature(x):\n"
        "    return afml_t_helpers.scale(x) + 1\n"
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    for name in ("afml_t_helpers", "afml_t_features"):
        sys.modules.pop(name, None)


def test_code_when_a_helper_was_edited_and_a_hit_when_it_is_back(project):
    features = importlib.import_module("afml_t_features")
    helpers = sys.modules["afml_t_helpers"]
    original = (project / "afml_t_helpers.py").read_text()
    assert features.feature(1) == 3

    (project / "afml_t_helpers.py").write_text(original.replace("* 2", "* 10"))
    importlib.reload(helpers)
    assert features.feature(1) == 11
    assert reasons(features.feature) == {"first_call": 1, "code": 1}

    (project / "afml_t_helpers.py").write_text(original)
    importlib.reload(helpers)
    assert features.feature(1) == 3
    assert features.feature.cache_info().hits == 1


def test_comments_docstrings_and_formatting_do_not_count(project):
    features = importlib.import_module("afml_t_features")
    features.feature(1)
    (project / "afml_t_helpers.py").write_text(
        '# a comment\ndef scale( x ):\n    """Scale."""\n    return (x\n        * 2)\n'
    )
    importlib.reload(sys.modules["afml_t_helpers"])
    features.feature(1)
    assert features.feature.cache_info().hits == 1


@pytest.fixture
def strategies(tmp_path, monkeypatch):
    """A module of strategies and a cached function that calls what it is given."""
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "afml_t_strategy.py").write_text(
        "class Base:\n"
        "    def __init__(self, fee):\n"
        "        self.fee = fee\n"
        "    def signal(self, x):\n"
        "        return x\n"
        "class Strategy(Base):\n"
        "    def signal(self, x):\n"
        "        return x * 2 - self.fee\n"
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder / "afml_t_strategy.py"
    sys.modules.pop("afml_t_strategy", None)


@robust_cacheable
def backtest(strategy, x):
    strategy = strategy[0] if isinstance(strategy, list) else strategy
    return strategy.signal(x)


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: [s]], ids=["itself", "in a list"])
def test_code_when_the_class_of_an_argument_was_edited(strategies, wrap):
    module = importlib.import_module("afml_t_strategy")
    assert backtest(wrap(module.Strategy(1)), 5) == 9
    original = strategies.read_text()
    strategies.write_text(original.replace("x * 2", "x * 10"))
    module = importlib.reload(module)
    assert backtest(wrap(module.Strategy(1)), 5) == 49
    assert reasons(backtest) == {"first_call": 1, "code": 1}
    assert "Strategy" in str(backtest.explain(wrap(module.Base(1)), 5))
    strategies.write_text(original)
    module = importlib.reload(module)
    assert backtest(wrap(module.Strategy(1)), 5) == 9
    assert backtest.cache_info().hits == 1


def test_code_when_a_subclass_overrides_what_a_cached_method_calls():
    class Model:
        @robust_cacheable
        def predict(self, x):
            return self.scale(x) + 1

        def scale(self, x):
            return x * 2

    class Other(Model):
        def scale(self, x):
            return x * 10

    assert [Model().predict(1), Other().predict(1), Model().predict(1)] == [3, 11, 3]


def test_the_package_of_an_argument_counts_by_version():
    frame = pd.DataFrame({"close": [1.0, 2.0]})
    mean(frame["close"])
    configure(package_versions="ignore")
    mean(frame["close"])
    assert reasons(mean) == {"first_call": 1, "environment": 1}
    configure(package_versions="minor")
    assert mean.explain(frame["close"]).reason is None


def test_source_changed_when_the_file_was_edited_since_the_import(project):
    features = importlib.import_module("afml_t_features")
    path = project / "afml_t_helpers.py"
    path.write_text(path.read_text().replace("* 2", "* 10"))
    with pytest.warns(CacheWarning, match=r"afml_t_helpers\.py was edited since"):
        assert features.feature(1) == 3
    assert features.feature.cache_info().entries == 0
    importlib.reload(sys.modules["afml_t_helpers"])
    assert features.feature(1) == 11
    assert reasons(features.feature) == {"source_changed": 1, "first_call": 1}


def test_other_secret(tmp_path):
    configure(secret="one")
    with use_store(tmp_path / "shared"):
        mean([1.0])
    configure(secret="two")
    with use_store(tmp_path / "shared"):
        with pytest.warns(CacheWarning, match="another secret"):
            mean([1.0])
        assert "other_secret" in reasons(mean)


class TestExplain:
    def test_it_names_the_argument(self):
        mean([1.0])
        told = mean.explain([1.0], window=5)
        assert told.reason is Reason.ARGUMENT
        assert "window was 3, is 5" in str(told)

    def test_it_names_the_column(self):
        @robust_cacheable
        def total(df):
            return float(df.sum().sum())

        df = pd.DataFrame({"open": [1.0, 2.0], "close": [1.0, 2.0]})
        total(df)
        told = total.explain(df.assign(close=[1.0, 3.0]))
        assert "close" in str(told)
        assert "open" not in str(told)

    def test_it_names_the_helper(self, project):
        features = importlib.import_module("afml_t_features")
        features.feature(1)
        path = project / "afml_t_helpers.py"
        path.write_text(path.read_text().replace("* 2", "* 10"))
        importlib.reload(sys.modules["afml_t_helpers"])
        told = features.feature.explain(1)
        assert told.reason is Reason.CODE
        assert "afml_t_helpers.scale was edited" in str(told)

    def test_a_hit_is_a_hit(self):
        mean([1.0])
        assert mean.explain([1.0]).reason is None
        assert mean.cache_info().hits == 0  # explaining counts nothing

    def test_an_unkeyable_argument_is_named(self):
        told = mean.explain(i for i in range(3))
        assert told.reason is Reason.UNKEYABLE
        assert "values" in str(told)
