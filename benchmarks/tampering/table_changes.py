"""Random single changes of the tables of a published repo: cells, rows, answers and likelihoods. Each describes the change."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

PREDICTIONS, DATA = "evaluation/*/predictions.parquet", "data/*.parquet"


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


def answer(folder: Path, random: Random) -> str | None:
    """Change a word of a greedy answer to a word that another answer has; of an answer without words, drop a character."""
    path = random.choice(sorted(folder.glob(PREDICTIONS)))

    def change(columns: dict[str, list[Any]]) -> str | None:
        arm = random.choice(("before", "after"))
        position, other = random.sample(range(len(columns[arm])), 2)
        words, others = columns[arm][position].split(" "), columns[arm][other].split()
        text = columns[arm][position]
        if len(words) < 3 or not others:
            place = random.randrange(len(text)) if text else 0
            columns[arm][position] = text[:place] + text[place + 1 :]
            return f"{path.relative_to(folder)}, {arm} of row {position}: character {place} dropped" if text else None
        index, new = random.randrange(len(words)), random.choice(others)
        old, words[index] = words[index], new
        columns[arm][position] = " ".join(words)
        return None if old == new else f"{path.relative_to(folder)}, {arm} of row {position}: {old!r} -> {new!r}"

    return change_table(path, random, change)


def likelihood(folder: Path, random: Random) -> str | None:
    """Change both forms of one likelihood, NLL per token and bits per byte, by the same factor."""
    path = random.choice(sorted(folder.glob(PREDICTIONS)))

    def change(columns: dict[str, list[Any]]) -> str:
        arm, factor = random.choice(("before", "after")), random.choice((0.5, 0.9, 1.1))
        position = random.randrange(len(columns["uid"]))
        for name in ("nll_per_token", "bits_per_byte"):
            columns[f"{name}_{arm}"][position] *= factor
        return f"{path.relative_to(folder)}, likelihood {arm} of row {position} times {factor}"

    return change_table(path, random, change)


def identity(folder: Path, random: Random) -> str | None:
    """Change a letter of a title, prompt or reference, which the dataset decides."""
    path = random.choice(sorted(folder.glob(PREDICTIONS)))

    def change(columns: dict[str, list[Any]]) -> str | None:
        name, position = random.choice(("uid", "title", "prompt", "reference")), random.randrange(len(columns["uid"]))
        old, new = columns[name][position], changed_value(columns[name][position], random)
        columns[name][position] = new
        return None if old == new else f"{path.relative_to(folder)}, {name} of row {position}"

    return change_table(path, random, change)
