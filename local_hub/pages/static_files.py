"""The stylesheet, the script and the icon. `/-/` can be no repo: a namespace does not start with `-`."""

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
    """All of them, in memory: only these names are ever served."""
    return {path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _TYPES}


@cache
def static_url(name: str) -> str:
    """The address of a file, with its content's hash so that browsers may keep it for ever."""
    return f"/-/static/{name}?v={hashlib.sha256(_files()[name]).hexdigest()[:12]}"


async def static_file(request: Request) -> Response:
    """GET /-/static/NAME"""
    content = _files().get(request.path_params["name"])
    if content is None:
        return PlainTextResponse("Not found", status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=_TYPES[Path(request.path_params["name"]).suffix], headers=headers)


async def favicon(_: Request) -> Response:
    """GET /favicon.ico: browsers ask for it beside raw files."""
    return Response(_files()["icon.svg"], media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


routes = [Route("/-/static/{name:name}", static_file), Route("/favicon.ico", favicon)]
