"""Sign in to see private repos, sign out: `/login`, `/logout`."""

from urllib.parse import parse_qsl, urlsplit

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from local_hub.errors import Forbidden
from local_hub.pages.page import Visit, page, render
from local_hub.requests import browser_session


def show_form(visit: Visit) -> Response:
    """GET /login?next=/path/after/sign-in"""
    return render(visit, "login.html.jinja", next=_own_address(visit.query("next")), problem="")


def sign_in(visit: Visit) -> Response:
    """POST /login with the form fields `token` and `next`."""
    _refuse_forged(visit)
    fields = dict(parse_qsl(visit.body.decode("utf-8", errors="replace")))
    destination = _own_address(fields.get("next"))
    token = visit.hub.accounts.token(fields.get("token", "").strip())
    if token is None:
        problem = "This Hub does not know that token."
        return render(visit, "login.html.jinja", status=403, next=destination, problem=problem)
    response = RedirectResponse(destination, status_code=303)
    browser_session.sign_in(visit.request, response, token)
    return response


def sign_out(visit: Visit) -> Response:
    """POST /logout"""
    _refuse_forged(visit)
    response = RedirectResponse("/", status_code=303)
    browser_session.sign_out(visit.request, response)
    return response


def _refuse_forged(visit: Visit) -> None:
    if not browser_session.from_own_page(visit.request):
        raise Forbidden("This form was sent by a page of another site.")


def _own_address(address: str | None) -> str:
    """Return `address` if it is a path on this Hub, else the front page (no open redirect)."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or urlsplit(address).netloc:
        return "/"
    return address if address.isprintable() else "/"


routes = [
    Route("/login", page(show_form), methods=["GET"]),
    Route("/login", page(sign_in), methods=["POST"]),
    Route("/logout", page(sign_out), methods=["POST"]),
]
