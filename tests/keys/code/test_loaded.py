"""The fingerprint describes the code that is loaded, whatever its file holds by now."""

from __future__ import annotations

import doctest
import importlib
import linecache
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from afml_cache.keys.code import Fingerprint, FunctionCode

if TYPE_CHECKING:
    from tests.keys.code.conftest import Project

SOURCE = '''
import tools
WINDOW = 20
def signal(x, n=1):
    """Words."""
    y = x + n  # a comment
    return tools.scale(y) * WINDOW
class Model:
    def run(self):
        return signal(1)
'''
TOOLS = "def scale(x): return x * 2\ndef other(x): return x\n"


@pytest.fixture
def quant(project: Project) -> Project:
    project.write("quant.py", SOURCE)
    project.write("tools.py", TOOLS)
    return project


def current(function: Any) -> Fingerprint:
    return FunctionCode(function).current()


def test_an_edited_file_is_named(quant: Project) -> None:
    module = quant.load()
    quant.edit("quant.py", "x + n", "x - n")
    assert current(module.signal).edited == (str(quant.folder / "quant.py"),)


def test_an_edited_helpers_file_is_named(quant: Project) -> None:
    module = quant.load()
    quant.edit("tools.py", "x * 2", "x * 3")
    assert current(module.signal).edited == (str(quant.folder / "tools.py"),)


HARMLESS = {
    "a comment": ("quant.py", "# a comment", "# another"),
    "lines above": ("quant.py", "WINDOW = 20", "WINDOW = 20\n\n\ndef new(): pass\n"),
    "the docstring": ("quant.py", "Words.", "Other words."),
    "no docstring": ("quant.py", '    """Words."""\n', ""),
    "another function": ("tools.py", "return x\n", "return -x\n"),
    "a constant": ("quant.py", "WINDOW = 20", "WINDOW = 30"),
    "a default": ("quant.py", "n=1", "n=2"),
    "formatting": ("quant.py", "x + n", "(\n        x\n        + n)"),
}


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_an_edit_that_is_not_to_the_loaded_code_does_no_harm(
    edit: tuple[str, str, str], quant: Project
) -> None:
    before = quant.fingerprint()
    module = quant.load()
    quant.edit(*edit)
    # Constants and defaults have the values that are loaded.
    assert current(module.signal) == before


def test_what_was_read_once_is_remembered(quant: Project) -> None:
    module = quant.load()
    before = current(module.signal)
    quant.edit("quant.py", "x + n", "x - n")
    quant.edit("tools.py", "x * 2", "x * 3")
    assert current(module.signal) == before
    (quant.folder / "quant.py").unlink()
    assert current(module.signal) == before


def test_an_edit_taken_back_is_no_edit(quant: Project) -> None:
    before = quant.fingerprint()
    code = FunctionCode(quant.load().signal)
    quant.edit("quant.py", "x + n", "x - n")
    assert code.current().edited
    assert code.current() is code.current()
    quant.edit("quant.py", "x - n", "x + n")
    assert code.current() == before


def test_a_broken_file_is_an_edited_file(quant: Project) -> None:
    module = quant.load()
    quant.edit("quant.py", "return tools", "return (tools")
    assert current(module.signal).edited == (str(quant.folder / "quant.py"),)


def test_reloading_makes_the_edit_count_and_going_back_the_first_again(quant: Project) -> None:
    module = quant.load()
    first = current(module.signal)
    quant.edit("quant.py", "x + n", "x - n")
    importlib.reload(module)
    second = current(module.signal)
    quant.edit("quant.py", "x - n", "x + n")
    importlib.reload(module)
    assert current(module.signal) == first
    assert second.code != first.code
    assert not first.edited and not second.edited


def test_reloading_a_helpers_module_is_noticed(quant: Project) -> None:
    code = FunctionCode(quant.load().signal)
    first = code.current()
    quant.edit("tools.py", "x * 2", "x * 3")
    assert code.current() is first
    importlib.reload(sys.modules["tools"])
    second = code.current()
    assert second.code != first.code
    assert not second.edited
    quant.edit("tools.py", "x * 3", "x * 2")
    importlib.reload(sys.modules["tools"])
    assert code.current() == first


def test_functions_of_one_name_in_one_file_are_told_apart(project: Project) -> None:
    project.write(
        "quant.py",
        """
        kept = []
        def signal(x): return x + 1
        kept.append(signal)
        def signal(x): return x + 2
        kept.append(signal)
        if True:
            def signal(x): return x + 3
        else:
            def signal(x): return x + 4
        kept.append(signal)
        """,
    )
    kept = project.load().kept
    assert len({current(function).code for function in kept}) == 3
    assert not any(current(function).edited for function in kept)
    # They stay apart when the file has shifted under them.
    first = [current(function).code for function in kept]
    kept = project.load().kept
    project.edit("quant.py", "kept = []", "\n\n\nkept = []")
    assert [current(function).code for function in kept] == first


def test_lambdas_on_one_line_are_told_apart(project: Project) -> None:
    project.write(
        "quant.py",
        """
        n, m = 1, 2
        kept = [lambda x: x + n, lambda x: x + m, lambda: (lambda x: x - n), lambda x: x + n]
        kept.append(kept[2]())
        """,
    )
    codes = [current(function).code for function in project.load().kept]
    assert codes[0] == codes[3]
    assert len(set(codes)) == 4


def test_lambdas_are_told_apart_without_column_numbers(project: Project, run_python: Any) -> None:
    project.write("quant.py", "kept = [lambda x: x + 1, lambda x: x + 2, lambda x: x + 1]\n")
    script = f"""
        import sys
        sys.path.insert(0, {str(project.folder)!r})
        from afml_cache.keys.code import FunctionCode
        import quant
        codes = [FunctionCode(f).current() for f in quant.kept]
        assert codes[0].code == codes[2].code != codes[1].code
        print([bool(c.edited or c.left_out) for c in codes])
    """
    with_columns = run_python(script)
    assert with_columns == "[False, False, False]"
    run_python(script, PYTHONNODEBUGRANGES="1", PYTHONDONTWRITEBYTECODE="1")


def _run_cell(source: str, number: int, space: dict[str, Any]) -> None:
    """Run a cell as IPython does: its text is known to linecache under the name of no file."""
    name = f"/tmp/ipykernel_{os.getpid()}/{number}.py"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), space)


def test_running_a_cell_again_changes_nothing_and_editing_it_does() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    _run_cell("K = 2\ndef helper(x):\n    return x * K\n", 1, space)
    _run_cell("def signal(x):\n    return helper(x) + 1\n", 2, space)
    code = FunctionCode(space["signal"])
    first = code.current()
    assert not first.left_out and not first.edited
    _run_cell("K = 2\ndef helper(x):\n    return x * K\n", 3, space)
    assert code.current() == first
    _run_cell("def signal(x):\n    return helper(x) + 1  # again\n", 4, space)
    assert current(space["signal"]) == first
    _run_cell("K = 2\ndef helper(x):\n    return x * K * 2\n", 5, space)
    assert code.current().code != first.code
    # A kernel restart: other cell numbers, another process's names.
    fresh: dict[str, Any] = {"__name__": "__main__"}
    _run_cell("K = 2\ndef helper(x):\n    return x * K\n", 90, fresh)
    _run_cell("def signal(x):\n    return helper(x) + 1\n", 91, fresh)
    assert current(fresh["signal"]) == first


def test_a_notebook_and_a_module_agree(project: Project) -> None:
    source = "K = 2\ndef signal(x):\n    return x * K\n"
    project.write("quant.py", source)
    space: dict[str, Any] = {"__name__": "__main__"}
    _run_cell(source, 7, space)
    assert current(space["signal"]).code == project.fingerprint().code


def test_a_function_in_a_doctest_has_its_source() -> None:
    example = """
    >>> def signal(x):
    ...     return x + 1
    >>> found.append(FunctionCode(signal).current())
    """
    found: list[Fingerprint] = []
    space = {"FunctionCode": FunctionCode, "found": found}
    test = doctest.DocTestParser().get_doctest(example, space, "example", None, 0)
    assert doctest.DocTestRunner().run(test).failed == 0
    assert not found[0].left_out


def test_without_source_the_bytecode_counts_and_says_so() -> None:
    def made(source: str) -> Fingerprint:
        space: dict[str, Any] = {"__name__": "quant"}
        exec(compile(source, "<string>", "exec"), space)
        return current(space["signal"])

    source = "N = 3\ndef helper(x): return x + N\ndef signal(x):\n    return helper(x) * 2\n"
    first = made(source)
    assert first == made(source)
    assert first == made("\n\n" + source.replace("* 2", "* 2  # twice"))
    assert first.code != made(source.replace("* 2", "* 3")).code
    assert first.code != made(source.replace("x + N", "x - N")).code
    assert first.code != made(source.replace("N = 3", "N = 4")).code
    assert [name for name, why in first.left_out if "bytecode" in why] == [
        "quant.helper",
        "quant.signal",
    ]


def test_a_transforming_import_hook_is_no_edit(project: Project) -> None:
    project.write("quant.py", "def signal(x):\n    return x + 1\n")
    project.write(
        "hook.py",
        """
        import ast, importlib.machinery, importlib.util, sys
        class Doubling(importlib.machinery.SourceFileLoader):
            def source_to_code(self, data, path, *, _optimization=-1):
                tree = ast.parse(data)
                for node in ast.walk(tree):
                    if isinstance(node, ast.FunctionDef):
                        node.body.insert(0, ast.parse("print('called')").body[0])
                return compile(ast.fix_missing_locations(tree), path, "exec")
        def load(name, path):
            spec = importlib.util.spec_from_file_location(
                name, path, loader=Doubling(name, path)
            )
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)
            return module
        """,
    )
    hook = project.load("hook")
    module = hook.load("quant", str(project.folder / "quant.py"))
    plain = current(module.signal)
    assert not plain.edited
    assert plain.code == project.fingerprint().code
    hook = project.load("hook")
    module = hook.load("quant", str(project.folder / "quant.py"))
    project.edit("quant.py", "x + 1", "x + 2")
    assert current(module.signal).edited


# -- IPython's %autoreload, which puts new code into the functions and classes that there are -----

MODELS = """
    LIMIT = 1
    class Base:
        def sig(self, x): return x
    class Model(Base):
        TIMES = 1
        def sig(self, x): return super().sig(x) * self.TIMES + 1
        def other(self, x): return max(x + i for i in range(1))
        @property
        def limit(self): return LIMIT + 1
        @staticmethod
        def st(x): return (lambda y: y + 1)(x)
        @classmethod
        def cm(cls, x): return cls.TIMES + x + 1
    def helper(x): return x + 1
"""
SIGNAL = """
    from models import Model, helper
    def signal(x):
        model = Model()
        return model.sig(x), model.other(x), model.limit, Model.st(x), Model.cm(x), helper(x)
"""


@pytest.fixture
def autoreload() -> Any:
    extension = pytest.importorskip("IPython.extensions.autoreload")
    reloader = extension.ModuleReloader()
    reloader.enabled = True
    reloader.check()  # reads what is loaded
    return reloader


def _edited(project: Project, autoreload: Any, old: str, new: str) -> None:
    project.edit("models.py", old, new)
    place = project.folder / "models.py"
    later = autoreload.modules_mtimes["models"] + 10
    os.utime(place, (later, later))
    autoreload.check()


def test_what_autoreload_puts_into_a_class_is_no_edit(project: Project, request: Any) -> None:
    project.write("quant.py", SIGNAL)
    fresh = []
    for n in (3, 2, 1):
        project.write("models.py", MODELS.replace("+ 1", f"+ {n}"))
        fresh.append(project.fingerprint())
    signal = project.load().signal
    model = sys.modules["models"].Model
    code = FunctionCode(signal)
    assert code.current() == fresh.pop()
    autoreload = request.getfixturevalue("autoreload")
    for n in (2, 3):
        _edited(project, autoreload, f"+ {n - 1}", f"+ {n}")
        assert signal(10) == (10 + n, 10, 1 + n, 10 + n, 11 + n, 10 + n)
        assert sys.modules["models"].Model is model  # it was put into the class that there is
        assert code.current() == fresh.pop()  # that of a fresh process, unedited


def test_what_autoreload_could_not_do_is_an_edit(project: Project, request: Any) -> None:
    project.write("models.py", MODELS)
    project.write("quant.py", SIGNAL)
    signal = project.load().signal
    autoreload = request.getfixturevalue("autoreload")
    _edited(project, autoreload, "* self.TIMES + 1", "* self.TIMES + 2")
    code = FunctionCode(signal)
    assert not code.current().edited
    project.edit("models.py", "self.TIMES + 2", "self.TIMES + 3")  # and not reloaded
    assert FunctionCode(signal).current() == code.current()  # it has been read
    _edited(project, autoreload, "self.TIMES + 3", "self.TIMES + 4")
    project.edit("models.py", "self.TIMES + 4", "self.TIMES + 5")
    assert FunctionCode(signal).current().edited
