"""Builds and checks the job of each verb. What would make the job fail is checked before it is submitted."""

from dataclasses import replace
from typing import Any

from titlecraft.command_line.jobs.machines import describe, find_machine, gpus_of, require_time
from titlecraft.command_line.jobs.submit import Request, options_of, run_on_hub
from titlecraft.errors import UserError
from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.licence import licence_of, require_name
from titlecraft.hub.pins import pin, require_write
from titlecraft.records import Chosen
from titlecraft.settings import Recipe

TRAINED_WITH = ("data", "prompt", "base", "lora", "training", "generation")
HERE_ONLY = {"recipe", "hub", "on", "flavor", "timeout"}
DATASETS, ON_THE_WEB = "datasets/", ("http://", "https://")


def train_on_hub(recipe: Recipe, options: Any, chosen: Chosen | None = None) -> int:
    """Run `titlecraft train` in a job, one process for each GPU. `chosen` is the sweep that chose the recipe."""
    from training.model.backend import processes_fault

    require_time(options.timeout)
    require_write(options.repo)
    machine = find_machine(options.flavor)
    if fault := processes_fault(recipe.training, gpus_of(machine), recipe.lora):
        raise UserError(f"--flavor {describe(machine)}: {fault}")
    data, recipe = pinned(options.dataset, options.repo, recipe)
    left_out = HERE_ONLY | {"dataset", "repo", "watch", "dry_run", "json", "push_only"}
    watch = options.watch if options.publish_metrics else "none"  # a job's disk is gone after it
    request = Request(
        verb="train",
        stage="training",
        repo=options.repo,
        recipe=recipe,
        sections=TRAINED_WITH,
        options=[f"--dataset={data}", f"--repo={options.repo}", f"--watch={watch}", *options_of(options, left_out)],
        extras=",".join(["gpu", *["energy"] * bool(options.energy), *["watch"] * options.publish_metrics]),
        processes=gpus_of(machine),
        chosen=chosen,
    )
    return run_on_hub(request, machine, options.timeout)


def sweep_on_hub(recipe: Recipe, options: Any, swept: list[str]) -> int:
    """Run `titlecraft sweep` in a job; its files are copied to the folder of --out.

    Args:
        swept: `--sweep` options for all settings with several values, including those of the recipe file.
    """
    require_time(options.timeout)
    machine = find_machine(options.flavor)
    data, recipe = pinned(options.dataset, options.repo, recipe)
    left_out = HERE_ONLY | {"dataset", "repo", "out", "sweep", "dry_run"}
    request = Request(
        verb="sweep",
        stage="sweep",
        repo=options.repo,
        recipe=recipe,
        sections=TRAINED_WITH,
        options=[f"--dataset={data}", f"--repo={options.repo}", *swept, *options_of(options, left_out)],
        results=options.out,
    )
    return run_on_hub(request, machine, options.timeout)


def evaluate_on_hub(recipe: Recipe, options: Any) -> int:
    """Run `titlecraft evaluate` in a job, on one GPU."""
    require_time(options.timeout)
    adapter = pin(options.adapter, "model")
    require_write(adapter.repo)
    machine = find_machine(options.flavor)
    request = Request(
        verb="evaluate",
        stage="evaluation",
        repo=adapter.repo,
        recipe=recipe,
        sections=("evaluation", "generation"),
        options=[f"--adapter={adapter.repo}@{adapter.revision}", *options_of(options, HERE_ONLY | {"adapter", "also"})],
    )
    return run_on_hub(request, machine, options.timeout)


def build_on_hub(recipe: Recipe, options: Any) -> int:
    """Run `titlecraft build` in a job, from a dataset of the Hub or from addresses on the web."""
    require_time(options.timeout)
    if options.preview is not None:
        raise UserError("build --preview shows rows on this machine: leave out --on hf-jobs")
    if options.repo is None:
        raise UserError("titlecraft build: --repo is required: --repo NAMESPACE/NAME")
    sources = [source_of(source) for source in options.source]
    require_write(options.repo)
    machine = find_machine(options.flavor)
    request = Request(
        verb="build",
        stage="dataset_builder",
        repo=options.repo,
        recipe=recipe,
        sections=("data", "prompt"),
        options=[
            *sources,
            f"--repo={options.repo}",
            *options_of(options, HERE_ONLY | {"source", "repo", "quarantine"}),
        ],
        extras="ray" if options.engine == "ray" else "",
    )
    return run_on_hub(request, machine, options.timeout)


def source_of(source: str) -> str:
    """The source for a job: a dataset at its commit, or an address on the web. Raises UserError for a local file."""
    if source.startswith(DATASETS):
        dataset = pin(source.removeprefix(DATASETS), "dataset")
        return f"{DATASETS}{dataset.repo}@{dataset.revision}"
    if source.startswith(ON_THE_WEB):
        return source
    raise UserError(
        f"build --on hf-jobs: the machine cannot read {source}: expected a dataset of the Hub (datasets/NAMESPACE/NAME) or an "
        "https:// address; `hf upload NAMESPACE/NAME FILE --repo-type dataset --private` uploads a file"
    )


def pinned(dataset: str, repo: str, recipe: Recipe) -> tuple[str, Recipe]:
    """Dataset and recipe with the commits of dataset and base. Raises UserError, also if the base's licence forbids the repo's name."""
    data, base = pin_data(dataset), pin(f"{recipe.base.repo}@{recipe.base.revision}", "model")
    require_name(repo, licence_of(base), base)
    return f"{data.repo}@{data.revision}", replace(recipe, base=replace(recipe.base, revision=base.revision))
