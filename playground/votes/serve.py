"""Serve the page of votes until Ctrl-C, then write and print the result."""

import sys
from pathlib import Path
from typing import Any

import uvicorn

from evaluation.preference.pairs import Pairs
from evaluation.preference.show import HTML, JSON, print_preference, write_preference
from evaluation.preference.votes import Votes
from playground.page.serve import is_loopback, require_port
from playground.votes.app import build_app
from titlecraft.errors import UserError

FILE = "votes.jsonl"


def serve_votes(pairs: Pairs, out: Path, host: str, port: int) -> None:
    """Serve the page until Ctrl-C; votes are in votes.jsonl of the folder `out`, and go on there. Raises UserError."""
    port = require_port(host, port)
    votes = Votes(pairs, out / FILE)
    shown = f"[{host}]" if ":" in host else host
    print(
        f"votes on {pairs.report}, kept in {votes.file}; Ctrl-C ends and writes the result\nhttp://{shown}:{port}",
        flush=True,
    )
    if not is_loopback(host):
        print("Anyone who can reach this machine can vote under any name; Ctrl-C stops it.", file=sys.stderr)
    config: Any = uvicorn.Config(
        build_app(votes, is_loopback(host)), host=host, port=port, log_level="warning", lifespan="off"
    )
    try:
        uvicorn.Server(config).run()
    except (SystemExit, OSError) as error:  # uvicorn exits where somebody took the port in the meantime
        raise UserError(f"cannot serve on {host} port {port}: choose another --port or --host") from error
    except KeyboardInterrupt:
        print(file=sys.stderr)
    write_result(votes, out)


def write_result(votes: Votes, out: Path) -> None:
    """Write preference.json and preference.html and print the result. Raises UserError without a vote."""
    record, pairs = votes.record()
    write_preference(record, pairs, out)
    print_preference(record)
    print(f"preference in {out / JSON} and {out / HTML}")
