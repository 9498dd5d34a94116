"""``plan --format sarif``: what a code-scanning view shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codemods.files import Tree
from codemods.findings import Code
from codemods.rules import Rules
from codemods.runner import Failure, Survey
from codemods.sarif import as_sarif

CODE = """\
é = 1
from afml.cache import cacheable


@cacheable
def f(x): ...


g = cacheable(f)
"""


@pytest.fixture
def log(tmp_path: Path, afml_codemod) -> dict:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "my code.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("# cacheable\n(\n")
    done = afml_codemod("plan", "--format", "sarif", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_functions_and_what_is_left_are_results_with_their_places(log):
    (run,) = log["runs"]
    found = [
        (
            result["ruleId"],
            result["level"],
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            result["locations"][0]["physicalLocation"]["region"],
        )
        for result in run["results"]
    ]
    assert found == [
        ("syntax-error", "note", "broken.py", {"startLine": 2, "startColumn": 1}),
        ("legacy-decorator", "warning", "my%20code.py", {"startLine": 5, "startColumn": 1}),
        ("value-use", "note", "my%20code.py", {"startLine": 9, "startColumn": 5}),
    ]


def test_every_rule_is_described(log):
    rules = {rule["id"]: rule for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert set(rules) == {"legacy-decorator", *Code}
    assert all(rule["shortDescription"]["text"].endswith(".") for rule in rules.values())


def test_fix_is_the_migration_itself(log, tmp_path, afml_codemod):
    (fixed,) = [result for result in log["runs"][0]["results"] if "fixes" in result]
    (change,) = fixed["fixes"][0]["artifactChanges"]
    data = bytearray((tmp_path / "my code.py").read_bytes())
    for replacement in sorted(
        change["replacements"], key=lambda r: -r["deletedRegion"]["byteOffset"]
    ):
        start = replacement["deletedRegion"]["byteOffset"]
        end = start + replacement["deletedRegion"]["byteLength"]
        data[start:end] = replacement["insertedContent"]["text"].encode()
    assert afml_codemod("apply", cwd=tmp_path).returncode == 0
    assert bytes(data) == (tmp_path / "my code.py").read_bytes()


def test_file_that_failed_is_a_notification(tmp_path):
    tree = Tree(tmp_path, (), in_git=False)
    found = Survey(tree, Rules(), (), (Failure("labels.py", "Permission denied"),))
    (invocation,) = json.loads(as_sarif(found))["runs"][0]["invocations"]
    assert not invocation["executionSuccessful"]
    (told,) = invocation["toolExecutionNotifications"]
    assert told["message"]["text"] == "Permission denied"
    where = told["locations"][0]["physicalLocation"]["artifactLocation"]
    assert where == {"uri": "labels.py", "uriBaseId": "SRCROOT"}
