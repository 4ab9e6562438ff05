"""titlecraft lineage [datasets/]NS/NAME[@REV] [--json] [--out FILE.png]"""

import sys
from pathlib import Path

from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError


def main(arguments: list[str]) -> None:
    """Print the lineage of a dataset or an adapter."""
    parser = VerbParser(
        prog="titlecraft lineage",
        description="Lineage of a repo: source, dataset, adapters, reports and exported models, each at its commit, as recorded "
        "by the repos themselves.",
    )
    parser.add_argument(
        "repo",
        help="adapter or dataset: NAMESPACE/NAME[@REVISION]; with datasets/ in front if a model has the same name",
    )
    parser.add_argument("--json", action="store_true", help="print the graph as JSON instead")
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="also draw the graph into this file")
    options = parser.parse_args(arguments)
    if options.out and options.out.suffix != ".png":
        raise UserError(f"--out {options.out}: expected a name that ends in .png")

    from model_card.lineage.graph import find_lineage
    from model_card.lineage.tree import draw_lineage, tree

    lineage = find_lineage(options.repo)
    if options.json:
        print(lineage.to_json().decode(), end="")
    else:
        from rich.console import Console

        width = None if sys.stdout.isatty() else 200
        Console(width=width, highlight=False).print(tree(lineage))
    if options.out:
        draw_lineage(lineage, options.out)
