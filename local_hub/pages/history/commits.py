"""The history of a repo (`/commits/REV`) and the changes of one commit (`/commit/SHA`)."""

from itertools import islice

from starlette.responses import Response
from starlette.routing import Route

from local_hub.pages.history.changes import changes
from local_hub.pages.page import Visit, page, render
from local_hub.pages.repo.view import RepoView
from local_hub.repos import history

_PAGE = 30


def commits(visit: Visit) -> Response:
    """GET …/commits/REV?p=0"""
    view = RepoView(visit, visit.params["rev"], page="commits")
    page_text = visit.query("p") or "0"
    number = int(page_text) if page_text.isascii() and page_text.isdigit() and len(page_text) < 9 else 0
    walk = history.commits(view.repo, view.commit)
    shown = list(islice(walk, number * _PAGE, (number + 1) * _PAGE))
    return render(
        visit,
        "commits.html.jinja",
        view=view,
        tab="commits",
        commits=shown,
        number=number,
        more=next(walk, None) is not None,
        total=history.count_commits(view.repo, view.commit),
        tags=_tags(view),
    )


def commit(visit: Visit) -> Response:
    """GET …/commit/SHA"""
    view = RepoView(visit, visit.params["rev"], files=True, page="tree")
    view.revision = view.commit
    parent = view.last_commit.parents[0] if view.last_commit.parents else None
    return render(
        visit,
        "commit.html.jinja",
        view=view,
        tab="commits",
        commit=view.last_commit,
        parent=parent,
        changes=changes(view.repo, view.commit, parent),
        tags=_tags(view),
    )


def _tags(view: RepoView) -> dict[str, list[str]]:
    """commit id -> names of its tags."""
    tags: dict[str, list[str]] = {}
    for name in view.repo.refs.under("refs/tags/"):
        tags.setdefault(view.repo.resolve(f"refs/tags/{name}"), []).append(name)
    return tags


routes = [
    Route("/{place:place}/commits/{rev:rev}", page(commits)),
    Route("/{place:place}/commit/{rev:rev}", page(commit)),
]
