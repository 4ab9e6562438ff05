"""The web pages of the Hub. `routes` are all their routes.

A page is a handler `(Visit) -> Response` with a template of `templates/`; templates escape every value. To add a page,
write a module with handlers and `routes` and add it below.
"""

from local_hub.pages import collections, home, sign_in, static_files
from local_hub.pages.files import tree
from local_hub.pages.history import commits, discussions
from local_hub.pages.repo import card
from local_hub.requests import url_parts  # noqa: F401  (registers {place:place} and the other convertors)

# the most general addresses are last
routes = [
    *static_files.routes,
    *sign_in.routes,
    *tree.routes,
    *commits.routes,
    *discussions.routes,
    *collections.routes,
    *home.routes,
    *card.routes,
    *home.last_routes,
]
