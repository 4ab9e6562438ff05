"""python -m benchmarks.world.generate_catalogue OUT.json [--rows 2248619] [--seed 7] [--jobs 2] [--malformed 2e-4]

Writes a synthetic catalogue in the form of AmazonTitles-1.3MM's `trn.json` (JSON lines). The same rows, seed, malformed, chunk
and scale give the same bytes with any number of jobs. OUT.json.truth.json holds the number of duplicates of each kind and the
number (from 1) and kind of every malformed line.

As in the real file: the order of the keys, separators, ASCII escapes (10 % of the rows hold raw UTF-8), about 38 % empty
descriptions, log-normal lengths, HTML entities and tags, decomposed accents, scripts without spaces, emoji, control characters,
exact and near duplicates, titles with several descriptions, and about 22 labels a row.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.world.catalogue_texts import EDITIONS, near_duplicate, texts, vocabulary
from benchmarks.world.malformed_lines import KINDS, malform


class Chunk(NamedTuple):
    """Rows `first` to `first + rows` of a catalogue; `malformed` is a share of the lines."""

    seed: int
    number: int
    first: int
    rows: int
    malformed: float
    scale: float


def make_chunk(job: Chunk) -> tuple[bytes, list[tuple[int, str]], dict[str, int]]:
    """Return the lines of a chunk, the number and kind of each malformed line, and the number of duplicates of each kind."""
    seed, number, first, n, bad, scale = job
    words = vocabulary(seed)
    rng = np.random.default_rng([seed, number])
    rows = texts(words, rng, n, scale)
    u = rng.random(n).tolist()
    back = rng.random(n).tolist()
    pool = words.pool
    kinds = {"exact_dup": 0, "dup_after_normalise": 0, "near_dup": 0, "same_title": 0}
    for i in range(1, n):
        x = u[i]
        if x >= 0.14:
            continue
        src = pool[int(back[i] / 0.3 * len(pool))] if back[i] < 0.3 else rows[int((back[i] - 0.3) / 0.7 * i)]
        if x < 0.055:
            rows[i] = src
            kinds["exact_dup"] += 1
        elif x < 0.07:
            t, c = src
            rows[i] = (
                t.replace(" ", "  ", 1) + " ",
                c.replace("'", "&#39;").replace(" the ", " <b>the</b> ", 1).replace("&#8217;", "\u2019"),
            )
            kinds["dup_after_normalise"] += 1
        elif x < 0.115:
            t, c = src
            rows[i] = (t.strip() + EDITIONS[int(x * 1e6) % len(EDITIONS)], near_duplicate(c, rng) if x > 0.085 else c)
            kinds["near_dup"] += 1
        else:
            rows[i] = (src[0], rows[i][1])
            kinds["same_title"] += 1
    nl = np.clip(rng.lognormal(2.3, 1.25, n), 1, 800).astype(int)
    ends = np.cumsum(nl).tolist()
    start = rng.integers(0, 1_305_265, n)
    gaps = (rng.pareto(0.8, int(nl.sum())) * 3 + 1).astype(np.int64)
    run = np.cumsum(gaps)
    base = np.repeat(start - run[np.cumsum(nl) - nl], nl)
    lab = list(map(str, ((run + base) % 1_305_265).tolist()))
    raw = (rng.random(n) < 0.10).tolist()
    esc = [json.JSONEncoder(ensure_ascii=True).encode, json.JSONEncoder(ensure_ascii=False).encode]
    malformed = (rng.random(n) < bad).tolist()
    out, truth, a = [], [], 0
    for i in range(n):
        t, c = rows[i]
        b = ends[i]
        e = esc[raw[i]]
        k = first + i
        uid = f"{k * 37 % 10_000_000_000:010d}" if k % 3 else f"B{k * 2_654_435_761 % (1 << 36):09X}"
        ti = "[" + ", ".join(lab[a:b]) + "]"
        tr = "[" + "1.0, " * (b - a - 1) + "1.0]"
        a = b
        line = f'{{"uid": "{uid}", "title": {e(t)}, "content": {e(c)}, "target_ind": {ti}, "target_rel": {tr}}}'
        if not malformed[i]:
            out.append(line.encode("utf-8", "surrogatepass"))
            continue
        kind = KINDS[int(rng.integers(0, len(KINDS)))]
        truth.append((k + 1, kind))
        out.append(malform(kind, line, uid, t or "Untitled thing", c or "some text " * 20, ti, rng))
    return b"\n".join(out) + b"\n", truth, kinds


def generate(
    path: Path,
    rows: int,
    *,
    seed: int = 7,
    jobs: int | None = None,
    malformed: float = 2e-4,
    chunk: int = 50_000,
    scale: float = 0.9,
) -> dict[str, Any]:
    """Write a catalogue and its truth file; return the content of the truth file."""
    vocabulary(seed)  # before the processes fork, which then share it
    chunks = [
        Chunk(seed, number, first, min(chunk, rows - first), malformed, scale)
        for number, first in enumerate(range(0, rows, chunk))
    ]
    lines: list[tuple[int, str]] = []
    duplicates: dict[str, int] = {}
    size = 0
    with path.open("wb") as stream, multiprocessing.get_context("fork").Pool(jobs or os.cpu_count()) as pool:
        for data, malformed_lines, kinds in pool.imap(make_chunk, chunks):
            stream.write(data)
            size += len(data)
            lines += malformed_lines
            for kind, count in kinds.items():
                duplicates[kind] = duplicates.get(kind, 0) + count
    truth = {"rows": rows, "bytes": size, "kinds": duplicates, "odd_lines": lines}
    Path(f"{path}.truth.json").write_text(json.dumps(truth))
    return truth


def main() -> None:
    """Generate the catalogue of the options."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("out", type=Path)
    options.add_argument("--rows", type=int, default=2_248_619)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("--malformed", type=float, default=2e-4, help="share of malformed lines")
    options.add_argument("--chunk", type=int, default=50_000)
    options.add_argument("--scale", type=float, default=0.9, help="factor of the descriptions' length")
    given = options.parse_args()
    started = time.monotonic()
    truth = generate(
        given.out,
        given.rows,
        seed=given.seed,
        jobs=given.jobs,
        malformed=given.malformed,
        chunk=given.chunk,
        scale=given.scale,
    )
    print(
        f"{given.out}: {truth['rows']:,} lines, {truth['bytes'] / 1e6:,.1f} MB, {len(truth['odd_lines'])} malformed lines, "
        f"{truth['kinds']}, {time.monotonic() - started:.1f} s",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
