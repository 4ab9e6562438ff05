"""titlecraft ask "TITLE" --adapter NS/NAME[@REV]"""

import sys

from titlecraft.command_line.third_party_options import add_stated, stated_of
from titlecraft.command_line.verb_parser import VerbParser


def main(arguments: list[str]) -> int:
    """Answer one title or question, or read them from standard input until it ends."""
    from playground.ask.options import add_decoding, arms_of, decoding_of

    parser = VerbParser(
        prog="titlecraft ask",
        description="Ask a published adapter, its base model, or both, and show the rows of its dataset that are closest to the "
        "question. Without TITLE it prompts for one title after another; Ctrl-D ends it.",
    )
    parser.add_argument("title", nargs="?", metavar="TITLE", help="a product's title, or a whole question")
    parser.add_argument("--adapter", required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--both", action="store_true", help="show the base model's answer beside the tuned one; one model is loaded"
    )
    which.add_argument(
        "--base-only", action="store_true", help="show only the base model's answer, with the adapter disabled"
    )
    parser.add_argument(
        "--read-as",
        choices=["auto", "title", "question"],
        default="auto",
        help="a title is inserted into the dataset's question, a question is sent as it is (default: auto, which prints its choice)",
    )
    parser.add_argument("--grounded", action="store_true", help="put the retrieved rows into the prompt")
    parser.add_argument("--show-prompt", action="store_true", help="show the full prompt")
    add_decoding(parser)
    add_stated(parser)
    options = parser.parse_args(arguments)
    print(f"loading {options.adapter} …", file=sys.stderr, flush=True)  # the imports alone take seconds

    from rich.console import Console

    from playground.ask.conversation import converse, questions
    from playground.ask.engine import Engine
    from titlecraft.records.third_party import ThirdPartyAdapter
    from titlecraft.rows.index import index_of_rows

    if options.title is not None:
        from playground.ask.question import require_text

        require_text(options.title)  # before a large model is loaded, which takes minutes
    engine = Engine.open(options.adapter, stated_of(options))
    decoding = decoding_of(options, engine.generation)
    training = engine.inputs.training
    if isinstance(training, ThirdPartyAdapter):
        print("\n".join([*training.facts(), training.unknown()]), file=sys.stderr)
    index = index_of_rows(training.dataset, training.row_settings)
    typed = questions(sys.stdin) if options.title is None else [options.title]
    answering = {
        "decoding": decoding,
        "arms": arms_of(options),
        "read_as": options.read_as,
        "grounded": options.grounded,
    }
    return converse(
        engine, index, typed, answering, Console(highlight=False), options.show_prompt, single=options.title is not None
    )
