"""What came of a verified migration, for machines: ``migration-report.json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from codemods.migration.recorded import Calls
from codemods.migration.shown import in_words
from codemods.migration.told import Report, Row

FORMAT = "afml-codemod migration"
VERSION = 1


def document(report: Report) -> dict[str, Any]:
    """The report as JSON can hold it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": report.id,
        "root": report.root,
        "command": report.command,
        "outcome": report.outcome,
        "proven": report.proven,
        "strict": report.strict,
        "exit_code": report.code,
        "in_words": in_words(report),
        "criteria": [
            {
                "name": one.name,
                "holds": one.holds,
                "measured": one.told,
                "faults": [{"function": f.function or None, "what": f.what} for f in one.faults],
                "gaps": [asdict(gap) for gap in one.gaps],
            }
            for one in report.criteria
        ],
        "functions": [_row(row) for row in report.rows],
        "diff": list(report.diff),
        "uncovered": list(report.uncovered),
        "seconds": dict(report.seconds or {}),
        "notes": list(report.notes),
        "migration": report.migration,
    }


def _row(row: Row) -> dict[str, Any]:
    recheck = None
    if row.recheck is not None:
        speed = row.recheck.speed
        recheck = {
            "verdict": row.recheck.verdict,
            "unpaired": row.recheck.unpaired,
            "called_with": row.recheck.called_with,
            "what": list(row.recheck.what),
            # JSON has no infinity
            "speed": speed
            and {k: None if v == float("inf") else v for k, v in asdict(speed).items()},
        }
    return {
        "path": row.path,
        "function": row.function,
        "from": row.old,
        "to": row.new,
        "became": row.became,
        "why": list(row.why),
        "seconds": row.seconds,
        "predicted_hit_rate": row.predicted,
        "before": _calls(row.before),
        "after": _calls(row.after),
        "recheck": recheck,
        "proof": row.proven and asdict(row.proven),
    }


def _calls(calls: Calls | None) -> dict[str, Any] | None:
    if calls is None:
        return None
    return {
        "hits": calls.hits,
        "adopted": calls.adopted,
        "computed": calls.computed,
        "hit_rate": calls.hit_rate,
        "compute_seconds": calls.compute_seconds,
        "hit_seconds": calls.hit_seconds,
        "reasons": dict(calls.reasons),
    }
