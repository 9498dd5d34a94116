"""The page that MLflow itself shows of a run that we have made, in a real browser.

It has to be on the machine, with its driver; where it is not the test is skipped, or fails where
``AFML_REQUIRE_BROWSER=1`` says that it has to be there. Pictures go to ``$AFML_SCREENSHOTS``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from afml_cache import content_key, setup_mlflow_cache
from tests.mlflow_tracking.trained import FEATURES, LABELS, train_model

pytest.importorskip("mlflow")
pytest.importorskip("sklearn")
REQUIRED = os.environ.get("AFML_REQUIRE_BROWSER") == "1"
if not REQUIRED:
    pytest.importorskip("selenium", reason="selenium drives the browser")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def browser():
    if not (CHROMIUM and DRIVER):
        why = "chromium and chromedriver are not on this machine"
        pytest.fail(why) if REQUIRED else pytest.skip(why)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--disable-dev-shm-usage", "--lang=en-GB", "--window-size=1400,1600"),
    ):
        options.add_argument(flag)
    service = webdriver.ChromeService(executable_path=DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def test_mlflows_own_page_of_a_run_shows_what_it_says(server, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    setup_mlflow_cache("shown", server.uri, patience=60)
    train_model(FEATURES, LABELS, {"n_estimators": 3, "max_depth": 2})
    run = train_model.run_for(FEATURES, LABELS, {"n_estimators": 3, "max_depth": 2})

    browser.get(f"{server.uri}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}")

    def text() -> str:
        return browser.find_element(By.TAG_NAME, "body").text

    def shows(*words: str) -> None:
        WebDriverWait(browser, 60).until(
            lambda _: all(word in text() for word in words),
            f"the page does not show {words}",
        )

    shows(run.info.run_name, "Finished", "n_estimators", "max_depth", "accuracy")
    shows("afml.function", train_model.identity)  # tags
    shows(f"features ({content_key(FEATURES)})")  # a dataset
    shows("Ready")  # the model
    pictures = os.environ.get("AFML_SCREENSHOTS")
    if pictures:
        Path(pictures).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(pictures) / "mlflow-run.png"))
