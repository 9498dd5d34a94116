"""What holds for every notebook, however its JSON is written."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from codemods.edits import Edit, inverse, splice
from codemods.journal import FileRecord
from codemods.plan import Plan, digest, plan
from codemods.plan_notebook import plan_notebook
from codemods.undo_notebook import undo_notebook

PACKAGE = ("quant", "research")

# ------------------------------------------------------------------ notebooks

PYTHON = [
    "from afml.cache import cacheable",
    "from afml.cache import cacheable\n",
    "from afml.cache import (\n    auto_cacheable,  # ä\n    cacheable,\n    smart_cacheable,\n)",
    "from afml.cache.selective_cleaner import smart_cacheable, clear",
    "import afml.cache as c, os",
    "from afml.cache import cacheable as cc\nimport os",
    "if x:\n    from afml.cache import cacheable, auto_cacheable\nelse:\n    pass",
    "from afml.cache import cacheable\nfrom afml.cache import robust_cacheable",
    "@cacheable\ndef f(x):\n    return 'Größe \"\\n\" 😀'\n",
    "@cacheable\ndef g(start, end):\n    return 1",
    "@c.cacheable\ndef h(x):\n\treturn x\n\n\n",
    "@cc  # afml: keep\ndef i(x): ...",
    "@cc\ndef j(frame: pd.DataFrame): ...",
    "@smart_cacheable()\n@other\ndef k(x): ...",
    "@auto_cacheable\nasync def k(x): ...\nawait k(1)",
    "x = cacheable(y)",
    "plot(x);",
    "",
    "# source\n",
]
OTHERWISE = [
    "%load_ext autoreload\n%autoreload 2\nimport pandas as pd",
    "%time x = cacheable(f)(1)",
    "files = !ls *.csv\n@cacheable\ndef l(x):\n    !echo {x}\n    return x",
    "%%time\n@cacheable\ndef m(x): ...",
    "%%bash\ngrep cacheable *",
    "@cacheable\ndef n(x:\n",
    "cacheable?",
    "pip install afml-cache",
]


@st.composite
def notebooks(draw: st.DrawFn, texts: list[str]) -> tuple[list[bytes], list[bytes], list[str]]:
    """The bytes around the sources of code cells, these sources, and their texts."""
    rng = draw(st.randoms(use_true_random=False))
    cells: list[dict[str, Any]] = []
    written: list[str] = []
    newline = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"]))
    for text in draw(st.lists(st.sampled_from(texts), min_size=1, max_size=7)):
        if rng.random() < 0.3:
            cells.append({"cell_type": "markdown", "source": ["@cacheable\n", "source"]})
        output = {"source": "@cacheable", "data": {"text/plain": ["cacheable"], "x": [1.5e3]}}
        cell = {"cell_type": "code", "metadata": {"source": ["@cacheable"]}, "outputs": [output]}
        cell |= {"source": f"@@{len(written)}@@", "execution_count": None}
        names = list(cell)
        rng.shuffle(names)
        cells.append({name: cell[name] for name in names})
        written.append(text.replace("\n", newline))
    indent = draw(st.sampled_from([None, 0, 1, 2, "\t"]))
    ascii_only = draw(st.booleans())
    whole = {"cells": cells, "metadata": {"source": "é"}, "nbformat": 4, "nbformat_minor": 4}
    frame = json.dumps(whole, indent=indent, ensure_ascii=ascii_only)
    frame += draw(st.sampled_from(["", "\n"]))
    frame = frame.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    between = re.split(rb'"@@\d+@@"', mark + frame.encode())
    style = draw(st.sampled_from(["string", "lines", "mixed"]))
    sources = []
    for text in written:
        source: str | list[str] = text
        if style != "string" and (style == "lines" or rng.random() < 0.7):
            source = text.splitlines(keepends=True)
        if style == "mixed" and isinstance(source, list) and rng.random() < 0.7:
            cuts = sorted(rng.randint(0, len(text)) for _ in range(rng.randint(0, 4)))
            source = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        kind = rng.choice([None, 1, 4])
        sources.append(json.dumps(source, indent=kind, ensure_ascii=ascii_only).encode())
    return between, sources, written


def together(between: list[bytes], sources: list[bytes]) -> bytes:
    rest = zip(sources, between[1:], strict=True)
    return between[0] + b"".join(source + after for source, after in rest)


def code(data: bytes) -> list[str]:
    """The texts of the code cells, read as anybody would."""
    cells = json.loads(data.decode("utf-8-sig"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def ended(text: str, newline: str) -> str:
    return text + newline * (bool(text) and not text.endswith("\n"))


def one_file(texts: list[str], newline: str) -> bytes:
    return "".join(ended(text, newline) for text in texts).encode()


def check_bytes(between: list[bytes], data: bytes, found: Plan) -> bytes:
    """Only sources of code cells differ, once is enough, and back is where we were."""
    after = found.carry_out(data)
    assert re.fullmatch(b".*".join(map(re.escape, between)), after, re.DOTALL)
    before, now = (json.loads(d.decode("utf-8-sig")) for d in (data, after))
    assert len(now["cells"]) == len(before["cells"])
    for old, new in zip(before["cells"], now["cells"], strict=True):
        if old["cell_type"] == "code":
            assert type(old.pop("source")) is type(new.pop("source"))
    assert before == now
    assert not plan_notebook(after, PACKAGE).edits
    assert splice(after, inverse(found.edits)) == data
    assert not any(finding.code == "not-lossless" for finding in found.findings)
    return after


@settings(max_examples=150, deadline=None)
@given(notebooks(PYTHON))
def test_notebook_is_migrated_as_the_file_that_its_cells_make(
    notebook: tuple[list[bytes], list[bytes], list[str]],
) -> None:
    between, sources, written = notebook
    data = together(between, sources)
    found = plan_notebook(data, PACKAGE)
    after = check_bytes(between, data, found)
    newline = "\r\n" if any("\r\n" in text for text in written) else "\n"
    file = one_file(written, newline)
    starts = [one_file(written[:n], newline).count(b"\n") + 1 for n in range(len(written))]
    expected = plan(file, PACKAGE, cells=starts)
    assert one_file(code(after), newline) == expected.carry_out(file)
    assert [r.function for r in found.rewrites] == [r.function for r in expected.rewrites]
    assert [f.code for f in found.findings] == [f.code for f in expected.findings]
    for rewrite in found.rewrites:  # in the cell, at the line that was said
        counted = json.loads(data.decode("utf-8-sig"))["cells"]
        text = "".join(counted[rewrite.cell - 1]["source"])
        assert text.splitlines()[rewrite.line - 1].startswith("@")


@settings(max_examples=100, deadline=None)
@given(notebooks(PYTHON + OTHERWISE))
def test_magics_and_other_languages_stay_as_they_are(
    notebook: tuple[list[bytes], list[bytes], list[str]],
) -> None:
    between, sources, _ = notebook
    data = together(between, sources)
    found = plan_notebook(data, PACKAGE)
    after = check_bytes(between, data, found)
    for old, new in zip(code(data), code(after), strict=True):
        if old.startswith(("%%bash", "@cacheable\ndef n(x:")):
            assert new == old
        for line in old.splitlines():
            if line.strip().startswith(("%", "!", "pip")) or "= !" in line:
                assert line in new.splitlines()


@settings(max_examples=100, deadline=None)
@given(notebooks(PYTHON + OTHERWISE), st.data())
@example(([b'{"cells": [{"cell_type": "code", "source": ', b"}]}"], [b'[""]'], [""]), None)
def test_notebook_that_was_saved_otherwise_is_undone_in_its_cells_alone(
    notebook: tuple[list[bytes], list[bytes], list[str]], data: st.DataObject | None
) -> None:
    between, sources, _ = notebook
    before = together(between, sources)
    found = plan_notebook(before, PACKAGE)
    after = found.carry_out(before)
    saved = json.loads(after.decode("utf-8-sig"))
    for cell in saved["cells"]:
        cell["outputs"] = [{"text": "ran @robust_cacheable"}]
        if data is not None and isinstance(cell["source"], str) and data.draw(st.booleans()):
            cell["source"] = cell["source"].splitlines(keepends=True)
    now = json.dumps(saved, indent=3, ensure_ascii=not after.isascii()).encode()
    edits: tuple[Edit, ...] = found.edits
    record = FileRecord("a.ipynb", 0o644, digest(before), digest(after), found.rewrites, edits)
    undone, conflicts = undo_notebook(record, before, now, PACKAGE)
    assert conflicts == []
    assert code(undone) == code(before)
    restored = json.loads(undone)
    for one, other in zip(restored["cells"], saved["cells"], strict=True):
        assert {**one, "source": 0} == {**other, "source": 0}
