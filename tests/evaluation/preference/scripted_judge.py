"""A judge without a model: an OpenAI-compatible endpoint in this process that answers by a rule over title and both texts."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

Rule = Callable[[str, str, str], str]
TEXTS = re.compile(
    r"\[Title\]\n(.*?)\n\n\[Start of description 1\]\n(.*?)\n\[End of description 1\]\n\n"
    r"\[Start of description 2\]\n(.*?)\n\[End of description 2\]",
    re.DOTALL,
)


@dataclass
class ScriptedJudge:
    """The endpoint; `rule` gives the answer, and `status` other than 200 an error. `requests` are the bodies it was sent."""

    rule: Rule = lambda title, first, second: "[[tie]]"
    status: int = 200
    models: tuple[str, ...] = ("scripted",)
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    async def answer(self, request: Request) -> JSONResponse:
        """A chat completion."""
        body = await request.json()
        self.requests.append(body)
        self.keys.add(request.headers["authorization"])
        if self.status != 200:
            return JSONResponse({"error": {"message": "refused\nby the script"}}, self.status)
        found = TEXTS.search(body["messages"][0]["content"])
        assert found, body
        message = {"role": "assistant", "content": self.rule(*found.groups())}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        fixed = {"id": "1", "object": "chat.completion", "created": 1, "system_fingerprint": "fp-1"}
        return JSONResponse({**fixed, "model": body["model"], "choices": [choice]})

    async def list_models(self, request: Request) -> JSONResponse:
        """The list of models."""
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "tests"} for name in self.models]
        return JSONResponse({"object": "list", "data": data})


@contextmanager
def running_judge() -> Iterator[ScriptedJudge]:
    """A judge that listens on a free port of this machine."""
    judge = ScriptedJudge()
    routes = [
        Route("/v1/chat/completions", judge.answer, methods=["POST"]),
        Route("/v1/models", judge.list_models),
        Route("/{any:path}", lambda request: HTMLResponse("<p>A web page"), methods=["GET", "POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    judge.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    yield judge
    server.should_exit = True
    thread.join(10)
