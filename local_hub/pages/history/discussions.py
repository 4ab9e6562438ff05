"""The community tab: discussions and pull requests of a repo, read-only."""

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from local_hub.community import discussions as stored
from local_hub.errors import NotFound
from local_hub.pages.history.changes import Changes, changes
from local_hub.pages.markdown import Surroundings, render_markdown
from local_hub.pages.page import Visit, page, render
from local_hub.pages.repo.view import RepoView
from local_hub.repos.history import commits

_MAX_LISTED = 200
_MAX_EVENTS = 300


@dataclass(frozen=True)
class Event:
    """An event of a discussion. `html` is the sanitised text of a comment."""

    kind: str
    author: str
    date: str
    html: str = ""
    text: str = ""


def discussions(visit: Visit) -> Response:
    """GET …/discussions"""
    view = RepoView(visit, page="tree")
    listed = stored.listed(view.repo, lambda discussion: True)
    return render(
        visit,
        "discussions.html.jinja",
        view=view,
        tab="community",
        discussions=listed[:_MAX_LISTED],
        total=len(listed),
    )


def discussion(visit: Visit) -> Response:
    """GET …/discussions/N"""
    view = RepoView(visit, page="tree")
    number: str = visit.params["number"]
    if not (number.isascii() and number.isdigit() and len(number) < 9):
        raise NotFound(f"Discussion {number} does not exist in {view.id}")
    shown = stored.load(view.repo, int(number))
    return render(
        visit,
        "discussion.html.jinja",
        view=view,
        tab="community",
        discussion=shown,
        events=[_event(view, event) for event in shown.events[:_MAX_EVENTS]],
        hidden_events=max(0, len(shown.events) - _MAX_EVENTS),
        changes=_changes(view, shown),
    )


def _event(view: RepoView, event: dict[str, Any]) -> Event:
    data = event.get("data", {})
    kind: str = event["type"]
    author, date = event["author"]["name"], event["createdAt"]
    if kind == "comment":
        hidden = data.get("hidden")
        text = "" if hidden else data.get("latest", {}).get("raw", "")
        html = render_markdown(text, Surroundings(view.type, view.id, "main"))
        return Event(kind, author, date, html=html, text="This comment was hidden." if hidden else "")
    sentences = {
        "status-change": f"changed the status to {data.get('status')}",
        "title-change": f"changed the title from “{data.get('from')}” to “{data.get('to')}”",
        "commit": f"committed {str(data.get('oid', ''))[:7]}: {data.get('subject', '')}",
    }
    return Event(kind, author, date, text=sentences.get(kind, kind.replace("-", " ")))


def _changes(view: RepoView, discussion: stored.Discussion) -> Changes | None:
    """The changes of an open pull request since the commit at which it left its base branch."""
    if discussion.base is None or discussion.status not in ("open", "draft") or not view.readable:
        return None
    head, base = view.repo.resolve(discussion.ref), view.repo.resolve(discussion.base)
    merged = {commit.id for commit in commits(view.repo, base)}
    start = next((commit.id for commit in commits(view.repo, head) if commit.id in merged), None)
    return changes(view.repo, head, start)


routes = [
    Route("/{place:place}/discussions", page(discussions)),
    Route("/{place:place}/discussions/{number:name}", page(discussion)),
]
