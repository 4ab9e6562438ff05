"""Random single changes of a published repo, for verify_random.py. Each changes a meaningful value and describes the change.

A plain change leaves the other files unchanged. After a covered change an attacker recomputes SHA256SUMS and the sizes and
checksums in the records, and renders card, page and plots with our own code: only recomputing the values can detect it.
"""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from model_card.verification.lines.line import Level

HEX = "0123456789abcdef"
# fields of a training record that cannot be recomputed: clock, memory, and what needs the base model
NOT_DERIVABLE = {
    "wall_seconds", "peak_gpu_memory_gb", "peak_process_memory_gb", "base_parameters", "truncated", "completion_tokens_seen",
    "padding_share", "tokens_per_second", "parts", "energy_kwh", "co2_eq_grams",
}  # fmt: skip


@dataclass(frozen=True)
class Tampering:
    """One kind of change: its name, its repo, the level that must detect it, and the function that changes a folder."""

    name: str
    repo: str
    level: Level
    covered: bool
    change: Callable[[Path, Random], str | None]


def files_of(folder: Path, *without: str) -> list[Path]:
    """Return the non-empty files of a repo, sorted, except some names."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if path.name not in (".gitattributes", *without) and path.stat().st_size]


def other_digit(digit: str, random: Random) -> str:
    """Return another digit than this one."""
    return random.choice([one for one in "0123456789" if one != digit])


def card_digit(folder: Path, random: Random) -> str:
    """Change a digit in a generated section of the card."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8")
    position = random.choice([found.start() for found in re.finditer(r"\d", text) if is_ours(text, found.start())])
    changed = text[:position] + other_digit(text[position], random) + text[position + 1 :]
    card.write_text(changed, encoding="utf-8")
    return f"card, character {position}: {text[position - 12 : position + 12]!r}"


def is_ours(text: str, position: int) -> bool:
    """Return whether a position of the card is outside the marker lines of sections."""
    line = text[text.rfind("\n", 0, position) + 1 : text.find("\n", position)]
    return not line.startswith("<!-- ")


def file_byte(folder: Path, random: Random) -> str:
    """Change a byte of a file."""
    path = random.choice(files_of(folder, "README.md"))
    raw = bytearray(path.read_bytes())
    position = random.randrange(len(raw))
    raw[position] ^= random.randrange(1, 256)
    path.write_bytes(raw)
    return f"{path.relative_to(folder)}, byte {position}"


def removed_file(folder: Path, random: Random) -> str:
    """Remove a file."""
    path = random.choice(files_of(folder))
    path.unlink()
    return str(path.relative_to(folder))


def swapped_files(folder: Path, random: Random) -> str:
    """Exchange the contents of two files."""
    one, other = random.sample(files_of(folder, "README.md"), 2)
    raw = one.read_bytes(), other.read_bytes()
    one.write_bytes(raw[1])
    other.write_bytes(raw[0])
    return f"{one.relative_to(folder)} and {other.relative_to(folder)}"


def cut_file(folder: Path, random: Random) -> str:
    """Truncate a file."""
    path = random.choice(files_of(folder))
    raw = path.read_bytes()
    path.write_bytes(
        raw[: random.randrange(len(raw))].rstrip() if path.name == "README.md" else raw[: random.randrange(len(raw))]
    )
    return f"{path.relative_to(folder)}, {path.stat().st_size} of {len(raw)} bytes"


def another_report(folder: Path, random: Random) -> str:
    """Copy the report to a folder with a random id."""
    real = random.choice(sorted((folder / "evaluation").iterdir()))
    name = "".join(random.choice(HEX) for _ in range(12))
    shutil.copytree(real, folder / "evaluation" / name)
    return f"evaluation/{name}"


def records_of(folder: Path) -> list[Path]:
    """Return the records of a repo."""
    return sorted([*folder.glob("*_record.json"), *folder.glob("evaluation/*/report.json")])


def record_pin(folder: Path, random: Random) -> str:
    """Change a hex digit of a commit that a record names."""
    path = random.choice(
        [path for path in records_of(folder) if re.search(r'"revision": "[0-9a-f]{40}"', path.read_text())]
    )
    text = path.read_text()
    position = random.choice(
        [found.start(1) for found in re.finditer(r'"revision": "([0-9a-f]{40})"', text)]
    ) + random.randrange(40)
    changed = random.choice([one for one in HEX if one != text[position]])
    path.write_text(text[:position] + changed + text[position + 1 :])
    return f"{path.relative_to(folder)}, character {position}"


def record_number(folder: Path, random: Random, kind: str, derivable: bool) -> str | None:
    """Change a digit of a number in a record; with `derivable`, of one that verify can recompute."""
    path = random.choice([path for path in records_of(folder) if path.name.startswith(kind)])
    text = path.read_text()
    found = list(re.finditer(r'^ *(?:"(\w+)": )?(-?[\d.]+(?:e-?\d+)?),?$', text, re.M))
    found = [one for one in found if not (derivable and one[1] in NOT_DERIVABLE)]
    one = random.choice(found)
    digits = [position for position in range(one.start(2), one.end(2)) if text[position].isdigit()]
    position = random.choice(digits)
    changed = text[:position] + other_digit(text[position], random) + text[position + 1 :]
    try:
        if json.loads(changed) == json.loads(text):  # a digit behind all that a float64 holds: no other number
            return None
    except json.JSONDecodeError:  # a number that begins with 0
        return None
    path.write_text(changed)
    return f"{path.relative_to(folder)}: {one[0].strip()} -> {changed[one.start() : one.end()].strip()}"


def any_record_number(folder: Path, random: Random) -> str | None:
    """Change a digit of any number of any record."""
    return record_number(folder, random, "", derivable=False)


def change_table(path: Path, random: Random, change: Callable[[dict[str, list[Any]]], str | None]) -> str | None:
    """Rewrite a parquet file with changed columns. Returns the description of the change; None if nothing changed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns = table.to_pydict()
    description = change(columns)
    if description is not None:
        pq.write_table(pa.table(columns, schema=table.schema), path, compression="zstd")
    return description


def changed_value(value: Any, random: Random) -> Any:
    """Return another value of the same type: a text with one letter changed, or another number."""
    if isinstance(value, list):
        position = random.randrange(len(value))
        return [*value[:position], changed_value(value[position], random), *value[position + 1 :]]
    if isinstance(value, str):
        letters = [position for position, letter in enumerate(value) if letter.isalnum()]
        position = random.choice(letters) if letters else 0
        return value[:position] + random.choice("aeiou") + value[position + bool(letters) :]
    if isinstance(value, int):
        return value + random.choice((-1, 1))
    return value * random.choice((0.5, 0.99, 1.01, 1.5)) if value else random.choice((0.25, 0.5, 1.0))


def cell(folder: Path, random: Random, pattern: str) -> str | None:
    """Change one cell of a table."""
    path = random.choice(sorted(folder.glob(pattern)))

    def change(columns: dict[str, list[Any]]) -> str | None:
        name = random.choice(list(columns))
        position = random.randrange(len(columns[name]))
        old, new = columns[name][position], changed_value(columns[name][position], random)
        columns[name][position] = new
        return (
            None
            if old == new
            else f"{path.relative_to(folder)}, {name} of row {position}: {str(old)[:30]!r} -> {str(new)[:30]!r}"
        )

    return change_table(path, random, change)


def row(folder: Path, random: Random, pattern: str) -> str | None:
    """Remove a row, or overwrite it with another."""
    path = random.choice(sorted(folder.glob(pattern)))

    def change(columns: dict[str, list[Any]]) -> str:
        count = len(next(iter(columns.values())))
        position, other = random.sample(range(count), 2)
        gone = random.random() < 0.5
        for values in columns.values():
            if gone:
                del values[position]
            else:
                values[position] = values[other]
        return f"{path.relative_to(folder)}, row {position} {'gone' if gone else f'replaced by row {other}'}"

    return change_table(path, random, change)


PREDICTIONS, DATA = "evaluation/*/predictions.parquet", "data/*.parquet"
KINDS = [
    *(Tampering(f"{change.__name__} of the {repo}", repo, "card", False, change) for repo in ("adapter", "dataset")
      for change in (card_digit, file_byte, removed_file, swapped_files, cut_file, any_record_number)),
    Tampering("record_pin of the adapter", "adapter", "card", False, record_pin),
    Tampering("another_report of the adapter", "adapter", "card", False, another_report),
    Tampering("prediction_cell", "adapter", "card", False, partial(cell, pattern=PREDICTIONS)),
    Tampering("data_cell", "dataset", "card", False, partial(cell, pattern=DATA)),
    Tampering("record_pin, covered up", "adapter", "card", True, record_pin),
    Tampering("training_number, covered up", "adapter", "card", True, partial(record_number, kind="training", derivable=True)),
    Tampering("report_number, covered up", "adapter", "scores", True, partial(record_number, kind="report", derivable=True)),
    Tampering("prediction_cell, covered up", "adapter", "scores", True, partial(cell, pattern=PREDICTIONS)),
    Tampering("prediction_row, covered up", "adapter", "scores", True, partial(row, pattern=PREDICTIONS)),
    Tampering("dataset_number, covered up", "dataset", "data", True, partial(record_number, kind="dataset", derivable=True)),
    Tampering("data_cell, covered up", "dataset", "data", True, partial(cell, pattern=DATA)),
    Tampering("data_row, covered up", "dataset", "data", True, partial(row, pattern=DATA)),
]  # fmt: skip
