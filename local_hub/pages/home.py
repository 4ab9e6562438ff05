"""The front page, and the page of a user or organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_hub.api.collections import visible
from local_hub.errors import HubError, NotFound
from local_hub.pages import addresses
from local_hub.pages.page import Visit, error_page, page, render
from local_hub.pages.repo.card_facts import texts
from local_hub.repos.damaged_info import read_or_reason
from local_hub.repos.history import summarize
from local_hub.repos.info import RepoInfo, card_of
from local_hub.repos.repository import Repository
from local_hub.repos.settings import RepoSettings
from local_hub.repos.store import UnreadableRepo

_MOST = 100  # repos whose reports are listed, and collections
_GROUPS = (("model", "Models"), ("dataset", "Datasets"), ("space", "Spaces"))


@dataclass(frozen=True)
class Line:
    """One repo in a list."""

    type: str
    id: str
    href: str
    facts: list[str]
    updated: str
    private: bool
    gated: bool
    damaged: str = ""  # the reason, if it cannot be read


@dataclass(frozen=True)
class Report:
    """A report in the repo of a model."""

    repo: str
    path: str
    href: str


def front(visit: Visit) -> Response:
    """GET /?q=words"""
    words = (visit.query("q") or "").lower().split()
    repos = [repo for repo in visit.visible_repos() if all(word in repo.id.lower() for word in words)]
    unreadable = [repo for repo in visit.unreadable_repos() if all(word in repo.id.lower() for word in words)]
    whole = not words
    return render(
        visit,
        "home.html.jinja",
        groups=groups_of([*repos, *unreadable]),
        query=visit.query("q") or "",
        reports=[report for repo in repos[:_MOST] for report in reports_of(repo)] if whole else [],
        collections=visible(visit)[:_MOST] if whole else [],
    )


def reports_of(repo: Repository) -> list[Report]:
    """The HTML reports of a model, `evaluation/NAME/report.html`, in the order of their names."""
    if repo.type != "model":
        return []
    try:
        commit = repo.head()
        paths = [path for path, _ in repo.walk(commit, "evaluation", recursive=True)]
    except HubError:  # there is no such folder, or the repo was deleted meanwhile
        return []
    inside = addresses.inside
    return [
        Report(repo.id, path, inside("model", repo.id, "resolve", "main", path))
        for path in paths
        if path.endswith("/report.html")
    ]


def namespace(visit: Visit) -> Response:
    """GET /NAMESPACE"""
    name: str = visit.params["name"]
    seen = [*visit.visible_repos(), *visit.unreadable_repos()]
    repos = [repo for repo in seen if repo.namespace.lower() == name.lower()]
    accounts = visit.hub.accounts
    owner: Any = accounts.user(name) or accounts.organization(name)
    if owner is None and not repos:
        raise NotFound(f"No user, organisation or page is called {name!r} here.")
    return render(
        visit,
        "namespace.html.jinja",
        name=owner.name if owner else repos[0].namespace,
        fullname=owner.fullname if owner else "",
        kind="Organisation" if accounts.organization(name) else "User",
        groups=groups_of(repos),
    )


async def missing(request: Request) -> Response:
    """Any other address: an HTML page for browsers, a NotFound in JSON for programs."""
    error = NotFound("There is no page at this address.")
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    return error_page(request, error)


def groups_of(repos: Sequence[Repository | UnreadableRepo]) -> list[tuple[str, str, list[Line]]]:
    """(type, heading, lines) of a list of repos, the last changed first."""
    lines = [line for repo in repos if (line := _line_of(repo))]
    lines.sort(key=lambda line: line.updated, reverse=True)
    return [(kind, title, [line for line in lines if line.type == kind]) for kind, title in _GROUPS]


def _line_of(repo: Repository | UnreadableRepo) -> Line | None:
    """The line of a repo, with the reason if it is damaged; None if it was deleted meanwhile."""
    if isinstance(repo, UnreadableRepo):
        return _damaged_line(repo, repo.reason)
    return read_or_reason(
        repo, lambda: _line(repo), lambda reason: None if repo.lock.gone else _damaged_line(repo, reason)
    )


def _line(repo: Repository) -> Line:
    head = repo.head()
    updated = summarize(repo.objects.commit(head)).date
    card = card_of(repo, head)
    facts = texts(card.get("pipeline_tag")) + texts(card.get("task_categories"))[:2]
    if repo.type == "model":
        facts += texts(RepoInfo(repo, head).expanded(["library_name"]).get("library_name"))
    facts += texts(card.get("size_categories"))[:1]
    settings = repo.settings
    href = addresses.repo_url(repo.type, repo.id)
    return Line(repo.type, repo.id, href, facts, updated, settings.private, bool(settings.gated))


def _damaged_line(repo: Repository | UnreadableRepo, reason: str) -> Line:
    settings = repo.settings if isinstance(repo, Repository) else RepoSettings(private=True)
    href = addresses.repo_url(repo.type, repo.id)
    gated = bool(settings.gated)
    return Line(repo.type, repo.id, href, [], settings.created_at, settings.private, gated, damaged=reason)


routes = [Route("/", page(front)), Route("/{name:name}", page(namespace))]
last_routes = [Route("/{rest:path}", missing)]
