"""How a command ends that a person or a pipe has cut short, or that the cache has refused.

``afml-cache ls | head -1`` is no failure: a closed pipe and a Ctrl-C have the exit codes that a
shell gives them. What the cache itself raises is a sentence for the user, not a traceback.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from afml_cache.cli.stop import BROKEN_PIPE, FAILED, INTERRUPTED, USAGE, stop
from afml_cache.errors import AfmlCacheError, CacheWarning, ConfigurationError, UnknownFunctionError


@contextmanager
def cut_short() -> Iterator[None]:
    """Turn interrupts, closed pipes and errors of the cache into exit codes."""
    try:
        try:
            with _plain_warnings():
                yield
        finally:
            sys.stdout.flush()  # here, not when the interpreter ends: it could only complain
    except BrokenPipeError:
        # What is left in the buffers has no reader; it must not be tried again at the end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)
    except (KeyboardInterrupt, click.Abort):
        print("Interrupted.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except (ConfigurationError, UnknownFunctionError) as error:
        stop(str(error), USAGE)
    except (AfmlCacheError, OSError) as error:
        stop(str(error), FAILED)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show warnings of the cache as sentences: the line of our own that met them tells nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", CacheWarning)
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *more: Any, **named: Any) -> None:
            if issubclass(category, CacheWarning):
                click.echo(f"Warning: {message}", err=True)
            else:
                usual(message, category, *more, **named)

        warnings.showwarning = show
        yield
