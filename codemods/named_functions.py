"""From functions that a person has named to plans, one for each file that they lie in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from codemods.decorate import Decoration, plan_decorating
from codemods.files import Tree
from codemods.in_tree import find_in_tree
from codemods.rules import Rules
from codemods.runner import Failure, Planned, Survey


def survey_named(
    tree: Tree,
    functions: Mapping[str, Sequence[str]],
    how: Decoration,
    more_sources: tuple[str, ...] = (),
) -> tuple[Survey, list[str]]:
    """What would be done to ``functions``, and which of them have the decorator already.

    Parameters
    ----------
    tree : Tree
        The repository.
    functions : mapping
        Relative path -> qualified names.
    how : Decoration
        The decorator that they get.
    more_sources : tuple of str
        Further modules that offer the decorators.
    """
    rules = Rules(more_sources=more_sources)
    in_tree = find_in_tree(tree.root, [tree.package(file) for file in functions], rules)
    planned: list[Planned] = []
    failures: list[Failure] = []
    already: list[str] = []
    for file, names in sorted(functions.items()):
        try:
            data = (tree.root / file).read_bytes()
        except OSError as error:
            failures.append(Failure(file, error.strerror or str(error)))
            continue
        answer = plan_decorating(data, names, how, tree.package(file), in_tree, more_sources)
        already += answer.already
        if answer.plan.edits or answer.plan.findings:
            planned.append(Planned(file, answer.plan))
    chosen = replace(tree, files=tuple(sorted(functions)))
    return Survey(chosen, rules, tuple(planned), tuple(failures)), already
