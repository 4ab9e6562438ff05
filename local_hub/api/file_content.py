"""File contents inside JSON: plain text or base64."""

import base64
import binascii
from typing import Any

from local_hub.errors import BadRequest


def file_content(path: str, value: dict[str, Any]) -> bytes:
    """The bytes of `{content, encoding?}`. Raises BadRequest, which names `path`."""
    content: Any = value.get("content")
    encoding = value.get("encoding", "utf-8")
    try:
        if encoding == "base64":
            return base64.b64decode(content, validate=True)
        return content.encode()
    except (binascii.Error, TypeError, ValueError, AttributeError):
        raise BadRequest(f"{path}: the content is not valid {encoding}") from None
