"""The same engine under LibCST's own command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import libcst
import pytest
from libcst.codemod import CodemodContext

from codemods.migrate_cacheable import MigrateCacheable
from codemods.robust_cacheable import RobustCacheable
from codemods.time_aware_cacheable import TimeAwareCacheable

ROOT = Path(__file__).resolve().parents[2]
CODE = """\
from afml.cache import cacheable, stats

@cacheable
def f(start, end): ...
@cacheable
def g(x): ...
"""


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (MigrateCacheable, ["time_aware_cacheable", "robust_cacheable"]),
        (RobustCacheable, ["robust_cacheable", "robust_cacheable"]),
        (TimeAwareCacheable, ["time_aware_cacheable", "time_aware_cacheable"]),
    ],
)
def test_commands_choose_what_their_names_say(command, names) -> None:
    module = command(CodemodContext()).transform_module(libcst.parse_module(CODE))
    decorators = [line[1:] for line in module.code.split("\n") if line.startswith("@")]
    assert decorators == names
    assert module.code.startswith(
        f"from afml.cache import {', '.join(sorted({*names, 'stats'}))}\n"
    )


def test_docstrings_show_what_the_commands_do() -> None:
    for command in (MigrateCacheable, RobustCacheable, TimeAwareCacheable):
        text = sys.modules[command.__module__].__doc__ or ""
        before, after = text.split("Before::")[1].split("After::")
        command_before = libcst.parse_module("import pandas as pd\n" + _dedent(before))
        result = command(CodemodContext()).transform_module(command_before)
        assert result.code == "import pandas as pd\n" + _dedent(after)


def _dedent(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.strip("\n").split("\n")).rstrip()


def test_libcst_tool_runs_them(tmp_path: Path) -> None:
    file = tmp_path / "afml" / "features" / "a.py"
    file.parent.mkdir(parents=True)
    file.write_text(CODE.replace("afml.cache", "..cache") + "h = cacheable(g)\n")
    done = subprocess.run(
        [sys.executable, "-m", "libcst.tool", "codemod", "-x", "--jobs=1", "--no-format",
         "codemods.migrate_cacheable.MigrateCacheable", str(file)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "from ..cache import cacheable, robust_cacheable, stats, time_aware" in file.read_text()
    assert "value-use" in done.stderr


def test_shipped_settings_list_the_commands_and_run_them_by_short_names(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / ".libcst.codemod.yaml", tmp_path)
    file = tmp_path / "a.py"
    file.write_bytes(CODE.replace("\n", "\r\n").encode())

    def tool(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "libcst.tool", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    names = [line.partition(" - ")[0] for line in tool("list").splitlines()]
    assert names == [
        "migrate_cacheable.MigrateCacheable",
        "robust_cacheable.RobustCacheable",
        "time_aware_cacheable.TimeAwareCacheable",
    ]
    tool("codemod", "--jobs=1", names[1], "a.py")
    after = file.read_bytes()
    assert after.count(b"@robust_cacheable\r\n") == 2
    assert after.count(b"\n") == after.count(b"\r\n")
