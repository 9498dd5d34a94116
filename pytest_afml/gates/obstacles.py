"""What makes measuring impossible here, if anything does."""

from __future__ import annotations

import sys
from importlib.metadata import version

import pytest

#: The first version that works with pytest 9.2.
OLDEST = (5, 3, 1)


def obstacle(config: pytest.Config) -> str | None:
    """Why nothing can be measured in this process, and what to do; None if it can."""
    if hasattr(config, "workerinput"):
        return "pytest-xdist runs other tests beside this one; run the gates without -n"
    return _of_pytest_benchmark(config) or _of_interpreter(config)


def _of_pytest_benchmark(config: pytest.Config) -> str | None:
    if not has_benchmark(config):
        return "pytest-benchmark is not there; install it, or leave out -p no:benchmark"
    installed = version("pytest-benchmark")
    if tuple(int(part) for part in installed.split(".")[:3] if part.isdecimal()) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return f"pytest-benchmark is {installed}; install {oldest} or newer"
    if config.getoption("benchmark_skip") and not config.getoption("benchmark_only"):
        return "benchmarks are skipped; leave out --benchmark-skip"
    if config.getoption("benchmark_disable") and not config.getoption("benchmark_enable"):
        return "benchmarks are disabled; leave out --benchmark-disable"
    return None


def _of_interpreter(config: pytest.Config) -> str | None:
    if config.getoption("trace"):
        return "a debugger is attached; leave out --trace"
    watcher = _watcher()
    if watcher is None:
        return None
    if "coverage" in watcher.lower():
        return "coverage traces every line; run the gates without it"
    return f"a debugger, tracer or profiler is attached ({watcher}); run the gates without it"


def _watcher() -> str | None:
    """Who is told of what the interpreter does."""
    for function in (sys.gettrace(), sys.getprofile()):
        if function is not None:
            name = getattr(function, "__qualname__", type(function).__qualname__)
            module = getattr(function, "__module__", None) or type(function).__module__
            return f"{module}.{name}"
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    if monitoring is not None:
        for number in range(6):
            tool: str | None = monitoring.get_tool(number)
            if tool is not None:
                return tool
    return None


def has_benchmark(config: pytest.Config) -> bool:
    """Whether pytest-benchmark takes part in this run."""
    return config.pluginmanager.hasplugin("benchmark")
