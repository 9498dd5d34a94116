"""The page is one file, escaped throughout, that takes nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from afml_cache.dashboard.page import document_of, in_script, page_of
from afml_cache.dashboard.plots import plots_of

pytest.importorskip("plotly", reason="the page is drawn by plotly")

NOW = datetime(2024, 3, 1, 12, 30, tzinfo=UTC)
EVIL = "m.<script>alert(1)</script>&<b>\"'</title>.f"


class Page(HTMLParser):
    """The elements of a page, and the text of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._open = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        if self._open == "script":
            self.scripts[-1] += data
        elif self._open != "style":
            self.text += data


@pytest.fixture
def page(store, with_a_past, plant, shown):
    with_a_past(store)
    plant(store, EVIL, hits=3, misses=30, sizes=(10, 20), seconds=90)
    return Page(page_of(shown(), NOW))


def test_names_are_text_and_never_elements(page):
    assert EVIL in page.text
    assert {tag for tag, _ in page.elements} == {
        *("html", "head", "meta", "title", "link", "style", "body", "a", "header", "h1", "p"),
        *("span", "code", "main", "noscript", "section", "h2", "div", "dl", "dt", "dd", "ul"),
        *("li", "b", "button", "figure", "details", "summary", "table", "caption", "thead"),
        *("tr", "th", "tbody", "td", "script", "wbr"),
    }
    assert len(page.scripts) == 3


def test_nothing_is_fetched_and_no_handler_is_inline(page):
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "src"], tag
        for name in ("href", "action", "data"):
            assert (attributes.get(name) or "#")[0] == "#" or attributes[name] == "data:,"


def test_the_policy_admits_our_two_scripts_by_their_hashes_and_nothing_else(page):
    (policy,) = [a["content"] for t, a in page.elements if a.get("http-equiv")]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in page.scripts[1:]
    }
    assert set(rules.pop("script-src").split()) == hashes
    assert rules == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_plotly_is_in_the_page_once(page):
    assert sum("plotly.js v" in text for text in page.scripts) == 1
    assert len(page.scripts[1]) > 1_000_000


def test_a_screen_reader_has_a_title_landmarks_captions_and_words_for_each_plot(page):
    by_tag = {}
    for tag, attributes in page.elements:
        by_tag.setdefault(tag, []).append(attributes)
    assert by_tag["html"] == [{"lang": "en"}] and len(by_tag["title"]) == 1
    assert len(by_tag["main"]) == len(by_tag["header"]) == len(by_tag["h1"]) == 1
    assert by_tag["a"] == [{"class": "skip", "href": "#main"}]
    headings = {one["id"] for one in by_tag["h2"]}
    assert {one["aria-labelledby"] for one in by_tag["section"]} == headings
    assert len(by_tag["caption"]) == len(by_tag["table"]) == 7
    assert all(one.get("scope") in ("col", "row") for one in by_tag["th"])
    images = [one for one in by_tag["div"] if one.get("role") == "img"]
    assert len(images) == len(by_tag["figure"]) == len(by_tag["details"]) == 6
    assert all(one["aria-label"] for one in images)
    assert "Time saved by function. " in "".join(one["aria-label"] for one in images)


def test_data_in_a_script_cannot_end_it():
    text = in_script({"name": "</script><!--&\u2028"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": "</script><!--&\u2028"}


def test_names_are_text_for_plotly_too(store, plant, shown):
    plant(store, "m.<b>f</b>", hits=3, misses=1, sizes=(10,))
    for name, plot in plots_of(shown()).items():
        drawn = json.dumps(plot.figure)
        assert "<b>" not in drawn
        assert name in ("hours", "reasons") or "m.&lt;b&gt;f" in drawn
        assert name in ("hours", "reasons") or "m.<b>f</b>: " in plot.words


def test_bars_are_the_numbers_shown(store, with_a_past, shown):
    with_a_past(store)
    found = shown()
    plots = plots_of(found)

    def bars(name):
        return [trace["x"] for trace in plots[name].figure["data"]]

    assert bars("saved") == [[one.saved_s for one in found.by_saved]]
    assert bars("cost") == [[one.seconds_computed for one in found.by_cost]]
    assert bars("rates") == [[one.hit_rate for one in found.by_hit_rate]]
    assert bars("reasons") == [[one.times for one in found.reasons]]
    staying, going = bars("sizes")
    assert going == [one.first_to_go_bytes for one in found.by_size]
    assert [a + b for a, b in zip(staying, going, strict=True)] == [
        one.size_bytes for one in found.by_size
    ]
    rate, hits, misses = plots["hours"].figure["data"]
    assert rate["y"] == [one.hit_rate for one in found.hours]
    assert hits["y"] == [one.hits for one in found.hours]
    assert misses["y"] == [one.misses for one in found.hours]


def test_a_cost_that_exceeds_what_it_saves_is_drawn_to_the_left(store, plant, shown):
    plant(store, "m.quick", hits=1_000, misses=1, seconds=0.0001)
    axis = plots_of(shown())["saved"].figure["layout"]["xaxis"]
    assert axis["range"][0] == pytest.approx(0.0001 * 1_000 - 0.002 * 1_000)
    assert axis["range"][1] > axis["range"][0]


def test_an_empty_cache_has_a_page_without_empty_plots(store, shown):
    store._index.write(lambda cursor: None)  # makes it
    found = shown()
    assert set(document_of(found)["plots"].values()) == {None}
    page = Page(page_of(found, NOW))
    assert "Nothing was called yet" in page.text and "2024-03-01 12:30 UTC" in page.text
    images = [one for _, one in page.elements if one.get("role") == "img"]
    assert len(images) == 6 and all("hidden" in one for one in images)


def test_of_many_things_to_do_the_first_are_seen_and_the_others_are_there(store, plant, shown):
    for number in range(30):
        plant(store, f"m.f{number}", misses=20 + number)
    found = shown()
    assert len(found.recommendations) == 30
    page = Page(page_of(found, NOW))
    assert "18 more" in page.text
    assert sum(tag == "li" for tag, _ in page.elements) == 30


def test_of_three_hundred_functions_all_are_in_the_table_and_names_are_short_in_plots(
    store, plant, shown
):
    long = "research.a_package_with_a_long_name.and_a_module_with_another.Class.function_{:03}"
    for number in range(300):
        plant(
            store, long.format(number), hits=number + 1, misses=1, sizes=(5,) if number < 3 else ()
        )
    html = page_of(shown(), NOW)
    assert all(long.format(number) in Page(html).text for number in (0, 150, 299))
    labels = [
        one["text"]
        for plot in plots_of(shown()).values()
        for one in plot.figure["layout"].get("annotations", ())
    ]
    assert labels and max(map(len, labels)) <= 44


def test_without_plotly_the_page_says_what_to_install(run_python):
    said = run_python("""
        import sys
        sys.modules["plotly"] = None
        from afml_cache.dashboard.page import plotly_js
        from afml_cache import ReportError
        try:
            plotly_js()
        except ReportError as error:
            print(error)
    """)
    assert "pip install 'afml-cache[dashboard]'" in said
