"""``.gitignore`` without git, and ``--exclude``: what is left out of a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codemods.files import find

FILES = (
    "a.py",
    "build/b.py",
    "quant/c.py",
    "quant/gen/d.py",
    "quant/gen/keep.py",
    "quant/e_old.py",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


RULES = [
    ({".gitignore": "build/\n"}, {"build/b.py"}),
    ({".gitignore": "/gen\n"}, set()),
    ({".gitignore": "quant/gen/*\n!keep.py\n"}, {"quant/gen/d.py"}),
    ({".gitignore": "*_old.py\n# c.py\n"}, {"quant/e_old.py"}),
    ({"quant/.gitignore": "/gen/\n"}, {"quant/gen/d.py", "quant/gen/keep.py"}),
    ({".gitignore": "d.py\n", "quant/.gitignore": "!d.py\n"}, set()),
    ({".gitignore": "quant/**/d.py\n"}, {"quant/gen/d.py"}),
]


@pytest.mark.parametrize("git", [False, True], ids=["walk", "git"])
@pytest.mark.parametrize(("rules", "gone"), RULES)
def test_gitignore_counts_with_git_and_without(
    tree: Path, rules: dict[str, str], gone: set[str], git: bool
) -> None:
    for name, text in rules.items():
        (tree / name).write_text(text)
    if git:
        subprocess.run(["git", "init", "-q", tree], check=True)
    assert set(find([tree]).files) == set(FILES) - gone


def test_gitignore_above_the_folder_that_was_asked_for_counts(tree: Path) -> None:
    (tree / ".gitignore").write_text("d.py\n")
    assert set(find([tree / "quant"]).files) == {
        "quant/c.py",
        "quant/gen/keep.py",
        "quant/e_old.py",
    }


def test_file_that_is_named_is_taken_even_if_it_is_ignored(tree: Path) -> None:
    (tree / ".gitignore").write_text("a.py\n")
    assert find([tree / "a.py"]).files == ("a.py",)


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("quant", {f for f in FILES if f.startswith("quant/")}),
        ("quant/", {f for f in FILES if f.startswith("quant/")}),
        ("quant/*", {f for f in FILES if f.startswith("quant/")}),
        ("gen", {"quant/gen/d.py", "quant/gen/keep.py"}),
        ("*_old.py", {"quant/e_old.py"}),
        ("/a.py", {"a.py"}),
        ("quant/c.py", {"quant/c.py"}),
    ],
)
def test_exclude_speaks_the_same_language(tree: Path, pattern: str, gone: set[str]) -> None:
    assert set(find([tree], [pattern]).files) == set(FILES) - gone
