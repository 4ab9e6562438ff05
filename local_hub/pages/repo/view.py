"""What all pages of one repo share: its header, its tabs and the revisions that the visitor can choose from."""

from dataclasses import dataclass
from functools import cached_property

from local_hub.errors import RevisionNotFound
from local_hub.pages import addresses
from local_hub.pages.page import Visit
from local_hub.repos.history import CommitSummary, summarize
from local_hub.repos.repository import Repository


@dataclass(frozen=True)
class Choice:
    """One line of the revision picker."""

    kind: str  # branch, tag, pull request or commit
    name: str
    label: str


class RepoView:
    """One repo at one revision, for one visitor. `page` is the kind of page the revision picker leads to."""

    def __init__(self, visit: Visit, revision: str = "main", *, files: bool = False, page: str = "tree"):
        self.repo: Repository = visit.repo(files=files)
        self.visit = visit
        self.revision = revision
        if ".." in revision:  # git allows it in no name; as a path it would lead out of refs/
            raise RevisionNotFound(f"Invalid rev id: {revision}")
        self.commit = self.repo.resolve(revision)
        self.page = page
        self.readable = visit.may_read_files(self.repo)

    @property
    def type(self) -> str:
        return self.repo.type

    @property
    def id(self) -> str:
        return self.repo.id

    @property
    def name(self) -> str:
        return self.repo.id.split("/")[1]

    @property
    def home(self) -> str:
        """The card at this revision."""
        return addresses.card_at(self.type, self.id, self.revision)

    def url(self, kind: str, path: str = "", revision: str | None = None) -> str:
        """A page of this repo, at this revision unless another is given."""
        revision = self.revision if revision is None else revision
        if kind == "card":
            return addresses.card_at(self.type, self.id, revision)
        return addresses.inside(self.type, self.id, kind, revision, path)

    @cached_property
    def last_commit(self) -> CommitSummary:
        """The commit that is shown."""
        return summarize(self.repo.objects.commit(self.commit))

    @property
    def is_pinned(self) -> bool:
        """True when the address names a commit: what it shows never changes."""
        return self.commit.startswith(self.revision)

    @cached_property
    def choices(self) -> list[Choice]:
        """Branches (main first), tags and pull requests; the commit itself when one is shown."""
        branches = sorted(self.repo.refs.under("refs/heads/"), key=lambda name: (name != "main", name))
        found = [Choice("branch", name, name) for name in branches]
        found += [Choice("tag", name, name) for name in self.repo.refs.under("refs/tags/")]
        found += [Choice("pull request", f"refs/pr/{name}", f"#{name}") for name in self._pull_requests()]
        if self.revision not in {choice.name for choice in found}:
            found.insert(0, Choice("commit", self.revision, self.commit[:7]))
        return found

    def _pull_requests(self) -> list[str]:
        return [name for name in self.repo.refs.under("refs/pr/") if name.isascii() and name.isdigit()]

    @property
    def chosen(self) -> Choice:
        """The revision that is shown."""
        return next(choice for choice in self.choices if choice.name == self.revision)
