"""Bars of tqdm become lines of text in a log."""

import io
import sys
import time

import pytest
from tqdm.std import tqdm

from titlecraft.process import log_lines


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A log; bars that end within 0.02 s print nothing, longer ones a line each 0.05 s."""
    monkeypatch.setattr(tqdm, "display", log_lines.display_line)
    monkeypatch.setattr(log_lines, "SILENT", 0.02)
    monkeypatch.setattr(log_lines, "SECONDS", 0.05)
    return io.StringIO()


def test_a_long_bar_prints_lines_without_control_characters(log: io.StringIO):
    """The last line says 100 %, figures stand at the end, and there is no bar, no carriage return and no empty line."""
    with tqdm(total=20, desc="training", file=log, mininterval=0.01, delay=0.02) as bar:
        for step in range(20):
            time.sleep(0.01)
            bar.update()
            bar.set_postfix(loss=step)
    lines = log.getvalue().split("\n")
    assert lines.pop() == "" and 2 <= len(lines) <= 6, lines
    assert lines[-1].startswith("training: 100 % (20 of 20, ") and lines[-1].endswith("loss=19)")
    assert "\r" not in log.getvalue() and "█" not in log.getvalue()


def test_short_work_prints_nothing(log: io.StringIO):
    """Work that is over before it can be read leaves no line behind."""
    for _ in tqdm(range(3), desc="short", file=log, mininterval=0.01, delay=0.02):
        pass
    assert log.getvalue() == ""


def test_a_bar_without_a_total_has_no_question_mark(log: io.StringIO):
    """It says how many there were until now."""
    for _ in tqdm(iter(range(12)), desc="reading", unit="lines", file=log, mininterval=0.01, delay=0.02):
        time.sleep(0.01)
    assert "reading: 12 lines" in log.getvalue() and "?" not in log.getvalue()


def test_a_terminal_keeps_its_bars(monkeypatch: pytest.MonkeyPatch):
    """Nothing is replaced where stderr is a terminal."""
    kept = tqdm.display
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    log_lines.progress_in_log_lines()
    assert tqdm.display is kept
