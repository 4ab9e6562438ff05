"""Files at a revision: folders (`/tree/REV/PATH`) and single files (`/blob/REV/PATH`)."""

from dataclasses import dataclass
from itertools import islice

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from local_hub.pages.files.view import show_file
from local_hub.pages.page import Visit, page, render
from local_hub.pages.repo.view import RepoView
from local_hub.repos.entry import Entry
from local_hub.repos.history import CommitSummary, last_commits

_MAX_ENTRIES = 1000
_MAX_EXPLAINED = 200  # entries with their last commit; more would be slow


@dataclass(frozen=True)
class Line:
    """One entry of a folder."""

    entry: Entry
    name: str
    changed: CommitSummary | None


def tree(visit: Visit) -> Response:
    """GET …/tree/REV[/PATH]"""
    view = RepoView(visit, visit.params["rev"], page="tree")
    path = visit.params.get("path", "").strip("/")
    if not view.repo.entry(view.commit, path).is_folder:
        return RedirectResponse(view.url("blob", path), status_code=302)
    walk = view.repo.walk(view.commit, path)
    entries = [view.repo.describe(item_path, item) for item_path, item in islice(walk, _MAX_ENTRIES)]
    entries.sort(key=lambda entry: not entry.is_folder)
    explained = entries if len(entries) <= _MAX_EXPLAINED else []
    changed = last_commits(view.repo, view.commit, [entry.path for entry in explained])
    lines = [Line(entry, entry.path.rpartition("/")[2], changed.get(entry.path)) for entry in entries]
    return render(
        visit,
        "tree.html.jinja",
        view=view,
        tab="files",
        path=path,
        crumbs=crumbs(view, path),
        lines=lines,
        more=next(walk, None) is not None,
    )


def blob(visit: Visit) -> Response:
    """GET …/blob/REV/PATH[?plain=1]"""
    view = RepoView(visit, visit.params["rev"], files=True, page="blob")
    path = visit.params["path"].strip("/")
    entry = view.repo.entry(view.commit, path)
    if entry.is_folder:
        return RedirectResponse(view.url("tree", path), status_code=302)
    return render(
        visit,
        "blob.html.jinja",
        view=view,
        tab="files",
        path=path,
        crumbs=crumbs(view, path),
        entry=entry,
        changed=last_commits(view.repo, view.commit, [path])[path],
        shown=show_file(view, entry, plain=visit.flag("plain")),
    )


def crumbs(view: RepoView, path: str) -> list[tuple[str, str]]:
    """(name, address) for the repo's root and every folder on the way to `path`."""
    parts = path.split("/") if path else []
    links = [(view.name, view.url("tree"))]
    for i, part in enumerate(parts):
        links.append((part, view.url("tree", "/".join(parts[: i + 1]))))
    return links


routes = [
    Route("/{place:place}/tree/{rev:rev}", page(tree)),
    Route("/{place:place}/tree/{rev:rev}/", page(tree)),
    Route("/{place:place}/tree/{rev:rev}/{path:file}", page(tree)),
    Route("/{place:place}/blob/{rev:rev}/{path:file}", page(blob)),
]
