"""Decides, name by name, what becomes of every use of a legacy decorator in a file.

Names are taken one binding scope at a time: all that a name stands for there, and all that
it is used for. Either its decorators are rewritten and its imports follow, or it is left
alone with a finding that says why.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from codemods.choose import Choice
from codemods.decorated import Judge
from codemods.edits import Edit
from codemods.fallback import is_optional_import
from codemods.findings import Code, Finding
from codemods.resolve import Binding, Function, Kind, Names, Scope, Use
from codemods.rules import TIME_AWARE, Offer, Rules
from codemods.source import Source, Unreadable
from codemods.statements import Expected, StatementChange


@dataclass(frozen=True, slots=True, order=True)
class Rewrite:
    """One function whose decorator becomes another."""

    line: int  #: of the decorator
    function: str  #: its qualified name in the module
    old: str
    new: str
    reason: str


@dataclass(slots=True)
class Decisions:
    """What a file needs: edits (in its UTF-8 bytes) and what must come of them."""

    edits: list[Edit] = field(default_factory=list)
    rewrites: list[Rewrite] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    names: dict[ast.expr, str] = field(default_factory=dict)
    statements: dict[ast.stmt, list[Expected]] = field(default_factory=dict)


Accepted = list[tuple[Use, Offer, Choice]]


def decide(
    source: Source, names: Names, rules: Rules, handed_on: Collection[str] = ()
) -> Decisions:
    """Everything that is to be changed in one file, and everything that is not, and why.

    Parameters
    ----------
    source : Source
        The file.
    names : Names
        Its names, resolved.
    rules : Rules
        What is looked for.
    handed_on : collection of str
        Names that other files import from this one; their imports stay.
    """
    return _Rewriter(source, names, rules, handed_on).run()


class _Rewriter:
    def __init__(
        self, source: Source, names: Names, rules: Rules, handed_on: Collection[str]
    ) -> None:
        self.source = source
        self.names = names
        self.rules = rules
        self.handed_on = handed_on
        self.decisions = Decisions()
        self.judge = Judge(source, names, rules)
        self.changes: dict[ast.stmt, StatementChange] = {}
        self.provided: set[tuple[int, str]] = set()  # (block, name) pairs that a change adds

    def run(self) -> Decisions:
        uses: dict[tuple[Scope, str], list[Use]] = defaultdict(list)
        for use in self.names.uses:
            owner = self.names.owner(use.scope, use.name)
            if owner is None:
                self.unbound(use)
            else:
                uses[owner, use.name].append(use)
        groups = {(scope, name) for scope in self.names.scopes for name in scope.bindings}
        for owner, name in sorted(groups, key=lambda group: _line(group[0].bindings[group[1]])):
            self.group(owner, name, uses[owner, name])
        for change in self.changes.values():
            edits, expected = change.edits(self.source)
            self.decisions.edits += edits
            self.decisions.statements[change.statement] = expected
        self.decisions.rewrites.sort()
        self.decisions.findings = sorted(set(self.decisions.findings))
        return self.decisions

    def leave(self, node: ast.expr | ast.stmt | ast.alias, code: Code, text: str) -> None:
        if self.rules.back is None:
            column = self.source.column(node.lineno, node.col_offset)
            self.decisions.findings.append(Finding(node.lineno, column, code, text))

    def group(self, owner: Scope, name: str, uses: list[Use]) -> None:
        """Everything about one name of one scope."""
        bindings = owner.bindings[name]
        offers = [self.rules.offer(binding.target, self.rules.old) for binding in bindings]
        known = [offer for offer in offers if offer is not None]
        if known and len(known) == len(offers):
            self.imported_names(owner, name, uses, known)
        elif known:
            self.mixed(owner, name, uses, known)
        else:
            self.through_modules(owner, name, uses)

    # ------------------------------------------------------ from M import cacheable

    def imported_names(self, owner: Scope, name: str, uses: list[Use], offers: list[Offer]) -> None:
        bindings = owner.bindings[name]
        if self.names.inside_source:
            for binding in bindings:
                self.leave(_place(binding), Code.RE_EXPORT, f"{name} is the cache package's own")
            return
        if any(binding.elsewhere for binding in bindings):
            for use in uses:
                self.leave(use.node, Code.AMBIGUOUS_BINDING, f"{name} is bound from other scopes")
            return
        accepted, kept = self.accept(uses, offers[0], ())
        public = self.is_public(owner, name, bindings, uses)
        if not accepted:
            return
        kept = kept or public
        targets = {choice.name for _, _, choice in accepted}
        alias_only = not kept and len(targets) == 1 and all(_is_aliased(b) for b in bindings)
        if alias_only:
            self.behind_the_old_name(bindings, name, accepted, offers)
            return
        spellings = {t: self.spelling(owner, t, accepted, bindings) for t in sorted(targets)}
        if None in spellings.values():
            together = self.one_for_all(targets)
            if not kept and together is not None:
                self.behind_the_old_name(bindings, name, accepted, offers)
                return
            for use, _, choice in accepted:
                if spellings[choice.name] is None:
                    text = f"{choice.name} already means something else here"
                    self.leave(use.node, Code.NAME_COLLISION, text)
            accepted = [entry for entry in accepted if spellings[entry[2].name] is not None]
            kept = True
        missing = []
        for use, offer, choice in accepted:
            spelled = spellings[choice.name]
            assert spelled is not None
            local, imported = spelled
            if not imported and choice.name not in missing:
                missing.append(choice.name)
            self.rename(use, use.name, local, offer.name, choice)
        for binding, offer in zip(bindings, offers, strict=True):
            if accepted:
                self.change_import(binding, offer, missing, remove=not kept)

    def accept(
        self, uses: Sequence[Use], offer: Offer, attributes: tuple[str, ...]
    ) -> tuple[Accepted, bool]:
        """The decorators among ``uses`` that can be rewritten; whether others stay."""
        accepted: Accepted = []
        for use in uses:
            choice = self.judge(use, offer, attributes)
            if isinstance(choice, Choice):
                accepted.append((use, offer, choice))
            elif choice is not None:
                self.leave(use.node, *choice)
        return accepted, len(accepted) < len(uses)

    def is_public(self, owner: Scope, name: str, bindings: list[Binding], uses: list[Use]) -> bool:
        """Whether other modules may take the name from here; says so."""
        if owner is not self.names.module:
            return False
        why = None
        if name in self.names.exports:
            why = f"{name} is in __all__: other modules may take it from here"
        elif any(b.alias is not None and b.alias.asname == b.alias.name for b in bindings):
            why = f"{name} is imported as itself, which hands it on"
        elif name in self.handed_on:
            why = f"other files import {name} from here"
        elif not uses:
            why = f"{name} is imported and not used: other modules may take it from here"
        if why is None:
            return False
        self.leave(_place(bindings[0]), Code.RE_EXPORT, why)
        return True

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
            if (
                self.all_offer(there, target)
                and any(b.block in blocks and _line([b]) < first for b in there)
                and all(self.names.owner(use.scope, local) is owner for use in uses)
            ):
                return local, True
        imported = True
        for use in uses:
            taken = self.names.owner(use.scope, target)
            if taken is None:
                imported = False
            elif not self.all_offer(taken.bindings[target], target):
                return None
            elif taken is owner or taken is not owner.module:
                imported = False
        return target, imported

    def all_offer(self, bindings: list[Binding], target: str) -> bool:
        offers = [self.rules.offer(binding.target, self.rules.new) for binding in bindings]
        return bool(offers) and all(o is not None and o.name == target for o in offers)

    def one_for_all(self, targets: Collection[str]) -> str | None:
        """One decorator that serves where several were chosen: time-aware is a superset."""
        if len(targets) == 1:
            return next(iter(targets))
        return TIME_AWARE if TIME_AWARE in targets and self.rules.back is None else None

    def behind_the_old_name(
        self,
        bindings: Iterable[Binding],
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
        for binding, offer in zip(bindings, offers, strict=True):
            spelled = target if name == target else f"{target} as {name}"
            self.change_import(binding, offer, [spelled], remove=True)

    def change_import(
        self, binding: Binding, offer: Offer, add: Sequence[str], *, remove: bool
    ) -> None:
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
            key = id(binding.block.statements), text
            if key not in self.provided:
                self.provided.add(key)
                change.add.append(text)

    # ------------------------------------------------------ optional imports, rebinding

    def mixed(self, owner: Scope, name: str, uses: list[Use], offers: list[Offer]) -> None:
        """The name is the cache's on some paths only."""
        bindings = owner.bindings[name]
        imports = [b for b in bindings if self.rules.offer(b.target, self.rules.old)]
        others = [b for b in bindings if b not in imports]
        fallback = is_optional_import(imports, others)
        decorators = [use for use in uses if use.decorates is not None]
        if fallback is None:
            for use in decorators:
                text = f"{name} is bound to other things in the same scope"
                self.leave(use.node, Code.AMBIGUOUS_BINDING, text)
        elif not fallback:
            for use in decorators:
                text = f"where the import fails, {name} becomes something that does more than pass"
                self.leave(use.node, Code.FALLBACK_DEFINITION, text)
        else:
            accepted, kept = self.accept(uses, offers[0], ())
            kept |= self.is_public(owner, name, bindings, uses)
            together = self.one_for_all({choice.name for _, _, choice in accepted})
            if accepted and not kept and together is not None:
                self.behind_the_old_name(imports, name, accepted, offers)
            else:
                for use, _, _ in accepted:
                    text = f"{name} has a fallback and is needed for something else too"
                    self.leave(use.node, Code.FALLBACK_DEFINITION, text)

    # ------------------------------------------------------ through a module

    def through_modules(self, owner: Scope, name: str, uses: list[Use]) -> None:
        """``name`` is bound to modules, or has nothing to do with the cache."""
        bindings = owner.bindings[name]
        accepted: Accepted = []
        for use in uses:
            offers, attributes = self.follow(bindings, use.attributes)
            if not offers:
                self.perhaps(owner, use, bindings)
            elif None in offers or len({(o.module == o.home, o.name) for o in offers if o}) > 1:
                text = f"{name} is bound to several things in the same scope"
                self.leave(use.node, Code.AMBIGUOUS_BINDING, text)
            elif not self.names.inside_source:
                offer = offers[0]
                assert offer is not None
                accepted += self.accept([use], offer, attributes)[0]
        submodule: Accepted = []
        for use, offer, choice in accepted:
            levels = offer.module[len(offer.home) :].count(".")
            if levels < len(use.attributes):
                self.reach(use, offer, choice, levels)
            else:
                submodule.append((use, offer, choice))
        if submodule:
            self.from_submodule(owner, submodule, unused=len(submodule) == len(uses))

    def follow(
        self, bindings: list[Binding], attributes: tuple[str, ...]
    ) -> tuple[list[Offer | None], tuple[str, ...]]:
        """What the chain of attributes leads to, one answer a binding; what is left of it."""
        for length in range(1, len(attributes) + 1):
            chain = ".".join(attributes[:length])
            offers = [
                self.rules.offer(f"{b.target}.{chain}" if b.target else None, self.rules.old)
                for b in bindings
            ]
            if any(offers):
                return offers, attributes[length:]
        return [], ()

    def reach(self, use: Use, offer: Offer, choice: Choice, levels: int) -> None:
        """Another attribute of the same module: ``c.cacheable`` -> ``c.robust_cacheable``."""
        node = use.node
        assert isinstance(node, ast.Attribute)
        base: ast.expr = node.value
        for _ in range(levels):
            assert isinstance(base, ast.Attribute)
            base = base.value
        end = self.source.end(node)
        start = self.source.end(base) if levels else end - len(offer.name.encode())
        there = self.source.utf8[start:end]
        expected = f"{offer.module[len(offer.home) :]}.{offer.name}" if levels else offer.name
        if there.decode() != expected:
            self.leave(node, Code.NOT_LOSSLESS, f"{offer.name} is spelled in an unusual way")
            return
        new = f".{choice.name}" if levels else choice.name
        self.decisions.edits.append(Edit(start, end, there, new.encode(), choice.reason))
        self.decisions.names[node] = f"{ast.unparse(base)}.{choice.name}"
        self.note(use, offer.name, choice)

    def from_submodule(self, owner: Scope, accepted: Accepted, *, unused: bool) -> None:
        """``sc.smart_cacheable`` of a submodule: its successor has to be imported."""
        bindings = owner.bindings[accepted[0][0].name]
        targets = sorted({choice.name for _, _, choice in accepted})
        missing = []
        for target in targets:
            these = [entry for entry in accepted if entry[2].name == target]
            spelled = self.spelling(owner, target, these, bindings)
            for use, offer, choice in these:
                if spelled is None:
                    text = f"{target} already means something else here"
                    self.leave(use.node, Code.NAME_COLLISION, text)
                    unused = False
                else:
                    self.rename(use, _dotted(use), spelled[0], offer.name, choice)
            if spelled is not None and not spelled[1]:
                missing.append(target)
        for binding in bindings:
            if missing and binding.statement is not None:
                alone = isinstance(binding.statement, ast.ImportFrom) or (
                    len(binding.statement.names) == 1
                )
                self.change_import(binding, self.home_of(binding), missing, remove=unused and alone)

    def home_of(self, binding: Binding) -> Offer:
        """A submodule as something that its package offers."""
        assert binding.target is not None
        package, _, name = binding.target.rpartition(".")
        for source in self.rules.sources:
            if binding.target.startswith(source + "."):
                return Offer(source, package, name)
        raise AssertionError(f"{binding.target} lies in no source")

    # ------------------------------------------------------ names that lead nowhere

    def unbound(self, use: Use) -> None:
        """Nothing in the file binds the name: it may have come with a star import."""
        if use.name in self.rules.old and use.decorates is not None and self.names.stars:
            modules = ["." * s.level + (s.module or "") for s in self.names.stars]
            text = f"{use.name} can only come from `from {' or '.join(modules)} import *`"
            self.leave(use.node, Code.STAR_IMPORT, text)

    def perhaps(self, owner: Scope, use: Use, bindings: list[Binding]) -> None:
        """The name is no source's; say so where it may well be the cache's all the same."""
        if use.decorates is None or use.attributes or use.name not in self.rules.old:
            return
        if owner.kind is Kind.CLASS and owner.parent is not None:
            outer = self.names.owner(owner.parent, use.name)
            behind = outer.bindings[use.name] if outer else []
            if _line(bindings) > use.node.lineno and any(
                self.rules.offer(b.target, self.rules.old) for b in behind
            ):
                text = f"{use.name} is bound again further down in the same class"
                self.leave(use.node, Code.AMBIGUOUS_BINDING, text)
            return
        for binding in bindings:
            statement, alias = binding.statement, binding.alias
            if not isinstance(statement, ast.ImportFrom) or alias is None:
                continue
            module = "." * statement.level + (statement.module or "")
            near = not statement.level and module.split(".")[0] in self.names.package
            if statement.level or near:
                text = f"{module} is no known source; if it hands on the cache, name it with"
                text += " --source-module"
                self.leave(use.node, Code.UNRESOLVED_IMPORT, text)

    # ------------------------------------------------------ one decorator

    def rename(self, use: Use, spelled: str, local: str, old: str, choice: Choice) -> None:
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
        function = use.decorates
        assert isinstance(function, Function)
        name = use.scope.inner(function.name)
        self.decisions.rewrites.append(
            Rewrite(use.node.lineno, name, old, choice.name, choice.reason)
        )


def _line(bindings: Iterable[Binding]) -> int:
    return min(getattr(binding.node, "lineno", 0) for binding in bindings)


def _place(binding: Binding) -> ast.alias:
    assert binding.alias is not None
    return binding.alias


def _is_aliased(binding: Binding) -> bool:
    alias = binding.alias
    return alias is not None and alias.asname not in (None, alias.name)


def _dotted(use: Use) -> str:
    return ".".join((use.name, *use.attributes))
