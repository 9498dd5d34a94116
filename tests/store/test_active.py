"""Which store is in use, and how it is swapped."""

from __future__ import annotations

import threading

import pytest

from afml_cache import settings
from afml_cache.store.active import active, use_store
from afml_cache.store.store import Store


def test_the_store_follows_the_settings_until_one_is_named(tmp_path, store):
    with use_store(store):
        assert active() is store
    settings.configure(directory=tmp_path / "elsewhere", size_limit="1 MB")
    assert active().directory == tmp_path / "cache"  # the tests' own store is in use
    assert active().size_limit == 1_000_000


def test_a_store_named_by_its_path_follows_the_other_settings(tmp_path):
    with use_store(tmp_path / "a") as first:
        assert active() is first and first.age_limit is None
        settings.configure(age_limit="1 h")
        assert active() is not first
        assert active().directory == first.directory and active().age_limit == 3600.0
        unchanged = active()
        settings.configure(strict=True)
        assert active() is unchanged


def test_a_store_that_was_given_is_used_as_it_is(tmp_path):
    mine = Store(tmp_path / "mine", secret=b"s" * 32, size_limit=5)
    with use_store(mine) as used:
        settings.configure(size_limit=10)
        assert used is mine and active() is mine and mine.size_limit == 5


def test_stores_in_use_nest_and_may_be_left_in_any_order(tmp_path, store):
    first, second = use_store(tmp_path / "1"), use_store(tmp_path / "2")
    assert active().directory == tmp_path / "2"
    first.close()
    assert active().directory == tmp_path / "2"
    second.close()
    second.close()
    assert active().directory == store.directory


def test_use_store_works_as_a_plain_call_and_goes_back(tmp_path, store):
    used = use_store(str(tmp_path / "plain"))
    assert active().directory == tmp_path / "plain" and active() is used.store
    used.close()
    assert active() is not used.store and active().directory == store.directory


def test_all_threads_see_the_store_in_use(tmp_path):
    with use_store(tmp_path / "shared") as used:
        seen: list[Store] = []
        thread = threading.Thread(target=lambda: seen.append(active()))
        thread.start()
        thread.join()
        assert seen == [used]


def test_leaving_writes_what_was_counted(tmp_path):
    with use_store(tmp_path / "a") as used:
        used.tally("f").hits += 3
    with use_store(tmp_path / "a") as again:
        assert again.counters()["f"].hits == 3


def test_an_error_in_the_block_restores_too(tmp_path, store):
    with pytest.raises(RuntimeError), use_store(tmp_path / "a"):
        raise RuntimeError
    assert active().directory == store.directory


def test_the_default_is_the_directory_of_the_environment(run_python, tmp_path):
    script = """
        from afml_cache.store.active import active
        print(active().directory, active() is active())
    """
    assert run_python(script) == f"{tmp_path / 'cache'} True"
    assert not (tmp_path / "cache").exists()  # asking makes nothing
