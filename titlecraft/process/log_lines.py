"""Progress in a log: where stderr is no terminal, each bar of tqdm becomes a line of text every few seconds."""

import os
import sys
import time
from typing import Any

SECONDS = 5.0  # between two lines of one bar
SILENT = 2.0  # seconds; work that ends earlier prints nothing
NO_TOTAL = "{desc}: {n_fmt} {unit}, {elapsed} so far{postfix}"
LINE = "{desc}: {percentage:.0f} % ({n_fmt} of {total_fmt}, {elapsed} so far, {remaining} left{postfix})"


def progress_in_log_lines() -> None:
    """Replace the bars of tqdm, those of libraries too, by lines of text, unless stderr is a terminal.

    tqdm reads its defaults from the environment when it is first imported.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        return
    os.environ.setdefault("TQDM_MININTERVAL", str(SILENT))
    os.environ.setdefault("TQDM_DELAY", str(SILENT))
    from tqdm.std import tqdm

    setattr(tqdm, "display", display_line)  # noqa: B010 (its type is another one)


def display_line(bar: Any, msg: str | None = None, pos: int | None = None) -> bool:
    """Write the bar's state as a line if SECONDS have passed since its last one, or if the bar is being closed.

    Takes the place of tqdm.display. Returns False, upon which tqdm does not go back to the start of the line.
    """
    now, closing = time.monotonic(), bar.disable
    first, last = bar.__dict__.setdefault("log_first", now), bar.__dict__.get("log_last")
    due = now - first >= SILENT and (last is None or now - last >= SECONDS)
    if msg != "" and (due or closing):
        bar.log_last = now
        line = bar.format_meter(**bar.format_dict | {"bar_format": LINE if bar.total else NO_TOTAL})
        bar.fp.write(line + ("" if closing else "\n"))  # tqdm ends the last line itself
        bar.fp.flush()
    return False
