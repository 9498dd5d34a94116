"""``dashboard``: one page that shows what the cache did, as a file or served on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from afml_cache.cli.place import on_a_cache
from afml_cache.cli.stop import FAILED, USAGE, stop

if TYPE_CHECKING:
    from afml_cache.store.store import Store


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the page to one HTML file, which needs no network.",
)
@click.option(
    "--serve", is_flag=True, help="Serve it on this machine, with live numbers, until Ctrl-C."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="With --serve; default: any that is free.",
)
@on_a_cache
def dashboard(store: Store, as_json: bool, out: Path | None, serve: bool, port: int) -> None:
    """A page with plots: what was saved, what missed and why, what to do. Changes nothing.

    --out, --serve or --json: one of them. Needs plotly: pip install 'afml-cache[dashboard]'.
    """
    if [out is not None, serve, as_json].count(True) != 1:
        stop("Say which: --out FILE, --serve or --json.", USAGE)
    if port and not serve:
        stop("--port is for --serve.", USAGE)
    if as_json:
        _print_json(store)
    elif serve:
        _serve(store, port)
    elif out is not None:
        _write(store, out)


def _print_json(store: Store) -> None:
    from dataclasses import asdict

    from afml_cache.cli.document import print_json
    from afml_cache.dashboard.look import look

    print_json("dashboard", asdict(look(store.directory)))


def _write(store: Store, out: Path) -> None:
    from datetime import UTC, datetime

    from afml_cache.cli.screen import waiting
    from afml_cache.dashboard.look import look
    from afml_cache.dashboard.page import page_of
    from afml_cache.monitoring.files import write_whole

    with waiting("Looking at the cache"):
        page = page_of(look(store.directory), datetime.now(UTC))
    write_whole(out, page.encode())
    click.echo(f"Written to {out}; open it in a browser.")


def _serve(store: Store, port: int) -> None:
    from afml_cache.dashboard.look import look
    from afml_cache.dashboard.page import plotly_js
    from afml_cache.dashboard.server import ADDRESS, DashboardServer

    plotly_js()  # where it is missing, that is said now
    directory = store.directory
    try:
        server = DashboardServer(lambda: look(directory), port)
    except OSError as error:
        stop(f"{ADDRESS}:{port} cannot be used ({error}): choose another --port.", FAILED)
    with server:
        click.echo(f"The dashboard is at {server.url} (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("\nEnded.")
