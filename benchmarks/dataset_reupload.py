"""python benchmarks/dataset_reupload.py SOURCE [--shards 6]

Measures how much of a dataset is uploaded again when 1 % of its source changes: half of the changed rows get another description,
a quarter are deleted, and a quarter get a new row before them. The 1 % are either one range of the file, such as a revised
department, or scattered over all of it, which changes nearly every page. Two measures: by file, as a Hub with plain LFS stores
it, and by content-defined chunk, as Xet does (Gear hash, 8 to 128 KiB, 64 KiB on average). Writes
benchmarks/results/dataset_reupload.json.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages
GEAR = np.random.default_rng(0).integers(0, 2**64, 256, dtype=np.uint64)
MASK = np.uint64(0xFFFF << 48)
SMALLEST, LARGEST = 8 << 10, 128 << 10


def chunks(data: bytes) -> list[bytes]:
    """Cut data into chunks by the Gear hash of the last 64 bytes, computed by doubling, so that numpy handles all bytes at once."""
    hashes = GEAR[np.frombuffer(data, np.uint8)]
    for step in (1, 2, 4, 8, 16, 32):
        hashes[step:] = hashes[step:] + (hashes[:-step] << np.uint64(step))
    found, start = [], 0
    for cut in [*(np.flatnonzero(hashes & MASK == 0) + 1).tolist(), len(data)]:
        while cut - start > LARGEST:
            found.append(data[start : start + LARGEST])
            start += LARGEST
        if cut - start >= SMALLEST or (cut == len(data) and cut > start):
            found.append(data[start:cut])
            start = cut
    return found


def changed(source: Path, out: Path, scattered: bool) -> None:
    """Write the same file with 1 % of its lines changed."""
    chance, size, place = random.Random(1), source.stat().st_size, 0
    with source.open("rb") as old, out.open("wb") as new:
        for line in old:
            place += len(line)
            if chance.random() < 0.01 if scattered else 0.40 < place / size < 0.41:
                draw = chance.random()
                better = line.replace(b'"content": "', b'"content": "Now better than before. ', 1)
                if draw < 0.5:
                    line = better
                elif draw < 0.75:
                    continue
                else:
                    new.write(better.replace(b'"title": "', b'"title": "New: ', 1))
            new.write(line)


def build(source: Path, work: Path, rows_per_shard: int) -> Path:
    """Build the dataset; return the folder with its shards."""
    from dataset_builder.engine.local import local_engine
    from dataset_builder.options import BuildHooks, BuildOptions
    from dataset_builder.source.examine import examine_files
    from dataset_builder.source.find_files import find_files
    from dataset_builder.write_dataset import PUBLISH_FOLDER, write_dataset
    from titlecraft.records import current_code
    from titlecraft.settings import Data, Recipe

    recipe = Recipe(data=Data(rows_per_shard=rows_per_shard))
    with local_engine(1) as engine:
        files = examine_files(find_files([str(source)]), recipe.data, engine.in_order)
        hooks = BuildHooks(engine.hash(files))
        write_dataset(files, recipe, work, engine, current_code("dataset_builder"), hooks, BuildOptions(max_loss=1.0))
    return work / PUBLISH_FOLDER / "data"


def main() -> None:
    """Build both versions, compare them, and write the shares."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("source", type=Path)
    options.add_argument("--rows-per-shard", type=int, default=15_000)
    asked = options.parse_args()
    result = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        old = read(build(asked.source, work / "old", asked.rows_per_shard))
        files = {hashlib.sha256(data).digest() for data in old}
        known = {hashlib.sha256(chunk).digest() for data in old for chunk in chunks(data)}
        for name in ("one stretch", "scattered"):
            changed(asked.source, work / "changed.json", scattered=name == "scattered")
            new = read(build(work / "changed.json", work / name, asked.rows_per_shard))
            size = sum(map(len, new))
            fresh = [chunk for data in new for chunk in chunks(data) if hashlib.sha256(chunk).digest() not in known]
            by_file = sum(len(data) for data in new if hashlib.sha256(data).digest() not in files)
            result[name] = {
                "megabytes": round(size / 1e6, 1),
                "share_by_file": round(by_file / size, 3),
                "share_by_chunk": round(sum(map(len, fresh)) / size, 3),
            }
    (HERE / "results" / "dataset_reupload.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


def read(folder: Path) -> list[bytes]:
    """Return the contents of a folder's files, in order of their names."""
    return [file.read_bytes() for file in sorted(folder.iterdir())]


if __name__ == "__main__":
    main()
