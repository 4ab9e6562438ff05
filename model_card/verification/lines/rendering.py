"""The lines about a picture and about a page: each is rendered again from the record and compared with the published file.

The bytes of a plot depend on the version of matplotlib, so pictures are compared by their pixels, and a page without its pictures.
A record may name other versions, or other code of ours, than are here. Then different pixels, or other words of a page, prove
nothing: the line says "could not be looked at". A number of the page that no record has is wrong in any version.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from io import BytesIO
from typing import Any

from PIL import Image, ImageChops

from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.lines.numbers import RESULTS, unknown_numbers, visible_text
from model_card.verification.lines.one_line import first_difference
from titlecraft.records import Code, sources_sha256

RENDERERS = {"matplotlib": "matplotlib", "pillow": "Pillow"}  # name in a record -> name of the distribution
# kinds of PNG chunks that a still picture needs; an animation has others
STILL = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"pHYs", b"tEXt"}
MAX_PIXELS = 40_000_000
EMBEDDED = re.compile(rb"data:image/png;base64,([A-Za-z0-9+/=]*)")
Picture = tuple[str, bytes, bytes]  # name, published bytes, rendered bytes


def same_rendering(checks: Checks, path: str, published: bytes | None, rendered: bytes, code: Code, stage: str) -> Line:
    """A line that holds if a picture has the bytes, or the pixels, of its new rendering.

    Args:
        published: the file in the repo; None if it is missing.
        code: the code that rendered the published file, from its record.
        stage: the stage whose sources `code` hashes.
    """
    claim = f"{path}, drawn again"
    if published is None:
        return checks.equal(claim, "there", "no such file")
    if published == rendered:
        return checks.equal(claim, "the same bytes", "the same bytes")
    if same_pixels(published, rendered):
        return checks.line(claim, "the same pixels", "the same pixels", True, "equal pixels")
    if differences := differing_code(code, stage):
        return checks.could_not_be_looked_at(claim, "the same pixels", "other pixels", rendered_by(code, differences))
    return checks.line(claim, "the same bytes", "other bytes", False, EXACT, "same code and versions")


def same_page(
    checks: Checks,
    path: str,
    published: bytes,
    rendered: bytes,
    code: Code,
    stage: str,
    records: Callable[[], Iterable[Any]],
) -> Iterator[Line]:
    """Lines about a page: its text without pictures, then the pictures in it.

    Args:
        records: gives what has the numbers of the page, if the code that rendered it is not the code here.
    """
    claim = f"{path}, rendered again"
    if published == rendered:
        yield checks.equal(claim, "the same bytes", "the same bytes")
        return
    text, fresh = EMBEDDED.sub(b"", published), EMBEDDED.sub(b"", rendered)
    differences = differing_code(code, stage)
    if text == fresh:
        yield checks.line(f"{claim}, without pictures", "the same text", "the same text", True, EXACT)
        old, new = EMBEDDED.findall(published), EMBEDDED.findall(rendered)
        wrong = [n for n, pair in enumerate(zip(old, new, strict=True), 1) if not same_pixels(*map(b64decode, pair))]
        claim = f"{path}, pictures in it"
        derived = f"other pixels in {', '.join(map(str, wrong))}" if wrong else "the same pixels"
        if wrong and differences:
            note = rendered_by(code, differences)
            yield checks.could_not_be_looked_at(claim, "the same pixels", derived, note)
        else:
            yield checks.line(claim, "the same pixels", derived, not wrong, "equal pixels")
        return
    texts = [visible_text(page.decode("utf-8", "replace")) for page in (published, rendered)]
    if "sources" not in differences:
        note = first_difference(*texts) if texts[0] != texts[1] else "outside of the text that it displays"
        yield checks.line(f"{claim}, without pictures", "the same text", "another text", False, EXACT, note)
        return
    results = visible_text(published.decode("utf-8", "replace"), RESULTS)
    unknown = unknown_numbers(results, texts[1], records())
    yield checks.equal(f"{path}, numbers of results that no record has", ", ".join(unknown) or "none", "none")
    yield checks.could_not_be_looked_at(claim, "the same text", "other words", rendered_by(code, differences))


def same_pixels(published: bytes, rendered: bytes) -> bool:
    """Whether two files are still pictures of the same pixels. False for a file that is no PNG."""
    if published == rendered:
        return True
    if not chunk_kinds(published) <= STILL:
        return False
    try:
        with Image.open(BytesIO(published), formats=("PNG",)) as one, Image.open(BytesIO(rendered)) as other:
            if one.size != other.size or one.size[0] * one.size[1] > MAX_PIXELS:
                return False
            return ImageChops.difference(one.convert("RGBA"), other.convert("RGBA")).getbbox(alpha_only=False) is None
    except (OSError, SyntaxError, ValueError):  # what Pillow raises for a broken file
        return False


def chunk_kinds(png: bytes) -> set[bytes]:
    """The kinds of the chunks of a PNG; a cut or foreign file gives a kind that no PNG has."""
    kinds, position = set(), 8
    while position < len(png):
        length = int.from_bytes(png[position : position + 4], "big")
        kinds.add(png[position + 4 : position + 8])
        position += 12 + length
    return kinds if position == len(png) else {b""}


def rendered_by(code: Code, differences: list[str]) -> str:
    """Who rendered a file, and what is different here."""
    return f"rendered by Titlecraft {code.titlecraft}; different here: {', '.join(differences)}"


def differing_code(code: Code, stage: str) -> list[str]:
    """The differences between the code of a record and the code here that may change a rendering."""
    differences = [] if code.sources == sources_sha256(stage) else ["sources"]
    for name, package in RENDERERS.items():
        if (name in code.packages or name == "matplotlib") and code.packages.get(name) != version(package):
            differences.append(f"{name} {version(package)}, not {code.packages.get(name, 'noted')}")
    return differences
