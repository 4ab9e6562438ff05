"""Level card, training: compares the training record with the adapter's files and log, and checks that its numbers add up."""

import json
from collections.abc import Iterator
from math import prod
from typing import Any

import msgspec

from model_card.verification.lines.checks import EXACT, ROUNDED, Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.errors import UserError
from titlecraft.hub.pins import read_file
from titlecraft.models.adapter.weights import tensors_of
from titlecraft.records import DATASET_RECORD, DatasetRecord, TrainingRecord, ValidationPoint, read_record
from titlecraft.records.repo_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, TOKENIZER_CONFIG, TRAINING_LOG
from training.record import losses
from training.validation.run import points_of

CLOCK_ERROR = 0.06  # seconds, and tokens per second: the record rounds both to one decimal


def verify_training(state: RepoState) -> list[Line]:
    """Lines about everything in a training record that can be recomputed without training."""
    lines = []
    for check in (check_adapter, check_log, check_validation, check_counts, check_special_tokens):
        checks = Checks("card", "training record")
        lines += checks.gather(check(checks, state))
    return lines


def tensor_shapes(raw: bytes) -> dict[str, list[int]]:
    """Name -> shape of the tensors of a safetensors file, from its header."""
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    return {name: tensor["shape"] for name, tensor in header.items() if name != "__metadata__"}


def check_adapter(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The number of trained parameters, and the LoRA settings in adapter_config.json."""
    record, config = state.training, msgspec.json.decode(state.require(ADAPTER_CONFIG))
    shapes = tensor_shapes(state.require(ADAPTER_WEIGHTS))
    lora = record.lora
    published = record.trainable_parameters * lora.published_r // lora.r
    yield checks.equal("trainable parameters", published, sum(map(prod, shapes.values())))
    tensors = tensors_of(state.require(ADAPTER_WEIGHTS), f"{ADAPTER_WEIGHTS} of {state.pin}")
    broken = [tensor.name for tensor in tensors if tensor.broken]
    yield checks.equal("tensors with numbers that are not finite", 0, len(broken), broken[0] if broken else None)
    ranks = {shape[0] for name, shape in shapes.items() if "lora_A" in name and len(shape) == 2}
    yield checks.equal("rank of the tensors", {lora.published_r}, ranks)
    claimed = {"r": lora.published_r, "lora_alpha": lora.published_alpha, "lora_dropout": lora.dropout}
    configured = {name: config.get(name) for name in claimed}
    yield checks.equal("r, alpha and dropout in adapter_config.json", claimed, configured)
    yield checks.equal("adapted layers", sorted(lora.target_modules or []), sorted(config.get("target_modules") or []))


def check_log(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Steps, losses and counts, from training_log.jsonl."""
    record = state.training
    entries = [read_log_line(line) for line in state.require(TRAINING_LOG).splitlines()]
    derived, last = losses(entries), [entry for entry in entries if "loss" in entry][-1]
    yield checks.equal("loss of the first tenth", record.loss.first, derived.first)
    yield checks.equal("loss of the last tenth", record.loss.last, derived.last)
    yield checks.equal("steps", record.steps, last["step"])
    if "skipped_steps" in last:
        yield checks.equal("skipped steps", record.skipped_steps, last["skipped_steps"])
    if "examples_seen" in last:
        yield checks.equal("examples seen", record.examples.seen, last["examples_seen"])
    if "tokens_seen" in last:
        yield checks.equal("tokens seen", record.examples.tokens_seen, last["tokens_seen"])


def check_validation(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The validations, from training_log.jsonl, and the published step, from the validations."""
    validation, settings = state.training.validation, state.training.training
    points = points_of([read_log_line(line) for line in state.require(TRAINING_LOG).splitlines()])
    if validation is None:
        yield checks.equal("validations in the log", 0, len(points))
        return
    yield checks.equal("validations", [*map(shown, validation.points)], [*map(shown, points)])
    trained = [point for point in points if point.step]
    best = min(trained, key=lambda point: point.validation_loss, default=None)  # of equal ones the earliest
    lowest = settings.keep == "best"
    expected = (best if lowest else trained[-1]) if trained else None
    yield checks.equal("published step", validation.kept, expected.step if expected else None)
    yield checks.equal("why", validation.reason, "lowest validation loss" if lowest else "last step")
    stopped = state.training.steps < validation.planned_steps
    yield checks.equal("stopped early", validation.stopped_early, stopped)
    effect = state.training.effect
    if effect and expected and points and effect.nll_base is not None:
        derived = [round(point.validation_loss, 4) for point in (points[0], expected)]
        if state.training.lora.init == "loftq":  # such an adapter changes the base's losses before the first step
            derived[0] = effect.nll_base
        yield checks.equal("loss without and with the adapter", [effect.nll_base, effect.nll_adapter], derived)


def shown(point: ValidationPoint) -> str:
    """A validation in one line."""
    return (
        f"step {point.step}: {point.validation_loss} ({point.training_loss} in training, {point.examples} examples, "
        f"epoch {point.epoch})"
    )


def read_log_line(line: bytes) -> dict[str, Any]:
    """One line of the log. Raises UserError if it is not valid JSON; the json module would accept NaN and Infinity."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise UserError(
            f"{TRAINING_LOG} has a line that is no JSON ({error}): {line[:80].decode(errors='replace')}"
        ) from error


def check_counts(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Values that follow from other fields of the record, or from the dataset's record at the pin."""
    record = state.training
    examples, measured = record.examples, record.measured
    yield checks.equal("epochs", record.epochs, round(examples.seen / examples.available, 4))
    yield checks.equal("distinct examples seen", examples.distinct_seen, min(examples.seen, examples.available))
    raw = read_file(record.dataset, DATASET_RECORD)
    if raw is not None:
        rows = read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {record.dataset}").splits["train"].rows
        total = examples.available + examples.left_out
        yield checks.equal("examples available and left out, of the split's rows", total, rows)
    lowest = examples.tokens_seen / max(0.01, measured.wall_seconds + CLOCK_ERROR)
    highest = examples.tokens_seen / max(0.01, measured.wall_seconds - CLOCK_ERROR)
    holds = lowest - CLOCK_ERROR <= measured.tokens_per_second <= highest + CLOCK_ERROR
    speed = round(examples.tokens_seen / measured.wall_seconds, 1) if measured.wall_seconds else "no time"
    yield checks.line("tokens per second", measured.tokens_per_second, speed, holds, ROUNDED)
    holding = sum(check.holds for check in record.checks)
    yield checks.equal("checks before the first step that hold", len(record.checks), holding)
    yield key_line(checks, record)
    claim = "clock times, memory, energy, padding, and what the checks found"
    yield checks.not_looked_at(claim, "in the record", "only the run could tell")


def key_line(checks: Checks, record: TrainingRecord) -> Line:
    """The key is the digest of all inputs of the training."""
    if record.memory_note is not None:  # the batch was changed to fit into memory; the key is that of the recipe
        return checks.not_looked_at("key over all inputs", record.key, "not derived", record.memory_note)
    key = record.key_inputs().key
    return checks.line("key over all inputs", record.key, key, record.key == key, EXACT)


def check_special_tokens(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The special tokens of the record are those of the published tokenizer."""
    config = msgspec.json.decode(state.require(TOKENIZER_CONFIG))
    for name, token in state.training.special_tokens.items():
        published = config.get(f"{name}_token")
        content = published.get("content") if isinstance(published, dict) else published
        yield checks.equal(f"{name} token", token, content)
