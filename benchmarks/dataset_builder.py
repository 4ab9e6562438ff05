"""python benchmarks/dataset_builder.py [--rows 2248619] [--keep FOLDER]

The dataset builder against the notebook's way, on the full-size synthetic catalogue, each in a process of its own, one
after another on the same machine. Writes benchmarks/results/dataset_builder.json. About 20 minutes on two cores.

Memory is the proportional set size (PSS) of the whole tree of processes, read twice a second: pages that processes
share count once (of a process over 2 GB the resident set size, since reading the other would hold it up). Ours is timed from the start of the interpreter to the finished folder, sha256 of the source included,
without the upload, which the notebook does not have.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
GENERATOR = HERE.parent.parent / "shared" / "tools" / "make_trn.py"
RESULTS = HERE / "results" / "dataset_builder.json"
PROMPT = "Below is an instruction…\n\n### Instruction:\n{}\n\n### Input:\n{}\n\n### Response:\n{}"


def parse_as_notebook(source: Path, work: Path) -> dict[str, float]:
    """Its parsing part alone: every line by json.loads into one list, filter, json.dump."""
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
    """The notebook's way: json.loads into a list, filter, json.dump, then load_dataset(...).map(...) to parquet."""
    parsed = parse_as_notebook(source, work)
    from datasets import load_dataset

    rows = load_dataset("json", data_files=str(work / "alpaca.json"), split="train", cache_dir=str(work / "cache"))

    def to_text(batch: dict[str, list[str]]) -> dict[str, list[str]]:
        columns = (batch["instruction"], batch["input"], batch["output"])
        return {"text": [PROMPT.format(*row) + "</s>" for row in zip(*columns, strict=True)]}

    rows.map(to_text, batched=True).to_parquet(str(work / "rows.parquet"))
    return {**parsed, "rows": len(rows)}


def lean(source: Path, work: Path) -> dict[str, float]:
    """A better notebook's parsing, for comparison: only title and content are held, in two lists."""
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


def ours(source: Path, work: Path, near: bool) -> dict[str, Any]:
    """Both passes of the builder."""
    from dataset_builder.build import write_dataset
    from dataset_builder.catalogue import examine_files, find_files
    from dataset_builder.engine import local_engine
    from titlecraft.prompt import PromptFormat
    from titlecraft.records import current_code
    from titlecraft.settings import Data, Recipe

    recipe = Recipe(data=Data(near_duplicates=near))
    folder = work / "publish"
    folder.mkdir()
    with local_engine(2) as engine:
        files = examine_files(find_files([str(source)]), engine.in_order)
        record, _ = write_dataset(
            files, recipe, PromptFormat.from_settings(recipe.prompt), work, folder, engine, key="0" * 64,
            code=current_code("dataset_builder", "pyarrow", "rensa"),
        )  # fmt: skip
    parquet = sum(file.bytes for split in record.splits.values() for file in split.files)
    leakage = {name: one.near_duplicates for name, one in record.leakage.items()}
    largest = max(split.largest_group for split in record.splits.values())
    return {
        "rows": record.published,
        "parquet_mb": parquet / 1e6,
        "near_duplicates_in_file": record.near_duplicates,
        "near_duplicates_leaked": leakage,
        "largest_group": largest,
    }


def floor_read(source: Path, work: Path) -> dict[str, Any]:
    """Reading the blocks alone (and gunzip, where it is .gz)."""
    from dataset_builder.source import read_blocks

    return {"bytes": sum(len(block.data) for block in read_blocks(str(source)))}


def floor_parse(source: Path, work: Path) -> dict[str, Any]:
    """orjson over every line in one process, nothing else."""
    import orjson

    good = 0
    with source.open("rb") as stream:
        for line in stream:
            try:
                orjson.loads(line)
                good += 1
            except orjson.JSONDecodeError:
                continue
    return {"lines": good}


def floor_write(source: Path, work: Path) -> dict[str, Any]:
    """Reading the published parquet and writing it again, in one process. `source` is a folder with the shards."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from dataset_builder.alpaca import write_parquet

    for index, file in enumerate(sorted(source.glob("*.parquet"))):
        batches = pq.ParquetFile(file).iter_batches(batch_size=2000)
        write_parquet((pa.Table.from_batches([batch]) for batch in batches), work / f"{index}.parquet")
    return {}


PARTS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "notebook": notebook,
    "lean": lean,
    "ours": lambda source, work: ours(source, work, near=False),
    "near": lambda source, work: ours(source, work, near=True),
    "floor_read": floor_read,
    "floor_parse": floor_parse,
    "floor_write": floor_write,
}


def tree(root: int) -> list[int]:
    """A process and all below it."""
    found, todo = [], [root]
    while todo:
        found.append(process := todo.pop())
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                todo += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def memory(root: int) -> int:
    """PSS of a tree of processes, in bytes; RSS of large ones."""
    total = 0
    for process in tree(root):
        try:
            resident = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            if resident > 2e9:
                total += resident
                continue
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has just ended
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def measure(part: str, source: Path, folder: Path) -> dict[str, Any]:
    """Run one part in a process of its own; seconds, peak memory in GB, and what the part says of itself."""
    work = folder / f"{part}-{source.suffix.removeprefix('.') or 'folder'}"
    work.mkdir()
    # -P: or this very file would be imported where `dataset_builder` is meant
    command = [sys.executable, "-P", __file__, "--part", part, "--source", str(source), "--work", str(work)]
    started, peak = time.monotonic(), 0
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.5)
        seconds = time.monotonic() - started
        said = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{part} on {source} ended with status {process.returncode}")
    found = {"seconds": round(seconds, 2), "peak_memory_gb": round(peak / 1e9, 3), **json.loads(said.splitlines()[-1])}
    print(f"{part:<12}{source.name:<14}{json.dumps(found)}", flush=True)
    return found


def bar(name: str, value: float, bar: float, unit: str, larger: bool = False) -> dict[str, Any]:
    """One bar of the issue; `larger`: the value must be at least the bar, otherwise at most."""
    return {
        "name": name,
        "value": round(value, 3),
        "bar": bar,
        "unit": unit,
        "holds": value >= bar if larger else value <= bar,
    }


def main() -> None:
    """Measure all parts, judge the bars, write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=2_248_619)
    options.add_argument("--keep", type=Path, help="folder for the catalogue, kept for the next time")
    options.add_argument("--out", type=Path, default=RESULTS)
    for hidden in ("--part", "--source", "--work"):
        options.add_argument(hidden, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.part:
        print("\n" + json.dumps(PARTS[asked.part](Path(asked.source), Path(asked.work))))
        return
    with tempfile.TemporaryDirectory(dir=asked.keep) as temporary:
        folder = Path(temporary)
        source = (asked.keep or folder) / f"trn-{asked.rows}.json"
        if not source.exists():
            subprocess.run([sys.executable, str(GENERATOR), str(source), "--rows", str(asked.rows)], check=True)
        packed = source.with_suffix(".json.gz")
        if not packed.exists():
            from isal import igzip

            with source.open("rb") as plain, igzip.open(packed, "wb", compresslevel=2) as stream:
                while block := plain.read(1 << 24):
                    stream.write(block)
        measured = {
            "ours": measure("ours", source, folder),
            "ours, gz": measure("ours", packed, folder),
            "near": measure("near", source, folder),
            "notebook": measure("notebook", source, folder),
            "floor: read": measure("floor_read", source, folder),
            "floor: read and gunzip": measure("floor_read", packed, folder),
            "floor: parse, one process": measure("floor_parse", source, folder),
            "floor: write, one process": measure("floor_write", folder / "ours-json" / "publish" / "data", folder),
            "a leaner notebook's parsing": measure("lean", source, folder),
        }
    ours_found, near, rival = measured["ours"], measured["near"], measured["notebook"]
    bars = [
        bar("x_notebook", rival["seconds"] / ours_found["seconds"], 8, "times", larger=True),
        bar("x_notebook_parsing", rival["parsing_seconds"] / ours_found["seconds"], 3.5, "times", larger=True),
        bar("peak_memory_gb", ours_found["peak_memory_gb"], 1.5, "GB"),
        bar("near_duplicates_min", near["seconds"] / 60, 3, "minutes"),
        bar("near_duplicates_memory_gb", near["peak_memory_gb"], 2, "GB"),
        bar("gz_cost", measured["ours, gz"]["seconds"] / ours_found["seconds"] - 1, 0.15, "share of the time"),
    ]
    state = "24 bytes of keys for each row in memory; 256 bytes of sketch for each row on disk with near-duplicates"
    result = {"rows": asked.rows, "cores": os.cpu_count(), "state": state, "bars": bars, "measured": measured}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=2) + "\n")
    for one in bars:
        print(
            f"{'holds' if one['holds'] else 'FAILS':<7}{one['name']:<28}{one['value']:>9} {one['unit']} (bar {one['bar']})"
        )


if __name__ == "__main__":
    main()
