"""What has been decided about a file so far, and the steps that decisions are made of.

A draft collects renamed decorators, changed imports and findings; at the end it is turned
into edits. How a name came into the file does not matter here.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from codemods.choose import Choice
from codemods.decorated import Judge
from codemods.edits import Edit
from codemods.findings import Code, Finding
from codemods.in_tree import InTree
from codemods.resolve import Names
from codemods.rules import TIME_AWARE, Offer, Rules
from codemods.scopes import Binding, Scope, Use
from codemods.source import Source, Unreadable
from codemods.statements import Expected, StatementChange


@dataclass(frozen=True, slots=True, order=True)
class Rewrite:
    """One function whose decorator becomes another."""

    cell: int = field(default=0, kw_only=True)  #: of a notebook, from 1
    line: int  #: of the decorator; in the cell, where there is one
    function: str  #: its qualified name in the module
    old: str
    new: str
    reason: str
    evidence: str = ""  #: what is recorded of its calls, in words


@dataclass(slots=True)
class Decisions:
    """What a file needs: edits (in its UTF-8 bytes) and what must come of them."""

    edits: list[Edit] = field(default_factory=list)
    rewrites: list[Rewrite] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    names: dict[ast.expr, str] = field(default_factory=dict)
    statements: dict[ast.stmt, list[Expected]] = field(default_factory=dict)


Accepted = list[tuple[Use, Offer, Choice]]


class Draft:
    """The decisions about one file, while they are made."""

    def __init__(
        self,
        source: Source,
        names: Names,
        rules: Rules,
        in_tree: InTree | None = None,
        file: str = "",
        selected: Collection[str] | None = None,
    ) -> None:
        self.source = source
        self.names = names
        self.rules = rules
        self.in_tree = in_tree or InTree()
        self.decisions = Decisions()
        self.selected = selected
        self.judge = Judge(source, names, rules, file)
        self.changes: dict[ast.stmt, StatementChange] = {}
        #: old names behind which a new decorator is imported
        self.behind: dict[tuple[Scope, str], str] = {}
        self.provided: set[tuple[int, int, str]] = set()  # (block, cell, name) that are added

    def finished(self) -> Decisions:
        """The decisions, with the edits of import statements."""
        for change in self.changes.values():
            edits, expected = change.edits(self.source)
            self.decisions.edits += edits
            self.decisions.statements[change.statement] = expected
        self.decisions.rewrites.sort()
        self.decisions.findings = sorted(set(self.decisions.findings))
        return self.decisions

    def leave(self, node: ast.expr | ast.stmt | ast.alias, code: Code, text: str) -> None:
        """Note that something stays as it is, and why."""
        self._leave(node, code, text, "")

    def leave_use(self, use: Use, code: Code, text: str) -> None:
        """The same of a use: one that was asked to be kept is, whatever else it may be."""
        named = use.decorates is not None or self.judge.is_applied(use)
        function = self.names.label(use) if named else None
        code, text = self.judge.kept(use) or (code, text)
        self._leave(use.node, code, text, function or "")

    def _leave(
        self, node: ast.expr | ast.stmt | ast.alias, code: Code, text: str, function: str
    ) -> None:
        if self.rules.back is None:  # an undo is about its own functions alone
            column = self.source.column(node.lineno, node.col_offset)
            self.decisions.findings.append(Finding(node.lineno, column, code, text, function))

    def accept(
        self, uses: Sequence[Use], offer: Offer, attributes: tuple[str, ...]
    ) -> tuple[Accepted, bool]:
        """The decorators among ``uses`` that can be rewritten; whether others stay."""
        accepted: Accepted = []
        for use in uses:
            if not self.is_selected(use):
                continue
            choice = self.judge(use, offer, attributes)
            if isinstance(choice, Choice):
                refusal = self.not_offered(use, offer, choice)
                if refusal is None:
                    accepted.append((use, offer, choice))
                else:
                    self.leave_use(use, Code.UNRESOLVED_IMPORT, refusal)
            elif choice is not None:
                self.leave_use(use, *choice)
        return accepted, len(accepted) < len(uses)

    def is_selected(self, use: Use) -> bool:
        """Whether this run is about the function that is made; of other values, it always is."""
        if self.selected is None or not (use.decorates or self.judge.is_applied(use)):
            return True
        return self.names.label(use) in self.selected

    def not_offered(self, use: Use, offer: Offer, choice: Choice) -> str | None:
        """Why the new decorator cannot come from where the old one does; None where it can."""
        if offer.effects and choice.name not in offer.own:
            text = f"{offer.effects} hands {offer.name} on, and importing it may do more than that;"
            return f"{text} let it hand on {choice.name} too"
        owner = self.names.owner(use.scope, use.name)
        for binding in owner.bindings[use.name] if owner is not None else ():
            if binding.target is not None:
                package = self.names.package
                refusal = self.in_tree.refusal(binding, offer, package, choice.name)
                if refusal is not None:
                    return refusal
        return None

    def spelling(
        self, owner: Scope, target: str, accepted: Accepted, bindings: list[Binding]
    ) -> tuple[str, bool] | None:
        """What ``target`` is called where it is used, and whether it is imported already.

        None where its name is taken.
        """
        uses = [use for use, _, choice in accepted if choice.name == target]
        first = min(use.node.lineno for use in uses)
        blocks = [owner.body, *(binding.block for binding in bindings)]
        for local in sorted(owner.bindings, key=lambda name: name != target):
            there = owner.bindings[local]
            if local in self.rules.old:
                continue  # the new decorator under an old name: that is no place to send others
            if (
                self.all_offer(there, target)
                and not self.is_deleted(owner, local)
                and any(b.block in blocks and first_line([b]) < first for b in there)
                and all(self.names.owner(use.scope, local) is owner for use in uses)
            ):
                return local, True
        imported = True
        for use in uses:
            taken = self.names.owner(use.scope, target)
            if taken is None:
                imported = False
            elif not self.all_offer(taken.bindings[target], target) or self.is_deleted(
                taken, target
            ):
                return self.alias_for(owner, target, uses)
            elif taken is owner or not self.is_there(taken, target, first):
                imported = False
        return target, imported

    def offers_always(self, scope: Scope, target: str) -> bool:
        """Whether ``target`` is nothing but the new decorator in ``scope``."""
        return self.all_offer(scope.bindings[target], target) and not self.is_deleted(scope, target)

    def is_there(self, scope: Scope, name: str, line: int) -> bool:
        """Whether the module has bound ``name``, whatever happens, before it comes to ``line``."""
        return scope is scope.module and any(
            binding.block.owner is None and not binding.elsewhere and first_line([binding]) < line
            for binding in scope.bindings[name]
        )

    def is_deleted(self, scope: Scope, name: str) -> bool:
        """Whether ``name`` is taken away again."""
        return any(
            use.delete and use.name == name and self.names.owner(use.scope, name) is scope
            for use in self.names.uses
        )

    def alias_for(self, owner: Scope, target: str, uses: list[Use]) -> tuple[str, bool] | None:
        """An old name that has come to stand for ``target``, and can be used in its place."""
        first = min(use.node.lineno for use in uses)
        for (scope, local), became in self.behind.items():
            if (
                scope is owner
                and became == target
                and all(self.names.owner(use.scope, local) is owner for use in uses)
                and all(first_line([binding]) < first for binding in owner.bindings[local])
            ):
                return local, True
        return None

    def all_offer(self, bindings: list[Binding], target: str) -> bool:
        """Whether every binding is an import of the new decorator ``target``."""
        offers = [self.names.offer(binding.target, self.rules.new) for binding in bindings]
        return bool(offers) and all(o is not None and o.name == target for o in offers)

    def one_for_all(self, targets: Collection[str]) -> str | None:
        """One decorator that serves where several were chosen: time-aware is a superset."""
        if len(targets) == 1:
            return next(iter(targets))
        return TIME_AWARE if TIME_AWARE in targets and self.rules.back is None else None

    def behind_the_old_name(
        self,
        bindings: Sequence[Binding],
        name: str,
        accepted: Accepted,
        offers: Sequence[Offer],
    ) -> None:
        """Import another decorator under the name that the file uses; nothing else changes."""
        target = self.one_for_all({choice.name for _, _, choice in accepted})
        assert target is not None
        for use, offer, choice in accepted:
            reason = choice.reason
            if choice.name != target:
                reason = f"shares the name {name} with functions that need it"
            self.note(use, offer.name, Choice(target, reason))
        self.behind[bindings[0].scope, name] = target
        for binding, offer in zip(bindings, offers, strict=True):
            spelled = target if name == target else f"{target} as {name}"
            self.change_import(binding, offer, [spelled], remove=True)

    def change_import(
        self, binding: Binding, offer: Offer, add: Sequence[str], *, remove: bool
    ) -> None:
        """Add names to the import that ``binding`` is a part of; take its own out, or not."""
        statement, alias = binding.statement, binding.alias
        assert statement is not None
        assert alias is not None
        change = self.changes.get(statement)
        if change is None:
            change = StatementChange(statement, binding.block, offer)
            self.changes[statement] = change
        position = statement.names.index(alias)
        change.beside = position
        if remove:
            change.remove.add(position)
        for text in add:
            # Cells are run one by one: each keeps an import of its own.
            key = id(binding.block.statements), self.source.cell_of(statement.lineno), text
            if key not in self.provided:
                self.provided.add(key)
                change.add.append(text)

    def rename(self, use: Use, spelled: str, local: str, old: str, choice: Choice) -> None:
        """Another name, ``local``, for the decorator that is ``spelled`` at its place."""
        start, end = self.source.start(use.node), self.source.end(use.node)
        there = self.source.utf8[start:end]
        if there.decode() != spelled:
            raise Unreadable(
                Code.NOT_LOSSLESS, f"{old} is spelled in an unusual way", use.node.lineno
            )
        self.decisions.edits.append(Edit(start, end, there, local.encode(), choice.reason))
        self.decisions.names[use.node] = local
        self.note(use, old, choice)

    def note(self, use: Use, old: str, choice: Choice) -> None:
        """Record the function whose decorator has become another."""
        name = self.names.label(use)
        assert name is not None
        self.decisions.rewrites.append(
            Rewrite(use.node.lineno, name, old, choice.name, choice.reason)
        )


def first_line(bindings: Iterable[Binding]) -> int:
    """The line of the first of ``bindings``."""
    return min(getattr(binding.node, "lineno", 0) for binding in bindings)
