"""``revert``: the same rewrite backwards, for a clone that has no journal."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

BACK = {"rules": {"to": "cacheable"}}
NEW = ["robust_cacheable", "time_aware_cacheable"]


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize(
    "form",
    [
        "from afml.cache import {}\n@{}\ndef f(x): ...\n",
        "from ..cache import {}\n@{}()\ndef f(x): ...\n",
        "from afml_cache import {}\n@{}(ignore=['x'])\nasync def f(x): ...\n",
        "import afml.cache as c\n@c.{}\ndef f(x): ...\n",
        "from afml.cache import {}, zeta\n@{}\ndef f(x): ...\n",
        "from afml.cache import {} as cached\n@cached\ndef f(x): ...\n",
        "from afml.cache import *\nfrom afml.cache import {}\n@{}\ndef f(x): ...\n",
    ],
)
def test_every_new_decorator_becomes_the_old_one(check_transformed, form, name):
    after = form.replace("{}", "cacheable")
    check_transformed(form.replace("{}", name), after, **BACK)


def test_both_become_one(check_transformed):
    check_transformed(
        """\
        from afml.cache import clear, robust_cacheable, time_aware_cacheable

        @robust_cacheable
        def f(x): ...

        @time_aware_cacheable
        def g(start, end): ...
        """,
        """\
        from afml.cache import cacheable, clear

        @cacheable
        def f(x): ...

        @cacheable
        def g(start, end): ...
        """,
        **BACK,
    )


def test_identity_fallback_gets_its_own_name_back(check_transformed):
    rest = "except ImportError:\n    def cacheable(f): return f\n@cacheable\ndef f(x): ...\n"
    check_transformed(
        f"try:\n    from afml.cache import robust_cacheable as cacheable\n{rest}",
        f"try:\n    from afml.cache import cacheable\n{rest}",
        **BACK,
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("@robust_cacheable(version=2)\ndef f(x): ...", "unknown-arguments"),
        ("@robust_cacheable(ttl='1 h', ignore='x')\ndef f(x): ...", "unknown-arguments"),
        ("f = robust_cacheable(g)", "value-use"),
        ("@robust_cacheable  # afml: keep\ndef f(x): ...", "opted-out"),
    ],
)
def test_what_the_old_decorator_does_not_take_is_left_and_reported(check_noop, code, reason):
    check_noop(f"from afml.cache import robust_cacheable\n{code}\n", left=(reason,), **BACK)


@pytest.fixture
def clone(tmp_path: Path, afml_codemod) -> Path:
    """A fresh clone of a repository that has been migrated: it has no journal."""
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "labels.py").write_text(
        "from afml.cache import cacheable, clear\n\n\n@cacheable\ndef f(x):\n    return x\n"
    )

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *arguments], cwd=origin, check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "before")
    assert afml_codemod("apply", cwd=origin).returncode == 0
    git("commit", "-qam", "after")
    subprocess.run(
        ["git", "clone", "-q", origin, tmp_path / "clone"], check=True, capture_output=True
    )
    assert "robust_cacheable" in (tmp_path / "clone" / "labels.py").read_text()
    return tmp_path / "clone"


def test_fresh_clone_has_nothing_to_roll_back_and_can_be_reverted(afml_codemod, clone):
    nothing = afml_codemod("rollback", cwd=clone)
    assert nothing.returncode == 0
    assert "No migration to roll back" in nothing.stdout
    assert "afml-codemod revert" in nothing.stdout
    shown = afml_codemod("revert", "--dry-run", "--diff", cwd=clone)
    assert "1 function in 1 file to revert; nothing is written yet." in shown.stdout
    assert "+@cacheable" in shown.stdout
    assert "robust_cacheable" in (clone / "labels.py").read_text()
    done = afml_codemod("revert", "--to", "cacheable", cwd=clone)
    assert done.returncode == 0, done.stderr
    assert "Reverted 1 function in 1 file." in done.stdout
    assert "need not be as they were" in done.stdout
    assert (clone / "labels.py").read_text() == (
        "from afml.cache import cacheable, clear\n\n\n@cacheable\ndef f(x):\n    return x\n"
    )
    assert afml_codemod("revert", cwd=clone).stdout == "Nothing to revert.\n"
    assert "applied by revert: 1 function in 1 file" in afml_codemod("status", cwd=clone).stdout


def test_revert_can_be_rolled_back_too(afml_codemod, clone):
    migrated = (clone / "labels.py").read_bytes()
    assert afml_codemod("revert", cwd=clone).returncode == 0
    assert afml_codemod("rollback", cwd=clone).returncode == 0
    assert (clone / "labels.py").read_bytes() == migrated


def test_revert_that_was_edited_since_is_rolled_back_at_its_functions(afml_codemod, clone):
    assert afml_codemod("revert", cwd=clone).returncode == 0
    path = clone / "labels.py"
    path.write_text(
        path.read_text().replace("@cacheable\n", "@cacheable  # mine\n")
        + "\n\n@cacheable\ndef g(x):\n    return x\n"
    )
    assert afml_codemod("rollback", cwd=clone).returncode == 0
    text = path.read_text()
    assert "@robust_cacheable  # mine\ndef f" in text
    assert "@cacheable\ndef g" in text


def test_where_there_is_a_journal_revert_points_to_it(afml_codemod, tmp_path):
    (tmp_path / "a.py").write_text("from afml.cache import cacheable\n@cacheable\ndef f(): ...\n")
    assert afml_codemod("apply", cwd=tmp_path).returncode == 0
    done = afml_codemod("revert", cwd=tmp_path)
    assert "There is a journal" in done.stdout


def test_in_tree_cache_that_lacks_the_old_name_is_not_reverted_to(afml_codemod, tmp_path):
    package = tmp_path / "afml" / "cache"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from afml_cache import robust_cacheable\n")
    code = "from afml.cache import robust_cacheable\n@robust_cacheable\ndef f(): ...\n"
    (tmp_path / "a.py").write_text(code)
    done = afml_codemod("revert", cwd=tmp_path)
    assert "unresolved-import" in done.stdout
    assert (tmp_path / "a.py").read_text() == code
