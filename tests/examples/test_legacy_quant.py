"""The example repository: it runs, its own tests pass, and it is what the docs say it is."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "legacy_quant"
FORMS = {
    "from afml.cache import cacheable": "@cacheable",
    "from afml.cache import cacheable as cached": "@cached",
    "import afml.cache as c": "@c.cacheable",
    "from ..cache import cacheable": "@cacheable",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for package in ("sklearn", "backtesting", "arch"):
        pytest.importorskip(package)
    copy = tmp_path / "repository"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    return copy


def in_repository(repository: Path, *command: str) -> str:
    """What a module prints when it is run in the copy, with a cache of its own."""
    finished = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=repository,
        env={
            **os.environ,
            "AFML_CACHE": str(repository.parent / "cache"),
            "AFML_CACHE_SECRET": "of the tests",
            "PYTHONPATH": str(EXAMPLE.parents[1]),
            "LEGACY_QUANT_BARS": "1000",
            "LEGACY_QUANT_INSTRUMENTS": "GOOG",
        },
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def sources() -> list[str]:
    return [path.read_text() for path in sorted(EXAMPLE.rglob("*.py"))]


@pytest.mark.parametrize(("form", "decorator"), FORMS.items(), ids=FORMS)
def test_it_uses_each_form_that_real_code_uses(form: str, decorator: str) -> None:
    assert any(f"{form}\n" in source and f"\n{decorator}\n" in source for source in sources())


def test_every_cached_function_is_documented() -> None:
    cached = [
        node
        for source in sources()
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
        and any("cache" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    assert len(cached) == 16
    assert all(ast.get_docstring(node) for node in cached)


@pytest.mark.slow
def test_its_own_tests_pass(repository: Path) -> None:
    assert " passed" in in_repository(repository, "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.slow
def test_the_pipeline_ends_in_the_same_results_cold_and_warm(repository: Path) -> None:
    cold = in_repository(repository, "legacy_quant.run", "--json", "cold.json")
    in_repository(repository, "legacy_quant.run", "--json", "warm.json")
    assert "[ 8/8] GOOG   backtest" in cold
    written = (repository / "cold.json").read_bytes()
    assert written == (repository / "warm.json").read_bytes()
    (result,) = json.loads(written)
    assert result["instrument"] == "GOOG"
    assert result["bars"] == 1000
