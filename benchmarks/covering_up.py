"""What a forger does after a tampering, for verify.py: mend hashes and sizes, and draw everything anew with our own code."""

import json
from pathlib import Path
from typing import Any


def cover_up(folder: Path, type: str, pin: Any) -> None:
    """What a forger does who has our code: mend every hash and size, and draw card, page and plots anew."""
    from model_card.repo_state import RepoState
    from model_card.verify_card import rerendered
    from titlecraft.checksums import SUMS, read_sums, write_sums
    from titlecraft.records import describe_file, file_sha256

    for path in [*folder.glob("*_record.json"), *folder.glob("evaluation/*/report.json")]:
        record = json.loads(path.read_text())
        root = path.parent
        files = [
            *record.get("files", []),
            *(one for split in record.get("splits", {}).values() for one in split["files"]),
        ]
        text = path.read_text()
        for file in files:
            now = describe_file(root, root / file["path"])
            text = text.replace(file["sha256"], now.sha256)
            text = text.replace(f'"bytes": {file["bytes"]},\n{indent(text, now.sha256)}', f'"bytes": {now.bytes},\n{indent(text, now.sha256)}')  # fmt: skip
        path.write_text(text)
    try:
        redraw(folder, type)
        (folder / "README.md").write_text(rerendered(RepoState.of_folder(pin, folder)), encoding="utf-8")
    except Exception:  # a record that makes no card any more: the old one stays
        pass
    sums = read_sums((folder / SUMS).read_bytes(), SUMS)
    (folder / SUMS).write_bytes(write_sums({path: file_sha256(folder / path) for path in sums}))


def indent(text: str, sha256: str) -> str:
    """The line with this sha256 as it stands in a record, from its first blank to the key's end."""
    place = text.index(sha256)
    return text[text.rfind("\n", 0, place) + 1 : place + len(sha256)]


def redraw(folder: Path, type: str) -> None:
    """Plots and pages from the tampered records."""
    if type == "dataset":
        from dataset_builder.plots import plot_lengths, plot_splits
        from titlecraft.records import DatasetRecord, read_record

        record = read_record((folder / "dataset_record.json").read_bytes(), DatasetRecord, "record")
        plot_lengths(record, folder / "assets" / "output_length.png")
        plot_splits(record, folder / "assets" / "splits.png")
        return
    from evaluation.report import write_report
    from titlecraft.records import EvaluationRecord, read_record

    for path in folder.glob("evaluation/*/report.json"):
        write_report(read_record(path.read_bytes(), EvaluationRecord, "report"), path.parent)
