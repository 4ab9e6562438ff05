"""The git objects of one repo, through dulwich: thread-safe reads, sizes without reading, durable writes."""

import logging
import threading
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.object_store import DiskObjectStore
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tag, Tree, parse_tree
from dulwich.pack import write_pack_index, write_pack_objects

from local_hub.disk.durable import OWN_FOREVER, TemporaryArea, publish
from local_hub.errors import DamagedRepo, HubError, MissingObject
from local_hub.git.lfs_pointer import MAX_POINTER_BYTES, LfsPointer

_log = logging.getLogger(__name__)

FILE_MODE, FOLDER_MODE, SUBMODULE_MODE = 0o100644, 0o040000, 0o160000

# more new objects than this are stored as one pack: one fsync instead of thousands
_MAX_LOOSE_OBJECTS = 16
# new objects stay in memory up to this size, then go into a pack
_MAX_PENDING_BYTES = 16 * 2**20


class BlobInfo(NamedTuple):
    """Size of a blob in git, and the LFS pointer in it, if it is one."""

    size: int
    lfs: LfsPointer | None


class TreeItem(NamedTuple):
    """One entry of a git tree."""

    name: str
    mode: int
    oid: str

    @property
    def is_folder(self) -> bool:
        return self.mode == FOLDER_MODE


def _unreadable(oid: str, error: Exception) -> DamagedRepo:
    _log.warning("the git object %s cannot be read: %s: %s", oid, type(error).__name__, error)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return DamagedRepo(f"its object {oid} cannot be read ({reason})")


class GitObjects:
    """The objects of one bare repo. Each read takes a lock, because dulwich's packs are not thread-safe."""

    def __init__(self, objects_folder: Path, temporary: TemporaryArea):
        self.folder = objects_folder
        self.temporary = temporary
        self._store = DiskObjectStore(objects_folder)
        self._reading = threading.Lock()
        self._blob_infos: dict[str, BlobInfo] = {}

    def close(self) -> None:
        """Close the packs."""
        self._store.close()

    @property
    def dulwich_store(self) -> DiskObjectStore:
        """A new object store for dulwich's own algorithms. It is not thread-safe."""
        return DiskObjectStore(self.folder)

    def __contains__(self, oid: str) -> bool:
        with self._reading:
            return ObjectID(oid.encode()) in self._store

    def read(self, oid: str) -> tuple[int, bytes]:
        """(git's type number, content). Raises MissingObject (a KeyError), DamagedRepo."""
        try:
            with self._reading:
                return self._store.get_raw(ObjectID(oid.encode()))
        except KeyError:
            raise MissingObject(oid) from None
        except Exception as error:  # zlib, struct, mmap and dulwich raise many kinds of errors for invalid bytes
            raise _unreadable(oid, error) from error

    def blob(self, oid: str) -> bytes:
        """The content of a blob."""
        return self.read(oid)[1]

    def commit(self, oid: str) -> Commit:
        """The commit `oid`, through annotated tags. Raises MissingObject if it is not a commit, DamagedRepo."""
        number, content = self.read(oid)
        try:
            while number == Tag.type_num:
                tag = ShaFile.from_raw_string(number, content)
                assert isinstance(tag, Tag)
                number, content = self.read(tag.object[1].decode())
            if number != Commit.type_num:
                raise MissingObject(oid)
            commit = ShaFile.from_raw_string(number, content)
            assert isinstance(commit, Commit)
            # dulwich parses a field at its first use, which would fail in the middle of a page
            datetime.fromtimestamp(commit.commit_time, UTC)
            for name in (commit.tree, *commit.parents):
                name.decode("ascii")
            for text in (commit.author, commit.message):
                text.decode(errors="replace")
        except HubError:
            raise
        except Exception as error:
            raise _unreadable(oid, error) from error
        return commit

    def tree(self, oid: str) -> list[TreeItem]:
        """The entries of a tree in git's order, without submodules. Raises MissingObject, DamagedRepo."""
        number, content = self.read(oid)
        if number != Tree.type_num:
            raise MissingObject(oid)
        try:
            return [
                TreeItem(name.decode(errors="surrogateescape"), mode, sha.decode())
                for name, mode, sha in parse_tree(content, 20)
                if mode != SUBMODULE_MODE
            ]
        except Exception as error:
            raise _unreadable(oid, error) from error

    def blob_info(self, oid: str) -> BlobInfo:
        """Size and LFS pointer of a blob. Of a large loose blob only the first bytes are decompressed."""
        info = self._blob_infos.get(oid)
        if info is None:
            size, beginning = self._beginning_of_blob(oid)
            info = BlobInfo(size, LfsPointer.parse(beginning) if size == len(beginning) else None)
            self._blob_infos[oid] = info
        return info

    def _beginning_of_blob(self, oid: str) -> tuple[int, bytes]:
        try:
            with (self.folder / oid[:2] / oid[2:]).open("rb") as file:
                unpacked = zlib.decompressobj().decompress(file.read(4096), MAX_POINTER_BYTES + 32)
            header, _, beginning = unpacked.partition(b"\0")
            return int(header.split()[1]), beginning
        except FileNotFoundError:
            content = self.blob(oid)
            return len(content), content[: MAX_POINTER_BYTES + 1]
        except (OSError, ValueError, IndexError, zlib.error) as error:
            raise _unreadable(oid, error) from error

    def matching(self, prefix: str) -> list[str]:
        """The ids of commits that start with `prefix`, of 4 characters or more."""
        try:
            with self._reading:
                ids = [oid.decode() for oid in self._store.iter_prefix(prefix.encode())]
        except Exception as error:
            raise _unreadable(prefix, error) from error
        return [oid for oid in ids if self.read(oid)[0] == Commit.type_num]

    def batch(self) -> "ObjectBatch":
        """A batch of new objects for one commit."""
        return ObjectBatch(self)


class ObjectBatch:
    """New objects of one commit. A crash before the ref is set leaves unreachable objects only."""

    def __init__(self, objects: GitObjects):
        self.objects = objects
        self._pending: dict[str, ShaFile] = {}
        self._pending_bytes = 0

    def add(self, git_object: ShaFile) -> str:
        """Add an object and return its id. It is durable after `flush`."""
        oid = git_object.id.decode()
        if oid not in self._pending and oid not in self.objects:
            self._pending[oid] = git_object
            self._pending_bytes += git_object.raw_length()
            if self._pending_bytes > _MAX_PENDING_BYTES:
                self._write_pack()
        return oid

    def add_blob(self, content: bytes) -> str:
        """Add a blob with this content and return its id."""
        return self.add(Blob.from_string(content))

    def blob(self, oid: str) -> bytes:
        """The content of a new or a stored blob."""
        pending = self._pending.get(oid)
        return pending.as_raw_string() if pending is not None else self.objects.blob(oid)

    def flush(self) -> None:
        """Write all new objects to disk. Raises DiskFull."""
        if len(self._pending) > _MAX_LOOSE_OBJECTS:
            self._write_pack()
        for oid, git_object in self._pending.items():
            self.objects.temporary.write(
                self.objects.folder / oid[:2] / oid[2:],
                git_object.as_legacy_object(compression_level=1),
                mode=OWN_FOREVER,
                sync_name=False,
            )
        self._forget()

    def _write_pack(self) -> None:
        temporary, folder = self.objects.temporary, self.objects.folder / "pack"
        new_objects = [(git_object, None) for git_object in self._pending.values()]
        with temporary.unfinished_file() as pack, temporary.unfinished_file() as index:
            offsets, checksum = write_pack_objects(
                pack, new_objects, DEFAULT_OBJECT_FORMAT, deltify=False, compression_level=1
            )
            entries = sorted((oid, offset, crc) for oid, (offset, crc) in offsets.items())
            write_pack_index(index, entries, checksum)
            # git looks for the index, so the pack must exist before it
            publish(pack, folder / f"pack-{checksum.hex()}.pack", mode=OWN_FOREVER, sync_name=False)
            publish(index, folder / f"pack-{checksum.hex()}.idx", mode=OWN_FOREVER, sync_name=False)
        self._forget()

    def _forget(self) -> None:
        self._pending.clear()
        self._pending_bytes = 0
