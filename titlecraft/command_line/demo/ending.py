"""The end of a demo: titles with both answers, the table of the newest report, and the addresses of the pages."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from evaluation.report.examples import starting_views
from evaluation.report.predictions import read_predictions
from evaluation.report.write import print_table
from titlecraft.command_line.demo.attributes import share_stated
from titlecraft.records import EvaluationRecord
from titlecraft.records.base import read_record
from titlecraft.records.repo_files import PREDICTIONS, REPORT, REPORT_PAGE

LONGEST = 400  # characters of an answer on the console
FIVE = frozenset({"nll_per_token", "specificity", "content_word_recall", "unsupported_names", "stop_rate"})
"""The measures of the demo's table; the report has the others."""


def newest_report(adapter: str) -> str:
    """Return the folder of the adapter's newest report, a path in its repo."""
    from huggingface_hub import HfApi

    api = HfApi()
    pages = [path for path in api.list_repo_files(adapter) if path.startswith("evaluation/")]
    infos: list[Any] = api.get_paths_info(adapter, [path for path in pages if path.endswith(REPORT_PAGE)], expand=True)
    return max(infos, key=lambda info: info.last_commit.date).path.removesuffix(f"/{REPORT_PAGE}")


def print_report(adapter: str, folder: str, titles: int, invented: bool) -> None:
    """Print some titles of the report, drawn with its seed, with the answers before and after, and its table.

    For `invented` products, whose attributes are known, also print how many of them the answers state.
    """
    from huggingface_hub import hf_hub_download

    record_file, rows_file = (Path(hf_hub_download(adapter, f"{folder}/{name}")) for name in (REPORT, PREDICTIONS))
    record = read_record(record_file.read_bytes(), EvaluationRecord, f"{adapter}/{folder}/{REPORT}")
    rows = read_predictions(rows_file)
    console = Console(highlight=False)
    for row in [rows[index] for index in starting_views(record, rows)["random"][:titles]]:
        console.print(f"\n[bold]{escape(row['title'])}[/bold]")
        for arm in ("before", "after"):
            console.print(f"  [dim]{arm:>6}[/dim]  {escape(shortened(row[arm]))}")
    console.print()
    if invented:
        before, after = (share_stated((row["title"], row[arm]) for row in rows) for arm in ("before", "after"))
        asked = f"attributes of {len(rows)} titles (brand, colour, place, …) that their answers state"
        console.print(f"{asked}: {before:.0%} before training, [bold]{after:.0%} after[/bold]\n")
    print_table(record, only=FIVE)


def shortened(text: str) -> str:
    """Return the text on one line, with at most LONGEST characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} […]"


def addresses(hub_url: str, dataset: str, adapter: str, folder: str) -> dict[str, str]:
    """Return the addresses of dataset, model and report."""
    return {
        "dataset": f"{hub_url}/datasets/{dataset}",
        "model": f"{hub_url}/{adapter}",
        "report": f"{hub_url}/{adapter}/resolve/main/{folder}/{REPORT_PAGE}",
    }
