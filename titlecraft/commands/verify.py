"""titlecraft verify NS/NAME[@REV] [--level card|scores|predictions|data] [--source trn.json.gz]"""

from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.verb_parser import VerbParser


def main(arguments: list[str]) -> int:
    """Derive every published number again, print a line for each claim; 0 only if everything holds."""
    parser = VerbParser(
        prog="titlecraft verify",
        description="Derive every number that a published repo shows again.",
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

    from model_card.badge import badge
    from model_card.verification import print_verification
    from model_card.verify import verify

    found = verify(asked.repo, asked.level, asked.source)
    print_verification(found, asked.brief)
    if asked.json:
        asked.json.write_bytes(found.to_json())
    if asked.badge:
        asked.badge.write_text(badge(found), encoding="utf-8")
    return 0 if found.holds() else 1
