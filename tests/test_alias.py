"""``afml.cache`` and ``afml_cache`` are one package under two names."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "script",
    [
        "import afml.cache, afml_cache; print(afml.cache is afml_cache)",
        "import afml_cache, afml.cache; print(afml.cache is afml_cache)",
        "import afml.cache as c; import afml_cache; print(c is afml_cache)",
        "import afml.cache.legacy; import afml_cache.legacy; "
        "print(afml.cache.legacy is afml_cache.legacy)",
        "import afml_cache.keys.content as a; import afml.cache.keys.content as b; print(a is b)",
        "from afml.cache.keys import content as b; import afml_cache.keys.content as a; "
        "print(a is b)",
        "from afml.cache.robust_cache_keys import robust_cacheable as a; "
        "from afml_cache import robust_cacheable as b; print(a is b)",
        "from afml.cache import cacheable as a; from afml_cache import cacheable as b; "
        "print(a is b)",
        "from afml.cache.cache_monitoring import CacheAnalyzer as a; "
        "from afml_cache import CacheAnalyzer as b; print(a is b)",
        "import afml.cache.errors as e; "
        "print(e.__spec__.name == e.__name__ == 'afml_cache.errors')",
        "import afml.cache, importlib, afml_cache.errors as e; "
        "print(importlib.reload(e) is e and e.__spec__.name == 'afml_cache.errors')",
    ],
)
def test_both_names_lead_to_one_module(run_python, script):
    assert run_python(script) == "True"


def test_a_submodule_that_does_not_exist_is_an_import_error(run_python):
    script = """
        import afml.cache
        try:
            import afml.cache.nothing_here
        except ModuleNotFoundError as error:
            print(error)
    """
    assert run_python(script) == "No module named 'afml.cache.nothing_here'"


def test_a_repositorys_own_afml_package_wins(run_python, tmp_path):
    (tmp_path / "afml" / "cache").mkdir(parents=True)
    (tmp_path / "afml" / "__init__.py").write_text("")
    (tmp_path / "afml" / "cache" / "__init__.py").write_text("mine = True\n")
    (tmp_path / "afml" / "cache" / "legacy.py").write_text("mine = True\n")
    script = """
        import afml_cache, afml.cache, afml.cache.legacy
        print(afml.cache.mine, afml.cache.legacy.mine, afml.cache is afml_cache)
    """
    assert run_python(script) == "True True False"


def test_a_repositorys_afml_package_without_a_cache_gets_ours(run_python, tmp_path):
    (tmp_path / "afml").mkdir()
    (tmp_path / "afml" / "__init__.py").write_text("mine = True\n")
    script = """
        import afml_cache
        from afml.cache import cacheable
        import afml, afml.cache.legacy
        print(afml.mine, afml.cache is afml_cache, afml_cache.__spec__.name)
        print(afml.cache.legacy is afml_cache.legacy)
    """
    assert run_python(script).splitlines() == ["True True afml_cache", "True"]


def test_a_module_runs_under_its_other_name(run_python):
    script = "import runpy, afml.cache; runpy.run_module('afml.cache.outcomes'); print('ran')"
    assert run_python(script) == "ran"


def test_a_repositorys_afml_folder_without_init_is_joined_by_ours(run_python, tmp_path):
    (tmp_path / "afml" / "features").mkdir(parents=True)
    (tmp_path / "afml" / "features" / "__init__.py").write_text("mine = True\n")
    script = """
        import afml.features, afml.cache
        print(afml.features.mine, afml.cache.__name__)
    """
    assert run_python(script) == "True afml_cache"
