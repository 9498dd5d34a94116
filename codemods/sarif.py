"""A plan as SARIF 2.1.0, the format that code-scanning views read.

Every function that can be migrated and everything that is left alone is a result with a place;
a migration carries its edits as a fix. A file that failed is a notification of the run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from codemods.findings import DECORATOR_REMAINS, MEANINGS, Code, Finding, place
from codemods.show import why

if TYPE_CHECKING:
    from codemods.edits import Edit
    from codemods.runner import Planned, Survey

#: The rule that every migration is a result of; all other rules are reason codes.
MIGRATE = "legacy-decorator"

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(found: Survey) -> str:
    """The whole of a survey as one SARIF log.

    Parameters
    ----------
    found : Survey
        What a run would do. Paths become URIs relative to the root of the repository.
    """
    results = [result for entry in found.planned for result in _results(entry)]
    driver = {"name": "afml-codemod", "version": _version(), "rules": list(_rules())}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"uri": found.tree.root.as_uri() + "/"}},
        "invocations": [
            {
                "executionSuccessful": not found.failures,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": failure.text},
                        "locations": [
                            {"physicalLocation": {"artifactLocation": _at(failure.path)}}
                        ],
                    }
                    for failure in found.failures
                ],
            }
        ],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _version() -> str:
    try:
        return version("afml-cache")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"


def _rules() -> Iterator[dict[str, Any]]:
    yield {
        "id": MIGRATE,
        "shortDescription": {"text": "A legacy cache decorator that can be migrated."},
        "defaultConfiguration": {"level": "warning"},
    }
    for code, meaning in MEANINGS.items():
        yield {
            "id": code.value,
            "shortDescription": {"text": f"Left alone: {meaning}."},
            "defaultConfiguration": {"level": _level(code)},
        }


def _level(code: Code) -> str:
    return "warning" if code in DECORATOR_REMAINS else "note"


def _results(entry: Planned) -> Iterator[dict[str, Any]]:
    for number, rewrite in enumerate(entry.plan.rewrites):
        text = f"@{rewrite.old} on {rewrite.function} can become @{rewrite.new}: {why(rewrite)}."
        result: dict[str, Any] = {
            "ruleId": MIGRATE,
            "level": "warning",
            "message": {"text": text},
            "locations": [_place(entry.path, rewrite.line, cell=rewrite.cell)],
        }
        if number == 0:  # the edits of a file belong together: an import serves all its functions
            result["fixes"] = [_fix(entry.path, entry.plan.edits)]
        yield result
    for finding in entry.plan.findings:
        yield _left(entry.path, finding)


def _left(path: str, finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.code.value,
        "level": _level(finding.code),
        "message": {"text": finding.text},
        "locations": [_place(path, finding.line, finding.column, finding.cell)],
    }


def _place(path: str, line: int, column: int = 1, cell: int = 0) -> dict[str, Any]:
    if cell:  # a line of a cell is none of the file
        where = {"name": place(line, cell), "kind": "member"}
        return {"physicalLocation": {"artifactLocation": _at(path)}, "logicalLocations": [where]}
    region = {"startLine": line, "startColumn": column}
    return {"physicalLocation": {"artifactLocation": _at(path), "region": region}}


def _at(path: str) -> dict[str, Any]:
    return {"uri": quote(os.fsencode(path)), "uriBaseId": "SRCROOT"}


def _fix(path: str, edits: tuple[Edit, ...]) -> dict[str, Any]:
    replacements = [
        {
            "deletedRegion": {"byteOffset": edit.start, "byteLength": edit.end - edit.start},
            "insertedContent": {"text": edit.new.decode("utf-8", "replace")},
        }
        for edit in edits
    ]
    changes = [{"artifactLocation": _at(path), "replacements": replacements}]
    return {
        "description": {"text": "Migrate the decorators of this file."},
        "artifactChanges": changes,
    }
