"""One repo: a bare git repository, its LFS objects and its settings. `commit` is the only way to write files."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from local_hub.disk.durable import TemporaryArea
from local_hub.errors import BadRequest, DamagedRepo, EntryNotFound, RevisionNotFound, StaleParent
from local_hub.git.lfs_pointer import LfsPointer
from local_hub.git.objects import FOLDER_MODE, GitObjects, ObjectBatch, TreeItem
from local_hub.git.reachable import Reachable
from local_hub.git.refs import MAIN, Refs
from local_hub.git.tree_edit import TreeEdit
from local_hub.names import check_file_path, url_path
from local_hub.repos.entry import Entry
from local_hub.repos.lfs_objects import LfsObjects
from local_hub.repos.lock import RepoLock
from local_hub.repos.operations import (
    AddFile,
    AddLfsFile,
    CopyFile,
    DeleteFile,
    DeleteFolder,
    Operation,
    join_message,
    new_commit,
)
from local_hub.repos.settings import RepoSettings

# files that are checked before a commit, because the Hub itself reads them
CHECKED_FILES = ("README.md",)
# the metadata of a card are refused at a much smaller size
MAX_CHECKED_BYTES = 8 * 2**20

_PREFIX_OF_SHA = set("0123456789abcdef")


class Repository:
    """A repo; `Store.open` returns it. Reading needs no lock; changes of refs and settings hold `lock`."""

    def __init__(self, repo_type: str, repo_id: str, folder: Path, temporary: TemporaryArea):
        self.type = repo_type
        self.id = repo_id
        self.folder = folder
        self.temporary = temporary
        self.lock = RepoLock()
        self.settings = RepoSettings.load(folder)
        self.objects = GitObjects(folder / "objects", temporary)
        self.refs = Refs(folder, temporary)
        self.reachable = Reachable(self.objects, self.refs)
        self.lfs = LfsObjects(folder, temporary, self.lock)

    @property
    def namespace(self) -> str:
        return self.id.split("/")[0]

    @property
    def url_path(self) -> str:
        """`/ns/name`, `/datasets/ns/name` or `/spaces/ns/name`."""
        return url_path(self.type, self.id)

    def save_settings(self) -> None:
        """Store changes of `settings`."""
        self.settings.save(self.folder, self.temporary)

    def resolve(self, revision: str = "main") -> str:
        """The commit id (40 hex digits) of a branch, a tag, a sha of 7 to 40 digits, or a ref such as `refs/pr/1`.

        A sha must be reachable from a ref: commits that were squashed away do not exist for clients.
        Raises RevisionNotFound, and DamagedRepo if the commit of an existing branch or tag is missing.
        """
        names = [revision] if revision.startswith("refs/") else [f"refs/heads/{revision}", f"refs/tags/{revision}"]
        if revision == "HEAD":
            names = [MAIN]
        for oid in filter(None, map(self.refs.get, names)):
            return self.objects.commit(oid).id.decode()
        if names[0] == MAIN:  # every repo has a branch main
            raise DamagedRepo("its branch main points to no commit")
        try:
            if 7 <= len(revision) <= 40 and set(revision) <= _PREFIX_OF_SHA:
                if len(revision) == 40:
                    matches = [self.objects.commit(revision).id.decode()]
                else:
                    matches = self.objects.matching(revision)
                matches = [oid for oid in matches if self.reachable.has_commit(oid)]
                if len(matches) == 1:
                    return matches[0]
        except KeyError:
            pass
        raise RevisionNotFound(f"Invalid rev id: {revision}")

    def head(self) -> str:
        """The commit id of `main`."""
        return self.resolve("main")

    def entry(self, commit: str, path: str) -> Entry:
        """The file or folder at `path` ("" is the root folder). Raises EntryNotFound."""
        item = TreeItem("", FOLDER_MODE, self.objects.commit(commit).tree.decode())
        for part in path.split("/") if path else ():
            inside = self.objects.tree(item.oid) if item.is_folder else []
            item = next((candidate for candidate in inside if candidate.name == part), None)
            if item is None:
                raise EntryNotFound(f'"{path}" does not exist on "{commit}"', commit=commit)
        return self.describe(path, item)

    def file(self, commit: str, path: str) -> Entry:
        """The file at `path`. Raises EntryNotFound, also for a folder."""
        entry = self.entry(commit, path)
        if entry.is_folder:
            raise EntryNotFound(f'"{path}" is a folder on "{commit}", not a file', commit=commit)
        return entry

    def walk(self, commit: str, path: str = "", *, recursive: bool = False) -> Iterator[tuple[str, TreeItem]]:
        """(path, tree item) of the contents of a folder, in git's order. No file is opened. Raises EntryNotFound."""
        folder = self.entry(commit, path)
        if not folder.is_folder:
            raise EntryNotFound(f'"{path}" is a file on "{commit}", not a folder', commit=commit)
        return self._walk(path, folder.oid, recursive)

    def _walk(self, path: str, oid: str, recursive: bool) -> Iterator[tuple[str, TreeItem]]:
        for item in self.objects.tree(oid):
            item_path = f"{path}/{item.name}" if path else item.name
            yield item_path, item
            if recursive and item.is_folder:
                yield from self._walk(item_path, item.oid, recursive)

    def describe(self, path: str, item: TreeItem) -> Entry:
        """The entry of a tree item, with sizes."""
        if item.is_folder:
            return Entry(path, item.oid, is_folder=True)
        size, lfs = self.objects.blob_info(item.oid)
        return Entry(path, item.oid, False, lfs.size if lfs else size, lfs, size if lfs else 0)

    def tree(self, commit: str, path: str = "", *, recursive: bool = False) -> list[Entry]:
        """The contents of a folder, with sizes; `recursive` includes subfolders. Raises EntryNotFound."""
        return [self.describe(item_path, item) for item_path, item in self.walk(commit, path, recursive=recursive)]

    def files(self, commit: str) -> list[Entry]:
        """All files at a commit."""
        return [entry for entry in self.tree(commit, recursive=True) if not entry.is_folder]

    def read(self, commit: str, path: str) -> bytes:
        """The content of a small file, regular or LFS. Raises EntryNotFound."""
        return self.content(self.file(commit, path))

    def content(self, entry: Entry) -> bytes:
        """The content of the file `entry`. Raises EntryNotFound."""
        return self.objects.blob(entry.oid) if entry.lfs is None else self.lfs_file(entry).read_bytes()

    def beginning(self, entry: Entry, most: int) -> bytes:
        """The first `most` bytes of a file, regular or LFS. Raises EntryNotFound."""
        if entry.lfs is None:
            return self.objects.blob(entry.oid)[:most]
        with self.open_lfs(entry) as file:
            return file.read(most)

    def open_lfs(self, entry: Entry) -> IO[bytes]:
        """Open the content of an LFS file. Raises EntryNotFound."""
        return self.lfs_file(entry).open("rb")

    def lfs_file(self, entry: Entry) -> Path:
        """The path of the object of an LFS file. Raises EntryNotFound if it was deleted or has another size."""
        assert entry.lfs is not None, f"{entry.path} is not an LFS file"
        stored = self.lfs.size(entry.lfs.sha256)
        if stored is None:
            raise EntryNotFound(f"The LFS object of {entry.path!r} ({entry.lfs.sha256}) was deleted from the Hub")
        if stored != entry.lfs.size:
            raise EntryNotFound(
                f"The LFS object of {entry.path!r} ({entry.lfs.sha256}) has {stored} bytes, its pointer says {entry.lfs.size}"
            )
        return self.lfs.path(entry.lfs.sha256)

    def commit(
        self,
        ref: str,
        operations: Iterable[Operation],
        *,
        author: str,
        summary: str,
        description: str = "",
        parent: str | None = None,
        check_file: Callable[[str, bytes], None] | None = None,
    ) -> str:
        """Write one commit on top of a ref and return its id, or the id of the head if nothing changes.

        An exception, also one of the iterator `operations`, leaves the repo unchanged. `check_file(path, beginning)` is
        called for each changed file of CHECKED_FILES and raises if the file is not acceptable.

        Raises:
            StaleParent: `parent` is given and is not the head of `ref`.
            RevisionNotFound, UnsafePath, EntryNotFound, DiskFull.
            BadRequest: an LFS object was not uploaded.
        """
        with self.lock:
            head = self.refs.get(ref)
            if head is None:
                raise RevisionNotFound(f"Invalid rev id: {ref.removeprefix('refs/heads/')}")
            if parent is not None and parent != head:
                raise StaleParent
            old_tree = self.objects.commit(head).tree.decode()
            batch = self.objects.batch()
            edit = TreeEdit(self.objects, old_tree)
            for operation in operations:
                self._apply(operation, edit, batch, head)
            if check_file is not None:
                self._check_changed(edit, batch, head, check_file)
            tree = edit.write(batch)
            if tree == old_tree:
                return head
            oid = batch.add(new_commit(tree, [head], author=author, message=join_message(summary, description)))
            batch.flush()
            self.refs.set(ref, oid, after=head)
            return oid

    def _check_changed(
        self, edit: TreeEdit, batch: ObjectBatch, head: str, check_file: Callable[[str, bytes], None]
    ) -> None:
        for path in CHECKED_FILES:
            oid = edit.file_oid(path)
            with suppress(EntryNotFound):
                if self.entry(head, path).oid == oid:
                    continue
            if oid is not None:
                check_file(path, self.lfs.beginning(batch.blob(oid), MAX_CHECKED_BYTES))

    def _apply(self, operation: Operation, edit: TreeEdit, batch: ObjectBatch, head: str) -> None:
        if isinstance(operation, DeleteFolder):
            path = operation.path.strip("/")
            edit.delete_folder(check_file_path(path) if path else "")
            return
        path = check_file_path(operation.path)
        match operation:
            case AddFile(content=content):
                self.lfs.refuse_bad_pointer(path, content)
                edit.set_file(path, batch.add_blob(content))
            case AddLfsFile(sha256=sha256, size=size):
                stored = self.lfs.size(sha256)
                if stored is None or size not in (None, stored):
                    raise BadRequest(f"LFS pointer pointed to a file that does not exist: {path} ({sha256})")
                edit.set_file(path, batch.add_blob(LfsPointer(sha256, stored).content()))
            case CopyFile(source=source, source_revision=revision):
                entry = self.file(self.resolve(revision) if revision else head, source)
                self.lfs.refuse_missing_object(path, entry.lfs)
                edit.set_file(path, entry.oid)
            case DeleteFile():
                edit.delete(path)
