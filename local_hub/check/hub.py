"""`python -m local_hub check`: finds damaged repos and records of a Hub and moves them to `ROOT/set-aside`.

Nothing is deleted. Checking works while the Hub runs; moving does not.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from local_hub.accounts import FILE_NAME as ACCOUNTS
from local_hub.accounts import Accounts
from local_hub.api.jobs import read_job
from local_hub.check.repo import Damage, damages_of_repo
from local_hub.community.collection import read_collection
from local_hub.disk.set_aside import FOLDER, set_aside
from local_hub.errors import BadRequest, UsageError
from local_hub.names import REPO_TYPES, check_repo_id
from local_hub.repos.redirects import read_moved
from local_hub.root_folder import locked
from local_hub.server import status
from local_hub.untrusted.data import BadData


def check(root: Path, *, move_damaged: bool = False) -> int:
    """Print one line for each damaged repo or record below `root`; return the exit status, 1 if there are any.

    With `move_damaged`, also move them to `ROOT/set-aside`. Raises UsageError if `root` is not the folder of a Hub, and
    with `move_damaged` if a Hub serves it.
    """
    root = Path(root).absolute()
    if not (root / "repos").is_dir() and not (root / ACCOUNTS).exists():
        raise UsageError(f"{root} is not a Hub's folder: name the one to check with --root DIR")
    if not move_damaged:
        return _report(root, move_damaged=False)
    hub = status(root)
    if hub is not None:
        raise UsageError(
            f"{root} is served at {hub.url}: stop that Hub (kill {hub.pid}) first, "
            "because --set-aside would take files away under it"
        )
    with locked(root):
        return _report(root, move_damaged=True)


def _report(root: Path, *, move_damaged: bool) -> int:
    counts = {"sound": 0, "damaged": 0}
    others = 0
    for name, damages in _repos(root):
        counts["damaged" if damages else "sound"] += 1
        for damage in damages:
            _print_damage(root, name, damage, move_damaged)
    for name, damage in _records(root):
        others += 1
        _print_damage(root, name, damage, move_damaged and name != ACCOUNTS)
    print(f"{counts['sound']} repos are sound, {counts['damaged']} damaged, and {others} other records", flush=True)
    if (counts["damaged"] or others) and not move_damaged:
        print(f"--set-aside moves what is damaged to {root / FOLDER}, once the Hub is stopped")
    return 1 if counts["damaged"] or others else 0


def _print_damage(root: Path, name: str, damage: Damage, move: bool) -> None:
    print(f"damaged: {name}: {' '.join(damage.reason.split())}", flush=True)
    if move:
        try:
            print(f"  set aside: {set_aside(root, damage.path)}", flush=True)
        except OSError as error:
            print(f"  cannot be set aside: {error.strerror}", flush=True)


def _repos(root: Path) -> Iterator[tuple[str, list[Damage]]]:
    """(type and id, damages) of every repo below the root."""
    for repo_type in REPO_TYPES:
        known: dict[str, Path] = {}
        yield from _unreadable_namespaces(root, repo_type)
        for folder in sorted((root / "repos" / f"{repo_type}s").glob("*/*.git")):
            repo_id = f"{folder.parent.name}/{folder.name.removesuffix('.git')}"
            shown = f"{repo_type} {ascii(repo_id)[1:-1] if not repo_id.isprintable() else repo_id}"
            try:
                check_repo_id(repo_id)
            except BadRequest:
                yield shown, [Damage(folder, "its folder's name is no valid repo id")]
                continue
            if repo_id.lower() in known:
                yield shown, [Damage(folder, f"{known[repo_id.lower()]} has the same id but for capitals")]
                continue
            known[repo_id.lower()] = folder
            yield shown, damages_of_repo(folder)


def _unreadable_namespaces(root: Path, repo_type: str) -> Iterator[tuple[str, list[Damage]]]:
    """Folders of namespaces that cannot be read; their repos would seem not to exist."""
    for folder in sorted((root / "repos" / f"{repo_type}s").glob("*")):
        try:
            next(folder.iterdir(), None)
        except NotADirectoryError:  # a stray file does no harm
            continue
        except OSError as error:
            if os.path.lexists(folder):
                yield f"{repo_type} {folder.name}/*", [Damage(folder, f"the folder cannot be read ({error.strerror})")]


def _records(root: Path) -> Iterator[tuple[str, Damage]]:
    """Damaged files and folders of the Hub besides the repos."""
    for repo_type in REPO_TYPES:
        folder = root / "repos" / f"{repo_type}s"
        if os.path.lexists(folder) and not folder.is_dir():
            yield f"repos/{folder.name}", Damage(folder, f"it is no folder, so that no {repo_type} can be made")
    if (root / ACCOUNTS).exists():
        try:
            Accounts.load(root / ACCOUNTS)
        except UsageError as error:
            yield ACCOUNTS, Damage(root / ACCOUNTS, str(error))
    readers = (("moved.json", read_moved), ("collections/*.json", read_collection), ("jobs/*/*.json", read_job))
    for pattern, read in readers:
        for file in sorted(root.glob(pattern)):
            try:
                read(file)
            except BadData as error:
                yield file.relative_to(root).as_posix(), Damage(file, str(error))
            except OSError as error:
                if not isinstance(error, FileNotFoundError) or file.is_symlink():  # else it was deleted meanwhile
                    yield file.relative_to(root).as_posix(), Damage(file, f"it cannot be read ({error.strerror})")
