"""Which cache a command is about, and opening it: never one that is not there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from afml_cache.doctor import environment  # isort: skip - the settings refuse some environments
from afml_cache import settings
from afml_cache.cli.stop import FAILED, USAGE, stop
from afml_cache.store import location

if TYPE_CHECKING:
    from afml_cache.store.store import Store


def refuse_bad_environment() -> None:
    """End the command where a variable of the environment has no value that it can have."""
    if environment.REFUSED:
        stop(f"{'; '.join(environment.REFUSED)}. Set it to one of them, or unset it.", USAGE)


def directory_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option that names the cache."""
    return click.option(
        "--directory",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="The cache; default: $AFML_CACHE, else the platform's cache directory.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(
        command
    )


def on_a_cache(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that is about one cache: it gets ``store``, and the options for it."""

    @functools.wraps(command)
    def run(directory: Path | None, **options: Any) -> Any:
        with opened(directory) as store:
            return command(store=store, **options)

    return directory_option(json_option(run))


def on_any_cache(command: Callable[..., Any]) -> Callable[..., Any]:
    """As :func:`on_a_cache`, for what may come first: the cache is made where there is none."""

    @functools.wraps(command)
    def run(directory: Path | None, **options: Any) -> Any:
        with _in_use(place_of(directory)) as store:
            return command(store=store, **options)

    return directory_option(json_option(run))


def place_of(directory: Path | None) -> Path:
    """The directory that is meant, absolute."""
    if directory is None:
        return settings.cache_directory()
    return directory.expanduser().absolute()


@contextmanager
def opened(directory: Path | None) -> Iterator[Store]:
    """The store of a directory, in use meanwhile; ends the command where there is none."""
    place = place_of(directory)
    if not location.is_cache(place):
        stop(f"{location.why_no_cache(place)} with --directory or AFML_CACHE.", FAILED)
    with _in_use(place) as store:
        yield store


@contextmanager
def _in_use(place: Path) -> Iterator[Store]:
    from afml_cache.store.active import use_store

    # Switched off, nothing would be read: here a person has asked for what there is.
    mode = "on" if settings.current.mode == "off" else settings.current.mode
    with settings.use_settings(mode=mode), use_store(place) as store:
        yield store
