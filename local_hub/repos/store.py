"""The store of all repos in one root folder: open, create, duplicate, rename and delete, each in one step."""

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_hub.disk.durable import TemporaryArea, room_or_disk_full, sync_folder
from local_hub.disk.set_aside import is_remnant, set_aside
from local_hub.errors import AlreadyExists, BadRequest, DamagedRepo, RepoMoved, RepoNotFound
from local_hub.git.refs import MAIN
from local_hub.git.tree_edit import TreeEdit
from local_hub.names import REPO_TYPES, check_file_path, check_repo_id
from local_hub.repos.copy_history import copy_history
from local_hub.repos.default_files import initial_files, make_bare_repo
from local_hub.repos.operations import new_commit
from local_hub.repos.redirects import Redirects
from local_hub.repos.repository import Repository
from local_hub.repos.settings import RepoSettings
from local_hub.untrusted.data import BadData

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UnreadableRepo:
    """A repo with unreadable settings. Its visibility is unknown, so only members of its namespace see it."""

    type: str
    id: str
    reason: str

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]


class Store:
    """The folders `root/repos/{models,datasets,spaces}/NAMESPACE/NAME.git`, with an index in memory.

    Ids are case-insensitive. Thread-safe: code that needs both locks takes the repo's lock before the store's.
    """

    def __init__(self, root: Path):
        self.root = root
        self.temporary = TemporaryArea(root / "tmp")
        self.temporary.clear()
        self._lock = threading.RLock()
        self._open: dict[tuple[str, str], Repository] = {}
        self._folders: dict[tuple[str, str], Path] = {}
        for repo_type in REPO_TYPES:
            for folder in sorted((root / "repos" / f"{repo_type}s").glob("*/*.git")):
                self._find(repo_type, folder)
        self._redirects = Redirects(root, self.temporary)

    def _find(self, repo_type: str, folder: Path) -> None:
        """Add a folder to the index. A folder that is not a repo is set aside, because it would block a new repo."""
        if is_remnant(folder):
            self._clear_way(folder)
            return
        try:
            key = repo_type, check_repo_id(_id_of(folder)).lower()
        except BadRequest as error:
            _log.warning("%r is not served: %s", str(folder), error.message)
            return
        if key in self._folders:
            _log.warning("%s is not served: %s has the same id", folder, self._folders[key])
            return
        self._folders[key] = folder

    def _clear_way(self, path: Path) -> None:
        try:
            _log.warning("%s is not a repo and was set aside as %s", path, set_aside(self.root, path))
        except OSError as error:
            _log.warning("%s is not a repo and cannot be set aside: %s", path, error)

    def open(self, repo_type: str, repo_id: str) -> Repository:
        """The repo with this id (case-insensitive). Raises RepoNotFound, RepoMoved with the new id, DamagedRepo."""
        key = repo_type, repo_id.lower()
        with self._lock:
            if key not in self._open:
                folder = self._folders.get(key)
                if folder is None:
                    new_id = self._redirects.new_id(repo_type, repo_id)
                    raise RepoMoved(new_id) if new_id else RepoNotFound()
                try:
                    self._open[key] = Repository(repo_type, _id_of(folder), folder, self.temporary)
                except OSError as error:
                    raise DamagedRepo(f"its hub.json cannot be read ({error.strerror})") from error
                except BadData as error:
                    raise DamagedRepo(f"its hub.json is not valid: {error}") from error
            return self._open[key]

    def unreadable(self, repo_type: str | None = None) -> list[UnreadableRepo]:
        """The repos with unreadable settings, sorted by id."""
        return [repo for repo in self._all(repo_type) if isinstance(repo, UnreadableRepo)]

    def _all(self, repo_type: str | None) -> list[Repository | UnreadableRepo]:
        repos: list[Repository | UnreadableRepo] = []
        with self._lock:
            for key in sorted(key for key in self._folders if repo_type in (None, key[0])):
                try:
                    repos.append(self.open(*key))
                except DamagedRepo as error:
                    repos.append(UnreadableRepo(key[0], _id_of(self._folders[key]), error.reason))
        return repos

    def list(self, repo_type: str | None = None) -> list[Repository]:
        """All readable repos, or those of one type, sorted by id, private ones included."""
        return [repo for repo in self._all(repo_type) if isinstance(repo, Repository)]

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
        """Create a repo with its first commit: `initial_files` and `files`. It appears complete, with one rename.

        Raises AlreadyExists, BadRequest, UnsafePath, DiskFull.
        """
        with self._draft(repo_type, repo_id) as folder:
            make_bare_repo(folder)
            RepoSettings(private=private, sdk=sdk).save(folder, self.temporary)
            repo = Repository(repo_type, repo_id, folder, self.temporary)
            batch = repo.objects.batch()
            edit = TreeEdit(repo.objects, None)
            for path, content in {**initial_files(repo_type), **(files or {})}.items():
                repo.lfs.refuse_bad_pointer(path, content)
                edit.set_file(check_file_path(path), batch.add_blob(content))
            first = batch.add(new_commit(edit.write(batch), [], author=author, message="initial commit"))
            batch.flush()
            repo.refs.set(MAIN, first)
            repo.objects.close()
        return self.open(repo_type, repo_id)

    def duplicate(self, source: Repository, new_id: str, *, private: bool = False) -> Repository:
        """Create a repo with the branches and tags of another and all that is reachable from them."""
        with source.lock, self._draft(source.type, new_id) as folder:
            make_bare_repo(folder)
            RepoSettings(private=private, sdk=source.settings.sdk).save(folder, self.temporary)
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
        """An empty folder that is renamed to the repo's folder if the block succeeds."""
        if repo_type not in REPO_TYPES:
            raise BadRequest(f"Invalid repo type {repo_type!r}: expected one of {', '.join(REPO_TYPES)}")
        target = self._folder(repo_type, check_repo_id(repo_id))
        with self._lock, room_or_disk_full():
            if (repo_type, repo_id.lower()) in self._folders:
                existing = _id_of(self._folders[repo_type, repo_id.lower()])
                raise AlreadyExists(f"A {repo_type} repository called {existing} already exists")
            if os.path.lexists(target):
                self._clear_way(target)
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
        """Delete a repo with one rename."""
        with repo.lock, self._lock, self._leaving(repo, renamed=False):
            repo.objects.close()
            self.temporary.discard(repo.folder)

    @contextmanager
    def _leaving(self, repo: Repository, *, renamed: bool) -> Iterator[None]:
        """The block removes the repo's folder. Before it, the repo is locked and leaves the index; if it fails, the repo
        returns to the index."""
        repo.lock.end(renamed=renamed)
        self._drop(repo)
        try:
            yield
        except BaseException:
            if repo.folder.exists():
                self._folders[repo.type, repo.id.lower()] = repo.folder
            raise

    def move(self, repo: Repository, new_id: str) -> Repository:
        """Rename a repo. After that `open` raises RepoMoved for the old id. Raises AlreadyExists, BadRequest."""
        target = self._folder(repo.type, check_repo_id(new_id))
        with repo.lock, self._lock:
            taken = self._folders.get((repo.type, new_id.lower()))
            if taken not in (None, repo.folder):
                raise AlreadyExists(f"A {repo.type} repository called {new_id} already exists")
            # the redirect first: until the folder is renamed, the repo that still exists under the old id wins
            self._redirects.add(repo.type, repo.id, new_id)
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._leaving(repo, renamed=True):
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


def _id_of(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name.removesuffix('.git')}"
