"""From plans for everything to plans for what was selected.

Files of which all is wanted keep their plan; files of which nothing is wanted drop out; the
others are planned again, for the functions that are wanted. Where one of these turns out to
depend on others that are not, it is left with a finding, and the next in line is taken.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from codemods.decorators_there import decorated
from codemods.files import Tree
from codemods.findings import Code, Finding
from codemods.matching import Key, Matched, match
from codemods.patterns import matches
from codemods.plan import Plan
from codemods.rules import Rules
from codemods.select import Candidate, Selected, Selection, select

#: Given the functions that are wanted, by file: the plans for these. What cannot be planned
#: any more is missing.
Replan = Callable[[Mapping[str, frozenset[str]]], Mapping[str, Plan]]

#: About a file that could not be looked into: what is wanted may be in it.
_WHOLE_FILE = frozenset(
    {Code.SYNTAX_ERROR, Code.UNDECODABLE, Code.TOO_DEEP, Code.NOT_LOSSLESS, Code.INVALID_NOTEBOOK}
)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Plans for what was selected."""

    plans: Mapping[str, Plan]
    selected: Selected


@dataclass(slots=True)
class _Stuck:
    """Functions that cannot be migrated without others that are not selected."""

    keys: set[Key] = field(default_factory=set)
    findings: dict[str, list[Finding]] = field(default_factory=lambda: defaultdict(list))


def narrow(
    plans: Mapping[str, Plan], selection: Selection, matched: Matched, replan: Replan
) -> Narrowed:
    """Keep what ``selection`` asks for.

    Parameters
    ----------
    plans : mapping of str to Plan
        What could be done, by file.
    selection : Selection
        What was asked for.
    matched : Matched
        What was recorded of the functions.
    replan : callable
        Makes plans for single functions.
    """
    everything = {path: {r.function for r in plan.rewrites} for path, plan in plans.items()}
    stuck = _Stuck()
    made: dict[str, tuple[frozenset[str], Plan | None]] = {}
    while True:
        selected = select(candidates(plans, stuck.keys), selection, matched)
        wanted: dict[str, set[str]] = defaultdict(set)
        for path, function in selected.wanted:
            wanted[path].add(function)
        some = {path: frozenset(these) for path, these in wanted.items()}
        again = {
            path: these
            for path, these in some.items()
            if these != everything[path] and made.get(path, (None,))[0] != these
        }
        answers = replan(again) if again else {}
        made |= {path: (these, answers.get(path)) for path, these in again.items()}
        settled = True
        for path, these in again.items():
            answer = answers.get(path)
            missing = these - {r.function for r in answer.rewrites} if answer else set()
            for function in missing:
                settled = False
                stuck.keys.add((path, function))
            if answer:
                stuck.findings[path] += [
                    finding
                    for finding in answer.findings
                    if finding.function in missing or (missing and finding.code in _WHOLE_FILE)
                ]
        if settled:
            break
    narrowed: dict[str, Plan] = {}
    for path, plan in plans.items():
        these = some.get(path, frozenset())
        if not these:
            mine = replace(plan, edits=(), rewrites=())
        elif these == everything[path]:
            mine = plan
        else:
            answer = made[path][1]
            if answer is None:
                continue
            mine = answer
        heard = {function for file, function in selected.heard if file == path}
        # What cannot be migrated was not planned again, so its findings are in the first plan.
        findings = {f for f in plan.findings if f.function in heard}
        findings |= {*stuck.findings[path], *mine.findings}
        told = _told(path, findings, selection, these | heard)
        if mine.edits or told:
            narrowed[path] = _with_evidence(path, replace(mine, findings=told), matched)
    return Narrowed(narrowed, selected)


def candidates(plans: Mapping[str, Plan], stuck: Collection[Key] = ()) -> list[Candidate]:
    """The functions of all plans that have a legacy decorator, those that keep it included."""
    found = []
    for path, plan in plans.items():
        for rewrite in plan.rewrites:
            refused = (path, rewrite.function) in stuck
            found.append(Candidate(path, rewrite.line, rewrite.function, refused))
        for finding in plan.findings:
            if finding.function:
                found.append(Candidate(path, finding.line, finding.function, refused=True))
    return found


def matched_in(
    tree: Tree, rules: Rules, plans: Mapping[str, Plan], selection: Selection
) -> Matched:
    """Which functions the evidence is about; files that are not planned may be meant too."""
    if selection.evidence is None:
        return Matched()
    functions: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates(plans):
        functions[candidate.path].add(candidate.function)
    real = {os.path.realpath(tree.root / path): path for path in functions}
    files = {*tree.files, *tree.all_files()}
    others = (f for f in files if real.get(os.path.realpath(tree.root / f), f) == f)

    @cache
    def read(path: str) -> bytes:
        try:
            data = (tree.root / path).read_bytes()
        except OSError:  # reported where the file is one to migrate
            return b""
        return data if b"cacheable" in data else b""

    @cache
    def cached(path: str) -> frozenset[str]:
        there = decorated(read(path), tree.package(path), rules)
        return frozenset(name for name, found in there.items() if found.names)

    def cached_in(path: str, name: str) -> Collection[str]:
        data = read(path)
        if re.search(rb"def\s+%s\b" % re.escape(name.encode()), data) is None:
            return ()
        return cached(path)

    return match(selection.evidence.functions, functions, others, cached_in)


def _told(
    path: str,
    findings: Iterable[Finding],
    selection: Selection,
    wanted: Collection[str],
) -> tuple[Finding, ...]:
    """The findings that are about what is wanted, or may be."""
    meant = not selection.only or matches(selection.only, path)
    about_all = selection.evidence is None and meant

    def is_told(finding: Finding) -> bool:
        if finding.function:
            return finding.function in wanted
        if wanted or about_all:
            return True
        return meant and finding.code in _WHOLE_FILE

    return tuple(sorted(finding for finding in findings if is_told(finding)))


def _with_evidence(path: str, plan: Plan, matched: Matched) -> Plan:
    rewrites = tuple(
        replace(rewrite, evidence=matched.recorded[path, rewrite.function].in_words())
        if (path, rewrite.function) in matched.recorded
        else rewrite
        for rewrite in plan.rewrites
    )
    return replace(plan, rewrites=rewrites)
