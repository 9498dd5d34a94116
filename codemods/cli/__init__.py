"""The ``afml-codemod`` command: migrating, adding what is new, and undoing either.

Exit codes: 0 done or clean, 1 findings under ``check``, 2 usage, 3 some file failed while
all the others were done, 130 interrupted. A command lives in the module that bears its name;
each imports what it needs when it is called.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import click

from codemods.cli.adopt_init import adopt_init
from codemods.cli.decorate import decorate
from codemods.cli.demo import demo
from codemods.cli.migrate import apply, check, plan
from codemods.cli.undo import revert, rollback, status
from codemods.cli.verified import migrate


class _Commands(click.Group):
    """Commands that end as a shell expects when they are cut short."""

    def invoke(self, ctx: click.Context) -> Any:
        from codemods.cut_short import cut_short

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a path still
                stream.reconfigure(errors="backslashreplace")  # gets the rest of the line
        with cut_short():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """In the order in which a person needs them."""
        return list(self.commands)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="afml-cache", prog_name="afml-codemod")
def main() -> None:
    """Move a repository from @cacheable to @robust_cacheable and @time_aware_cacheable.

    Begin with `afml-codemod plan`: it shows what would be changed and writes nothing.
    """


for command in (
    *(migrate, plan, apply, check),
    *(rollback, revert, status),
    *(adopt_init, decorate, demo),
):
    main.add_command(command)
