"""Serve the page on this machine until Ctrl-C."""

import sys

from playground.ask.engine import Engine
from playground.listening import require_port
from playground.page.build import build_page, launch_options
from titlecraft.errors import UserError
from titlecraft.process.loopback import is_loopback
from titlecraft.rows.index import index_of_rows


def serve(adapter: str, host: str, port: int) -> int:
    """Load the adapter, serve the page, print its URL and block until Ctrl-C. Raises UserError."""
    port = require_port(host, port)
    engine = Engine.open(adapter)
    training = engine.inputs.training
    page = build_page(engine, index_of_rows(training.dataset, training.row_settings))
    try:
        _, url, _ = page.launch(server_name=host, server_port=port, prevent_thread_lock=True, **launch_options())
    except OSError as error:
        raise UserError(f"cannot serve on {host} port {port} ({error}): choose another --port or --host") from error
    try:
        print(f"{engine.inputs.adapter} on {engine.device}\n{url}", flush=True)
        if not is_loopback(host):
            print("Anyone who can reach this machine can use the page; Ctrl-C stops it.", file=sys.stderr)
        page.block_thread()
    except KeyboardInterrupt:
        print(file=sys.stderr)
    finally:
        page.close(verbose=False)
    return 0
