"""What the codemods read: the recorded statistics of each function, in a format with a version.

The format is described in ``docs/codemods.md``; ``codemods/evidence.py`` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from afml_cache.monitoring.figures import FunctionCacheStats
from afml_cache.monitoring.patterns import asked

FORMAT, VERSION = "afml-cache evidence", 1


def evidence_of(stats: Sequence[FunctionCacheStats]) -> bytes:
    """The functions whose calls asked the cache, as JSON."""
    functions = [_recorded(one) for one in stats if asked(one)]
    document = {"format": FORMAT, "version": VERSION, "functions": functions}
    return json.dumps(document, indent=1, allow_nan=False).encode() + b"\n"


def _recorded(one: FunctionCacheStats) -> dict[str, Any]:
    misses = asked(one) - one.cache_hits
    average = one.avg_compute_s
    return {
        "function": one.function_name,
        "calls": asked(one),
        "hits": one.cache_hits,
        "misses": misses,
        "compute_seconds": None if average is None else average * misses,
        "robust_hit_rate": one.robust_hit_rate,
    }
