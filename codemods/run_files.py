"""Files that another file runs in its own namespace: ``%run setup.py``, ``exec(open(...))``.

What a file that is run so has imported is bound in whoever runs it, without any import there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

_RUN = re.compile(
    rb"%run\b(?P<magic>[^\r\n\"\\]*)"
    rb"|\b(?:exec|execfile|run_path)[ \t]*\((?P<call>[^\r\n]*)"
    rb"|\brun_module[ \t]*\([ \t]*[\"'](?P<module>[\w.]+)"
)
_NAMED = re.compile(rb"[\w./\\~-]+\.(?:py|ipynb)\b")
_BARE = re.compile(rb"(?:[ \t]+-[a-zA-Z]+\b)*[ \t]+(?P<name>[\w./\\~-]+)")


def run_files(data: bytes) -> Iterator[tuple[int, str, str]]:
    """The files that are run: the line, how it is written, and the last part of the name.

    >>> list(run_files(b"x = 1\\n%run -i lib/setup.py\\n"))
    [(2, '%run -i lib/setup.py', 'setup.py')]
    """
    for match in _RUN.finditer(data):
        if match["module"]:
            names = [match["module"].rpartition(b".")[2] + b".py"]
        else:
            names = _NAMED.findall(match["magic"] or match["call"] or b"")
            bare = _BARE.match(match["magic"] or b"")
            if not names and bare is not None:  # %run takes `setup` for `setup.py`
                names = [bare["name"] + b".py"]
        line = data.count(b"\n", 0, match.start()) + 1
        shown = " ".join(match[0].decode("utf-8", "replace").split())
        for name in names:
            path = name.decode("utf-8", "replace").replace("\\", "/")
            yield line, shown, PurePosixPath(path).name
