"""Level card, training: the training record against the adapter's own bytes, its log, and its own arithmetic."""

import json
from collections.abc import Iterator
from math import prod
from typing import Any

import msgspec

from model_card.verification.lines.checks import EXACT, ROUNDED, Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.errors import UserError
from titlecraft.hub.pins import read_file
from titlecraft.models.adapter.weights import tensors_of
from titlecraft.records import DATASET_RECORD, DatasetRecord, TrainingRecord, read_record

LOG = "training_log.jsonl"
WEIGHTS = "adapter_model.safetensors"


def verify_training(state: RepoState) -> list[Line]:
    """Everything in an adapter's training record that can be derived without training again."""
    lines = []
    for find in (of_adapter, of_log, of_counts, of_tokenizer):
        checks = Checks("card", "training record")
        lines += checks.gather(find(checks, state))
    return lines


def tensor_shapes(raw: bytes) -> dict[str, list[int]]:
    """Name -> shape of the tensors of a safetensors file, from its header alone."""
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    return {name: one["shape"] for name, one in header.items() if name != "__metadata__"}


def of_adapter(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Trained parameters, and the settings of LoRA as PEFT reads them."""
    record, config = state.training, msgspec.json.decode(state.require("adapter_config.json"))
    shapes = tensor_shapes(state.require(WEIGHTS))
    yield checks.equal("trainable parameters", record.trainable_parameters, sum(map(prod, shapes.values())))
    broken = [one.name for one in tensors_of(state.require(WEIGHTS), f"{WEIGHTS} of {state.pin}") if one.broken]
    yield checks.equal("tensors with numbers that are not finite", 0, len(broken), broken[0] if broken else None)
    ranks = {shape[0] for name, shape in shapes.items() if "lora_A" in name and len(shape) == 2}
    yield checks.equal("rank of the tensors", {record.lora.r}, ranks)
    lora = record.lora
    claimed = {"r": lora.r, "lora_alpha": lora.alpha, "lora_dropout": lora.dropout}
    yield checks.equal(
        "r, alpha and dropout in adapter_config.json", claimed, {name: config.get(name) for name in claimed}
    )
    yield checks.equal("adapted layers", sorted(lora.target_modules), sorted(config.get("target_modules") or []))


def of_log(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Steps, losses and counts, from training_log.jsonl."""
    from training.record import losses

    record = state.training
    lines = [read_line(line) for line in state.require(LOG).splitlines()]
    found = losses(lines)
    yield checks.equal("loss of the first tenth", record.loss.first, found.first)
    yield checks.equal("loss of the last tenth", record.loss.last, found.last)
    yield checks.equal("steps", record.steps, lines[-1]["step"])
    if "examples_seen" in lines[-1]:
        yield checks.equal("examples seen", record.examples.seen, lines[-1]["examples_seen"])
    if "tokens_seen" in lines[-1]:
        yield checks.equal("tokens seen", record.examples.tokens_seen, lines[-1]["tokens_seen"])


def read_line(line: bytes) -> dict[str, Any]:
    """One line of the log. Raises UserError where it is no JSON: Python would read NaN and Infinity, nobody else does."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise UserError(f"{LOG} has a line that is no JSON ({error}): {line[:80].decode(errors='replace')}") from error


def of_counts(checks: Checks, state: RepoState) -> Iterator[Line]:
    """What follows from other fields of the record, and from the dataset's record at the pin."""
    record = state.training
    seen, cost = record.examples, record.measured
    yield checks.equal("epochs", record.epochs, round(seen.seen / seen.available, 4))
    yield checks.equal("distinct examples seen", seen.distinct_seen, min(seen.seen, seen.available))
    raw = read_file(record.dataset, DATASET_RECORD)
    if raw is not None:
        rows = read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {record.dataset}").splits["train"].rows
        yield checks.equal("examples available and left out, of the split's rows", seen.available + seen.left_out, rows)
    slowest, fastest = (seen.tokens_seen / max(0.01, cost.wall_seconds + way) for way in (0.06, -0.06))
    holds = slowest - 0.06 <= cost.tokens_per_second <= fastest + 0.06
    again = round(seen.tokens_seen / cost.wall_seconds, 1) if cost.wall_seconds else "no time"
    yield checks.line("tokens per second", cost.tokens_per_second, again, holds, ROUNDED)
    yield checks.equal(
        "checks before the first step that hold", len(record.checks), sum(one.holds for one in record.checks)
    )
    yield key_line(checks, record)
    yield checks.not_looked_at(
        "clock times, memory, energy, padding, and what the checks found", "in the record", "only the run could tell"
    )


def key_line(checks: Checks, record: TrainingRecord) -> Line:
    """The key over all that the training depends on."""
    if record.memory_note is not None:  # the recipe that was asked for is not the one that was carried out
        return checks.not_looked_at("key over all inputs", record.key, "not derived", record.memory_note)
    key = record.key_inputs().key
    return checks.line("key over all inputs", record.key, key, record.key == key, EXACT)


def of_tokenizer(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The special tokens, as the tokenizer beside the adapter names them."""
    config = msgspec.json.decode(state.require("tokenizer_config.json"))
    for name, token in state.training.special_tokens.items():
        there = config.get(f"{name}_token")
        yield checks.equal(f"{name} token", token, there.get("content") if isinstance(there, dict) else there)
