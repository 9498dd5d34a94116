"""``doctor``: what is known to go wrong, looked for; each finding with its remedy."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from afml_cache.cli.place import directory_option, json_option, place_of
from afml_cache.cli.stop import DONE, FAILED, FOUND, stop


@click.command()
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also collect findings, statistics and versions in a ZIP file, to open an issue with.",
)
@directory_option
@json_option
def doctor(directory: Path | None, as_json: bool, bundle: Path | None) -> None:
    """Look for what goes wrong with caches; exit 1 where something wants doing.

    A bundle holds names of functions, counts, versions and paths, and no value of any argument
    or result.
    """
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, line
    from afml_cache.doctor.examine import examine

    place = place_of(directory)
    findings = examine(place)
    wanting = [one for one in findings if one.level != "note"]
    if as_json:
        listed = [one.fields() for one in findings]
        print_json("doctor", {"directory": str(place), "findings": listed})
    else:
        out = console()
        for one in findings:
            line(
                out,
                f"{one.level}: {one.what}",
                {"error": "red", "warning": "yellow"}.get(one.level, ""),
            )
            line(out, f"  {one.remedy}")
        line(
            out, f"{place}: " + (f"{len(wanting)} to look at." if wanting else "nothing is wrong.")
        )
    if bundle is not None:
        from afml_cache.doctor.bundle import write_bundle

        try:
            write_bundle(bundle, place, findings)
        except OSError as error:
            why = (
                f"there is no folder {bundle.absolute().parent}"
                if not bundle.absolute().parent.is_dir()
                else f"{error.strerror}"
            )
            stop(f"The bundle {bundle} was not written: {why}. Name another file.", FAILED)
        click.echo(f"Written to {bundle}; look through it before you send it.", err=True)
    sys.exit(FOUND if wanting else DONE)
