"""Lists of repos: `/api/models?author=&search=&filter=&sort=&limit=`, and the tags in use."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from local_hub.repos.damaged_info import DamagedInfo, read_or_reason
from local_hub.repos.info import RepoInfo
from local_hub.repos.repository import Repository
from local_hub.repos.store import UnreadableRepo
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint

_PAGE = 1000
_TIMES = {"lastModified", "createdAt"}
_SORT_KEYS = {*_TIMES, "likes", "downloads", "trendingScore"}


def index(call: Call) -> Response:
    """GET /api/models, /api/datasets, /api/spaces. A damaged repo is listed with the reason as `damaged`."""
    repos = call.hub.store.list(call.params["type"])
    sort = call.query("sort")
    key = sort if sort is not None and sort in _SORT_KEYS else "lastModified"
    pairs = [pair for repo in repos if (pair := _matching(call, repo, key))]
    if not _asks_for_tags(call):
        hidden = [repo for repo in call.hub.store.unreadable(call.params["type"]) if _may_know(call, repo)]
        pairs += [(DamagedInfo(repo, repo.reason), "" if key in _TIMES else 0) for repo in hidden if _named(call, repo)]
    ascending = call.query("direction") == "1"
    pairs.sort(key=lambda pair: pair[1], reverse=not ascending)
    limit = min(call.number("limit", _PAGE, least=1), _PAGE)
    start = call.number("cursor", 0)
    shown = [_shown(call, info) for info, _ in pairs[start : start + limit]]
    more = len(pairs) > start + limit
    return answer(shown, headers=call.next_link(cursor=str(start + limit)) if more else None)


def _matching(call: Call, repo: Repository, key: str) -> tuple[RepoInfo | DamagedInfo, Any] | None:
    """(repo, sort key), or None if the repo does not match the query."""
    if not call.may_see(repo) or repo.settings.disabled or not _named(call, repo):
        return None
    gated = call.query("gated")
    if gated is not None and call.flag("gated") != bool(repo.settings.gated):
        return None

    def placed(info: RepoInfo | DamagedInfo) -> tuple[RepoInfo | DamagedInfo, Any]:
        return info, info.expanded([key]).get(key, "" if key in _TIMES else 0)

    def read() -> tuple[RepoInfo | DamagedInfo, Any] | None:
        info = RepoInfo(repo, repo.head())
        tags = info.expanded(["tags"])["tags"] if _asks_for_tags(call) else []
        return placed(info) if all(tag in tags for tag in _wanted_tags(call)) else None

    def damaged(reason: str) -> tuple[RepoInfo | DamagedInfo, Any] | None:
        return None if repo.lock.gone or _asks_for_tags(call) else placed(DamagedInfo(repo, reason))

    return read_or_reason(repo, read, damaged)


def _named(call: Call, repo: Repository | UnreadableRepo) -> bool:
    author = call.query("author")
    if author and author.lower() != repo.namespace.lower():
        return False
    return all(word.lower() in repo.id.lower() for text in call.query_list("search") for word in text.split())


def _may_know(call: Call, repo: UnreadableRepo) -> bool:
    return call.token is not None and call.token.belongs_to(repo.namespace)


def _asks_for_tags(call: Call) -> bool:
    return bool(_wanted_tags(call))


def _wanted_tags(call: Call) -> list[str]:
    wanted = [tag for text in call.query_list("filter") for tag in text.split(",") if tag]
    task = call.query("pipeline_tag")
    return [*wanted, task] if task else wanted


def _shown(call: Call, info: RepoInfo | DamagedInfo) -> dict[str, Any]:
    expand = call.query_list("expand")

    def described(info: RepoInfo | DamagedInfo) -> dict[str, Any]:
        if expand:
            return info.expanded(expand)
        return info.in_list(full=call.flag("full"), card=call.flag("cardData"), config=call.flag("config"))

    if isinstance(info, DamagedInfo):
        return described(info)
    return read_or_reason(info.repo, lambda: described(info), lambda reason: described(DamagedInfo(info.repo, reason)))


def tags_by_type(call: Call) -> Response:
    """GET /api/models-tags-by-type: the tags of all visible repos, grouped by the prefix before the colon."""
    groups: dict[str, dict[str, dict[str, str]]] = {"library": {}, "pipeline_tag": {}, "language": {}, "license": {}}
    for repo in call.hub.store.list(call.params["type"]):
        if call.may_see(repo) and not repo.settings.disabled:
            for tag in read_or_reason(repo, lambda repo=repo: _tags(repo), lambda reason: []):
                group, colon, label = tag.partition(":")
                name = group if colon else "other"
                groups.setdefault(name, {})[tag] = {"type": name, "id": tag, "label": label or tag}
    return answer({name: list(tags.values()) for name, tags in groups.items()})


def _tags(repo: Repository) -> list[str]:
    return RepoInfo(repo, repo.head()).expanded(["tags"])["tags"]


routes = [
    Route("/api/{type:plural}-tags-by-type", endpoint(tags_by_type)),
    Route("/api/{type:plural}", endpoint(index)),
]
