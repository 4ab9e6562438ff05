"""The decoding options of `titlecraft ask`."""

import argparse
from dataclasses import replace

from playground.ask.answer import ARMS, Arm
from playground.ask.decoding import MOST_NEW_TOKENS, Decoding
from titlecraft.settings import Generation


def add_decoding(parser: argparse.ArgumentParser) -> None:
    """Add the decoding options to a parser. Their defaults are the settings of the adapter's recipe."""
    group = parser.add_argument_group("decoding (defaults: the settings of the adapter's recipe)")
    group.add_argument("--greedy", action="store_true", help="choose the most likely token: the same answer every time")
    group.add_argument("--seed", type=int, default=0, help="seed of sampling, the same for both arms (default: 0)")
    group.add_argument(
        "--max-new-tokens", type=int, metavar="N", help=f"maximum length of an answer in tokens, 1 to {MOST_NEW_TOKENS}"
    )
    group.add_argument("--temperature", type=float, metavar="T", help="sampling temperature")
    group.add_argument("--top-k", type=int, metavar="K", help="sample from the K most likely tokens; 0 is off")
    group.add_argument(
        "--top-p",
        type=float,
        metavar="P",
        help="nucleus sampling: sample from the smallest set of tokens with this total probability",
    )


def decoding_of(options: argparse.Namespace, published: Generation) -> Decoding:
    """The decoding of the command line, with the adapter's published settings as defaults. Raises UserError."""
    names = ("max_new_tokens", "temperature", "top_k", "top_p")
    overrides = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return Decoding(replace(published, **overrides), greedy=options.greedy, seed=options.seed)


def arms_of(options: argparse.Namespace) -> tuple[Arm, ...]:
    """The arms of the command line; the tuned model alone by default."""
    return ARMS if options.both else ("base",) if options.base_only else ("tuned",)
