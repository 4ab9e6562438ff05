"""Compares two published reports for `titlecraft evaluate --compare A B`; writes compare.json and compare.html to a folder."""

from pathlib import Path

from huggingface_hub import HfApi

from evaluation.report.pages import draw_plots, render_page
from evaluation.report.predictions import read_predictions
from evaluation.side_by_side.comparison import ComparisonRecord, Published, compare_reports
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import download, pin
from titlecraft.records import PREDICTIONS, REPORT, EvaluationRecord, Pin, file_sha256, read_record

JSON, HTML = "compare.json", "compare.html"


def compare_published(a: str, b: str, out: Path) -> ComparisonRecord:
    """Compare the adapters of two reports, each NS/NAME[@REV] or NS/NAME[@REV]:evaluation/ID, and write both files to `out`.

    Raises UserError if there is no such report, the reports are not comparable, or the Hub is unreachable.
    """
    record, rows = compare_reports(read_published(a), read_published(b))
    out.mkdir(parents=True, exist_ok=True)
    (out / JSON).write_bytes(record.to_json())
    page = render_page("compare.html.jinja", record, rows, draw_plots(record, rows))
    (out / HTML).write_text(page, encoding="utf-8")
    return record


def read_published(reference: str) -> Published:
    """The report that a reference names; without a folder, the newest one of the repo. Raises UserError if there is none."""
    repo, colon, folder = reference.partition(":")
    pinned = pin(repo, "model")
    folder = folder.strip("/") if colon else newest(pinned)
    local = download(pinned, [f"{folder}/{REPORT}", f"{folder}/{PREDICTIONS}"]) / folder
    if not (local / REPORT).is_file() or not (local / PREDICTIONS).is_file():
        reports = ", ".join(f"{pinned.repo}:{name}" for name in report_folders(pinned)) or "none"
        raise UserError(f"{pinned} has no {folder}/{REPORT} with its {PREDICTIONS}; its reports: {reports}")
    record = read_record((local / REPORT).read_bytes(), EvaluationRecord, f"{folder}/{REPORT} of {pinned}")
    sha256_of = {file.path: file.sha256 for file in record.files}
    if file_sha256(local / PREDICTIONS) != sha256_of[PREDICTIONS]:
        raise UserError(f"{folder}/{PREDICTIONS} of {pinned} is not the file that {REPORT} describes: evaluate anew")
    return Published(pinned, record, read_predictions(local / PREDICTIONS))


def report_folders(pinned: Pin) -> list[str]:
    """Folders with a report in the pinned repo, sorted."""
    with hub_errors(f"looking for reports in {pinned}", pinned.repo, pinned.type):
        files = HfApi().list_repo_files(pinned.repo, revision=pinned.revision)
    paths = [Path(file) for file in files]
    return sorted(path.parent.as_posix() for path in paths if path.match(f"evaluation/*/{REPORT}"))


def newest(pinned: Pin) -> str:
    """Folder of the report with the newest commit at or before the pin. Raises UserError if there is no report."""
    folders = report_folders(pinned)
    if not folders:
        raise UserError(
            f"{pinned} has no report: make one with `titlecraft evaluate --adapter {pinned.repo}`, or name one by "
            f"{pinned.repo}@REVISION:evaluation/ID"
        )
    with hub_errors(f"looking for the newest report of {pinned}", pinned.repo, pinned.type):
        paths = [f"{folder}/{REPORT}" for folder in folders]
        infos = HfApi().get_paths_info(pinned.repo, paths, revision=pinned.revision, expand=True)
    dates = [(info.last_commit.date, info.path) for info in infos if info.last_commit is not None]
    return Path(max(dates)[1]).parent.as_posix()
