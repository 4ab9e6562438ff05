"""Users and organisations: `whoami-v2`, overviews, likes, members, own repos."""

import hashlib

from starlette.responses import Response
from starlette.routing import Route

from local_hub.accounts import Organization, User
from local_hub.errors import InvalidCredentials, NotFound
from local_hub.repos.damaged_info import read_or_reason
from local_hub.repos.repository import Repository
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint


def whoami(call: Call) -> Response:
    """GET /api/whoami-v2"""
    if call.token is None:
        raise InvalidCredentials("Invalid username or password.")
    user = call.token.user
    return answer(
        {
            "type": "user",
            "id": hashlib.sha256(user.name.encode()).hexdigest()[:24],
            "name": user.name,
            "fullname": user.fullname or user.name,
            "email": user.email,
            "emailVerified": True,
            "canPay": False,
            "isPro": False,
            "avatarUrl": "",
            "periodEnd": None,
            "orgs": [
                {
                    "type": "org",
                    "name": name,
                    "fullname": org.fullname if (org := call.hub.accounts.organization(name)) else name,
                    "roleInOrg": role,
                    "isEnterprise": False,
                    "avatarUrl": "",
                }
                for name, role in user.orgs.items()
            ],
            "auth": {
                "type": "access_token",
                "accessToken": {"displayName": call.token.name, "role": call.token.role, "createdAt": None},
            },
        }
    )


def user_overview(call: Call) -> Response:
    """GET /api/users/NAME/overview"""
    user = _user(call)
    counts = _counts(call, user.name)
    liked = sum(user.name in repo.settings.likes and call.may_see(repo) for repo in call.hub.store.list())
    orgs = [_org(org) for name in user.orgs if (org := call.hub.accounts.organization(name))]
    return answer(
        _person(user) | counts | {"numLikes": liked, "numFollowers": 0, "numFollowing": 0, "isPro": False, "orgs": orgs}
    )


def user_likes(call: Call) -> Response:
    """GET /api/users/NAME/likes"""
    user = _user(call)
    liked = [repo for repo in call.hub.store.list() if user.name in repo.settings.likes and call.may_see(repo)]
    return answer(
        [{"createdAt": repo.settings.created_at, "repo": {"name": repo.id, "type": repo.type}} for repo in liked]
    )


def org_overview(call: Call) -> Response:
    """GET /api/organizations/NAME/overview"""
    org = _organization(call)
    members = len(_members(call, org))
    return answer(_org(org) | _counts(call, org.name) | {"numUsers": members, "numFollowers": 0, "isVerified": False})


def org_members(call: Call) -> Response:
    """GET /api/organizations/NAME/members"""
    return answer([_person(user) for user in _members(call, _organization(call))])


def nobody(call: Call) -> Response:
    """GET /api/users/NAME/followers and others: always empty, because this Hub has no followers."""
    return answer([])


def own_repos(call: Call) -> Response:
    """GET /api/settings/repositories, /api/organizations/NAME/settings/repositories: the repos of a namespace."""
    namespace = call.params.get("name") or call.user
    call.require_write(namespace)
    repos = [repo for repo in call.hub.store.list() if repo.namespace.lower() == namespace.lower()]
    return answer(
        [
            {
                "id": repo.id,
                "type": repo.type,
                "visibility": "private" if repo.settings.private else "public",
                "private": repo.settings.private,
                "storage": read_or_reason(repo, lambda repo=repo: _storage(repo), lambda reason: 0),
                "storagePercent": 0,
                "updatedAt": repo.settings.created_at,
            }
            for repo in repos
        ]
    )


def _storage(repo: Repository) -> int:
    return sum(entry.size for entry in repo.files(repo.head()))


def _user(call: Call) -> User:
    user = call.hub.accounts.user(call.params["name"])
    if user is None:
        raise NotFound("This user does not exist")
    return user


def _organization(call: Call) -> Organization:
    org = call.hub.accounts.organization(call.params["name"])
    if org is None:
        raise NotFound("This organization does not exist")
    return org


def _members(call: Call, org: Organization) -> list[User]:
    return [user for user in call.hub.accounts.users.values() if org.name in user.orgs]


def _person(user: User) -> dict:
    return {"user": user.name, "fullname": user.fullname or user.name, "avatarUrl": "", "type": "user"}


def _org(org: Organization) -> dict:
    return {"name": org.name, "fullname": org.fullname or org.name, "avatarUrl": "", "type": "org"}


def _counts(call: Call, namespace: str) -> dict[str, int]:
    repos = [repo for repo in call.hub.store.list() if repo.namespace == namespace and call.may_see(repo)]
    return {f"num{kind.title()}s": sum(repo.type == kind for repo in repos) for kind in ("model", "dataset", "space")}


routes = [
    Route("/api/whoami-v2", endpoint(whoami)),
    Route("/api/settings/repositories", endpoint(own_repos)),
    Route("/api/organizations/{name:name}/settings/repositories", endpoint(own_repos)),
    Route("/api/users/{name:name}/overview", endpoint(user_overview)),
    Route("/api/users/{name:name}/likes", endpoint(user_likes)),
    Route("/api/users/{name:name}/followers", endpoint(nobody)),
    Route("/api/users/{name:name}/following", endpoint(nobody)),
    Route("/api/organizations/{name:name}/overview", endpoint(org_overview)),
    Route("/api/organizations/{name:name}/members", endpoint(org_members)),
    Route("/api/organizations/{name:name}/followers", endpoint(nobody)),
]
