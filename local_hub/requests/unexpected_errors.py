"""An error that nobody foresaw becomes an answer, and the connection goes on.

Starlette's own last resort raises the error again after answering; uvicorn then cuts the connection without having said
so, and the next request of a client that keeps its connections fails.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class UnexpectedErrors:
    """ASGI middleware. `answer` makes the response; an answer that had begun cannot be saved, so the error goes on."""

    def __init__(self, app: ASGIApp, answer: Callable[[Request, Exception], Awaitable[Response]]):
        self.app = app
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            response = await self.answer(Request(scope), error)
            await response(scope, receive, send)
