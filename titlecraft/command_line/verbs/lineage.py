"""titlecraft lineage [datasets/]NS/NAME[@REV] [--json] [--out FILE.png]"""

import sys
from pathlib import Path

from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError


def main(arguments: list[str]) -> None:
    """Print what was made from what, around a dataset or an adapter."""
    parser = VerbParser(
        prog="titlecraft lineage",
        description="What was made from what: source, dataset, adapters, reports and exported models, each at its commit, as "
        "their own records say.",
    )  # fmt: skip
    parser.add_argument(
        "repo",
        help="adapter or dataset: NAMESPACE/NAME[@REVISION]; with datasets/ in front where a model has the same name",
    )
    parser.add_argument("--json", action="store_true", help="print the graph as JSON instead")
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="draw the graph too, into this file")
    asked = parser.parse_args(arguments)
    if asked.out and asked.out.suffix != ".png":
        raise UserError(f"--out {asked.out}: expected a name that ends in .png")

    from model_card.lineage.graph import find_lineage
    from model_card.lineage.tree import draw_lineage, tree

    found = find_lineage(asked.repo)
    if asked.json:
        print(found.to_json().decode(), end="")
    else:
        from rich.console import Console

        wide = None if sys.stdout.isatty() else 200
        Console(width=wide, highlight=False).print(tree(found))
    if asked.out:
        draw_lineage(found, asked.out)
