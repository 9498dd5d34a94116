"""What a run is recorded within: a run that is open, the user's or ours, or a block; and so, where.

mlflow is not asked, only its list of the runs that are open in this thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from afml_cache import notices
from afml_cache.tracking import place
from afml_cache.tracking.open_blocks import block_here
from afml_cache.tracking.place import Place
from afml_cache.tracking.reach import shown
from afml_cache.tracking.run_stack import innermost, tracking_uri


class Block(Protocol):
    """A block of code that is a run, as what is called in it sees it."""

    record: str
    around: Around

    def noted(self) -> object:
        """Have its record in the queue, so that runs can be put under it."""

    def is_innermost(self) -> bool:
        """Whether no run was opened within it that is open still."""


@dataclass(frozen=True, slots=True)
class Around:
    """Where a run that is recorded now goes, and under what.

    Attributes
    ----------
    place : Place
    run_id, experiment_id : str or None
        Of the run that is open around it.
    block : Block or None
        The block that it is in, whose own run may have to be made yet.
    """

    place: Place
    run_id: str | None = None
    experiment_id: str | None = None
    block: Block | None = None

    def parent(self) -> str | None:
        """The record of the block, which is in the queue from now on."""
        if self.block is None:
            return None
        self.block.noted()
        return self.block.record


def around(base: Path, experiment: str | None = None) -> Around:
    """What a run that is recorded now is within.

    Parameters
    ----------
    base : Path
        The cache directory.
    experiment : str, optional
        What the decorator names.
    """
    goes_to = place.place_for(base, experiment)
    within: Block | None = block_here()
    if within is not None and within.is_innermost():
        return Around(within.around.place, None, within.around.experiment_id, within)
    run = innermost()
    info: Any = getattr(run, "info", None)
    if info is None:
        return Around(goes_to)
    uri = tracking_uri()
    if uri != goes_to.uri:
        if place.configured.uri is not None or os.environ.get(place.URI_VARIABLE):
            _tell_elsewhere(uri, goes_to.uri)
            return Around(goes_to)  # what is open elsewhere can have no run under it here
        goes_to = replace(goes_to, uri=uri)
    return Around(goes_to, info.run_id, info.experiment_id)


def _tell_elsewhere(theirs: str, ours: str) -> None:
    notices.warn_once(
        ("mlflow", "elsewhere", theirs, ours),
        f"the run that is open is at {shown(theirs)}, and runs of tracked functions go to "
        f"{shown(ours)}, so that they are not nested under it. Give both one address: "
        "mlflow.set_tracking_uri(get_mlflow_cache().tracking_uri) before the run is opened, or "
        "setup_mlflow_cache(..., tracking_uri=mlflow.get_tracking_uri())",
    )
