"""titlecraft serve --adapter NS/NAME[@REV]"""

import os

from titlecraft.command_line.verb_parser import VerbParser

LOOPBACK = "127.0.0.1"
KEY = "TITLECRAFT_API_KEY"


def main(arguments: list[str]) -> int:
    """Serve an adapter and its base until Ctrl-C. Raises UserError: no such adapter, port in use."""
    parser = VerbParser(
        prog="titlecraft serve",
        description="A server with OpenAI's interface: the adapter and its base as two models, from one loaded base. A message "
        "is a product title, and the server renders the prompt of the training.",
    )
    parser.add_argument("--adapter", required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8000, help="default: 8000; 0 takes any free one")
    parser.add_argument("--api-key", metavar="KEY", help=f"the key that requests must have (default: {KEY}, else none)")
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="a web page that may ask from a browser, such as http://localhost:3000; may be repeated",
    )
    options = parser.parse_args(arguments)
    from playground.serve.serve import serve

    key = options.api_key or os.environ.get(KEY) or None
    return serve(options.adapter, options.host, options.port, key, options.allow_origin)
