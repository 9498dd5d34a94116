"""Several processes may be the first to look at a tracking database of the user's."""

from __future__ import annotations

import sqlite3

import pytest

from afml_cache import CacheWarning, mlflow_cached, setup_mlflow_cache
from afml_cache.tracking import deliver
from afml_cache.tracking.new_tables import is_being_made
from afml_cache.tracking.outbox import SENT, Outbox

pytest.importorskip("mlflow")


@mlflow_cached
def scored(x):
    return {"score": x}


@pytest.mark.slow
def test_processes_that_make_a_database_at_once_get_in_no_ones_way(start_python, store, tmp_path):
    (tmp_path / "theirs").mkdir()
    path = tmp_path / "theirs" / "new.db"
    script = f"""
        import sys
        from afml_cache import mlflow_cached, setup_mlflow_cache
        setup_mlflow_cache("new", {str(path)!r})
        @mlflow_cached
        def scored(x):
            return {{"score": x}}
        import mlflow
        print("ready", flush=True)
        sys.stdin.readline()
        scored(int(sys.argv[1]))
        assert scored.run_for(int(sys.argv[1])) is not None
    """
    started = [start_python(script, str(number)) for number in range(3)]
    for one in started:
        assert one.stdout.readline() == "ready\n"
    for one in started:
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in started:
        _, errors = one.communicate(timeout=200)
        assert one.returncode == 0 and "cannot be sent" not in errors, errors
    assert len(Outbox(store.directory).every(SENT)) == 3
    there = {one.name for one in path.parent.iterdir()}
    assert there <= {"new.db", "new.db-journal", "mlflow-artifacts"}


@pytest.mark.slow
def test_tables_that_another_program_is_making_are_told_as_such(store, tmp_path, monkeypatch):
    monkeypatch.setattr(deliver, "_LOCKED_TRIES", 2)
    path = tmp_path / "half.db"
    with sqlite3.connect(path) as db:  # what the first step of another's migration has made
        db.execute("CREATE TABLE metrics (key TEXT, step BIGINT)")
    db.close()
    setup_mlflow_cache("new", path)
    with pytest.warns(CacheWarning, match=r"to .* now \(another program seems to be making"):
        scored(1)


@pytest.mark.parametrize(
    ("words", "is_so"),
    [
        ("duplicate column name: step", True),
        ("table _alembic_tmp_experiments already exists", True),
        ("no such table: params", False),
    ],
)
def test_errors_of_a_database_that_is_being_made_are_known(words, is_so):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    error = sqlalchemy.exc.OperationalError("ALTER", None, sqlite3.OperationalError(words))
    assert is_being_made(error) is is_so
    assert not is_being_made(sqlite3.OperationalError(words))
