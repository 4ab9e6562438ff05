"""A seeded catalogue in the format of AmazonTitles-1.3MM's trn.json, with the noise of the real file.

Key order, separators, ASINs in ascending order with the ISBN books first, about a third of the descriptions empty, HTML
entities (some escaped twice), tags, the glued "This text refers to theHardcoveredition.", exact duplicates under other
ASINs, one blurb under several titles, descriptions that only repeat the title, and a few lines that are not JSON.
"""

import gzip
import json
from pathlib import Path
from random import Random

from titlecraft.command_line.demo.products import BOOKS, OTHERS

BOOK_SHARE = 0.4
ENTITIES = {"'": "&#8217;", "–": "&#8211;", "é": "&eacute;", '"': "&quot;"}
EDITIONS = (
    "--This text refers to theHardcoveredition.",
    "--This text refers to an alternatePaperbackedition.",
    "--This text refers to an out of print or unavailable edition of this title.",
)
BLURB = "Ships from our warehouse within two working days; please see our other offers."


def noisy(text: str, random: Random, book: bool) -> str:
    """Return the description with the noise of a product page."""
    if random.random() < 0.2:
        text = text.replace(", ", random.choice([" &amp; ", " &#8211; ", "&#151;", " &amp;mdash; "]), 1)
        for plain, entity in ENTITIES.items():
            text = text.replace(plain, entity)
    if random.random() < 0.08:
        text = text.replace(". ", random.choice([".<br />", ".<p>", ". <b>New!</b> "]), 1)
    if random.random() < 0.1:
        text = text.replace(". ", ".", 1)  # glued sentences
    if book and random.random() < 0.3:
        text += random.choice(EDITIONS)
    return text


def malformed_line(line: bytes, random: Random) -> bytes:
    """Return a malformed variant of a line."""
    return random.choice(
        [
            line[: len(line) // 2],
            b"",
            line.replace(b'"content"', b'"description"'),
            line.replace(b'"title": "', b'"title": ["', 1),
            line.replace(b'"content": "', b'"content": "caf\xe9 ', 1),
            b"[1, 2, 3]",
            line.replace(b"1.0]", b"NaN]"),
        ]
    )


def catalogue_lines(rows: int, seed: int) -> list[bytes]:
    """Return the lines of the file without line ends. The same rows and seed give the same bytes."""
    random = Random(f"catalogue {seed}")
    books = int(rows * BOOK_SHARE)
    numbers = sorted(random.sample(range(10_000_000, 99_999_999), books)) + sorted(
        random.sample(range(36**6), rows - books)
    )
    lines, described = [], []
    for index, number in enumerate(numbers):
        book = index < books
        title, text = random.choice(BOOKS if book else OTHERS)(random)
        chance = random.random()
        if chance < 0.04 and described:
            title, text = random.choice(described)
        elif chance < 0.06 and described:
            text = random.choice(described)[1]
        elif chance < 0.07:
            text = title
        elif chance < 0.40:
            text = ""
        elif chance < 0.41:
            text = BLURB
        else:
            described.append((title, text))
            text = noisy(text, random, book)
        title = title.replace(" & ", " &amp; ") if random.random() < 0.9 else title + "  "
        uid = f"{number:09d}{random.choice('0123456789X')}" if book else "B0" + base36(number).rjust(8, "0")
        labels = random.sample(range(rows), random.randrange(1, 6))
        row = {"uid": uid, "title": title, "content": text, "target_ind": labels, "target_rel": [1.0] * len(labels)}
        line = json.dumps(row).encode()
        lines.append(malformed_line(line, random) if random.random() < 0.001 else line)
    return lines


def base36(number: int) -> str:
    """Return a number in base 36, in digits and capital letters as in ASINs."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return digits[number] if number < 36 else base36(number // 36) + digits[number % 36]


def write_catalogue(path: Path, rows: int, seed: int) -> None:
    """Write trn.json.gz without gzip's time stamp: the file's sha256 depends only on rows and seed."""
    part = path.with_suffix(".part")
    with (
        part.open("wb") as disk,
        gzip.GzipFile(filename="", fileobj=disk, mode="wb", mtime=0, compresslevel=6) as stream,
    ):
        stream.writelines(line + b"\n" for line in catalogue_lines(rows, seed))
    part.replace(path)
