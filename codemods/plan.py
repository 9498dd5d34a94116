"""``plan(bytes) -> Plan``: what would be changed in a file, and what would not, and why.

A plan is a value. It is made without touching a disk, it can be shown, counted and
compared, and it carries the digest of the bytes that it was made from, so that it is never
carried out on others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from codemods.draft import Decisions, Rewrite
from codemods.edits import Edit, splice
from codemods.findings import Code, Finding
from codemods.in_tree import InTree
from codemods.resolve import Names
from codemods.rewrite import decide
from codemods.rules import Rules
from codemods.source import Source, Unreadable
from codemods.verify import UnexpectedChangeError, verify

_KEEP_FILE = re.compile(rb"[ \t]*#[ \t]*afml:[ \t]*keep\b")
_WORDS = re.compile(rb"(?<![A-Za-z0-9_])(?:smart_|auto_)?cacheable(?![A-Za-z0-9_])")
#: In JSON a newline is two characters, the second of which looks like a part of the name.
_IN_A_NOTEBOOK = re.compile(
    rb"(?:(?<![A-Za-z0-9_])|(?<=\\[nt]))(?:smart_|auto_)?cacheable(?![A-Za-z0-9_])"
)
_NEW_WORDS = re.compile(rb"(?<![A-Za-z0-9_])(?:robust|time_aware)_cacheable(?![A-Za-z0-9_])")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rewrite does to one file.

    Attributes
    ----------
    digest : str
        SHA-256 of the bytes that the plan was made from.
    edits : tuple of Edit
        Splices, placed in these bytes.
    rewrites : tuple of Rewrite
        The functions concerned, each with its old and new decorator and the reason.
    findings : tuple of Finding
        What was left alone.
    """

    digest: str
    edits: tuple[Edit, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    findings: tuple[Finding, ...] = ()

    def carry_out(self, data: bytes) -> bytes:
        """The bytes as they will be.

        Raises
        ------
        ValueError
            ``data`` is not what the plan was made from.
        """
        if digest(data) != self.digest:
            raise ValueError("the file is not the one that was planned on")
        return splice(data, self.edits)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def concerns(data: bytes, rules: Rules | None = None) -> bool:
    """Whether a file is worth parsing at all; decided by its bytes.

    >>> concerns(b"from afml.cache import robust_cacheable")
    False
    """
    backwards = rules is not None and rules.back is not None
    if b"cacheable" not in data:
        return False
    return (_NEW_WORDS if backwards else _WORDS).search(data) is not None


def mentioned(notebook: bytes, rules: Rules) -> bool:
    """Whether the bytes of a notebook name a decorator and a module that it comes from."""
    if _IN_A_NOTEBOOK.search(notebook) is None:
        return False
    return any(source.rpartition(".")[2].encode() in notebook for source in rules.sources)


def plan(
    data: bytes,
    package: tuple[str, ...] = (),
    rules: Rules | None = None,
    *,
    handed_on: Collection[str] = (),
    in_tree: InTree | None = None,
) -> Plan:
    """What is to be changed in one file.

    Parameters
    ----------
    data : bytes
        The file.
    package : tuple of str
        The packages that it lies in, outermost first: ``("afml", "features")``. Relative
        imports are resolved against them.
    rules : Rules, optional
        What to look for; the default migrates the legacy decorators, and chooses.
    handed_on : collection of str
        Names that other files take from this one; a mapping tells where that was seen.
    in_tree : InTree, optional
        The source modules that the project carries itself; by default, none.

    >>> code = b"from afml.cache import cacheable\\n\\n@cacheable\\ndef f(x): ...\\n"
    >>> print(plan(code).carry_out(code).decode(), end="")
    from afml.cache import robust_cacheable
    <BLANKLINE>
    @robust_cacheable
    def f(x): ...
    """
    rules = rules or Rules()
    mark = digest(data)
    if not concerns(data, rules):
        return Plan(mark)
    try:
        source = Source(data)
        names = Names(source, package, rules)
        if not names.concerned:
            return Plan(mark)
        decisions = decide(source, names, rules, handed_on, in_tree)
        keep = opted_out(source)
        if keep and decisions.rewrites:
            text = f"the file asks to be kept ({len(decisions.rewrites)} decorators)"
            return Plan(mark, findings=(Finding(keep, 1, Code.OPTED_OUT, text),))
        edits = _checked(source, decisions)
    except Unreadable as answer:
        return Plan(mark, findings=(answer.finding,))
    except RecursionError:
        text = "is nested too deeply to be worked on"
        return Plan(mark, findings=(Finding(1, 1, Code.TOO_DEEP, text),))
    return Plan(mark, edits, tuple(decisions.rewrites), tuple(decisions.findings))


def _checked(source: Source, decisions: Decisions) -> tuple[Edit, ...]:
    """The edits in the file's own bytes, after the proof that they do what was decided."""
    if not decisions.edits:
        return ()
    edits = source.placed(decisions.edits)
    try:
        after = Source(splice(source.data, edits))
        if after.utf8 != splice(source.utf8, decisions.edits):
            raise UnexpectedChangeError("the encoding of the file has a memory")
        verify(source, after, decisions.names, decisions.statements)
    except (UnexpectedChangeError, Unreadable, ValueError) as error:
        # A rewrite that cannot be proved right is not made; the person still hears of it.
        raise Unreadable(Code.NOT_LOSSLESS, f"cannot be rewritten safely: {error}") from error
    return edits


def opted_out(source: Source) -> int | None:
    """The line of a ``# afml: keep`` among the comments that open the file."""
    for number in range(1, len(source.line_starts) + 1):
        line = source.line(number)
        if _KEEP_FILE.match(line):
            return number
        if line.strip() and not line.lstrip().startswith(b"#"):
            return None
    return None
