"""The ``afml-cache`` command: what a cache did and holds, and putting it in order.

Exit codes: 0 done, 1 something was found that wants a look (``health``, ``doctor``), 2 usage,
3 could not be done, 130 interrupted, 141 the reader of a pipe has gone; those of ``verify`` add up
from 4, 8 and 16. A command lives in the module that bears its name; each imports what it needs
when it is called.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import click

from afml_cache.cli.clear import clear
from afml_cache.cli.dashboard import dashboard
from afml_cache.cli.doctor import doctor
from afml_cache.cli.explain import explain
from afml_cache.cli.health import health
from afml_cache.cli.ls import ls
from afml_cache.cli.mlflow_runs import mlflow_runs
from afml_cache.cli.place import refuse_bad_environment
from afml_cache.cli.prune import prune
from afml_cache.cli.report import report
from afml_cache.cli.restore import restore
from afml_cache.cli.show import show
from afml_cache.cli.status import status
from afml_cache.cli.verify import verify

__all__ = ["main"]


class _Commands(click.Group):
    """Commands that end as a shell expects when they are cut short."""

    def invoke(self, ctx: click.Context) -> Any:
        from afml_cache.cli.cut_short import cut_short

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a name still
                stream.reconfigure(errors="backslashreplace")  # gets the rest of the line
        with cut_short():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """In the order in which a person needs them."""
        return list(self.commands)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="afml-cache", prog_name="afml-cache")
def main() -> None:
    """See what the cache did, ask it why, and put it in order.

    Begin with `afml-cache status`. The cache is the one in $AFML_CACHE, else in the platform's
    cache directory; --directory names another.
    """
    if click.get_current_context().invoked_subcommand != "doctor":  # which names it as a finding
        refuse_bad_environment()


for command in (
    status,
    health,
    report,
    ls,
    show,
    explain,
    clear,
    restore,
    prune,
    verify,
    doctor,
    dashboard,
    mlflow_runs,
):
    main.add_command(command)
