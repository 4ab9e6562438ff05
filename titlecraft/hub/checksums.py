"""SHA256SUMS: one line for each file that Titlecraft published to a repo, so that anyone can tell what was changed since.

The format is that of `sha256sum -c SHA256SUMS`. The card is not in it, because people edit it, nor what the Hub itself adds.
A file that a person added by hand is not in it either: it is not ours.
"""

import hashlib
from collections.abc import Callable

from huggingface_hub import HfApi

from titlecraft.errors import UserError
from titlecraft.hub.pins import lfs_sha256, read_file
from titlecraft.records import Pin
from titlecraft.records.repo_files import CARD, CHECKSUMS, GIT_ATTRIBUTES

NOT_LISTED = frozenset({CARD, GIT_ATTRIBUTES, CHECKSUMS})


def write_sums(sums: dict[str, str]) -> bytes:
    """The file, sorted by path; `sums` maps paths to sha256 in hex. The same files give the same bytes."""
    return "".join(f"{sums[path]}  {path}\n" for path in sorted(sums) if path not in NOT_LISTED).encode()


def read_sums(raw: bytes, where: str) -> dict[str, str]:
    """Path -> sha256 in hex. Raises UserError where the bytes are no such file; `where` names repo and file."""
    sums: dict[str, str] = {}
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), start=1):
        sha256, gap, path = line[:64], line[64:66], line[66:]
        if gap != "  " or not path or path in sums or set(sha256) - set("0123456789abcdef"):
            raise UserError(f"{where}, line {number}: expected the sha256 of one more file, two spaces, and its path")
        sums[path] = sha256
    return sums


def published_before(head: Pin, there: list[str]) -> list[str]:
    """The head's files that were published this way, so that a rebuild may delete them: those that its SHA256SUMS lists.

    Of a head of before there was such a file nobody knows, and all of `there` are given.
    """
    raw = read_file(head, CHECKSUMS) if CHECKSUMS in there else None
    return there if raw is None else [path for path in read_sums(raw, f"{CHECKSUMS} of {head}") if path in there]


def sums_of_kept(head: Pin, there: list[str], kept: Callable[[str], bool]) -> dict[str, str]:
    """Path -> sha256 of the head's files that stay as they are and are ours.

    What the head's SHA256SUMS says is taken over, also about a file that was changed by hand since: the change must not
    become ours by publishing beside it. A head of before there was such a file is taken as it lies there.
    """
    raw = read_file(head, CHECKSUMS) if CHECKSUMS in there else None
    if raw is not None:
        listed = read_sums(raw, f"{CHECKSUMS} of {head}")
        return {path: sha256 for path, sha256 in listed.items() if path in there and kept(path)}
    paths = [path for path in there if path not in NOT_LISTED and kept(path)]
    infos = HfApi().get_paths_info(head.repo, paths, repo_type=head.type, revision=head.revision) if paths else []
    large = lfs_sha256(infos)
    return {path: large.get(path) or hashlib.sha256(read_file(head, path) or b"").hexdigest() for path in paths}
