"""python -m dataset_builder.export NS/NAME[@REVISION] --format conversational --out FOLDER

Converts a published dataset into another format, for tools that do not read Alpaca columns; one parquet file for each
published file. `conversational` has a column `messages` (a user turn and an assistant turn); `prompt-completion` has
`prompt`, the rendered prompt of prompt.json, and `completion`. TRL reads both formats.
"""

import argparse
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat
from titlecraft.records.repo_files import PROMPT_FILE

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
SCHEMAS = {
    "conversational": pa.schema([("messages", pa.list_(MESSAGE))]),
    "prompt-completion": pa.schema([("prompt", pa.string()), ("completion", pa.string())]),
}


def convert(row: dict[str, str], target_format: str, prompt: PromptFormat) -> dict[str, object]:
    """Convert one Alpaca row to another format."""
    if target_format == "prompt-completion":
        return {"prompt": prompt.render(row["instruction"], row["input"]), "completion": row["output"]}
    question = f"{row['instruction']}\n\n{row['input']}"
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": row["output"]}]}


def export(folder: Path, target_format: str, out: Path) -> int:
    """Convert every parquet file of a dataset folder; return the number of rows. Raise UserError if there is no file."""
    files = sorted((folder / "data").glob("*-*-of-*.parquet"))
    if not files:
        raise UserError(f"{folder} holds no data/*.parquet: expected a dataset that `titlecraft build` published")
    prompt = PromptFormat.from_json((folder / PROMPT_FILE).read_bytes(), f"{PROMPT_FILE} of {folder}")
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for file in files:
        with pq.ParquetWriter(
            out / file.name, SCHEMAS[target_format], compression="zstd", write_page_index=True
        ) as writer:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=10_000):
                rows = [convert(row, target_format, prompt) for row in batch.to_pylist()]
                writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMAS[target_format]))
                count += len(rows)
    return count


def main(arguments: list[str]) -> int:
    """Download the dataset at its pinned revision, convert it, and print the folder."""
    options = argparse.ArgumentParser(
        prog="python -m dataset_builder.export", description=(__doc__ or "").split("\n\n")[1], allow_abbrev=False
    )
    options.add_argument("dataset", help="published dataset: NAMESPACE/NAME, or with @REVISION")
    options.add_argument("--format", choices=sorted(SCHEMAS), required=True)
    options.add_argument("--out", type=Path, required=True, help="folder for the parquet files")
    parsed = options.parse_args(arguments)
    from titlecraft.hub.pins import download, pin

    try:
        pinned = pin(parsed.dataset, "dataset")
        count = export(download(pinned, ["data/*", PROMPT_FILE]), parsed.format, parsed.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{count:,} rows of {pinned} as {parsed.format} in {parsed.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
