"""titlecraft ask "TITLE" --adapter NS/NAME[@REV]"""

import sys

from titlecraft.command_line.verb_parser import VerbParser


def main(arguments: list[str]) -> int:
    """Answer one title or question, or one after another until the end of the input."""
    from playground.ask.options import add_decoding, arms_of, decoding_of

    parser = VerbParser(
        prog="titlecraft ask",
        description="Ask a published adapter, its base, or both; with the rows of its dataset that the answer could rest on. "
        "Without TITLE it asks for one after another; Ctrl-D ends it.",
    )  # fmt: skip
    parser.add_argument("title", nargs="?", metavar="TITLE", help="a product's title, or a whole question")
    parser.add_argument("--adapter", required=True, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--both", action="store_true", help="the base's answer beside the tuned one, from one loaded model"
    )
    which.add_argument("--base-only", action="store_true", help="the base's answer alone, the adapter switched off")
    parser.add_argument(
        "--read-as", choices=["auto", "title", "question"], default="auto",
        help="a title goes into the dataset's question; a question is asked as it is (default: by a rule that is stated)",
    )  # fmt: skip
    parser.add_argument("--grounded", action="store_true", help="put the rows that were found into the prompt")
    parser.add_argument("--show-prompt", action="store_true", help="show the prompt that was really sent")
    add_decoding(parser)
    asked = parser.parse_args(arguments)

    from rich.console import Console

    from playground.ask.conversation import converse, questions
    from playground.ask.engine import Engine
    from titlecraft.search.row_index import open_row_index

    if asked.title is not None:
        from playground.ask.question import require_text

        require_text(asked.title)  # before the minutes that a large model takes to load
    engine = Engine.open(asked.adapter)
    decoding = decoding_of(asked, engine.generation)
    index = open_row_index(engine.inputs.training.dataset)
    typed = questions(sys.stdin) if asked.title is None else [asked.title]
    options = {"decoding": decoding, "arms": arms_of(asked), "read_as": asked.read_as, "grounded": asked.grounded}
    return converse(
        engine, index, typed, options, Console(highlight=False), asked.show_prompt, one=asked.title is not None
    )
