"""titlecraft sweep --dataset NS/NAME[@REV] --repo NS/NAME --recipe FILE [--sweep training.learning_rate=1e-4,5e-4]"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from titlecraft.command_line.choose_hub import hub_option
from titlecraft.command_line.jobs.options import add_job_options
from titlecraft.command_line.swept_settings import SweepParser, all_swept
from titlecraft.command_line.verbs.train import OF_OTHER_DATASETS
from titlecraft.errors import UserError
from titlecraft.settings import Recipe


def main(arguments: list[str]) -> int:
    """Choose a recipe among several and print the command that trains it; or, with --dry-run, print the plan."""
    stage = SweepParser(
        "sweep",
        "Choose a recipe by short trainings over one loaded base (successive halving), judged on the validation split. Publishes "
        "nothing. Settings with several values are lists in the recipe file, or given by --sweep.",
        ["base", "lora", "training", "generation", "prompt.format", *OF_OTHER_DATASETS],
    )
    stage.add("--dataset", type=str, help="dataset repo, as for train: NAMESPACE/NAME or NAMESPACE/NAME@REVISION")
    stage.add("--repo", type=str, help="adapter repo that the chosen recipe is for; nothing is published to it yet")
    stage.add(
        "--sweep",
        action="append",
        default=[],
        metavar="SETTING=A,B,C",
        help="a setting and its values, such as training.learning_rate=1e-4,2e-4,5e-4 or lora.r=8,16,64; may be repeated, and every "
        "combination is one recipe",
    )
    stage.add(
        "--out",
        type=Path,
        default=Path("sweep"),
        help="folder for recipe.yaml, sweep.json and the plots (default: sweep)",
    )
    stage.add(
        "--fresh", action="store_true", help="train every recipe again, even if finished runs of the sweep are on disk"
    )
    stage.add("--dry-run", action="store_true", help="print the recipes, steps, time and memory, and do nothing")
    add_job_options(stage)
    recipe, options = stage.parse(arguments)
    for name in ("dataset", "repo"):
        if getattr(options, name) is None:
            raise UserError(
                f"titlecraft sweep: --{name} is missing: expected --dataset NAMESPACE/NAME --repo NAMESPACE/NAME"
            )
    swept = all_swept(stage, options.sweep)
    from training.sweep.combinations import SweepRequest

    asked = SweepRequest(options.dataset, options.repo, recipe, swept, explicit_settings(stage, recipe, swept))
    asked.combinations()
    if options.dry_run:
        from training.sweep.estimate import estimate, show_estimate

        return show_estimate(estimate(asked))
    from training.sweep.files import require_folder, train_command

    require_folder(options.out)
    if options.on:
        from titlecraft.command_line.jobs.requests import sweep_on_hub

        lists = [f"--sweep={key}={json.dumps(values)[1:-1]}" for key, values in swept.items()]
        return sweep_on_hub(recipe, options, lists)
    from training.sweep.run import sweep

    record = sweep(asked, options.out, fresh=options.fresh)
    print(f"recipe to use: {options.out / 'recipe.yaml'}; all figures: {options.out / 'sweep.json'}")
    print(train_command(record, asked.repo, options.out, hub_option()))
    return 0


def explicit_settings(stage: SweepParser, recipe: Recipe, swept: dict[str, list[Any]]) -> dict[str, Any]:
    """Return the settings that the recipe file or an option set, by dotted name, without the swept ones."""
    settings: dict[str, Any] = {
        f"{section}.{name}": value for section, values in asdict(recipe).items() for name, value in values.items()
    }
    given = {key: settings[key] if key in stage.settings else stage.from_file.get(key) for key in sorted(stage.given)}
    return {key: value for key, value in given.items() if key not in swept}
