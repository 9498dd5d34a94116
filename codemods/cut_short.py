"""How a command ends that a person or a pipe has cut short.

``afml-codemod plan | head -1`` is no failure, and a Ctrl-C is no finding: both have exit codes
of their own, the ones that a shell gives them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED, BROKEN_PIPE = 130, 141


@contextmanager
def cut_short() -> Iterator[None]:
    """Turn an interrupt and a closed pipe into their exit codes."""
    import click

    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here, not when the interpreter ends: it could only complain
    except BrokenPipeError:
        # What is left in the buffers has no reader; it must not be tried again at the end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)
    except (KeyboardInterrupt, click.Abort):
        print("Interrupted. `afml-codemod status` tells what stands.", file=sys.stderr)
        sys.exit(INTERRUPTED)
