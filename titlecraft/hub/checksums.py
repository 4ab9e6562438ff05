"""SHA256SUMS: the checksums of the files that Titlecraft published to a repo, so that later changes can be detected.

`sha256sum -c SHA256SUMS` reads it. It leaves out the card and eval.yaml, which people edit, the signature, which covers the same files, files that the Hub adds, and files that
people added by hand.
"""

import hashlib
from collections.abc import Callable

from huggingface_hub import HfApi

from titlecraft.errors import UserError
from titlecraft.hub.pins import lfs_sha256, read_file
from titlecraft.records import Pin
from titlecraft.records.repo_files import CARD, CHECKSUMS, GIT_ATTRIBUTES, HUB_TASKS, SIGNATURE

NOT_LISTED = frozenset({CARD, GIT_ATTRIBUTES, CHECKSUMS, HUB_TASKS, SIGNATURE})


def write_sums(sums: dict[str, str]) -> bytes:
    """Return the bytes of SHA256SUMS, sorted by path; `sums` maps paths to sha256 in hex."""
    return "".join(f"{sums[path]}  {path}\n" for path in sorted(sums) if path not in NOT_LISTED).encode()


def read_sums(raw: bytes, where: str) -> dict[str, str]:
    """Return path -> sha256 in hex. Raises UserError for malformed bytes; `where` names repo and file."""
    sums: dict[str, str] = {}
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), start=1):
        sha256, gap, path = line[:64], line[64:66], line[66:]
        if gap != "  " or not path or path in sums or set(sha256) - set("0123456789abcdef"):
            raise UserError(f"{where}, line {number}: expected the sha256 of one more file, two spaces, and its path")
        sums[path] = sha256
    return sums


def published_before(head: Pin, paths: list[str]) -> list[str]:
    """Return the files of the head that Titlecraft published, which a rebuild may delete: those in its SHA256SUMS.

    If the head has no SHA256SUMS, as in early versions, all of `paths` are returned.
    """
    raw = read_file(head, CHECKSUMS) if CHECKSUMS in paths else None
    return paths if raw is None else [path for path in read_sums(raw, f"{CHECKSUMS} of {head}") if path in paths]


def sums_of_kept(head: Pin, head_paths: list[str], is_kept: Callable[[str], bool]) -> dict[str, str]:
    """Return path -> sha256 of the published files of the head that stay unchanged.

    Checksums are copied from the head's SHA256SUMS, also for a file that was edited by hand since: publishing must not
    certify the edit. Without SHA256SUMS, as in early versions, they are computed from the files.
    """
    raw = read_file(head, CHECKSUMS) if CHECKSUMS in head_paths else None
    if raw is not None:
        listed = read_sums(raw, f"{CHECKSUMS} of {head}")
        return {path: sha256 for path, sha256 in listed.items() if path in head_paths and is_kept(path)}
    paths = [path for path in head_paths if path not in NOT_LISTED and is_kept(path)]
    infos = HfApi().get_paths_info(head.repo, paths, repo_type=head.type, revision=head.revision) if paths else []
    large = lfs_sha256(infos)
    return {path: large.get(path) or hashlib.sha256(read_file(head, path) or b"").hexdigest() for path in paths}
