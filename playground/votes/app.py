"""The app behind the page: gives a voter the next pair without names, takes the vote, and shows the result at the end.

Starlette and not Gradio, which `titlecraft play` has: a vote by one key needs no components, and the page loads nothing from elsewhere.
"""

from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from evaluation.preference.show import lines, sentence, warnings
from evaluation.preference.votes import Answer, Votes
from titlecraft.errors import UserError

LONGEST_NAME = 60
PAGE = Environment(loader=PackageLoader("playground.votes"), autoescape=True).get_template("vote.html.jinja").render()


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """A request of the page. `uid` and `answer` are given with a vote."""

    voter: str
    uid: str | None = None
    answer: Answer | None = None


def build_app(votes: Votes, loopback: bool) -> Starlette:
    """The app. On a loopback address it answers to no other host name."""

    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(PAGE)

    async def vote(request: Request) -> JSONResponse:
        if request.headers.get("content-type") != "application/json":
            return JSONResponse({"error": "expected application/json"}, 415)
        try:
            asked = msgspec.json.decode(await request.body(), type=Asked)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return JSONResponse({"error": f"no vote: {error}"}, 400)
        asked.voter = " ".join(asked.voter.split())
        if not 1 <= len(asked.voter) <= LONGEST_NAME or not asked.voter.isprintable():
            return JSONResponse({"error": f"a name has 1 to {LONGEST_NAME} characters"}, 400)
        if asked.uid is not None and asked.answer is not None:
            await run_in_threadpool(votes.add, asked.voter, asked.uid, asked.answer)
        return JSONResponse(next_pair(votes, asked.voter))

    async def result(request: Request) -> JSONResponse:
        return JSONResponse(await run_in_threadpool(result_of, votes))

    routes = [Route("/", page), Route("/vote", vote, methods=["POST"]), Route("/result", result)]
    hosts = ["127.0.0.1", "localhost", "[::1]"] if loopback else ["*"]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)])


def next_pair(votes: Votes, voter: str) -> dict[str, Any]:
    """What a voter sees next: title and texts without names, or `texts` null at the end; and how far they are."""
    pair = votes.next_of(voter)
    done, titles = votes.counted(voter)
    if pair is None:
        return {"uid": None, "title": "", "texts": None, "done": done, "titles": titles}
    texts = [pair.texts[arm].strip() for arm in votes.shown_to(voter, pair)]
    return {"uid": pair.uid, "title": pair.title, "texts": texts, "done": done, "titles": titles}


def result_of(votes: Votes) -> dict[str, Any]:
    """The result of all votes so far in words."""
    try:
        record, _ = votes.record()
    except UserError as error:
        return {"sentence": str(error), "warnings": [], "lines": []}
    return {"sentence": sentence(record), "warnings": warnings(record), "lines": lines(record)}
