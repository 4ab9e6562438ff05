"""Level card, pictures and pages: drawn again from the records and compared byte for byte, where the same code draws them.

A plot's bytes depend on the version of matplotlib. Where this machine has another one, or other code of ours, a picture that
comes out different says nothing: it is then judged by SHA256SUMS alone, and the line says so.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from model_card.verification.lines.checks import Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.pins import endpoint
from titlecraft.records import PREDICTIONS, REPORT, Code, EvaluationRecord, read_record, sources_sha256

DRAWN_BY = {"matplotlib": "matplotlib", "pillow": "Pillow"}


def verify_renderings(state: RepoState) -> list[Line]:
    """A line for each picture and page of a repo."""
    if state.pin.type == "dataset":
        checks = Checks("card", "pictures")
        return checks.gather(of_dataset(checks, state))
    checks = Checks("card", "pictures")
    lines = checks.gather(of_training(checks, state))
    for folder in state.readable_reports():
        checks = Checks("card", folder)
        lines += checks.gather(of_report(checks, state, folder))
    return lines


def rendered(checks: Checks, path: str, there: bytes | None, drawn: bytes, code: Code, stage: str) -> Line:
    """One file against its new rendering; a difference counts only where the record's own code drew it again."""
    claim = f"{path}, drawn again"
    if there is None:
        return checks.equal(claim, "there", "no such file")
    if there == drawn:
        return checks.equal(claim, "the same bytes", "the same bytes")
    if others := other_code(code, stage):
        note = f"here is other code ({', '.join(others)}): judged by SHA256SUMS alone"
        return checks.not_looked_at(claim, "the same bytes", "other bytes, not judged", note)
    return checks.line(claim, "the same bytes", "other bytes", False, "equal", "same code and versions")


def other_code(code: Code, stage: str) -> list[str]:
    """What is different here from the code that a record names, of what decides about a rendering."""
    found = [] if code.sources == sources_sha256(stage) else ["sources"]
    for name, package in DRAWN_BY.items():
        if (name in code.packages or name == "matplotlib") and code.packages.get(name) != version(package):
            found.append(f"{name} {version(package)}, not {code.packages.get(name, 'noted')}")
    return found


def of_training(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The training's loss, from training_log.jsonl."""
    from training.record import LOG, plot_loss

    lines = [json.loads(line) for line in state.require(LOG).decode().splitlines()]
    with TemporaryDirectory() as folder:
        plot_loss(lines, file := Path(folder) / "loss.png")
        path = "assets/training_loss.png"
        yield rendered(checks, path, state.read(path), file.read_bytes(), state.training.code, "training")


def of_dataset(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The pictures on the dataset card, from its record."""
    from dataset_builder.card.plots import plot_lengths, plot_splits

    with TemporaryDirectory() as folder:
        for name, plot in (("output_length.png", plot_lengths), ("splits.png", plot_splits)):
            plot(state.dataset, file := Path(folder) / name)
            there = state.read(f"assets/{name}")
            yield rendered(checks, f"assets/{name}", there, file.read_bytes(), state.dataset.code, "dataset_builder")


def of_report(checks: Checks, state: RepoState, folder: str) -> Iterator[Line]:
    """report.json as it is written, and page and plots from it and predictions.parquet."""
    record, raw = state.report(folder), state.require(f"{folder}/{REPORT}")
    yield checks.equal(f"{REPORT} as it is written", raw == record.to_json(), True)
    page, plots = drawn(record.to_json(), state.require(f"{folder}/{PREDICTIONS}"))
    for path, png in plots.items():
        yield rendered(checks, path, state.read(f"{folder}/{path}"), png, record.code, "evaluation")
    beside = {path.removeprefix(f"{folder}/") for path in state.paths if path.startswith(f"{folder}/")}
    strange = sorted(path for path in beside - plots.keys() if path.endswith(".png"))
    yield checks.equal("pictures that this report does not draw", ", ".join(strange) or "none", "none")
    there = at_this_hub(state.require(f"{folder}/report.html"), record)
    yield rendered(checks, "report.html", there, page, record.code, "evaluation")


@lru_cache(maxsize=2)  # benchmarks/verify.py looks at hundreds of copies of one report
def drawn(report: bytes, predictions: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The page, and each plot by its file's name, from the bytes of report.json and predictions.parquet."""
    import pyarrow.parquet as pq

    from evaluation.report.pages import draw_plots, render_page

    record = read_record(report, EvaluationRecord, REPORT)
    rows = pq.read_table(BytesIO(predictions)).to_pylist()
    plots = draw_plots(record, rows)
    page = render_page("report.html.jinja", record, rows, plots).encode()
    return page, {f"{name}.png": themes["light"] for name, themes in plots.items()}


def at_this_hub(page: bytes, record: EvaluationRecord) -> bytes:
    """The page with its links as a page of this Hub has them: an older page names its Hub, whose port may be another since.

    Links to any other host stay, and make the page another one: nobody leads readers elsewhere in a report's name.
    """
    from evaluation.report.pages import hub_in_links
    from evaluation.report.wording import encoders

    pins = (record.adapter, record.base, record.dataset, *record.benchmarks, *encoders(record.evaluation))
    repos = "|".join(re.escape(pin.repo) for pin in pins)
    hosts = "|".join(map(re.escape, ("127.0.0.1", "localhost", "huggingface.co", urlsplit(endpoint()).hostname or "")))
    pattern = rf'(?<=href=")(?:https?://(?:{hosts})(?::\d+)?)?(?=/(?:datasets/)?(?:{repos})[/"])'
    return re.sub(pattern.encode(), hub_in_links().encode(), page)
