"""Votes by key in headless Chromium, and the pages at phone and desktop width."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation.preference.pairs import pairs_of
from evaluation.preference.show import render_preference
from evaluation.preference.votes import Votes
from playground.votes.app import build_app
from tests.evaluation.preference.judged_reports import report_with, rows_with
from tests.evaluation.report.chromium import Page, executable, page
from tests.playground.served import served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(executable() is None, reason="no Chromium or Chrome is installed here"),
]
LONG = "Donaudampfschifffahrtsgesellschaft" * 12
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.fixture
def votes(tmp_path: Path) -> Votes:
    rows = rows_with(["", "poor <b>1</b>", LONG, "poor"], ["good", "good <b>1</b>", "good", "good"])
    return Votes(pairs_of(report_with(rows), None), tmp_path / "votes.jsonl")


@pytest.fixture
def address(votes: Votes) -> Iterator[str]:
    with served(build_app(votes, True)) as address:
        yield f"{address}/"


def press(tab: Page, key: str) -> None:
    """Press and release a key."""
    for kind in ("keyDown", "keyUp"):
        tab.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" else "")


def test_keys_vote_and_the_result_follows_the_last_title(votes: Votes, address: str, tmp_path: Path) -> None:
    with page(tmp_path / "profile") as tab:
        tab.open(address, 360)
        press(tab, "1")  # no vote before a name is given
        tab.value("document.getElementById('name').value = 'Ana'; document.querySelector('#who button').click()")
        for done, key in enumerate(("1", "2", "0", "1")):
            tab.wait(f"document.getElementById('progress').textContent.startsWith('{done} of 4')")
            shown, client = tab.value(WIDTHS)
            assert shown <= client
            pair = votes.next_of("Ana")
            assert pair is not None
            texts = [pair.texts[arm] or "(nothing)" for arm in votes.shown_to("Ana", pair)]
            assert tab.value("[first.textContent, second.textContent]") == texts
            if key == "0":
                tab.screenshot(tmp_path / "vote.png")
            press(tab, key)
        tab.wait("!document.getElementById('result').hidden")
        assert [vote.answer for vote in votes.votes.values()] == ["1", "2", "tie", "1"]
        record, pairs = votes.record()
        tab.wait("document.getElementById('sentence').textContent")
        assert f"of {record.n} titles" in tab.value("document.getElementById('sentence').textContent")
        result = tmp_path / "preference.html"
        result.write_text(render_preference(record, pairs), encoding="utf-8")
        for width in (360, 1280):
            tab.open(result, width)
            shown, client = tab.value(WIDTHS)
            assert shown <= client
            tab.screenshot(tmp_path / f"preference-{width}.png")
