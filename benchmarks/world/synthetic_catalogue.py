"""The synthetic catalogue of the benchmarks, generated once and kept in a folder."""

from pathlib import Path
from typing import Any

from benchmarks.world.generate_catalogue import generate

FULL_ROWS = 2_248_619


def plain_catalogue(folder: Path, rows: int) -> Path:
    """Return a file with this number of JSON lines, about 1,085 bytes each. The same number of rows gives the same bytes."""
    path = folder / f"trn-{rows}.json"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        generate(unfinished, rows)
        Path(f"{unfinished}.truth.json").rename(f"{path}.truth.json")
        unfinished.rename(path)
    return path


def packed_catalogue(plain: Path) -> Path:
    """Return the same file as .gz."""
    path = plain.with_suffix(".json.gz")
    if not path.exists():
        from isal import igzip

        unfinished = path.with_suffix(".part")
        with plain.open("rb") as stream, igzip.open(unfinished, "wb", compresslevel=2) as archive:
            packed: Any = archive
            while block := stream.read(1 << 24):
                packed.write(block)
        unfinished.rename(path)
    return path
