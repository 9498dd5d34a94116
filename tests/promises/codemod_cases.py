"""The notation in which the migrations of ``test_codemods_*.py`` are written down.

A text holds many cases. ``=== title | left: value-use re-export | cannot run`` opens one; what
follows is a file. ``«cacheable»`` becomes ``robust_cacheable``, ``«old→new»`` becomes ``new``,
and everything else has to stay as it is. ``left`` are the reasons of what is left alone, in the
order of the lines (``anything``: whatever is said of it); a case that cannot run needs what this
repository has not got.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import pytest

NEEDS_312 = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="an older Python leaves such a file: test_newer_syntax.py"
)
_MARK = re.compile(r"«([^«»→]*)(→[^«»]*)?»")


@dataclass(frozen=True)
class Case:
    """A file, what it becomes, and the reasons of what stays."""

    title: str
    before: bytes
    after: bytes
    left: tuple[str, ...] = ()
    runs: bool = True


def before(marked: str) -> str:
    return _MARK.sub(lambda mark: mark[1], marked)


def after(marked: str) -> str:
    def new(mark: re.Match[str]) -> str:
        if mark[2] is not None:
            return mark[2][1:]
        assert mark[1] in ("cacheable", "smart_cacheable", "auto_cacheable"), mark[0]
        return "robust_cacheable"

    return _MARK.sub(new, marked)


def cases(text: str) -> list[Any]:
    """The cases of a text, as parameters."""
    found = []
    for part in re.split(r"^=== ", text, flags=re.M)[1:]:
        head, _, marked = part.partition("\n")
        title, *options = (word.strip() for word in head.split("|"))
        left: tuple[str, ...] = ()
        runs, marks = True, []
        for option in options:
            if option.startswith("left: "):
                left = tuple(option.removeprefix("left: ").split())
            elif option == "needs 3.12":
                marks.append(NEEDS_312)
            elif option == "runs on 3.12":
                runs = sys.version_info >= (3, 12)
            else:
                assert option == "cannot run", option
                runs = False
        marked = marked.strip("\n") + "\n"
        assert "=>" not in marked
        case = Case(title, before(marked).encode(), after(marked).encode(), left, runs)
        found.append(pytest.param(case, id=title, marks=marks))
    titles = [param.id for param in found]
    assert len(set(titles)) == len(titles), "two cases of one title"
    return found
