"""python docs/figures.py: write the measured figures of benchmarks/results/*.json into the pages of docs/.

A figure stands between two comments, which a reader does not see: <!--training.json measured.fast.peak_gb .1f-->80.4<!---->
names the file, the place in it (of a list, the element of that name) and the format. Pages in Portuguese get a decimal comma.
"""

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results"
FIGURE = re.compile(r"<!--([\w.]+\.json) ([^\s>]+) ([\w.,]+)-->.*?<!---->")
TO_COMMA = str.maketrans(",.", ".,")


def figure(file: str, place: str, form: str, language: str) -> str:
    """One figure of a results file, as a page of that language writes it."""
    value = json.loads((RESULTS / file).read_text(encoding="utf-8"))
    for key in place.split("."):
        value = next(one for one in value if one["name"] == key) if isinstance(value, list) else value[key]
    text = format(value, form)
    return text.translate(TO_COMMA) if language == "pt-BR" else text


def current(page: Path) -> str:
    """The text of a page with every figure as the results files have it now."""

    def renew(match: re.Match[str]) -> str:
        return f"<!--{match[1]} {match[2]} {match[3]}-->{figure(match[1], match[2], match[3], page.parent.name)}<!---->"

    return FIGURE.sub(renew, page.read_text(encoding="utf-8"))


def pages() -> list[Path]:
    """Every page of the documentation."""
    return sorted(HERE.glob("*/*.md"))


if __name__ == "__main__":
    for page in pages():
        page.write_text(current(page), encoding="utf-8")
