"""Load an adapter and serve it until Ctrl-C."""

import json
import sys
from typing import Any

import uvicorn

from model_card.named_records import EXAMPLE_TITLE
from playground.ask.engine import Engine
from playground.page.serve import is_loopback, require_port
from playground.serve.app import Server, build_app
from titlecraft.errors import UserError
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
    config: Any = uvicorn.Config(app, host=host, port=port, log_level="warning", lifespan="off")
    try:
        uvicorn.Server(config).run()
    except (SystemExit, OSError) as error:  # uvicorn exits where somebody took the port in the meantime
        raise UserError(f"cannot serve on {host} port {port}: choose another --port or --host") from error
    except KeyboardInterrupt:
        print(file=sys.stderr)
    return 0


def greeting(server: Server, host: str, port: int) -> str:
    """What is served where, and a command to try."""
    engine, shown = server.engine, f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/v1"
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
