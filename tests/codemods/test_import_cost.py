"""The codemods run where pandas is not installed, and load nothing before there is work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROBE = """
import sys
from codemods.cli import main
try:
    main(sys.argv[1:])
except SystemExit as stop:
    print(stop.code)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded_after(*arguments: str, cwd: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split("\n")[-2].split())


def test_repository_without_a_match_loads_neither_libcst_nor_rich(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    loaded = loaded_after("plan", cwd=tmp_path)
    assert not loaded & {"libcst", "rich", "pandas", "numpy", "joblib", "afml_cache", "zipfile"}


def test_migration_needs_no_libcst_no_pandas_and_no_cache(tmp_path: Path) -> None:
    code = "from afml.cache import cacheable\n@cacheable\ndef f(x): ...\n"
    (tmp_path / "a.py").write_text(code)
    loaded = loaded_after("apply", cwd=tmp_path)
    assert "robust_cacheable" in (tmp_path / "a.py").read_text()
    assert not loaded & {"libcst", "pandas", "numpy", "joblib", "afml_cache"}
