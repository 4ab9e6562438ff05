"""Level training: the adapter trained again from its pins, and compared with the published one.

With the same code and package versions on a CPU, training is deterministic: the published weights and the log have to come out bit for
bit. Elsewhere sums are rounded in another order, and the two trainings drift apart, so that weights and losses are compared within
a tolerance. What lies between "as close as another machine's" and "another training" is not decided.
"""

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.errors import UserError
from titlecraft.hub.licence import licence_of
from titlecraft.models.adapter.read import prompt_of
from titlecraft.records import TrainedPrompt, TrainingRecord, current_code, file_sha256
from titlecraft.records.repo_files import ADAPTER_WEIGHTS, TRAINING_LOG
from titlecraft.settings import Recipe

HOURS = 0.5  # a longer training has to be asked for
SAME, OTHER = 0.99, 0.2  # cosine of the trained factors: from SAME on the same training, below OTHER another one
LOSS = 0.01  # share by which the mean loss of the last tenth may differ on another machine
FLOPS_OF_A_PARAMETER = 6  # for each token: two forward, four backward (Kaplan et al. 2020)
USED = 0.3  # share of a matrix product's speed that a training reaches


def verify_training_again(state: RepoState, hours: float) -> list[Line]:
    """Lines about the adapter trained again. A training that takes more than `hours` here is one line with its cost."""
    checks = Checks("training", "training record")
    return checks.gather(check_again(checks, state, hours))


def check_again(checks: Checks, state: RepoState, hours: float) -> Iterator[Line]:
    """Train unless that is impossible or too long here, then compare."""
    from training.run import PACKAGES

    record = state.training
    claim, code = "trained again", current_code("training", *PACKAGES)
    if reason := impossible(record):
        yield checks.could_not_be_looked_at(claim, "possible", reason)
        return
    seconds = expected_seconds(record)
    if seconds > 3600 * hours:
        cost = f"{record.steps:,} steps, about {duration(seconds)} here"
        note = f"on {record.measured.device} it took {duration(record.measured.wall_seconds)}, by its record"
        advice = f"ask for it with --hours {np.ceil(10 * seconds / 3600) / 10:g}"
        yield checks.could_not_be_looked_at(claim, f"{record.steps:,} steps", f"{cost}: {advice}", note)
        return
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "publish"
        try:
            again = train_again(state, folder)
        except UserError as error:
            yield checks.could_not_be_looked_at(claim, "possible", f"no: {error}")
            return
        yield checks.equal("steps", record.steps, again.steps)
        yield checks.equal("examples seen", record.examples.seen, again.examples.seen)
        yield checks.equal("tokens seen", record.examples.tokens_seen, again.examples.tokens_seen)
        other = differences(record, again, code.sources)
        if other:
            yield from compare_closely(checks, state, folder, record, again, "; ".join(other))
        else:
            yield checks.equal(
                f"{ADAPTER_WEIGHTS}, sha256", state.sha256(ADAPTER_WEIGHTS), file_sha256(folder / ADAPTER_WEIGHTS)
            )
            for name in ("loss", "effect", "validation"):
                yield checks.equal(name, getattr(record, name), getattr(again, name))
            yield checks.equal(
                f"{TRAINING_LOG}, sha256", state.sha256(TRAINING_LOG), file_sha256(folder / TRAINING_LOG)
            )


def duration(seconds: float) -> str:
    """A time in words: "40 seconds", "12 minutes", "3.4 hours"."""
    if seconds < 120:
        return f"{max(1, round(seconds))} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def impossible(record: TrainingRecord) -> str | None:
    """Why a training cannot be repeated on this machine, or None."""
    from titlecraft.process import distributed

    if record.measured.devices != distributed.world_size():
        return f"it ran on {record.measured.devices} devices at once, and here is one"
    if record.memory_note:
        return f"the GPU's memory chose its batch: {record.memory_note}"
    return None


def expected_seconds(record: TrainingRecord) -> float:
    """An estimate of the training's time here: its tokens with padding, and the measured speed of a matrix product."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = 4096 if device == "cuda" else 768
    matrix = torch.ones(size, size, device=device, dtype=torch.bfloat16 if device == "cuda" else torch.float32)
    for _ in range(2):
        started = perf_counter()
        float((matrix @ matrix)[0, 0])
        product = perf_counter() - started
    speed = 2 * size**3 / product
    computed = record.examples.tokens_seen / (1 - (record.examples.padding_share or 0))
    return FLOPS_OF_A_PARAMETER * record.base_parameters * computed / (USED * speed)


def recipe_of(record: TrainingRecord) -> Recipe:
    """The settings of a recorded training."""
    inputs = record.key_inputs()
    recipe = Recipe(base=record.base_settings, lora=inputs.lora, training=record.training, generation=record.generation)
    base = replace(recipe.base, repo=record.base.repo, revision=record.base.revision)
    prompt = replace(recipe.prompt, format=inputs.prompt_format or "alpaca")
    return replace(recipe, base=base, prompt=prompt)


def train_again(state: RepoState, folder: Path) -> TrainingRecord:
    """Train from the record's pins into `folder`; return the new record. Raises UserError."""
    from training.adapter import train_adapter
    from training.checkpoints.folder import Run
    from training.checkpoints.saving import Saving
    from training.job import Job, Rank0
    from training.model.backend import require_backend

    record, recipe = state.training, recipe_of(state.training)
    require_backend(recipe.training, recipe.lora)
    (folder / "assets").mkdir(parents=True)
    inputs = record.key_inputs()
    saving = Saving(Run(key=record.key, inputs=inputs.digests()), folder.parent / "checkpoints", every=0)
    prompt = record.trained_prompt or TrainedPrompt(
        setting="alpaca", reason="the record is older than the choice", prompt=prompt_of(record)
    )
    job = Job(record.dataset, record.base, prompt, recipe, folder, saving, auto_batch=False, rows=record.rows)
    with redirect_stdout(sys.stderr):
        again = train_adapter(job, Rank0(record.key, record.code, licence_of(record.base), chosen=record.chosen))
    assert again is not None, "rank 0 returned no record"
    return again


def differences(record: TrainingRecord, again: TrainingRecord, sources: str) -> list[str]:
    """What differs between the machine of the record and this one, so that bits may differ; empty for none."""
    from training.run import PACKAGES

    here = current_code("training", *PACKAGES)
    names = sorted({*here.packages, *record.code.packages})
    found = [
        f"{name} {record.code.packages.get(name, 'none')} there and {here.packages.get(name, 'none')} here"
        for name in names
        if here.packages.get(name) != record.code.packages.get(name)
    ]
    if record.code.sources != sources:
        found.append("other code of Titlecraft")
    if record.code.python != here.python:
        found.append(f"Python {record.code.python} there and {here.python} here")
    if not record.measured.device.startswith("cpu") or record.measured.device != again.measured.device:
        found.append(f"{record.measured.device} there and {again.measured.device} here")
    return found


def compare_closely(
    checks: Checks, state: RepoState, folder: Path, record: TrainingRecord, again: TrainingRecord, other: str
) -> Iterator[Line]:
    """Compare weights and losses of two machines: the factors by their cosine, the loss by its last tenth."""
    cosine = cosine_of(factors(state.require_file(ADAPTER_WEIGHTS)), factors(folder / ADAPTER_WEIGHTS))
    claim = "cosine of the trained factors"
    allowed = LOSS * abs(record.loss.last)
    near = abs(record.loss.last - again.loss.last) <= allowed
    if OTHER <= cosine < SAME or (cosine >= SAME and not near):
        reason = f"{cosine:.4f}, loss of the last tenth {again.loss.last} for {record.loss.last}"
        yield checks.could_not_be_looked_at(claim, f"at least {SAME}", reason, other)
        return
    yield checks.line(claim, f"at least {SAME}", f"{cosine:.4f}", cosine >= SAME, f"{SAME}", other)
    yield checks.close("loss of the last tenth", record.loss.last, again.loss.last, allowed, other)


def factors(file: Path) -> dict[str, np.ndarray]:
    """The tensors of an adapter that start at zero, the factors B; all tensors if it has none."""
    from safetensors.torch import load_file

    tensors: dict[str, Any] = {name: tensor.float().numpy() for name, tensor in load_file(file).items()}
    return {name: tensor for name, tensor in tensors.items() if "lora_B" in name} or tensors


def cosine_of(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The cosine between two adapters' factors as one vector; 0 if they have other names or shapes."""
    if {name: value.shape for name, value in one.items()} != {name: value.shape for name, value in other.items()}:
        return 0.0
    a, b = (np.concatenate([part[name].ravel() for name in sorted(part)]).astype(np.float64) for part in (one, other))
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else float((a == b).all())
