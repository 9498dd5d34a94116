"""A unified diff of what a plan would do to a file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from codemods.plan import Plan
from codemods.source import decoded


def unified(path: str, data: bytes, plan: Plan) -> Iterator[str]:
    """The lines of the diff, without their newlines.

    Parameters
    ----------
    path : str
        What the file is called in the head of the diff.
    data : bytes
        The file as it is; what the plan was made from.
    plan : Plan
        What would be done to it.
    """
    before, after = (_lines(content) for content in (data, plan.carry_out(data)))
    for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"):
        text = line.rstrip("\r\n")
        yield text
        if text == line:
            yield "\\ No newline at end of file"


def _lines(data: bytes) -> list[str]:
    # Not str.splitlines(): that also splits at form feeds and at other odd characters.
    text = decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
