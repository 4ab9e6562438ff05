"""python -m benchmarks.coverage predictions.parquet … [--experiments 2000] [--bca 200]

Simulates how often an interval holds the true mean difference: benchmarks/results/coverage.json. The paired differences of published
reports are the population, measure by measure; an experiment draws titles, or whole clusters of titles, with replacement and asks
whether the interval of the drawn ones holds the population's mean. Beside the intervals of the report stands the BCa bootstrap of
earlier versions. Populations of rare differences, which few reports have, are added. Takes minutes on two CPU cores.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from evaluation.measures import measures_of
from evaluation.statistics.intervals import bca_interval, mean_interval
from evaluation.titles.clusters import cluster
from evaluation.titles.draw import FEWEST
from titlecraft.records import column
from titlecraft.settings import Evaluation

RESULTS = Path(__file__).resolve().parent / "results" / "coverage.json"
BAR = 0.92
TITLES = (30, 60, 200)
SETTINGS = Evaluation(resamples=499)
RARE = {  # name -> value: how many of 1,000 titles have it
    "rare, one direction": {1.0: 30, 0.0: 970},
    "rare, both directions": {1.0: 20, -1.0: 10, 0.0: 970},
    "coherence of few texts": {0.5: 30, -0.5: 20, 1.0: 5, -1.0: 5, 0.0: 940},
}
Population = tuple[str, np.ndarray, np.ndarray | None, float | None]  # name, differences, clusters, Entry.largest


def populations(files: list[Path]) -> Iterator[Population]:
    """Yield the differences of each measure of each report, without and with clusters, and the rare ones."""
    for file in files:
        rows = pq.read_table(file).to_pylist()
        for entry in measures_of(SETTINGS):
            pairs = [(row[column(entry.name, "before")], row[column(entry.name, "after")]) for row in rows]
            read = [index for index, pair in enumerate(pairs) if None not in pair]
            differences = np.array([pairs[index][1] - pairs[index][0] for index in read])
            if entry.corpus is not None or not differences.any():
                continue
            name = f"{file.stem}: {entry.name}"
            clusters = np.array(cluster([rows[index]["reference"] for index in read], {}).ids)
            yield name, differences, None, entry.largest
            if len(np.unique(clusters)) < len(clusters):
                yield f"{name}, clustered", differences, clusters, entry.largest
    for name, counts in RARE.items():
        yield name, np.repeat(list(counts), list(counts.values())), None, 1.0


def draw(
    rng: np.random.Generator, differences: np.ndarray, clusters: np.ndarray | None, titles: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return drawn differences and their clusters: titles, or as many whole clusters as have this number of titles on average."""
    if clusters is None:
        return rng.choice(differences, titles), None
    members = [np.flatnonzero(clusters == one) for one in np.unique(clusters)]
    count = max(FEWEST, round(titles * len(members) / len(differences)))
    drawn = [members[index] for index in rng.integers(len(members), size=count)]
    ids = np.repeat(np.arange(len(drawn)), [len(part) for part in drawn])
    return differences[np.concatenate(drawn)], ids


def simulate(population: Population, titles: int, experiments: int, bca: int) -> dict[str, Any]:
    """Return the coverage and the mean width of the report's interval, and in the first `bca` experiments of the BCa bootstrap over titles."""
    name, differences, clusters, largest = population
    rng, truth = np.random.default_rng(1), differences.mean()
    held: dict[str, list[bool]] = {"interval": [], "bca": []}
    widths: dict[str, list[float]] = {"interval": [], "bca": []}
    for number in range(experiments):
        sample, ids = draw(rng, differences, clusters, titles)
        found = {"interval": mean_interval(sample, SETTINGS, ids, largest)}
        if number < bca:
            found["bca"] = bca_interval(sample, SETTINGS)
        for method, interval in found.items():
            if interval.low is None or interval.high is None:
                continue
            held[method].append(bool(interval.low - 1e-12 <= truth <= interval.high + 1e-12))
            widths[method].append(interval.high - interval.low)
    shown = {
        method: {"coverage": round(float(np.mean(values)), 4), "width": round(float(np.mean(widths[method])), 5)}
        for method, values in held.items()
        if values
    }
    return {"population": name, "titles": titles, "share_of_zeros": round(float((differences == 0).mean()), 3), **shown}


def main(files: list[Path], experiments: int, bca: int) -> int:
    """Simulate all populations, write the result and return the exit status."""
    cells = []
    for population in populations(files):
        for titles in TITLES:
            cells.append(simulate(population, titles, experiments, bca))
            print(json.dumps(cells[-1]), flush=True)
    lowest = min(cells, key=lambda cell: cell["interval"]["coverage"])
    value = lowest["interval"]["coverage"]
    bar = {"name": "lowest_coverage", "value": value, "bar": BAR, "unit": "share, nominal 0.95", "holds": value >= BAR}
    result = {
        "bars": [bar],
        "experiments_a_cell": experiments,
        "with_bca": bca,
        "confidence": SETTINGS.confidence,
        "lowest": lowest,
        "cells": cells,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(bar))
    return 0 if bar["holds"] else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="predictions.parquet of published reports")
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument(
        "--bca", type=int, default=200, help="experiments with the intervals of earlier versions, which are slow"
    )
    arguments = parser.parse_args()
    sys.exit(main(arguments.files, arguments.experiments, arguments.bca))
