"""Decorators that are reached through a module: ``c.cacheable`` after ``import afml.cache as c``.

The attribute becomes another one of the same module. Where it was taken from a submodule
that does not have the new decorators, they are imported from the package.
"""

from __future__ import annotations

import ast

from codemods.choose import Choice
from codemods.draft import Accepted, Draft, first_line
from codemods.edits import Edit
from codemods.findings import Code
from codemods.rules import Offer
from codemods.scopes import Binding, Kind, Scope, Use


class ThroughModules:
    """Rewrites uses of names that are bound to modules."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.source = draft.source
        self.names = draft.names
        self.rules = draft.rules

    def group(self, owner: Scope, name: str, uses: list[Use]) -> None:
        """``name`` is bound to modules, or has nothing to do with the cache."""
        bindings = owner.bindings[name]
        accepted: Accepted = []
        for use in uses:
            offers, attributes = self.follow(bindings, use.attributes)
            if not offers:
                self.perhaps(owner, use, bindings)
            elif None in offers or len({(o.module == o.home, o.name) for o in offers if o}) > 1:
                text = f"{name} is bound to several things in the same scope"
                self.draft.leave_use(use, Code.AMBIGUOUS_BINDING, text)
            elif not self.names.inside_source:
                offer = offers[0]
                assert offer is not None
                accepted += self.draft.accept([use], offer, attributes)[0]
        submodule: Accepted = []
        for use, offer, choice in accepted:
            levels = offer.module[len(offer.home) :].count(".")
            if offer.instead is not None and choice.name in offer.own:
                self.reach(use, offer, choice, 0)
            elif offer.instead is None and levels < len(use.attributes):
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
                self.names.offer(f"{b.target}.{chain}" if b.target else None, self.rules.old)
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
            self.draft.leave_use(
                use, Code.NOT_LOSSLESS, f"{offer.name} is spelled in an unusual way"
            )
            return
        new = f".{choice.name}" if levels else choice.name
        self.draft.decisions.edits.append(Edit(start, end, there, new.encode(), choice.reason))
        self.draft.decisions.names[node] = f"{ast.unparse(base)}.{choice.name}"
        self.draft.note(use, offer.name, choice)

    def from_submodule(self, owner: Scope, accepted: Accepted, *, unused: bool) -> None:
        """``sc.smart_cacheable`` of a submodule: its successor has to be imported."""
        bindings = owner.bindings[accepted[0][0].name]
        targets = sorted({choice.name for _, _, choice in accepted})
        missing = []
        for target in targets:
            these = [entry for entry in accepted if entry[2].name == target]
            spelled = self.draft.spelling(owner, target, these, bindings)
            for use, offer, choice in these:
                if spelled is None:
                    text = f"{target} already means something else here"
                    self.draft.leave_use(use, Code.NAME_COLLISION, text)
                    unused = False
                else:
                    self.draft.rename(use, _dotted(use), spelled[0], offer.name, choice)
            if spelled is not None and not spelled[1]:
                missing.append(target)
        for binding in bindings:
            if missing and binding.statement is not None:
                alone = isinstance(binding.statement, ast.ImportFrom) or (
                    len(binding.statement.names) == 1
                )
                offer = accepted[0][1]
                home = offer if offer.instead is not None else self.home_of(binding)
                self.draft.change_import(binding, home, missing, remove=unused and alone)

    def home_of(self, binding: Binding) -> Offer:
        """A submodule as something that its package offers."""
        assert binding.target is not None
        package, _, name = binding.target.rpartition(".")
        for source in self.rules.sources:
            if binding.target.startswith(source + "."):
                return Offer(source, package, name)
        raise AssertionError(f"{binding.target} lies in no source")

    def perhaps(self, owner: Scope, use: Use, bindings: list[Binding]) -> None:
        """The name is no source's; say so where it may well be the cache's all the same."""
        if use.decorates is None or use.attributes or use.name not in self.rules.old:
            return
        if owner.kind is Kind.CLASS and owner.parent is not None:
            outer = self.names.owner(owner.parent, use.name)
            behind = outer.bindings[use.name] if outer else []
            if first_line(bindings) > use.node.lineno and any(
                self.names.offer(b.target, self.rules.old) for b in behind
            ):
                text = f"{use.name} is bound again further down in the same class"
                self.draft.leave_use(use, Code.AMBIGUOUS_BINDING, text)
            return
        for binding in bindings:
            statement, alias = binding.statement, binding.alias
            if not isinstance(statement, ast.ImportFrom) or alias is None:
                continue
            module = "." * statement.level + (statement.module or "")
            near = not statement.level and module.split(".")[0] in self.names.package
            if self.names.inside_source:
                self.draft.leave_use(use, Code.RE_EXPORT, f"{use.name} is the cache package's own")
            elif statement.level or near:
                text = f"{module} is no known source; if it hands on the cache, name it with"
                text += " --source-module"
                self.draft.leave_use(use, Code.UNRESOLVED_IMPORT, text)


def _dotted(use: Use) -> str:
    return ".".join((use.name, *use.attributes))
