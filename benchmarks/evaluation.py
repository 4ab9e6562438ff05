"""python benchmarks/evaluation.py      on a machine with a GPU of 80 GB or more (an H200)

Generating and scoring with an adapter on an 8B base, as evaluation/ does it for both arms, beside the notebook's loop: one
prompt at a time through transformers' pipeline, on the 4-bit base. Weights are random and answers always have 256 tokens.
Writes benchmarks/results/evaluation.json; about 7 minutes. Compiling the decoding step is in the minutes, loading is not.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
RESULTS = HERE / "results" / "evaluation.json"
BASE = Path(os.environ.get("TITLECRAFT_RANDOM_8B", "/tmp/titlecraft-random-8b"))
TITLES, NEW_TOKENS, BATCH = 1000, 256, 256
LOOP_TOKENS, LOOP_PROMPTS = 64, 3
FLOP_PER_PARAMETER = 2  # forward only


def with_adapter(loaded: Any) -> Any:
    """A PeftModel in eval mode whose adapter does something."""
    import torch

    from titlecraft.records import Pin
    from titlecraft.settings import Lora, Training
    from training.model import add_adapter

    torch.manual_seed(1)
    training = Training(backend="trl", gradient_checkpointing=False)
    model = add_adapter(loaded, Pin(type="model", repo="ns/random-8b", revision="0" * 40), Lora(dropout=0.0), training)
    for name, one in model.named_parameters():
        if "lora_B" in name:
            one.data.normal_(std=0.01)
    return model.eval()


def notebook_loop(model: Any, tokenizer: Any, prompts: list[list[int]]) -> dict[str, float]:
    """One prompt at a time through transformers.pipeline, after one to warm up; tokens a second."""
    from transformers import pipeline

    ask = pipeline("text-generation", model=model, tokenizer=tokenizer)
    texts = [tokenizer.decode(prompt) for prompt in prompts[: LOOP_PROMPTS + 1]]
    rates = []
    for text in texts:
        started = time.perf_counter()
        ask(text, max_new_tokens=LOOP_TOKENS, min_new_tokens=LOOP_TOKENS, do_sample=False, return_full_text=False)
        rates.append(LOOP_TOKENS / (time.perf_counter() - started))
    return {"tokens_per_second": round(median(rates[1:]), 2), "prompts": LOOP_PROMPTS}


def unpacked(model: Any, loaded: Any) -> Any:
    """As evaluation/load.py has it on a large GPU: plain bfloat16 layers, the adapter in bfloat16."""
    from dataclasses import replace

    from evaluation.load import dequantise

    base = model.unload()
    print("copies of the weights:", dequantise(base, "bfloat16").found, flush=True)
    model = with_adapter(replace(loaded, model=base, quantization="none"))
    for one in model.parameters():
        one.data = one.data.to(base.dtype)
    return model


def both_arms(model: Any, batches: list[Any], run: Any) -> tuple[float, list[float]]:
    """Run every batch with the adapter off and on, by turns, as TwoArms does; all seconds, and those of each run."""
    from contextlib import nullcontext

    import torch

    seconds = []
    started = time.perf_counter()
    for number, batch in enumerate(batches):
        for on in (number % 2 == 1, number % 2 == 0):
            begun = time.perf_counter()
            with nullcontext() if on else model.disable_adapter():
                run(batch)
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - begun)
    return time.perf_counter() - started, seconds


def ours(model: Any, tokenizer: Any, prompts: list[list[int]], pairs: list[Any]) -> dict[str, Any]:
    """1,000 titles in both arms: 256 tokens generated for each, and each reference scored."""
    import torch

    from evaluation.batches import length_sorted
    from evaluation.generate import Shape, generate
    from evaluation.score import reference_nll

    shape = Shape.of(BATCH, prompts)
    tokenizer.eos_token = "<pad>"  # random weights must not stop early
    writing = list(length_sorted(prompts, len, BATCH))
    written, each = both_arms(model, writing, lambda batch: generate(model, tokenizer, batch, NEW_TOKENS, shape))
    steady = median(each[2:])
    scoring = list(length_sorted(pairs, lambda pair: len(pair[0]) + len(pair[1]), BATCH))
    torch.cuda.empty_cache()
    warm = scoring[-1:]
    both_arms(model, warm, lambda batch: reference_nll(model, batch, 2))
    scored, parts = both_arms(model, scoring, lambda batch: reference_nll(model, batch, 2))
    tokens = 2 * sum(len(prompt) + len(reference) for prompt, reference in pairs)
    return {
        "generation": {"seconds": round(written, 1), "first_of_each_arm": [round(one, 1) for one in each[:2]],
                       "tokens_per_second": round(BATCH * NEW_TOKENS / steady), "batch": BATCH},
        "scoring": {"seconds": round(scored, 2), "tokens_per_second": round(tokens / scored),
                    "batches": [round(one, 2) for one in parts]},
        "peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 1),
    }  # fmt: skip


def main() -> None:
    """Loop, then ours, in one process on one model; the bars."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=RESULTS)
    asked = options.parse_args()
    import torch

    from benchmarks.random_8b import PARAMETERS, load_in_four_bit, rows, write_base
    from benchmarks.training import ceiling

    write_base(BASE)
    found = rows(TITLES)
    cut = [labels.count(-100) for labels in found["labels"]]
    prompts = [ids[:at] for ids, at in zip(found["input_ids"], cut, strict=True)]
    pairs = [(ids[:at], ids[at:]) for ids, at in zip(found["input_ids"], cut, strict=True)]
    top = ceiling()["tflops"] * 1e12 / (FLOP_PER_PARAMETER * PARAMETERS)
    loaded = load_in_four_bit(BASE)
    model, tokenizer = with_adapter(loaded), loaded.tokenizer
    loop = notebook_loop(model, tokenizer, prompts)
    print(json.dumps({"notebook_loop": loop}), flush=True)
    model = unpacked(model, loaded)
    measured = ours(model, tokenizer, prompts, pairs)
    minutes = (measured["generation"]["seconds"] + measured["scoring"]["seconds"]) / 60
    bars = [
        (
            "x_notebook_loop",
            measured["generation"]["tokens_per_second"] / loop["tokens_per_second"],
            600,
            "times",
            True,
        ),
        ("minutes_1000_titles", minutes, 4, "minutes of generating and scoring, both arms", False),
        ("scoring_share_of_ceiling", measured["scoring"]["tokens_per_second"] / top, 0.55, "share", True),
    ]
    result = {
        "gpu": torch.cuda.get_device_name(), "titles": TITLES, "new_tokens": NEW_TOKENS,
        "bars": [{"name": name, "value": round(value, 3), "bar": bar, "unit": unit,
                  "holds": value >= bar if larger else value <= bar} for name, value, bar, unit, larger in bars],
        "measured": {"notebook_loop": loop, **measured, "ceiling_tokens_per_second": round(top)},
    }  # fmt: skip
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
