"""Discussions and pull requests: list, details, new, comment, status, title, merge."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from local_hub.community import discussions, pull_requests
from local_hub.community.discussions import Discussion
from local_hub.errors import BadRequest, Forbidden, NotFound
from local_hub.repos.repository import Repository
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint

_PAGE = 50


def index(call: Call) -> Response:
    """GET /api/models/ID/discussions?p=&type=&status=&author="""
    repo = call.repo()
    kind, status, author = call.query("type") or "all", call.query("status") or "all", call.query("author")

    def wanted(discussion: Discussion) -> bool:
        right_kind = kind == "all" or (kind == "pull_request") == discussion.is_pull_request
        right_status = status == "all" or (status == "open") == (discussion.status in ("open", "draft"))
        return right_kind and right_status and author in (None, discussion.author)

    matching = discussions.listed(repo, wanted)
    start = call.number("p", 0) * _PAGE
    shown = [_summary(repo, discussion) for discussion in matching[start : start + _PAGE]]
    return answer({"discussions": shown, "count": len(matching), "start": start})


def _summary(repo: Repository, discussion: Discussion) -> dict[str, Any]:
    return {
        "num": discussion.num,
        "title": discussion.title,
        "status": discussion.status,
        "author": {"name": discussion.author, "type": "user"},
        "createdAt": discussion.created_at,
        "isPullRequest": discussion.is_pull_request,
        "pinned": False,
        "numComments": sum(event["type"] == "comment" for event in discussion.events),
        "repo": {"name": repo.id, "type": repo.type},
        "repoOwner": {"name": repo.namespace},
    }


def details(call: Call) -> Response:
    """GET /api/models/ID/discussions/N[?diff=1]"""
    repo = call.repo()
    discussion = discussions.load(repo, call.params["num"])
    content = _summary(repo, discussion) | {"events": discussion.events}
    if discussion.is_pull_request:
        content["changes"] = {"base": discussion.base, "mergeCommitId": discussion.merge_commit}
        content["filesWithConflicts"] = pull_requests.conflicting_files(repo, discussion)
        if call.flag("diff") and call.may_read_files(repo):
            content["diff"] = pull_requests.diff(repo, discussion)
    return answer(content)


def new(call: Call) -> Response:
    """POST /api/models/ID/discussions with `{title, description, pullRequest?}`"""
    repo = call.require_contribution()
    body = call.json()
    title, description = str(body.get("title") or "").strip(), str(body.get("description") or "")
    if len(title) < 3:
        raise BadRequest("The title of a discussion needs at least 3 characters")
    with repo.lock:
        if body.get("pullRequest"):
            discussion = pull_requests.open_empty(repo, title, description, call.user)
        else:
            discussion = Discussion(discussions.next_number(repo), title, call.user)
            discussion.comment(call.user, description)
            discussions.save(repo, discussion)
    url = f"{call.base_url}{repo.url_path}/discussions/{discussion.num}"
    return answer({"num": discussion.num, "pullRequest": discussion.is_pull_request, "url": url})


def comment(call: Call) -> Response:
    """POST …/discussions/N/comment with `{comment}`"""
    text = str(call.json().get("comment") or "")
    if not text.strip():
        raise BadRequest("A comment must not be empty")
    repo = call.require_contribution()
    with repo.lock:
        discussion = discussions.load(repo, call.params["num"])
        event = discussion.comment(call.user, text)
        discussions.save(repo, discussion)
    return answer({"newMessage": event})


def edit_comment(call: Call) -> Response:
    """POST …/discussions/N/comment/ID/edit with `{content}`, or …/hide"""
    repo = call.require_contribution()
    with repo.lock:
        discussion = discussions.load(repo, call.params["num"])
        event = next((event for event in discussion.events if event["id"] == call.params["comment"]), None)
        if event is None or event["type"] != "comment":
            raise NotFound(f"#{discussion.num} has no comment {call.params['comment']}")
        if event["author"]["name"] != call.user:
            call.require_write(repo.namespace)
        data = event["data"]
        if call.params["action"] == "hide":
            data |= {"hidden": True, "history": [], "numEdits": 0}
            data["latest"] |= {"raw": "This comment has been hidden", "html": ""}
        else:
            data["history"].append(data["latest"])
            data["latest"] = discussions.comment_data(call.user, str(call.json().get("content") or ""))["latest"]
            data |= {"edited": True, "numEdits": len(data["history"])}
        discussions.save(repo, discussion)
    return answer({"updatedComment": event})


def _owned(call: Call) -> Repository:
    """The repo, if the caller may change the discussion: its author, or a writer of the repo."""
    repo = call.require_contribution()
    if discussions.load(repo, call.params["num"]).author != call.user:
        call.require_write(repo.namespace)
    return repo


def title(call: Call) -> Response:
    """POST …/discussions/N/title with `{title}`"""
    new_title = str(call.json().get("title") or "").strip()
    if len(new_title) < 3:
        raise BadRequest("The title of a discussion needs at least 3 characters")
    repo = _owned(call)
    with repo.lock:
        discussion = discussions.load(repo, call.params["num"])
        event = discussion.add_event("title-change", call.user, {"from": discussion.title, "to": new_title})
        discussion.title = new_title
        discussions.save(repo, discussion)
    return answer({"newTitle": event})


def status(call: Call) -> Response:
    """POST …/discussions/N/status with `{status: open|closed, comment?}`"""
    body = call.json()
    if body.get("status") not in ("open", "closed"):
        raise BadRequest(f"Invalid status {body.get('status')!r}: expected 'open' or 'closed'")
    repo = _owned(call)
    with repo.lock:
        discussion = discussions.load(repo, call.params["num"])
        if discussion.status == "merged":
            raise Forbidden(f"#{discussion.num} is merged already")
        if body.get("comment"):
            discussion.comment(call.user, str(body["comment"]))
        event = discussion.change_status(call.user, body["status"])
        discussions.save(repo, discussion)
    return answer({"newStatus": event})


def merge(call: Call) -> Response:
    """POST …/discussions/N/merge with `{comment?}`"""
    repo = call.writable_repo()
    with repo.lock:
        discussion = discussions.load(repo, call.params["num"])
        oid = pull_requests.merge(repo, discussion, call.user)
        if text := call.json().get("comment"):
            discussion.comment(call.user, str(text))
        event = discussion.change_status(call.user, "merged")
        event["data"]["mergeCommitId"] = oid
        discussions.save(repo, discussion)
    return answer({"newStatus": event, "mergeCommitId": oid})


_ALL = "/api/{type:plural}/{id:repo}/discussions"
_ONE = _ALL + "/{num:number}"

routes = [
    Route(_ALL, endpoint(index)),
    Route(_ALL, endpoint(new, authorize=Call.require_contribution), methods=["POST"]),
    Route(_ONE, endpoint(details)),
    Route(_ONE + "/comment", endpoint(comment, authorize=Call.require_contribution), methods=["POST"]),
    Route(
        _ONE + "/comment/{comment:name}/{action:name}",
        endpoint(edit_comment, authorize=Call.require_contribution),
        methods=["POST"],
    ),
    Route(_ONE + "/title", endpoint(title, authorize=Call.require_contribution), methods=["POST"]),
    Route(_ONE + "/status", endpoint(status, authorize=Call.require_contribution), methods=["POST"]),
    Route(_ONE + "/merge", endpoint(merge, authorize=Call.writable_repo), methods=["POST"]),
]
