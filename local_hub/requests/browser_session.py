"""How a browser says who it is: a token is pasted once on the sign-in page and stays on the server.

The cookie holds a random session id, not the token, because browsers send a cookie of 127.0.0.1 to every port of it.
It lets its holder look: the pages and downloads accept it, the API that changes things never does.
"""

import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from local_hub.accounts import Token
from local_hub.requests.call import Call

_MOST_SESSIONS = 1000
_SECONDS = 12 * 3600


@dataclass(frozen=True)
class _Session:
    token: Token
    ends: float


class Sessions:
    """The sessions of one running Hub; a restart ends them."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def start(self, token: Token) -> str:
        """A new session id for somebody who showed this token."""
        if len(self._sessions) >= _MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        session_id = secrets.token_urlsafe(32)
        self._sessions[session_id] = _Session(token, time.monotonic() + _SECONDS)
        return session_id

    def token(self, session_id: str) -> Token | None:
        """Whose session this is, None when it ended or never was."""
        session = self._sessions.get(session_id)
        return session.token if session and session.ends > time.monotonic() else None

    def end(self, session_id: str) -> None:
        """Forget a session."""
        self._sessions.pop(session_id, None)


def sessions_of(request: Request) -> Sessions:
    """The sessions of the application that answers this request."""
    state = request.app.state
    if not hasattr(state, "sessions"):
        state.sessions = Sessions()
    return state.sessions


def signed_in(request: Request) -> Token | None:
    """The token behind the request's cookie, if there is one."""
    return sessions_of(request).token(request.cookies.get(cookie_name(request), ""))


class BrowserCall(Call):
    """A request that may come from a browser: without a token in its header, the cookie says who asks."""

    def _authenticate(self, header: str) -> Token | None:
        return super()._authenticate(header) if header else signed_in(self.request)


def sign_in(request: Request, response: Response, token: Token) -> None:
    """Start a session and give its cookie to the browser, for this site's own pages only."""
    session_id = sessions_of(request).start(token)
    secure = request.url.scheme == "https"
    response.set_cookie(
        cookie_name(request), session_id, max_age=_SECONDS, httponly=True, samesite="strict", secure=secure
    )


def sign_out(request: Request, response: Response) -> None:
    """End the session and take the cookie back."""
    sessions_of(request).end(request.cookies.get(cookie_name(request), ""))
    response.delete_cookie(cookie_name(request), httponly=True, samesite="strict")


def cookie_name(request: Request) -> str:
    """One name per port: cookies do not know ports, and several Hubs may run on one machine."""
    _, port = request.scope.get("server") or ("", "")
    return f"titlecraft-{port}"


def from_own_page(request: Request) -> bool:
    """False for a form that another site's page sent here (forged requests).

    Browsers say where a form comes from in `Sec-Fetch-Site`, and in `Origin` on addresses that they do not trust.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
