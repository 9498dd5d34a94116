"""``--call-forms``: direct applications, ``f = cacheable(g)``, are rewritten as decorators are."""

from __future__ import annotations

import pytest

from codemods.plan import plan
from codemods.rules import Rules

CALLS = {"rules": {"call_forms": True}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f = cacheable(g)", "f = robust_cacheable(g)"),
        ("f: object = cacheable(library.g)", "f: object = robust_cacheable(library.g)"),
        ("f = cacheable(g, ignore=['x'])", "f = robust_cacheable(g, ignore=['x'])"),
        ("f = cacheable(lambda x: x)", "f = robust_cacheable(lambda x: x)"),
        ("print(cacheable(g)(1))", "print(robust_cacheable(g)(1))"),
        ("class A:\n    f = cacheable(g)", "class A:\n    f = robust_cacheable(g)"),
        ("def h(): return (cacheable)(g)", "def h(): return (robust_cacheable)(g)"),
        (
            "def g(start, end): ...\nf = cacheable(g)",
            "def g(start, end): ...\nf = time_aware_cacheable(g)",
        ),
        ("f = cacheable(ignore=['x'])(g)", "f = robust_cacheable(ignore=['x'])(g)"),
        ("f = cacheable()(g)", "f = robust_cacheable()(g)"),
        ("fs = {'f': cacheable(f)}", "fs = {'f': robust_cacheable(f)}"),
    ],
)
def test_applications_are_rewritten(check_transformed, before, after):
    new = "time_aware_cacheable" if "time_aware" in after else "robust_cacheable"
    check_transformed(
        f"from afml.cache import cacheable\n{before}\n",
        f"from afml.cache import {new}\n{after}\n",
        **CALLS,
    )


def test_applications_and_decorators_together(check_transformed):
    check_transformed(
        """\
        import afml.cache as c

        @c.cacheable
        def g(x): ...

        f = c.cacheable(g)
        """,
        """\
        import afml.cache as c

        @c.robust_cacheable
        def g(x): ...

        f = c.robust_cacheable(g)
        """,
        **CALLS,
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("wrap = functools.partial(cacheable)", "value-use"),
        ("wrap = functools.partial(cacheable, ignore=['x'])", "value-use"),
        ("REGISTRY = {'c': cacheable}", "value-use"),
        ("f = cacheable(ignore=['x'])", "value-use"),
        ("f = cacheable(*functions)", "value-use"),
        ("f = cacheable(g, h)", "value-use"),
        ("f = cacheable(make())", "value-use"),
        ("f = cacheable(memory=m)(g)", "unknown-arguments"),
        ("f = cacheable(g, verbose=0)", "unknown-arguments"),
        ("class A: ...\nf = cacheable(A)", "value-use"),
        ("def g():\n    yield 1\nf = cacheable(g)", "value-use"),
        ("f = cacheable(g)\nf.clear()", "value-use"),
        ("f = cacheable(g)  # afml: keep", "opted-out"),
    ],
)
def test_what_cannot_be_told_is_left(check_noop, code, reason):
    check_noop(f"from afml.cache import cacheable\n{code}\n", left=(reason,), **CALLS)


def test_only_on_demand(check_noop):
    check_noop("from afml.cache import cacheable\nf = cacheable(g)\n", left=("value-use",))


def test_the_record_names_what_is_made():
    code = b"from afml.cache import cacheable\nclass A:\n    f = cacheable(g)\nh(cacheable(g))\n"
    found = plan(code, (), Rules(call_forms=True))
    assert [(r.line, r.function, r.reason) for r in found.rewrites] == [
        (3, "A.f", "the parameters of what it is applied to are not in sight"),
        (4, "g", "the parameters of what it is applied to are not in sight"),
    ]


def test_rollback_after_an_edit_undoes_the_application_alone(afml_codemod, tmp_path):
    code = "from afml.cache import cacheable\n\nf = cacheable(g)\n"
    path = tmp_path / "a.py"
    path.write_text(code)
    assert afml_codemod("apply", "--call-forms", cwd=tmp_path).returncode == 0
    assert path.read_text() == code.replace("cacheable", "robust_cacheable")
    edited = path.read_text().replace("f = robust_cacheable(g)", "f = (robust_cacheable( g))")
    path.write_text(edited + "own = robust_cacheable(h)\n")
    done = afml_codemod("rollback", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert path.read_text() == (
        "from afml.cache import cacheable, robust_cacheable\n\nf = (cacheable( g))\n"
        "own = robust_cacheable(h)\n"
    )
