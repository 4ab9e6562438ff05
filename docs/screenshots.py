"""python docs/screenshots.py REPORT.html      needs Chromium; REPORT.html is the page of a report of `make real`

Writes docs/images/answers-light.png and answers-dark.png for README: from the report's own page, the answers to its first random
title side by side, and the first rows of the table below them. Nothing is chosen by hand: the title is the first of the view
"Random".
"""

import argparse
import sys
import tempfile
from base64 import b64decode
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from tests.evaluation.report.chromium import executable, page  # noqa: E402

MODEL = "SmolLM2-135M"
WIDTH, TITLES, SCALE, MOST_BYTES = 1000, 2, 1.0, 300_000
ROWS = ("NLL per token", "Unsupported names", "Unsupported numbers", "ROUGE-L", "Stop rate", "Verbatim copy")
# keep the page's own elements: the head, TITLES titles, and the table with ROWS
ARRANGE = """(() => {
  const main = document.querySelector("main"), head = main.querySelector("header");
  const table = main.querySelector("table.measures"), rows = %s;
  const titles = [...main.querySelectorAll("article.random")].slice(0, %d);
  for (const row of [...table.querySelectorAll("tbody tr")])
    if (!rows.some(name => row.cells[0].textContent.trim().startsWith(name)) || row.classList.contains("block")) row.remove();
  const note = document.createElement("p");
  note.className = "note";
  note.textContent = "SmolLM2-135M-Instruct, a model of 135 million parameters, tuned by make real on a synthetic catalogue. " +
    "The titles are the report's first random ones, and the answers are unedited.";
  const grid = document.createElement("div");
  grid.className = "examples";
  grid.append(...titles);
  main.replaceChildren(head, grid, table, note);
  for (const title of titles) { title.hidden = false; title.style.display = "block"; }
  for (const more of main.querySelectorAll("details")) more.remove();
  return note.getBoundingClientRect().bottom + 24;
})()"""


def main() -> None:
    """Write the two pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path)
    report = parser.parse_args().report.absolute()  # not the file behind a link of the cache, whose name has no ending
    if executable() is None:
        sys.exit("error: no Chromium or Chrome is installed: apt-get install chromium")
    if MODEL not in report.read_text():
        sys.exit(
            f"error: {report.name} is no report of an adapter of {MODEL}: expected the page of a run of `make real`"
        )
    (HERE / "images").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, page(Path(profile)) as tab:
        for scheme in ("light", "dark"):
            tab.open(report, WIDTH, dark=scheme == "dark")
            height = tab.value(ARRANGE % (list(ROWS), TITLES))
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": SCALE}
            picture = b64decode(tab.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"])
            file = HERE / "images" / f"answers-{scheme}.png"
            if len(picture) > MOST_BYTES:
                sys.exit(f"error: {file.name} has {len(picture):,} bytes: expected at most {MOST_BYTES:,}")
            file.write_bytes(picture)
            print(f"{file.relative_to(HERE.parent)}: {len(picture):,} bytes")


if __name__ == "__main__":
    main()
