"""The line about a picture or page: it is rendered again from the record and compared byte by byte.

The bytes of a plot depend on the version of matplotlib. With another version, or other code of ours, different bytes prove
nothing. The file is then compared with SHA256SUMS alone, and the line says so.
"""

from importlib.metadata import version

from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from titlecraft.records import Code, sources_sha256

RENDERERS = {"matplotlib": "matplotlib", "pillow": "Pillow"}  # name in a record -> name of the distribution


def same_rendering(checks: Checks, path: str, published: bytes | None, rendered: bytes, code: Code, stage: str) -> Line:
    """A line that holds if a file has the bytes of its new rendering.

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
    if differences := differing_code(code, stage):
        note = f"here is other code ({', '.join(differences)}): judged by SHA256SUMS alone"
        return checks.not_looked_at(claim, "the same bytes", "other bytes, not judged", note)
    return checks.line(claim, "the same bytes", "other bytes", False, EXACT, "same code and versions")


def differing_code(code: Code, stage: str) -> list[str]:
    """The differences between the code of a record and the code here that may change a rendering."""
    differences = [] if code.sources == sources_sha256(stage) else ["sources"]
    for name, package in RENDERERS.items():
        if (name in code.packages or name == "matplotlib") and code.packages.get(name) != version(package):
            differences.append(f"{name} {version(package)}, not {code.packages.get(name, 'noted')}")
    return differences
