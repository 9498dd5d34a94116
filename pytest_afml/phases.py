"""What the plugin does around the phases of a test: set up, call, tear down, report."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import pytest

from pytest_afml.isolation import Run, Running
from pytest_afml.limits import LimitError
from pytest_afml.options import Choices

T = TypeVar("T")

RUN = pytest.StashKey[Run]()
RUNNING = pytest.StashKey[Running | None]()


def run_of(config: pytest.Config, choices: Choices) -> Run:
    """The stores of this run; made when they are first asked for."""
    if RUN not in config.stash:
        config.stash[RUN] = Run(config, choices)
    return config.stash[RUN]


def begin(item: pytest.Item, choices: Choices) -> None:
    """Put the test on its store, before its fixtures are made."""
    item.stash[RUNNING] = None
    wrong = ""
    try:
        item.stash[RUNNING] = run_of(item.config, choices).running(item)
    except LimitError as error:
        wrong = str(error)
    if wrong:  # not in the handler, or it would be told twice: as the failure and its context
        pytest.fail(wrong, pytrace=False)


def around_call(item: pytest.Item) -> Generator[None, T, T]:
    """Hold the calls of the test itself against its marker; it fails in the call phase."""
    running = item.stash.get(RUNNING, None)
    if running is None:
        return (yield)
    from afml_cache import restore_settings, use_settings, watch_calls
    from pytest_afml.calls import Calls
    from pytest_afml.expect import explain, why_broken

    calls, limits = Calls(), running.limits
    watch = watch_calls(calls.append, explain=True) if limits else None
    before = use_settings().settings  # what a fixture has configured stays, what the test does ends
    try:
        result = yield
    except BaseException as error:
        running.refused.clear()  # it fails already
        why = why_broken(calls, limits) if limits else None
        if why is not None:
            explain(error, why)
        raise
    finally:
        restore_settings(before)
        if watch is not None:
            watch.close()
    _fail_if_refused(running)  # the test has caught the failure, or it was another thread's
    why = why_broken(calls, limits) if limits else None
    if why is not None:
        pytest.fail(f"@pytest.mark.afml_cache: {why}", pytrace=False)
    return result


def begin_teardown(item: pytest.Item) -> None:
    """What was refused until now has been told."""
    running = item.stash.get(RUNNING, None)
    if running is not None:
        running.refused.clear()


def end(item: pytest.Item) -> None:
    """Put the store from before in force again, after the test's fixtures are gone."""
    running = item.stash.get(RUNNING, None)
    if running is not None:
        running.stack.close()
        _fail_if_refused(running)


def _fail_if_refused(running: Running) -> None:
    if running.refused:
        refused, running.refused = running.refused[0], []
        pytest.fail(refused, pytrace=False)


def add_numbers(item: pytest.Item, report: pytest.TestReport) -> None:
    """Send what the phase that has just ended counted along with its report."""
    running = item.stash.get(RUNNING, None)
    if running is None:
        return
    functions = running.numbers.take()
    if functions:
        numbers = {"mode": running.mode, "kept": running.is_kept, "functions": functions}
        report.afml_cache = numbers  # type: ignore[attr-defined]
