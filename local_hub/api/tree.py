"""The files of a repo at a revision: `tree`, `paths-info`, and its history: `commits`."""

import re
from itertools import islice
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from local_hub.errors import BadRequest, EntryNotFound
from local_hub.repos import history
from local_hub.repos.entry import Entry
from local_hub.repos.repository import Repository
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint

_SKIP = re.compile("[0-9]{1,15}")
_PAGE = 1000
_PAGE_WITH_COMMITS = 100
_COMMITS_PAGE = 50
_MAX_PATHS = 20_000


def tree(call: Call) -> Response:
    """GET /api/models/ID/tree/REV[/PATH]?recursive=&expand=&cursor=

    The cursor contains the commit, so that all pages of a listing show the same state of a branch.
    """
    repo = call.repo(files=True)
    expand = call.flag("expand")
    commit, _, skip = (call.query("cursor") or "").rpartition(":")
    commit = repo.resolve(commit or call.params["rev"])
    start = int(skip) if _SKIP.fullmatch(skip) else 0
    most = min(call.number("limit", _PAGE, least=1), _PAGE_WITH_COMMITS if expand else _PAGE)
    walk = repo.walk(commit, call.params.get("path", "").strip("/"), recursive=call.flag("recursive"))
    page = [repo.describe(path, item) for path, item in islice(walk, start, start + most)]
    more = next(walk, None) is not None
    headers = call.next_link(cursor=f"{commit}:{start + most}") if more else None
    return answer(nodes(repo, commit, page, expand=expand), headers=headers)


def paths_info(call: Call) -> Response:
    """POST /api/models/ID/paths-info/REV with a form (or JSON): paths=…&paths=…&expand=; missing paths are left out."""
    repo = call.repo(files=True)
    commit = repo.resolve(call.params["rev"])
    fields = call.form()
    entries = []
    paths = dict.fromkeys(str(value) for name, value in fields if name in ("paths", "paths[]"))
    if len(paths) > _MAX_PATHS:
        raise BadRequest(f"{len(paths):,} paths in one request: at most {_MAX_PATHS:,} are looked up", status=413)
    for path in paths:
        try:
            entries.append(repo.entry(commit, path.strip("/")))
        except EntryNotFound:
            continue
    expand = any(name == "expand" and str(value).lower() in ("true", "1") for name, value in fields)
    listed = nodes(repo, commit, [entry for entry in entries if entry.path], expand=expand)
    for node in listed:
        # the client copies an LFS file to another repo only if it has a Xet hash, which it sends back with the sha256
        # (`lfs_routes.duplicate`); in a tree listing this field would make it download through Xet
        if "lfs" in node:
            node["xetHash"] = node["lfs"]["oid"]
    return answer(listed)


def _may_list(call: Call) -> None:
    call.repo(files=True)


def nodes(repo: Repository, commit: str, entries: list[Entry], *, expand: bool) -> list[dict[str, Any]]:
    """Entries in the form of the API; `expand` adds the last commit and an empty security scan."""
    listed = [_node(entry) for entry in entries]
    if expand:
        last = history.last_commits(repo, commit, [entry.path for entry in entries])
        for node in listed:
            changed = last[node["path"]]
            node["lastCommit"] = {"id": changed.id, "title": changed.title, "date": changed.date}
            if node["type"] == "file":
                node["securityFileStatus"] = {"status": "unscanned", "avScan": None, "pickleImportScan": None}
    return listed


def _node(entry: Entry) -> dict[str, Any]:
    node: dict[str, Any] = {
        "type": "directory" if entry.is_folder else "file",
        "oid": entry.oid,
        "size": entry.size,
        "path": entry.path,
    }
    if entry.lfs:
        node["lfs"] = {"oid": entry.lfs.sha256, "size": entry.lfs.size, "pointerSize": entry.pointer_size}
    return node


def commits(call: Call) -> Response:
    """GET /api/models/ID/commits/REV?p=&limit=&expand[]=formatted"""
    repo = call.repo(files=True)
    start = repo.resolve(call.params["rev"])
    page = call.number("p", 0)
    most = min(call.number("limit", _COMMITS_PAGE, least=1), _PAGE)
    walk = history.commits(repo, start)
    formatted = "formatted" in call.query_list("expand")
    shown = [_commit(commit, formatted) for commit in islice(walk, page * most, (page + 1) * most)]
    headers = {"X-Total-Count": str(history.count_commits(repo, start))}
    if next(walk, None) is not None:
        headers |= call.next_link(p=str(page + 1))
    return answer(shown, headers=headers)


def _commit(commit: history.CommitSummary, formatted: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": commit.id,
        "title": commit.title,
        "message": commit.message,
        "date": commit.date,
        "authors": [{"user": commit.author, "avatar": ""}],
    }
    if formatted:
        shown["formatted"] = {"title": commit.title, "message": commit.message}
    return shown


routes = [
    Route("/api/{type:plural}/{id:repo}/tree/{rev:rev}", endpoint(tree)),
    Route("/api/{type:plural}/{id:repo}/tree/{rev:rev}/", endpoint(tree)),
    Route("/api/{type:plural}/{id:repo}/tree/{rev:rev}/{path:file}", endpoint(tree)),
    Route(
        "/api/{type:plural}/{id:repo}/paths-info/{rev:rev}", endpoint(paths_info, authorize=_may_list), methods=["POST"]
    ),
    Route("/api/{type:plural}/{id:repo}/commits/{rev:rev}", endpoint(commits)),
]
