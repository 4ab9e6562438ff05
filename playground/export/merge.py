"""Merge an adapter into its base model and check that the merged model gives the same NLL.

The base is loaded as in training, with 4-bit layers dequantised. The update is added in float32 and the sum rounded once, to the
dtype of the model; nothing is merged into 4-bit weights.
"""

import gc
import shutil
from pathlib import Path
from typing import Any

import msgspec
import torch
from peft import set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from evaluation.guards import check_scores
from playground.export.gguf_loss import CheckedTitle
from playground.export.merge_check import compare, draw_titles, scores
from titlecraft.files import is_unchanged
from titlecraft.hub.pins import download
from titlecraft.models.adapter.load import Loaded, load
from titlecraft.models.adapter.read import Adapter
from titlecraft.models.attention.document import caps_scores
from titlecraft.models.base.four_bit import forget_quantisation, restore_conv1d
from titlecraft.models.base.tokenizer import as_published
from titlecraft.process.out_of_memory import explain_out_of_memory
from titlecraft.process.threads import steady_threads
from titlecraft.records import describe_file, read_record
from titlecraft.records.export import Merged
from titlecraft.records.repo_files import ADAPTER_FILES, ADAPTER_WEIGHTS, PROMPT_FILE
from titlecraft.settings import Generation

SHARD = "4GB"  # most bytes of one safetensors file
NOTE = "merged.json"
TITLES = "checked_titles.json"
OUT_OF_MEMORY = (
    "the GPU's memory does not hold the unpacked base ({error}): with CUDA_VISIBLE_DEVICES= in front, the same command "
    "merges in main memory, slower"
)


def merged_model(adapter: Adapter, key: str, titles: int, seed: int, work: Path) -> tuple[Path, Merged]:
    """Merge into a folder below `work`, unless it already has the merge with this key; returns the folder and the record.

    Raises UserError if the NLL of the merged model differs from that of base and adapter.
    """
    folder = work / "merged"
    if record := load_if_complete(folder, work / NOTE, key):
        print(f"already merged; continuing with {folder}")
        return folder, record
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"loading {adapter.training.base} and {adapter.adapter}", flush=True)
    with explain_out_of_memory(OUT_OF_MEMORY):
        record = merge_and_check(adapter, key, titles, seed, folder)
    (work / NOTE).write_bytes(record.to_json())  # last, because it marks the merge as complete
    return folder, record


def merge_and_check(adapter: Adapter, key: str, titles: int, seed: int, folder: Path) -> Merged:
    """Merge into `folder`, load the result from disk and compare it with base and adapter. Raises UserError."""
    loaded = load(adapter, unpack=True)
    sample = draw_titles(adapter, loaded, titles, seed)
    checked = [CheckedTitle(one.title, list(one.prompt_tokens), list(one.reference_tokens)) for one in sample]
    (folder.parent / TITLES).write_bytes(msgspec.json.encode(checked))
    pad = loaded.tokenizer.pad_token_id
    with steady_threads(loaded.model):
        guards = [*loaded.checks, check_scores(loaded.model, sample, pad, batch_size=1)]
        before = scores(loaded.model, sample, pad, "base and adapter")
        parameters = merge_and_save(loaded, adapter, folder)
    precision, tokenizer = loaded.base.precision, loaded.tokenizer
    eight_bit = loaded.base.quantization == "int8"
    unpacking = next((check for check in loaded.checks if eight_bit and "copies of the 8-bit" in check.name), None)
    del loaded
    gc.collect()
    model = load_merged(folder, precision)
    with steady_threads(model):
        own = check_scores(model, sample, pad, batch_size=1)
        guards.append(msgspec.structs.replace(own, name=f"{own.name}, merged"))
        check = compare(before, scores(model, sample, pad, "merged"), precision, seed)
    (folder / PROMPT_FILE).write_bytes(adapter.prompt.to_json())
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return Merged(
        key=key,
        dtype=precision,
        parameters=parameters,
        check=check,
        unpacking=unpacking,
        files=[describe_file(folder, file) for file in files],
        guards=tuple(guards),
        special_tokens={name: getattr(tokenizer, f"{name}_token") for name in ("bos", "eos", "pad")},
    )


def load_if_complete(folder: Path, note: Path, key: str) -> Merged | None:
    """The record of a complete merge with this key from an earlier run, if its files are unchanged; else None."""
    if not note.is_file():
        return None
    record = read_record(note.read_bytes(), Merged, str(note))
    is_same = record.key == key and all(is_unchanged(folder, file) for file in record.files)
    return record if is_same else None


def merge_and_save(loaded: Loaded, adapter: Adapter, folder: Path) -> int:
    """Merge in place and save model, tokenizer and generation config; returns the number of parameters."""
    take_published_factors(loaded.model, download(adapter.adapter, list(ADAPTER_FILES)) / ADAPTER_WEIGHTS)
    model = merge(loaded.model)
    forget_quantisation(model)
    restore_conv1d(model)
    model.config.eos_token_id = loaded.tokenizer.eos_token_id  # of a chat prompt, the end of the assistant's turn
    model.generation_config = decoding(adapter.training.generation, loaded.tokenizer)
    model.save_pretrained(folder, max_shard_size=SHARD)
    as_published(loaded.tokenizer, adapter.prompt)
    loaded.tokenizer.save_pretrained(folder)
    return int(model.num_parameters())


def take_published_factors(model: Any, file: Path) -> None:
    """Load the published LoRA factors in float32, because loading may have rounded them to the compute dtype."""
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()
    set_peft_model_state_dict(model, load_file(file))


def merge(model: Any) -> Any:
    """Merge the adapter of a PeftModel: W + s·BA in float32, then cast to the dtype of W (Hu et al. 2021)."""
    for layer in [layer for layer in model.modules() if isinstance(layer, LoraLayer)]:
        base: Any = layer.get_base_layer()
        stored = base.weight.dtype
        base.weight.data = base.weight.data.float()
        layer.merge(safe_merge=True)
        base.weight.data = base.weight.data.to(stored)
    return model.unload()


def decoding(settings: Generation, tokenizer: Any) -> Any:
    """The generation config: the recipe's decoding settings, and the BOS, EOS and padding tokens."""
    return GenerationConfig(
        do_sample=True,
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
        max_new_tokens=settings.max_new_tokens,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def load_merged(folder: Path, precision: str) -> Any:
    """Load the merged model with transformers, on the GPU if there is one."""
    device_map = {"": 0} if torch.cuda.is_available() else None
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=getattr(torch, precision),
        device_map=device_map,
        trust_remote_code=False,
        **({"attn_implementation": "eager"} if caps_scores(config) else {}),
    )
    return model.eval()
