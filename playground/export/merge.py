"""Adapter + the base it was trained on -> one plain transformers model in a folder, and the proof that it is the same model.

The base is loaded as for training, 4-bit layers unpacked to what training multiplied with. The update is added in float32
and the sum rounded once, to the type of the model; nothing is ever merged into 4-bit weights.
"""

import gc
import shutil
from pathlib import Path
from typing import Any

import msgspec

from evaluation.guards import check_scores
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
NO_ROOM = (
    "the GPU's memory does not hold the unpacked base ({error}): with CUDA_VISIBLE_DEVICES= in front, the same command "
    "merges in main memory, slower"
)


def merged_model(found: Adapter, key: str, titles: int, seed: int, work: Path) -> tuple[Path, Merged]:
    """Folder below `work` with the merged model, and its record; made anew unless this very one lies there whole.

    Raises UserError where the merged model is not as likely to say the references as base and adapter are.
    """
    folder = work / "merged"
    if there := whole(folder, work / NOTE, key):
        print(f"merged already; going on with {folder}")
        return folder, there
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"loading {found.training.base} and {found.adapter}", flush=True)
    with explain_out_of_memory(NO_ROOM):
        record = merge_and_check(found, key, titles, seed, folder)
    (work / NOTE).write_bytes(record.to_json())  # last: with it the merge is finished
    return folder, record


def merge_and_check(found: Adapter, key: str, titles: int, seed: int, folder: Path) -> Merged:
    """Merge into `folder`, load what was written, and compare; returns the record of both. Raises UserError."""
    loaded = load(found, unpack=True)
    sample = draw_titles(found, loaded, titles, seed)
    pad = loaded.tokenizer.pad_token_id
    with steady_threads(loaded.model):
        guards = [*loaded.checks, check_scores(loaded.model, sample, pad, batch_size=1)]
        before = scores(loaded.model, sample, pad, "base and adapter")
        parameters = merge_and_save(loaded, found, folder)
    precision, tokenizer = loaded.base.precision, loaded.tokenizer
    eight_bit = loaded.base.quantization == "int8"
    unpacking = next((one for one in loaded.checks if eight_bit and "copies of the 8-bit" in one.name), None)
    del loaded
    gc.collect()
    model = load_merged(folder, precision)
    with steady_threads(model):
        own = check_scores(model, sample, pad, batch_size=1)
        guards.append(msgspec.structs.replace(own, name=f"{own.name}, merged"))
        check = compare(before, scores(model, sample, pad, "merged"), precision, seed)
    (folder / PROMPT_FILE).write_bytes(found.prompt.to_json())
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


def whole(folder: Path, note: Path, key: str) -> Merged | None:
    """The record of a merge with this key that an earlier run finished, if its files are as they were."""
    if not note.is_file():
        return None
    record = read_record(note.read_bytes(), Merged, str(note))
    same = record.key == key and all(is_unchanged(folder, file) for file in record.files)
    return record if same else None


def merge_and_save(loaded: Loaded, found: Adapter, folder: Path) -> int:
    """Merge in place, and write model, tokenizer and generation settings; returns the number of parameters."""
    take_published_factors(loaded.model, download(found.adapter, list(ADAPTER_FILES)) / ADAPTER_WEIGHTS)
    model = merge(loaded.model)
    forget_quantisation(model)
    restore_conv1d(model)
    model.generation_config = decoding(found.training.generation, loaded.tokenizer)
    model.save_pretrained(folder, max_shard_size=SHARD)
    as_published(loaded.tokenizer)
    loaded.tokenizer.save_pretrained(folder)
    return int(model.num_parameters())


def take_published_factors(model: Any, file: Path) -> None:
    """Give the adapter its factors as published, in float32: they may have been rounded to compute with them."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()
    set_peft_model_state_dict(model, load_file(file))


def merge(model: Any) -> Any:
    """The base of a PeftModel with the adapter in its weights: W + s·BA in float32, then in W's own type (Hu et al. 2021)."""
    from peft.tuners.lora import LoraLayer

    for layer in [layer for layer in model.modules() if isinstance(layer, LoraLayer)]:
        base: Any = layer.get_base_layer()
        stored = base.weight.dtype
        base.weight.data = base.weight.data.float()
        layer.merge(safe_merge=True)
        base.weight.data = base.weight.data.to(stored)
    return model.unload()


def decoding(settings: Generation, tokenizer: Any) -> Any:
    """generation_config.json: how the recipe says that the adapter is asked, and the tokens that begin, end and pad."""
    from transformers import GenerationConfig

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
    """The model as its users will load it, on this process's GPU where there is one."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

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
