"""The hooks and the fixture of the compatibility checks. Importing this imports only pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_afml.cache import AfmlCache
    from pytest_afml.compat.fixture import AfmlCompat

#: How a written snapshot travels with its test's report, also from xdist's workers.
_PROPERTY = "afml_snapshot"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.getgroup("afml", "afml-cache").addoption(
        "--afml-update-snapshots",
        action="store_true",
        default=False,
        help="Write the snapshots of afml_compat.public_api(...) where they differ; never in CI.",
    )


@pytest.fixture
def afml_compat(request: pytest.FixtureRequest, afml_cache: AfmlCache) -> AfmlCompat:
    """Prove that a change keeps what users rely on, e.g. ``same_results(old, new, cases)``.

    Also ``must_hit(fn, a, b)``, ``must_miss(fn, a, b)``, ``reads_store(path)`` for golden stores,
    ``public_api(module)`` against a snapshot, and ``stable_keys(fn, cases)`` in new processes.
    """
    from pytest_afml.compat.fixture import AfmlCompat
    from pytest_afml.compat.snapshots import Snapshots

    del afml_cache  # so that the test runs isolated, in every mode of the run
    properties = request.node.user_properties
    return AfmlCompat(
        Snapshots(
            request.path.parent,
            update=request.config.getoption("afml_update_snapshots"),
            told=lambda text: properties.append((_PROPERTY, text)),
        )
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which snapshots were written."""
    if not terminalreporter.config.getoption("afml_update_snapshots"):
        return
    told = [
        text
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, text in report.user_properties
        if name == _PROPERTY
    ]
    terminalreporter.section("afml snapshots")
    for text in told or ["none had to be written"]:
        terminalreporter.line(text)
