"""``plan(bytes) -> Plan``: what would be changed in a file, and what would not, and why.

A plan is a value. It is made without touching a disk, it can be shown, counted and
compared, and it carries the digest of the bytes that it was made from, so that it is never
carried out on others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from codemods.draft import Decisions, Rewrite
from codemods.edits import Edit, splice
from codemods.findings import Code, Finding
from codemods.in_tree import InTree
from codemods.re_exports import ReExports
from codemods.resolve import Names
from codemods.rewrite import decide
from codemods.rules import Rules
from codemods.source import Source, Unreadable
from codemods.verify import UnexpectedChangeError, verify

_KEEP_FILE = re.compile(rb"[ \t]*#[ \t]*afml:[ \t]*keep\b")
#: In a string of JSON a newline is two characters; the second looks like a part of the name.
_BEFORE = rb"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))"
_WORDS = re.compile(_BEFORE + rb"(?:smart_|auto_)?cacheable(?![A-Za-z0-9_])")
_NEW_WORDS = re.compile(_BEFORE + rb"(?:robust|time_aware)_cacheable(?![A-Za-z0-9_])")


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
    backwards = rules is not None and rules.backwards
    if b"cacheable" not in data:
        return False
    return (_NEW_WORDS if backwards else _WORDS).search(data) is not None


def plan(
    data: bytes,
    package: tuple[str, ...] = (),
    rules: Rules | None = None,
    *,
    handed_on: Collection[str] = (),
    in_tree: InTree | None = None,
    re_exports: ReExports | None = None,
    cells: Sequence[int] = (),
    file: str = "",
    selected: Collection[str] | None = None,
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
    re_exports : ReExports, optional
        The modules of the project that hand the decorators on; by default, none.
    cells : sequence of int
        Where ``data`` is the Python of a notebook: the lines on which its cells begin.
    file : str
        Where the file lies, relative to the root of the repository; the patterns of the rules
        are matched against it.
    selected : collection of str, optional
        Qualified names: only the decorators of these functions are rewritten, and of the
        others nothing is said. By default, all.

    >>> code = b"from afml.cache import cacheable\\n\\n@cacheable\\ndef f(x): ...\\n"
    >>> print(plan(code).carry_out(code).decode(), end="")
    from afml.cache import robust_cacheable
    <BLANKLINE>
    @robust_cacheable
    def f(x): ...
    """
    rules = rules or Rules()
    mark = digest(data)
    if not concerns(data, rules) and not (re_exports and re_exports.mentioned(data)):
        return Plan(mark)
    try:
        source = Source(data, cells)
        names = Names(source, package, rules, re_exports=re_exports)
        if not names.concerned:
            return Plan(mark)
        decisions = decide(source, names, rules, handed_on, in_tree, file=file, selected=selected)
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
