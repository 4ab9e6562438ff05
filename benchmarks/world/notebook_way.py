"""The code of notebooks that fine-tune on this file, for comparison with the dataset builder."""

import json
import time
from pathlib import Path

PROMPT = "Below is an instruction…\n\n### Instruction:\n{}\n\n### Input:\n{}\n\n### Response:\n{}"


def parse_as_notebook(source: Path, work: Path) -> dict[str, float]:
    """Run only the notebook's parsing: every line by json.loads into one list, filter, json.dump."""
    started, rows = time.monotonic(), []
    with source.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            try:
                row = json.loads(line)
                row["title"].encode(), row["content"].encode()
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
            rows.append(row)
    kept = [row for row in rows if row["title"].strip() and row["content"].strip()]
    records = [{"instruction": "DESCRIBE THE PRODUCT", "input": row["title"], "output": row["content"]} for row in kept]
    with (work / "alpaca.json").open("w") as stream:
        json.dump(records, stream)
    return {"parsing_seconds": round(time.monotonic() - started, 2)}


def notebook(source: Path, work: Path) -> dict[str, float]:
    """Run the notebook's code: json.loads into a list, filter, json.dump, then load_dataset(...).map(...) to parquet."""
    parsed = parse_as_notebook(source, work)
    from datasets import load_dataset

    rows = load_dataset(
        "json",
        data_files=str(work / "alpaca.json"),
        split="train",
        cache_dir=str(work / "cache"),
        trust_remote_code=False,
    )

    def to_text(batch: dict[str, list[str]]) -> dict[str, list[str]]:
        columns = (batch["instruction"], batch["input"], batch["output"])
        return {"text": [PROMPT.format(*row) + "</s>" for row in zip(*columns, strict=True)]}

    rows.map(to_text, batched=True).to_parquet(str(work / "rows.parquet"))
    return {**parsed, "rows": len(rows)}


def lean(source: Path, work: Path) -> dict[str, float]:
    """Run an improved version of the notebook's parsing, which keeps only title and content, in two lists."""
    titles, contents = [], []
    with source.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            try:
                row = json.loads(line)
                if row["title"].strip() and row["content"].strip():
                    titles.append(row["title"])
                    contents.append(row["content"])
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
    with (work / "alpaca.json").open("w") as stream:
        json.dump({"input": titles, "output": contents}, stream)
    return {"rows": len(titles)}
