"""The page on testing shows each message as it really looks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
BLOCK = re.compile(r"```\{code-block\} (\w+)\n:caption: ([^\n]+)\n(.*?)```", re.S)
BLOCKS = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
FILES = {caption: body for language, caption, body in BLOCKS if language == "python"}
SHOWN = {caption: body for language, caption, body in BLOCKS if language == "text"}


def pattern(line: str) -> str:
    """A line of the page as a pattern: ``...`` stands for what differs from run to run."""
    return "*" + line.replace("[", "[[]").replace("...", "*").strip("=").strip(" ") + "*"


@pytest.mark.slow
@pytest.mark.parametrize("caption", SHOWN)
def test_the_page_shows_what_a_run_shows(pytester, run, monkeypatch, caption):
    monkeypatch.delenv("CI", raising=False)
    file, *options = caption.split()
    for name in ("prices.py", file):
        (pytester.path / name).write_text(FILES[name])
    if "--afml-cache-dir=kept" in options:
        run(file, "--afml-cache", "--afml-cache-dir=kept").assert_outcomes(passed=1)
        edited = FILES["prices.py"].replace("WEIGHT = 1.0", "WEIGHT = 2.0")
        (pytester.path / "prices.py").write_text(edited)
    if file == "test_api.py":
        run(file, "--afml-update-snapshots").assert_outcomes(passed=1)
        edited = FILES["prices.py"].replace("window=20", "window=250")
        (pytester.path / "prices.py").write_text(edited)
    if "--afml-compare=before.json" in options:
        run(file, "--afml-record=before.json").assert_outcomes(passed=1)
        rounded = FILES["prices.py"].replace(
            "weigh(price) / window", "round(weigh(price) / window, 1)"
        )
        (pytester.path / "prices.py").write_text(rounded)
    result = run(file, *options)
    result.stdout.fnmatch_lines([pattern(line) for line in SHOWN[caption].splitlines()])


def test_the_page_names_every_option_and_mode():
    from pytest_afml.options import MODES

    page = PAGE.read_text(encoding="utf-8")
    for name in ("cache", "cache-mode", "cache-dir", "min-hit-rate", "cache-json"):
        assert f"`--afml-{name}" in page and f"`afml_{name.replace('-', '_')}" in page
    for name in ("record FILE", "compare FILE", "compare-tolerance R"):
        assert f"`--afml-{name}`" in page
    for mode in MODES:
        assert f"| `{mode}` |" in page
