"""Finding repos: `/api/models?author=&search=&filter=&sort=&limit=`, and the tags in use."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from titlecraft.local_hub.call import Call, answer, endpoint
from titlecraft.local_hub.repo_info import RepoInfo
from titlecraft.local_hub.repository import Repository

_PAGE = 1000
_SORT_KEYS = {"lastModified", "createdAt", "likes", "downloads", "trendingScore"}


def index(call: Call) -> Response:
    """GET /api/models, /api/datasets, /api/spaces"""
    found = [info for repo in call.hub.store.list(call.params["type"]) if (info := _matching(call, repo))]
    key = call.query("sort") if call.query("sort") in _SORT_KEYS else "lastModified"
    ascending = call.query("direction") == "1"
    found.sort(key=lambda info: info.expanded([key]).get(key, 0), reverse=not ascending)
    limit = min(call.number("limit", _PAGE, least=1), _PAGE)
    start = call.number("cursor", 0)
    shown = [_shown(call, info) for info in found[start : start + limit]]
    more = len(found) > start + limit
    return answer(shown, headers=call.next_link(cursor=str(start + limit)) if more else None)


def _matching(call: Call, repo: Repository) -> RepoInfo | None:
    if not call.may_see(repo) or repo.settings.disabled:
        return None
    author = call.query("author")
    if author and author.lower() != repo.namespace.lower():
        return None
    if any(word.lower() not in repo.id.lower() for text in call.query_list("search") for word in text.split()):
        return None
    gated = call.query("gated")
    if gated is not None and call.flag("gated") != bool(repo.settings.gated):
        return None
    info = RepoInfo(repo, repo.head())
    wanted = [tag for text in call.query_list("filter") for tag in text.split(",") if tag]
    wanted += [call.query("pipeline_tag")] if call.query("pipeline_tag") else []
    tags = info.expanded(["tags"])["tags"] if wanted else []
    return info if all(tag in tags for tag in wanted) else None


def _shown(call: Call, info: RepoInfo) -> dict[str, Any]:
    expand = call.query_list("expand")
    if expand:
        return info.expanded(expand)
    return info.in_list(full=call.flag("full"), card=call.flag("cardData"), config=call.flag("config"))


def tags_by_type(call: Call) -> Response:
    """GET /api/models-tags-by-type: the tags of the repos here, grouped by what comes before the colon."""
    groups: dict[str, dict[str, dict[str, str]]] = {"library": {}, "pipeline_tag": {}, "language": {}, "license": {}}
    for repo in call.hub.store.list(call.params["type"]):
        if call.may_see(repo):
            for tag in RepoInfo(repo, repo.head()).expanded(["tags"])["tags"]:
                group, colon, label = tag.partition(":")
                name = group if colon else "other"
                groups.setdefault(name, {})[tag] = {"type": name, "id": tag, "label": label or tag}
    return answer({name: list(tags.values()) for name, tags in groups.items()})


routes = [
    Route("/api/{type:plural}-tags-by-type", endpoint(tags_by_type)),
    Route("/api/{type:plural}", endpoint(index)),
]
