"""The server's application: OpenAI's routes over one engine."""

import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from playground.ask.answer import Arm
from playground.ask.engine import VISITORS, Engine
from playground.serve.errors import INVALID, RequestError, no_such_model, too_many, wrong_key
from playground.serve.generation import Piece, generate
from playground.serve.prompts import Prompts
from playground.serve.request import ChatBody, TextBody, chat_of, read_body, settings_of
from playground.serve.responses import ChatAnswer, TextAnswer, model_of
from titlecraft.errors import UserError
from titlecraft.search.row_index import RowIndex

WAITING = 64  # running and waiting requests; further ones are refused
LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"]
LARGEST_BODY = 1 << 20  # bytes


class Server:
    """Answers the requests of any number of clients with one engine.

    Args:
        key: the API key that a request must have; None lets everyone in.
    """

    def __init__(self, engine: Engine, index: RowIndex, key: str | None) -> None:
        self.engine, self.prompts, self.key = engine, Prompts(engine, index), key
        training, adapter = engine.inputs.training, engine.inputs.adapter
        self.models: dict[str, Arm] = {adapter.repo: "tuned", training.base.repo: "base"}
        self.created = int(time.time())
        self.in_work: set[int] = set()
        self.pool = ThreadPoolExecutor(VISITORS)

    def models_list(self, request: Request) -> Response:
        """GET /v1/models"""
        found = [model_of(name, self.created, name.partition("/")[0]).model_dump() for name in self.models]
        return JSONResponse({"object": "list", "data": found})

    def one_model(self, request: Request) -> Response:
        """GET /v1/models/NAME"""
        name = request.path_params["name"]
        self.arm(name)
        return JSONResponse(model_of(name, self.created, name.partition("/")[0]).model_dump())

    async def chat(self, request: Request) -> Response:
        """POST /v1/chat/completions"""
        body = read_body(await request.body(), ChatBody)
        return await run_in_threadpool(self.answer_chat, body)

    def answer_chat(self, body: ChatBody) -> Response:
        """The answer to a chat. Raises RequestError."""
        arm, settings = self.arm(body.model), settings_of(body, self.engine.generation)
        chat = chat_of(body.messages)
        ids, question = self.prompts.of_chat(chat, grounded=bool(body.grounded), new_tokens=settings.new_tokens)
        sources = self.prompts.sources(question) if body.sources or body.grounded else None
        answer = ChatAnswer(body.model, len(ids), sources)
        pieces = self.counted(generate(self.engine, arm, ids, settings))
        if settings.stream:
            return events(answer.stream(pieces, usage=settings.usage))
        return JSONResponse(json.loads(answer.whole(pieces).model_dump_json()))

    async def text(self, request: Request) -> Response:
        """POST /v1/completions"""
        body = read_body(await request.body(), TextBody)
        return await run_in_threadpool(self.answer_text, body)

    def answer_text(self, body: TextBody) -> Response:
        """The answer to one or several prompts. Raises RequestError."""
        arm, settings = self.arm(body.model), settings_of(body, self.engine.generation)
        if body.sources or body.grounded:
            raise RequestError(400, "sources: expected /v1/chat/completions, whose message is a title", "sources")
        prompts = [self.prompts.of_text(one) for one in body.prompts()]
        if len(prompts) > VISITORS:
            raise RequestError(400, f"prompt: {len(prompts)} prompts, expected at most {VISITORS}", "prompt")
        answer = TextAnswer(body.model, sum(map(len, prompts)))
        if settings.stream and len(prompts) > 1:
            raise RequestError(400, "stream: expected one prompt", "stream")
        in_work = [self.counted(generate(self.engine, arm, ids, settings)) for ids in prompts]
        if settings.stream:
            return events(answer.stream(in_work[0], usage=settings.usage))
        found = list(self.pool.map(list, in_work))  # concurrently, so that the decoder batches them
        return JSONResponse(json.loads(answer.whole(found).model_dump_json()))

    def arm(self, name: str) -> Arm:
        """The arm of a model's name. Raises RequestError."""
        if name not in self.models:
            raise no_such_model(name, list(self.models))
        return self.models[name]

    def counted(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The pieces of an answer, which counts as running while they are read. Raises RequestError if too many are running."""
        if len(self.in_work) >= WAITING:
            raise too_many(WAITING)
        return self.while_in_work(pieces)

    def while_in_work(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Yield the pieces; the answer counts as running from the first to the last."""
        self.in_work.add(id(pieces))
        try:
            yield from pieces
        finally:
            self.in_work.discard(id(pieces))

    def require_key(self, request: Request) -> None:
        """Raises RequestError without the right API key."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key is not None and not hmac.compare_digest(given.encode(), self.key.encode()):
            raise wrong_key()
        if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
            raise RequestError(413, f"the body is larger than {LARGEST_BODY:,} bytes")


def events(chunks: Iterator[str]) -> Response:
    """A stream of server-sent events, which ends with an error in OpenAI's JSON if generating fails."""
    return StreamingResponse(until_error(chunks), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


def until_error(chunks: Iterator[str]) -> Iterator[str]:
    """Yield the events; a UserError, such as full memory, becomes the last one."""
    try:
        yield from chunks
    except UserError as error:
        yield f"data: {json.dumps(RequestError(500, str(error), type='server_error').body())}\n\n"


def build_app(server: Server, *, loopback: bool, origins: list[str]) -> Starlette:
    """The application.

    Args:
        loopback: answer only requests whose Host is a loopback name (protection against DNS rebinding).
        origins: web origins that may send requests from a browser (CORS).
    """
    guarded: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda handler: with_errors(server, handler)  # noqa: E731
    routes = [
        Route("/v1/models", guarded(server.models_list)),
        Route("/v1/models/{name:path}", guarded(server.one_model)),
        Route("/v1/chat/completions", guarded(server.chat), methods=["POST"]),
        Route("/v1/completions", guarded(server.text), methods=["POST"]),
        Route("/health", lambda request: JSONResponse({"status": "ok"})),
        Route("/{path:path}", guarded(no_such_route), methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK_NAMES if loopback else ["*"])]
    if origins:
        middleware.append(Middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"]))
    return Starlette(routes=routes, middleware=middleware)


def no_such_route(request: Request) -> Response:
    """The answer to an unknown address."""
    raise RequestError(404, f"no such address: {request.method} {request.url.path}", type=INVALID)


def with_errors(server: Server, handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler that requires the API key, and whose errors are OpenAI's JSON."""

    async def handle(request: Request) -> Response:
        try:
            server.require_key(request)
            answer = handler(request)
            return answer if isinstance(answer, Response) else await answer
        except RequestError as error:
            return JSONResponse(error.body(), error.status)
        except UserError as error:
            return JSONResponse(RequestError(500, str(error), type="server_error").body(), 500)

    return handle
