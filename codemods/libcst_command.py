"""The engine behind LibCST's own command line: ``python -m libcst.tool codemod``.

A command hands the bytes of its module to :func:`codemods.plan.plan` and parses what comes
back; nothing is decided here. Commands made this way keep no journal: undo them with git,
or use ``afml-codemod apply``, which does.
"""

from __future__ import annotations

import argparse
from abc import abstractmethod
from functools import cache
from pathlib import Path

import libcst
from libcst.codemod import CodemodCommand, CodemodContext, SkipFile

from codemods.config import Config, read_config
from codemods.files import find_root, package_of
from codemods.findings import Code
from codemods.in_tree import InTree, find_in_tree
from codemods.plan import plan
from codemods.rules import Rules


class PlannedCommand(CodemodCommand):
    """A LibCST command that carries out a plan; subclasses say which decorator they aim at."""

    @property
    @abstractmethod
    def TO(self) -> str | None:
        """The decorator; None: chosen function by function."""

    @staticmethod
    def add_args(arg_parser: argparse.ArgumentParser) -> None:
        """Declare ``--source-module`` on LibCST's command line."""
        arg_parser.add_argument(
            "--source-module",
            dest="source_modules",
            action="append",
            metavar="MODULE",
            help="A further module that offers the decorators, old and new.",
        )

    def __init__(self, context: CodemodContext, source_modules: list[str] | None = None) -> None:
        super().__init__(context)
        self.rules = Rules(to=self.TO, more_sources=tuple(source_modules or ()))

    def transform_module_impl(self, tree: libcst.Module) -> libcst.Module:
        """The module after the rewrite; what was left alone becomes LibCST warnings."""
        data = tree.bytes
        rules, file = self._settled()
        found = plan(data, self._package(), rules, in_tree=self._in_tree(rules), file=file)
        for finding in found.findings:
            self.warn(finding.at(self.context.filename or "<module>"))
        for finding in found.findings:
            if finding.code in (Code.OPTED_OUT, Code.NOT_LOSSLESS) and not found.edits:
                raise SkipFile(finding.text)
        return libcst.parse_module(found.carry_out(data)) if found.edits else tree

    def _settled(self) -> tuple[Rules, str]:
        """The rules with the repository's own settings, and the file as its patterns name it."""
        if self.context.filename is None:
            return self.rules, ""
        file = Path(self.context.filename).absolute()
        root, config = _settings(file.parent)
        below = file.relative_to(root) if file.is_relative_to(root) else file
        return config.rules(self.TO, self.rules.more_sources), below.as_posix()

    def _in_tree(self, rules: Rules) -> InTree | None:
        if self.context.filename is None:
            return None
        return _carried(Path(self.context.filename).absolute().parent, rules)

    def _package(self) -> tuple[str, ...]:
        if self.context.filename is None:
            return ()
        return package_of(Path(self.context.filename))


@cache
def _settings(folder: Path) -> tuple[Path, Config]:
    root = find_root(folder)[0]
    return root, read_config(root)


@cache
def _carried(folder: Path, rules: Rules) -> InTree:
    return find_in_tree(find_root(folder)[0], [folder.parts[1:]], rules)
