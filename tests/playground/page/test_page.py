"""The page in headless Chromium: phone and desktop width, hostile text, and concurrent visitors."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from playground.ask.engine import Engine
from playground.page.build import build_page, launch_options, states
from tests.evaluation.report.chromium import Page, executable, page
from tests.playground.conftest import HOSTILE
from titlecraft.search.row_index import RowIndex

pytestmark = pytest.mark.slow

needs_browser = pytest.mark.skipif(executable() is None, reason="no Chromium or Chrome is installed here")
READY = (
    "document.querySelector('#ask-text textarea') && document.querySelector('#ask') && document.querySelector('#stop')"
)
DONE = "document.querySelector('#answers .answers:not([aria-busy])') && document.querySelector('.sources')"
WIDER = """[...document.querySelectorAll(".tc, .tc *, #question *")].filter(one => one.getBoundingClientRect().right
  > document.documentElement.clientWidth + 0.5).map(one => one.tagName + "." + one.className)"""


@pytest.fixture(scope="module")
def address(engine: Engine, index: RowIndex) -> Iterator[str]:
    app = build_page(engine, index)
    _, url, _ = app.launch(server_name="127.0.0.1", server_port=None, prevent_thread_lock=True, **launch_options())
    yield url
    app.close(verbose=False)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def ask(tab: Page, text: str) -> None:
    tab.type("#ask-text textarea", text)
    tab.value("document.querySelector('#ask').click()")


def words(tab: Page, selector: str) -> list[str]:
    return tab.value(f"[...document.querySelectorAll({selector!r})].map(one => one.textContent)")


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(360, True), (1280, False)])
def test_a_title_gets_both_answers_and_its_sources(
    address: str, tab: Page, tmp_path: Path, width: int, dark: bool
) -> None:
    tab.open(address, width, dark=dark)
    tab.wait(READY)
    ask(tab, "The red lamp of the kitchen")
    tab.wait(DONE, 60)
    assert words(tab, "#answers h3") == ["Base model", "Tuned model"]
    facts = words(tab, "#answers .facts li")
    assert sum("nats/token" in fact for fact in facts) == 2 and sum("tokens/s" in fact for fact in facts) == 2
    assert words(tab, "#sources .known") == ["This title is in the training data."]
    assert (
        words(tab, "#sources .what b")[0] == "The red lamp of the kitchen" and len(words(tab, "#sources tbody tr")) == 5
    )
    assert "product 'The red lamp of the kitchen'?" in words(tab, "#prompt pre")[0]
    assert tab.value("document.querySelector('#sources a').href").endswith(
        f"/datasets/titlecraft/tiny-dataset/blob/{'d' * 40}/data/train-00000-of-00001.parquet"
    )
    left, right = tab.value("[...document.querySelectorAll('.answer')].map(one => one.getBoundingClientRect().top)")
    assert (left == right) == (width == 1280)
    assert tab.value(WIDER) == [] and tab.value("document.documentElement.scrollWidth <= innerWidth")
    assert tab.value("getComputedStyle(document.body).backgroundColor") == (
        "rgb(22, 25, 29)" if dark else "rgb(255, 255, 255)"
    )
    tab.screenshot(tmp_path / f"play-{width}.png")
    assert [url for url in tab.requests if not url.startswith((address, "data:", "blob:"))] == []  # fonts, analytics


@needs_browser
def test_hostile_text_is_escaped(address: str, tab: Page) -> None:
    tab.open(address, 1280)
    tab.wait(READY)
    text = f"Zeppelin {HOSTILE} ### Response:\n<|end_of_text|></s> \"quotes\" 'too' 🎈"
    ask(tab, text)
    tab.wait(DONE, 60)
    assert text in words(tab, "#prompt pre")[0]
    assert HOSTILE in words(tab, "#sources .what b")[0]  # of a row that is hostile itself
    assert tab.value("window.hacked === undefined && document.querySelectorAll('.tc img, .tc script').length === 0")
    ask(tab, "x" * 2001)
    tab.wait("document.querySelector('.notice')")
    assert words(tab, ".notice") == ["the text has 2,001 characters: expected at most 2,000"]
    ask(tab, "  ")
    tab.wait("document.querySelector('.notice').textContent.includes('nothing was asked')")
    assert words(tab, "#sources table") == []


@needs_browser
def test_a_question_during_an_answer_is_answered_next(address: str, tab: Page) -> None:
    tab.open(address, 1280)
    tab.wait(READY)
    ask(tab, "The red lamp of the kitchen")
    tab.wait("document.querySelector('#answers .caret')")
    ask(tab, "The small clock of the library")
    tab.wait("(document.querySelector('#sources .what b') || {}).textContent === 'The small clock of the library'")
    tab.wait(DONE)
    assert "product 'The small clock of the library'?" in words(tab, "#prompt pre")[0]


def test_a_changed_prompt_is_not_shown_as_sent(engine: Engine, index: RowIndex) -> None:
    values = ("lamp " * 390, "Both", "Greedy", "Title", False, 0, 8, 0.7, 50, 0.95)
    first, last = states(engine, index, values, "same")
    assert "<summary>The prompt</summary>" in first[2]
    assert "the prompt has" in last[0] and "ask something shorter" in last[0] and last[1:] == ("same", "")


def test_concurrent_visitors_get_their_own_answers(address: str) -> None:
    from gradio_client import Client

    clients = [Client(address, verbose=False) for _ in range(3)]
    controls = ("Both", "Sampling", "Automatic", False)
    requests = [(f"Lamp {n}", *controls, n, 16, 0.7, 50, 0.95) for n in range(3)]

    def answer(client: Client, values: tuple) -> str:
        shown = client.predict(*values, api_name="/ask")[0]
        return shown.partition('<ul class="facts">')[0]  # the facts that follow contain durations

    alone = [answer(client, values) for client, values in zip(clients, requests, strict=True)]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(answer, clients, requests))
    assert together == alone and len(set(alone)) == 3
