"""Browser sessions: a user enters a token on the sign-in page, and a cookie identifies the session after that.

The cookie holds a random session id, not the token, because browsers send a cookie of 127.0.0.1 to every port.
Pages and downloads accept it; the API, which changes things, does not.
"""

import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from local_hub.accounts import Token
from local_hub.requests.call import Call

_MAX_SESSIONS = 1000
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
        """Start a session for a token and return its id."""
        if len(self._sessions) >= _MAX_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        session_id = secrets.token_urlsafe(32)
        self._sessions[session_id] = _Session(token, time.monotonic() + _SECONDS)
        return session_id

    def token(self, session_id: str) -> Token | None:
        """The token of a session; None if it has ended or never existed."""
        session = self._sessions.get(session_id)
        return session.token if session and session.ends > time.monotonic() else None

    def end(self, session_id: str) -> None:
        """End a session."""
        self._sessions.pop(session_id, None)


def sessions_of(request: Request) -> Sessions:
    """The sessions of the application that answers this request."""
    state = request.app.state
    if not hasattr(state, "sessions"):
        state.sessions = Sessions()
    return state.sessions


def signed_in(request: Request) -> Token | None:
    """The token of the session in the request's cookie, or None."""
    return sessions_of(request).token(request.cookies.get(cookie_name(request), ""))


class BrowserCall(Call):
    """A request that may come from a browser: without an Authorization header, the cookie identifies the caller."""

    def _authenticate(self, header: str) -> Token | None:
        return super()._authenticate(header) if header else signed_in(self.request)


def sign_in(request: Request, response: Response, token: Token) -> None:
    """Start a session and set its cookie, which the browser sends from this site only."""
    session_id = sessions_of(request).start(token)
    secure = request.url.scheme == "https"
    response.set_cookie(
        cookie_name(request), session_id, max_age=_SECONDS, httponly=True, samesite="strict", secure=secure
    )


def sign_out(request: Request, response: Response) -> None:
    """End the session and delete its cookie."""
    sessions_of(request).end(request.cookies.get(cookie_name(request), ""))
    response.delete_cookie(cookie_name(request), httponly=True, samesite="strict")


def cookie_name(request: Request) -> str:
    """The name of the cookie. It contains the port, because cookies are shared by all ports of a host."""
    _, port = request.scope.get("server") or ("", "")
    return f"local-hub-{port}"


def from_own_page(request: Request) -> bool:
    """Return False for a form that a page of another site sent (cross-site request forgery).

    Browsers name the sender in `Sec-Fetch-Site`, or in `Origin` for plain HTTP addresses.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
