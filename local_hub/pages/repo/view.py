"""The data that all pages of a repo share: header, tabs and the revision picker."""

from dataclasses import dataclass
from functools import cached_property

from local_hub.errors import RevisionNotFound
from local_hub.pages import addresses
from local_hub.pages.page import Visit
from local_hub.repos.history import CommitSummary, summarize
from local_hub.repos.repository import Repository


@dataclass(frozen=True)
class Choice:
    """One entry of the revision picker."""

    kind: str  # branch, tag, pull request or commit
    name: str
    label: str


class RepoView:
    """One repo at one revision, for one visitor. `page` is the kind of page that the revision picker links to."""

    def __init__(self, visit: Visit, revision: str = "main", *, files: bool = False, page: str = "tree"):
        self.repo: Repository = visit.repo(files=files)
        self.visit = visit
        self.revision = revision
        if ".." in revision:  # not valid in a ref name; as a path it would leave refs/
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
        """The address of the card at this revision."""
        return addresses.card_at(self.type, self.id, self.revision)

    def url(self, kind: str, path: str = "", revision: str | None = None) -> str:
        """The address of a page of this repo; `revision` defaults to the present one."""
        revision = self.revision if revision is None else revision
        if kind == "card":
            return addresses.card_at(self.type, self.id, revision)
        return addresses.inside(self.type, self.id, kind, revision, path)

    @cached_property
    def last_commit(self) -> CommitSummary:
        """The present commit."""
        return summarize(self.repo.objects.commit(self.commit))

    @property
    def is_pinned(self) -> bool:
        """True if the revision is a commit, so that the page never changes."""
        return self.commit.startswith(self.revision)

    @cached_property
    def choices(self) -> list[Choice]:
        """Branches (main first), tags and pull requests, and the present commit if the revision is a commit."""
        branches = sorted(self.repo.refs.under("refs/heads/"), key=lambda name: (name != "main", name))
        choices_ = [Choice("branch", name, name) for name in branches]
        choices_ += [Choice("tag", name, name) for name in self.repo.refs.under("refs/tags/")]
        choices_ += [Choice("pull request", f"refs/pr/{name}", f"#{name}") for name in self._pull_requests()]
        if self.revision not in {choice.name for choice in choices_}:
            choices_.insert(0, Choice("commit", self.revision, self.commit[:7]))
        return choices_

    def _pull_requests(self) -> list[str]:
        return [name for name in self.repo.refs.under("refs/pr/") if name.isascii() and name.isdigit()]

    @property
    def chosen(self) -> Choice:
        """The entry of the present revision."""
        return next(choice for choice in self.choices if choice.name == self.revision)
