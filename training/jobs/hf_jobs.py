"""titlecraft train … --on hf-jobs --flavor a10g-large: train on Hugging Face Jobs.

The recipe with all its settings and the source that runs here are uploaded in one commit to a private repo,
NAMESPACE/titlecraft-jobs. The job installs that source from the commit, verifies the checksums in its command line, trains and
publishes. The token is passed as a secret of the job only.
"""

import hashlib
import re
import sys
from dataclasses import asdict, replace
from typing import Any

import msgspec
import yaml
from huggingface_hub import CommitOperationAdd, HfApi, JobHardwareInfo, JobInfo, JobStage, get_token

from titlecraft.errors import UserError
from titlecraft.hub import PUBLIC_HUB
from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.licence import licence_of, require_name
from titlecraft.hub.pins import address, endpoint, pin, require_write
from titlecraft.records import Chosen, Pin, sources_sha256
from titlecraft.settings import Recipe, Training
from training.jobs.source_archive import NAME, source_archive
from training.model.backend import processes_fault

SECTIONS = ("data", "prompt", "base", "lora", "training", "generation")
RECIPE = "recipe.yaml"
ARCHIVE = f"{NAME}.tar.gz"


def run_on_hub(
    dataset: str,
    repo: str,
    recipe: Recipe,
    flavor: str | None,
    timeout: str,
    options: list[str],
    chosen: Chosen | None = None,
) -> int:
    """Submit a job, print its output, and return its exit status. Raises UserError before a job is submitted.

    Args:
        options: further options of `titlecraft train` for the job.
        chosen: the sweep that chose the recipe.
    """
    require_time(timeout)
    require_write(repo)
    machine = find_machine(flavor)
    if fault := processes_fault(recipe.training, gpus_of(machine), recipe.lora):
        raise UserError(f"--flavor {describe(machine)}: {fault}")
    data, base = pin_data(dataset), pin(f"{recipe.base.repo}@{recipe.base.revision}", "model")
    require_name(repo, licence_of(base), base)
    recipe = replace(recipe, base=replace(recipe.base, revision=base.revision))
    job = submit(data, repo, recipe, machine, timeout, options, chosen)
    print(f"job {job.id} on {describe(machine)}, at most {timeout}: {job.url}\nCtrl-C does not stop it")
    return follow(job)


def require_time(timeout: str) -> None:
    """Raises UserError if the Hub's client could not parse the time."""
    if not re.fullmatch(r"\d+(\.\d+)?[smhd]|\d+", timeout):
        raise UserError(f"--timeout {timeout}: expected a time such as 90m, 24h or 2d")


def find_machine(flavor: str | None) -> JobHardwareInfo:
    """The machine with this name. Raises UserError with a list of all machines if there is none."""
    with hub_errors("looking up the machines for jobs", "jobs", "model"):
        machines = HfApi().list_jobs_hardware()
    by_name = {machine.name: machine for machine in machines}
    if flavor not in by_name:
        problem = (
            f"--flavor {flavor}: {endpoint()} has no such machine; it"
            if flavor
            else f"--on hf-jobs needs --flavor: {endpoint()}"
        )
        raise UserError(f"{problem} has {', '.join(by_name)}")
    return by_name[flavor]


def gpus_of(machine: JobHardwareInfo) -> int:
    """Number of GPUs, or 1 without a GPU: the number of training processes."""
    return int(machine.accelerator.quantity) if machine.accelerator else 1


def describe(machine: JobHardwareInfo) -> str:
    """Name, GPU and price of a machine."""
    gpu = machine.accelerator
    gpu_text = f", {gpu.quantity} × {gpu.model} ({gpu.vram})" if gpu else ""
    return f"{machine.name}{gpu_text}, {machine.unit_cost_usd:.4g} USD a {machine.unit_label}"


def submit(
    data: Pin,
    repo: str,
    recipe: Recipe,
    machine: JobHardwareInfo,
    timeout: str,
    options: list[str],
    chosen: Chosen | None = None,
) -> JobInfo:
    """Upload recipe and source, and submit the job."""
    settings = {name: section for name, section in asdict(recipe).items() if name in SECTIONS}
    settings |= {"chosen": msgspec.to_builtins(chosen)} if chosen else {}
    if recipe.training.max_steps and recipe.training.epochs == Training.epochs:
        del settings["training"]["epochs"]  # it is a default without effect, about which the job would print a note
    files = {RECIPE: yaml.safe_dump(settings, sort_keys=False).encode(), ARCHIVE: source_archive()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    needs = upload(files, f"Train {repo}: recipe {sums[RECIPE][:12]}, source {sums[ARCHIVE][:12]}")
    extras = "gpu,energy" if any(option.startswith("--energy") for option in options) else "gpu"
    launch, gpus = ["-m"], gpus_of(machine)
    if gpus > 1:
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}", "-m"]
    elsewhere = {} if endpoint() == PUBLIC_HUB else {"HF_ENDPOINT": endpoint()}
    with hub_errors("submitting the job", needs.repo.split("/")[0], "model"):
        return HfApi().run_uv_job(
            "python",
            script_args=[
                *launch,
                "training.jobs",
                needs.repo,
                needs.revision,
                sums[RECIPE],
                sources_sha256("training"),
                f"--dataset={data.repo}@{data.revision}",
                f"--repo={repo}",
                "--watch=none",
                *options,
            ],
            dependencies=[f"titlecraft[{extras}] @ {address(needs, ARCHIVE)}#sha256={sums[ARCHIVE]}"],
            env={"PYTHONUNBUFFERED": "1", **elsewhere},
            secrets={"HF_TOKEN": get_token()},
            flavor=machine.name,
            timeout=timeout,
            name=re.sub(r"[^A-Za-z0-9_-]", "-", f"titlecraft-{repo}"),
        )


def upload(files: dict[str, bytes], message: str) -> Pin:
    """Commit the files to the user's private repo for jobs. Raises UserError if that repo is public."""
    api = HfApi()
    repo = f"{api.whoami()['name']}/titlecraft-jobs"
    with hub_errors(f"uploading what the job needs to {repo}", repo, "model"):
        api.create_repo(repo, private=True, exist_ok=True)
        if not api.repo_info(repo).private:
            raise UserError(f"{endpoint()}/{repo} is public: make it private, the source that runs here goes there")
        operations = [CommitOperationAdd(name, content) for name, content in files.items()]
        commit = api.create_commit(repo, operations, commit_message=message)
    return Pin(type="model", repo=repo, revision=commit.oid)


def follow(job: JobInfo) -> int:
    """Stream the job's output and return its exit status; 130 after Ctrl-C, which does not stop the job."""
    api, token, namespace = HfApi(), get_token() or "", job.owner.name
    try:
        with hub_errors(f"following job {job.id}; it goes on, see {job.url}", job.owner.name, "model"):
            api.wait_for_job(job_id=job.id, namespace=namespace, stages=[JobStage.RUNNING])
            for line in api.fetch_job_logs(job_id=job.id, namespace=namespace, follow=True):
                print(line.replace(token, "<HF_TOKEN>") if token else line, flush=True)
            ended = api.wait_for_job(job_id=job.id, namespace=namespace).status
    except KeyboardInterrupt:
        print(
            f"\njob {job.id} goes on: `hf jobs logs {job.id}` shows it, `hf jobs cancel {job.id}` ends it",
            file=sys.stderr,
        )
        return 130
    if ended.stage == JobStage.COMPLETED:
        return 0
    print(
        f"error: job {job.id} ended as {ended.stage}: {ended.message or 'no reason given'} ({job.url})", file=sys.stderr
    )
    return exit_status(ended.message)


def exit_status(message: str | None) -> int:
    """The exit status that a job's message names, or 1."""
    named = re.search(r"exit (?:code|status):?\s*(\d+)", message or "", re.IGNORECASE)
    return int(named[1]) if named and int(named[1]) else 1


def options_of(arguments: Any, left_out: set[str]) -> list[str]:
    """Rebuild the command-line options from parsed arguments, without defaults and without those in `left_out`."""
    options = []
    for name, value in vars(arguments).items():
        is_setting = "." in name or name in SECTIONS
        if name in left_out or is_setting or value is None or value is False:
            continue
        option = f"--{name.replace('_', '-')}"
        options.append(option if value is True else f"{option}={value}")
    return options
