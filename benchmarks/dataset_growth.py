"""python benchmarks/dataset_growth.py [--times 4] [--keep FOLDER]

Measures how the dataset builder's cost grows with the number of rows: 1/4, 1 and 4 times the full-size synthetic catalogue (with
--times 16, also 16 times), without and with near-duplicates. Writes benchmarks/results/dataset_growth.json and dataset_growth.png.

Results are seconds, CPU seconds, peak memory and bytes on disk, and the growth of each: the exponent is the slope on
logarithmic axes (1: proportional to the rows; 0: constant), and bytes per line are the cost of one more line between the
smallest and the largest catalogue. Before each size the script prints an estimate of its duration.
"""

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import write_results  # noqa: E402
from benchmarks.world.own_process import measure  # noqa: E402
from benchmarks.world.synthetic_catalogue import FULL_ROWS, plain_catalogue  # noqa: E402

RESULTS = HERE / "results" / "dataset_growth.json"
PARTS = {"ours": "exact duplicates", "near": "near-duplicates too"}
COSTS = {
    "seconds": ("time, s", 1),
    "cpu_seconds": ("CPU time, s", 1),
    "peak_memory_gb": ("peak memory, GB", 1e9),
    "state_on_disk_gb": ("state on disk, GB", 1e9),
}
BYTES_PER_LINE = 3_400  # of free disk: the catalogue itself, the rows that wait, sketches, and the published files


def sizes(rows: int, times: int) -> list[int]:
    """Return a quarter of the rows, the rows, four times the rows, and so on up to `times` times."""
    found = [rows // 4]
    while found[-1] * 4 <= rows * times:
        found.append(found[-1] * 4)
    return found


def measure_size(rows: int, keep: Path | None, folder: Path) -> dict[str, Any]:
    """Measure both parts on a catalogue of this number of rows; remove the catalogue unless it should be kept."""
    started = time.monotonic()
    source = plain_catalogue(keep or folder, rows)
    found: dict[str, Any] = {"lines": rows, "making_seconds": round(time.monotonic() - started, 1)}
    for part in PARTS:
        found[part] = measure(HERE / "build_speed.py", part, source, folder / part)
        found[part]["state_on_disk_gb"] = round(found[part]["state_on_disk_bytes"] / 1e9, 4)
        shutil.rmtree(folder / part)
    if keep is None:
        source.unlink()
        source.with_name(source.name + ".truth.json").unlink(missing_ok=True)
    return found


def duration(one: dict[str, Any]) -> float:
    """Return the duration of a size in seconds, including the generation of its catalogue."""
    return one["making_seconds"] + sum(one[part]["seconds"] for part in PARTS)


def growth(measured: list[dict[str, Any]], part: str, cost: str) -> dict[str, float]:
    """Return the exponent, by least squares on logarithmic axes, and the cost of one more line."""
    rows, costs = [one["lines"] for one in measured], [one[part][cost] for one in measured]
    x, y = [math.log(value) for value in rows], [math.log(value) for value in costs]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((one - mean_x) * (other - mean_y) for one, other in zip(x, y, strict=True))
    exponent = slope / sum((one - mean_x) ** 2 for one in x)
    unit = COSTS[cost][1]
    name = "bytes_per_line" if unit == 1e9 else "microseconds_per_line"
    per_line = (costs[-1] - costs[0]) / (rows[-1] - rows[0]) * (unit if unit == 1e9 else 1e6)
    return {"exponent": round(exponent, 3), name: round(per_line, 1)}


def plot(measured: list[dict[str, Any]], path: Path) -> None:
    """Plot each cost against the rows, both axes logarithmic, with a line for proportional growth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    rows = [one["lines"] for one in measured]
    for axes, (cost, (label, _)) in zip(figure.subplots(2, 2).flat, COSTS.items(), strict=True):
        for part, colour in zip(PARTS, ("#4c72b0", "#dd8452"), strict=True):
            costs = [one[part][cost] for one in measured]
            exponent = growth(measured, part, cost)["exponent"]
            axes.loglog(rows, costs, "o-", color=colour, label=f"{PARTS[part]}: rows to the power of {exponent:.2f}")
            above = 5 if part == "near" else -12  # points
            for place, value in zip(rows, costs, strict=True):
                axes.annotate(
                    f"{value:.3g}", (place, value), (0, above), textcoords="offset points", ha="center", fontsize=7
                )
            if part == "ours":
                proportional = [costs[0] * place / rows[0] for place in rows]
                axes.loglog(rows, proportional, ":", color="#808080", label="in proportion to the rows")
        axes.set_xticks(rows, [f"{place:,}" for place in rows], fontsize=8)
        axes.minorticks_off()
        axes.margins(0.12)
        axes.set_xlabel("lines of the catalogue", fontsize=8)
        axes.set_ylabel(label, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=7)
    figure.savefig(path, dpi=150, metadata={"Software": None})


def main() -> None:
    """Measure all sizes from the smallest on; then print how the costs grow."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=FULL_ROWS, help="what 1 times is")
    options.add_argument("--times", type=int, default=4, help="the largest size: 1, 4, 16, … times the rows")
    options.add_argument("--keep", type=Path, help="folder for the catalogues, kept for the next time")
    options.add_argument("--out", type=Path, default=RESULTS)
    asked = options.parse_args()
    if asked.keep:
        asked.keep.mkdir(parents=True, exist_ok=True)
    wanted, measured = sizes(asked.rows, asked.times), []
    with tempfile.TemporaryDirectory(dir=asked.keep) as temporary:
        folder = Path(temporary)
        free = shutil.disk_usage(folder).free
        if free < wanted[-1] * BYTES_PER_LINE:
            options.error(
                f"{wanted[-1]:,} lines need {wanted[-1] * BYTES_PER_LINE / 1e9:.0f} GB of disk, {free / 1e9:.0f} "
                f"are free in {folder.parent}: give another folder with --keep, or fewer --times"
            )
        for index, rows in enumerate(wanted):
            if measured:
                per_row = duration(measured[-1]) / measured[-1]["lines"]
                rest = per_row * sum(wanted[index:])
                print(
                    f"{rows:,} lines: about {per_row * rows / 60:.1f} minutes; all that is left: {rest / 60:.1f}",
                    flush=True,
                )
            measured.append(measure_size(rows, asked.keep, folder))
    grows = {part: {cost: growth(measured, part, cost) for cost in COSTS} for part in PARTS}
    result = {"cores": os.cpu_count(), "growth": grows, "measured": measured}
    write_results(asked.out, result)
    plot(measured, asked.out.with_suffix(".png"))
    for part, costs in grows.items():
        for cost, found in costs.items():
            print(f"{PARTS[part]:<22}{cost:<20}{json.dumps(found)}")


if __name__ == "__main__":
    main()
