"""titlecraft evaluate --adapter NS/NAME[@REV] --recipe tiny

titlecraft evaluate --compare NS/A NS/B --out compared
titlecraft evaluate --adapter NS/X --dataset NS/Y --out report
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from titlecraft.command_line.jobs.options import add_job_options
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.command_line.third_party_options import BASE, DATASET, SETTINGS, stated_with
from titlecraft.command_line.verbs.train import add_collection_option
from titlecraft.errors import UserError
from titlecraft.records.repo_files import REPORT_PAGE
from titlecraft.settings import Recipe


def main(arguments: list[str]) -> int | None:
    """Publish a before/after report in an adapter's repo and update its card; or compare two reports. Returns the status of a job."""
    stage = StageParser(
        "evaluate",
        "Measure a base model with and without its adapter on held-out titles.",
        ["evaluation", "generation", *SETTINGS],
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
        "--out",
        type=str,
        help="folder for compare.json and compare.html of --compare, or seeds.json and seeds.html; with --dataset, for the report",
    )
    stage.add("--dataset", type=str, help=DATASET)
    stage.add("--base-model", type=str, help=f"{BASE}; --base is the same option")
    stage.add(
        "--pull-request",
        action="store_true",
        help="with --dataset: open a pull request in the adapter's repo with the report, `.eval_results` and the card's model-index",
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
    recipe, options = stage.parse(
        [
            argument.replace("--base", "--base-model", 1) if argument.partition("=")[0] == "--base" else argument
            for argument in arguments
        ]
    )
    if options.dataset or options.base_model or options.pull_request:
        measure_third_party(options, recipe)
        return None
    if (options.adapter is None) == (options.compare is None) or (options.out is None) != (options.compare is None):
        raise UserError(
            "evaluate: expected either --adapter REPO, or --compare REPORT_A REPORT_B --out FOLDER, or for an adapter without a "
            "training record --adapter REPO --dataset REPO with --out FOLDER or --pull-request"
        )
    if unused := sorted(stage.by_option & {*SETTINGS}):
        raise UserError(
            f"evaluate: --{unused[0]} is for an adapter without a training record, whose --dataset you name; the record of your "
            "adapter says it"
        )
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
        recipe = with_benchmarks(recipe, options.also)
        if options.on:
            from titlecraft.command_line.jobs.requests import evaluate_on_hub

            return evaluate_on_hub(recipe, options)
        measure(options.adapter, recipe, options.fresh, not options.no_collection)
    return None


def with_benchmarks(recipe: Recipe, also: list[str]) -> Recipe:
    """Return the recipe with further benchmarks."""
    settings = replace(recipe.evaluation, benchmarks=[*recipe.evaluation.benchmarks, *also])
    return replace(recipe, evaluation=settings)


def measure_third_party(options: Any, recipe: Recipe) -> None:
    """Write or propose the report of an adapter without a training record, and print it. Raises UserError."""
    if not options.adapter or not options.dataset or options.compare or bool(options.out) == options.pull_request:
        raise UserError(
            "evaluate: for an adapter without a training record, expected --adapter REPO --dataset REPO [--base REPO] with "
            "either --out FOLDER or --pull-request"
        )
    if options.on:
        raise UserError("evaluate --dataset runs on this machine: leave out --on hf-jobs")
    from evaluation.report.write import print_table
    from evaluation.third_party import evaluate_to_folder, propose
    from model_card.third_party_results import write_results

    recipe, stated = with_benchmarks(recipe, options.also), stated_with(options.dataset, options.base_model, recipe)
    if options.pull_request:
        target, record = propose(options.adapter, stated, recipe, fresh=options.fresh, write_results=write_results)
    else:
        target = options.out
        record = evaluate_to_folder(options.adapter, stated, recipe, Path(target), fresh=options.fresh)
    print_table(record)
    print(f"report in {target}")


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
