"""Writes what the runs gave as a Markdown page."""

import shlex

from docs.gallery.runs import PRODUCTS, Run
from evaluation.report import wording
from evaluation.report.numbers import number

MEASURES = ("nll_per_token", "content_word_recall", "unsupported_names", "stop_rate", "distinct_2")
LONGEST = 300  # characters of an answer
HEAD = """# Gallery

Three toy runs of the whole path, each from an invented catalogue of {products:,} products in another language and format. Each base is a model of about
1.2 million parameters, pre-trained for a few hundred steps on plain product texts of its shop: it knows how the products are described, but it does
not know the task. The models have no use; the page shows what the tool publishes. Nothing is chosen by hand: the titles are the first of each
report's view "Random".

Made by `python -m docs.gallery` on two CPU cores. What a real base gives is measured in [results](results.md).
"""
SECTION = """
## {title}

```bash
{commands}
```

{rows} rows are published ({splits}){lost}. The base was pre-trained for {steps} steps.

{answers}

{table}

{answer} The answers state {before:.0%} of the attributes in their titles before training and {after:.0%} after it; the {total:,} titles get {different:,} different
answers. `titlecraft verify` says: "{verified}".
"""


def page(runs: list[Run]) -> str:
    """Return the page."""
    return HEAD.format(products=PRODUCTS) + "".join(map(section, runs))


def section(run: Run) -> str:
    """Return the section of one shop."""
    lost = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in sorted(run.lost.items()) if count)
    return SECTION.format(
        title=run.shop.title,
        commands="\n".join(f"titlecraft {shlex.join(command)}" for command in run.commands),
        rows=f"{sum(run.rows.values()):,}",
        splits=", ".join(f"{name} {rows:,}" for name, rows in run.rows.items()),
        steps=run.shop.steps,
        lost=f"; not published: {lost}" if lost else "",
        answers="\n\n".join(example(row) for row in run.answers),
        table=table(run),
        answer=wording.answer(run.report),
        before=run.stated[0],
        after=run.stated[1],
        different=run.same[0],
        total=run.same[1],
        verified=run.verified,
    )


def example(row: dict[str, str]) -> str:
    """Return a title with both answers."""
    arms = "\n".join(f"> **{arm}** {shortened(row[arm])}\n>" for arm in ("before", "after"))
    return f"**{row['title']}**\n\n{arms.removesuffix(chr(10) + '>')}"


def shortened(text: str) -> str:
    """Return the text on one line, with at most LONGEST characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} […]"


def table(run: Run) -> str:
    """Return the table of MEASURES; a measure that was not taken says so."""
    lines = ["| | before | after | difference | interval | |", "|---|---:|---:|---:|---:|---|"]
    taken = {measure.name: measure for measure in run.report.measures}
    for name in MEASURES:
        if measure := taken.get(name):
            figures = (number(measure.before), number(measure.after), number(measure.difference, signed=True))
            verdict = wording.verdict(run.report, measure)
            lines.append(f"| {measure.label} | {' | '.join(figures)} | {wording.interval(measure)} | {verdict} |")
    lines += [
        f"| {wording.left_out(measure)} | | | | | |" for measure in run.report.left_out() if measure.name in MEASURES
    ]
    return "\n".join(lines)
