"""Taking our own edits out of a notebook that somebody has run, edited or saved otherwise since.

Outputs, counts and the form of the JSON are theirs. Only the Python of the code cells is
compared with what the migration left, and what is undone is undone in the strings as they are.
"""

from __future__ import annotations

from dataclasses import replace

from codemods.edits import Edit, by_lines, splice
from codemods.findings import Code
from codemods.journal import FileRecord
from codemods.notebook import Notebook
from codemods.plan import concerns
from codemods.plan_notebook import carried_over
from codemods.rules import Rules
from codemods.source import Unreadable
from codemods.undo import Conflict, undoing, unreadable


def undo_notebook(
    record: FileRecord,
    before: bytes,
    now: bytes,
    package: tuple[str, ...] = (),
    sources: tuple[str, ...] = (),
) -> tuple[bytes, list[Conflict]]:
    """The notebook without our edits, and the conflicts; see :func:`codemods.undo.undo`."""
    was = Notebook(before)
    became = Notebook(splice(before, record.edits))
    try:
        notebook = Notebook(now)
    except Unreadable as answer:
        return now, [unreadable(record.path, answer.finding)]
    python = replace(record, edits=tuple(_edits(was, became)))
    edits, found = undoing(python, was.python, notebook.python, package, sources)
    conflicts = [_in_cell(conflict, notebook) for conflict in found]
    try:
        return splice(now, carried_over(notebook, edits)), conflicts
    except (Unreadable, ValueError) as error:
        trouble = Conflict(record.path, 0, "the migrated notebook", f"cells that differ: {error}")
        return now, [trouble]


def _edits(was: Notebook, became: Notebook) -> list[Edit]:
    """What was done to the Python of a notebook, cell by cell."""
    edits: list[Edit] = []
    for old, new in zip(was.cells, became.cells, strict=True):
        if old.text != new.text:
            edits += by_lines(old.start, old.text, new.text, "the migration")
    return edits


def _in_cell(conflict: Conflict, notebook: Notebook) -> Conflict:
    """A conflict about a notebook's Python as one about the notebook."""
    if conflict.line:
        number, line = notebook.place(conflict.line)
        return replace(conflict, cell=number, line=line, theirs=notebook.said(conflict.theirs))
    for cell in notebook.cells:
        # What is gone may be in a cell that cannot be read; that settles nothing.
        if cell.problem is not None and concerns(cell.text, Rules(back={})):
            theirs = cell.problem.text
            if cell.problem.code is Code.CELL_MAGIC:
                theirs += " that is not looked at"
            line = cell.problem.line
            return replace(conflict, cell=cell.number, line=line, theirs=theirs, settles="")
    return conflict
