"""Load an adapter and serve it until Ctrl-C."""

import json
import sys

from model_card.named_records import EXAMPLE_TITLE
from playground.ask.engine import Engine
from playground.listening import address_of, require_port, run_app
from playground.serve.app import Server, build_app
from titlecraft.process.loopback import is_loopback
from titlecraft.rows.index import index_of_rows


def serve(adapter: str, host: str, port: int, key: str | None, origins: list[str]) -> int:
    """Load the adapter, serve it, print its address and block until Ctrl-C. Raises UserError."""
    port = require_port(host, port)
    engine = Engine.open(adapter)
    training = engine.inputs.training
    server = Server(engine, index_of_rows(training.dataset, training.row_settings), key)
    app = build_app(server, loopback=is_loopback(host), origins=origins)
    print(greeting(server, host, port), flush=True)
    if not is_loopback(host) and key is None:
        print("Anyone who can reach this machine can use the model: --api-key KEY asks for a key.", file=sys.stderr)
    run_app(app, host, port)
    return 0


def greeting(server: Server, host: str, port: int) -> str:
    """What is served where, and a command to try."""
    engine, address = server.engine, f"{address_of(host, port)}/v1"
    body = {"model": engine.inputs.adapter.repo, "messages": [{"role": "user", "content": EXAMPLE_TITLE}]}
    key = "" if server.key is None else ' -H "Authorization: Bearer $KEY"'
    names = [f"  {name}  ({'the adapter' if arm == 'tuned' else 'its base'})" for name, arm in server.models.items()]
    return "\n".join(
        [
            f"{engine.inputs.adapter} on {engine.device}; {engine.shared.decoder.description}",
            f"{address}  models:",
            *names,
            f"curl {address}/chat/completions -H 'Content-Type: application/json'{key} -d '{json.dumps(body)}'",
        ]
    )
