"""titlecraft judge --adapter NS/NAME[@REV] --judge URL --out FOLDER; or --people

A verb and not an option of `evaluate`: it reads what a report has published, trains and publishes nothing, and sends texts to others.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError

if TYPE_CHECKING:
    from evaluation.preference.pairs import Pairs

LOOPBACK = "127.0.0.1"


def main(arguments: list[str]) -> int:
    """Judge the texts of a published report; writes preference.json and preference.html. Raises UserError."""
    parser = VerbParser(
        prog="titlecraft judge",
        description="Which text is better? Blind pairwise preference over the answers of a published report, before against after, by "
        "a language model or by people. Publishes nothing; sends texts nowhere but to --judge.",
    )
    parser.add_argument("--adapter", required=True, help="adapter repo with a report: NAMESPACE/NAME[@REVISION]")
    parser.add_argument("--report", metavar="ID", help="one of its reports (default: the newest)")
    parser.add_argument(
        "--against",
        metavar="ADAPTER",
        help="compare with the tuned answers of this adapter's report (default: with the base)",
    )
    parser.add_argument(
        "--titles", type=int, metavar="N", help="judge the first N titles of the random sample (default: all)"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for preference.json, preference.html and the judge's answers"
    )
    parser.add_argument(
        "--judge",
        metavar="URL",
        help="address of an OpenAI-compatible endpoint, such as http://localhost:8000/v1, with its key in the environment variable "
        "JUDGE_API_KEY; or NAMESPACE/NAME, a model of the Hub through its inference providers",
    )
    parser.add_argument("--judge-model", metavar="NAME", help="the model at this address (default: its only one)")
    parser.add_argument(
        "--people",
        action="store_true",
        help="serve a page on which people vote with the keys 1, 2 and 0; Ctrl-C ends, and the same command goes on with the votes",
    )
    parser.add_argument("--host", default=LOOPBACK, help="address of the page (default: this machine only)")
    parser.add_argument("--port", type=int, default=7861, help="default: 7861; 0 takes any free one")
    options = parser.parse_args(arguments)
    if options.people == (options.judge is not None):
        raise UserError(
            "judge: expected --judge URL, a model to ask, or --people, a page of votes; nothing is sent anywhere without --judge"
        )
    if options.people and options.judge_model:
        raise UserError("judge --people: --judge-model is for --judge URL; leave it out")
    if options.titles is not None and options.titles < 1:
        raise UserError(f"judge --titles {options.titles}: expected 1 or more")

    from evaluation.preference.pairs import read_pairs_of

    pairs = read_pairs_of(options.adapter, options.report, options.against, options.titles)
    if options.people:
        from playground.votes.serve import serve_votes

        serve_votes(pairs, options.out, options.host, options.port)
        return 0
    ask_judge(pairs, options.judge, options.judge_model, options.out)
    return 0


def ask_judge(pairs: "Pairs", judge: str, model: str | None, out: Path) -> None:
    """Ask the judge, write both files and print the result."""
    from evaluation.preference.endpoint import Endpoint
    from evaluation.preference.judged import judge_pairs
    from evaluation.preference.show import HTML, JSON, print_preference, write_preference

    endpoint = Endpoint.open(judge, model)
    differ = sum(not pair.identical for pair in pairs.pairs)
    print(
        f"sends {differ:,} titles with both texts of {pairs.report} to {endpoint.url} ({endpoint.kind}), model {endpoint.model}: "
        f"{2 * differ:,} requests",
        file=sys.stderr,
        flush=True,
    )
    out.mkdir(parents=True, exist_ok=True)
    record = judge_pairs(pairs, endpoint, out / "judge_answers.jsonl")
    write_preference(record, pairs, out)
    print_preference(record)
    print(f"preference in {out / JSON} and {out / HTML}")
