"""titlecraft train --dataset NS/NAME[@REV] --repo NS/NAME --recipe tiny"""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveInt

from titlecraft.command_line.chosen_recipe import still_chosen
from titlecraft.command_line.jobs.options import add_job_options
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.errors import UserError
from titlecraft.process import distributed
from titlecraft.records import Pin, TrainingRecord
from titlecraft.settings import Recipe

OF_OTHER_DATASETS = (
    "prompt.product_word",
    "prompt.instruction",
    "prompt.question",
    "data.title_column",
    "data.content_column",
    "data.validation_share",
    "data.test_share",
    "data.seed",
)
"""Settings of `build` that a training reads for a dataset that `titlecraft build` did not publish."""


def main(arguments: list[str]) -> int:
    """Train an adapter and publish it with card and record; or, with --dry-run, print the plan."""
    stage = StageParser(
        "train",
        "Fine-tune a LoRA adapter on a published dataset.",
        ["base", "lora", "training", "generation", "prompt.format", *OF_OTHER_DATASETS],
    )
    stage.add(
        "--dataset",
        type=str,
        help="dataset repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION; one of `titlecraft build`, or any other with the columns of "
        "Alpaca, prompt and completion, messages, or --data.title_column and --data.content_column",
    )
    stage.add("--repo", type=str, help="adapter repo to publish to: NAMESPACE/NAME")
    stage.add("--public", action="store_true", help="make a new repo public (default: private)")
    stage.add(
        "--fresh",
        action="store_true",
        help="train and publish even if the same was published already, and discard checkpoints",
    )
    add_checkpoint_options(stage)
    stage.add(
        "--watch",
        type=Literal["tensorboard", "trackio", "none"],
        default="tensorboard",
        help="tracker that shows the run on this machine; nothing is sent anywhere",
    )
    stage.add(
        "--publish-metrics",
        action="store_true",
        help="publish the metrics of this run: of trackio as a public static Space REPO-metrics, of TensorBoard as event files in "
        "--repo (default: they stay on this machine)",
    )
    stage.add(
        "--energy",
        type=str,
        metavar="COUNTRY",
        help="measure energy with codecarbon; the CO2 is that of this country's grid, e.g. BRA",
    )
    add_job_options(stage)
    add_collection_option(stage)
    stage.add(
        "--dry-run", action="store_true", help="print the plan of the run (data, time, memory, licence), and do nothing"
    )
    stage.add("--json", action="store_true", help="with --dry-run: print JSON")
    recipe, options = stage.parse(arguments)
    require_arguments(options)
    chosen = still_chosen(stage.chosen, recipe)
    if options.dry_run:
        return print_plan(options.dataset, options.repo, recipe, stage.given, options.json)

    if options.on:
        from titlecraft.command_line.jobs.requests import train_on_hub

        return train_on_hub(recipe, options, chosen)

    from model_card.lineage.announce import announce
    from model_card.published import write_picture_and_card

    if options.push_only:
        from training.publishing.push_only import push_only

        published, record = push_only(
            options.push_only, options.repo, private=not options.public, write_card=write_picture_and_card
        )
        announce(published, collection=not options.no_collection)
        return print_published(published, record)

    from training.job import RunOptions
    from training.run import follow, train

    distributed.init_process_group()
    if not distributed.is_rank0():
        follow()
        return 0
    run_options = RunOptions(
        private=not options.public,
        fresh=options.fresh,
        resume=options.resume,
        save_every=options.save_every,
        push_every=options.push_checkpoints,
        auto_batch=options.auto_batch,
        watch=options.watch,
        publish_metrics=options.publish_metrics,
        country=options.energy,
        chosen=chosen,
    )
    with distributed.rank0_first():
        published, record = train(
            options.dataset, options.repo, recipe, run_options, given=stage.given, write_card=write_picture_and_card
        )
        announce(published, collection=not options.no_collection)
    return print_published(published, record)


def add_collection_option(stage: StageParser) -> None:
    """Add --no-collection, an option of train and evaluate."""
    stage.add(
        "--no-collection",
        action="store_true",
        help="make no collection of dataset, adapter and base on the Hub",
    )


def print_published(published: Pin, record: TrainingRecord) -> int:
    """Print the address of an adapter and the size of its training; returns the exit status."""
    from titlecraft.command_line.page_link import page_link

    print(
        f"adapter {published}: {record.trainable_parameters:,} trained parameters, {record.examples.seen:,} examples seen"
    )
    print(page_link(published))
    return 0


def add_checkpoint_options(stage: StageParser) -> None:
    """Add the options for checkpoints and recovery; none of them changes what is computed."""
    stage.add(
        "--resume",
        action="store_true",
        help="continue from the newest checkpoint of the same training, local or on the Hub; without one, from the first step",
    )
    stage.add(
        "--save-every",
        type=NonNegativeInt,
        metavar="N",
        help="save a checkpoint in the work folder every N steps, and keep the newest two; 0 saves none "
        "(default: about every 10 minutes)",
    )
    stage.add(
        "--push-checkpoints",
        type=PositiveInt,
        metavar="N",
        help="every N steps, push a checkpoint to the branch `checkpoints` of --repo, which is deleted when the adapter is "
        "published; a lost machine then costs about N steps (default: no pushes)",
    )
    stage.add(
        "--push-only",
        type=Path,
        metavar="DIR",
        help="publish the finished training in DIR that could not be published, and do nothing else",
    )
    stage.add(
        "--auto-batch",
        action="store_true",
        help="if the GPU runs out of memory, try again with smaller batches and as many examples per step",
    )


def require_arguments(options: Namespace) -> None:
    """Raise UserError if a required option is missing or two contradict each other."""
    missing = [name for name in ("dataset", "repo") if getattr(options, name) is None]
    if missing and not options.push_only:
        raise UserError(
            f"titlecraft train: --{missing[0]} is missing: expected --dataset NAMESPACE/NAME --repo NAMESPACE/NAME"
        )
    if options.resume and options.fresh:
        raise UserError(
            "titlecraft train: --resume goes on from a checkpoint and --fresh gives it up: take one of them"
        )


def print_plan(dataset: str, repo: str, recipe: Recipe, given: Collection[str], as_json: bool) -> int:
    """Print the plan of a training; returns 2 if a problem would stop the run."""
    from training.planning.plan import plan
    from training.planning.plan_table import show_plan

    training_plan = plan(dataset, repo, recipe, given)
    if as_json:
        print(training_plan.to_json().decode(), end="")
    else:
        show_plan(training_plan, recipe.training)
    return 2 if training_plan.problems else 0
