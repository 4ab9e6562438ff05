"""Starlette's path convertors for the Hub's addresses: `{type:plural}`, `{id:repo}`, `{place:place}`, `{rev:rev}`.

Clients quote revisions (`refs%2Fpr%2F1`) and sometimes whole paths (`data%2Ftrain.parquet`), so routes match the raw
path, and each convertor unquotes its part.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send


class Place(NamedTuple):
    """The repo of an address: its type (model, dataset, space) and id."""

    type: str
    id: str


class _Unquoted(Convertor[str]):
    def __init__(self, regex: str):
        self.regex = regex  # type: ignore[misc]

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return value


class _Number(Convertor[int]):
    """A number of at most 9 digits: of a discussion or of a part of a file."""

    regex = "[0-9]{1,9}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _Plural(Convertor[str]):
    """`models` -> `model`"""

    regex = "models|datasets|spaces"

    def convert(self, value: str) -> str:
        return value.removesuffix("s")

    def to_string(self, value: str) -> str:
        return f"{value}s"


class _Place(Convertor[Place]):
    """`ada/net` -> a model, `datasets/ada/titles` -> a dataset; the `.git` of a clone address is removed"""

    regex = "(?:datasets/|spaces/)?[^/]+/[^/]+"

    def convert(self, value: str) -> Place:
        kind, _, rest = value.partition("/")
        place = Place(kind.removesuffix("s"), rest) if value.count("/") == 2 else Place("model", value)
        return place._replace(id=unquote(place.id).removesuffix(".git"))

    def to_string(self, value: Place) -> str:
        return value.id if value.type == "model" else f"{value.type}s/{value.id}"


# importing this module registers the convertors
register_url_convertor("plural", _Plural())
register_url_convertor("place", _Place())
register_url_convertor("repo", _Unquoted("[^/]+/[^/]+"))
# people also type refs/pr/1 unquoted
register_url_convertor("rev", _Unquoted(r"refs/(?:pr|convert|heads|tags)/[^/]+|[^/]+"))
register_url_convertor("name", _Unquoted("[^/]+"))
register_url_convertor("file", _Unquoted(".+"))
register_url_convertor("number", _Number())


class RawPathMiddleware:
    """ASGI middleware: gives the application the raw path, not unquoted."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw = scope.get("raw_path") or scope["path"].encode()
            # some clients join an endpoint that ends in "/" with a path that starts with "/"
            scope = {**scope, "path": re.sub("^/+", "/", raw.split(b"?")[0].decode("latin-1"))}
        await self.app(scope, receive, send)
