"""Level card, pictures and pages: rendered again from the records and compared; see `lines.rendering`."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pyarrow.parquet as pq

from dataset_builder.card.plots import plot_lengths, plot_splits
from evaluation.report.pages import draw_plots, hub_in_links, render_page
from evaluation.report.predictions import read_predictions
from evaluation.report.wording import encoders
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.lines.rendering import same_page, same_rendering
from model_card.verification.repo_state import RepoState
from titlecraft.hub.pins import endpoint
from titlecraft.records import PREDICTIONS, REPORT, EvaluationRecord, read_record
from titlecraft.records.repo_files import REPORT_PAGE, TRAINING_LOG
from training.record import plot_loss


def verify_renderings(state: RepoState) -> list[Line]:
    """Lines about each picture and page of a repo."""
    if state.pin.type == "dataset":
        checks = Checks("card", "pictures")
        return checks.gather(check_dataset(checks, state))
    checks = Checks("card", "pictures")
    lines = checks.gather(check_training(checks, state))
    for folder in state.readable_reports():
        checks = Checks("card", folder)
        lines += checks.gather(check_report(checks, state, folder))
    return lines


def check_training(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The plot of the training loss, from training_log.jsonl."""
    path, validation = "assets/training_loss.png", state.training.validation
    plot = loss_plot(state.require(TRAINING_LOG), validation.kept if validation else None)
    yield same_rendering(checks, path, state.read(path), plot, state.training.code, "training")


@lru_cache(maxsize=2)  # as `render`
def loss_plot(log: bytes, kept: int | None) -> bytes:
    """The plot of the losses, as PNG, from the bytes of training_log.jsonl and the step whose weights are published."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "loss.png"
        plot_loss([json.loads(line) for line in log.decode().splitlines()], file, kept)
        return file.read_bytes()


def check_dataset(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The plots of a dataset card, from its record."""
    with TemporaryDirectory() as folder:
        for name, plot in (("output_length.png", plot_lengths), ("splits.png", plot_splits)):
            path, file = f"assets/{name}", Path(folder) / name
            plot(state.dataset, file)
            published, code = state.read(path), state.dataset.code
            yield same_rendering(checks, path, published, file.read_bytes(), code, "dataset_builder")


def check_report(checks: Checks, state: RepoState, folder: str) -> Iterator[Line]:
    """The formatting of report.json, then the page and the plots, from report.json and predictions.parquet."""
    record, raw = state.report(folder), state.require(f"{folder}/{REPORT}")
    yield checks.equal(f"{REPORT} as it is written", raw == record.to_json(), True)
    page, plots = render(record.to_json(), state.require(f"{folder}/{PREDICTIONS}"))
    for name, png in plots.items():
        yield same_rendering(checks, name, state.read(f"{folder}/{name}"), png, record.code, "evaluation")
    names = {path.removeprefix(f"{folder}/") for path in state.paths if path.startswith(f"{folder}/")}
    others = sorted(name for name in names - plots.keys() if name.endswith(".png"))
    yield checks.equal("pictures that this report does not draw", ", ".join(others) or "none", "none")
    published = with_links_to_this_hub(state.require(f"{folder}/{REPORT_PAGE}"), record)
    records = lambda: [record, *read_predictions(state.folder / folder / PREDICTIONS)]  # noqa: E731
    yield from same_page(checks, REPORT_PAGE, published, page, record.code, "evaluation", records)


@lru_cache(maxsize=2)  # benchmarks/tampering/verify_random.py verifies hundreds of copies of one report
def render(report: bytes, predictions: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The page, and each plot by its file name, from the bytes of report.json and predictions.parquet."""
    record = read_record(report, EvaluationRecord, REPORT)
    rows = pq.read_table(BytesIO(predictions)).to_pylist()
    plots = draw_plots(record, rows)
    page = render_page("report.html.jinja", record, rows, plots).encode()
    return page, {f"{name}.png": themes["light"] for name, themes in plots.items()}


def with_links_to_this_hub(page: bytes, record: EvaluationRecord) -> bytes:
    """The page with its links changed to this Hub's address. An embedded Hub may have had another port when it was written.

    Only links of the record's repos to known hosts are changed. A link to any other host stays, so that the page differs.
    """
    pins = (record.adapter, record.base, record.dataset, *record.benchmarks, *encoders(record.evaluation))
    repos = "|".join(re.escape(pin.repo) for pin in pins)
    hosts = "|".join(map(re.escape, ("127.0.0.1", "localhost", "huggingface.co", urlsplit(endpoint()).hostname or "")))
    pattern = rf'(?<=href=")(?:https?://(?:{hosts})(?::\d+)?)?(?=/(?:datasets/)?(?:{repos})[/"])'
    return re.sub(pattern.encode(), hub_in_links().encode(), page)
