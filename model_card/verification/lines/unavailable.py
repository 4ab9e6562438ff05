"""Exceptions that give no verdict about a claim: the Hub does not answer, or it denies access to a repo."""

from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import httpx

NO_ACCESS = (401, 403, 404, 410, 451)  # HTTP status for a repo that is private, gated or deleted
RETRY_LATER = (429, *range(500, 600))  # HTTP status of an overloaded or broken Hub


def is_hub_down(error: BaseException | None) -> bool:
    """Whether an exception, or a cause of it, says that the Hub does not answer."""
    while error is not None:
        if isinstance(error, httpx.TransportError | LocalEntryNotFoundError | OfflineModeIsEnabled):
            return True
        if isinstance(error, HfHubHTTPError) and status_of(error) in RETRY_LATER:
            return True
        error = error.__cause__
    return False


def is_access_denied(error: BaseException | None) -> bool:
    """Whether an exception, or a cause of it, says that a repo is private, gated or deleted.

    A missing commit or file does not count: then the claim that names it is wrong.
    """
    while error is not None:
        if isinstance(error, RepositoryNotFoundError | LocalTokenNotFoundError):  # GatedRepoError is a subclass
            return True
        if type(error) is HfHubHTTPError and status_of(error) in NO_ACCESS:
            return True
        error = error.__cause__
    return False


def status_of(error: HfHubHTTPError) -> int | None:
    """The HTTP status of an exception; None if it carries no response."""
    return None if error.response is None else error.response.status_code
