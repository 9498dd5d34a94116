"""Notebooks: code cells are migrated as one file, and the JSON around them stays as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from codemods.plan import Plan
from codemods.plan_notebook import plan_notebook
from codemods.rules import Rules

Cells = Sequence[str]
IMPORT = "from afml.cache import cacheable"
F = "@cacheable\ndef f(x):\n    return x"
NEW_IMPORT = "from afml.cache import robust_cacheable"
BOTH = "from afml.cache import cacheable, robust_cacheable"
NEW_F = "@robust_cacheable\ndef f(x):\n    return x"


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def notebook(*cells: str, metadata: dict[str, Any] | None = None, **style: Any) -> bytes:
    """As Jupyter writes it: a string a line, indented by one space, not only ASCII."""
    every = [
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "outputs": [],
            "source": lines(cell),
        }
        if not cell.startswith("# Text")
        else {"cell_type": "markdown", "metadata": {}, "source": lines(cell)}
        for cell in cells
    ]
    whole = {"cells": every, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 4}
    return (json.dumps(whole, **{"indent": 1, "ensure_ascii": False} | style) + "\n").encode()


def check(before: Cells, after: Cells, *, left: Sequence[str] = (), **how: Any) -> Plan:
    """The cells become others; findings are shown as ``cell 1:2: code``."""
    data = notebook(*before)
    found = plan_notebook(data, ("quant",), Rules(), **how)
    assert found.carry_out(data).decode() == notebook(*after).decode()
    assert [f"cell {f.cell}:{f.line}: {f.code}" for f in found.findings] == list(left)
    assert not plan_notebook(notebook(*after), ("quant",), Rules(), **how).edits
    return found


def noop(*cells: str, left: Sequence[str] = (), **how: Any) -> Plan:
    return check(cells, cells, left=left, **how)


# ------------------------------------------------------------------ cells


def test_import_in_one_cell_decorator_in_another() -> None:
    found = check([IMPORT, "# Text @cacheable", F], [NEW_IMPORT, "# Text @cacheable", NEW_F])
    (rewrite,) = found.rewrites
    assert (rewrite.cell, rewrite.line, rewrite.function) == (3, 1, "f")


def test_places_are_those_of_the_cell() -> None:
    found = check(
        [f"{IMPORT}\nimport os", f"\n\n{F}\nx = cacheable(1)"],
        [f"{BOTH}\nimport os", f"\n\n{NEW_F}\nx = cacheable(1)"],
        left=["cell 2:6: value-use"],
    )
    assert [(r.cell, r.line) for r in found.rewrites] == [(2, 3)]
    assert found.findings[0].at("a.ipynb").startswith("a.ipynb:cell 2:6:5: value-use: cacheable")


def test_function_may_be_defined_again_in_another_cell() -> None:
    check([IMPORT, F, F], [NEW_IMPORT, NEW_F, NEW_F])


def test_name_may_be_imported_again_in_another_cell() -> None:
    check([IMPORT, F, IMPORT, F], [NEW_IMPORT, NEW_F, NEW_IMPORT, NEW_F])


def test_import_of_the_other_name_in_an_earlier_cell_is_used() -> None:
    check([NEW_IMPORT, f"{IMPORT}\n{F}"], [NEW_IMPORT, NEW_F])


def test_cell_that_held_only_the_import_is_left_empty() -> None:
    check([NEW_IMPORT, IMPORT, F], [NEW_IMPORT, "", NEW_F])


def test_last_line_of_a_cell_that_goes_takes_the_newline_before_it() -> None:
    check([NEW_IMPORT, f"import os\n{IMPORT}", F], [NEW_IMPORT, "import os", NEW_F])


def test_line_that_is_added_is_a_string_of_its_own() -> None:
    check(
        [f"import os\nfrom afml.cache.selective_cleaner import cacheable, clear\n{F}"],
        [
            "import os\nfrom afml.cache import robust_cacheable\n"
            f"from afml.cache.selective_cleaner import clear\n{NEW_F}"
        ],
    )


def test_lines_that_are_added_to_and_taken_from_a_list_of_names() -> None:
    many = "from afml.cache import (\n    auto_cacheable,\n    cacheable,  # é\n    stats,\n)\n"
    g = "\n@auto_cacheable\ndef g(start, end): ..."
    check(
        [many + F + g, "cacheable"],
        [
            "from afml.cache import (\n    cacheable,  # é\n    robust_cacheable,\n    stats,\n"
            f"    time_aware_cacheable,\n)\n{NEW_F}\n@time_aware_cacheable\ndef g(start, end): ...",
            "cacheable",
        ],
        left=["cell 2:1: value-use"],
    )


def test_another_binding_in_a_later_cell_is_seen() -> None:
    noop(IMPORT, F, "cacheable = print", left=["cell 2:1: ambiguous-binding"])


def test_use_through_joblib_is_told_by_cell_and_line() -> None:
    found = noop(IMPORT, F, "\nf.clear()", left=["cell 2:1: value-use"])
    assert "cell 3, line 2 uses .clear of f" in found.findings[0].text


def test_await_and_semicolons_are_legal() -> None:
    tail = "plot(f(1));\nawait g()\nasync with h() as x: pass"
    check([IMPORT, f"{F}\n{tail}"], [NEW_IMPORT, f"{NEW_F}\n{tail}"])


def test_line_that_looks_like_an_encoding_is_a_comment() -> None:
    cookie = "# -*- coding: latin-1 -*-\n"
    check([cookie + IMPORT, F], [cookie + NEW_IMPORT, NEW_F])


# ------------------------------------------------------------------ magics and other languages


def test_magics_are_passed_over_line_by_line() -> None:
    magics = "%load_ext autoreload\n%autoreload 2\n!pip install afml\nfiles = !ls\nf?\n"
    check([magics + IMPORT, magics + F], [magics + NEW_IMPORT, magics + NEW_F])


def test_name_that_only_a_magic_uses_keeps_its_import() -> None:
    check(
        [IMPORT, F, "%timeit cacheable(len)"],
        [BOTH, NEW_F, "%timeit cacheable(len)"],
        left=["cell 3:1: value-use"],
    )


def test_use_through_joblib_in_a_magic_is_seen() -> None:
    noop(IMPORT, F, "%time f.clear()", left=["cell 2:1: value-use"])


def test_cell_that_is_timed_is_python() -> None:
    check([f"%%time\n{IMPORT}", f"%%capture\n%%time\n{F}"],
          [f"%%time\n{NEW_IMPORT}", f"%%capture\n%%time\n{NEW_F}"])  # fmt: skip


def test_cell_of_another_language_is_left_and_told_if_it_mentions_a_decorator() -> None:
    bash, html = "%%bash\ngrep -r cacheable .", "%%html\n<b>cache</b>"
    check([IMPORT, F, bash, html], [NEW_IMPORT, NEW_F, bash, html],
          left=["cell 3:1: cell-magic"])  # fmt: skip


def test_what_a_cell_of_an_unknown_magic_uses_keeps_its_import() -> None:
    cell = "%%cython\nx = cacheable(len)"
    check([IMPORT, F, cell], [BOTH, NEW_F, cell], left=["cell 3:1: cell-magic"])


def test_cell_that_does_not_parse_is_left_and_the_others_are_not() -> None:
    broken = "@cacheable\ndef g(x:\n    return x"
    check([IMPORT, broken, F], [BOTH, broken, NEW_F], left=["cell 2:2: syntax-error"])


def test_broken_cell_that_mentions_nothing_is_not_told() -> None:
    check([IMPORT, "(", F], [NEW_IMPORT, "(", NEW_F])


@pytest.mark.parametrize(
    "metadata",
    [{"kernelspec": {"language": "R"}}, {"language_info": {"name": "julia"}}],
)
def test_notebook_of_another_language_is_told_once(metadata: dict[str, Any]) -> None:
    data = notebook("1", F, IMPORT, metadata=metadata)
    found = plan_notebook(data)
    assert not found.edits
    assert [(f.cell, f.code) for f in found.findings] == [(2, "cell-magic")]
    assert plan_notebook(notebook("1", "# Text cacheable", metadata=metadata)).findings == ()


@pytest.mark.parametrize("name", ["python", "Python3", "ipython"])
def test_kernels_of_python_have_several_names(name: str) -> None:
    data = notebook(IMPORT, F, metadata={"kernelspec": {"language": name}})
    assert plan_notebook(data).edits


# ------------------------------------------------------------------ opting out


def test_keep_on_a_decorator_and_on_a_def() -> None:
    g = "@cacheable  # afml: keep\ndef g(x): ..."
    check([IMPORT, f"{F}\n{g}"],
          [BOTH, f"{NEW_F}\n{g}"],
          left=["cell 2:4: opted-out"])  # fmt: skip


def test_keep_in_the_first_lines_of_the_first_code_cell() -> None:
    noop("# Text", f"# A notebook.\n# afml: keep\n{IMPORT}", F, left=["cell 2:2: opted-out"])
    check([IMPORT, f"# afml: keep\n\n{F}"], [NEW_IMPORT, f"# afml: keep\n\n{NEW_F}"])
    noop(IMPORT, f"# afml: keep\n{F}", left=["cell 2:2: opted-out"])


# ------------------------------------------------------------------ JSON


def one(source: str) -> bytes:
    """A notebook of one cell whose source is written just so."""
    return b'{"cells": [{"cell_type": "code", "source": %s}]}' % source.encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (  # one string
            r'"FROM import cacheable\n@cacheableDEF"',
            r'"FROM import robust_cacheable\n@robust_cacheableDEF"',
        ),
        (  # strings that are no lines
            r'["FROM im", "port cach", "eable\n@", "cacheableDEF"]',
            r'["FROM im", "port robust_cacheable\n@", "robust_cacheableDEF"]',
        ),
        (  # escapes: they stay as they are
            r'["FROM import \u0063acheable\u000a", "@cacheableDEF # \"\u00e9\/\""]',
            r'["FROM import robust_cacheable\u000a", "@robust_cacheableDEF # \"\u00e9\/\""]',
        ),
        (  # characters that take two escapes
            r'["FROM import cacheable\n", "# \ud83d\ude00\n@cacheableDEF # é"]',
            r'["FROM import robust_cacheable\n", "# \ud83d\ude00\n@robust_cacheableDEF # é"]',
        ),
        (  # newlines of Windows inside of the source
            r'["FROM import cacheable\r\n", "@cacheable\rDEF"]',
            r'["FROM import robust_cacheable\r\n", "@robust_cacheable\rDEF"]',
        ),
        (  # empty strings
            r'["", "FROM import cacheable\n", "", "@cacheableDEF", ""]',
            r'["", "FROM import robust_cacheable\n", "", "@robust_cacheableDEF", ""]',
        ),
        (  # a line is added where the source is one string
            r'"import afml.cache.own\n@afml.cache.own.cacheableDEF"',
            r'"import afml.cache.own\n@afml.cache.robust_cacheableDEF"',
        ),
        (
            r'"FROM.own import cacheable, x\n@cacheableDEF"',
            r'"FROM import robust_cacheable\nFROM.own import x\n@robust_cacheableDEF"',
        ),
        (  # ... where it is a list on one line
            r'["FROM.own import cacheable, x\n","@cacheableDEF"]',
            r'["FROM import robust_cacheable\n","FROM.own import x\n","@robust_cacheableDEF"]',
        ),
        (  # ... and where it is a list of one string
            r'["FROM.own import cacheable, x\n@cacheableDEF"]',
            r'["FROM import robust_cacheable\nFROM.own import x\n@robust_cacheableDEF"]',
        ),
        (  # the key comes twice: the last counts, as in any reader of JSON
            r'"@cacheable", "source": "FROM import cacheable\n@cacheableDEF"',
            r'"@cacheable", "source": "FROM import robust_cacheable\n@robust_cacheableDEF"',
        ),
    ],
)  # fmt: skip
def test_source_in_whatever_form(before: str, after: str) -> None:
    before, after = (
        text.replace("FROM", "from afml.cache").replace("DEF", r"\ndef f(x): ...")
        for text in (before, after)
    )
    found = plan_notebook(one(before))
    assert found.findings == ()
    assert found.carry_out(one(before)).decode() == one(after).decode()
    assert not plan_notebook(one(after)).edits


@pytest.mark.parametrize("style", [{"indent": None}, {"indent": "\t"}, {"indent": 4},
                                   {"separators": (" ,", "  :  ")}])  # fmt: skip
@pytest.mark.parametrize(
    "form",
    [lambda d: d, lambda d: d.replace(b"\n", b"\r\n"), lambda d: b"\xef\xbb\xbf" + d,
     lambda d: b"\n \t" + d.rstrip()],
)  # fmt: skip
def test_json_in_whatever_form(style: dict[str, Any], form: Any) -> None:
    before, after = (
        form(notebook(*cells, **style)) for cells in ([IMPORT, F], [NEW_IMPORT, NEW_F])
    )
    assert plan_notebook(before).carry_out(before) == after


def test_sources_elsewhere_are_none() -> None:
    output = {"output_type": "display_data", "data": {"source": lines(F)}, "source": IMPORT}
    cells = [
        {"cell_type": "markdown", "attachments": {"source": {"text": F}}, "source": lines(F)},
        {"cell_type": "raw", "source": F},
        {"source": F},
        {"cell_type": "code", "source": F, "metadata": {"source": F}, "outputs": [output]},
        {"cell_type": "code"},
    ]
    whole = {"source": F, "metadata": {"cells": [{"source": F}]}, "cells": cells}
    cells[3]["source"] = [IMPORT, "\n", F]
    data = json.dumps(whole, indent=2).encode()
    after = json.loads(plan_notebook(data).carry_out(data))
    changed = after["cells"][3].pop("source")
    assert changed == [NEW_IMPORT, "\n", NEW_F]
    cells[3].pop("source")
    assert after == whole


def test_version_3_of_the_format() -> None:
    def version_3(*texts: str) -> bytes:
        cells = [{"cell_type": "code", "input": lines(t), "language": "python"} for t in texts]
        cells.append({"cell_type": "code", "input": ["cacheable"], "language": "ruby"})
        sheets = [{"cells": cells[:1]}, {"cells": cells[1:]}]
        return json.dumps({"worksheets": sheets, "nbformat": 3}, indent=1).encode()

    data = version_3(IMPORT, F)
    found = plan_notebook(data)
    assert found.carry_out(data) == version_3(NEW_IMPORT, NEW_F)
    assert [(f.cell, f.code) for f in found.findings] == [(3, "cell-magic")]


def test_outputs_may_be_nested_as_deep_as_they_like() -> None:
    data = notebook(IMPORT, F).replace(b'"outputs": []', b'"outputs": ' + b"[" * 9999 + b"]" * 9999)
    assert len(plan_notebook(data).rewrites) == 1


@pytest.mark.parametrize(
    ("data", "place", "code", "text"),
    [
        (b'{"cells": [\n"cacheable" "x"]}', (2, 13), "invalid-notebook", "expected , or ]"),
        (b"<<<<<<< cacheable\n", (1, 1), "invalid-notebook", "its JSON expected value"),
        (b'["cacheable"]', (1, 1), "invalid-notebook", "no list of cells"),
        (b'{"cells": "cacheable"}', (1, 1), "invalid-notebook", "no list of cells"),
        (b'{"cells": [{"cell_type": "code",\n"source": 1, "x": "cacheable"}]}', (2, 1),
         "invalid-notebook", "the source of cell 1 is no text"),
        (b'{"cells": ["cacheable \xff"]}', (1, 1), "undecodable", "is no utf-8 text"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_told_by_line(
    data: bytes, place: tuple[int, int], code: str, text: str
) -> None:
    (finding,) = plan_notebook(data).findings
    assert (finding.cell, finding.line, finding.column, finding.code) == (0, *place, code)
    assert text in finding.text


def test_what_mentions_no_decorator_is_not_looked_at() -> None:
    assert plan_notebook(b"not JSON").findings == ()
    assert plan_notebook(notebook("x = 'uncacheable'")).findings == ()


def test_half_a_character_keeps_its_cell_out() -> None:
    data = notebook(IMPORT, F, F + "  # ?", ensure_ascii=True).replace(b"# ?", b"# \\ud83d")
    found = plan_notebook(data)
    assert [(f.cell, f.code) for f in found.findings] == [(3, "syntax-error")]
    assert len(found.rewrites) == 1


def test_names_that_are_not_ascii_are_written_as_the_file_does() -> None:
    before = "from größe import cacheable, x\n@cacheable\ndef f(x): ..."
    after = "from größe import robust_cacheable, x\n@robust_cacheable\ndef f(x): ..."
    for ascii_only in (True, False):
        data = notebook(before, ensure_ascii=ascii_only)
        found = plan_notebook(data, (), Rules(more_sources=("größe",)))
        assert found.carry_out(data) == notebook(after, ensure_ascii=ascii_only)
