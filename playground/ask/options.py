"""The options of `titlecraft ask` that say how an answer is decoded."""

import argparse
from dataclasses import replace

from playground.ask.answer import ARMS, Arm
from playground.ask.decoding import MOST_NEW_TOKENS, Decoding
from titlecraft.settings import Generation


def add_decoding(parser: argparse.ArgumentParser) -> None:
    """Unset ones are as the adapter's recipe says."""
    group = parser.add_argument_group("decoding (defaults: as the adapter was published with)")
    group.add_argument("--greedy", action="store_true", help="always the likeliest token: the same answer every time")
    group.add_argument("--seed", type=int, default=0, help="of sampling; the same for both arms (default: 0)")
    group.add_argument(
        "--max-new-tokens", type=int, metavar="N", help=f"most tokens of an answer, 1 to {MOST_NEW_TOKENS}"
    )
    group.add_argument("--temperature", type=float, metavar="T", help="divides the logits before sampling")
    group.add_argument("--top-k", type=int, metavar="K", help="sample among this many tokens; 0 is off")
    group.add_argument("--top-p", type=float, metavar="P", help="sample among tokens that hold this much probability")


def decoding_of(asked: argparse.Namespace, published: Generation) -> Decoding:
    """What was asked for, on top of what the adapter was published with. Raises UserError."""
    names = ("max_new_tokens", "temperature", "top_k", "top_p")
    given = {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    return Decoding(replace(published, **given), greedy=asked.greedy, seed=asked.seed)


def arms_of(asked: argparse.Namespace) -> tuple[Arm, ...]:
    """The tuned model unless told otherwise."""
    return ARMS if asked.both else ("base",) if asked.base_only else ("tuned",)
