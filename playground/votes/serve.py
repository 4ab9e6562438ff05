"""Serve the page of votes until Ctrl-C, then write and print the result."""

import sys
from pathlib import Path

from evaluation.preference.pairs import Pairs
from evaluation.preference.show import HTML, JSON, print_preference, write_preference
from evaluation.preference.votes import Votes
from playground.listening import address_of, require_port, run_app
from playground.votes.app import build_app
from titlecraft.process.loopback import is_loopback

FILE = "votes.jsonl"


def serve_votes(pairs: Pairs, out: Path, host: str, port: int) -> None:
    """Serve the page until Ctrl-C; votes are in votes.jsonl of the folder `out`, and go on there. Raises UserError."""
    port = require_port(host, port)
    votes = Votes(pairs, out / FILE)
    print(f"votes on {pairs.report}, kept in {votes.file}; Ctrl-C ends and writes the result", flush=True)
    print(address_of(host, port), flush=True)
    if not is_loopback(host):
        print("Anyone who can reach this machine can vote under any name; Ctrl-C stops it.", file=sys.stderr)
    run_app(build_app(votes, is_loopback(host)), host, port)
    write_result(votes, out)


def write_result(votes: Votes, out: Path) -> None:
    """Write preference.json and preference.html and print the result. Raises UserError without a vote."""
    record, pairs = votes.record()
    write_preference(record, pairs, out)
    print_preference(record)
    print(f"preference in {out / JSON} and {out / HTML}")
