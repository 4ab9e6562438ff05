"""Pins (repo + 40-hex commit), and reading a repo at a pin.

All requests go through the `huggingface_hub` client to the endpoint in HF_ENDPOINT; the embedded Hub speaks the same
protocol. Import this module only after the endpoint was chosen, because the client reads it at import.
"""

import hashlib
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
from huggingface_hub.utils import filter_repo_objects

from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.process.quiet import transfer_bars
from titlecraft.records import File, Pin, RepoType, read_record, record_key
from titlecraft.records.base import R
from titlecraft.records.repo_files import CARD, GIT_ATTRIBUTES

# what the Hub itself puts into a new repo
FIRST_FILES = {
    "dataset": {GIT_ATTRIBUTES},
    "model": {GIT_ATTRIBUTES},
    "space": {GIT_ATTRIBUTES, CARD},
}


def endpoint() -> str:
    """The address of the Hub that this process uses."""
    return constants.ENDPOINT


def address(pin: Pin, path: str | None = None) -> str:
    """The web address of a repo, or of one of its files at the pinned revision."""
    base = f"{endpoint()}/{'' if pin.type == 'model' else f'{pin.type}s/'}{pin.repo}"
    return base if path is None else f"{base}/resolve/{pin.revision}/{path}"


def split_revision(reference: str) -> tuple[str, str]:
    """Split NS/NAME[@REVISION]; the default revision is "main"."""
    repo, at, revision = reference.partition("@")
    if repo.count("/") != 1 or not all(repo.split("/")) or (at and not revision):
        raise UserError(f"{reference!r} is not a repo: expected NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    return repo, revision or "main"


def pin(reference: str, type: RepoType) -> Pin:
    """Resolve NS/NAME[@REVISION] to its 40-hex commit, under the repo's current name.

    Raises UserError if the repo or revision does not exist.
    """
    repo, revision = split_revision(reference)
    with hub_errors(f"looking up {type} {reference}", repo, type):
        info = HfApi().repo_info(repo, repo_type=type, revision=revision)
    if info.id != repo:
        print_new_name(type, repo, info.id)
    return Pin(type=type, repo=info.id, revision=commit_of(info))


def commit_of(info: Any) -> str:
    """Return the commit in the Hub's answer about a repo. Raises UserError if the repo is empty."""
    if info.sha is None:
        raise UserError(f"{info.id} has no commit yet: upload a file to it first")
    return info.sha


@cache
def print_new_name(type: RepoType, repo: str, new_name: str) -> None:
    """Print, once, that a repo has another name than was given: it was renamed, or differs in capitals."""
    print(f"{type} {repo} is called {new_name} now", file=sys.stderr)


def download(pinned: Pin, patterns: list[str] | None = None) -> Path:
    """Return the folder of a pinned repo's files (those that match `patterns`), cached by the client."""
    api = HfApi()
    with hub_errors(f"downloading {pinned}", pinned.repo, pinned.type):
        info = api.repo_info(pinned.repo, repo_type=pinned.type, revision=pinned.revision, files_metadata=True)
        files = getattr(info, "siblings", None) or []
        chosen = filter_repo_objects(files, allow_patterns=patterns, key=lambda file: file.rfilename)
        with transfer_bars(sum(file.size or 0 for file in chosen)):
            return Path(
                api.snapshot_download(
                    pinned.repo, repo_type=pinned.type, revision=pinned.revision, allow_patterns=patterns
                )
            )


def read_file(pinned: Pin, path: str) -> bytes | None:
    """Return the bytes of one file at the pin, or None if the repo has no such file."""
    with hub_errors(f"reading {path} of {pinned}", pinned.repo, pinned.type):
        try:
            with transfer_bars(0):
                local = HfApi().hf_hub_download(pinned.repo, path, repo_type=pinned.type, revision=pinned.revision)
        except LocalEntryNotFoundError:  # the Hub did not answer: not the same as "no such file"
            raise
        except EntryNotFoundError:
            return None
    return Path(local).read_bytes()


def find_record(state: Pin | None, path: str, kind: type[R], key: str, files: Callable[[R], list[File]]) -> R | None:
    """Return the record at `path` if it has this key and its files are published; None otherwise.

    Args:
        key: the key of the stage's current inputs.
        files: the files that a record lists; each must exist with its sha256.
    """
    if state is None:
        return None
    raw = read_file(state, path)
    if raw is None or record_key(raw) != key:
        return None
    record = read_record(raw, kind, f"{path} of {state}")
    return record if holds(state, files(record)) else None


def lfs_sha256(infos: Iterable[Any]) -> dict[str, str]:
    """Return path -> sha256 of the large files in the Hub's answers about paths."""
    return {info.path: info.lfs.sha256 for info in infos if getattr(info, "lfs", None)}


def holds(state: Pin, files: list[File]) -> bool:
    """Whether a repo's state has these files with these sha256.

    Large files are compared by the Hub's metadata, small ones are read.
    """
    with hub_errors(f"looking into {state}", state.repo, state.type):
        infos = HfApi().get_paths_info(
            state.repo, [file.path for file in files], repo_type=state.type, revision=state.revision
        )
    large = lfs_sha256(infos)
    for file in files:
        sha256 = large.get(file.path)
        if sha256 is None:
            raw = read_file(state, file.path)
            sha256 = None if raw is None else hashlib.sha256(raw).hexdigest()
        if sha256 != file.sha256:
            return False
    return True


def require_own(state: Pin | None, record: str) -> None:
    """Raise UserError if the target repo holds files of another program or stage.

    Args:
        state: the target's head, or None if the repo does not exist yet.
        record: the file that identifies repos of this stage.
    """
    if state is None:
        return
    with hub_errors(f"looking into {state}", state.repo, state.type):
        paths = HfApi().list_repo_files(state.repo, repo_type=state.type, revision=state.revision)
    foreign = sorted(set(paths) - FIRST_FILES[state.type])
    if foreign and record not in paths:
        raise UserError(
            f"{state.type} {state.repo} holds {len(foreign)} files that this command did not publish "
            f"({', '.join(foreign[:3])}{', …' if len(foreign) > 3 else ''}): publish to another repo, or empty that one first"
        )


def published_pin(repo: str, type: RepoType) -> Pin | None:
    """Return the head of a repo under its current name, or None if it does not exist yet."""
    with hub_errors(f"looking up {type} {repo}", repo, type):
        try:
            info = HfApi().repo_info(repo, repo_type=type)
            return Pin(type=type, repo=info.id, revision=commit_of(info))
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return None


def current_name(repo: str, type: RepoType) -> str:
    """Return the current name of a repo, and print it if the repo was renamed.

    The Hub redirects reads of the old name, but publishing to it would create a second repo. A repo that does not exist
    yet keeps its name. Raises UserError if the token may not write to the namespace of the new name.
    """
    head = published_pin(repo, type)
    if head is None or head.repo == repo:
        return repo
    print(f"{type} {repo} is called {head.repo} now: publishing there")
    require_write(head.repo)
    return head.repo


def require_write(repo: str) -> None:
    """Raise UserError early if the token has no write access to the repo's namespace."""
    namespace = split_revision(repo)[0].split("/")[0]
    with hub_errors("asking who the token belongs to", repo, "model"):
        me = HfApi().whoami()
    names = [me["name"], *(org["name"] for org in me.get("orgs", []))]
    if namespace.lower() not in [name.lower() for name in names]:
        raise UserError(
            f"no write right on {repo}: the token at {endpoint()} belongs to {' and '.join(names)}; "
            f"publish to {me['name']}/{repo.split('/')[1]}, or use a token of {namespace}"
        )
    roles = {org["name"].lower(): org.get("roleInOrg") for org in me.get("orgs", [])}
    if (role := roles.get(namespace.lower())) in ("read", "no_access"):
        raise UserError(
            f"no write right on {repo}: {me['name']} has the role {role!r} in the organisation {namespace} at {endpoint()}; ask an "
            f"admin of it for the role 'write' or 'contributor', or publish to {me['name']}/{repo.split('/')[1]}"
        )
    token = me.get("auth", {}).get("accessToken", {})
    if token.get("role") == "read":
        raise UserError(
            f"no write right on {repo}: the token {token.get('displayName', '')!r} at {endpoint()} can only "
            "read; make a token with the role 'write' and put it in HF_TOKEN"
        )
    if token.get("role") == "fineGrained" and not may_write(token.get("fineGrained"), split_revision(repo)[0]):
        raise UserError(
            f"no write right on {repo}: the fine-grained token {token.get('displayName', '')!r} at {endpoint()} has no permission "
            f"repo.write for {repo} or {namespace}; give it one, or make a token with the role 'write', and put it in HF_TOKEN"
        )


def may_write(rights: Any, repo: str) -> bool:
    """Return whether the rights of a fine-grained token may include writing to a repo; True if they are of an unknown form."""
    scopes = rights.get("scoped") if isinstance(rights, dict) else None
    if not isinstance(scopes, list):
        return True
    for scope in scopes:
        name = str(scope.get("entity", {}).get("name", "")).lower()
        named = name in (repo.lower(), repo.split("/")[0].lower())
        if named and any(str(permission).endswith("write") for permission in scope.get("permissions", [])):
            return True
    return False
