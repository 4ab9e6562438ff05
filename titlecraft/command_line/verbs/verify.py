"""titlecraft verify NS/NAME[@REV] [--level card|scores|predictions|data|training] [--source trn.json.gz]"""

import sys
from pathlib import Path
from typing import Any

from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError

STATUSES = (
    "exit status: 0 everything that was looked at holds; 1 something does not hold; 2 the command line is wrong; 3 something "
    "could not be looked at (a private, gated, deleted or unreachable repo, a level that it does not allow, another "
    "device). Additions by people to a card or a repo are listed as not looked at and do not change the status, unless they "
    "imitate what titlecraft writes: then they do not hold."
)


def export_lines(state: Any) -> list[Any]:
    """The lines about an exported model or a Space; only a repo of one imports what its card needs."""
    if state.pin.type == "space":
        from playground.space.verification import verify_space

        return verify_space(state)
    from playground.export.verification import verify_export

    return verify_export(state)


def main(arguments: list[str]) -> int:
    """Derive every published number again and print a line for each claim; the exit statuses are STATUSES."""
    parser = VerbParser(
        prog="titlecraft verify",
        description="Derive every number that a published repo shows again.",
        epilog=STATUSES,
    )
    parser.add_argument(
        "repo",
        help="NAMESPACE/NAME[@REVISION], datasets/NAMESPACE/NAME[@REVISION] for a dataset, or spaces/NAMESPACE/NAME[@REVISION]",
    )
    parser.add_argument(
        "--level",
        choices=["card", "scores", "predictions", "data", "training"],
        default="card",
        help="card: card, pins, files and the records' arithmetic (default); scores: also every measure, from the published "
        "texts; predictions: also the texts, from the pinned model; data: the dataset rebuilt from --source; training: the adapter trained again",
    )
    parser.add_argument("--source", nargs="+", default=[], metavar="FILE", help="the catalogue, for --level data")
    parser.add_argument(
        "--hours",
        type=float,
        metavar="N",
        help="the most that --level training may take, by an estimate (default: 0.5); a longer training is not begun",
    )
    parser.add_argument(
        "--signed-by",
        type=Path,
        metavar="FILE",
        help="also check model.sig: PEM with the signer's public key, or the root certificate. Needs titlecraft[sign]",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result as JSON")
    parser.add_argument("--badge", type=Path, metavar="FILE.svg", help="also write a badge")
    parser.add_argument(
        "--brief",
        action="store_true",
        help="print only the verdict and the claims that do not hold (the default in a terminal)",
    )
    parser.add_argument(
        "--full", action="store_true", help="print a line for every claim (the default in a pipe or a file)"
    )
    options = parser.parse_args(arguments)
    if options.brief and options.full:
        raise UserError("titlecraft verify: --brief and --full exclude each other: give one of them")
    if (options.level == "data") != bool(options.source):
        raise UserError(
            "titlecraft verify: --level data and --source FILE go together: the catalogue is not on the Hub"
        )

    if options.hours is not None and (options.level != "training" or not 0 < options.hours < 1e6):
        raise UserError("titlecraft verify: --hours is a positive number of hours, for --level training")

    from titlecraft.hub.pins import split_revision

    if options.signed_by:
        from titlecraft.hub.signing import library, require_pem

        library()
        require_pem(options.signed_by)

    split_revision(options.repo.removeprefix("datasets/").removeprefix("spaces/"))
    if options.source:
        from dataset_builder.source.files.hub_datasets import pinned_sources
        from dataset_builder.source.find_files import find_files

        options.source = pinned_sources(options.source, None, None)
        find_files(options.source)

    from model_card.verification.badge import badge
    from model_card.verification.lines.line import EXIT_STATUS
    from model_card.verification.lines.one_line import escape_unprintable
    from model_card.verification.printing import print_verification
    from model_card.verification.run import verify

    try:
        verification = verify(
            options.repo,
            options.level,
            options.source,
            verify_export=export_lines,
            hours=options.hours,
            signed_by=options.signed_by,
        )
    except UserError as error:  # the repo or the Hub is unreachable: no verdict about any claim
        print(f"error: could not be looked at: {escape_unprintable(str(error))}", file=sys.stderr)
        return EXIT_STATUS["could not be looked at"]
    print_verification(verification, options.brief or (sys.stdout.isatty() and not options.full))
    if options.json:
        options.json.write_bytes(verification.to_json())
    if options.badge:
        options.badge.write_text(badge(verification), encoding="utf-8")
    return EXIT_STATUS[verification.verdict]
