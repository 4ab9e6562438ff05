"""The redirects of renamed repos: `ROOT/moved.json`, a JSON object `type/old id` -> new id."""

import json
import logging
from pathlib import Path

from local_hub.disk.durable import TemporaryArea
from local_hub.disk.set_aside import set_aside
from local_hub.untrusted.data import BadData, read_json_object

_log = logging.getLogger(__name__)


class Redirects:
    """All redirects of one Hub. The caller holds the store's lock."""

    def __init__(self, root: Path, temporary: TemporaryArea):
        self._root = root
        self._temporary = temporary
        self._file = root / "moved.json"
        self._new_ids = self._load()

    def _load(self) -> dict[str, str]:
        """The stored redirects; empty if the file is damaged, which is then set aside."""
        try:
            return read_moved(self._file)
        except FileNotFoundError:
            return {}
        except (OSError, BadData) as error:
            kept = set_aside(self._root, self._file)
            _log.warning("the redirects of renamed repos are lost (%s); the file was set aside as %s", error, kept)
            return {}

    def new_id(self, repo_type: str, old_id: str) -> str | None:
        """The present id of a repo that had `old_id`, in any case; None if there is no such redirect."""
        return self._new_ids.get(f"{repo_type}/{old_id.lower()}")

    def add(self, repo_type: str, old_id: str, new_id: str) -> None:
        """Store a redirect; redirects to `old_id` lead to `new_id` from now on."""
        new_ids = {
            old: new_id if present.lower() == old_id.lower() else present for old, present in self._new_ids.items()
        }
        new_ids[f"{repo_type}/{old_id.lower()}"] = new_id
        new_ids.pop(f"{repo_type}/{new_id.lower()}", None)
        self._temporary.write(self._file, json.dumps(new_ids, indent=1).encode())
        self._new_ids = new_ids


def read_moved(file: Path) -> dict[str, str]:
    """The redirects in a file. Raises OSError, BadData."""
    new_ids = read_json_object(file.read_bytes())
    if not all(isinstance(new_id, str) and new_id.count("/") == 1 for new_id in new_ids.values()):
        raise BadData("a redirect leads to what is no repo id")
    return new_ids
