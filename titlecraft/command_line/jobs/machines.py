"""The machines of Hugging Face Jobs."""

import re

from huggingface_hub import HfApi, JobHardwareInfo

from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import endpoint


def require_time(timeout: str) -> None:
    """Raise UserError if the time has a form that the Hub's client does not accept."""
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
    """Number of training processes: one for each GPU, or one without a GPU."""
    return int(machine.accelerator.quantity) if machine.accelerator else 1


def describe(machine: JobHardwareInfo) -> str:
    """Name, GPU and price of a machine."""
    gpu = machine.accelerator
    gpu_text = f", {gpu.quantity} × {gpu.model} ({gpu.vram})" if gpu else ""
    return f"{machine.name}{gpu_text}, {machine.unit_cost_usd:.4g} USD a {machine.unit_label}"
