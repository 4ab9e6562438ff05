"""Everything before the first step: base, adapter, what is fused or shared out, packing, and the checks that must hold."""

from dataclasses import dataclass
from typing import Any

from titlecraft.models.adapter.probe import probe_logits
from titlecraft.models.base.model import LoadedBase
from titlecraft.process import distributed
from titlecraft.prompt import PromptFormat
from titlecraft.records import Check, Pin
from titlecraft.settings import Recipe
from training.data.examples import Encoded, Examples
from training.model.build import add_adapter, apply_kernels, load_for_training, require_packable
from training.model.own_loss import Yardstick
from training.model.router_loss import leave_router_loss_out
from training.model.sharded_base import shard_base
from training.planning.known_base import require_lora_targets


@dataclass(frozen=True)
class Prepared:
    """All that is there before the first step, and has been found right.

    Args:
        recipe: as it is carried out: batch and checkpointing may have been chosen by the GPU's memory.
        loaded: the base, and its tokenizer.
        model: the base with the fresh adapter around it.
        examples: what the training split gives.
        dataset: what the trainer draws from: the examples, or packed rows of them.
        probe, base_logits: an example's token ids, and what the base makes of them.
        yardstick: the loss of some items by plain logits, before anything was put over the model.
        facts: what the record says of the model and how it is computed.
        checks: what was verified.
        held_out: as in Encoded.
    """

    recipe: Recipe
    loaded: LoadedBase
    model: Any
    examples: Examples
    dataset: Any
    probe: list[int]
    base_logits: Any
    yardstick: Yardstick
    facts: dict[str, Any]
    checks: list[Check]
    held_out: list[tuple[list[int], list[int]]]


def prepare(encoded: Encoded, base: Pin, prompt: PromptFormat, recipe: Recipe, note: str | None) -> Prepared:
    """Load, add the adapter, and check everything that must hold before the first step. Raises UserError."""
    from transformers import set_seed

    from training import checks
    from training.data.packing import longest_of_rows, packed_dataset
    from training.model.own_loss import measure

    split, examples, longest = encoded.split, encoded.examples, encoded.longest
    if recipe.training.packing:
        require_packable(encoded.config, base, longest)
    set_seed(recipe.training.seed)  # before the adapter's weights are drawn: SFTTrainer seeds too late for them
    loaded = load_for_training(base, recipe.base, recipe.training)
    if loaded.quantization_note:
        print(loaded.quantization_note)
    require_lora_targets(loaded.model, recipe.lora, base)
    found = checks.check_examples(examples, split, loaded.tokenizer, prompt, longest)
    probe = examples.dataset[0]["input_ids"]
    base_parameters = loaded.model.num_parameters()
    expected = checks.expected_trainable(loaded.model, recipe.lora.r, recipe.lora.target_modules)
    model = add_adapter(loaded, base, recipe.lora, recipe.training)
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    found.append(checks.check("trainable parameters: r·(in+out) over the adapted layers", expected, trainable))
    checks.require(found)
    if (
        recipe.training.backend == "trl" and not recipe.training.shard_base
    ):  # a base to be shared out may not fit here whole
        checks.require_gradients(model, probe, base)
    if recipe.training.shard_base:
        kept, whole = (size / 1e9 for size in shard_base(model))
        print(f"base shared out between {distributed.world_size()} processes: {kept:.3g} GB of {whole:.3g} in each")
    router_note = leave_router_loss_out(model)
    dataset, lengths = examples.dataset, examples.lengths
    if recipe.training.packing:
        dataset = packed_dataset(dataset, lengths, longest, recipe.training.seed)
        lengths = longest_of_rows(dataset, lengths)
    yardstick = measure(model, dataset, lengths, recipe.training.batch_size)  # before anything is put over the model
    attention, fused = apply_kernels(model, recipe.training)
    if recipe.training.packing or recipe.training.fused_kernels:
        print(f"attention: {attention}; fused kernels: {fused}")
    with model.disable_adapter():  # by the kernels that it is trained with: others round otherwise
        base_logits = probe_logits(model, probe)
    checks.require_finite_logits(
        base_logits, f"{base} in {loaded.precision}", "set another --training.precision, or another base.repo"
    )
    if recipe.training.packing:
        full = int(examples.lengths.sum()) / (len(dataset) * longest)
        print(
            f"packed {len(examples.dataset):,} examples into {len(dataset):,} rows of {longest:,} tokens: {full:.1%} full"
        )
        found += checks.require(checks.check_packing(model, dataset))
    facts = {
        "attention": attention, "fused_kernels": fused, "memory_note": note,
        "router_note": router_note,
        "trainable_parameters": trainable, "base_parameters": base_parameters,
    }  # fmt: skip
    return Prepared(
        recipe, loaded, model, examples, dataset, probe, base_logits, yardstick, facts, found, encoded.held_out
    )
