"""Verify copies of the published adapter and dataset, each with one change; prints JSON: name -> claims that do not hold.

python tests/main_job/tampered.py ADAPTER DATASET trn.json.gz
"""

import contextlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from model_card.verification.lines.line import Level
from model_card.verification.repo_state import RepoState
from model_card.verification.run import find, verify_state
from titlecraft.hub.checksums import read_sums, write_sums
from titlecraft.records import describe_file, file_sha256
from titlecraft.records.repo_files import CHECKSUMS


def replace(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace the first occurrence of a text in a file."""

    def change(folder: Path) -> None:
        text = (folder / path).read_text(encoding="utf-8")
        assert old in text, (path, old)
        (folder / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def set_cells(pattern: str, row: int, cells: dict[str, Any]) -> Callable[[Path], None]:
    """Change cells of one row of a parquet file. A function computes the new value from the old one."""

    def change(folder: Path) -> None:
        (path,) = folder.glob(pattern)
        table = pq.read_table(path)
        columns = table.to_pydict()
        for name, value in cells.items():
            columns[name][row] = value(columns[name][row]) if callable(value) else value
        pq.write_table(pa.table(columns, schema=table.schema), path, compression="zstd")

    return change


def add_words(folder: Path) -> None:
    """Add a section, a tag and a file, as people may do on the Hub."""
    card = (folder / "README.md").read_text(encoding="utf-8")
    card = card.replace("\ntags:\n", "\ntags:\n- mine\n", 1) + "\n\n\n## My notes\n\n12 of 34 are wrong.\n"
    (folder / "README.md").write_text(card, encoding="utf-8")
    (folder / "notes.txt").write_text("56")


def second_result(folder: Path) -> None:
    """Replace our result by one with other numbers, and move ours into a collapsed block."""
    card = (folder / "README.md").read_text(encoding="utf-8")
    real = card[card.index("<!-- titlecraft:result -->") : card.index("<!-- /titlecraft:result -->") + 27]
    forged = real.replace("0.", "0.0")
    text = f"{card.replace(real, forged)}\n<details><summary> </summary>\n\n{real}\n\n</details>\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


def exchange_tokens(folder: Path) -> None:
    """Exchange the ids of two tokens of the tokenizer."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    one, other = sorted(vocabulary)[300:302]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


def add_report(report: str) -> Callable[[Path], None]:
    """Copy the report to a folder with another id."""

    def change(folder: Path) -> None:
        shutil.copytree(folder / report, folder / "evaluation" / ("0" * 12))

    return change


def write(path: str, text: str) -> Callable[[Path], None]:
    """Add a file."""

    def change(folder: Path) -> None:
        (folder / path).write_text(text)

    return change


def recompute_checksums(folder: Path) -> None:
    """Recompute checksums and sizes in report.json and dataset_record.json, and SHA256SUMS."""
    for path in [*folder.glob("evaluation/*/report.json"), *folder.glob("dataset_record.json")]:
        record, text = json.loads(path.read_text()), path.read_text()
        files = [
            *record.get("files", []),
            *(one for split in record.get("splits", {}).values() for one in split["files"]),
        ]
        for file in files:
            now = describe_file(path.parent, path.parent / file["path"])
            text = text.replace(file["sha256"], now.sha256).replace(
                f'"bytes": {file["bytes"]},', f'"bytes": {now.bytes},'
            )
        path.write_text(text)
    sums = dict.fromkeys(read_sums((folder / CHECKSUMS).read_bytes(), CHECKSUMS))
    sums |= dict.fromkeys(path.name for path in folder.iterdir() if path.is_file())
    (folder / CHECKSUMS).write_bytes(write_sums({path: file_sha256(folder / path) for path in sums}))


def main(adapter: str, dataset: str, source: str) -> dict[str, list[str]]:
    """Name of each change -> the claims that do not hold after it."""
    states = {name: RepoState.download(find(name)) for name in (adapter, f"datasets/{dataset}")}
    model, data = states
    record = states[model].training
    report = states[model].report_folders()[0]
    measures = states[model].report(report).measures
    mean = str(measures[0].after)
    flipped = record.dataset.revision[:-1] + ("0" if record.dataset.revision[-1] != "0" else "1")
    more = {"nll_per_token_after": lambda value: value * 2, "bits_per_byte_after": lambda value: value * 2}
    table: dict[str, tuple[str, Level, bool, Callable[[Path], None]]] = {
        "a digit of the card": (model, "card", False, replace("README.md", f"**{record.examples.seen:,}**", f"**{record.examples.seen + 1:,}**")),
        "a number of the record": (model, "card", True, replace("training_record.json", '"trainable_parameters": ', '"trainable_parameters": 1')),
        "a pin of the record": (model, "card", True, replace("training_record.json", record.dataset.revision, flipped)),
        "a byte of a file": (model, "card", False, replace("tokenizer_config.json", "{", "{ ")),
        "a file less": (data, "card", False, lambda folder: (folder / "assets" / "splits.png").unlink()),
        "a report more": (model, "card", False, add_report(report)),
        "a digit of the report": (model, "scores", True, replace(f"{report}/report.json", mean, "1" + mean)),
        "a text of the predictions": (model, "scores", True, set_cells(f"{report}/predictions.parquet", 3, {"after": "A lamp. It is red."})),
        "a row of the predictions": (model, "scores", True, set_cells(f"{report}/predictions.parquet", 3, {"uid": "B000000001"})),
        "likelihoods of the predictions": (model, "predictions", True, set_cells(f"{report}/predictions.parquet", 3, more)),
        "a word of the data": (data, "data", True, set_cells("data/test-*.parquet", 0, {"title": "Another title"})),
        "a second result": (model, "card", False, second_result),
        "an imitated table": (data, "card", False, replace("README.md", "\n<!-- /titlecraft:build -->", "\n<!-- /titlecraft:build -->\n\n| BLEU |\n|---|\n| 99 |")),
        "a key twice": (model, "card", False, replace("README.md", "\ntags:\n", "\nlicense: apache-2.0\ntags:\n")),
        "tokens that changed places": (model, "card", True, exchange_tokens),
        "a key of the adapter's config": (model, "card", True, replace("adapter_config.json", '"task_type": "CAUSAL_LM"', '"task_type": "CAUSAL_LM", "use_rslora": true')),
        "a pickle beside the adapter": (model, "card", True, write("adapter_model.bin", "x")),
        "a person's words": (data, "card", False, add_words),
        "a digit of the dataset's record": (data, "card", True, replace("dataset_record.json", '"published": ', '"published": 1')),
    }  # fmt: skip
    results = {}
    for name, (repo, level, recomputed, change) in table.items():
        with tempfile.TemporaryDirectory() as temporary, contextlib.redirect_stdout(io.StringIO()):
            folder = Path(temporary) / "repo"
            shutil.copytree(states[repo].folder, folder)
            change(folder)
            if recomputed:
                recompute_checksums(folder)
            state = RepoState.of_folder(states[repo].pin, folder)
            failures = verify_state(state, level, [source] if level == "data" else []).failures()
            results[name] = [f"{line.level}: {line.claim.replace(report, 'report')}" for line in failures]
    return results


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
