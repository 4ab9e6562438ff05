"""What a forger does after a tampering, for verify.py: mend hashes and sizes, and draw everything anew with our own code."""

import json
from pathlib import Path
from typing import Any


def cover_up(folder: Path, type: str, pin: Any) -> bool:
    """What a forger does who has our code: mend every hash and size, and draw card, page and plots anew.

    Returns whether all could be drawn: of a record whose pin is nowhere, or whose counts contradict each other, there is no
    card any more, and the old one stays.
    """
    from model_card.verification.level_card.text.card import rerendered
    from model_card.verification.repo_state import RepoState
    from titlecraft.hub.checksums import SUMS, read_sums, write_sums
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
    whole = True
    try:
        redraw(folder, type, pin)
        (folder / "README.md").write_text(rerendered(RepoState.of_folder(pin, folder)), encoding="utf-8")
    except Exception as error:
        print(f"not drawn anew: {error}", flush=True)
        whole = False
    sums = read_sums((folder / SUMS).read_bytes(), SUMS)
    (folder / SUMS).write_bytes(write_sums({path: file_sha256(folder / path) for path in sums}))
    return whole


def indent(text: str, sha256: str) -> str:
    """The line with this sha256 as it stands in a record, from its first blank to the key's end."""
    place = text.index(sha256)
    return text[text.rfind("\n", 0, place) + 1 : place + len(sha256)]


def redraw(folder: Path, type: str, pin: Any) -> None:
    """Plots and pages from the tampered records."""
    if type == "dataset":
        from dataset_builder.card.plots import plot_lengths, plot_splits
        from titlecraft.records import DatasetRecord, read_record

        record = read_record((folder / "dataset_record.json").read_bytes(), DatasetRecord, "record")
        plot_lengths(record, folder / "assets" / "output_length.png")
        plot_splits(record, folder / "assets" / "splits.png")
        return
    from evaluation.report.write import write_report
    from titlecraft.records import EvaluationRecord, read_record

    for path in folder.glob("evaluation/*/report.json"):
        write_report(read_record(path.read_bytes(), EvaluationRecord, "report"), path.parent)
    draw_lineage(folder, pin)


def draw_lineage(folder: Path, pin: Any) -> None:
    """The picture of an adapter's lineage, which shows the reports."""
    from model_card.verification.repo_state import RepoState
    from titlecraft.cards.lineage_picture import draw_adapter
    from titlecraft.records.lineage import LINEAGE_PICTURE, result_of

    state = RepoState.of_folder(pin, folder)
    results = [result_of(state.report(name), "") for name in state.readable_reports()]
    draw_adapter(state.training.dataset, state.training.base, pin.repo, results, folder / LINEAGE_PICTURE)
