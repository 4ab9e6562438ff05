"""Pull requests: a discussion with a ref `refs/pr/N`; commits on it, diff and merge."""

import io
import re
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID
from dulwich.patch import write_tree_diff

from local_hub.community import discussions
from local_hub.community.discussions import Discussion
from local_hub.errors import AlreadyExists, BadRequest, NotFound
from local_hub.git.objects import SUBMODULE_MODE, GitObjects
from local_hub.git.refs import MAIN
from local_hub.git.tree_edit import TreeEdit
from local_hub.repos.operations import Operation, join_message, new_commit
from local_hub.repos.repository import Repository
from local_hub.untrusted.bounded import TooMuch, bounded

_REF = re.compile(r"refs/pr/(\d{1,9})")
_MAX_DIFF_BYTES = 1_000_000


def number_of(revision: str) -> int | None:
    """1 for `refs/pr/1`, None for other revisions."""
    match = _REF.fullmatch(revision)
    return int(match[1]) if match and match[1].isascii() else None


def is_author(repo: Repository, number: int, user: str) -> bool:
    """Return True if the user opened the pull request and may add commits to it."""
    try:
        return discussions.load(repo, number).author == user
    except NotFound:
        return False


def open_empty(repo: Repository, title: str, description: str, author: str) -> Discussion:
    """Open a draft pull request to main without commits."""
    with repo.lock:
        draft = Discussion(discussions.next_number(repo), title, author, status="draft", base=MAIN)
        draft.comment(author, description)
        repo.refs.set(draft.ref, repo.head())
        discussions.save(repo, draft)
        return draft


def open_with_commit(
    repo: Repository,
    start: str,
    base: str,
    operations: Iterable[Operation],
    *,
    author: str,
    summary: str,
    description: str,
    check_file: Callable[[str, bytes], None] | None = None,
) -> tuple[str, int]:
    """Open a pull request to the branch `base` with one commit on top of `start`; return (commit id, number).

    `check_file` is that of `Repository.commit`. The discussion is written last, and a ref without a discussion does not
    count, so a crash leaves no incomplete pull request.
    """
    with repo.lock:
        opened = Discussion(discussions.next_number(repo), summary.strip(), author, base=base)
        repo.refs.set(opened.ref, start)
        try:
            oid = repo.commit(
                opened.ref, operations, author=author, summary=summary, description=description, check_file=check_file
            )
        except BaseException:
            repo.refs.delete(opened.ref)
            raise
        opened.comment(author, description)
        opened.add_event("commit", author, {"subject": summary.strip(), "oid": oid})
        discussions.save(repo, opened)
        return oid, opened.num


def note_commit(repo: Repository, ref: str, oid: str, author: str) -> None:
    """Add a commit event to the pull request of `ref`, if it is one."""
    number = number_of(ref)
    if number is None:
        return
    discussion = discussions.load(repo, number)
    if discussion.status == "draft":
        discussion.status = "open"
    subject = repo.objects.commit(oid).message.decode(errors="replace").partition("\n")[0]
    discussion.add_event("commit", author, {"subject": subject, "oid": oid})
    discussions.save(repo, discussion)


def merge(repo: Repository, discussion: Discussion, author: str) -> str:
    """Merge into the base branch and return the merge commit. Raises AlreadyExists (409) for conflicts."""
    with repo.lock:
        if discussion.base is None or discussion.status in ("merged", "closed"):
            raise BadRequest(f"#{discussion.num} is not an open pull request")
        head, proposed = repo.resolve(discussion.base), repo.resolve(discussion.ref)
        conflicts = conflicting_files(repo, discussion)
        if conflicts:
            raise AlreadyExists(f"Cannot merge #{discussion.num}, changed on both sides: {', '.join(conflicts[:10])}")
        edit = TreeEdit(repo.objects, _tree(repo, head))
        batch = repo.objects.batch()
        for path, blob in _changes(repo, _common_ancestor(repo, head, proposed), proposed).items():
            if blob is None:
                if path in _files(repo.objects, _tree(repo, head)):
                    edit.delete(path)
            else:
                repo.lfs.refuse_missing_object(path, repo.objects.blob_info(blob).lfs)
                edit.set_file(path, blob)
        message = join_message(f"{discussion.title} (#{discussion.num})")
        oid = batch.add(new_commit(edit.write(batch), [head, proposed], author=author, message=message))
        batch.flush()
        repo.refs.set(discussion.base, oid, after=head)
        discussion.merge_commit = oid
        return oid


def conflicting_files(repo: Repository, discussion: Discussion) -> list[str]:
    """Files that the base branch and the pull request changed differently since their common ancestor."""
    if discussion.base is None or discussion.status == "merged":
        return []
    head, proposed = repo.resolve(discussion.base), repo.resolve(discussion.ref)
    ancestor = _common_ancestor(repo, head, proposed)
    ours, theirs = _changes(repo, ancestor, head), _changes(repo, ancestor, proposed)
    return sorted(path for path in ours.keys() & theirs.keys() if ours[path] != theirs[path])


def diff(repo: Repository, discussion: Discussion) -> str:
    """The changes of a pull request in the format of `git diff`, at most a million bytes."""
    proposed = repo.resolve(discussion.ref)
    base = discussion.merge_commit and repo.objects.commit(discussion.merge_commit).parents[0].decode()
    ancestor = _common_ancestor(repo, base or repo.resolve(discussion.base or MAIN), proposed)
    old, new = _tree(repo, ancestor) if ancestor else None, _tree(repo, proposed)
    try:
        return bounded(tree_diff, repo.objects.folder, old, new)
    except TooMuch:
        return "(these changes are too large to show here)\n"


def tree_diff(objects: Path, old: str | None, new: str) -> str:
    """The diff of two trees (None: an empty tree), at most a million bytes. Runs in `bounded`."""
    text = io.BytesIO()
    with closing(DiskObjectStore(objects)) as store:
        write_tree_diff(text, store, ObjectID(old.encode()) if old else None, ObjectID(new.encode()))
    return text.getvalue()[:_MAX_DIFF_BYTES].decode(errors="replace")


def _changes(repo: Repository, old: str | None, new: str) -> dict[str, str | None]:
    before = _files(repo.objects, _tree(repo, old)) if old else {}
    after = _files(repo.objects, _tree(repo, new))
    changed = {path: oid for path, oid in after.items() if before.get(path) != oid}
    return changed | dict.fromkeys(before.keys() - after.keys())


def _files(objects: GitObjects, tree: str, folder: str = "") -> dict[str, str]:
    blobs: dict[str, str] = {}
    for item in objects.tree(tree):
        if item.is_folder:
            blobs |= _files(objects, item.oid, f"{folder}{item.name}/")
        elif item.mode != SUBMODULE_MODE:
            blobs[folder + item.name] = item.oid
    return blobs


def _tree(repo: Repository, commit: str) -> str:
    return repo.objects.commit(commit).tree.decode()


def _common_ancestor(repo: Repository, first: str, second: str) -> str | None:
    """The nearest common ancestor of two commits; None for unrelated histories, as after a squash."""
    seen, todo = {first}, [first]
    while todo:
        new = {parent.decode() for parent in repo.objects.commit(todo.pop()).parents} - seen
        seen |= new
        todo.extend(new)
    layer = [second]
    visited = set(layer)
    while layer:
        shared = [oid for oid in layer if oid in seen]
        if shared:
            return shared[0]
        layer = [parent.decode() for oid in layer for parent in repo.objects.commit(oid).parents]
        layer = [oid for oid in layer if oid not in visited]
        visited |= set(layer)
    return None
