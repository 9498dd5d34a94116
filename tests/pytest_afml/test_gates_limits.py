"""`[tool.afml.gates]`: what it may hold, and errors that name the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_afml.gates.limits import LimitError, read_limits
from pytest_afml.gates.pairs import Effort


def section(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "pyproject.toml"
    file.write_text("[project]\nname = 'quant'\n\n[tool.afml.gates]\n" + text)
    return file


def test_a_number_is_a_limit(tmp_path: Path) -> None:
    limits = read_limits(section(tmp_path, 'labels = 1.05\n"warm hit" = 1\n'))
    assert limits.of("labels").limit == 1.05
    assert limits.of("warm hit").limit == 1.0
    assert limits.of("labels").effort == Effort()
    assert not limits.of("labels").fail_if_unsure


def test_settings_hold_for_every_gate_and_a_gate_has_the_last_word(tmp_path: Path) -> None:
    limits = read_limits(
        section(
            tmp_path,
            """
            on-unsure = "fail"
            max-pairs = 200
            max-seconds = 5
            pause-seconds = 0
            labels = 1.05
            hits = { limit = 0.3, on-unsure = "warn", max-pairs = 40 }
            """,
        )
    )
    labels, hits = limits.of("labels"), limits.of("hits")
    assert labels.fail_if_unsure
    assert labels.effort == Effort(max_pairs=200, max_seconds=5.0, pause_seconds=0.0)
    assert not hits.fail_if_unsure
    assert hits.effort == Effort(max_pairs=40, max_seconds=5.0, pause_seconds=0.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("labels = 0", "labels under [tool.afml.gates] in {file} is 0; a limit is a number above"),
        ("labels = 'fast'", "labels under [tool.afml.gates] in {file} is 'fast'"),
        ("labels = true", "labels under [tool.afml.gates] in {file} is True"),
        ("labels = nan", "labels under [tool.afml.gates] in {file} is nan"),
        ("labels = {}", "labels under [tool.afml.gates] in {file} has no limit"),
        (
            "labels = {limit = 1, pairs = 3}",
            "pairs of labels under [tool.afml.gates] in {file} is not known; there are limit, "
            "on-unsure, max-pairs",
        ),
        (
            "labels = {limit = 1, max-pairs = 3}",
            "max-pairs of labels under [tool.afml.gates] in {file} is 3; it has to be 20 or more",
        ),
        ("labels = 1\nmax-pairs = 3", "max-pairs under [tool.afml.gates] in {file} is 3"),
        ("max-pairs = 3", "max-pairs under [tool.afml.gates] in {file} is 3"),
        ("max-pairs = true", "max-pairs under [tool.afml.gates] in {file} is True"),
        ("max-seconds = -1", "max-seconds under [tool.afml.gates] in {file} is -1"),
        ("pause-seconds = -1", "pause-seconds under [tool.afml.gates] in {file} is -1"),
        ("on-unsure = 'skip'", "'skip'; it can be 'warn' or 'fail'"),
        # Taken for a gate, this would be a limit of 40, and no limit of the pairs.
        ("max_pairs = 40", "max_pairs under [tool.afml.gates] in {file} is not known; write max-p"),
        (
            "max-second = 2",
            "max-second under [tool.afml.gates] in {file} is not known; write max-s",
        ),
        (
            "maxpairs = 10",
            "maxpairs under [tool.afml.gates] in {file} is not known; write max-pairs",
        ),
        ("on-unsur = 1.0", "on-unsur under [tool.afml.gates] in {file} is not known; write on-uns"),
        ("MAX_PAIRS = 40", "MAX_PAIRS under [tool.afml.gates] in {file} is not known; write max-p"),
        ("pause = 1", "pause under [tool.afml.gates] in {file} is not known; write pause-seconds"),
        (
            "limit = 1.05",
            "limit under [tool.afml.gates] in {file} is of no gate; write the gate's name, as "
            "labels = 1.05",
        ),
        ("labels = 1\nlabels = 2", "{file} is not valid TOML"),
    ],
)
def test_an_error_names_the_key_and_what_it_may_be(tmp_path: Path, text: str, words: str) -> None:
    file = section(tmp_path, text)
    with pytest.raises(LimitError) as error:
        read_limits(file)
    assert words.format(file=file) in str(error.value)


@pytest.mark.parametrize(
    "name", ["max pairs of a book", "seconds", "pairs", "limits", "limit order", "pauses"]
)
def test_a_gate_may_have_a_name_that_only_reminds_of_a_setting(tmp_path: Path, name: str) -> None:
    assert read_limits(section(tmp_path, f'"{name}" = 1.05\n')).of(name).limit == 1.05


def test_a_name_that_is_too_near_to_a_setting_can_be_had_as_a_table(tmp_path: Path) -> None:
    limits = read_limits(section(tmp_path, '"max pair" = { limit = 1.05 }\n'))
    assert limits.of("max pair").limit == 1.05


def test_a_section_that_is_no_table_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.afml]\ngates = 1.05\n")
    with pytest.raises(LimitError, match=r"gates of \[tool.afml.gates\] in .* is no table"):
        read_limits(file)


@pytest.mark.parametrize("text", [None, "", "labels = 1.05\nfit = 2\n"])
def test_a_gate_without_a_limit_is_told_the_line_to_add(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "pyproject.toml" if text is None else section(tmp_path, text)
    there = "fit, labels" if text else "none"
    with pytest.raises(LimitError) as error:
        read_limits(file).of("warm hit")
    assert str(error.value) == (
        f"gate 'warm hit' has no limit; add one under [tool.afml.gates] in {file}, as "
        f'"warm hit" = 1.05 (limits there: {there})'
    )
