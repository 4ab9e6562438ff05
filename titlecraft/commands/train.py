"""titlecraft train --dataset NS/NAME[@REV] --repo NS/NAME --recipe tiny"""

from typing import Literal

from titlecraft import ranks
from titlecraft.arguments import StageParser
from titlecraft.settings import Recipe

HERE_ONLY = {"recipe", "hub", "dataset", "repo", "on", "flavor", "timeout", "watch", "dry_run", "json"}


def main(arguments: list[str]) -> int:
    """Dataset + base -> adapter repo, with card and record; or, with --dry-run, what that would take."""
    stage = StageParser(
        "train", "Fine-tune a LoRA adapter on a published dataset.", ["base", "lora", "training", "generation"]
    )
    stage.add("--dataset", type=str, required=True, help="dataset repo: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    stage.add("--repo", type=str, required=True, help="adapter repo to publish to: NAMESPACE/NAME")
    stage.add("--public", action="store_true", help="make a new repo public (default: private)")
    stage.add("--fresh", action="store_true", help="train and publish even if the same was published already")
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
    stage.add("--dry-run", action="store_true", help="say what the run would see, take and owe, and do nothing")
    stage.add("--json", action="store_true", help="with --dry-run: as JSON")
    recipe, asked = stage.parse(arguments)
    if asked.dry_run:
        return show_what_it_takes(asked.dataset, asked.repo, recipe, asked.json)

    if asked.on:
        from training.hf_jobs import options_of, run_on_hub

        options = options_of(asked, HERE_ONLY)
        return run_on_hub(asked.dataset, asked.repo, recipe, asked.flavor, asked.timeout, options)

    from model_card.build import write_card
    from titlecraft.hub import address
    from training.run import follow, train

    ranks.gather()
    if not ranks.is_first():
        follow()
        return 0
    with ranks.leading():
        published, record = train(
            asked.dataset, asked.repo, recipe, private=not asked.public, fresh=asked.fresh, watch=asked.watch,
            country=asked.energy, write_card=write_card,
        )  # fmt: skip
    print(
        f"adapter {published}: {record.trainable_parameters:,} trained parameters, {record.examples.seen:,} examples seen"
    )
    print(address(published))
    return 0


def show_what_it_takes(dataset: str, repo: str, recipe: Recipe, as_json: bool) -> int:
    """Print the plan of a training; returns 2 where something would stop the run."""
    from training.plan import plan
    from training.plan_table import show_plan

    found = plan(dataset, repo, recipe)
    if as_json:
        print(found.to_json().decode(), end="")
    else:
        show_plan(found, recipe.training)
    return 2 if found.problems else 0
