"""titlecraft play --adapter NS/NAME[@REV]"""

from titlecraft.command_line.verb_parser import VerbParser

LOOPBACK = "127.0.0.1"


def main(arguments: list[str]) -> int:
    """Serve the page until Ctrl-C. Raises UserError: no Gradio, no such adapter, port in use."""
    parser = VerbParser(
        prog="titlecraft play",
        description="A page in the browser: base and tuned answers side by side, with sources. Needs titlecraft[play].",
    )
    parser.add_argument("--adapter", required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=7860, help="default: 7860; 0 takes any free one")
    options = parser.parse_args(arguments)

    from playground.page.build import import_gradio
    from playground.page.serve import serve

    import_gradio()  # before a large model is loaded, which takes minutes
    return serve(options.adapter, options.host, options.port)
