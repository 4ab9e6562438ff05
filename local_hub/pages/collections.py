"""The page of a collection."""

from starlette.responses import Response
from starlette.routing import Route

from local_hub.api.collections import find
from local_hub.names import REPO_TYPES
from local_hub.pages.home import groups_of
from local_hub.pages.page import Visit, page, render


def show(visit: Visit) -> Response:
    """GET /collections/SLUG, with the repos that the visitor may see."""
    collection = find(visit, visit.params["slug"])
    ids = [(item["type"], item["id"]) for item in collection.items if item["type"] in REPO_TYPES]
    repos = [repo for kind, name in ids if (repo := visit.visible_repo(kind, name))]
    return render(visit, "collection.html.jinja", collection=collection, groups=groups_of(repos))


routes = [Route("/collections/{slug:repo}", page(show))]
