"""Edits a git tree by path. Only the folders that contain a change are read and rewritten."""

from dulwich.objects import ObjectID, Tree

from local_hub.errors import EntryNotFound, UnsafePath
from local_hub.git.objects import FILE_MODE, FOLDER_MODE, GitObjects, ObjectBatch


class _Folder:
    """An opened folder: entries are (mode, oid), or _Folder for a subfolder that was opened."""

    def __init__(self, objects: GitObjects, oid: str | None):
        self.entries: dict[str, tuple[int, str] | _Folder] = {}
        if oid is not None:
            self.entries = {item.name: (item.mode, item.oid) for item in objects.tree(oid)}


class TreeEdit:
    """Changes to the tree `oid` (None: an empty tree)."""

    def __init__(self, objects: GitObjects, oid: str | None):
        self._objects = objects
        self._root = _Folder(objects, oid)

    def set_file(self, path: str, blob: str) -> None:
        """Put a blob at `path`. Raises UnsafePath if `path` is a folder or one of its parents is a file."""
        folder, name = self._parent(path, create=True)
        if self._is_folder(folder.entries.get(name)):
            raise UnsafePath(f"Cannot write the file {path!r}: a folder has that name")
        folder.entries[name] = (FILE_MODE, blob)

    def file_oid(self, path: str) -> str | None:
        """The blob of the file `path` in the root folder, or None."""
        entry = self._root.entries.get(path)
        return entry[1] if isinstance(entry, tuple) and entry[0] != FOLDER_MODE else None

    def delete(self, path: str) -> None:
        """Delete a file or a folder. Raises EntryNotFound if there is neither."""
        folder, name = self._parent(path, create=False)
        if name not in folder.entries:
            raise EntryNotFound(f"A file with the name {path!r} does not exist")
        del folder.entries[name]

    def delete_folder(self, path: str) -> None:
        """Delete a folder; the empty path deletes everything. Raises EntryNotFound if there is no such folder."""
        if not path:
            self._root.entries.clear()
            return
        folder, name = self._parent(path, create=False)
        if not self._is_folder(folder.entries.get(name)):
            raise EntryNotFound(f"A folder with the name {path!r} does not exist")
        del folder.entries[name]

    def write(self, batch: ObjectBatch) -> str:
        """Add the changed trees to `batch` and return the id of the root tree. Empty folders are dropped, as in git."""
        return self._write(self._root, batch) or batch.add(Tree())

    def _write(self, folder: _Folder, batch: ObjectBatch) -> str | None:
        tree = Tree()
        for name, entry in folder.entries.items():
            if isinstance(entry, _Folder):
                oid = self._write(entry, batch)
                if oid is None:
                    continue
                entry = (FOLDER_MODE, oid)
            tree.add(name.encode(errors="surrogateescape"), entry[0], ObjectID(entry[1].encode()))
        return batch.add(tree) if len(tree) else None

    def _parent(self, path: str, *, create: bool) -> tuple[_Folder, str]:
        folder = self._root
        *parents, name = path.split("/")
        for part in parents:
            entry = folder.entries.get(part)
            if isinstance(entry, tuple):
                if not self._is_folder(entry):
                    raise UnsafePath(f"Cannot use the path {path!r}: {part!r} is a file, not a folder")
                entry = folder.entries[part] = _Folder(self._objects, entry[1])
            elif entry is None:
                if not create:
                    raise EntryNotFound(f"The path {path!r} does not exist")
                entry = folder.entries[part] = _Folder(self._objects, None)
            folder = entry
        return folder, name

    @staticmethod
    def _is_folder(entry: "tuple[int, str] | _Folder | None") -> bool:
        return isinstance(entry, _Folder) or (entry is not None and entry[0] == FOLDER_MODE)
