"""Lists and deletes the LFS files of a repo, also from its history: `/api/models/ID/lfs-files`."""

from datetime import UTC, datetime

from dulwich.objects import Commit, ObjectID, Tree
from starlette.responses import Response
from starlette.routing import Route

from local_hub.errors import BadRequest
from local_hub.git.objects import ObjectBatch
from local_hub.git.refs import MAIN
from local_hub.repos.repository import Repository
from local_hub.repos.settings import hub_time
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint


def listed(call: Call) -> Response:
    """GET /api/models/ID/lfs-files: each object once, with one file and ref (main first) that use it."""
    repo = call.writable_repo()
    objects: dict[str, dict] = {}
    for ref in _all_refs(repo):
        for entry in repo.files(repo.resolve(ref)):
            if entry.lfs is None or repo.lfs.size(entry.lfs.sha256) is None:
                continue
            moment = datetime.fromtimestamp(repo.lfs.path(entry.lfs.sha256).stat().st_mtime, UTC)
            described = {
                "fileOid": entry.lfs.sha256,
                "filename": entry.path,
                "oid": entry.lfs.sha256,
                "pushedAt": hub_time(moment),
                "ref": ref,
                "size": entry.size,
            }
            objects.setdefault(entry.lfs.sha256, described)
    return answer(list(objects.values()))


def delete(call: Call) -> Response:
    """POST /api/models/ID/lfs-files/batch with `{deletions: {sha: […], rewriteHistory}}`"""
    repo = call.writable_repo()
    deletions = call.json().get("deletions")
    if not isinstance(deletions, dict) or not isinstance(deletions.get("sha"), list):
        raise BadRequest("'deletions' must hold a list 'sha' of LFS object ids")
    doomed = {str(sha256) for sha256 in deletions["sha"]}
    with repo.lock:
        if deletions.get("rewriteHistory"):
            _Rewrite(repo, doomed).run()
        for sha256 in doomed:
            repo.lfs.delete(sha256)
    return answer({"success": True})


def _all_refs(repo: Repository) -> list[str]:
    names = [kind + name for kind in ("refs/heads/", "refs/tags/", "refs/pr/") for name in repo.refs.under(kind)]
    return sorted(names, key=lambda name: name != MAIN)


class _Rewrite:
    """Rewrites all commits without the pointers to some objects. Commits and trees without such pointers keep their id."""

    def __init__(self, repo: Repository, doomed: set[str]):
        self.repo = repo
        self.doomed = doomed
        self.batch: ObjectBatch = repo.objects.batch()
        self.trees: dict[str, str | None] = {}
        self.commits: dict[str, str] = {}

    def run(self) -> None:
        """Write the new commits, then move the refs to them."""
        moves = {}
        for ref in _all_refs(self.repo):
            old = self.repo.resolve(ref)
            new = self._commit(old)
            if new != old:
                moves[ref] = new
        self.batch.flush()
        for ref, oid in moves.items():
            self.repo.refs.set(ref, oid)

    def _commit(self, oid: str) -> str:
        """Rewrite a commit and its ancestors, parents first. It is iterative, because histories are long."""
        todo = [oid]
        while todo:
            current = self.repo.objects.commit(todo[-1])
            missing = [parent.decode() for parent in current.parents if parent.decode() not in self.commits]
            if missing:
                todo.extend(missing)
                continue
            todo.pop()
            self.commits.setdefault(current.id.decode(), self._again(current))
        return self.commits[oid]

    def _again(self, commit: Commit) -> str:
        tree = self._tree(commit.tree.decode()) or self.batch.add(Tree())
        parents = [self.commits[parent.decode()] for parent in commit.parents]
        if tree == commit.tree.decode() and parents == [parent.decode() for parent in commit.parents]:
            return commit.id.decode()
        new = Commit.from_string(commit.as_raw_string())
        new.tree, new.parents = ObjectID(tree.encode()), [ObjectID(parent.encode()) for parent in parents]
        return self.batch.add(new)

    def _tree(self, oid: str) -> str | None:
        if oid not in self.trees:
            tree = Tree()
            for item in self.repo.objects.tree(oid):
                oid_after = self._tree(item.oid) if item.is_folder else item.oid
                lfs = None if item.is_folder else self.repo.objects.blob_info(item.oid).lfs
                if oid_after and not (lfs and lfs.sha256 in self.doomed):
                    tree.add(item.name.encode(errors="surrogateescape"), item.mode, ObjectID(oid_after.encode()))
            self.trees[oid] = self.batch.add(tree) if len(tree) else None
        return self.trees[oid]


_FILES = "/api/{type:plural}/{id:repo}/lfs-files"

routes = [
    Route(_FILES, endpoint(listed)),
    Route(_FILES + "/batch", endpoint(delete, authorize=Call.writable_repo), methods=["POST"]),
]
