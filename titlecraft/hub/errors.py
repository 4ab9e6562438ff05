"""One-line messages for errors of the Hub's client: the operation, the Hub's answer, and the fix."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import get_args

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import httpx

from titlecraft.errors import UserError
from titlecraft.records import RepoType

# raised in one upload thread of the client after another one lost the connection and closed what they share
CLIENT_CLOSED = ("client has been closed", "'NoneType' object has no attribute 'request'")

DEMO_BASES = {
    "titlecraft/tiny-llama-base": "titlecraft demo",
    "titlecraft/SmolLM2-135M-Instruct": "titlecraft demo --real",
}
"""The bases of the recipes `tiny` and `real`, and the command that publishes each."""


@contextmanager
def hub_errors(action: str, repo: str, type: RepoType) -> Iterator[None]:
    """Turn exceptions of the client into a UserError of one line: the operation, the Hub's answer, and the fix."""
    try:
        yield
    except (OSError, ValueError, httpx.TransportError, RuntimeError) as error:
        if explained := explain(error, repo, f"{type} {repo}"):
            raise UserError(f"{action}: {explained}") from error
        raise


def explain(error: BaseException, repo: str, kind: str) -> str | None:
    """Return one line for an exception of the Hub's client, or None if it concerns neither Hub nor disk."""
    match error:
        case GatedRepoError():
            return f"{kind} is gated: ask for access at {constants.ENDPOINT}/{repo}, then set HF_TOKEN"
        case RepositoryNotFoundError():
            if other := other_kind(repo, kind):
                wanted = kind.partition(" ")[0]
                return (
                    f"{repo} is a {other} on {constants.ENDPOINT}: expected a {wanted}; name the {wanted} that you mean"
                )
            missing = f"{constants.ENDPOINT} has no {kind} that this token may see: "
            if command := DEMO_BASES.get(repo):
                return f"{missing}`{command}` publishes it on the embedded Hub"
            return f"{missing}check the spelling, and HF_TOKEN if the repo is private"
        case RevisionNotFoundError():
            return f"{kind} has no such revision: see {constants.ENDPOINT}/{repo} for branches and tags"
        case LocalTokenNotFoundError():
            return f"there is no token for {constants.ENDPOINT}: set HF_TOKEN, or run `hf auth login`"
        case HFValidationError():
            return f"{first_line(error)}; check the repo id"
        case HfHubHTTPError():
            return refusal(error, kind)
        case RuntimeError() if error.__cause__:  # the client wraps what befell one of several uploads
            broke_off = f"{first_line(error)} ({first_line(error.__cause__)}) Does {constants.ENDPOINT} still answer? Run the same command again"
            return explain(error.__cause__, repo, kind) or broke_off
        case RuntimeError() | AttributeError() if not any(closed in str(error) for closed in CLIENT_CLOSED):
            return None
        case (
            RuntimeError()
            | AttributeError()
            | httpx.TransportError()
            | LocalEntryNotFoundError()
            | OfflineModeIsEnabled()
        ):
            return (
                f"the Hub at {constants.ENDPOINT} does not answer ({first_line(error)}). "
                "Start it or check HF_ENDPOINT, then run the same command again"
            )
        case OSError(errno=errno.ENOSPC):
            where = error.filename or os.environ.get("HF_HOME", constants.HF_HOME)
            return f"disk full at {where}. Free some space and run the same command again"
        case json.JSONDecodeError():
            return f"what answers at {constants.ENDPOINT} is not a Hub; check HF_ENDPOINT and --hub"
    return None


def cause_in_datasets(error: Exception) -> BaseException:
    """Return the error that `datasets` wrapped in one of its own, or the error itself. Raises a full disk's OSError as it is."""
    cause = error.__cause__ or error
    if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
        raise cause from error
    return cause


def other_kind(repo: str, kind: str) -> str | None:
    """Return the kind of repo that has this name, "model", "dataset" or "space", if it is another than `kind` says."""
    for other in get_args(RepoType):
        if other != kind.partition(" ")[0]:
            with suppress(OSError, ValueError, httpx.TransportError):
                if HfApi().repo_exists(repo, repo_type=other):
                    return other
    return None


def refusal(error: HfHubHTTPError, kind: str) -> str:
    """Return one line for an HTTP status code of the Hub."""
    status = error.response.status_code if error.response is not None else 0
    reason = (error.server_message or first_line(error)).strip().splitlines()[0]
    match status:
        case 401:
            return f"{constants.ENDPOINT} refused the token ({reason}); put a valid one in HF_TOKEN"
        case 403:
            return f"no write right on {kind} ({reason}); use a token with the role 'write' of its owner"
        case 409 | 412:
            return f"somebody else published to {kind} in the meantime ({reason}); run the same command again"
        case 429:
            return (
                f"{constants.ENDPOINT} asks to slow down ({reason}); wait a few minutes and run the same command again"
            )
        case 507:
            return f"the Hub's disk is full ({reason}). Free some space there and run the same command again"
        case _:
            return f"{constants.ENDPOINT} answered {status or 'nothing'} ({reason})"


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, or its type if the message is empty."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
