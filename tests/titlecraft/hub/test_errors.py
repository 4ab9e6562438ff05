"""Exceptions of the Hub's client become one line with the fix; other exceptions pass."""

import errno

import pytest
from huggingface_hub.utils import httpx

from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors


def wrapped(cause: Exception) -> RuntimeError:
    """The exception, wrapped as the client does for one of several uploads."""
    try:
        raise RuntimeError("Error while uploading 'a.parquet' to the Hub.") from cause
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (httpx.ConnectError("refused"), "does not answer"),
        (wrapped(httpx.ReadError("reset by peer")), "does not answer"),
        (wrapped(RuntimeError("Cannot send a request, as the client has been closed.")), "does not answer"),
        (wrapped(AttributeError("'NoneType' object has no attribute 'request'")), "does not answer"),
        (wrapped(KeyError("etag")), "still answer? Run the same command again"),
        (OSError(errno.ENOSPC, "No space left on device", "/disk/a"), "disk full at /disk/a"),
    ],
)
def test_errors_of_hub_and_disk_are_one_line(error: Exception, message: str) -> None:
    with (
        pytest.raises(UserError, match="publishing to dataset a/b did not finish: ") as caught,
        hub_errors("publishing to dataset a/b did not finish", "a/b", "dataset"),
    ):
        raise error
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), AttributeError("a bug"), ValueError("a bug"), OSError(5, "a bug")]
)
def test_other_exceptions_pass(error: Exception) -> None:
    with pytest.raises(type(error), match="a bug"), hub_errors("publishing", "a/b", "dataset"):
        raise error
