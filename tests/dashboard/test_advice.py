"""Each recommendation has the command that acts on it, and the command runs as it is written."""

from __future__ import annotations

import shlex
import subprocess
import sys
import textwrap
from typing import get_args

import pytest
from click.testing import CliRunner

import codemods.cli
from afml_cache import cacheable, configure, robust_cacheable, settings
from afml_cache.cli import main
from afml_cache.dashboard.advice import Commands
from afml_cache.monitoring.health import Finding, Kind


@robust_cacheable
def labels(number):
    return [number] * 50


@cacheable
def legacy(number):
    return number


def finding(kind: Kind, function: str | None = None) -> Finding:
    return Finding(kind=kind, what="something", function=function, remedy="do it")


@pytest.fixture
def commands(store):
    return Commands(str(store.directory))


def paste(text: str) -> str:
    """What a shell would do with it, in this process; a question is answered with yes."""
    program, *words = shlex.split(text)
    group = {"afml-cache": main, "afml-codemod": codemods.cli.main}[program]
    done = CliRunner().invoke(group, words, input="y\n")
    assert not done.exception or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code in ((0, 1) if words[0] == "doctor" else (0,)), done.output
    return done.output


@pytest.fixture
def used(store):
    labels(1), labels(2)
    store.flush()
    return store


@pytest.mark.parametrize(
    ("kind", "function", "answer"),
    [
        ("damaged", None, "checked; all are sound"),
        ("unavailable", None, "nothing is wrong"),
        ("misses", labels.identity, "number was 1, is 2"),
    ],
)
def test_what_is_pasted_into_a_shell_runs(used, kind, function, answer, commands):
    command = commands.of_finding(
        finding(kind, function), size_limit=None, stored={labels.identity: 2}
    )
    assert command is not None and command.language == "shell"
    assert answer in paste(command.text)


def test_a_cache_elsewhere_is_named_in_the_command(used, tmp_path, monkeypatch, commands):
    monkeypatch.setenv("AFML_CACHE", str(tmp_path / "another"))
    command = commands.cache("explain", name=labels.identity)
    assert command is not None and "number was 1, is 2" in paste(command.text)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("off", {"mode": "on"}),
        ("readonly", {"mode": "on"}),
        ("full", {"size_limit": 3_000_000}),
        ("note_exact_keys", {"note_exact_keys": True}),
    ],
)
def test_what_is_pasted_into_python_sets_what_it_says(kind, expected, commands):
    configure(mode="readonly")
    command = commands.of_finding(finding(kind), size_limit=1_500_000, stored={})
    assert command is not None and command.language == "python"
    exec(command.text, {})
    assert {name: getattr(settings.current, name) for name in expected} == expected


@pytest.mark.parametrize("kind", ["unstored", "misses"])
def test_what_only_the_program_knows_is_asked_there(store, kind, capsys, commands):
    labels(7)
    command = commands.of_finding(finding(kind, "m.f"), size_limit=None, stored={})
    assert command is not None and command.language == "python"
    exec(command.text, {})
    assert "was computed" in capsys.readouterr().out


def test_an_upgrade_is_planned_for_that_function_alone(tmp_path, monkeypatch, commands):
    (tmp_path / "work.py").write_text(
        textwrap.dedent("""
        from afml_cache import cacheable

        @cacheable
        def labels(close):
            return close

        @cacheable
        def others(close):
            return close
        """)
    )
    monkeypatch.chdir(tmp_path)
    command = commands.of_finding(finding("upgrade", "work.labels"), size_limit=None, stored={})
    assert command is not None and command.text == "afml-codemod plan --only=work.labels"
    planned = paste(command.text)
    assert "labels" in planned and "others" not in planned


def test_results_of_cacheable_are_cleared_by_the_same_command(store, commands):
    legacy(1)
    store.flush()
    command = commands.cache("clear", name=legacy.identity)
    assert command is not None and "1 entries" in paste(command.text)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_of_finding_has_a_command_unless_there_is_nothing_to_do(kind, commands):
    command = commands.of_finding(finding(kind, "m.f"), size_limit=None, stored={})
    assert (command is None) == (kind in ("keep", "raised", "joblib_size", "costly"))


@pytest.mark.parametrize("name", ["m.<lambda>", "m.$(touch x).f", "-x.f", "m.'quo\"te.f", "m.f g"])
def test_a_shell_takes_every_name_as_it_is(store, plant, tmp_path, environment, name, commands):
    plant(store, name, misses=2, sizes=(100, 200))
    command = commands.cache("explain", name=name)
    assert command is not None
    script = command.text.replace(
        "afml-cache", f"{shlex.quote(sys.executable)} -m afml_cache.cli", 1
    )
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{name}: key ") and not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["b\udcff.f", "m.\nf", "m.\u202ef"])
def test_a_name_that_cannot_be_pasted_has_no_command(name, commands):
    assert commands.cache("clear", name=name) is None
