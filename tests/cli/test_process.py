"""The command as a process: what it loads, pipes, colours, interrupts."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress

import pytest

from afml_cache import list_cleared, robust_cacheable


@robust_cacheable
def labels(number):
    return number


def command(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "afml_cache.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
    )


@pytest.fixture
def used(store):
    for number in range(5):
        labels(number)
    store.flush()
    return store


def test_help_and_status_load_nothing_heavy(used, run_python):
    script = """
        import sys
        from afml_cache.cli import main
        for arguments in (["--help"], ["status", "--json"], ["ls", "--json"]):
            try:
                main(arguments)
            except SystemExit as end:
                assert end.code in (0, None), end.code
            heavy = {"pandas", "numpy", "joblib", "rich", "libcst", "plotly"} & set(sys.modules)
            assert not heavy, (arguments, heavy)
    """
    assert "Usage:" in run_python(script)


def test_where_nobody_can_answer_clear_wants_yes(used):
    done = command("clear")
    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    used.flush()
    assert sum(count for count, _ in used.sizes().values()) == 5


def test_a_pipe_gets_no_colour_and_no_bar(used):
    for arguments in (["report"], ["ls", "labels"], ["verify"], ["status"]):
        done = command(*arguments)
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert done.stderr == ""


def test_a_terminal_gets_a_bar_that_goes_away(used):
    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "afml_cache.cli", "verify"],
        stdout=subprocess.PIPE,
        stderr=follower,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TERM": "xterm"},
    )
    os.close(follower)
    shown = os.read(leader, 100_000)
    os.close(leader)
    assert done.stdout == b"5 entries were checked; all are sound.\n"
    assert b"Checking" in shown and b"\x1b[2K" in shown  # the line is cleared


@pytest.mark.slow
def test_a_ctrl_c_at_the_question_clears_nothing(used):
    leader, follower = pty.openpty()
    as_on_a_terminal = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from afml_cache.cli import main; main(['clear'])"
    )  # whoever runs the tests may have it ignored
    asking = subprocess.Popen(
        [sys.executable, "-c", as_on_a_terminal],
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    os.close(follower)
    asked = b""
    while b"?" not in asked:
        asked += os.read(asking.stderr.fileno(), 1_000)
    while asking.poll() is None:  # input() swallows one that comes while it flushes
        asking.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            asking.wait(2)
    _, said = asking.communicate(timeout=60)
    os.close(leader)
    assert asking.returncode == 130 and b"Interrupted." in said and b"Traceback" not in said
    assert json.loads(command("status", "--json").stdout)["entries"] == 5


def test_the_cache_is_the_one_in_the_environment(used, tmp_path):
    found = json.loads(command("status", "--json").stdout)
    assert found["entries"] == 5 and found["directory"] == str(used.directory)
    done = command("status", AFML_CACHE=str(tmp_path / "elsewhere"))
    assert (done.returncode, done.stdout) == (3, "")
    assert not (tmp_path / "elsewhere").exists()


def test_an_environment_that_the_settings_refuse_is_a_sentence_and_a_finding(used):
    done = command("status", AFML_CACHE_MODE="bogus")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "AFML_CACHE_MODE is 'bogus'; it can be one of on, off, readonly. "
        "Set it to one of them, or unset it.\n"
    )
    done = command("doctor", "--json", AFML_CACHE_MODE="bogus", AFML_CACHE_ADOPT="perhaps")
    assert done.returncode == 1, done.stderr
    errors = [one for one in json.loads(done.stdout)["findings"] if one["level"] == "error"]
    assert [one["what"].split()[0] for one in errors] == ["AFML_CACHE_MODE", "AFML_CACHE_ADOPT"]
    assert command("--help", AFML_CACHE_MODE="bogus").returncode == 0


INTERRUPTED = """
    import os, signal, sys
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs this may ignore it
    from afml_cache.store import setaside, vault
    from afml_cache.cli import main

    def interrupted(inner, times=[0]):
        def call(*args):
            times[0] += 1
            if times[0] == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return inner(*args)
        return call

    setaside._AT_ONCE = 2
    setaside._removal = interrupted(setaside._removal)
    if sys.argv[1] == "prune":  # once for what has expired, then for what is evicted
        vault.Vault.discard = interrupted(vault.Vault.discard)
    main(sys.argv[1:])
"""


def interrupted(*arguments):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def test_an_interrupted_clear_says_what_is_aside_and_how_it_comes_back(used):
    done = interrupted("clear", f"{__name__}.labels", "--yes")
    assert done.returncode == 130 and "Traceback" not in done.stderr
    (cleared,) = list_cleared()
    assert f"{cleared.entries} results had been moved aside" in done.stderr
    assert f"afml-cache restore {cleared.path.name}" in done.stderr
    assert json.loads(command("status", "--json").stdout)["entries"] < 5
    assert command("restore", cleared.path.name).returncode == 0
    assert json.loads(command("status", "--json").stdout)["entries"] == 5


def test_an_interrupted_prune_says_how_much_is_gone(used):
    done = interrupted("prune", "--max-size", "1B", "--yes")
    assert done.returncode == 130 and "Traceback" not in done.stderr
    assert "5 results had been removed by then" in done.stderr
    assert json.loads(command("status", "--json").stdout)["entries"] == 0


def test_a_reader_that_goes_is_no_traceback(used):
    writer = subprocess.Popen(
        [sys.executable, "-m", "afml_cache.cli", "report", "--format", "csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    writer.stdout.close()
    assert writer.wait(60) == 141
    assert writer.stderr.read() == b""


def test_the_console_script_is_declared():
    import tomllib
    from pathlib import Path

    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    scripts = tomllib.loads(project.read_text())["project"]["scripts"]
    assert scripts["afml-cache"] == "afml_cache.cli:main"
