"""One collection: the repos that somebody put together under a title."""

from starlette.responses import Response
from starlette.routing import Route

from local_hub.api.collections import find
from local_hub.names import REPO_TYPES
from local_hub.pages.home import groups_of
from local_hub.pages.page import Visit, page, render


def show(visit: Visit) -> Response:
    """GET /collections/SLUG; of its repos those that the visitor may know about."""
    one = find(visit, visit.params["slug"])
    held = [(item["type"], item["id"]) for item in one.items if item["type"] in REPO_TYPES]
    repos = [repo for kind, name in held if (repo := visit.visible_repo(kind, name))]
    return render(visit, "collection.html.jinja", one=one, groups=groups_of(repos))


routes = [Route("/collections/{slug:repo}", page(show))]
