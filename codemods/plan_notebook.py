"""``plan_notebook(bytes) -> Plan``: what would be changed in the code cells of a notebook.

The plan is made on the notebook's Python by the one engine there is; here it is carried over
to the bytes of the JSON, and proved to change no others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from codemods.cell_edits import OutsideOfCellsError, in_file
from codemods.edits import Edit, splice
from codemods.findings import Code, Finding
from codemods.in_tree import InTree
from codemods.notebook import Notebook
from codemods.plan import Plan, concerns, digest, plan
from codemods.re_exports import ReExports
from codemods.rules import Rules
from codemods.source import Unreadable


def plan_notebook(
    data: bytes,
    package: tuple[str, ...] = (),
    rules: Rules | None = None,
    *,
    handed_on: Collection[str] = (),
    in_tree: InTree | None = None,
    re_exports: ReExports | None = None,
    file: str = "",
    selected: Collection[str] | None = None,
) -> Plan:
    """What is to be changed in one notebook; see :func:`codemods.plan.plan`.

    Lines of rewrites and findings are those of a cell, which is named with them. A finding
    without a cell is about the file, and its line is the file's.

    >>> cell = b'["from afml.cache import cacheable\\\\n", "@cacheable\\\\n", "def f(x): ..."]'
    >>> nb = b'{"cells": [{"cell_type": "code", "source": ' + cell + b"}]}"
    >>> plan_notebook(nb).carry_out(nb) == nb.replace(b"cacheable", b"robust_cacheable")
    True
    """
    rules = rules or Rules()
    mark = digest(data)
    if not concerns(data, rules) and not (re_exports and re_exports.mentioned(data)):
        return Plan(mark)
    try:
        notebook = Notebook(data)
    except Unreadable as answer:
        return Plan(mark, findings=(answer.finding,))
    if notebook.language is not None:
        return Plan(mark, findings=tuple(_other_language(notebook, rules)))
    found = plan(
        notebook.python,
        package,
        rules,
        handed_on=handed_on,
        in_tree=in_tree,
        re_exports=re_exports,
        file=file,
        selected=selected,
        cells=notebook.first_lines,
    )
    unread = {cell.number for cell in notebook.cells if cell.problem is not None}
    findings = [notebook.placed(finding) for finding in found.findings]
    # Names in cells that were not read count as used; of the cell itself more is said below.
    findings = [finding for finding in findings if finding.cell not in unread]
    findings += _not_read(notebook, rules)
    try:
        edits = carried_over(notebook, found.edits)
    except (OutsideOfCellsError, Unreadable, ValueError) as error:
        text = f"cannot be rewritten safely: {error}"
        return Plan(mark, findings=(Finding(1, 1, Code.NOT_LOSSLESS, text),))
    rewrites = []
    for rewrite in found.rewrites:
        cell, line = notebook.place(rewrite.line)
        rewrites.append(replace(rewrite, cell=cell, line=line))
    return Plan(mark, edits, tuple(rewrites), tuple(sorted(set(findings))))


def carried_over(notebook: Notebook, edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Edits of a notebook's Python as edits of its file, after the proof that they are.

    Raises
    ------
    OutsideOfCellsError, Unreadable
        They cannot be expressed in its strings without changing something else.
    """
    edits = tuple(edits)
    if not edits:
        return ()
    there = in_file(notebook, edits)
    after = Notebook(splice(notebook.data, there))
    if after.frame != notebook.frame:
        raise OutsideOfCellsError("the JSON around the cells would not stay as it is")
    if after.python != splice(notebook.python, edits):
        raise OutsideOfCellsError("the cells would not say what was planned")
    return there


def _not_read(notebook: Notebook, rules: Rules) -> Iterator[Finding]:
    """Cells that mention a decorator and were not looked at."""
    for cell in notebook.cells:
        if cell.problem is not None and rules.back is None and concerns(cell.text, rules):
            text = cell.problem.text
            if cell.problem.code is Code.CELL_MAGIC:
                text += " mentions a decorator and was not looked at"
            yield replace(cell.problem, text=text)


def _other_language(notebook: Notebook, rules: Rules) -> Iterator[Finding]:
    """One finding for a notebook of another language that mentions a decorator."""
    for cell in notebook.cells:
        if rules.back is None and concerns(cell.text, rules):
            text = f"the notebook is in {notebook.language}; it mentions a decorator here"
            yield Finding(1, 1, Code.CELL_MAGIC, text, cell=cell.number)
            return
