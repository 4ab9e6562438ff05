"""python benchmarks/build_speed.py [--rows 2248619] [--keep FOLDER] [--only PART …]

Compares the dataset builder with the notebook's code on the full-size synthetic catalogue, each in its own process, one after
another on the same machine. Writes benchmarks/results/dataset_builder.json. About 20 minutes on two cores.

Parts of the dataset builder run three times; the results are the median time and the largest memory. The time is from the
start of the interpreter to the finished folder, including the sha256 of the source, without the upload, which the notebook
does not do. With --only, some parts are measured, their bars are printed, and nothing is written.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import bar, print_bars, write_results  # noqa: E402
from benchmarks.world.notebook_way import lean, notebook  # noqa: E402
from benchmarks.world.own_process import measure  # noqa: E402
from benchmarks.world.synthetic_catalogue import FULL_ROWS, packed_catalogue, plain_catalogue  # noqa: E402

RESULTS = HERE / "results" / "dataset_builder.json"


def ours(source: Path, work: Path, near: bool) -> dict[str, Any]:
    """Run both passes of the builder."""
    from dataset_builder.engine.local import local_engine
    from dataset_builder.options import BuildHooks, BuildOptions
    from dataset_builder.source.examine import examine_files
    from dataset_builder.source.find_files import find_files
    from dataset_builder.write_dataset import write_dataset
    from titlecraft.records import current_code
    from titlecraft.settings import Data, Recipe

    recipe = Recipe(data=Data(near_duplicates=near))
    with local_engine(2) as engine:
        code = current_code("dataset_builder", "pyarrow", "rensa")
        files = examine_files(find_files([str(source)]), recipe.data, engine.in_order)
        hooks = BuildHooks(engine.hash(files))
        record = write_dataset(files, recipe, work, engine, code, hooks, BuildOptions(max_loss=1.0))
    parquet = sum(file.bytes for split in record.splits.values() for file in split.files)
    leakage = {name: one.near_duplicates for name, one in record.leakage.items()}
    largest = max(split.largest_group for split in record.splits.values())
    return {
        "rows": record.published,
        "parquet_mb": parquet / 1e6,
        "near_duplicates_in_file": record.near_duplicates,
        "near_duplicates_leaked": leakage,
        "largest_group": largest,
        "state_on_disk_bytes": sum(file.stat().st_size for file in work.iterdir() if file.is_file()),
    }


def floor_read(source: Path, work: Path) -> dict[str, Any]:
    """Only read the blocks (and decompress a .gz file)."""
    from dataset_builder.source.read_blocks import read_blocks

    return {"bytes": sum(len(block.data) for block in read_blocks(str(source)))}


def floor_parse(source: Path, work: Path) -> dict[str, Any]:
    """Only parse every line with orjson, in one process."""
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
    """Only read the published parquet and write it again, in one process. `source` is a folder with the shards."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from dataset_builder.shards.alpaca import write_parquet

    for index, file in enumerate(sorted(source.glob("*.parquet"))):
        batches = pq.ParquetFile(file).iter_batches(batch_size=2000)
        write_parquet((pa.Table.from_batches([batch]) for batch in batches), work / f"{index}.parquet")
    return {}


RUN: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "notebook": notebook,
    "lean": lean,
    "ours": lambda source, work: ours(source, work, near=False),
    "near": lambda source, work: ours(source, work, near=True),
    "floor_read": floor_read,
    "floor_parse": floor_parse,
    "floor_write": floor_write,
}
# name in the results: what runs, on which form of the catalogue, how often
PARTS = {
    "ours": ("ours", "plain", 3),
    "ours_gz": ("ours", "gz", 3),
    "near": ("near", "plain", 3),
    "notebook": ("notebook", "plain", 1),
    "floor_read": ("floor_read", "plain", 1),
    "floor_read_gz": ("floor_read", "gz", 1),
    "floor_parse": ("floor_parse", "plain", 1),
    "floor_write": ("floor_write", "what ours published", 1),
    "lean": ("lean", "plain", 1),
}


def measure_part(name: str, forms: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Return the run with the median time, the times of all runs and the largest peak. The last run's folder stays."""
    run, form, times = PARTS[name]
    found = []
    for _ in range(times):
        shutil.rmtree(folder / name, ignore_errors=True)
        found.append(measure(Path(__file__), run, forms[form], folder / name))
    median = sorted(found, key=lambda one: one["seconds"])[times // 2]
    return median | {
        "peak_memory_gb": max(one["peak_memory_gb"] for one in found),
        "all_seconds": [one["seconds"] for one in found],
    }


def judge(measured: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the bars that these parts decide."""
    bars = []
    if {"ours", "notebook"} <= measured.keys():
        seconds, rival = measured["ours"]["seconds"], measured["notebook"]
        bars.append(bar("x_notebook", rival["seconds"] / seconds, 8, "times", larger=True))
        bars.append(bar("x_notebook_parsing", rival["parsing_seconds"] / seconds, 3.5, "times", larger=True))
    if "ours" in measured:
        bars.append(bar("peak_memory_gb", measured["ours"]["peak_memory_gb"], 1.5, "GB"))
    if "near" in measured:
        bars.append(bar("near_duplicates_min", measured["near"]["seconds"] / 60, 3, "minutes"))
        bars.append(bar("near_duplicates_memory_gb", measured["near"]["peak_memory_gb"], 2, "GB"))
    if {"ours", "ours_gz"} <= measured.keys():
        cost = measured["ours_gz"]["seconds"] / measured["ours"]["seconds"] - 1
        bars.append(bar("gz_cost", cost, 0.15, "share of the time"))
    return bars


def main() -> None:
    """Measure all parts, or those of --only; print the bars; write the results of a complete run."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=FULL_ROWS)
    options.add_argument("--keep", type=Path, help="folder for the catalogue, kept for the next time")
    options.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    options.add_argument("--out", type=Path, default=RESULTS)
    for hidden in ("--part", "--source", "--work"):
        options.add_argument(hidden, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.part:
        print("\n" + json.dumps(RUN[asked.part](Path(asked.source), Path(asked.work))))
        return
    wanted = [name for name in PARTS if asked.only is None or name in asked.only]
    if "floor_write" in wanted and "ours" not in wanted:
        options.error("floor_write writes again what ours published: --only ours floor_write")
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
    measured = {}
    with tempfile.TemporaryDirectory(dir=asked.keep) as temporary:
        folder = Path(temporary)
        forms = {"plain": plain_catalogue(asked.keep or folder, asked.rows)}
        forms["what ours published"] = folder / "ours" / "publish" / "data"
        for name in wanted:
            if PARTS[name][1] == "gz":
                forms["gz"] = packed_catalogue(forms["plain"])
            measured[name] = measure_part(name, forms, folder)
            if name != "ours":
                shutil.rmtree(folder / name)
    bars = judge(measured)
    print_bars(bars)
    if asked.only is None:
        result = {"rows": asked.rows, "cores": os.cpu_count(), "bars": bars, "measured": measured}
        write_results(asked.out, result)


if __name__ == "__main__":
    main()
