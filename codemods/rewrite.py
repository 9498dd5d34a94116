"""Decides, name by name, what becomes of every use of a legacy decorator in a file.

Names are taken one binding scope at a time: all that a name stands for there, and all that
it is used for. Either its decorators are rewritten and its imports follow, or it is left
alone with a finding that says why.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import cached_property

from codemods.by_name import reached_by_name
from codemods.draft import Decisions, Draft, first_line
from codemods.fallback import is_optional_import
from codemods.findings import Code
from codemods.in_tree import InTree
from codemods.resolve import Names
from codemods.rules import Offer, Rules
from codemods.scopes import Binding, Kind, Scope, Use
from codemods.source import Source
from codemods.through_modules import ThroughModules


def decide(
    source: Source,
    names: Names,
    rules: Rules,
    handed_on: Collection[str] = (),
    in_tree: InTree | None = None,
    *,
    file: str = "",
    selected: Collection[str] | None = None,
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
        Names that other files take from this one; their imports stay. A mapping tells where
        that was seen.
    in_tree : InTree, optional
        The source modules that the project carries itself.
    file : str
        Where the file lies, relative to the root; patterns ask for it.
    selected : collection of str, optional
        Qualified names of the functions that are meant. The decorators of all others stay,
        and nothing is said about that.
    """
    draft = Draft(source, names, rules, in_tree, file, selected)
    return _Rewriter(draft, handed_on).run()


class _Rewriter:
    def __init__(self, draft: Draft, handed_on: Collection[str]) -> None:
        self.names = draft.names
        self.rules = draft.rules
        self.handed_on = handed_on
        self.draft = draft
        self.through_modules = ThroughModules(draft)

    def run(self) -> Decisions:
        uses: dict[tuple[Scope, str], list[Use]] = defaultdict(list)
        for use in self.names.uses:
            owner = self.names.owner(use.scope, use.name)
            if owner is None:
                self.unbound(use)
            else:
                uses[owner, use.name].append(use)
        groups = {(scope, name) for scope in self.names.scopes for name in scope.bindings}
        for owner, name in sorted(groups, key=_in_turn):
            self.group(owner, name, uses[owner, name])
        return self.draft.finished()

    def group(self, owner: Scope, name: str, uses: list[Use]) -> None:
        """Everything about one name of one scope."""
        bindings = owner.bindings[name]
        offers = [self.names.offer(binding.target, self.rules.old) for binding in bindings]
        known = [offer for offer in offers if offer is not None]
        if known and len(known) == len(offers):
            self.imported_names(owner, name, uses, known)
        elif known:
            self.mixed(owner, name, uses, known)
        else:
            self.through_modules.group(owner, name, uses)

    def imported_names(self, owner: Scope, name: str, uses: list[Use], offers: list[Offer]) -> None:
        bindings = owner.bindings[name]
        if self.names.inside_source:
            text = f"{name} is the cache package's own"
            for binding in bindings:
                self.draft.leave(_place(binding), Code.RE_EXPORT, text)
            return
        if any(binding.elsewhere for binding in bindings):
            text = f"{name} is bound from other scopes"
            for use in uses:
                self.draft.leave_use(use, Code.AMBIGUOUS_BINDING, text)
            return
        accepted, kept = self.draft.accept(uses, offers[0], ())
        public = self.is_public(owner, name, bindings, uses)
        if not accepted:
            return
        kept = kept or public or any(binding.star for binding in bindings)
        kept |= self.is_reached_by_name(owner, name)
        targets = {choice.name for _, _, choice in accepted}
        alias_only = not kept and len(targets) == 1 and all(_is_aliased(b) for b in bindings)
        if alias_only:
            self.draft.behind_the_old_name(bindings, name, accepted, offers)
            return
        spellings = {t: self.draft.spelling(owner, t, accepted, bindings) for t in sorted(targets)}
        if None in spellings.values():
            together = self.draft.one_for_all(targets)
            if not kept and together is not None:
                self.draft.behind_the_old_name(bindings, name, accepted, offers)
                return
            for use, _, choice in accepted:
                if spellings[choice.name] is None:
                    text = f"{choice.name} already means something else here"
                    self.draft.leave_use(use, Code.NAME_COLLISION, text)
            accepted = [entry for entry in accepted if spellings[entry[2].name] is not None]
            kept = True
        missing = []
        for use, offer, choice in accepted:
            spelled = spellings[choice.name]
            assert spelled is not None
            local, imported = spelled
            if not imported and choice.name not in missing:
                missing.append(choice.name)
            self.draft.rename(use, use.name, local, offer.name, choice)
        for binding, offer in zip(bindings, offers, strict=True):
            if accepted:
                self.draft.change_import(binding, offer, missing, remove=not kept)

    def is_reached_by_name(self, owner: Scope, name: str) -> bool:
        """Whether a string, or an attribute of a class, names it; says so."""
        if name in self.names.exports:
            return False  # that has been said
        is_class = owner.kind is Kind.CLASS
        there = list(reached_by_name(self.draft.source, name, attribute=is_class))
        there = [node for node in there if node not in self.of_modules]
        for node in there:
            text = f"{name} is reached by its name here"
            self.draft.leave(node, Code.VALUE_USE, text)
        return bool(there)

    @cached_property
    def of_modules(self) -> set[ast.expr]:
        """Uses that reach an attribute of what was imported, so of no class of this file."""
        found: set[ast.expr] = set()
        for use in self.names.uses:
            owner = self.names.owner(use.scope, use.name)
            bindings = owner.bindings[use.name] if owner is not None else []
            if use.attributes and bindings and all(b.target is not None for b in bindings):
                found.add(use.node)
        return found

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
            seen = self.handed_on[name] if isinstance(self.handed_on, Mapping) else ""
            why = f"other files take {name} from here" + (f" ({seen})" if seen else "")
        elif not uses and not any(binding.star for binding in bindings):
            why = f"{name} is imported and not used: other modules may take it from here"
        if why is None:
            return False
        self.draft.leave(_place(bindings[0]), Code.RE_EXPORT, why)
        return True

    def mixed(self, owner: Scope, name: str, uses: list[Use], offers: list[Offer]) -> None:
        """The name is the cache's on some paths only."""
        bindings = owner.bindings[name]
        imports = [b for b in bindings if self.names.offer(b.target, self.rules.old)]
        others = [b for b in bindings if b not in imports]
        fallback = is_optional_import(imports, others)
        if fallback and any(binding.star for binding in imports):
            fallback = False  # there is no name in the import that could become another
        decorators = [use for use in uses if use.decorates is not None]
        if fallback is None:
            for use in decorators:
                text = f"{name} is bound to other things in the same scope"
                self.draft.leave_use(use, Code.AMBIGUOUS_BINDING, text)
        elif not fallback:
            for use in decorators:
                text = f"where the import fails, {name} becomes something that does more than pass"
                if any(binding.star for binding in imports):
                    text = f"{name} comes from `import *`, and has a fallback where that fails"
                self.draft.leave_use(use, Code.FALLBACK_DEFINITION, text)
        else:
            accepted, kept = self.draft.accept(uses, offers[0], ())
            kept |= self.is_public(owner, name, bindings, uses)
            together = self.draft.one_for_all({choice.name for _, _, choice in accepted})
            if accepted and not kept and together is not None:
                self.draft.behind_the_old_name(imports, name, accepted, offers)
            else:
                for use, _, _ in accepted:
                    text = f"{name} has a fallback and is needed for something else too"
                    self.draft.leave_use(use, Code.FALLBACK_DEFINITION, text)

    def unbound(self, use: Use) -> None:
        """Nothing in the file binds the name: it may have come with a star import."""
        if use.name in self.rules.old and use.decorates is not None and self.names.stars:
            modules = ["." * s.level + (s.module or "") for s in self.names.stars]
            text = f"{use.name} can only come from `from {' or '.join(modules)} import *`"
            self.draft.leave_use(use, Code.STAR_IMPORT, text)


def _place(binding: Binding) -> ast.alias:
    assert binding.alias is not None
    return binding.alias


def _is_aliased(binding: Binding) -> bool:
    alias = binding.alias
    return alias is not None and alias.asname not in (None, alias.name)


def _in_turn(group: tuple[Scope, str]) -> tuple[bool, int, int, str]:
    """The order of the file, which does not differ from run to run, but for aliases.

    They come first: what becomes of one may serve names that find their successor's name taken.
    """
    scope, name = group
    bindings = scope.bindings[name]
    columns = (getattr(binding.node, "col_offset", 0) for binding in bindings)
    named = not all(_is_aliased(binding) for binding in bindings)
    return named, first_line(bindings), min(columns), name
