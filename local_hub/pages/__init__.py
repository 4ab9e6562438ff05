"""What a person sees in a browser: the Hub's repos as web pages. `routes` is what the application mounts.

Handlers are functions `(Visit) -> Response` in `home`, `collections`, `card`, `files`, `commits`, `discussions` and `sign_in`; what they
show is read through the Store and written by the templates, which escape every value.
"""

from local_hub.pages import collections, home, sign_in, static_files
from local_hub.pages.files import tree
from local_hub.pages.history import commits, discussions
from local_hub.pages.repo import card
from local_hub.requests import url_parts  # noqa: F401  (makes {place:place} and the like known to Starlette)

# the most general addresses come last
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
