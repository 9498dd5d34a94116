"""Addresses at which no run can ever arrive are refused where they are given."""

from __future__ import annotations

import pytest

from afml_cache import ConfigurationError, setup_mlflow_cache
from afml_cache.tracking import place
from afml_cache.tracking.address import fault_of


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("file:///data/mlruns", "folder"),
        ("./mlruns", "folder"),
        ("htp://localhost:5000", "'htp', which MLflow does not know"),
        ("localhost:5000", "'localhost', which MLflow does not know"),
        ("http://", "no host"),
        ("http://:5000", "no host"),
        ("http://localhost:notaport", "no address"),
        ("http://localhost:99999", "no address"),
        ("http://[::1", "no address"),
        ("sqlite://", "in memory"),
        ("sqlite:", "in memory"),
        ("sqlite:///", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///file:x?mode=memory&uri=true", "in memory"),
        ("sqlite://data/mlflow.db", "three slashes"),
        (":memory:", "give the address"),
        ("", "give the address"),
    ],
)
def test_an_address_that_can_never_work_is_refused(uri, why):
    with pytest.raises(ConfigurationError, match=why):
        setup_mlflow_cache("x", uri)
    assert place.configured == place.Configured()


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:5000",
        "https://mlflow.example/behind/a/path",
        "http://[::1]:5000",
        "http://user:secret@localhost:5000",
        "sqlite:////data/mlflow.db",
        "sqlite:///mlflow.db",
        "postgresql+psycopg2://user@host/db",
        "mysql://user@host/db",
        "mssql://user@host/db",
        "databricks",
        "databricks://profile",
        "uc:http://localhost:8080",
    ],
)
def test_an_address_that_may_work_is_taken(uri):
    assert fault_of(uri) is None
    assert place.checked_uri(uri) == place.absolute(uri)
