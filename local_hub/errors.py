"""The refusals of the Hub, each with the HTTP status and the `X-Error-Code` that clients look for.

Clients check in this order: `RevisionNotFound`, `EntryNotFound`, `GatedRepo`, the message of a disabled
repo, `RepoNotFound` (huggingface_hub 1.33, `utils/_http.py: hf_raise_for_status`).
"""

import errno


class UsageError(Exception):
    """A mistake of the person who starts the Hub: a bad root, port or accounts file. The message names it and the fix.

    Programs print it as one line, `error: …`, on stderr and exit with status 2.
    """


class HubError(Exception):
    """A refusal that is sent to the client: `message` is for people, `status` and `code` are for programs."""

    status = 400
    code: str | None = None

    def __init__(self, message: str, *, status: int | None = None, extra: dict | None = None):
        super().__init__(message)
        self.message = message
        self.status = status or self.status
        self.extra = extra or {}  # more fields of the JSON answer, e.g. the `url` of a repo that exists


class BadRequest(HubError):
    """400: the request is invalid."""


class InvalidCredentials(HubError):
    """401 without a code: the client shows the message as it is."""

    status = 401

    def __init__(self, message: str = "Invalid credentials in Authorization header"):
        super().__init__(message)


class Forbidden(HubError):
    """403: the user is known and lacks the right."""

    status = 403


class RepoNotFound(HubError):
    """404 (401 for anonymous callers, who may lack a token): the repo is missing or hidden from this user."""

    status = 404
    code = "RepoNotFound"

    def __init__(self, message: str = "Repository not found", *, anonymous: bool = False):
        super().__init__(message, status=401 if anonymous else 404)


class RepoMoved(HubError):
    """307: the repo was renamed to `new_id`."""

    status = 307

    def __init__(self, new_id: str):
        super().__init__(f"This repository was moved to {new_id}")
        self.new_id = new_id


class GatedRepo(HubError):
    """403: the repo is visible and its files are not."""

    status = 403
    code = "GatedRepo"


class DisabledRepo(HubError):
    """403: clients recognise the message."""

    status = 403

    def __init__(self) -> None:
        super().__init__("Access to this resource is disabled.")


class RevisionNotFound(HubError):
    """404: no such branch, tag or commit."""

    status = 404
    code = "RevisionNotFound"


class EntryNotFound(HubError):
    """404: the revision has no such file or folder. Clients cache that for the `X-Repo-Commit`, which is `commit`."""

    status = 404
    code = "EntryNotFound"

    def __init__(self, message: str, *, commit: str | None = None):
        super().__init__(message)
        self.commit = commit


class NotFound(HubError):
    """404 for other things, such as a discussion or a user."""

    status = 404


class AlreadyExists(HubError):
    """409: a repo, branch or tag of that name exists."""

    status = 409


class StaleParent(HubError):
    """412: the branch has moved since the caller read it."""

    status = 412

    def __init__(self) -> None:
        super().__init__("The branch was updated since you opened this page. Please refresh and try again.")


class UnsafePath(HubError):
    """422: a path that leaves the repo, or that git or the file system of a client cannot hold."""

    status = 422


class DamagedRepo(HubError):
    """409: the stored repo cannot be read, because of `reason`. Clients retry 500 to 504 but not 409."""

    status = 409
    code = "DamagedRepo"

    def __init__(self, reason: str):
        super().__init__(
            f"This repository is damaged: {reason} (on the Hub's machine, `python -m local_hub check` says more)"
        )
        self.reason = reason


class MissingObject(DamagedRepo, KeyError):
    """A missing git object. It is also a KeyError, because the id may come from the caller."""

    def __init__(self, oid: str):
        super().__init__(f"its object {oid[:40]} is missing")


class RepoGone(HubError):
    """404 or 409: the repo was deleted or renamed during the request; nothing was stored."""

    status = 404

    def __init__(self, *, renamed: bool):
        verb = "renamed" if renamed else "deleted"
        super().__init__(f"This repository was {verb} meanwhile: nothing was stored", status=409 if renamed else 404)
        self.code = None if renamed else "RepoNotFound"


class TooSlow(HubError):
    """408: the body did not arrive in time."""

    status = 408


class TooLarge(HubError):
    """413: the body is larger than this address accepts."""

    status = 413

    def __init__(self, most: int, what: str = "The body"):
        super().__init__(f"{what} is larger than the {most:,} bytes that are taken here")


class WrongHost(HubError):
    """421: the `Host` header names another server."""

    status = 421

    def __init__(self, name: str):
        super().__init__(
            f"This Hub does not answer to the name {name!r}: use the address that it printed, "
            f"or start it with --allow-host {name.partition(':')[0] or 'NAME'}"
        )


class UnknownEncoding(HubError):
    """415: the body is compressed."""

    status = 415

    def __init__(self, encoding: str):
        super().__init__(f"This address takes no body with Content-Encoding {encoding[:40]!r}: send it as it is")


class Busy(HubError):
    """503: clients wait and retry."""

    status = 503

    def __init__(self, message: str = "The Hub is taking in too much at once: try again in some seconds"):
        super().__init__(message)


class DiskFull(HubError):
    """507: the disk is full; nothing visible was changed and temporary files are deleted.

    Clients retry 500 to 504 but not 507, so the user sees the reason at once.
    """

    status = 507

    def __init__(self, message: str = "disk full: the Hub could not store this, nothing was changed"):
        super().__init__(message)


# no space, over quota, or a file reached its size limit (RLIMIT_FSIZE)
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
