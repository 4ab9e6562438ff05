"""All repos under one root: finding them by id in any case, creating, renaming and deleting them in one step."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from titlecraft.local_hub.copy_history import copy_history
from titlecraft.local_hub.default_files import initial_files
from titlecraft.local_hub.durable import OWN_FOLDER, TemporaryArea, room_or_disk_full, sync_folder
from titlecraft.local_hub.hub_errors import AlreadyExists, BadRequest, RepoMoved, RepoNotFound
from titlecraft.local_hub.names import REPO_TYPES, check_file_path, check_repo_id
from titlecraft.local_hub.refs import MAIN
from titlecraft.local_hub.repo_settings import RepoSettings
from titlecraft.local_hub.repository import Repository, new_commit
from titlecraft.local_hub.tree_edit import TreeEdit

# bare, never garbage-collected behind our back; git clients may ask for any commit that a revision names
_GIT_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
[gc]
\tauto = 0
[uploadpack]
\tallowReachableSHA1InWant = true
"""


class Store:
    """`root/repos/{models,datasets,spaces}/NAMESPACE/NAME.git`, with an index in memory. One server owns a root.

    A folder's name is the id with its capitals, so renaming a repo is renaming its folder. Thread-safe; who needs a
    repo's lock and the store's takes the repo's first.
    """

    def __init__(self, root: Path):
        self.root = root
        self.temporary = TemporaryArea(root / "tmp")
        self.temporary.clear()
        self._lock = threading.RLock()
        self._open: dict[tuple[str, str], Repository] = {}
        self._folders: dict[tuple[str, str], Path] = {}
        for repo_type in REPO_TYPES:
            for folder in (root / "repos" / f"{repo_type}s").glob("*/*.git"):
                self._folders[repo_type, _id_of(folder).lower()] = folder
        self._moved_file = root / "moved.json"  # "type/old id" -> new id
        self._moved: dict[str, str] = json.loads(self._moved_file.read_bytes()) if self._moved_file.exists() else {}

    def open(self, repo_type: str, repo_id: str) -> Repository:
        """The repo with this id in any case. Raises RepoNotFound, or RepoMoved with the new id."""
        key = repo_type, repo_id.lower()
        with self._lock:
            if key not in self._open:
                folder = self._folders.get(key)
                if folder is None:
                    new_id = self._moved.get(f"{repo_type}/{repo_id.lower()}")
                    raise RepoMoved(new_id) if new_id else RepoNotFound()
                self._open[key] = Repository(repo_type, _id_of(folder), folder, self.temporary)
            return self._open[key]

    def list(self, repo_type: str | None = None) -> list[Repository]:
        """All repos, of one type if given, sorted by id. Visibility is the caller's business."""
        with self._lock:
            keys = sorted(key for key in self._folders if repo_type in (None, key[0]))
            return [self.open(*key) for key in keys]

    def create(
        self,
        repo_type: str,
        repo_id: str,
        *,
        author: str,
        private: bool = False,
        sdk: str | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> Repository:
        """A new repo with its first commit: the usual files and `files`. It appears with one rename, complete.

        Raises AlreadyExists, BadRequest, UnsafePath, DiskFull.
        """
        with self._draft(repo_type, repo_id) as folder:
            self._fill(folder, RepoSettings(private=private, sdk=sdk))
            repo = Repository(repo_type, repo_id, folder, self.temporary)
            batch = repo.objects.batch()
            edit = TreeEdit(repo.objects, None)
            for path, content in {**initial_files(repo_type), **(files or {})}.items():
                repo.refuse_bad_pointer(path, content)
                edit.set_file(check_file_path(path), batch.add_blob(content))
            first = batch.add(new_commit(edit.write(batch), [], author=author, message="initial commit"))
            batch.flush()
            repo.refs.set(MAIN, first)
            repo.objects.close()
        return self.open(repo_type, repo_id)

    def duplicate(self, source: Repository, new_id: str, *, private: bool = False) -> Repository:
        """A new repo with the branches and tags of another and what they lead to, nothing that was squashed away."""
        with source.lock, self._draft(source.type, new_id) as folder:
            self._fill(folder, RepoSettings(private=private, sdk=source.settings.sdk))
            tips = {
                kind + name: source.objects.commit(oid).id.decode()
                for kind in ("refs/heads/", "refs/tags/")
                for name, oid in source.refs.under(kind).items()
            }
            copy = Repository(source.type, new_id, folder, self.temporary)
            copy_history(source, copy, tips.values())
            for name, oid in tips.items():
                copy.refs.set(name, oid)
            copy.objects.close()
        return self.open(source.type, new_id)

    @contextmanager
    def _draft(self, repo_type: str, repo_id: str) -> Iterator[Path]:
        """An empty folder that becomes the repo of this id, with one rename, when the block succeeds."""
        if repo_type not in REPO_TYPES:
            raise BadRequest(f"Invalid repo type {repo_type!r}: expected one of {', '.join(REPO_TYPES)}")
        target = self._folder(repo_type, check_repo_id(repo_id))
        with self._lock, room_or_disk_full():
            if (repo_type, repo_id.lower()) in self._folders:
                existing = self.open(repo_type, repo_id)
                raise AlreadyExists(f"A {repo_type} repository called {existing.id} already exists")
            draft = self.temporary.new_folder()
            try:
                yield draft
                target.parent.mkdir(parents=True, exist_ok=True)
                draft.rename(target)
                sync_folder(target.parent)
            finally:
                self.temporary.discard(draft)
            self._folders[repo_type, repo_id.lower()] = target

    def delete(self, repo: Repository) -> None:
        """Remove a repo for good; it is gone with one rename."""
        with repo.lock, self._lock:
            self._drop(repo)
            repo.objects.close()
            self.temporary.discard(repo.folder)

    def move(self, repo: Repository, new_id: str) -> Repository:
        """Rename a repo; the old id answers RepoMoved from then on. Raises AlreadyExists, BadRequest."""
        target = self._folder(repo.type, check_repo_id(new_id))
        with repo.lock, self._lock:
            taken = self._folders.get((repo.type, new_id.lower()))
            if taken not in (None, repo.folder):
                raise AlreadyExists(f"A {repo.type} repository called {new_id} already exists")
            # the redirect first: until the folder is renamed, the repo that still exists under the old id wins
            moved = {old: new_id if new.lower() == repo.id.lower() else new for old, new in self._moved.items()}
            moved[f"{repo.type}/{repo.id.lower()}"] = new_id
            moved.pop(f"{repo.type}/{new_id.lower()}", None)
            self.temporary.write(self._moved_file, json.dumps(moved, indent=1).encode())
            self._moved = moved
            target.parent.mkdir(parents=True, exist_ok=True)
            self._drop(repo)
            repo.folder.rename(target)
            sync_folder(target.parent)
            self._folders[repo.type, new_id.lower()] = target
            return self.open(repo.type, new_id)

    def _folder(self, repo_type: str, repo_id: str) -> Path:
        namespace, name = repo_id.split("/")
        return self.root / "repos" / f"{repo_type}s" / namespace / f"{name}.git"

    def _drop(self, repo: Repository) -> None:
        self._folders.pop((repo.type, repo.id.lower()), None)
        self._open.pop((repo.type, repo.id.lower()), None)

    def _fill(self, folder: Path, settings: RepoSettings) -> None:
        folder.chmod(OWN_FOLDER)
        for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            (folder / name).mkdir(parents=True)
        (folder / "HEAD").write_text(f"ref: {MAIN}\n")
        (folder / "config").write_text(_GIT_CONFIG)
        settings.save(folder, self.temporary)


def _id_of(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name.removesuffix('.git')}"
