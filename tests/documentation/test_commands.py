"""Every command that the documents show is one, with options that it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from afml_cache.cli import main as cache
from codemods.cli import main as codemod

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS: dict[str, click.Command] = {"afml-cache": cache, "afml-codemod": codemod}


def shown(document: Path) -> Iterator[list[str]]:
    """The commands in a document's blocks, as lists of words."""
    for block in re.findall(r"^```\w*\n(.*?)^```", document.read_text("utf-8"), re.S | re.M):
        for line in block.splitlines():
            found = re.match(r"(?:\$ )?(?:\w+=\S+ )*(afml-(?:cache|codemod) .*)", line)
            if found:
                yield shlex.split(found[1], comments=True)


def wrong(words: list[str]) -> str:
    """What is not so of a command, or nothing."""
    command, rest = COMMANDS[words[0]], words[1:]
    context = click.Context(command)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        inner = command.get_command(context, rest[0])
        if inner is None:
            return f"no command {rest[0]}"
        command, rest = inner, rest[1:]
        context = click.Context(command, parent=context)
    known = {name for parameter in command.get_params(context) for name in parameter.opts}
    known |= {name for parameter in command.params for name in parameter.secondary_opts}
    options = [word.partition("=")[0] for word in rest if word.startswith("--")]
    return ", ".join(f"no option {option}" for option in options if option not in known)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_options_are_there(document: Path) -> None:
    faults = [(shlex.join(words), wrong(words)) for words in shown(document)]
    assert [fault for fault in faults if fault[1]] == []


def test_the_documents_show_commands_and_a_wrong_one_is_found() -> None:
    assert sum(1 for document in DOCUMENTS for _ in shown(document)) > 30
    assert wrong(["afml-cache", "cure"]) == "no command cure"
    assert wrong(["afml-codemod", "migrate", "--verifi", "pytest"]) == "no option --verifi"
    assert wrong(["afml-cache", "mlflow", "archive", "--older-than", "90d"]) == ""
