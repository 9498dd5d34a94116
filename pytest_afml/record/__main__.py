"""``python -m pytest_afml.record BEFORE AFTER``: what has changed between two recordings, as JSON.

For tools that drive whole runs, and that may be at home in another environment than the tests:
the exit code says whether the recordings could be compared, the document what was found.
"""

from __future__ import annotations

import json
import sys

from pytest_afml.record.compare import compare
from pytest_afml.record.file import read_recording
from pytest_afml.record.recording import RecordingError
from pytest_afml.record.words import Told, sentences

FORMAT = "afml-record comparison"
VERSION = 1

USAGE, DONE, FAILED = 2, 0, 3


def main(arguments: list[str]) -> int:
    """Compare two files and print what has changed.

    Returns
    -------
    int
        0: they were compared, whatever was found. 2: usage. 3: they cannot be compared.
    """
    if len(arguments) != 2:
        print("usage: python -m pytest_afml.record BEFORE AFTER", file=sys.stderr)
        return USAGE
    try:
        before, after = (read_recording(path) for path in arguments)
        found = compare(before, after)
    except RecordingError as error:
        print(f"{' and '.join(arguments)} cannot be compared: {error}", file=sys.stderr)
        return FAILED
    document = {"format": FORMAT, "version": VERSION, **found.plain()}
    document["sentences"] = sentences(Told(found, before, after))
    print(json.dumps(document, indent=1))
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
