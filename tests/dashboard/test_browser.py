"""The page in a real browser: its numbers, its silence, and that everybody can use it.

One Chromium for all of these; it has to be on the machine, with its driver. Where it is not they
are skipped, or, where ``AFML_REQUIRE_BROWSER=1`` says that it has to be there, they fail.
Pictures are left in ``$AFML_SCREENSHOTS``, else in ``.ci/screenshots``.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from afml_cache import get_cache_monitor, robust_cacheable, use_store
from afml_cache.dashboard.look import look
from afml_cache.dashboard.page import page_of
from afml_cache.dashboard.server import DashboardServer
from afml_cache.monitoring.words import bytes_in_words, percent, seconds_in_words
from afml_cache.store.store import Store

REQUIRED = os.environ.get("AFML_REQUIRE_BROWSER") == "1"
if not REQUIRED:
    pytest.importorskip("plotly", reason="the page is drawn by plotly")
    pytest.importorskip("selenium", reason="selenium drives the browser")

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-default-browser-check", "--disable-dev-shm-usage", "--lang=en-GB"),
)
DESKTOP, PHONE = (1280, 900), (390, 844)


@robust_cacheable
def labels(number):
    return number


class Browser:
    """A browser, in the words of these tests."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(
        self,
        url: str,
        *,
        size: tuple[int, int] = DESKTOP,
        scheme: str = "light",
        motion: str = "no-preference",
        fresh: bool = False,
    ) -> None:
        """Have a page in the window, drawn; one that is there is loaded again if ``fresh``."""
        width, height = size
        self.run(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=size == PHONE,
        )
        self.run("Emulation.setFocusEmulationEnabled", enabled=True)
        self.prefer(scheme, motion)
        if fresh or self.driver.current_url != url:
            self.driver.get("about:blank")  # the page before may ask on, of a server that is gone
            self.driver.get_log("browser"), self.driver.get_log("performance")
            self.driver.get(url)
        self.wait(_SETTLED)

    def prefer(self, scheme: str, motion: str = "no-preference") -> None:
        """Say what the user prefers."""
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        named = [{"name": name, "value": value} for name, value in features.items()]
        self.run("Emulation.setEmulatedMedia", features=named)

    def run(self, command: str, **options: object) -> Any:
        """A command of the DevTools."""
        return self.driver.execute_cdp_cmd(command, options)

    def do(self, script: str, *arguments: object) -> Any:
        """What a script in the page gives."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: object) -> None:
        """Wait until a script gives true."""
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, 20, poll_frequency=0.02).until(
            lambda driver: driver.execute_script(script, *arguments)
        )

    def press(self, *keys: str) -> None:
        """Keys, one after the other, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def complaints(self) -> list[str]:
        """What the browser's console has said."""
        return [one["message"] for one in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that the page has asked for."""
        events = [
            json.loads(one["message"])["message"] for one in self.driver.get_log("performance")
        ]
        return [
            one["params"]["request"]["url"]
            for one in events
            if one["method"] == "Network.requestWillBeSent"
            and not one["params"]["documentURL"].startswith("chrome:")  # a new tab's own
        ]

    def text(self, selector: str) -> str:
        """The text of the one element that a selector finds."""
        found: str = self.do("return document.querySelector(arguments[0]).innerText", selector)
        return found

    def table(self, part: str) -> list[list[str]]:
        """The texts of a table's rows."""
        script = (
            "return Array.from(document.querySelectorAll(`[data-part='${arguments[0]}'] tbody tr`),"
            " row => Array.from(row.cells, cell => cell.textContent))"
        )
        rows: list[list[str]] = self.do(script, part)
        return rows

    def picture(self, name: str) -> bytes:
        """A picture of the whole page, kept for a person to look at."""
        width, height = self.do(
            "return [document.documentElement.clientWidth, document.documentElement.scrollHeight]"
        )
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        taken = self.run("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        data = base64.b64decode(taken["data"])
        root = Path(__file__).resolve().parents[2]
        folder = Path(os.environ.get("AFML_SCREENSHOTS") or root / ".ci" / "screenshots")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"dashboard-{name}.png").write_bytes(data)
        return data


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One headless Chromium with a profile of its own."""
    if not (CHROMIUM and DRIVER) and not REQUIRED:
        pytest.skip("there is no chromium with a chromedriver (apt-get install chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    assert CHROMIUM and DRIVER, "AFML_REQUIRE_BROWSER=1, and there is no chromium or chromedriver"
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def past(
    tmp_path_factory: pytest.TempPathFactory, with_a_past: Callable[[Store], Store]
) -> tuple[Path, str]:
    """A cache with a past, and the address of a page that was written of it."""
    folder = tmp_path_factory.mktemp("past")
    with Store(folder / "cache") as store:
        with_a_past(store)
    return folder / "cache", write(folder, look(folder / "cache"))


@pytest.fixture
def page(past: tuple[Path, str]) -> Iterator[str]:
    """The address of the page; the cache that it shows is in use."""
    directory, address = past
    with use_store(directory):
        yield address


def write(folder: Path, shown: Any) -> str:
    """Write a page to a file; returns its address."""
    target = folder / "report.html"
    target.write_text(page_of(shown, datetime.now(UTC)), "utf-8")
    return target.as_uri()


@contextmanager
def serving(store: Store) -> Iterator[DashboardServer]:
    """A server with live numbers; a test may end it."""
    store.close()  # a server is a process of its own, which computes nothing
    with DashboardServer(lambda: look(store.directory), rest=0) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()


@pytest.fixture
def server(store, with_a_past) -> Iterator[DashboardServer]:
    """A server of a cache with a past."""
    with serving(with_a_past(store)) as made:
        yield made


def test_nothing_leaves_the_page_and_nothing_is_complained_of(browser, page):
    browser.open(page, fresh=True)
    assert browser.do("return document.querySelectorAll('.plot .main-svg').length") >= 6
    assert browser.complaints() == []
    asked = [url for url in browser.requests() if not url.startswith(("data:", "blob:"))]
    assert asked == [page]


def test_every_figure_in_the_tables_is_the_monitors(browser, page):
    browser.open(page)
    health = get_cache_monitor().generate_health_report()
    assert browser.text("[data-total=saved]") == seconds_in_words(health["saved_s"])
    assert browser.text("[data-total=hit-rate]") == percent(health["hit_rate"])
    assert browser.text("[data-total=misses]") == f"{health['misses']:,}"
    assert browser.text("[data-total=size]") == bytes_in_words(health["size_bytes"])
    expected = [
        [
            one.function_name,
            f"{one.total_calls:,}",
            percent(one.hit_rate),
            seconds_in_words(one.seconds_computed),
            seconds_in_words(one.avg_compute_s),
            seconds_in_words(one.avg_hit_s),
            seconds_in_words(one.saved_s),
            bytes_in_words(one.size_bytes),
        ]
        for one in get_cache_monitor().get_all_function_stats()
    ]
    assert sorted(browser.table("functions")) == sorted(expected)
    misses = {
        row[0].rpartition("(")[2].rstrip(")"): int(row[1]) for row in browser.table("reasons-table")
    }
    assert misses == health["miss_reasons"]
    frame = get_cache_monitor().get_time_series_analysis(None, 744)
    busy = frame[frame["calls"] > 0].iloc[::-1]
    assert [row[1:4] for row in browser.table("hours-table")] == [
        [f"{row.calls:,}", f"{row.hits:,}", f"{row.misses:,}"] for row in busy.itertuples()
    ]


def test_every_bar_is_as_long_as_the_monitors_number(browser, page):
    browser.open(page)
    stats = get_cache_monitor().get_all_function_stats()
    widths = browser.do(
        "return Array.from(document.querySelectorAll('#plot-saved .point path'), "
        "path => path.getBBox().width)"
    )
    saved = sorted((one.saved_s for one in stats), reverse=True)
    assert len(widths) == len(saved) == 9
    assert widths == pytest.approx([one / saved[0] * widths[0] for one in saved], abs=1.0)
    drawn = browser.do("return document.getElementById('plot-saved').data[0].x")
    assert drawn == saved


def test_names_that_want_to_be_html_are_text_everywhere(browser, page):
    browser.open(page)
    assert not browser.do("return document.querySelectorAll('main script, svg script').length")
    name = "research.<script>alert(1)</script>&<b>.f"
    assert name in [row[0] for row in browser.table("functions")]
    labels_drawn = browser.do(
        "return Array.from(document.querySelectorAll('#plot-saved .annotation-text'), "
        "text => text.textContent)"
    )
    assert "…<script>alert(1)</script>&<b>.f" in labels_drawn
    assert browser.do("return document.querySelectorAll('svg tspan[style*=bold]').length") == 0


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("light", DESKTOP, "light"),
        ("dark", DESKTOP, "dark"),
        ("phone", PHONE, "light"),
        ("phone-dark", PHONE, "dark"),
    ],
)
def test_it_is_readable_in_light_and_dark_and_on_a_phone(browser, page, name, size, scheme):
    browser.open(page, size=size, scheme=scheme)
    width = browser.do("return document.documentElement.scrollWidth")
    assert width <= size[0]
    assert browser.do(_TEXT_IN_PLOTS, "cut") == []
    assert browser.do(_TEXT_IN_PLOTS, "overlapping") == []
    assert browser.do(_CONTRAST) == []
    assert len(browser.picture(name)) > 30_000
    opened = "for (const one of document.querySelectorAll('details')) one.open = arguments[0]"
    browser.do(opened, True)
    assert browser.do("return document.documentElement.scrollWidth") <= size[0]
    assert browser.do(_OUTSIDE) == []
    browser.do(opened, False)


#: What reaches out of the window, and is in nothing that can be scrolled.
_OUTSIDE = """
const wide = document.documentElement.clientWidth;
return Array.from(document.querySelectorAll('main *')).filter(
  e => !e.closest('.scroll > *, svg') && e.getBoundingClientRect().right > wide + 1
).map(e => e.outerHTML.slice(0, 80));
"""

#: Whether every plot is drawn, as wide as its place and in the colours of the page.
_SETTLED = """
const color = getComputedStyle(document.body).color;
return document.body.dataset.ready === 'yes' && Array.from(
  document.querySelectorAll('.plot:not([hidden])')
).every(plot => {
  const svg = plot.querySelector('.main-svg');
  const text = plot.querySelector('.annotation-text');
  return svg && Math.abs(svg.getBoundingClientRect().width - plot.clientWidth) < 1
    && text && getComputedStyle(text).fill === color;
});
"""

#: Texts of plots that reach out of them, or lie upon each other.
_TEXT_IN_PLOTS = """
const found = [];
for (const plot of document.querySelectorAll('.plot')) {
  const frame = plot.getBoundingClientRect();
  const texts = Array.from(plot.querySelectorAll('svg text')).filter(t => t.textContent.trim());
  const boxes = texts.map(t => t.getBoundingClientRect());
  boxes.forEach((box, i) => {
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
        || box.bottom > frame.bottom + 1) {
      if (arguments[0] === 'cut') found.push(texts[i].textContent);
    }
    for (let j = 0; j < i; j++) {
      const other = boxes[j];
      if (box.left < other.right - 1 && other.left < box.right - 1
          && box.top < other.bottom - 2 && other.top < box.bottom - 2) {
        if (arguments[0] !== 'overlapping') continue;
        found.push([texts[i].textContent, texts[j].textContent]);
      }
    }
  });
}
return found;
"""

#: Texts whose contrast against what is behind them is below 4.5 to 1 (WCAG 2.2, level AA).
_CONTRAST = """
const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(
  c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const parts = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
const behind = element => {
  for (let e = element; e; e = e.parentElement) {
    const color = parts(getComputedStyle(e).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
const found = [];
for (const e of document.querySelectorAll('body *')) {
  const own = Array.from(e.childNodes).some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || e.closest('script, noscript, .hidden, .skip') || !e.getClientRects().length) continue;
  const style = getComputedStyle(e);
  const front = light(parts(e.closest('svg') ? style.fill : style.color));
  const back = light(behind(e));
  const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
  if (ratio < 4.5) found.push([e.tagName, e.textContent.slice(0, 40), ratio]);
}
return found;
"""


def test_the_plots_turn_dark_when_the_machine_does(browser, page):
    browser.open(page)
    color = "return getComputedStyle(document.querySelector('#plot-saved .annotation-text')).fill"
    light = browser.do(color)
    browser.open(page, scheme="dark")
    assert browser.do(color) != light
    assert browser.do(_CONTRAST) == []


def test_it_can_be_used_with_the_keyboard_alone(browser, page):
    from selenium.webdriver.common.keys import Keys

    browser.open(page, fresh=True)
    browser.press(Keys.TAB)
    assert browser.do("return document.activeElement.textContent") == "Skip to the numbers"
    assert browser.do("return document.activeElement.getBoundingClientRect().left") >= 0
    browser.press(Keys.ENTER)
    assert browser.do("return document.activeElement.id") == "main"
    browser.press(Keys.TAB)
    assert browser.do("return document.activeElement.textContent") == "Copy"
    assert browser.do("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.do("document.querySelector('summary').focus()")
    browser.press(Keys.ENTER)
    assert browser.do("return document.querySelector('details').open")


def test_the_table_is_sorted_by_its_buttons(browser, page):
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    stats = get_cache_monitor().get_all_function_stats()
    button = "document.querySelectorAll('[data-part=functions] .sort')[arguments[0]]"
    for column, value in ((7, "size_bytes"), (2, "hit_rate"), (0, "function_name")):
        browser.do(f"{button}.focus()", column)
        browser.press(Keys.ENTER)
        first = [row[0] for row in browser.table("functions")]
        assert first == [
            one.function_name
            for one in sorted(stats, key=lambda one: getattr(one, value), reverse=column > 0)
        ]
        state = browser.do(f"return {button}.parentElement.ariaSort", column)
        assert state == ("descending" if column else "ascending")
        browser.press(Keys.ENTER)
        assert [row[0] for row in browser.table("functions")] == first[::-1]


def test_a_command_is_copied_as_it_is_written(browser, page):
    browser.open(page)
    allowed = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    browser.run("Browser.grantPermissions", permissions=allowed)
    browser.do("document.querySelector('.copy').click()")
    browser.wait("return document.getElementById('said').textContent === 'Copied.'")
    copied = browser.driver.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0], e => arguments[0](String(e)))"
    )
    assert copied == browser.text(".command code")
    assert copied.startswith("afml-cache explain") and copied.endswith("research.seldom.hits")


def test_nothing_moves_for_those_who_do_not_want_it(browser, page):
    behaviour = "return getComputedStyle(document.documentElement).scrollBehavior"
    browser.open(page)
    assert browser.do(behaviour) == "smooth"
    browser.open(page, motion="reduce")
    assert browser.do(behaviour) == "auto"


@pytest.mark.slow
def test_a_page_grows_from_nothing_to_three_hundred_functions_with_long_names(
    browser, store, plant
):
    long = "research.a_package_with_a_long_name.and_a_module_of_it.Class{0}.a_method_{0:03}"
    rows = "return document.querySelectorAll('[data-part=functions] tbody tr').length"
    drawn = "return document.querySelectorAll('.plot:not([hidden]), figure details:not([hidden])')"
    store._index.write(lambda cursor: None)  # makes it
    with serving(store) as server:
        browser.open(server.url, size=PHONE)
        assert "Nothing was called yet" in browser.text("main")
        assert browser.do(f"{drawn}.length") == browser.do(rows) == 0
        browser.picture("empty")

        labels(1), labels(1)
        store.close()
        browser.do(_LOOK)
        browser.wait(f"{rows} === 1")
        browser.open(server.url, size=PHONE)
        assert browser.table("functions")[0][:3] == [labels.identity, "2", "50.0 %"]
        assert (
            browser.do("return document.querySelectorAll('#plot-hours .scatter .point').length")
            == 1
        )
        assert browser.do(_TEXT_IN_PLOTS, "cut") == []
        assert browser.do(_TEXT_IN_PLOTS, "overlapping") == []
        browser.picture("one")

        for number in range(300):
            calls = {"hits": number * 7, "misses": 3 + number, "last_days": number // 5}
            plant(store, long.format(number), seconds=number, **calls)
        store.close()
        browser.do(_LOOK)
        browser.wait(f"{rows} === 301")
        for name, size in (("phone", PHONE), ("desktop", DESKTOP)):
            browser.open(server.url, size=size)
            assert browser.do("return document.documentElement.scrollWidth") <= size[0]
            assert browser.do(_TEXT_IN_PLOTS, "cut") == []
            assert browser.do(_TEXT_IN_PLOTS, "overlapping") == []
            browser.picture(f"many-{name}")
        assert browser.complaints() == []


#: Has the page look at once, as it does when its tab comes to the front.
_LOOK = "document.dispatchEvent(new Event('visibilitychange'))"


def test_served_its_numbers_keep_up_and_stay_on_this_machine(browser, server, store):
    browser.open(server.url)
    before = browser.text("[data-total=misses]")
    browser.do("document.querySelector('#plot-saved ~ details').open = true")
    browser.do("document.querySelector('.copy').focus()")
    labels(1)
    store.close()
    browser.wait(
        "return document.querySelector('[data-total=misses]').innerText !== arguments[0]", before
    )
    health = get_cache_monitor().generate_health_report()
    assert browser.text("[data-total=misses]") == f"{health['misses']:,}"
    assert labels.identity in [row[0] for row in browser.table("functions")]
    drawn = browser.do("return document.getElementById('plot-saved').data[0].x.length")
    assert drawn == len(
        [one for one in get_cache_monitor().get_all_function_stats() if one.saved_s]
    )
    assert browser.do("return document.querySelector('#plot-saved ~ details').open")
    assert browser.do("return document.activeElement.className") == "copy"
    assert browser.complaints() == []
    asked = {url for url in browser.requests() if not url.startswith(("data:", "blob:"))}
    assert asked == {server.url, f"{server.url}document.json"}


@pytest.mark.slow
def test_a_hidden_tab_asks_for_nothing_and_a_server_that_has_ended_is_told(browser, server):
    browser.open(server.url)
    browser.do(_COUNTED)
    look_away = "window.away = arguments[0]; document.dispatchEvent(new Event('visibilitychange'))"
    browser.do(look_away, True)
    assert browser.do("return [window.asked, window.waits]") == [0, 0]
    # It is left while it is asking: the answer is shown, and no other asked for.
    browser.do(
        f"for (const away of [false, true]) {{ {look_away.replace('arguments[0]', 'away')} }}"
    )
    browser.wait("return document.body.dataset.looks === '1'")
    assert browser.do("return [window.asked, window.waits]") == [1, 0]
    browser.do(look_away, False)
    browser.wait("return window.asked === 2 && window.waits === 1")
    assert browser.text("#written").startswith("Live, as of ")
    server.shutdown()
    server.server_close()
    browser.do(look_away, False)
    browser.wait("return document.getElementById('written').innerText.startsWith('No longer live')")


#: Has the page believe that its tab is hidden, and counts what it asks for and waits for.
_COUNTED = """
Object.defineProperty(document, 'hidden', {get: () => window.away});
window.asked = window.waits = 0;
const [fetch_, late] = [window.fetch, window.setTimeout];
window.fetch = (...given) => { window.asked += 1; return fetch_(...given); };
window.setTimeout = (...given) => { window.waits += 1; return late(...given); };
"""
