"""Exceptions of the Hub's client become one line with the fix; other exceptions pass."""

import errno

import pytest
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils import httpx

from titlecraft.errors import UserError
from titlecraft.hub import errors
from titlecraft.hub.errors import DEMO_BASES, hub_errors


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


@pytest.mark.parametrize(("repo", "command"), DEMO_BASES.items())
def test_a_demo_base_that_is_missing_names_the_command_that_publishes_it(
    repo: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errors, "other_kind", lambda repo, kind: None)
    missing = RepositoryNotFoundError("404", response=httpx.Response(404, request=httpx.Request("GET", "http://hub")))
    assert f"`{command}` publishes it" in str(errors.explain(missing, repo, f"model {repo}"))
    assert "check the spelling" in str(errors.explain(missing, "a/b", "model a/b"))
