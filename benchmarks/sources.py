"""python benchmarks/sources.py DATASET [--queries 300]

Compares the playground's row index with SQLite's FTS5, for indexing a dataset and for searching it: the same rows, the same
words, the five best by BM25. DATASET is the folder of a downloaded dataset (with data/*.parquet); the full-size one is built
from world/generate_catalogue.py's catalogue. Each part runs in its own process. Writes results/sources.json.

Queries are of four kinds, a quarter each: a title of the dataset, a title with an edition after it, words of two titles, and a
question about a title.
"""

import argparse
import json
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from benchmarks.bars import bar  # noqa: E402

QUERY_MS, QUERY_GB, RIVAL_QUERIES, SHOWN, REPEATS = 50, 2.0, 20, 5, 3


def pin() -> Any:
    """Return a pin for the dataset, which is not published."""
    from titlecraft.records import Pin

    return Pin(type="dataset", repo="benchmark/dataset", revision="0" * 40)


def build(dataset: Path, work: Path) -> dict[str, Any]:
    """Build the row index."""
    from titlecraft.search.row_index import RowIndex
    from titlecraft.search.row_index_build import ensure_index

    start = time.perf_counter()
    ensure_index(work / "index", pin(), lambda: dataset)
    seconds = time.perf_counter() - start
    rows = len(RowIndex(work / "index", pin()))
    return {"rows": rows, "rows_per_second": round(rows / seconds), "bytes": size(work / "index")}


def query(index: Path, work: Path) -> dict[str, Any]:
    """Search the row index with title and text, then with titles alone."""
    from titlecraft.search.row_index import RowIndex

    start = time.perf_counter()
    opened = RowIndex(index, pin())
    found = {"open_seconds": round(time.perf_counter() - start, 2)}
    asked = json.loads((index.parent / "queries.json").read_text())
    found |= timed(lambda text: opened.search(text, SHOWN), asked)
    found["exact_found"] = sum(opened.search(text, SHOWN)[0].match == "exact" for text in asked[::4])
    from titlecraft.process.machine import peak_memory

    found["most_resident_gb"] = round(peak_memory() / 1e9, 3)
    del opened.fields["text"]
    return found | {"titles_only": timed(lambda text: opened.search(text, SHOWN), asked)}


def rival_build(dataset: Path, work: Path) -> dict[str, Any]:
    """Build an FTS5 table of the same rows."""
    import pyarrow.parquet as pq

    start = time.perf_counter()
    base = sqlite3.connect(work / "fts.db")
    base.execute("PRAGMA journal_mode = OFF")
    base.execute("CREATE VIRTUAL TABLE rows USING fts5(title, text, uid UNINDEXED)")
    for file in sorted((dataset / "data").glob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(8192, columns=["title", "output", "uid"]):
            base.executemany(
                "INSERT INTO rows VALUES (?, ?, ?)", zip(*(one.to_pylist() for one in batch.columns), strict=True)
            )
    base.commit()
    (rows,) = base.execute("SELECT count(*) FROM rows").fetchone()
    seconds = time.perf_counter() - start
    return {"rows": rows, "rows_per_second": round(rows / seconds), "bytes": size(work)}


def rival_query(index: Path, work: Path) -> dict[str, Any]:
    """Search the FTS5 table for any of the words."""
    from titlecraft.search.scripts import query_words

    base = sqlite3.connect(index.parent / "rival" / "fts.db")
    asked = json.loads((index.parent / "queries.json").read_text())[:RIVAL_QUERIES]

    def search(text: str) -> list:
        words = " OR ".join(f'"{word}"' for word in query_words(text))
        return base.execute("SELECT * FROM rows WHERE rows MATCH ? ORDER BY rank LIMIT ?", (words, SHOWN)).fetchall()

    return timed(search, [text for text in asked if query_words(text)])


def timed(search: Any, asked: list[str]) -> dict[str, Any]:
    """Return the milliseconds of a query: the fastest of REPEATS, because other programs use the cores; the first is separate."""
    times, used = [], []
    for text in [asked[0], *asked]:
        clock, cpu = [], []
        for _ in range(REPEATS if times else 1):
            start, begun = time.perf_counter(), time.process_time()
            search(text)
            clock.append(1000 * (time.perf_counter() - start))
            cpu.append(1000 * (time.process_time() - begun))
        times.append(min(clock))
        used.append(min(cpu))
    median, p95 = np.percentile(times[1:], [50, 95]).round(2).tolist()
    return {
        "queries": len(asked),
        "first_ms": round(times[0], 1),
        "median_ms": median,
        "p95_ms": p95,
        "most_ms": round(max(times[1:]), 1),
        "cpu_p95_ms": round(float(np.percentile(used[1:], 95)), 2),
    }


def make_queries(dataset: Path, count: int) -> list[str]:
    """Return queries of the four kinds in turn, the same for the same dataset."""
    import pyarrow.parquet as pq

    files = sorted((dataset / "data").glob("*.parquet"))
    titles = [title for file in files for title in pq.read_table(file, columns=["title"]).column(0).to_pylist()]
    chance, found = random.Random(7), []
    while len(found) < count:
        one, other = chance.choice(titles), chance.choice(titles)
        mixed = " ".join([*one.split()[:2], *other.split()[-2:]])
        found += [one, f"{one} (Paperback, 2nd Edition)", mixed, f"Could you tell me who would like {one}, and why?"]
    return found[:count]


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    """Run the parts, compare them, and write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("dataset", type=Path, nargs="?")
    options.add_argument("--queries", type=int, default=300)
    options.add_argument("--part", choices=["build", "query", "rival_build", "rival_query"])
    options.add_argument("--source", type=Path)
    options.add_argument("--work", type=Path)
    asked = options.parse_args()
    if asked.part:
        print(json.dumps(globals()[asked.part](asked.source, asked.work)))
        return
    from benchmarks.world.own_process import measure

    with tempfile.TemporaryDirectory(dir=asked.dataset.parent) as temporary:
        work, script = Path(temporary), Path(__file__).resolve()
        built = measure(script, "build", asked.dataset, work / "ours")
        (work / "ours" / "queries.json").write_text(json.dumps(make_queries(asked.dataset, asked.queries)))
        index = work / "ours" / "index"
        queried = measure(script, "query", index, work / "query")
        rival_built = measure(script, "rival_build", asked.dataset, work / "ours" / "rival")
        rival_queried = measure(script, "rival_query", index, work / "rival_query")
    bars = [
        bar("query_ms", queried["p95_ms"], QUERY_MS, "ms, 95th percentile, title and text, with the rows' texts"),
        bar("query_peak_gb", queried["most_resident_gb"], QUERY_GB, "GB resident of the whole process that queries"),
    ]
    result = {
        "rows": built["rows"],
        "shown": SHOWN,
        "bars": bars,
        "measured": {"build": built, "query": queried},
        "rival": {"name": f"SQLite {sqlite3.sqlite_version} FTS5", "build": rival_built, "query": rival_queried},
    }
    (HERE / "results" / "sources.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(bars, indent=2))


if __name__ == "__main__":
    main()
