"""The report in a real browser: both themes, a desk and a phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from evaluators.drift.report import fragment, page
from tests.dashboard.conftest import ARGUMENTS, CHROMIUM
from tests.evaluators.comparisons import a_cluster, a_comparison, a_pair, an_effect, no_data

Theme = Literal["light", "dark"]
LONG = "Donaudampfschifffahrtsgesellschaft" * 20
HOSTILE = '<img src="http://127.0.0.1:9/x"><script>document.title = "run"</script>'
FULL = a_comparison(
    effects={str(i): an_effect(str(i), title=f"{LONG if i == 3 else 'Behaviour'} {i}", d=i - 7.0) for i in range(14)},
    clusters=(a_cluster(LONG, "order"), a_cluster("tax", "income", share_before=0.0)),
    pairs=(a_pair(LONG, HOSTILE), a_pair("Same words here", "Same words there", prompt_after="And now? " * 200)),
    notes=(LONG, HOSTILE),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


def opened(browser: Browser, html: str, path: Path, *, width: int, theme: Theme) -> Page:
    """`html` as a file in a tab; a request to anywhere, or anything on the console, fails the test."""
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    problems: list[str] = []
    tab.on("request", lambda request: problems.append(request.url) if not request.url.startswith("file:") else None)
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    path.write_text(html, encoding="utf-8")
    tab.goto(path.as_uri())
    assert problems == []
    return tab


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_asks_for_nothing_and_runs_nothing(browser: Browser, tmp_path: Path, width: int, theme: Theme) -> None:
    for comparison in (FULL, no_data()):
        tab = opened(browser, page(comparison), tmp_path / "report.html", width=width, theme=theme)
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert "run" not in tab.title().split()
        assert tab.locator("h1").count() == 1
        tab.close()


def test_the_dark_theme_is_dark_and_its_text_can_be_read(browser: Browser, tmp_path: Path) -> None:
    themes: tuple[Theme, ...] = ("light", "dark")
    for theme in themes:
        tab = opened(browser, page(FULL), tmp_path / "report.html", width=1280, theme=theme)
        brightness = {name: sum(tab.evaluate(_COLOUR, name)) / 765 for name in ("color", "backgroundColor")}
        is_dark = brightness["backgroundColor"] < 0.2
        assert is_dark == (theme == "dark")
        assert abs(brightness["color"] - brightness["backgroundColor"]) > 0.7
        tab.close()


def test_a_dark_notebook_gets_dark_colours_whatever_the_system_says(browser: Browser, tmp_path: Path) -> None:
    for is_light in ("true", "false"):
        notebook = f'<body data-jp-theme-light="{is_light}">{fragment(FULL)}</body>'
        tab = opened(browser, notebook, tmp_path / "notebook.html", width=900, theme="light")
        background = sum(tab.evaluate(_COLOUR, "backgroundColor")) / 765
        assert (background < 0.2) == (is_light == "false")
        assert tab.evaluate("document.documentElement.scrollWidth") == 900
        tab.close()


_COLOUR = (
    "name => getComputedStyle(document.querySelector('.wk .card'))[name].match(/[0-9.]+/g).slice(0, 3).map(Number)"
)
