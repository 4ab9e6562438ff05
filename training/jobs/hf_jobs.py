"""titlecraft train … --on hf-jobs --flavor a10g-large: the same recipe on a machine of the Hub's.

What the job needs goes into one commit of a private repo, NAMESPACE/titlecraft-jobs: the recipe, every setting of it, and
the source that runs here. The job installs that source by the commit's address, checks it and the recipe against the sums in
its own command line, trains and publishes by itself. Its token is a secret of the job and stands nowhere else.
"""

import hashlib
import re
import sys
from dataclasses import asdict, replace
from typing import Any

import yaml
from huggingface_hub import CommitOperationAdd, HfApi, JobHardwareInfo, JobInfo, JobStage, get_token

from titlecraft.errors import UserError
from titlecraft.hub import PUBLIC_HUB
from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.licence import licence_of, require_name
from titlecraft.hub.pins import address, endpoint, pin, require_write
from titlecraft.records import Pin, sources_sha256
from titlecraft.settings import Recipe, Training
from training.backend import processes_fault
from training.jobs.source_archive import NAME, source_archive

SECTIONS = ("base", "lora", "training", "generation")
RECIPE = "recipe.yaml"
ARCHIVE = f"{NAME}.tar.gz"


def run_on_hub(dataset: str, repo: str, recipe: Recipe, flavor: str | None, timeout: str, options: list[str]) -> int:
    """Submit, show the job's output, and return its exit status. Raises UserError before anything costs money.

    Args:
        options: of `titlecraft train`, beside dataset, repo and recipe, as the job gets them.
    """
    require_time(timeout)
    require_write(repo)
    machine = find_machine(flavor)
    if fault := processes_fault(recipe.training, gpus_of(machine)):
        raise UserError(f"--flavor {describe(machine)}: {fault}")
    data, base = pin_data(dataset), pin(f"{recipe.base.repo}@{recipe.base.revision}", "model")
    require_name(repo, licence_of(base), base)
    recipe = replace(recipe, base=replace(recipe.base, revision=base.revision))
    job = submit(data, repo, recipe, machine, timeout, options)
    print(f"job {job.id} on {describe(machine)}, at most {timeout}: {job.url}\nCtrl-C leaves it running")
    return follow(job)


def require_time(timeout: str) -> None:
    """Raises UserError where it is no time as the Hub's client reads it."""
    if not re.fullmatch(r"\d+(\.\d+)?[smhd]|\d+", timeout):
        raise UserError(f"--timeout {timeout}: expected a time such as 90m, 24h or 2d")


def find_machine(flavor: str | None) -> JobHardwareInfo:
    """The machine of this name. Raises UserError that lists those there are."""
    with hub_errors("looking up the machines for jobs", "jobs", "model"):
        machines = HfApi().list_jobs_hardware()
    found = {machine.name: machine for machine in machines}
    if flavor not in found:
        wanted = (
            f"--flavor {flavor}: {endpoint()} has no such machine; it"
            if flavor
            else f"--on hf-jobs needs --flavor: {endpoint()}"
        )
        raise UserError(f"{wanted} has {', '.join(found)}")
    return found[flavor]


def gpus_of(machine: JobHardwareInfo) -> int:
    """Its GPUs, or 1 where it has none: the processes that train on it."""
    return int(machine.accelerator.quantity) if machine.accelerator else 1


def describe(machine: JobHardwareInfo) -> str:
    """Name, GPU and price."""
    gpu = machine.accelerator
    what = f", {gpu.quantity} × {gpu.model} ({gpu.vram})" if gpu else ""
    return f"{machine.name}{what}, {machine.unit_cost_usd:.4g} USD a {machine.unit_label}"


def submit(data: Pin, repo: str, recipe: Recipe, machine: JobHardwareInfo, timeout: str, options: list[str]) -> JobInfo:
    """Upload what the job needs, and ask for it."""
    settings = {name: section for name, section in asdict(recipe).items() if name in SECTIONS}
    if recipe.training.max_steps and recipe.training.epochs == Training.epochs:
        del settings["training"]["epochs"]  # nobody gave it, and the job would say that it is not used
    files = {RECIPE: yaml.safe_dump(settings, sort_keys=False).encode(), ARCHIVE: source_archive()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    needs = upload(files, f"Train {repo}: recipe {sums[RECIPE][:12]}, source {sums[ARCHIVE][:12]}")
    extras = "gpu,energy" if any(option.startswith("--energy") for option in options) else "gpu"
    python, gpus = ["-m"], gpus_of(machine)
    if gpus > 1:
        python = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={gpus}", "-m"]
    elsewhere = {} if endpoint() == PUBLIC_HUB else {"HF_ENDPOINT": endpoint()}
    with hub_errors("submitting the job", needs.repo.split("/")[0], "model"):
        return HfApi().run_uv_job(
            "python",
            script_args=[*python, "training.jobs", needs.repo, needs.revision, sums[RECIPE],
                         sources_sha256("training"), f"--dataset={data.repo}@{data.revision}", f"--repo={repo}",
                         "--watch=none", *options],
            dependencies=[f"titlecraft[{extras}] @ {address(needs, ARCHIVE)}#sha256={sums[ARCHIVE]}"],
            env={"PYTHONUNBUFFERED": "1", **elsewhere},
            secrets={"HF_TOKEN": get_token()},
            flavor=machine.name,
            timeout=timeout,
            name=re.sub(r"[^A-Za-z0-9_-]", "-", f"titlecraft-{repo}"),
        )  # fmt: skip


def upload(files: dict[str, bytes], message: str) -> Pin:
    """One commit with these files in the user's private repo for jobs."""
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
    """Print the job's output as it comes, and return its exit status: 0, or what the Hub says of it, or 1."""
    api, where, token = HfApi(), {"job_id": job.id, "namespace": job.owner.name}, get_token() or ""
    try:
        with hub_errors(f"following job {job.id}; it goes on, see {job.url}", job.owner.name, "model"):
            api.wait_for_job(stages=[JobStage.RUNNING], **where)
            for line in api.fetch_job_logs(follow=True, **where):
                print(line.replace(token, "<HF_TOKEN>") if token else line, flush=True)
            ended = api.wait_for_job(**where).status
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
    """The number that a job's message names, or 1."""
    named = re.search(r"exit (?:code|status):?\s*(\d+)", message or "", re.IGNORECASE)
    return int(named[1]) if named and int(named[1]) else 1


def options_of(asked: Any, left_out: set[str]) -> list[str]:
    """The command line again, from what was parsed of it: what was asked for beyond the defaults, `left_out` apart."""
    given = {name: value for name, value in vars(asked).items() if name not in left_out and "." not in name}
    return [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
            for name, value in given.items() if value is not None and value is not False and name not in SECTIONS]  # fmt: skip
