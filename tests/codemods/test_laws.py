"""What holds for every module: once is enough, back is where we were, nothing else moves."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codemods.edits import inverse, smallest, splice
from codemods.imports import change
from codemods.plan import plan
from codemods.rules import Rules
from codemods.source import Source, Unreadable

NEW = {"robust_cacheable", "time_aware_cacheable"}

# ------------------------------------------------------------------ modules

imports = st.sampled_from(
    [
        "from afml.cache import cacheable",
        "from afml.cache import cacheable, smart_cacheable, stats",
        "from afml.cache import (\n    auto_cacheable,  # auto\n    cacheable,\n    # more\n)",
        "from ..cache import cacheable as smart_cacheable",
        "from ..cache.selective_cleaner import clear_changed, smart_cacheable",
        "import afml.cache as c, os",
        "import afml.cache",
        "from afml import cache as c; import sys",
        "from afml.cache import robust_cacheable",
        "from afml.cache import time_aware_cacheable as cacheable",
        "from other import cacheable",
        "from afml.cache import *",
        "import pandas as pd",
        "try:\n    from afml.cache import cacheable\nexcept ImportError:\n"
        "    def cacheable(f): return f",
        "if TYPE_CHECKING:\n    from afml.cache import cacheable, auto_cacheable",
    ]
)
decorators = st.sampled_from(
    ["@cacheable", "@smart_cacheable()", "@c.cacheable", "@afml.cache.auto_cacheable", "@other",
     "@(cacheable)", "@cacheable(x=1)", "@auto_cacheable", "@cacheable # afml: keep",
     "@robust_cacheable", "@c.selective_cleaner.smart_cacheable"]
)  # fmt: skip
signatures = st.sampled_from(
    ["x", "start, end", "frame: pd.DataFrame", "self, *, x=1", "cacheable"]
)
statements = st.sampled_from(
    ["x = cacheable(y)", "del cacheable", "robust_cacheable = 1", "__all__ = ['cacheable']",
     "x = [cacheable for cacheable in y]", "global cacheable", "print('é', cacheable)", "pass"]
)  # fmt: skip


def indented(text: str, by: str) -> str:
    return "\n".join(by + line if line.strip() else line for line in text.split("\n"))


@st.composite
def functions(draw: st.DrawFn, depth: int = 0) -> str:
    lines = draw(st.lists(decorators, max_size=2))
    keyword = draw(st.sampled_from(["def", "async def"]))
    lines.append(f"{keyword} {draw(st.sampled_from('fgh'))}({draw(signatures)}):")
    body = draw(st.lists(bodies(depth + 1), min_size=1, max_size=3))
    return "\n".join([*lines, *(indented(part, "    ") for part in body)])


@st.composite
def classes(draw: st.DrawFn, depth: int = 0) -> str:
    body = draw(st.lists(bodies(depth + 1), min_size=1, max_size=3))
    return "\n".join(["class A:", *(indented(part, "  ") for part in body)])


def bodies(depth: int) -> st.SearchStrategy[str]:
    simple = st.one_of(imports, statements)
    if depth > 2:
        return simple
    return st.one_of(simple, functions(depth), classes(depth))


@st.composite
def modules(draw: st.DrawFn) -> bytes:
    parts = draw(st.lists(imports, max_size=3)) + draw(st.lists(bodies(0), max_size=5))
    newline = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = "\n".join(parts) + draw(st.sampled_from(["", "\n"]))
    return text.replace("\n", newline).encode()


def skeleton(data: bytes) -> str:
    """The tree without decorators and without the statements that import."""
    tree = Source(data).tree
    for node in ast.walk(tree):
        if hasattr(node, "decorator_list"):
            node.decorator_list = []
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                kept = [
                    s for s in block if not isinstance(s, ast.Import | ast.ImportFrom | ast.Pass)
                ]
                setattr(node, name, kept)
    return ast.dump(tree)


@settings(max_examples=300, deadline=None)
@given(modules())
@example(
    b"from afml.cache import cacheable\n@cacheable\ndef f(x): ...\n"
    b"from afml.cache import cacheable\nfrom afml.cache import cacheable"
)
@example(
    b"from afml.cache import cacheable\n@cacheable\n@cacheable\ndef f(x):\n"
    b"    from other import cacheable\n"
)
@example(
    b"from afml.cache import cacheable\n@cacheable\ndef f(x): ...\n"
    b"@cacheable\n@robust_cacheable\ndef f(x): ...\n"
)
@example(
    b"from afml.cache import auto_cacheable, cacheable\nx = cacheable(y)\nrobust_cacheable = 1\n"
    b"@cacheable\n@auto_cacheable\ndef f(x): ...\n"
)
@example(
    b"from afml.cache import cacheable\nfrom afml.cache import *\n@cacheable\n"
    b"@smart_cacheable()\ndef f(x):\n    from afml.cache import cacheable"
)
def test_the_rewrite_of_any_module(data: bytes) -> None:
    package = ("afml", "features")
    found = plan(data, package)
    assert not any(finding.code == "not-lossless" for finding in found.findings)
    after = found.carry_out(data)
    try:
        before = skeleton(data)
    except Unreadable:
        assert after == data
        return
    assert skeleton(after) == before
    again = plan(after, package)
    assert again.edits == ()
    assert splice(after, inverse(found.edits)) == data
    if found.rewrites:
        assert any(name.encode() in after for name in NEW)


def test_a_plan_is_the_same_every_time() -> None:
    data = (
        b"from afml.cache import auto_cacheable, cacheable, smart_cacheable\n"
        b"@cacheable\ndef f(start, end): ...\n@auto_cacheable\ndef g(x): ...\n"
        b"@smart_cacheable\ndef h(x): ...\n"
    )
    assert len({plan(data) for _ in range(100)}) == 1


@settings(max_examples=200, deadline=None)
@given(modules())
def test_applications_too_are_rewritten_once_and_for_all(data: bytes) -> None:
    package, rules = ("afml", "features"), Rules(call_forms=True)
    found = plan(data, package, rules)
    assert not any(finding.code == "not-lossless" for finding in found.findings)
    after = found.carry_out(data)
    assert plan(after, package, rules).carry_out(after) == after


@settings(max_examples=200, deadline=None)
@given(modules())
@example(
    b"from afml.cache import time_aware_cacheable as cacheable\nimport afml.cache as c, os\n"
    b"@c.cacheable\ndef f(x):\n    from afml.cache import cacheable\nclass A:\n"
    b"  from afml.cache import *\n  @smart_cacheable()\n  def f(x):\n"
    b"      from afml.cache import cacheable"
)
def test_there_and_back_without_a_journal_leaves_no_new_decorator_of_the_migration(
    data: bytes,
) -> None:
    package, back = ("afml", "features"), Rules(to="cacheable")
    after = plan(data, package).carry_out(data)
    found = plan(after, package, back)
    assert not any(finding.code == "not-lossless" for finding in found.findings)
    reverted = found.carry_out(after)
    assert skeleton(reverted) == skeleton(data)
    assert plan(reverted, package, back).carry_out(reverted) == reverted


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(modules())
def test_backwards_for_the_functions_that_were_rewritten(data: bytes) -> None:
    package = ("afml", "features")
    found = plan(data, package)
    after = found.carry_out(data)
    back = {rewrite.function: rewrite.old for rewrite in found.rewrites}
    undone = plan(after, package, Rules(back=back))
    assert not any(finding.code == "not-lossless" for finding in undone.findings)
    if found.rewrites:
        assert skeleton(undone.carry_out(after)) == skeleton(data)


# ------------------------------------------------------------------ lists of names

NAMES = ["alpha", "Beta", "CONST", "cacheable", "gamma as g", "zeta", "_private", "stats as s"]
styles = st.sampled_from(["row", "column", "bare column", "mixed", "backslash", "commented"])


@st.composite
def lists(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    if draw(st.booleans()):
        names.sort(key=str.lower)
    form = {
        "row": ", ".join(names),
        "column": "(\n" + "".join(f"    {name},\n" for name in names) + ")",
        "bare column": "(\n    " + ",\n    ".join(names) + "\n)",
        "mixed": "(" + ", ".join(names[:2]) + "".join(f",\n    {n}" for n in names[2:]) + ")",
        "backslash": ", \\\n  ".join(names),
        "commented": "(\n" + "".join(f"  # over {n}\n  {n},  # by {n}\n" for n in names) + ")",
    }[draw(styles)]
    return f"from m import {form}".encode(), names


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(lists(), st.data())
def test_any_change_to_any_list_of_names(statement: tuple[bytes, list[str]], data: st.DataObject):
    text, names = statement
    add = data.draw(st.lists(st.sampled_from(sorted(NEW)), max_size=2, unique=True))
    remove = data.draw(st.sets(st.integers(0, len(names) - 1)))
    if len(remove) == len(names) and not add:
        remove.pop()
    beside = data.draw(st.integers(0, len(names) - 1))
    result = change(text, remove=remove, add=[a.encode() for a in add], beside=beside)
    kept = [name for number, name in enumerate(names) if number not in remove]
    found = ast.unparse(ast.parse(result)).removeprefix("from m import ").split(", ")
    assert sorted(found) == sorted(kept + add)
    assert [name for name in found if name in kept] == kept
    for name in kept:
        for comment in (f"# over {name}\n", f"# by {name}\n"):
            assert (comment.encode() in text) == (comment.encode() in result)
    if names == sorted(names, key=str.lower) and len(names) > 1 and b"#" not in text:
        assert found == sorted(found, key=str.lower)
    assert text.count(b"\\") >= result.count(b"\\")
    assert not any(line != line.rstrip() for line in result.decode().split("\n"))


@given(st.binary(max_size=30), st.binary(max_size=30), st.integers(0, 5))
def test_smallest_edits_lead_from_one_to_the_other(old: bytes, new: bytes, start: int) -> None:
    data = b"#" * start + old + b"#"
    edits = smallest(start, old, new, "")
    assert splice(data, edits) == b"#" * start + new + b"#"
    assert splice(splice(data, edits), inverse(edits)) == data


# ------------------------------------------------------------------ real code

#: The Pythons whose standard library is read: the running one, and others that are at hand.
PYTHONS = ["running", "python3.11", "python3.12", "python3.13"]


@pytest.fixture(params=PYTHONS)
def standard_library(request: pytest.FixtureRequest) -> list[Path]:
    """The files of one standard library."""
    found = sys.executable if request.param == "running" else shutil.which(request.param)
    if found is None:
        pytest.skip(f"{request.param} is not installed")
    asked = "import sysconfig; print(sysconfig.get_paths()['stdlib'])"
    done = subprocess.run([found, "-c", asked], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{request.param} does not start")
    top = Path(done.stdout.strip())
    if request.param != "running" and top == Path(sysconfig.get_paths()["stdlib"]):
        pytest.skip(f"{request.param} is the running one")
    files = [p for p in sorted(top.rglob("*.py")) if "site-packages" not in p.parts]
    if request.param != "running" and len(files) < 500:
        pytest.skip(f"{request.param} comes without its sources")
    return files


def test_the_whole_standard_library_goes_through_untouched(standard_library: list[Path]) -> None:
    for file in standard_library:
        assert not plan(file.read_bytes()).edits


@pytest.mark.slow
def test_every_module_of_the_standard_library_can_be_migrated_and_taken_back(
    standard_library: list[Path],
) -> None:
    """The parser and the splices meet all that real files contain, newer syntax included."""
    tail = b"\n\nfrom afml.cache import cacheable\n\n\n@cacheable\ndef seeded(x): ...\n"
    changed = 0
    for file in standard_library[::4]:
        data = file.read_bytes() + tail
        found = plan(data)
        after = found.carry_out(data)
        if not found.edits:
            codes = {finding.code.value for finding in found.findings}
            assert codes <= {"syntax-error", "undecodable", "too-deep"}, file
            continue
        assert after == data[: -len(tail)] + tail.replace(b"cacheable", b"robust_cacheable")
        changed += 1
    assert changed > len(standard_library) / 5
