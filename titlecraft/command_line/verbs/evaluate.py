"""titlecraft evaluate --adapter NS/NAME[@REV] --recipe tiny

titlecraft evaluate --compare NS/A NS/B --out compared
"""

from dataclasses import replace
from pathlib import Path

from titlecraft.command_line.jobs.options import add_job_options
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.command_line.verbs.train import add_collection_option
from titlecraft.errors import UserError
from titlecraft.records.repo_files import REPORT_PAGE
from titlecraft.settings import Recipe


def main(arguments: list[str]) -> int | None:
    """Publish a before/after report in an adapter's repo and update its card; or compare two reports. Returns the status of a job."""
    stage = StageParser(
        "evaluate",
        "Measure a base model with and without its adapter on held-out titles.",
        ["evaluation", "generation"],
    )
    stage.add("--adapter", type=str, help="adapter repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    stage.add(
        "--compare",
        nargs="+",
        type=str,
        metavar="REPORT",
        help="compare two evaluated adapters, or the spread between three or more of one recipe with different training seeds, "
        "and publish nothing; each is NAMESPACE/NAME[@REVISION] for its newest report, or NAMESPACE/NAME[@REVISION]:evaluation/ID",
    )
    stage.add(
        "--out", type=str, help="folder for compare.json and compare.html of --compare, or seeds.json and seeds.html"
    )
    stage.add(
        "--also",
        action="append",
        default=[],
        help='a benchmark to add, such as "lighteval|arc:easy|0"; may be repeated',
    )
    stage.add("--fresh", action="store_true", help="evaluate and publish even if the same was published already")
    add_collection_option(stage)
    add_job_options(stage)
    recipe, options = stage.parse(arguments)
    if (options.adapter is None) == (options.compare is None) or (options.out is None) != (options.compare is None):
        raise UserError("evaluate: expected either --adapter REPO, or --compare REPORT_A REPORT_B --out FOLDER")
    if options.compare:
        if options.on:
            raise UserError("evaluate --compare computes nothing that needs another machine: leave out --on hf-jobs")
        if options.recipe or options.also or options.fresh or recipe != Recipe():
            raise UserError(
                "evaluate --compare: the two reports fix their settings; leave out --recipe, --also, --fresh, --evaluation.* and "
                "--generation.*"
            )
        if len(options.compare) == 1:
            raise UserError(
                "evaluate --compare: expected two reports, or three or more of one recipe under different seeds"
            )
        if len(options.compare) > 2:
            compare_several(options.compare, Path(options.out))
            return None
        a, b = options.compare
        compare(a, b, Path(options.out))
    else:
        settings = replace(recipe.evaluation, benchmarks=[*recipe.evaluation.benchmarks, *options.also])
        recipe = replace(recipe, evaluation=settings)
        if options.on:
            from titlecraft.command_line.jobs.requests import evaluate_on_hub

            return evaluate_on_hub(recipe, options)
        measure(options.adapter, recipe, options.fresh, not options.no_collection)
    return None


def measure(adapter: str, recipe: Recipe, fresh: bool, collection: bool) -> None:
    """Publish the report of an adapter and print it."""
    from evaluation.report.write import print_table
    from evaluation.run import evaluate
    from model_card.hub_results import publish_hub_results, words
    from model_card.lineage.announce import announce
    from model_card.published import write_picture_and_card
    from titlecraft.command_line.page_link import page_link

    published, record = evaluate(adapter, recipe, fresh=fresh, write_card=write_picture_and_card)
    print_table(record)
    if lines := words(record):
        published = publish_hub_results(published)
        print("\n".join(lines))
    announce(published, collection=collection)
    print(f"report in {published}\n{page_link(published, f'evaluation/{record.id}/{REPORT_PAGE}')}")


def compare(a: str, b: str, out: Path) -> None:
    """Write the comparison of two reports to a folder and print it."""
    from evaluation.report.write import print_table
    from evaluation.side_by_side.published import HTML, JSON, compare_published

    record = compare_published(a, b, out)
    print(f"A: {record.a.adapter}, report {record.a.report_id}\nB: {record.b.adapter}, report {record.b.report_id}")
    print_table(record)
    print(f"comparison in {out / JSON} and {out / HTML}")


def compare_several(references: list[str], out: Path) -> None:
    """Write the spread between training seeds to a folder and print it."""
    from evaluation.side_by_side.published_seeds import compare_published_seeds
    from evaluation.side_by_side.seeds import JSON, print_seeds
    from evaluation.side_by_side.seeds_page import HTML

    print_seeds(compare_published_seeds(references, out))
    print(f"spread between seeds in {out / JSON} and {out / HTML}")
