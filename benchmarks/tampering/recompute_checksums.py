"""Covers up a change like an attacker: recomputes all checksums and sizes, and renders card, page and plots with our own code."""

import json
from pathlib import Path
from typing import Any

from dataset_builder.card.plots import plot_lengths, plot_splits
from evaluation.report.write import write_report
from model_card.verification.level_card.pins import key_of
from model_card.verification.level_card.text.card import expected_card
from model_card.verification.repo_state import RepoState
from titlecraft.cards.lineage_picture import draw_adapter
from titlecraft.hub.checksums import write_sums
from titlecraft.records import (
    DATASET_RECORD,
    REPORT,
    TRAINING_RECORD,
    DatasetRecord,
    EvaluationRecord,
    Pin,
    describe_file,
    digest,
    file_sha256,
    read_record,
)
from titlecraft.records.lineage import result_of
from titlecraft.records.repo_files import CHECKSUMS, LINEAGE_PICTURE


def recompute_and_render(folder: Path, pin: Pin, pages: bool = True) -> bool:
    """Update the records, render everything and update SHA256SUMS. Returns whether everything could be rendered.

    `pages=False` leaves the pages and plots of reports as they are: they have the change.

    A record with a pin that does not exist, or with contradictory counts, has no card. The old card then stays.
    """
    update_records(folder)
    rendered = True
    try:
        recompute_keys(folder, pin)
        if pages:
            render(folder, pin)
        (folder / "README.md").write_text(expected_card(RepoState.of_folder(pin, folder)), encoding="utf-8")
    except Exception as error:
        print(f"not rendered: {error}", flush=True)
        rendered = False
    list_all_files(folder)
    return rendered


def recompute_keys(folder: Path, pin: Pin) -> None:
    """Write the key of each record over its changed inputs, and rename a report's folder after its key."""
    state = RepoState.of_folder(pin, folder)
    if pin.type == "dataset":
        replace_key(folder / DATASET_RECORD, state.dataset.key, digest(state.dataset.key_inputs()))
        return
    replace_key(folder / TRAINING_RECORD, state.training.key, state.training.key_inputs().key)
    state = RepoState.of_folder(pin, folder)
    for name in state.readable_reports():
        report = state.report(name)
        key = key_of(state, report)
        replace_key(folder / name / REPORT, report.key, key)
        if name == f"evaluation/{report.id}" and key[:12] != report.id:
            (folder / name).rename(folder / "evaluation" / key[:12])


def replace_key(path: Path, old: str, new: str) -> None:
    """Replace the key of a record, and the id that begins a report's key."""
    text = path.read_text(encoding="utf-8").replace(old, new).replace(f'"id": "{old[:12]}"', f'"id": "{new[:12]}"')
    path.write_text(text, encoding="utf-8")


def update_records(folder: Path) -> None:
    """Write the current size and sha256 of each listed file into the records. Unreadable records stay as they are."""
    for path in [*folder.glob("*_record.json"), *folder.glob("evaluation/*/report.json")]:
        text = path.read_text()
        try:
            record = json.loads(text)
        except ValueError:
            continue
        for file in listed_files(record):
            now = describe_file(path.parent, path.parent / file["path"])
            text = text.replace(file["sha256"], now.sha256)
            sha256 = line_with(text, now.sha256)
            text = text.replace(f'"bytes": {file["bytes"]},\n{sha256}', f'"bytes": {now.bytes},\n{sha256}')
        path.write_text(text)


def listed_files(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files that a record lists."""
    splits = record.get("splits", {}).values()
    return [*record.get("files", []), *(file for split in splits for file in split["files"])]


def line_with(text: str, sha256: str) -> str:
    """Return the line of a record with this sha256, up to the end of the sha256."""
    position = text.index(sha256)
    return text[text.rfind("\n", 0, position) + 1 : position + len(sha256)]


def list_all_files(folder: Path) -> None:
    """Write SHA256SUMS over all files of a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != ".gitattributes"]
    (folder / CHECKSUMS).write_bytes(
        write_sums({path.relative_to(folder).as_posix(): file_sha256(path) for path in paths})
    )


def render(folder: Path, pin: Pin) -> None:
    """Render plots and pages from the changed records."""
    if pin.type == "dataset":
        record = read_record((folder / "dataset_record.json").read_bytes(), DatasetRecord, "record")
        plot_lengths(record, folder / "assets" / "output_length.png")
        plot_splits(record, folder / "assets" / "splits.png")
        return
    for path in folder.glob("evaluation/*/report.json"):
        write_report(read_record(path.read_bytes(), EvaluationRecord, "report"), path.parent)
    state = RepoState.of_folder(pin, folder)
    results = [result_of(state.report(name), "") for name in state.readable_reports()]
    draw_adapter(state.training.dataset, state.training.base, pin.repo, results, folder / LINEAGE_PICTURE)
