"""Everything before the first step: load the base, add the adapter, apply kernels, pack rows, and run the checks."""

from dataclasses import dataclass

from datasets import Dataset
from peft import PeftModel
from torch import Tensor
from transformers import set_seed

from titlecraft.errors import UserError
from titlecraft.models.adapter.probe import probe_logits
from titlecraft.models.base.model import LoadedBase
from titlecraft.process import distributed
from titlecraft.prompt import PromptFormat
from titlecraft.records import Check, Pin
from titlecraft.settings import Recipe
from training import checks
from training.adapter_settings import adapter_fault
from training.data.examples import Encoded, Examples
from training.data.packing import longest_of_rows, packed_dataset
from training.model.build import add_adapter, load_for_training
from training.model.initial_weights import ChangedBase
from training.model.kernels import apply_kernels
from training.model.lora_targets import expected_trainable, require_init, require_lora_targets
from training.model.own_loss import Yardstick, measure
from training.model.packable import require_packable
from training.model.router_loss import leave_router_loss_out
from training.model.sharded_base import shard_base


@dataclass(frozen=True)
class Facts:
    """Fields of the training record that are known before the first step; TrainingRecord says what each means."""

    attention: str
    fused_kernels: str
    memory_note: str | None
    router_note: str | None
    trainable_parameters: int
    base_parameters: int


@dataclass(frozen=True)
class Prepared:
    """A model and a dataset that passed all checks before the first step.

    Args:
        recipe: the settings of the run; batch and checkpointing may have been chosen for the GPU's memory.
        loaded: the base and its tokenizer.
        model: the base with the fresh adapter.
        examples: the tokenised training split.
        dataset: what the trainer draws from: the examples, or packed rows of them.
        probe: token ids of one example.
        base_logits: the base's logits for them.
        yardstick: the loss of some items from plain logits, measured before the kernels were applied; None if `checked`.
        facts: fields of the record.
        checks: the checks so far; those after the last step are appended.
        held_out: as in Encoded: as many rows as a validation may take, in random order.
        changed: the base's own weights, if the adapter's initial weights were taken out of them.
    """

    recipe: Recipe
    loaded: LoadedBase
    model: PeftModel
    examples: Examples
    dataset: Dataset
    probe: list[int]
    base_logits: Tensor
    yardstick: Yardstick | None
    facts: Facts
    checks: list[Check]
    held_out: list[tuple[list[int], list[int]]]
    changed: ChangedBase | None = None


def prepare(
    encoded: Encoded,
    base: Pin,
    prompt: PromptFormat,
    recipe: Recipe,
    note: str | None,
    loaded: LoadedBase | None = None,
    checked: bool = False,
) -> Prepared:
    """Load the base, add the adapter and run the checks before the first step. Raises UserError if one fails.

    `note` says what was chosen for the GPU's memory, for the record. A base that is `loaded` already is not loaded again.
    `checked`: the same examples, base and adapter settings have passed before, so checks that run the model on examples are left out.
    """
    training, examples, longest = recipe.training, encoded.examples, encoded.longest
    if training.packing:
        require_packable(encoded.config, base, longest)
    set_seed(training.seed)  # before the adapter's weights are drawn: SFTTrainer seeds too late for them
    loaded = loaded or load_for_training(base, recipe.base, training, prompt)
    if loaded.quantization_note:
        print(loaded.quantization_note)
    require_lora_targets(loaded.model, recipe.lora, base)
    if message := adapter_fault(recipe.lora, training, distributed.world_size()):
        raise UserError(message)
    published = "none" if loaded.quantization == recipe.base.quantization else loaded.quantization
    require_init(recipe.lora, loaded.model, base, loaded.quantization, published)
    passed: list[Check] = []
    if not checked:
        passed += checks.check_examples(
            examples, encoded.split, loaded.tokenizer, prompt, longest, training.long_answers
        )
    probe = examples.dataset[0]["input_ids"]
    base_parameters = loaded.model.num_parameters()
    expected = expected_trainable(loaded.model, recipe.lora, recipe.lora.target_modules or [])
    changed = ChangedBase(loaded.model, recipe.lora) if recipe.lora.changes_base else None
    model = add_adapter(loaded, base, recipe.lora, training)
    if changed:
        changed.keep_initial_weights(model)
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    counted = "r·(in+out)" + (" and DoRA's magnitudes" if recipe.lora.variant == "dora" else "")
    passed.append(checks.check(f"trainable parameters: {counted} over the adapted layers", expected, trainable))
    checks.require(passed)
    on_one_gpu = training.backend == "trl" and not training.shard_base  # a base to be sharded may not fit on one GPU
    if on_one_gpu and not checked:
        checks.require_gradients(model, probe, base)
    if training.shard_base:
        own_gb, total_gb = (size / 1e9 for size in shard_base(model))
        print(
            f"base shared out between {distributed.world_size()} processes: {own_gb:.3g} GB of {total_gb:.3g} in each"
        )
    router_note = leave_router_loss_out(model)
    dataset, lengths = examples.dataset, examples.lengths
    if training.packing:
        dataset = packed_dataset(dataset, lengths, longest, training.seed)
        lengths = longest_of_rows(dataset, lengths)
    yardstick = None if checked else measure(model, dataset, lengths, training.batch_size)  # before the kernels
    attention, fused = apply_kernels(model, training)
    if training.packing or training.fused_kernels:
        print(f"attention: {attention}; fused kernels: {fused}")
    if changed:
        base_logits = changed.base_logits(model, probe)
    else:
        with model.disable_adapter():  # with the kernels of training, since others round differently
            base_logits = probe_logits(model, probe)
    checks.require_finite_logits(
        base_logits, f"{base} in {loaded.precision}", "set another --training.precision, or another base.repo"
    )
    if training.packing and not checked:
        print_packing(examples, dataset, longest)
        passed += checks.require(checks.check_packing(model, dataset))
    facts = Facts(attention, fused, note, router_note, trainable, base_parameters)
    return Prepared(
        recipe,
        loaded,
        model,
        examples,
        dataset,
        probe,
        base_logits,
        yardstick,
        facts,
        passed,
        encoded.held_out,
        changed,
    )


def print_packing(examples: Examples, rows: Dataset, longest: int) -> None:
    """Print how many examples were packed into how many rows, and how full the rows are."""
    full = int(examples.lengths.sum()) / (len(rows) * longest)
    print(f"packed {len(examples.dataset):,} examples into {len(rows):,} rows of {longest:,} tokens: {full:.1%} full")
