"""The report in headless Chromium: phone and desktop width, light and dark, with and without JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.report.pages import draw_plots, render_page
from evaluation.report.write import write_report
from evaluation.side_by_side.comparison import Published, compare_reports
from tests.evaluation.report.chromium import Page, executable, page
from tests.evaluation.report.literal_report import predictions, record_of
from titlecraft.records import Pin

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(executable() is None, reason="no Chromium or Chrome is installed here"),
]
WIDER = """[...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
  || one.getBoundingClientRect().left < -0.5).map(one => one.tagName + "." + one.className)"""
SHOWN = """[...document.querySelectorAll("article")].filter(one => one.offsetParent !== null)
  .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map(one => one.querySelector("h3").textContent)"""
SEARCH = """(() => { const box = document.querySelector(".find input"); box.value = %r
  box.dispatchEvent(new Event("input")) })()"""
ORDER = """(() => { const order = document.querySelector(".find select"); order.value = %r
  order.dispatchEvent(new Event("change")) })()"""
LONG = "Donaudampfschifffahrtsgesellschaft" * 12


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    rows = predictions()
    rows[1] |= {"title": LONG, "after": LONG}
    rows[12] |= {"before": "A lantern for the harbour, in red."}
    pq.write_table(pa.Table.from_pylist(rows), folder / "predictions.parquet")
    write_report(record_of(rows), folder)
    return folder / "report.html"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize(("width", "dark"), [(360, False), (360, True), (1280, False), (1280, True)])
def test_nothing_is_wider_than_the_page(report: Path, tab: Page, tmp_path: Path, width: int, dark: bool) -> None:
    tab.open(report, width, dark=dark)
    tab.value("document.getElementById('view-all').click()")
    assert len(tab.value(SHOWN)) == 20
    assert tab.value(WIDER) == []
    assert tab.value("innerWidth") == width
    assert tab.value("document.documentElement.scrollWidth") == tab.value("document.documentElement.clientWidth")
    assert tab.value("getComputedStyle(document.body).backgroundColor") == (
        "rgb(22, 25, 29)" if dark else "rgb(255, 255, 255)"
    )
    tab.screenshot(tmp_path / f"report-{width}{'-dark' if dark else ''}.png")
    assert [address for address in tab.requests if not address.startswith("data:")] == [report.as_uri()]


@pytest.mark.parametrize("width", [360, 1280])
def test_a_comparison_fits_too(tab: Page, tmp_path: Path, width: int) -> None:
    rows = predictions()
    a, b = (
        Published(Pin(type="model", repo=f"titlecraft/{LONG}", revision=one * 40), record_of(rows), rows)
        for one in "ab"
    )
    record, both = compare_reports(a, b)
    page = tmp_path / "compare.html"
    page.write_text(render_page("compare.html.jinja", record, both, draw_plots(record, both)), encoding="utf-8")
    tab.open(page, width)
    assert tab.value(WIDER) == [] and tab.value("innerWidth") == width
    tab.screenshot(tmp_path / f"compare-{width}.png")


def test_search_and_order(report: Path, tab: Page) -> None:
    tab.open(report, 1280)
    assert len(tab.value(SHOWN)) == 8
    box = "document.querySelector('.find input')"
    assert tab.value(f"{box}.offsetWidth > 300 && getComputedStyle({box}).opacity") == "1"
    tab.value(SEARCH % "HARBOUR lantern")
    assert tab.value(SHOWN) == ["Title 12"] and tab.value("document.querySelector('.count').textContent") == "1 title"
    tab.value(SEARCH % "nowhere")
    assert tab.value(SHOWN) == []
    tab.value(SEARCH % "")
    assert tab.value(SHOWN) == [f"Title {n}" for n in range(39, 19, -1)]
    assert tab.value("document.querySelector('.count').textContent") == "40 titles, 20 shown"
    tab.value("document.querySelector('.more').click()")
    assert len(tab.value(SHOWN)) == 40
    tab.value(ORDER % "loss")
    assert tab.value(SHOWN)[1:4] == [LONG, "Title 2", "Title 3"]
    tab.value("document.getElementById('view-worst').click()")
    assert tab.value(SHOWN)[1:] == [LONG, *(f"Title {n}" for n in range(2, 8))]


def test_the_page_works_without_javascript(report: Path, tab: Page) -> None:
    tab.open(report, 360, script=False)
    assert len(tab.value(SHOWN)) == 8 and tab.value("document.querySelector('.find').offsetParent") is None
    for view, first, count in (("best", "Title 39", 8), ("worst", "Title 2", 8), ("all", "Title 39", 40)):
        tab.value(f"document.getElementById('view-{view}').checked = true")
        shown = tab.value(SHOWN)
        assert len(shown) == count and shown[2 if view == "worst" else 0] == first
    assert tab.value(WIDER) == []
