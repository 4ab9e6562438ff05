"""titlecraft train --dataset NS/NAME[@REV] --repo NS/NAME --recipe tiny"""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveInt

from titlecraft.command_line.recipe_options import StageParser
from titlecraft.errors import UserError
from titlecraft.process import distributed
from titlecraft.records import Pin, TrainingRecord
from titlecraft.settings import Recipe

HERE_ONLY = {"recipe", "hub", "dataset", "repo", "on", "flavor", "timeout", "watch", "dry_run", "json", "push_only"}


def main(arguments: list[str]) -> int:
    """Dataset + base -> adapter repo, with card and record; or, with --dry-run, what that would take."""
    stage = StageParser(
        "train", "Fine-tune a LoRA adapter on a published dataset.", ["base", "lora", "training", "generation"]
    )
    stage.add("--dataset", type=str, help="dataset repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    stage.add("--repo", type=str, help="adapter repo to publish to: NAMESPACE/NAME")
    stage.add("--public", action="store_true", help="make a new repo public (default: private)")
    stage.add(
        "--fresh", action="store_true",
        help="train and publish even if the same was published already, and give up unfinished work",
    )  # fmt: skip
    add_care(stage)
    stage.add("--watch", type=Literal["tensorboard", "trackio", "none"], default="tensorboard",
              help="where the run can be watched while it goes, on this machine: nothing is sent anywhere")  # fmt: skip
    stage.add("--energy", type=str, metavar="COUNTRY",
              help="measure the energy by this machine's meters, with codecarbon; CO2 for the grid of this country, e.g. BRA")  # fmt: skip
    stage.add("--on", type=Literal["hf-jobs"], help="train on a machine of the Hub's instead, and show its output here")
    stage.add("--flavor", type=str, help="with --on hf-jobs: which machine, e.g. a10g-large; it costs money")
    stage.add(
        "--timeout",
        type=str,
        default="24h",
        help="with --on hf-jobs: the Hub ends the job after so long (90m, 24h, 2d)",
    )
    add_collection(stage)
    stage.add("--dry-run", action="store_true", help="say what the run would see, take and owe, and do nothing")
    stage.add("--json", action="store_true", help="with --dry-run: as JSON")
    recipe, asked = stage.parse(arguments)
    require_arguments(asked)
    if asked.dry_run:
        return show_what_it_takes(asked.dataset, asked.repo, recipe, stage.given, asked.json)

    if asked.on:
        from training.jobs.hf_jobs import options_of, run_on_hub

        options = options_of(asked, HERE_ONLY)
        return run_on_hub(asked.dataset, asked.repo, recipe, asked.flavor, asked.timeout, options)

    from model_card.lineage.announce import announce
    from model_card.published import write_picture_and_card

    if asked.push_only:
        from training.publishing.push_only import push_only

        published, record = push_only(
            asked.push_only, asked.repo, private=not asked.public, write_card=write_picture_and_card
        )
        announce(published, collection=not asked.no_collection)
        return show_where(published, record)

    from training.job import RunOptions
    from training.run import follow, train

    distributed.init_process_group()
    if not distributed.is_rank0():
        follow()
        return 0
    options = RunOptions(
        private=not asked.public,
        fresh=asked.fresh,
        resume=asked.resume,
        save_every=asked.save_every,
        push_every=asked.push_checkpoints,
        auto_batch=asked.auto_batch,
        watch=asked.watch,
        country=asked.energy,
    )
    with distributed.rank0_first():
        published, record = train(
            asked.dataset, asked.repo, recipe, options, given=stage.given, write_card=write_picture_and_card
        )
        announce(published, collection=not asked.no_collection)
    return show_where(published, record)


def add_collection(stage: StageParser) -> None:
    """The option of both stages that end with an adapter on the Hub."""
    stage.add(
        "--no-collection", action="store_true",
        help="make no collection on the Hub that ties dataset, adapter and base together",
    )  # fmt: skip


def show_where(published: Pin, record: TrainingRecord) -> int:
    """Print where the adapter is, and what it saw."""
    from titlecraft.hub.pins import address

    print(
        f"adapter {published}: {record.trainable_parameters:,} trained parameters, {record.examples.seen:,} examples seen"
    )
    print(address(published))
    return 0


def add_care(stage: StageParser) -> None:
    """Options that keep a run from being lost; none of them changes what is computed."""
    stage.add(
        "--resume", action="store_true",
        help="go on from the newest checkpoint of the same training, here or on the Hub; without one, from the first step",
    )  # fmt: skip
    stage.add(
        "--save-every", type=NonNegativeInt, metavar="N",
        help="keep a checkpoint in the work folder after every N steps, the newest two of them; 0 keeps none "
        "(default: one about every 10 minutes)",
    )  # fmt: skip
    stage.add(
        "--push-checkpoints", type=PositiveInt, metavar="N",
        help="after every N steps, push a checkpoint to the branch `checkpoints` of --repo, which goes when the adapter is "
        "published; a lost machine then costs about N steps (default: none is pushed)",
    )  # fmt: skip
    stage.add(
        "--push-only", type=Path, metavar="DIR",
        help="publish the finished training in DIR, where its own command could not, and do nothing else",
    )  # fmt: skip
    stage.add(
        "--auto-batch", action="store_true",
        help="where the GPU's memory is full, cut each step smaller, with the same examples in it, and try again",
    )  # fmt: skip


def require_arguments(asked: Namespace) -> None:
    """Raises UserError where an option that is needed is missing, or two contradict each other."""
    missing = [name for name in ("dataset", "repo") if getattr(asked, name) is None]
    if missing and not asked.push_only:
        raise UserError(
            f"titlecraft train: --{missing[0]} is missing: expected --dataset NAMESPACE/NAME --repo NAMESPACE/NAME"
        )
    if asked.resume and asked.fresh:
        raise UserError(
            "titlecraft train: --resume goes on from a checkpoint and --fresh gives it up: take one of them"
        )


def show_what_it_takes(dataset: str, repo: str, recipe: Recipe, given: Collection[str], as_json: bool) -> int:
    """Print the plan of a training; returns 2 where something would stop the run."""
    from training.planning.plan import plan
    from training.planning.plan_table import show_plan

    found = plan(dataset, repo, recipe, given)
    if as_json:
        print(found.to_json().decode(), end="")
    else:
        show_plan(found, recipe.training)
    return 2 if found.problems else 0
