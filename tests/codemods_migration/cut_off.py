"""Runs a command of afml-codemod and cuts it off at one certain instant.

``python cut_off.py SIGNAL NAME TEXT NTH ARGUMENT...``: the process sends itself the signal just
before a file NAME gets, for the NTH time, a content with TEXT in it; by a rename, which is how
everything is written that has to last. Without TEXT (``-``), any content counts.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any


def main(how: str, name: str, text: str, nth: str, *arguments: str) -> None:
    """Run the command."""
    left = int(nth)

    def look(event: str, given: tuple[Any, ...]) -> None:
        nonlocal left
        if event != "os.rename" or Path(os.fsdecode(given[1])).name != name:
            return
        if text == "-" or text.encode() in Path(os.fsdecode(given[0])).read_bytes():
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.Signals[how])

    from codemods.cli.__main__ import main as command

    sys.argv = ["afml-codemod", *arguments]
    sys.addaudithook(look)
    command()


if __name__ == "__main__":
    main(*sys.argv[1:])
