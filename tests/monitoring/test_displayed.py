"""The monitor alone shows a compact table: in a notebook as HTML, elsewhere as text."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from afml_cache import get_cache_monitor, robust_cacheable
from afml_cache.store.rows import add_counter

ROOT = Path(__file__).resolve().parents[2]


@robust_cacheable
def labels(number):
    return number


@robust_cacheable
def features(number):
    return number


@pytest.fixture
def used(store):
    for number in (1, 2, 1, 1):
        labels(number)
    features(1)
    store.flush()
    return store


class Tags(HTMLParser):
    """What a browser would make of it: tags with their attributes, and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_as_text_it_has_the_totals_and_a_line_a_function(used):
    lines = repr(get_cache_monitor()).splitlines()
    assert lines[0].startswith(f"{used.directory}: 5 calls, 40.0 % hits")
    heads = ["calls", "hit rate", "a computation", "a hit", "saved", "size", "function"]
    assert lines[1].split() == " ".join(heads).split()
    assert [line.split()[0] for line in lines[2:]] == ["4", "1"]
    assert lines[2].endswith(labels.identity) and lines[3].endswith(features.identity)
    assert str(get_cache_monitor()) == repr(get_cache_monitor())


def test_nothing_called_yet_is_one_line(store):
    assert repr(get_cache_monitor()) == f"there is no cache in {store.directory}"
    store._index.write(lambda cursor: None)  # makes it
    assert repr(get_cache_monitor()) == f"{store.directory}: 0 calls, 0.0 % hits, 0 s saved"


def test_many_functions_are_cut_and_counted(store):
    def write(cursor):
        for number in range(45):
            add_counter(cursor, f"m.f{number}", "hits", 100 - number)

    store._index.write(write)
    text = repr(get_cache_monitor())
    assert len(text.splitlines()) == 1 + 1 + 10 + 1
    assert text.endswith("35 more functions: get_cache_efficiency_report()")
    html = get_cache_monitor()._repr_html_()
    assert html.count("<tr>") == 1 + 20 and "25 more functions" in html


def test_as_html_names_are_escaped_and_no_colour_is_set(used):
    evil = "m.<script>alert(1)</script>&<img src=x onerror=alert(1)>"
    used._index.write(lambda cursor: add_counter(cursor, evil, "hits", 9))
    html = get_cache_monitor()._repr_html_()
    found = Tags(html)
    assert {tag for tag, _ in found.tags} == {
        *("table", "caption", "thead", "tbody", "tr", "th", "td"),
    }
    assert evil in found.texts
    for _, attributes in found.tags:
        assert attributes.keys() <= {"style", "scope"}
        assert attributes.get("style", "").partition(":")[0] in ("", "text-align")


def test_in_a_real_kernel_the_monitor_is_a_table(used, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cells = [
        "from afml_cache import get_cache_monitor, robust_cacheable\n"
        "@robust_cacheable\ndef feature(x):\n    return x\n"
        "feature(1), feature(1)",
        "get_cache_monitor()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=90, resources={"metadata": {"path": tmp_path}}
    ).execute()
    (output,) = notebook.cells[1].outputs
    html, text = output["data"]["text/html"], output["data"]["text/plain"]
    assert "7 calls" in html and "7 calls" in text  # with those of this process
    rows = Tags(html).texts
    assert "__main__.feature" in rows and labels.identity in rows
    assert text.splitlines()[3].split()[0] == "2" and "feature" in text
