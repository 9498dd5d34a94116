"""Where the secret comes from, and that it is never half of one, nor inside the cache."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from afml_cache.outcomes import Reason
from afml_cache.store.claims import UnavailableError
from afml_cache.store.secret import VARIABLE, find_secret, secret_file
from afml_cache.store.store import Missing


@pytest.fixture(autouse=True)
def no_variable(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_what_is_configured_wins_over_the_variable_and_that_over_the_file(monkeypatch):
    from_file = find_secret(None)
    monkeypatch.setenv(VARIABLE, "from the environment")
    assert find_secret(None) == b"from the environment"
    assert find_secret(b"configured") == b"configured"
    monkeypatch.setenv(VARIABLE, "")
    assert find_secret(None) == from_file


def test_a_secret_is_made_once_for_its_owner_alone_and_outside_the_cache(open_store, base):
    secret = find_secret(None)
    path = secret_file()
    assert len(secret) == 32 and find_secret(None) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert base not in path.parents
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_agree_on_one_secret(start_python):
    script = """
        import sys
        from afml_cache.store.secret import find_secret
        print("ready", flush=True)
        sys.stdin.readline()
        print(find_secret(None).hex())
    """
    workers = [start_python(script) for _ in range(6)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    assert {worker.communicate()[0].strip() for worker in workers} == {find_secret(None).hex()}
    assert list(secret_file().parent.iterdir()) == [secret_file()]


@pytest.mark.parametrize("content", [b"", b"abc", b"zz" * 32, b"00" * 31, b"\xff" * 64])
def test_a_file_that_holds_no_secret_is_not_replaced(content):
    secret_file().parent.mkdir(parents=True)
    secret_file().write_bytes(content)
    with pytest.raises(UnavailableError) as failure:
        find_secret(None)
    assert str(secret_file()) in failure.value.detail and VARIABLE in failure.value.detail
    assert secret_file().read_bytes() == content


def test_an_unreadable_secret_costs_a_warning_and_no_entry(open_store, base, digest, claim, told):
    with open_store(secret=None) as store:
        store.put(digest(1), 1, claim())
        assert store.get(digest(1)) == 1
    path = secret_file()
    hidden = path.with_name("hidden")
    path.rename(hidden)
    path.mkdir()  # root reads any file, but no folder
    store = open_store(secret=None)
    for _ in range(3):
        assert store.get(digest(1)) == Missing(Reason.STORE_UNAVAILABLE)
        assert store.put(digest(1), 2, claim()) is Reason.STORE_UNAVAILABLE
    (message,) = told()
    assert str(path) in message and VARIABLE in message
    path.rmdir()
    hidden.rename(path)
    assert store.get(digest(1)) == 1  # nothing was lost, and the store noticed


def test_a_configuration_directory_that_cannot_be_made(tmp_path, open_store, digest, told):
    (tmp_path / "config").write_text("a file")
    assert open_store(secret=None).get(digest(1)) == Missing(Reason.STORE_UNAVAILABLE)
    assert len(told()) == 1


def test_a_secret_that_others_can_read_is_used_and_told(told):
    secret = find_secret(None)
    secret_file().chmod(0o644)
    assert find_secret(None) == secret and find_secret(None) == secret
    (message,) = told()
    assert f"chmod 600 {secret_file()}" in message


def test_the_variable_may_hold_any_bytes(monkeypatch, open_store, digest, claim):
    os.environb[VARIABLE.encode()] = b"\xff\xfe"
    try:
        store = open_store(secret=None)
        store.put(digest(1), 1, claim())
        assert store.get(digest(1)) == 1
    finally:
        del os.environ[VARIABLE]


def test_the_secret_is_nowhere_in_the_cache(open_store, base, digest, claim):
    import numpy as np

    secret = b"0123456789abcdefghijklmnopqrstuv"
    with open_store(secret=secret) as store:
        store.put(digest(1), 1, claim())
        store.put(digest(2), np.zeros(9_000), claim())
    for path in base.rglob("*"):
        if Path(path).is_file():
            assert secret not in path.read_bytes()
    assert secret.decode() not in repr(store)
