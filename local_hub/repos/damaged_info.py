"""Damaged repos in lists: a damaged repo is listed with the reason, so that the list itself does not fail."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from local_hub.errors import DamagedRepo, HubError
from local_hub.repos.repository import Repository
from local_hub.repos.store import UnreadableRepo

_log = logging.getLogger(__name__)
_Found = TypeVar("_Found")


class DamagedInfo:
    """The fields of a damaged repo in lists of the API: its id, and the reason as `damaged`. Same methods as `RepoInfo`."""

    def __init__(self, repo: Repository | UnreadableRepo, reason: str):
        self.repo = repo
        self.reason = reason

    def _fields(self) -> dict[str, Any]:
        settings = self.repo.settings if isinstance(self.repo, Repository) else None
        fields = {
            "_id": settings.internal_id if settings else "",
            "id": self.repo.id,
            "author": self.repo.namespace,
            "private": settings.private if settings else True,
            "createdAt": settings.created_at if settings else None,
            "lastModified": settings.created_at if settings else None,
            "downloads": 0,
            "likes": len(settings.likes) if settings else 0,
            "tags": [],
            "damaged": self.reason,
        }
        if self.repo.type == "model":
            fields["modelId"] = self.repo.id
        return {name: value for name, value in fields.items() if value is not None}

    def expanded(self, names: list[str]) -> dict[str, Any]:
        """The known fields, whatever `names` are."""
        return self._fields()

    def in_list(self, *, full: bool = False, card: bool = False, config: bool = False) -> dict[str, Any]:
        """The known fields."""
        return self._fields()


def read_or_reason(repo: Repository, read: Callable[[], _Found], otherwise: Callable[[str], _Found]) -> _Found:
    """Return `read()`, or `otherwise(reason)` if the repo cannot be read."""
    try:
        return read()
    except DamagedRepo as error:
        return otherwise(error.reason)
    except HubError as error:
        return otherwise(error.message)
    except Exception as error:  # one damaged repo must not break the list of all repos
        _log.exception("the %s %s cannot be listed", repo.type, repo.id)
        return otherwise(f"it cannot be read ({type(error).__name__})")
