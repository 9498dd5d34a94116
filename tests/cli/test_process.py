"""The command as a process: what it loads, pipes, colours, interrupts."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from afml_cache import robust_cacheable


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
