"""titlecraft evaluate --adapter NS/NAME[@REV] --recipe tiny

titlecraft evaluate --compare NS/A NS/B --out compared
"""

from dataclasses import replace
from pathlib import Path

from titlecraft.command_line.recipe_options import StageParser
from titlecraft.command_line.verbs.train import add_collection
from titlecraft.errors import UserError
from titlecraft.records.repo_files import REPORT_PAGE
from titlecraft.settings import Recipe


def main(arguments: list[str]) -> None:
    """Adapter repo -> before/after report beside it, and its card brought up to date; or two reports -> a comparison."""
    stage = StageParser("evaluate", "Measure before and after on held-out titles.", ["evaluation", "generation"])
    stage.add("--adapter", type=str, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    stage.add(
        "--compare", nargs=2, type=str, metavar=("REPORT_A", "REPORT_B"),
        help="set two evaluated adapters side by side, and publish nothing; each is NAMESPACE/NAME[@REVISION] for its newest "
        "report, or NAMESPACE/NAME[@REVISION]:evaluation/ID",
    )  # fmt: skip
    stage.add("--out", type=str, help="folder for compare.json and compare.html of --compare")
    stage.add(
        "--also",
        action="append",
        default=[],
        help='a benchmark to add, such as "lighteval|arc:easy|0"; may be repeated',
    )
    stage.add("--fresh", action="store_true", help="evaluate all and publish, whatever is done already")
    add_collection(stage)
    recipe, asked = stage.parse(arguments)
    if (asked.adapter is None) == (asked.compare is None) or (asked.out is None) != (asked.compare is None):
        raise UserError("evaluate: expected either --adapter REPO, or --compare REPORT_A REPORT_B --out FOLDER")
    if asked.compare:
        if asked.recipe or asked.also or asked.fresh or recipe != Recipe():
            raise UserError(
                "evaluate --compare: the two reports fix their settings; leave out --recipe, --also, --fresh, --evaluation.* and "
                "--generation.*"
            )
        a, b = asked.compare
        compare(a, b, Path(asked.out))
    else:
        settings = replace(recipe.evaluation, benchmarks=[*recipe.evaluation.benchmarks, *asked.also])
        measure(asked.adapter, replace(recipe, evaluation=settings), asked.fresh, not asked.no_collection)


def measure(adapter: str, recipe: Recipe, fresh: bool, collection: bool) -> None:
    """Publish the report of an adapter, and print it."""
    from evaluation.report.write import print_table
    from evaluation.run import evaluate
    from model_card.lineage.announce import announce
    from model_card.published import write_picture_and_card
    from titlecraft.hub.pins import address

    published, record = evaluate(adapter, recipe, fresh=fresh, write_card=write_picture_and_card)
    print_table(record)
    announce(published, collection=collection)
    print(f"report in {published}\n{address(published, f'evaluation/{record.id}/{REPORT_PAGE}')}")


def compare(a: str, b: str, out: Path) -> None:
    """Write the comparison of two reports to a folder, and print it."""
    from evaluation.report.write import print_table
    from evaluation.side_by_side.published import HTML, JSON, compare_published

    record = compare_published(a, b, out)
    print(f"A: {record.a.adapter}, report {record.a.report_id}\nB: {record.b.adapter}, report {record.b.report_id}")
    print_table(record)
    print(f"comparison in {out / JSON} and {out / HTML}")
