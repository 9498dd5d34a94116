"""``python -m afml_cache.pin_applied``: keep the sources of a project whose migration was applied.

Nothing is imported or run. It reads JSON (``{"root": ..., "files": [...]}``, paths relative to the
root) and writes JSON (``{"files": number}``).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from afml_cache.adoption import snapshots
from afml_cache.adoption.records import Records
from afml_cache.store.active import active


def main() -> int:
    """Take the snapshot into the active store's records."""
    request = json.load(sys.stdin)
    root = Path(request["root"])
    number = snapshots.take(Records(active()), [root / file for file in request["files"]])
    json.dump({"files": number}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
