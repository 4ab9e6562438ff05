"""Branches and tags: `refs`, `branch/B`, `tag/REV`, `super-squash/B`."""

from starlette.responses import Response
from starlette.routing import Route

from local_hub.errors import AlreadyExists, BadRequest, Forbidden, RevisionNotFound
from local_hub.git.refs import MAIN
from local_hub.names import is_good_ref_name
from local_hub.repos.operations import new_commit
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint


def refs(call: Call) -> Response:
    """GET /api/models/ID/refs?include_prs=1"""
    repo = call.repo()

    def listed(prefix: str, name_prefix: str = "") -> list[dict[str, str]]:
        return [
            {"name": name_prefix + name, "ref": prefix + name, "targetCommit": repo.objects.commit(oid).id.decode()}
            for name, oid in repo.refs.under(prefix).items()
        ]

    groups = {"branches": listed("refs/heads/"), "converts": listed("refs/convert/"), "tags": listed("refs/tags/")}
    if call.flag("include_prs"):
        groups["pullRequests"] = listed("refs/pr/", "refs/pr/")
    return answer(groups)


def create_branch(call: Call) -> Response:
    """POST /api/models/ID/branch/B with `{startingPoint?, emptyBranch?, overwrite?}`"""
    repo = call.writable_repo()
    body, branch = call.json(), call.params["branch"]
    with repo.lock:
        start = repo.resolve(call.text("startingPoint", "main"))
        if not is_good_ref_name(branch):
            raise BadRequest(f"Invalid branch name: {branch!r}")
        if repo.refs.get(f"refs/heads/{branch}") and not body.get("overwrite"):
            raise AlreadyExists(f"Reference refs/heads/{branch} already exists")
        repo.refs.set(f"refs/heads/{branch}", start)
    return answer({"success": True})


def delete_branch(call: Call) -> Response:
    """DELETE /api/models/ID/branch/B"""
    call.writable_repo()
    ref = f"refs/heads/{call.params['branch']}"
    if ref == MAIN:
        raise Forbidden(f"Cannot delete {MAIN}")
    return _delete(call, ref)


def create_tag(call: Call) -> Response:
    """POST /api/models/ID/tag/REV with `{tag, message?}`"""
    repo = call.writable_repo()
    name = str(call.json().get("tag") or "")
    with repo.lock:
        commit = repo.resolve(call.params["rev"])
        if not is_good_ref_name(name):
            raise BadRequest(f"Invalid tag name: {name!r}")
        if repo.refs.get(f"refs/tags/{name}"):
            raise AlreadyExists(f"Reference refs/tags/{name} already exists")
        repo.refs.set(f"refs/tags/{name}", commit)
    return answer({"success": True})


def delete_tag(call: Call) -> Response:
    """DELETE /api/models/ID/tag/TAG"""
    call.writable_repo()
    return _delete(call, f"refs/tags/{call.params['rev']}")


def _delete(call: Call, ref: str) -> Response:
    repo = call.repo()
    with repo.lock:
        if not is_good_ref_name(ref.split("/", 2)[2]) or repo.refs.get(ref) is None:
            raise RevisionNotFound(f"Invalid rev id: {ref}")
        repo.refs.delete(ref)
    return answer({"success": True})


def super_squash(call: Call) -> Response:
    """POST /api/models/ID/super-squash/B with `{message?}`: the branch becomes one commit with the same files."""
    repo = call.writable_repo()
    branch = call.params["rev"]
    with repo.lock:
        ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
        head = repo.refs.get(ref)
        if head is None or ref.startswith("refs/tags/"):
            raise RevisionNotFound(f"Invalid rev id: {branch}")
        message = str(call.json().get("message") or f"Super-squash branch {branch!r}")
        batch = repo.objects.batch()
        tree = repo.objects.commit(head).tree.decode()
        oid = batch.add(new_commit(tree, [], author=call.user, message=message))
        batch.flush()
        repo.refs.set(ref, oid)
    return answer({"success": True, "commitOid": oid})


_TAG = "/api/{type:plural}/{id:repo}/tag/{rev:rev}"
_BRANCH = "/api/{type:plural}/{id:repo}/branch/{branch:file}"

routes = [
    Route("/api/{type:plural}/{id:repo}/refs", endpoint(refs)),
    Route(_BRANCH, endpoint(create_branch, authorize=Call.writable_repo), methods=["POST"]),
    Route(_BRANCH, endpoint(delete_branch, authorize=Call.writable_repo), methods=["DELETE"]),
    Route(_TAG, endpoint(create_tag, authorize=Call.writable_repo), methods=["POST"]),
    Route(_TAG, endpoint(delete_tag, authorize=Call.writable_repo), methods=["DELETE"]),
    Route(
        "/api/{type:plural}/{id:repo}/super-squash/{rev:rev}",
        endpoint(super_squash, authorize=Call.writable_repo),
        methods=["POST"],
    ),
]
