"""Only some functions: which are meant, what becomes of the others, and that it adds up."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codemods.files import find
from codemods.findings import Code, Finding
from codemods.matching import Matched
from codemods.narrow import narrow
from codemods.patterns import closeness, matches
from codemods.plan import Plan, plan
from codemods.rules import Rules
from codemods.runner import Survey, survey
from codemods.select import Selection

Check = Callable[..., object]
Command = Callable[..., subprocess.CompletedProcess[str]]

# ------------------------------------------------------------------ patterns


@pytest.mark.parametrize(
    "pattern",
    [
        "quant.labels",
        "src.quant.labels",
        "labels",
        "quant",
        "quant.labels.Barrier",
        "quant.labels.Barrier.touch",
        "labels.Barrier.touch",
        "Barrier.touch",
        "labels.*",
        "*.touch",
        "quant.lab??s",
        "*",
        "src/quant/labels.py",
        "./src/quant/labels.py",
        "quant/labels.py",
        "labels.py",
        "src/quant/",
        "quant/*",
        "**/labels.py",
        "quant/labels.py::Barrier.touch",
        "quant/labels.py::Barrier",
        "labels.py::*.touch",
        "::Barrier.touch",
    ],
)
def test_a_pattern_means_what_it_names_and_what_lies_in_it(pattern: str) -> None:
    assert matches([pattern], "src/quant/labels.py", "Barrier.touch")


@pytest.mark.parametrize(
    "pattern",
    [
        "quant.label",
        "uant.labels",
        "touch",  # in the middle of a name: say Barrier.touch, or *.touch
        "src.labels",
        "quant.labels.touch",
        "labels.Barrier.touch.inner",
        "Quant.labels",
        "quant/label",
        "ant/labels.py",
        "quant/labels.pyi",
        "quant/labels.py::touch",
        "features.py::Barrier.touch",
    ],
)
def test_a_pattern_means_nothing_else(pattern: str) -> None:
    assert not matches([pattern], "src/quant/labels.py", "Barrier.touch")


def test_nested_functions_with_and_without_the_locals_of_python() -> None:
    for pattern in ("labels.outer.<locals>.inner", "labels.outer.inner", "labels.outer"):
        assert matches([pattern], "labels.py", "outer.<locals>.inner")


def test_a_package_is_its_init_file() -> None:
    assert matches(["quant"], "src/quant/__init__.py", "f")
    assert matches(["quant.f"], "src/quant/__init__.py", "f")
    assert not matches(["__init__"], "src/quant/__init__.py", "f")


def test_closer_is_what_names_less() -> None:
    order = ["src", "quant.*", "quant", "labels", "quant/labels.py", "labels.f"]
    found = [closeness(pattern, "src/quant/labels.py", "f") for pattern in order]
    assert None not in found
    assert found[0] < found[2] < found[3] < found[4] < found[5]  # type: ignore[operator]
    # A name is closer than a wildcard that reaches just as far.
    assert closeness("f", "a.py", "f") > closeness("f*", "a.py", "f")  # type: ignore[operator]


# ------------------------------------------------------------------ one file


def test_what_is_not_selected_keeps_its_decorator_and_its_import(check_transformed: Check) -> None:
    check_transformed(
        """\
        from afml.cache import cacheable

        @cacheable
        def f(x): ...

        @cacheable
        def g(x): ...
        """,
        """\
        from afml.cache import cacheable, robust_cacheable

        @cacheable
        def f(x): ...

        @robust_cacheable
        def g(x): ...
        """,
        selected={"g"},
    )


def test_the_last_one_takes_the_old_import_with_it(check_transformed: Check) -> None:
    check_transformed(
        """\
        from afml.cache import cacheable, robust_cacheable

        @cacheable
        def f(x): ...

        @robust_cacheable
        def g(x): ...
        """,
        """\
        from afml.cache import robust_cacheable

        @robust_cacheable
        def f(x): ...

        @robust_cacheable
        def g(x): ...
        """,
        selected={"f"},
    )


def test_behind_an_alias_that_others_use(check_transformed: Check) -> None:
    check_transformed(
        """\
        from afml.cache import cacheable as cached

        @cached
        def f(x): ...

        @cached
        def g(x): ...
        """,
        """\
        from afml.cache import cacheable as cached, robust_cacheable

        @robust_cacheable
        def f(x): ...

        @cached
        def g(x): ...
        """,
        selected={"f"},
    )


def test_through_a_module(check_transformed: Check) -> None:
    check_transformed(
        """\
        import afml.cache as c

        @c.cacheable
        def f(x): ...

        @c.cacheable
        def g(x): ...
        """,
        """\
        import afml.cache as c

        @c.robust_cacheable
        def f(x): ...

        @c.cacheable
        def g(x): ...
        """,
        selected={"f"},
    )


def test_a_function_that_is_defined_twice_is_one(check_transformed: Check) -> None:
    check_transformed(
        """\
        from afml.cache import cacheable

        if fast:
            @cacheable
            def f(x): ...
        else:
            @cacheable
            def f(y): ...

        @cacheable
        def g(x): ...
        """,
        """\
        from afml.cache import cacheable, robust_cacheable

        if fast:
            @robust_cacheable
            def f(x): ...
        else:
            @robust_cacheable
            def f(y): ...

        @cacheable
        def g(x): ...
        """,
        selected={"f"},
    )


def test_a_stand_in_is_shared_so_its_functions_go_together(check_noop: Check) -> None:
    check_noop(
        """\
        try:
            from afml.cache import cacheable
        except ImportError:
            def cacheable(function):
                return function

        @cacheable
        def f(x): ...

        @cacheable
        def g(x): ...
        """,
        selected={"f"},
        left=("fallback-definition",),
    )


def test_nothing_is_said_of_what_is_not_selected(check_noop: Check) -> None:
    check_noop(
        "from afml.cache import cacheable\n\n@cacheable(x=1)\ndef f(x): ...\n", selected={"g"}
    )


# ------------------------------------------------------------------ what adds up

SIGNATURES = ("x", "start, end", "frame: pd.DataFrame")


@st.composite
def modules(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """Functions, methods and nested functions with decorators of every spelling."""
    lines = [
        "import pandas as pd",
        "import afml.cache as c",
        "from afml.cache import auto_cacheable, cacheable",
        "from afml.cache import smart_cacheable as smart",
        "",
    ]
    names = []
    decorators = st.sampled_from(
        ["@cacheable", "@auto_cacheable", "@c.cacheable", "@smart", "@(cacheable)", "@cacheable()"]
    )
    for number in range(draw(st.integers(1, 6))):
        decorator, signature = draw(decorators), draw(st.sampled_from(SIGNATURES))
        kind = draw(st.sampled_from(["function", "method", "nested"]))
        definition = [decorator, f"def f{number}({signature}): ..."]
        if kind == "function":
            lines += definition
            names.append(f"f{number}")
        elif kind == "method":
            lines += [f"class A{number}:", *(f"    {line}" for line in definition)]
            names.append(f"A{number}.f{number}")
        else:
            lines += [f"def g{number}():", *(f"    {line}" for line in definition)]
            names.append(f"g{number}.<locals>.f{number}")
        lines.append("")
    return "\n".join(lines).encode(), names


def decorators_of(data: bytes) -> list[str]:
    """What stands for what differs with the way there: the names that decorators mean."""
    tree = ast.parse(data)
    meaning = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                text = ast.unparse(decorator).removesuffix("()").removeprefix("c.")
                found.append(f"{node.name}: {meaning.get(text, text)}")
    return sorted(found)


@settings(max_examples=150, deadline=None)
@given(modules())
def test_to_select_everything_is_to_select_nothing_special(module: tuple[bytes, list[str]]) -> None:
    data, names = module
    assert plan(data, selected=frozenset(names)) == plan(data)
    assert not plan(data, selected=frozenset()).edits


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(modules(), st.data())
def test_bit_by_bit_is_all_at_once(module: tuple[bytes, list[str]], draw: st.DataObject) -> None:
    data, names = module
    shares = draw.draw(st.lists(st.integers(0, 2), min_size=len(names), max_size=len(names)))
    now = data
    for share in range(3):
        some = frozenset(n for n, of in zip(names, shares, strict=True) if of == share)
        step = plan(now, selected=some)
        assert {r.function for r in step.rewrites} == some
        now = step.carry_out(now)
        assert not plan(now, selected=some).edits, "the same selection again changes something"
    assert decorators_of(now) == decorators_of(plan(data).carry_out(data))
    assert not plan(now).edits


# ------------------------------------------------------------------ a repository

HEAD = "from afml.cache import cacheable\n"


def function(name: str, decorator: str = "@cacheable") -> str:
    return f"\n\n{decorator}\ndef {name}(x):\n    return x\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "src" / "quant").mkdir(parents=True)
    (root / "pyproject.toml").write_text("")
    quant = root / "src" / "quant"
    (quant / "labels.py").write_text(HEAD + function("barrier") + function("entropy"))
    (quant / "features.py").write_text(HEAD + function("window") + function("spread"))
    (quant / "odd.py").write_text(HEAD + function("strange", "@cacheable(x=1)"))
    (quant / "broken.py").write_text(HEAD + "(\n")
    return root


def found(root: Path, **wishes: object) -> Survey:
    return survey(find([root]), Rules(), Selection(**wishes))  # type: ignore[arg-type]


def functions(found: Survey) -> list[str]:
    return [
        f"{Path(entry.path).stem}.{rewrite.function}"
        for entry in found.changes
        for rewrite in entry.plan.rewrites
    ]


def notes(found: Survey) -> list[str]:
    assert found.selected is not None
    return [note.text for note in found.selected.notes]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (["quant.labels"], ["labels.barrier", "labels.entropy"]),
        (["quant/labels.py"], ["labels.barrier", "labels.entropy"]),
        (["quant.labels.entropy"], ["labels.entropy"]),
        (["entropy", "features.w*"], ["features.window", "labels.entropy"]),
        (["src"], ["features.window", "features.spread", "labels.barrier", "labels.entropy"]),
    ],
)
def test_only(repository: Path, only: list[str], expected: list[str]) -> None:
    assert functions(found(repository, only=tuple(only))) == expected


def test_only_says_how_many_it_left_out_and_nothing_of_their_troubles(repository: Path) -> None:
    survey = found(repository, only=("quant.labels",))
    assert notes(survey) == ["2 functions match no pattern of --only"]
    assert {entry.path for entry in survey.planned} == {"src/quant/labels.py"}
    odd = found(repository, only=("quant.odd.strange", "quant.broken"))
    codes = [f.code.value for entry in odd.planned for f in entry.plan.findings]
    assert codes == ["syntax-error", "unknown-arguments"]


def test_only_a_misspelled_pattern_is_told(repository: Path, afml_codemod: Command) -> None:
    shown = afml_codemod("plan", "--only", "quant.lables", repository)
    assert shown.returncode == 0
    assert "--only quant.lables means no function to migrate" in shown.stdout
    assert "Nothing to migrate." in shown.stdout


@pytest.mark.slow
def test_limit_takes_the_first_and_then_the_next(repository: Path, afml_codemod: Command) -> None:
    def state() -> list[str]:
        quant = repository / "src" / "quant"
        both = (quant / "features.py").read_text() + (quant / "labels.py").read_text()
        return [line for line in both.splitlines() if line.startswith("@")]

    for migrated in (1, 2, 3, 4, 4):
        done = afml_codemod("apply", "--limit", "1", "--yes", repository)
        assert done.returncode == 0, done.stderr
        assert state() == ["@robust_cacheable"] * migrated + ["@cacheable"] * (4 - migrated)
    assert "Nothing was changed." in done.stdout


def test_limit_is_not_held_up_by_functions_that_can_only_go_together(tmp_path: Path) -> None:
    fallback = (
        "try:\n    from afml.cache import cacheable\n"
        "except ImportError:\n    def cacheable(function):\n        return function\n"
    )
    (tmp_path / "a.py").write_text(fallback + function("f") + function("g"))
    (tmp_path / "b.py").write_text(HEAD + function("h"))
    one = found(tmp_path, limit=1)
    assert functions(one) == ["b.h"]
    assert [f.code.value for entry in one.planned for f in entry.plan.findings] == [
        "fallback-definition",
        "fallback-definition",
    ]
    assert functions(found(tmp_path, limit=2)) == ["a.f", "a.g"]


def test_where_the_proof_fails_for_some_functions_it_is_told_and_the_next_is_taken() -> None:
    codes = {name: (HEAD + function("f") + function("g")).encode() for name in ("a.py", "b.py")}

    def replan(wanted: Mapping[str, frozenset[str]]) -> dict[str, Plan]:
        failed = (Finding(1, 1, Code.NOT_LOSSLESS, "cannot be rewritten safely"),)
        return {
            path: Plan("", findings=failed) if path == "a.py" else plan(codes[path], selected=some)
            for path, some in wanted.items()
        }

    plans = {path: plan(data) for path, data in codes.items()}
    narrowed = narrow(plans, Selection(limit=1), Matched(), replan)
    assert {path: [r.function for r in p.rewrites] for path, p in narrowed.plans.items()} == {
        "a.py": [],
        "b.py": ["f"],
    }
    assert [f.code.value for f in narrowed.plans["a.py"].findings] == ["not-lossless"]


def test_a_module_and_its_stub_are_one_function(tmp_path: Path) -> None:
    for name in ("a.py", "a.pyi"):
        (tmp_path / name).write_text(HEAD + function("f") + function("g"))
    assert functions(found(tmp_path, limit=1)) == ["a.f", "a.f"]


@pytest.mark.slow
def test_check_asks_only_for_what_is_selected(repository: Path, afml_codemod: Command) -> None:
    assert afml_codemod("check", "--only", "quant.labels", repository).returncode == 1
    afml_codemod("apply", "--only", "quant.labels", "--yes", repository)
    again = afml_codemod("check", "--only", "quant.labels", repository)
    assert (again.returncode, again.stdout) == (0, "")
    assert afml_codemod("check", repository).returncode == 1


@pytest.mark.slow
def test_a_second_run_leaves_no_migration(repository: Path, afml_codemod: Command) -> None:
    afml_codemod("apply", "--only", "labels.entropy", "--yes", repository)
    before = sorted((repository / ".afml-codemod").iterdir())
    again = afml_codemod("apply", "--only", "labels.entropy", "--yes", repository)
    assert again.returncode == 0
    assert sorted((repository / ".afml-codemod").iterdir()) == before


def test_what_was_not_selected_is_in_the_json(repository: Path, afml_codemod: Command) -> None:
    shown = afml_codemod("plan", "--format", "json", "--only", "labels.entropy", repository)
    assert json.loads(shown.stdout)["not_selected"] == [
        {
            "reason": "only",
            "text": "3 functions match no pattern of --only",
            "count": 3,
            "about": [
                "src/quant/features.py::window",
                "src/quant/features.py::spread",
                "src/quant/labels.py::barrier",
            ],
        }
    ]


def test_many_files_are_narrowed_in_processes_too(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codemods.runner.WORTH_PROCESSES", 0)
    narrowed = survey(find([repository]), Rules(), Selection(only=("entropy", "spread")), jobs=2)
    assert functions(narrowed) == ["features.spread", "labels.entropy"]
