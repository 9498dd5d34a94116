"""The stable name of the running program, and the way from it to what the program defines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from afml_cache.main_module import main_global, program_name

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("space", "name"),
    [
        ({"__file__": "/here/run_it.py"}, "run_it"),
        ({"__file__": "C:\\here\\run_it.py", "__spec__": None}, "run_it"),
        ({"__file__": "run", "__spec__": None}, "run"),
        (
            {"__file__": "x/__main__.py", "__spec__": SimpleNamespace(name="x.__main__")},
            "x.__main__",
        ),
        ({"__name__": "__main__"}, "__main__"),
    ],
    ids=["script", "windows", "no suffix", "-m", "notebook"],
)
def test_a_program_is_named_as_its_importers_name_it(space, name):
    assert program_name(space) == name


def test_a_global_is_found_in_a_module_that_is_imported_for_it():
    assert main_global("collections", "OrderedDict.fromkeys").__name__ == "fromkeys"


def test_the_main_of_a_package_is_never_imported_since_that_would_run_it():
    with pytest.raises(ImportError, match="would run it"):
        main_global("json.__main__", "anything")


def test_a_script_named_like_a_loaded_module_does_not_stand_in_for_it(tmp_path):
    script = tmp_path / "codecs.py"
    script.write_text(
        "from afml_cache.main_module import main_name, stands_for_main\n"
        "print(main_name(), stands_for_main('codecs'))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)}, check=True,
    )  # fmt: skip
    assert done.stdout == "codecs False\n"
