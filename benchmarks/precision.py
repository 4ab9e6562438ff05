"""python benchmarks/precision.py [--tiny] [--only WAY …]

Trains the same adapter in float32, bfloat16 and float16 (with loss scaling, as on a T4), each by the plain path, the fused one,
the packed and fused one, and Unsloth, and compares the losses with float32's: the first 10 of 30 steps have a bar, the others are reported. Each loss is compared with the model's
own logits before the first step, and the validation loss with plain logits. A float16 run whose loss scale starts far too large
has to count its skipped steps. Writes benchmarks/results/precision.json.

On a GPU: the shape of SmolLM2-135M with random weights, in 4 bit, all runs at once, two minutes. On a CPU: a tiny model without
quantisation, in float32 and bfloat16, since torch scales losses on GPUs only. Needs no network and no Hub.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import bar, print_bars, write_results  # noqa: E402

RESULTS = HERE / "results" / "precision.json"
STEPS, BATCH, LONGEST = 30, 8, 1024
COMPARED = (
    10  # first steps; later the random base falls so fast that rounding grows from step to step, in bfloat16 most
)
WAYS = ("plain", "fused", "packed", "unsloth")
PRECISIONS = ("float32", "bfloat16", "float16")
TOO_LARGE = 2.0**34  # a loss scale that overflows float16 for some steps, and halves at each
APART = {"bfloat16": 0.02, "float16": 0.01}  # nats per token, at most, at any of the steps
SHAPES = {
    "SmolLM2-135M": {"vocab_size": 49_152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
                     "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True},
    "tiny": {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True},
}  # fmt: skip


def write_base(folder: Path, shape: str) -> None:
    """Write a random model of this shape, in bfloat16, whose values float16 and float32 hold exactly, and a tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.tiny_world import train_tokenizer

    torch.manual_seed(0)
    special = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "max_position_embeddings": LONGEST}
    LlamaForCausalLM(LlamaConfig(**SHAPES[shape], **special)).to(torch.bfloat16).save_pretrained(folder)  # pyright: ignore[reportArgumentType]
    train_tokenizer().save_pretrained(folder)


def examples(tokenizer: Any) -> tuple[list[tuple[list[int], list[int]]], list[tuple[list[int], list[int]]]]:
    """Prompt and answer tokens of the training rows, and of the validation rows."""
    from tests.tiny_world import row
    from titlecraft.prompt import PromptFormat, encode_completions, encode_prompts
    from titlecraft.settings import Prompt

    prompt = PromptFormat.from_settings(Prompt())

    def encoded(numbers: range) -> list[tuple[list[int], list[int]]]:
        rows = [row(number) for number in numbers]
        questions = encode_prompts(tokenizer, [prompt.render(entry["instruction"], entry["input"]) for entry in rows])
        answers = encode_completions(tokenizer, [entry["output"] for entry in rows])
        return [(list(question), list(answer)) for question, answer in zip(questions, answers, strict=True)]

    return encoded(range(200)), encoded(range(300, 332))


def load(folder: Path, way: str, precision: str) -> Any:
    """The base, in 4 bit on a GPU."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype = getattr(torch, precision)
    if way == "unsloth":
        from unsloth import FastLanguageModel  # pyright: ignore[reportMissingImports]

        return FastLanguageModel.from_pretrained(
            str(folder), max_seq_length=LONGEST, dtype=dtype, load_in_4bit=True, trust_remote_code=False
        )[0]
    on_gpu = torch.cuda.is_available()
    four_bit = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        quantization_config=four_bit if on_gpu else None,
        device_map={"": 0} if on_gpu else None,
        trust_remote_code=False,
    ).eval()


def same_adapter(model: Any) -> None:
    """Give the adapter the same random A matrices however it was made."""
    import torch

    drawn = torch.Generator().manual_seed(1)
    for name, weight in sorted(model.named_parameters()):
        if "lora_A" in name:
            bound = 3**0.5 * weight.shape[1] ** -0.5
            weight.data.copy_((torch.rand(weight.shape, generator=drawn) * 2 - 1) * bound)


def trained(
    folder: Path, way: str, precision: str, scale: float | None = None, validated: bool = True
) -> dict[str, Any]:
    """Train; returns the losses, the skipped steps, what the guard found, and the validation against plain logits."""
    if way == "unsloth":
        import unsloth  # noqa: F401  # before transformers  # pyright: ignore[reportMissingImports]
    import numpy as np
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer, set_seed

    from titlecraft.models.base.model import LoadedBase
    from titlecraft.models.loss.answer_nll import plain_nll
    from titlecraft.records import Pin
    from titlecraft.settings import Lora, Training
    from training.data.packing import longest_of_rows, packed_dataset
    from training.model.build import add_adapter
    from training.model.kernels import apply_kernels, remove_kernels
    from training.model.own_loss import check_own_loss, measure
    from training.planning.validation_schedule import Schedule
    from training.trainer import make_trainer, run_all_steps
    from training.validation.validator import Sample

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    pairs, held = examples(tokenizer)
    dataset: Any = Dataset.from_dict(
        {
            "input_ids": [question + answer for question, answer in pairs],
            "labels": [[-100] * len(question) + answer for question, answer in pairs],
        }
    )
    lengths = np.array([len(ids) for ids in dataset["input_ids"]])
    packed = way == "packed"
    training = Training(
        backend="unsloth" if way == "unsloth" else "trl",
        batch_size=1 if packed else BATCH,
        accumulation=1,
        max_steps=STEPS,
        warmup_steps=2,
        learning_rate=1e-3,
        optimizer="adamw_torch",
        gradient_checkpointing=not packed,
        packing=packed,
        fused_kernels=way in ("fused", "packed"),
        precision=precision,  # pyright: ignore[reportArgumentType]  # one of PRECISIONS
    )
    base = Pin(type="model", repo="random/base", revision="0" * 40)
    set_seed(1)
    loaded = LoadedBase(load(folder, way, precision), tokenizer, "nf4", None, precision)
    model = add_adapter(loaded, base, Lora(dropout=0.0), training)
    same_adapter(model)
    if packed:
        dataset = packed_dataset(dataset, lengths, LONGEST, seed=1)
        lengths = longest_of_rows(dataset, lengths)
    yardstick = measure(model, dataset, lengths, training.batch_size)
    kernels = apply_kernels(model, training)[1] if way != "unsloth" else "unsloth"
    with tempfile.TemporaryDirectory() as work:
        sample = Sample(held, Schedule(10, len(held), STEPS, 0.1)) if validated else None
        trainer = make_trainer(model, tokenizer, dataset, training, precision, Path(work), None, sample)
        guards = check_own_loss(trainer, yardstick, training, base)
        if scale:
            trainer.accelerator.scaler = torch.amp.GradScaler("cuda", init_scale=scale)
        started = time.perf_counter()
        run_all_steps(trainer)
    lines = [line for line in trainer.state.log_history if "loss" in line]
    found: dict[str, Any] = {
        "losses": [round(float(line["loss"]), 5) for line in lines],
        "skipped": trainer.health.skipped,
        "steps_without_a_norm": sum("grad_norm" not in line for line in lines),
        "final_scale": trainer.accelerator.scaler.get_scale() if trainer.accelerator.scaler else None,
        "guards": [check.found for check in guards],
        "kernels": kernels,
        "examples": int(trainer.seen["examples"]),
        "visible_gpus": torch.cuda.device_count(),
        "wrapped": type(trainer.model_wrapped).__name__,
        "seconds": round(time.perf_counter() - started, 2),
    }
    if trainer.validator:
        if way != "unsloth":
            remove_kernels(model)
        model.eval()
        with torch.no_grad():
            plain = sum(plain_nll(model, *pair) for pair in held) / sum(len(answer) for _, answer in held)
        points = {point.step: point.loss for point in trainer.validator.points}
        found |= {"validation": points, "kept": trainer.validator.kept().step, "plain_nll_of_kept": round(plain, 5)}
    return found


def runs(tiny: bool, only: list[str]) -> dict[str, list[str]]:
    """Name of each run -> its arguments."""
    names = {f"{way}, {precision}": [way, precision] for way in WAYS for precision in PRECISIONS}
    del names["unsloth, float32"]  # Unsloth has no kernels for it
    if tiny:
        names = {
            name: run for name, run in names.items() if run[0] in ("plain", "fused", "packed") and run[1] != "float16"
        }
    else:
        for way in ("plain", "packed", "unsloth"):
            names[f"{way}, float16, overflowing"] = [way, "float16", "--scale", str(TOO_LARGE)]
        for way in ("plain", "packed", "unsloth"):
            names[f"{way}, float16, not validated"] = [way, "float16", "--not-validated"]
    return {name: run for name, run in names.items() if not only or run[0] in only}


def all_at_once(names: dict[str, list[str]], folder: Path, limit: float) -> dict[str, dict[str, Any]]:
    """The result of each run; runs in processes of their own, as many at once as there are cores but one."""
    waiting, running, found = list(names), {}, {}
    started = time.monotonic()
    while waiting or running:
        while waiting and len(running) < max(1, (os.cpu_count() or 2) - 1):
            name = waiting.pop(0)
            log = (folder / f"{name}.log").open("w+")
            environment = os.environ | {"UNSLOTH_COMPILE_LOCATION": str(folder / f"compiled {name}")}
            command = [sys.executable, __file__, "--part", str(folder), *names[name]]
            running[name] = (subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment), log)
        for name, (process, log) in list(running.items()):
            if process.poll() is None and time.monotonic() - started < limit:
                continue
            process.kill()
            log.seek(0)
            output = log.read()
            results = [line for line in output.splitlines() if line.startswith('{"losses"')]
            found[name] = json.loads(results[-1]) if results else {"failed": output[-1500:]}
            del running[name]
            print(f"{time.monotonic() - started:5.0f} s  {name}: {str(found[name])[:160]}", flush=True)
        time.sleep(0.2)
    return found


def apart(first: list[float], second: list[float]) -> float:
    """The largest difference of two lists."""
    return round(max(abs(one - other) for one, other in zip(first, second, strict=True)), 6)


def judge(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The bars: losses against float32's, validations against plain logits, and skipped steps counted."""
    bars = []
    for name, run in found.items():
        if "failed" in run:
            bars.append({"name": f"{name}: runs", "value": 0, "bar": 1, "unit": "run", "holds": False})
            continue
        way, precision, *special = name.split(", ")
        if special == ["overflowing"]:
            counted = run["skipped"] - run["steps_without_a_norm"]
            bars.append(bar(f"{way}: overflowing steps", run["skipped"], 1, "skipped, at least", larger=True))
            bars.append(bar(f"{way}: skipped but not counted", abs(counted), 0, "steps"))
            continue
        if special:
            same = apart(run["losses"], found[f"{way}, {precision}"]["losses"])
            bars.append(bar(f"{name}: losses with and without validation", same, 1e-3, "nats apart"))
            continue
        reference = found.get(f"{way if way != 'unsloth' else 'plain'}, float32")
        if precision != "float32" and reference and "losses" in reference:
            first, all_steps = (
                apart(run["losses"][:steps], reference["losses"][:steps]) for steps in (COMPARED, STEPS)
            )
            run["apart_in_all_steps"] = all_steps
            bars.append(bar(f"{name}: losses against float32", first, APART[precision], "nats apart"))
        if way != "packed":
            doubled = run["examples"] / (STEPS * BATCH)  # with DataParallel over all visible GPUs, their number
            bars.append(bar(f"{name}: examples of a step", doubled, 1, "times batch_size"))
        kept = run["validation"][str(run["kept"])]
        bars.append(
            bar(
                f"{name}: validation against plain logits",
                abs(kept - run["plain_nll_of_kept"]),
                0.02,
                "nats apart",
            )
        )
    return bars


def main() -> None:
    """Run every way in every precision, print the bars, and write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    options.add_argument("--only", nargs="+", choices=WAYS, default=[], help="print, and write nothing but to --out")
    options.add_argument("--limit", type=float, default=600, help="seconds for all runs")
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    options.add_argument("--scale", type=float, help=argparse.SUPPRESS)
    options.add_argument("--not-validated", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.part:
        folder, way, precision = given.part
        print(
            "\n" + json.dumps(trained(Path(folder), way, precision, given.scale, not given.not_validated)), flush=True
        )
        return
    import torch

    tiny = given.tiny or not torch.cuda.is_available()
    with tempfile.TemporaryDirectory(prefix="titlecraft-precision-") as folder:
        write_base(Path(folder), "tiny" if tiny else "SmolLM2-135M")
        found = all_at_once(runs(tiny, given.only), Path(folder), given.limit)
    bars = judge(found)
    print_bars(bars)
    if given.only and given.out == RESULTS:
        return
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    result = {"device": device, "torch": torch.__version__, "shape": "tiny" if tiny else "SmolLM2-135M"}
    write_results(given.out, result | {"steps": STEPS, "bars": bars, "measured": found})


if __name__ == "__main__":
    main()
