"""The page in Chromium, from file:// and offline: it asks for nothing, says no error, and can be used by everyone."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import axe_playwright_python
import pytest
from page_fixtures import HOSTILE, everything, hostile, large, measured
from playwright.sync_api import Browser, Page, sync_playwright
from report_fixtures import green

from gradlaws.reports.judging.summary import summarise
from gradlaws.reports.page.render import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 700}
if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("no Chromium: apt-get install chromium (with CI set its absence is an error)", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "no Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports as files: of everything, hostile, green, of nothing, and of everything on two systems only."""
    folder = tmp_path_factory.mktemp("pages")
    pages = {
        "everything": render(summarise(everything()), measured()),
        "hostile": render(summarise(hostile(), [HOSTILE])),
        "green": render(summarise(green())),
        "empty": render(summarise([])),
        "brief": render(summarise(everything([["torch", "float64"], ["jax", "float32"]])), measured()),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@contextmanager
def opened(browser: Browser, path: Path, anchor: str = "", **options: object) -> Iterator[Page]:
    """The page once it is ready; fails on any request, console message, page error or dialog."""
    context = browser.new_context(**({"viewport": DESKTOP, "offline": True} | options))  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: request.url.startswith(("file:", "blob:")) or wrong.append(request.url))
    try:
        page.goto(path.as_uri() + (f"#{anchor}" if anchor else ""))
        page.wait_for_selector("html[data-ready]", state="attached")
        yield page
        assert wrong == []
    finally:
        context.close()


def open_all(page: Page) -> None:
    page.evaluate("document.getElementById('open-all').click()")
    page.wait_for_selector("html[data-opened]", state="attached")


@pytest.mark.parametrize("name", ["everything", "hostile", "green", "empty"])
def test_all_of_it_opens_offline_without_a_request_or_an_error(
    browser: Browser, files: dict[str, Path], name: str
) -> None:
    with opened(browser, files[name]) as page:
        open_all(page)
        assert page.locator("[data-sealed].sealed").count() == 0
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids))
        assert page.evaluate("document.scripts.length") == page.locator("script[data-seal]").count() + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "320px"])
@pytest.mark.parametrize("name", ["brief", "empty"])
def test_axe_finds_no_violation_with_all_of_it_open(
    browser: Browser, files: dict[str, Path], name: str, viewport: dict[str, int], scheme: str
) -> None:
    options = {"viewport": viewport, "color_scheme": scheme, "reduced_motion": "reduce"}
    with opened(browser, files[name], **options) as page:
        open_all(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        page.evaluate(f"() => {{ {AXE} }}")
        only = TAGS if scheme == "light" else COLOURS  # the elements are the same in the dark
        found = page.evaluate("(only) => axe.run({ runOnly: only, resultTypes: ['violations'] })", only)
        told = [f"{one['id']}: {[node['target'] for node in one['nodes'][:4]]}" for one in found["violations"]]
        assert told == []


def test_a_deep_link_unpacks_and_shows_what_it_names(browser: Browser, files: dict[str, Path]) -> None:
    for anchor, words in (("D4/jax/float64", "D4 · jax float64"), ("findings/torch-trigamma", "Keeps 9 digits"),
                          ("failures/D4-7f3a", "violated by"), ("tests", "Not passed"),
                          ("power/sensitivity", "Smallest fault seen")):  # fmt: skip
        with opened(browser, files["everything"], anchor) as page:
            target = page.locator(f"[id='{anchor}']")
            assert words in target.inner_text()
            assert -2 <= target.evaluate("(one) => one.getBoundingClientRect().top") < 400
            assert target.evaluate("(one) => document.activeElement === one")


def test_a_cell_of_the_matrix_opens_what_stands_behind_it(browser: Browser, files: dict[str, Path]) -> None:
    with opened(browser, files["everything"]) as page:
        page.locator("#evidence a", has_text="D4 jax float64").click()
        page.wait_for_selector("html[data-at='D4/jax/float64']", state="attached")
        behind = page.locator("[id='D4/jax/float64']")
        worst = behind.locator("details.worst").first
        if worst.get_attribute("open") is None:
            worst.locator("summary").first.click()
        for words in (
            "0x1.8p-2",
            "mpmath",
            "NotImplementedError: no rule",
            "Stand-alone script",
            "Exact inputs",
            "bound",
        ):
            assert words in behind.inner_text(), words
        assert behind.locator("svg .box").count() == 5 and behind.locator("svg .edge").count() == 5
        assert page.locator("#D4 math").count() == 1


def test_search_finds_and_goes_there(browser: Browser, files: dict[str, Path]) -> None:
    with opened(browser, files["everything"]) as page:
        page.keyboard.press("/")
        page.keyboard.type("trigamma torch")
        page.wait_for_selector("#found li")
        assert page.locator("#search").get_attribute("aria-expanded") == "true"
        assert "torch-trigamma" in page.locator("#found li[aria-selected=true]").inner_text()
        page.keyboard.press("Enter")
        page.wait_for_selector("html[data-at='findings/torch-trigamma']", state="attached")
        page.locator("#search").fill("nothing of the kind")
        page.wait_for_selector("#found li.nothing")
        page.keyboard.press("Escape")
        assert page.locator("#found").is_hidden()


def test_filters_and_sorting(browser: Browser, files: dict[str, Path]) -> None:
    with opened(browser, files["everything"], "faults") as page:
        page.locator("#matrix input").fill("d4")
        assert page.locator("#evidence tbody tr:visible").count() == 1
        assert page.locator("#matrix output").inner_text() == "1 of 4"
        open_all(page)
        button = page.locator("#atlas-rows button.sort", has_text="torch")
        firsts = []
        for direction in ("descending", "ascending"):
            button.click()
            assert page.locator("#atlas-rows th[aria-sort]").get_attribute("aria-sort") == direction
            firsts.append(page.locator("#atlas-rows tbody tr td.figure[data-value]").nth(1).get_attribute("data-value"))
        assert [float(value or "nan") for value in firsts] == [14.0, 0.0]


def test_the_keyboard_reaches_everything(browser: Browser, files: dict[str, Path]) -> None:
    with opened(browser, files["everything"]) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#main"
        page.locator("#evidence tbody a").nth(1).focus()
        page.keyboard.press("ArrowRight")
        assert "float32" in page.evaluate("document.activeElement.textContent")
        page.keyboard.press("ArrowDown")
        assert "D4 numpy float32" in page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        page.wait_for_selector("html[data-at='D4/numpy/float32']", state="attached")
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("t")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        page.evaluate("scrollTo(0, 0)")
        page.keyboard.press("n")
        assert page.evaluate("document.activeElement.closest('td, article') !== null")
        page.keyboard.press("?")
        page.locator("#keys-on").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") != "search"


def test_a_copy_button_copies_the_script(browser: Browser, files: dict[str, Path]) -> None:
    with opened(browser, files["everything"], permissions=["clipboard-read", "clipboard-write"]) as page:
        article = page.locator("[id='failures/D4-7f3a']")
        article.locator("summary", has_text="Stand-alone script").click()
        block = article.locator("details[open] .copyable").first
        block.locator("button").click()
        block.locator("button", has_text="copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == block.locator("pre").text_content()


def test_the_report_inside_the_page_is_saved_whole(browser: Browser, files: dict[str, Path], tmp_path: Path) -> None:
    with opened(browser, files["everything"], accept_downloads=True) as page:
        with page.expect_download() as download:
            page.locator("#save").click()
        download.value.save_as(tmp_path / "report.json")
        assert json.loads((tmp_path / "report.json").read_text("utf-8")) == summarise(everything())


def test_hostile_text_stays_text(browser: Browser, files: dict[str, Path]) -> None:
    with opened(browser, files["hostile"]) as page:
        open_all(page)
        assert page.locator("img").count() == 0
        page.locator("#search").fill("script")
        page.wait_for_selector("#found li")
        assert page.locator("#found script, #found img").count() == 0


def test_without_scripts_it_still_says_what_matters(browser: Browser, files: dict[str, Path]) -> None:
    context = browser.new_context(viewport=DESKTOP, offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(files["everything"].as_uri())
    text = page.locator("body").inner_text()
    for words in ("Violated.", "jax violates D4", "Scripts are off", "✗ D4 violated by jax", "14 digits"):
        assert words in text, words
    assert not page.locator(".search").is_visible()
    context.close()


def test_it_prints_on_white_without_controls(browser: Browser, files: dict[str, Path]) -> None:
    with opened(browser, files["everything"], color_scheme="dark") as page:
        page.emulate_media(media="print")
        assert not page.locator(".top").is_visible() and page.locator("h1").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_million_comparisons_open_in_a_moment(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "large.html"
    path.write_text(render(large(), measured()), "utf-8")
    start = time.monotonic()
    with opened(browser, path, "I7/torch/float32") as page:
        assert page.locator("[id='I7/torch/float32'] svg.chart").count() == 2
        assert time.monotonic() - start < 60  # on a machine that may have other work; alone it takes a second
