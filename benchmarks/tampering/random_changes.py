"""Random single changes of the files and records of a published repo, for verify_random.py. Each changes a meaningful value and
describes the change; `table_changes` has those of parquet files, and `kinds` says which level must detect which change.
"""

import json
import re
import shutil
from pathlib import Path
from random import Random

HEX = "0123456789abcdef"
# fields of a training record that cannot be recomputed: clock, memory, and what needs the base model
NOT_DERIVABLE = {
    "wall_seconds", "peak_gpu_memory_gb", "peak_process_memory_gb", "base_parameters", "truncated", "completion_tokens_seen",
    "padding_share", "tokens_per_second", "parts", "energy_kwh", "co2_eq_grams",
}  # fmt: skip


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


def other_code(folder: Path, random: Random) -> str | None:
    """Name other versions in a record, and change a number in the headline of the page or a digit of the card."""
    path = random.choice(sorted(folder.glob("evaluation/*/report.json")))
    text = path.read_text(encoding="utf-8")
    page = path.with_name("report.html")
    html = page.read_text(encoding="utf-8")
    headline = re.search(r"<h1>.*?</h1>", html, re.S)
    if headline is None:
        return None
    digits = [headline.start() + found.start() for found in re.finditer(r"\d", headline[0]) if found.start() > 3]
    position = random.choice(digits[:-1])
    page.write_text(html[:position] + other_digit(html[position], random) + html[position + 1 :], encoding="utf-8")
    package, version = random.choice(re.findall(r'"(matplotlib|pillow)": "([^"]+)"', text))
    path.write_text(text.replace(f'"{package}": "{version}"', f'"{package}": "0.1"'), encoding="utf-8")
    return f"{path.relative_to(folder)}: {package} 0.1; headline {headline[0][:60]}"
