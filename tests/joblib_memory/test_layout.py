"""A function's folders are found where joblib itself puts them."""

from __future__ import annotations

import functools
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest
from joblib.memory import MemorizedFunc

from afml_cache.joblib_memory.layout import Written, folders_of, name_parts, written


def plain(x: int) -> int:
    return x + 1


class Model:
    def predict(self, x: int) -> int:
        return x

    class Inner:
        @staticmethod
        def deep(x: int) -> int:
            return x


def outer() -> Callable[[int], int]:
    def nested(x: int) -> int:
        return x

    return nested


def logged(function: Callable[[int], int]) -> Callable[[int], int]:
    @functools.wraps(function)
    def wrapper(x: int) -> int:
        return function(x)

    return wrapper


@logged
def wrapped(x: int) -> int:
    return x


FUNCTIONS = {
    "a function": plain,
    "a method": Model.predict,
    "a method of a nested class": Model.Inner.deep,
    "a nested function": outer(),
    "a wrapped function": wrapped,
    "a lambda": lambda x: x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("as_text", [True, False], ids=["Memory(str)", "Memory(Path)"])
def test_the_folder_is_the_one_that_joblib_uses(name: str, as_text: bool, tmp_path: Path) -> None:
    function = FUNCTIONS[name]
    location = str(tmp_path) if as_text else tmp_path
    memorized = joblib.Memory(location, verbose=0).cache(function)
    (folder,) = folders_of(function, [tmp_path])
    assert folder.path == Path(memorized.store_backend.location, memorized.func_id)
    assert folder.root == tmp_path


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_joblib_records_is_read_back(name: str, tmp_path: Path) -> None:
    function = FUNCTIONS[name]
    memorized: MemorizedFunc = joblib.Memory(str(tmp_path), verbose=0).cache(function)
    arguments = (Model(), 3) if name == "a method" else (3,)
    memorized(*arguments)
    (folder,) = folders_of(function, [tmp_path])
    assert folder.recorded_source() == memorized.func_code_info[0]
    (output,) = folder.entries()
    assert output == folder.entry(memorized._get_args_id(*arguments))
    assert written(output, 0.0).at > 0


def test_a_function_that_was_never_cached_has_no_folder(tmp_path: Path) -> None:
    joblib.Memory(str(tmp_path), verbose=0).cache(plain)(1)
    assert folders_of(outer(), [tmp_path]) == []
    assert folders_of(plain, [tmp_path / "elsewhere"]) == []


def test_what_has_no_name_has_no_folder() -> None:
    assert name_parts(functools.partial(plain, 1)) is None


def test_a_name_that_would_lead_elsewhere_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def climbing(x: int) -> int:
        return x

    climbing.__module__ = "a/../../etc"
    assert name_parts(climbing) is None


def test_a_script_has_the_folder_of_its_file(
    tmp_path: Path, run_python: Callable[..., str]
) -> None:
    script = """
        import joblib, sys
        from pathlib import Path
        from afml_cache.joblib_memory.layout import folders_of

        def f(x):
            return x

        memorized = joblib.Memory(sys.argv[1], verbose=0).cache(f)
        (folder,) = folders_of(f, [Path(sys.argv[1])])
        print(folder.path == Path(memorized.store_backend.location, memorized.func_id))
    """
    assert run_python(script, str(tmp_path / "joblib")) == "True"


def test_a_function_of_a_cell_is_found_after_the_cell_was_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ipykernel names a cell after its text, so renaming a decorator makes it another file."""
    source = "def f(x):\n    return x\n"

    def cell(number: str) -> Callable[[int], int]:
        space: dict[str, object] = {"__name__": "__main__"}
        exec(compile(source, f"/tmp/ipykernel_77/{number}.py", "exec"), space)
        return space["f"]  # type: ignore[return-value]

    before, after = cell("111"), cell("222")
    monkeypatch.setattr("inspect.getsourcefile", lambda f: f.__code__.co_filename)
    memorized = joblib.Memory(str(tmp_path), verbose=0).cache(before)
    (folder,) = folders_of(after, [tmp_path])
    assert folder.path == Path(memorized.store_backend.location, memorized.func_id)
    assert not folder.is_certain  # it may be another notebook's


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        ({"duration": 2.5, "time": 1e9}, Written(1e9, 2.5)),
        ({"duration": -1, "time": "noon"}, Written(7.0, 0.0)),
        ([], Written(7.0, 0.0)),
        (None, Written(7.0, 0.0)),
    ],
    ids=["noted", "nonsense", "no mapping", "nothing"],
)
def test_the_time_and_the_cost_of_an_entry_are_what_joblib_noted(
    noted: object, expected: Written, tmp_path: Path
) -> None:
    if noted is not None:
        (tmp_path / "metadata.json").write_text(json.dumps(noted))
    assert written(tmp_path / "output.pkl", modified=7.0) == expected


def test_looking_for_folders_does_not_import_joblib(
    tmp_path: Path, run_python: Callable[..., str]
) -> None:
    script = """
        import sys
        from pathlib import Path
        from afml_cache.adoption import serve
        from afml_cache.joblib_memory.layout import folders_of
        print(folders_of(folders_of, [Path(sys.argv[1])]), "joblib" in sys.modules)
    """
    assert run_python(script, str(tmp_path)) == "[] False"


def test_modules_are_folders_a_part_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "afml_t_layout" / "labels"
    package.mkdir(parents=True)
    (package / "barriers.py").write_text("def touch(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("afml_t_layout.labels.barriers")
    assert name_parts(module.touch) == ("afml_t_layout", "labels", "barriers", "touch")
    for name in [name for name in sys.modules if name.startswith("afml_t_layout")]:
        sys.modules.pop(name)
