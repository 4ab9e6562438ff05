"""titlecraft verify NS/NAME[@REV] [--level card|scores|predictions|data] [--source trn.json.gz]"""

import sys
from pathlib import Path

from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError

STATUSES = (
    "exit status: 0 everything that was looked at holds; 1 something does not hold; 2 the command line is wrong; 3 something "
    "could not be looked at (a repo that is private, gated, deleted or out of reach, a level that it does not allow, another "
    "device). What a person added to a card or a repo is listed as not looked at and decides nothing, but where it imitates "
    "what titlecraft writes it does not hold."
)


def main(arguments: list[str]) -> int:
    """Derive every published number again, print a line for each claim; 0 only if everything holds, see STATUS."""
    parser = VerbParser(
        prog="titlecraft verify",
        description="Derive every number that a published repo shows again.",
        epilog=STATUSES,
    )
    parser.add_argument("repo", help="NAMESPACE/NAME[@REVISION], or datasets/NAMESPACE/NAME[@REVISION] for a dataset")
    parser.add_argument(
        "--level", choices=["card", "scores", "predictions", "data"], default="card",
        help="card: card, pins, files and the records' arithmetic (default); scores: also every measure, from the published "
        "texts; predictions: also the texts, from the pinned model; data: the dataset rebuilt from --source",
    )  # fmt: skip
    parser.add_argument("--source", nargs="+", default=[], metavar="FILE", help="the catalogue, for --level data")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON too")
    parser.add_argument("--badge", type=Path, metavar="FILE.svg", help="write a badge too")
    parser.add_argument(
        "--brief", action="store_true", help="print the verdict and what does not hold, not every claim"
    )
    asked = parser.parse_args(arguments)
    if (asked.level == "data") != bool(asked.source):
        raise UserError(
            "titlecraft verify: --level data and --source FILE go together: the catalogue is not on the Hub"
        )

    from titlecraft.hub.pins import split_revision

    split_revision(asked.repo.removeprefix("datasets/"))
    if asked.source:
        from dataset_builder.source.catalogue import find_files

        find_files(asked.source)

    from model_card.verification.badge import badge
    from model_card.verification.lines.line import EXIT_STATUS
    from model_card.verification.lines.one_line import escape_unprintable
    from model_card.verification.printing import print_verification
    from model_card.verification.run import verify

    try:
        found = verify(asked.repo, asked.level, asked.source)
    except UserError as error:  # the repo or the Hub is out of reach: no verdict about any claim
        print(f"error: could not be looked at: {escape_unprintable(str(error))}", file=sys.stderr)
        return EXIT_STATUS["could not be looked at"]
    print_verification(found, asked.brief)
    if asked.json:
        asked.json.write_bytes(found.to_json())
    if asked.badge:
        asked.badge.write_text(badge(found), encoding="utf-8")
    return EXIT_STATUS[found.verdict]
