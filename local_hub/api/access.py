"""Gated repos: requests for access, and the owner's lists of pending, accepted and rejected requests."""

from starlette.responses import Response
from starlette.routing import Route

from local_hub.errors import BadRequest, NotFound
from local_hub.repos.settings import AccessRequest, now
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint

_STATUSES = ("pending", "accepted", "rejected")


def listed(call: Call) -> Response:
    """GET /api/models/ID/user-access-request/{pending,accepted,rejected}"""
    repo = call.writable_repo()
    if call.params["status"] not in _STATUSES:
        raise BadRequest(f"Invalid status {call.params['status']!r}: expected one of {', '.join(_STATUSES)}")
    requests = []
    for name, request in repo.settings.access.items():
        user = call.hub.accounts.user(name)
        if user is not None and request.status == call.params["status"]:
            person = {"user": user.name, "fullname": user.fullname or user.name, "type": "user"}
            # users give their e-mail address by asking for access, not if they were granted it unasked
            if request.fields is not None:
                person["email"] = user.email
            requests.append(
                {
                    "user": person,
                    "status": request.status,
                    "timestamp": request.timestamp,
                    "fields": request.fields or {},
                    "grantedBy": None,
                }
            )
    return answer(requests)


def handle(call: Call) -> Response:
    """POST /api/models/ID/user-access-request/handle with `{user, status, rejectionReason?}`"""
    repo = call.writable_repo()
    body = call.json()
    status = body.get("status")
    if status not in _STATUSES:
        raise BadRequest(f"Invalid status {status!r}: expected one of {', '.join(_STATUSES)}")
    name = _known_user(call, body)
    with repo.lock:
        request = repo.settings.access.get(name)
        if request is None or request.status == status:
            raise NotFound(f"There is no access request of {name} that could become {status}")
        request.status, request.timestamp = status, now()
        repo.save_settings()
    return answer({"success": True})


def grant(call: Call) -> Response:
    """POST /api/models/ID/user-access-request/grant with `{user}`: grant access without a request."""
    repo = call.writable_repo()
    name = _known_user(call, call.json())
    with repo.lock:
        request = repo.settings.access.get(name)
        if request is not None and request.status == "accepted":
            raise BadRequest(f"{name} has access already")
        repo.settings.access[name] = AccessRequest("accepted", now())
        repo.save_settings()
    return answer({"success": True})


def ask(call: Call) -> Response:
    """POST /ID/ask-access: accepted at once if `gated` is `auto`, else pending."""
    repo = call.repo()
    if not repo.settings.gated:
        raise BadRequest(f"{repo.id} is not gated: no access is needed")
    fields = dict(call.form())
    with repo.lock:
        if call.user not in repo.settings.access:
            status = "accepted" if repo.settings.gated == "auto" else "pending"
            repo.settings.access[call.user] = AccessRequest(status, now(), fields)
            repo.save_settings()
    return answer({"status": repo.settings.access[call.user].status})


def _may_ask(call: Call) -> None:
    call.repo()
    call.require_token()


def _known_user(call: Call, body: dict) -> str:
    user = call.hub.accounts.user(str(body.get("user") or ""))
    if user is None:
        raise NotFound(f"The user {body.get('user')!r} does not exist")
    return user.name


_REQUESTS = "/api/{type:plural}/{id:repo}/user-access-request"

routes = [
    Route(_REQUESTS + "/handle", endpoint(handle, authorize=Call.writable_repo), methods=["POST"]),
    Route(_REQUESTS + "/grant", endpoint(grant, authorize=Call.writable_repo), methods=["POST"]),
    Route(_REQUESTS + "/{status:name}", endpoint(listed)),
    Route("/{place:place}/ask-access", endpoint(ask, authorize=_may_ask), methods=["POST"]),
]
