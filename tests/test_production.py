"""The cache is set up where a program starts, and says where it is."""

from __future__ import annotations

import logging
import stat

import numpy as np
import pytest

import afml_cache
from afml_cache import (
    CacheMonitor,
    ConfigurationError,
    get_cache_summary,
    initialize_cache_system,
    robust_cacheable,
    setup_production_cache,
    use_store,
)
from afml_cache.store.active import active


@robust_cacheable
def labels(number):
    return np.arange(10_000) * number


def test_the_directory_is_made_for_its_owner_alone(tmp_path, caplog):
    caplog.set_level(logging.INFO, "afml_cache")
    with use_store(tmp_path / "new" / "cache") as store:
        summary = initialize_cache_system()
        assert summary == get_cache_summary()
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700
    assert summary["entries"] == 0 and summary["directory"] == str(store.directory)
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert f"the cache is in {store.directory}: 0 entries, 0.0 MB" in record.message


def test_what_is_there_is_told_and_stays(store, caplog):
    labels(1)
    store.directory.chmod(0o750)
    caplog.set_level(logging.INFO, "afml_cache")
    assert initialize_cache_system()["entries"] == 1
    assert "1 entries, 0.1 MB" in caplog.text
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o750
    labels(1)
    assert labels.cache_info().hits == 1


def test_switched_off_it_makes_nothing(tmp_path, caplog):
    caplog.set_level(logging.INFO, "afml_cache")
    afml_cache.configure(mode="off")
    with use_store(tmp_path / "off"):
        assert initialize_cache_system()["entries"] == 0
    assert not (tmp_path / "off").exists()
    assert "switched off" in caplog.text


def test_a_place_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        use_store(tmp_path / "file"),
        pytest.warns(afml_cache.CacheWarning, match="cannot be written to"),
    ):
        assert initialize_cache_system()["entries"] == 0


def test_production_has_a_limit_in_millions_of_bytes(store):
    components = setup_production_cache(max_cache_size_mb=1)
    assert set(components) == {"core_cache", "monitor"}
    assert isinstance(components["monitor"], CacheMonitor)
    assert components["core_cache"] is active()
    assert active().size_limit == 1_000_000
    for number in range(20):  # 80,000 bytes each
        labels(number)
    assert 0 < get_cache_summary()["size_bytes"] <= 1_000_000


def test_the_default_limit_is_the_guides():
    assert setup_production_cache()["core_cache"].size_limit == 2_000_000_000


def test_the_limit_may_be_none_or_a_fraction():
    assert setup_production_cache(max_cache_size_mb=0.5)["core_cache"].size_limit == 500_000
    assert setup_production_cache(max_cache_size_mb=None)["core_cache"].size_limit is None


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), "2000"])
def test_a_limit_that_is_none_is_refused_and_nothing_changes(wrong):
    before = active().size_limit
    with pytest.raises(ConfigurationError, match=r"positive number of megabytes"):
        setup_production_cache(max_cache_size_mb=wrong)
    assert active().size_limit == before


def test_names_of_mlflow_without_enabling_it_are_refused():
    with pytest.raises(ConfigurationError, match="give enable_mlflow=True"):
        setup_production_cache(mlflow_experiment="my_project")


def test_without_mlflow_enabled_nothing_of_it_is_set_up():
    assert "mlflow_cache" not in setup_production_cache()
