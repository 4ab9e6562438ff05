"""Errors of a request, in OpenAI's JSON."""

from dataclasses import dataclass
from typing import Any

INVALID = "invalid_request_error"


@dataclass
class RequestError(Exception):
    """A request that cannot be answered.

    Args:
        status: the HTTP status.
        message: what was expected.
        param: the field of the request, or None.
        code: OpenAI's code, or None.
        type: OpenAI's type of error.
    """

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    type: str = INVALID

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def invalid(param: str, message: str, code: str | None = None) -> RequestError:
    """An error about one field, with status 400."""
    return RequestError(400, f"{param}: {message}", param, code)


def no_such_model(name: str, known: list[str]) -> RequestError:
    """An error about a model that is not served."""
    message = f"the model {name!r} is not served here: expected one of {', '.join(known)}"
    return RequestError(404, message, "model", "model_not_found")


def wrong_key() -> RequestError:
    """An error about a missing or wrong API key."""
    return RequestError(401, "missing or wrong API key: expected `Authorization: Bearer KEY`", None, "invalid_api_key")


def too_many(most: int) -> RequestError:
    """An error about a full queue."""
    message = f"{most} requests are being answered or wait: ask again later"
    return RequestError(429, message, None, "rate_limit_exceeded", "requests")
