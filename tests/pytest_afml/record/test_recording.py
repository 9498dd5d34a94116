"""The file of a recording: the same run is the same text, and a foreign one is refused in words."""

from __future__ import annotations

import json

import pytest

from pytest_afml.record import Recording, RecordingError, read, write
from pytest_afml.record.recording import Seen, Test

ONE = Recording(
    made_with={"python": "3.11.7"},
    tests={
        "u": Test("failed", {}),
        "t": Test(
            "passed", {"m.f": Seen(1, 0, 1, 0.1, 0.2, {"code": 1}, {"b" * 32: 1, "a" * 32: 1})}
        ),
    },
    values={"b" * 32: {"type": "int"}, "a" * 32: {"type": "int"}},
)


def test_what_is_written_is_read(tmp_path):
    write(ONE, tmp_path / "deep" / "one.json")
    assert read(tmp_path / "deep" / "one.json") == ONE
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["one.json"]


def test_the_text_has_one_order(tmp_path):
    write(ONE, tmp_path / "one.json")
    write(read(tmp_path / "one.json"), tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert list(json.loads((tmp_path / "one.json").read_text())["tests"]) == ["t", "u"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("{", "it is not JSON"),
        ("[]", "no recording of --afml-record"),
        ('{"format": "afml-cache recording", "version": 9}', "version 9; this afml-cache reads"),
        ('{"format": "afml-cache recording", "version": 1}', "a damaged recording"),
    ],
)
def test_what_is_no_recording_is_refused_in_words(tmp_path, text, message):
    path = tmp_path / "one.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RecordingError, match=message):
        read(path)
