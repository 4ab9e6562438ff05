"""python benchmarks/training_sharded.py      on a machine with two GPUs

Trains with a sharded base (training.shard_base) on two GPUs, with random weights that every process draws alike: the adapter on
8 layers of Llama 3 8B's width, sharded and unsharded, with fused kernels and without; then a base of Llama 3 70B's shape in
4 bit, and one in bfloat16 that exceeds the memory of a card. Writes memory and rows per second into the part "sharded" of
benchmarks/results/training_gpus.json; about two minutes.
"""

import gc
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.bars import bar, print_bars  # noqa: E402
from benchmarks.torchrun import of_ranks  # noqa: E402

RESULTS = HERE / "results" / "training_gpus.json"
LAYERS = {"8B width": 8, "70B, 4 bit": 80}
LAYER_OF_70B = 855_654_400  # parameters of a decoder layer of Llama 3 70B
WIDTHS = {
    "8B": {"hidden_size": 4096, "intermediate_size": 14_336, "num_attention_heads": 32},
    "70B": {"hidden_size": 8192, "intermediate_size": 28_672, "num_attention_heads": 64},
    "tiny": {"hidden_size": 128, "intermediate_size": 256, "num_attention_heads": 4},
}
MOST_APART = 0.02  # of the adapter's largest weight: kernels sum in another order in bfloat16


def skeleton(width: str, layers: int, four_bit: bool) -> Any:
    """A Llama without weights, on the meta device, with 4-bit layers if asked."""
    import torch
    from transformers import BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM
    from transformers.integrations.bitsandbytes import replace_with_bnb_linear

    shape: dict[str, Any] = dict(WIDTHS[width])
    config = LlamaConfig(
        vocab_size=128_256 if width != "tiny" else 8000,
        num_hidden_layers=layers,
        num_key_value_heads=8 if width != "tiny" else 2,
        max_position_embeddings=8192,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        **shape,
    )
    with torch.device("meta"):
        model: Any = LlamaForCausalLM(config)
        model.to(torch.bfloat16)
    if four_bit:
        settings = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        model = replace_with_bnb_linear(model, modules_to_not_convert=["lm_head"], quantization_config=settings)
        model.is_loaded_in_4bit = True
    return model.eval()


class Drawer:
    """Draws weights of modules on the meta device: the n-th tensor is the same in every process and every run."""

    def __init__(self) -> None:
        self.drawn = 0

    def normal_(self, tensor: Any) -> None:
        """Fill a tensor."""
        import torch

        self.drawn += 1
        tensor.normal_(std=0.02, generator=torch.Generator(tensor.device).manual_seed(self.drawn))


def draw_weights(drawer: Drawer, modules: Any, device: Any) -> None:
    """Draw the weights of modules on the meta device, and pack 4-bit ones."""
    import torch
    from bitsandbytes.nn.modules import Linear4bit, Params4bit

    for module in modules:
        for name, weight in list(module._parameters.items()):
            if weight is None or weight.device.type != "meta":
                if weight is not None:
                    weight.data = weight.data.to(device)
                continue
            drawn = torch.empty(weight.shape, dtype=weight.dtype, device=device)
            drawn.fill_(1) if weight.ndim == 1 else drawer.normal_(drawn)
            parameter = torch.nn.Parameter(drawn, requires_grad=weight.requires_grad)
            if isinstance(module, Linear4bit) and name == "weight":
                four_bit: Any = Params4bit
                packed: Any = four_bit(
                    drawn.cpu() if device.type == "cpu" else drawn, requires_grad=False, quant_type="nf4", module=module
                )
                packed.data = drawn
                packed = packed._quantize(device)
                module.weight, module.quant_state = packed, packed.quant_state
                continue
            module._parameters[name] = parameter
        for name, buffer in list(module._buffers.items()):
            if buffer is not None and buffer.device.type == "meta":
                from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

                rotary: Any = LlamaRotaryEmbedding
                fresh = rotary(module.config, device=device)
                module._buffers[name] = getattr(fresh, name)
                module.attention_scaling = fresh.attention_scaling


def fill(drawer: Drawer, modules: Any, device: Any) -> None:
    """As `draw_weights`, with 4-bit weights unwrapped for FSDP."""
    from training.model.sharded_base import unwrap_4bit_weights

    modules = list(modules)
    draw_weights(drawer, modules, device)
    for module in modules:
        unwrap_4bit_weights(module)


def measured(
    width: str,
    layers: int,
    four_bit: bool,
    sharded: bool,
    fused: bool,
    rows: int,
    steps: int,
    long: int = 2048,
    checkpointing: bool = False,
) -> dict[str, Any]:
    """Train `steps` steps of `rows` packed rows in each process; the memory of this one, rows per second of all, the adapter."""
    import numpy as np
    import torch
    from torch.distributed import all_reduce
    from transformers import set_seed

    from benchmarks.training_speed import encoded
    from benchmarks.world.step_clock import StepClock
    from tests.tiny_world import train_tokenizer
    from titlecraft.models.base.model import LoadedBase
    from titlecraft.process import distributed
    from titlecraft.records import Pin
    from titlecraft.settings import Lora, Training
    from training.data.packing import packed_dataset
    from training.model.build import add_adapter
    from training.model.kernels import apply_kernels
    from training.model.sharded_base import shard_base
    from training.trainer import make_trainer, run_all_steps

    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", distributed.local_rank()) if on_gpu else torch.device("cpu")
    started = time.perf_counter()
    training = Training(
        backend="trl",
        batch_size=rows,
        accumulation=1,
        max_steps=steps,
        warmup_steps=0,
        packing=True,
        fused_kernels=fused,
        gradient_checkpointing=checkpointing,
        optimizer="adamw_torch_fused" if on_gpu else "adamw_torch",
        shard_base=sharded,
        precision="bfloat16",
    )
    model, drawer = skeleton(width, layers, four_bit), Drawer()
    set_seed(training.seed)
    if not sharded:
        layers_of = model.model.layers  # drawn in the order in which `shard_base` asks for them
        inside = {id(module) for module in layers_of.modules()} - {id(layers_of)}
        draw_weights(drawer, [module for module in model.modules() if id(module) not in inside], device)
        draw_weights(drawer, [module for module in model.modules() if id(module) in inside], device)
        model.hf_device_map = {"": device.index or 0} if on_gpu else {"": "cpu"}
    tokenizer = train_tokenizer()
    loaded = LoadedBase(model, tokenizer, "nf4" if four_bit else "none", None, "bfloat16")
    state = torch.get_rng_state()
    peft = add_adapter(loaded, Pin(type="model", repo="ns/random", revision="0" * 40), Lora(dropout=0.0), training)
    drawn = torch.Generator().manual_seed(1)
    for name, weight in peft.named_parameters():  # made on the meta device where the base is
        module, _, last = name.rpartition(".")
        if "lora_A" in name or "lora_B" in name:
            value = torch.randn(weight.shape, generator=drawn) * 0.02 if "lora_A" in name else torch.zeros(weight.shape)
            peft.get_submodule(module)._parameters[last] = torch.nn.Parameter(value.to(device))
    torch.set_rng_state(state)
    set_seed(training.seed)
    shares = shard_base(peft, partial(fill, drawer)) if sharded else None
    kernels = apply_kernels(peft, training)[1]
    held = torch.cuda.memory_allocated(device) / 1e9 if on_gpu else 0.0
    base_seconds = time.perf_counter() - started
    dataset = encoded(1200).filter(lambda entry: len(entry["input_ids"]) <= long)
    lengths = np.array([len(ids) for ids in dataset["input_ids"]])
    dataset = packed_dataset(dataset, lengths, long, training.seed)
    with tempfile.TemporaryDirectory() as work:
        trainer = make_trainer(peft, tokenizer, dataset, training, "bfloat16", Path(work))
        clock = StepClock(trainer.seen)
        trainer.add_callback(clock.callback)
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(device)
        run_all_steps(trainer)
    peak = torch.cuda.max_memory_allocated(device) / 1e9 if on_gpu else 0.0
    rates = clock.rates()
    total = torch.tensor([rates["rows_per_second"], rates["tokens_per_second"]], device=device)
    all_reduce(total)
    losses = [round(float(line["loss"]), 4) for line in trainer.state.log_history if "loss" in line]
    adapter = {name: weight.detach().float().cpu() for name, weight in peft.named_parameters() if weight.requires_grad}
    return {
        "layers": layers,
        "kernels": kernels,
        "rows_per_second": round(float(total[0]), 2),
        "tokens_per_second": round(float(total[1]), 1),
        "step_seconds": rates["step_seconds"],
        "layers_gb_here_and_in_all": [round(share / 1e9, 6) for share in shares] if shares else None,
        "gb_before_the_first_step": round(held, 2),
        "peak_gb": round(peak, 2),
        "seconds_until_the_first_step": round(base_seconds, 1),
        "losses": losses,
        "adapter": adapter,
    }


def more_than_a_card() -> int:
    """Number of layers of Llama 3 70B whose weights in bfloat16 exceed the memory of this card."""
    import torch

    return torch.cuda.get_device_properties(0).total_memory // (2 * LAYER_OF_70B) + 1


def part(tiny: bool) -> None:
    """Measure everything in this process; rank 0 prints the results."""
    import torch

    from titlecraft.process import distributed

    distributed.init_process_group()
    distributed.use_own_gpu()
    results: dict[str, Any] = {}

    def run(name: str, **how: Any) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            found = measured(**how)
        except Exception as error:
            import traceback

            traceback.print_exc()
            found = {"failed": f"{type(error).__name__}: {error}"[:500]}
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        results[name] = {key: value for key, value in found.items() if key != "adapter"}
        if distributed.is_rank0():
            print(
                f"{time.perf_counter() - started:5.0f} s  {name}: {json.dumps(results[name])}",
                file=sys.stderr,
                flush=True,
            )
        return found

    small: dict[str, Any] = {
        "width": "tiny" if tiny else "8B",
        "layers": 2 if tiny else LAYERS["8B width"],
        "four_bit": True,
    }
    small |= {"rows": 1 if tiny else 4, "steps": 4 if tiny else 12, "long": 256 if tiny else 2048}
    adapters = {
        name: run(f"8B width, {name}", sharded="unsharded" not in name, fused="fused" in name, **small).get("adapter")
        for name in ("unsharded, fused", "unsharded, plain", "sharded, fused", "sharded, plain")
    }
    for kind in ("fused", "plain"):
        one, other = adapters[f"unsharded, {kind}"], adapters[f"sharded, {kind}"]
        if one and other:
            names = dict(zip(sorted(one), sorted(other), strict=True))
            largest = max(float(weight.abs().max()) for name, weight in one.items() if "lora_B" in name)
            difference = max(
                float((weight - other[names[name]]).abs().max()) for name, weight in one.items() if "lora_B" in name
            )
            results[f"8B width, sharded, {kind}"]["lora_B_apart"] = difference
            results[f"8B width, sharded, {kind}"]["largest_lora_B"] = largest
    adapters.clear()
    large: dict[str, Any] = {"width": "70B", "rows": 2, "long": 2048} if not tiny else small
    large |= {"sharded": True, "fused": True, "steps": 5, "checkpointing": True}
    for name, four_bit in (("70B, 4 bit", True), ("70B shape, bfloat16", False)):
        run(name, **large | {"four_bit": four_bit, "layers": 2 if tiny else LAYERS.get(name) or more_than_a_card()})
    if distributed.is_rank0():
        if torch.cuda.is_available():
            card = torch.cuda.get_device_properties(0)
            results |= {"gpu": card.name, "card_gb": round(card.total_memory / 1e9, 1)}  # pyright: ignore[reportArgumentType]
        print("\n" + json.dumps({"sharded": results}), flush=True)
    distributed.destroy_process_group()


def judge(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The bars: the adapter as on an unsharded base, half of the layers in each process, a base larger than a card."""
    bars = []
    for kind in ("fused", "plain"):
        run = found[f"8B width, sharded, {kind}"]
        if run.get("largest_lora_B"):
            share = run["lora_B_apart"] / run["largest_lora_B"]
            bars.append(
                bar(f"adapter, sharded and unsharded, {kind}", round(share, 6), MOST_APART, "of its largest weight")
            )
    for name in ("70B, 4 bit", "70B shape, bfloat16"):
        if "peak_gb" in found.get(name, {}):
            here, everywhere = found[name]["layers_gb_here_and_in_all"]
            bars.append(bar(f"{name}: layers in one process", round(here / everywhere, 4), 0.51, "of all layers"))
            bars.append(bar(f"{name}: peak", found[name]["peak_gb"], found["card_gb"], "GB of a card"))
    if "peak_gb" in found.get("70B shape, bfloat16", {}):
        layers = found["70B shape, bfloat16"]["layers_gb_here_and_in_all"][1]
        bars.append(
            bar("70B shape, bfloat16: all layers", layers, found["card_gb"], "GB, more than a card", larger=True)
        )
    return bars


def main() -> None:
    """Run in two processes, print the bars, and add them to the results of training_gpus.py."""
    tiny = "--tiny" in sys.argv
    if "--part" in sys.argv:
        return part(tiny)
    os.environ.setdefault("OMP_NUM_THREADS", "8")
    found = of_ranks(__file__, 2, '{"sharded"', *(["--tiny"] if tiny else []))["sharded"]
    bars = judge(found)
    print_bars(bars)
    if tiny:
        return
    result = json.loads(RESULTS.read_bytes())
    result["sharded"] = {"gpu": f"2 × {found.pop('gpu')}", "bars": bars, "measured": found}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
