"""The stylesheet, the script and the icon, below `/-/`: a namespace cannot start with `-`."""

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def _files() -> dict[str, bytes]:
    """Name -> content of all static files; no other names are served."""
    return {path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _TYPES}


@cache
def static_url(name: str) -> str:
    """The address of a static file, with the hash of its content, so that browsers may cache it for ever."""
    return f"/-/static/{name}?v={hashlib.sha256(_files()[name]).hexdigest()[:12]}"


async def static_file(request: Request) -> Response:
    """GET /-/static/NAME"""
    content = _files().get(request.path_params["name"])
    if content is None:
        return PlainTextResponse("Not found", status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=_TYPES[Path(request.path_params["name"]).suffix], headers=headers)


async def favicon(_: Request) -> Response:
    """GET /favicon.ico, which browsers request for raw files."""
    return Response(_files()["icon.svg"], media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


routes = [Route("/-/static/{name:name}", static_file), Route("/favicon.ico", favicon)]
