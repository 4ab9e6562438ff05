"""python benchmarks/evaluation_speed.py [--only loop|evaluation|low-memory …]      on a machine with a GPU of 80 GB or more (an H200)
python benchmarks/evaluation_speed.py --tiny                                       the same code with a tiny base, on any machine

Measures `titlecraft evaluate` from pinned repos on an embedded Hub to the folder with the report, on an 8B base with random
weights: both arms, all measures, all statistics, the report. Compares it with the notebook's loop: one prompt at a time through
transformers' pipeline, on the 4-bit base. Also measures recipes/low-memory.yaml in 8 GB. Each part runs in its own process.
Writes benchmarks/results/evaluation.json after each part; about 8 minutes in all, several of them for making the base.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import bar, write_results  # noqa: E402

RESULTS = HERE / "results" / "evaluation.json"
BASE = Path(os.environ.get("TITLECRAFT_RANDOM_8B", "/tmp/titlecraft-random-8b"))
PARTS = ("loop", "evaluation", "low-memory")
LOOP_TOKENS, LOOP_PROMPTS = 32, 2
FLOP_PER_PARAMETER = 2  # forward only
LOW_MEMORY_BYTES = 8_000_000_000  # of tensors; a card of 8 GiB has 0.59 GB more, for CUDA's own use
SIZES = {  # titles, new tokens, batch, rows of both splits as the real file gives them, titles in low memory
    False: (1000, 256, 512, 1_200_000, 12_000, 32),
    True: (200, 64, 32, 5_000, 300, 32),
}


def make_base(tiny: bool) -> Path:
    """Return the folder with the weights."""
    if not tiny:
        from benchmarks.world.random_8b import write_base

        write_base(BASE)
        return BASE
    from tests import tiny_world

    folder = BASE.with_name("titlecraft-random-tiny")
    if not (folder / "config.json").exists():
        tiny_world.make_base(2_000, context=4_096).save_pretrained(folder)
    return folder


def with_adapter(loaded: Any, base: Any) -> Any:
    """Return a PeftModel in eval mode with a nonzero adapter."""
    import torch

    from benchmarks.world.random_8b import awaken
    from titlecraft.settings import Lora, Training
    from training.model.build import add_adapter

    torch.manual_seed(1)
    training = Training(backend="trl", gradient_checkpointing=False)
    model = add_adapter(loaded, base, Lora(dropout=0.0), training)
    awaken(model, 0.01)
    return model.eval()


def loop(work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Publish base, datasets and adapters; then run the notebook's loop on the loaded base, and measure the upper bound."""
    import torch

    from benchmarks.training_speed import ceiling
    from benchmarks.world.evaluation_world import Catalogue, prompt_words, publish_adapter, publish_base, save_adapter
    from titlecraft.models.base.model import load_base

    _, _, _, train, test, few = SIZES[asked.tiny]
    base = publish_base(make_base(asked.tiny), work / "base")
    loaded = load_base(base, "nf4", "auto")
    model = with_adapter(loaded, base)
    save_adapter(model, work / "adapter")
    catalogues = [
        Catalogue("whole", asked.train_rows or train, test, 0.0, 2048),
        Catalogue("long", 2_000, few, 0.25, 1024),
    ]
    vocabulary = model.config.vocab_size
    adapters = {one.name: publish_adapter(work / "adapter", base, loaded, one, work, vocabulary) for one in catalogues}
    (work / "world.json").write_text(json.dumps(adapters))
    prompts = [" ".join([*prompt_words(), str(number)]) for number in range(LOOP_PROMPTS + 1)]
    flops = ceiling()["tflops"] * 1e12 if torch.cuda.is_available() else None
    parameters = sum(
        one.numel() * (2 if hasattr(one, "quant_state") else 1)
        for name, one in model.named_parameters()
        if "lora_" not in name
    )
    return {
        **notebook_loop(model, loaded.tokenizer, prompts),
        "parameters": parameters,
        "train_rows": catalogues[0].train,
        "ceiling_tokens_per_second": flops and round(flops / (FLOP_PER_PARAMETER * parameters)),
    }


def notebook_loop(model: Any, tokenizer: Any, prompts: list[str]) -> dict[str, float]:
    """Answer one prompt at a time through transformers.pipeline, after one to warm up; return tokens per second."""
    from transformers import pipeline

    ask = pipeline("text-generation", model=model, tokenizer=tokenizer, trust_remote_code=False)
    rates = []
    for text in prompts:
        started = time.perf_counter()
        ask(text, max_new_tokens=LOOP_TOKENS, min_new_tokens=LOOP_TOKENS, do_sample=False, return_full_text=False)
        rates.append(LOOP_TOKENS / (time.perf_counter() - started))
    return {"tokens_per_second": round(median(rates[1:]), 2), "prompts": LOOP_PROMPTS}


def evaluation(work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Run the complete evaluation of the titles."""
    from benchmarks.world.evaluation_timed import evaluate
    from titlecraft.settings import Evaluation, Generation, Recipe

    titles, new_tokens, batch, *_ = SIZES[asked.tiny]
    recipe = Recipe(
        evaluation=Evaluation(titles=titles, batch_size=batch), generation=Generation(max_new_tokens=new_tokens)
    )
    return evaluate(json.loads((work / "world.json").read_text())["whole"], recipe, work / "report")


def low_memory(work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Evaluate a few titles by recipes/low-memory.yaml with 8 GB for tensors; a quarter exceed the model's context."""
    import torch

    from benchmarks.world.evaluation_timed import evaluate
    from titlecraft.settings import Evaluation, Generation, Recipe

    _, new_tokens, *_, few = SIZES[asked.tiny]
    if torch.cuda.is_available():
        share = LOW_MEMORY_BYTES / torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(share)
    recipe = Recipe(evaluation=Evaluation(titles=few, batch_size=16), generation=Generation(max_new_tokens=new_tokens))
    return evaluate(json.loads((work / "world.json").read_text())["long"], recipe, work / "report-low-memory")


def bars(parts: dict[str, Any], tiny: bool) -> list[dict[str, Any]]:
    """Return the bars of the parts that were run; a tiny base has one bar."""
    found = []
    whole, slow, low = parts.get("evaluation"), parts.get("loop"), parts.get("low-memory")
    if whole and not tiny:
        minutes = whole["seconds"]["all"] / 60
        unit = "minutes of both arms, all measures, statistics and report, importing, loading and the search for copies included"
        found.append(("minutes_1000_titles", minutes, 2.0, unit, False))
        slowest = min(call["tokens"] / call["seconds"] for call in whole["generating"]["calls"])
        unit = "tokens/s of the slower arm, prompts, first batch and capture included"
        found.append(("tokens_per_second_per_arm", slowest, 20_000, unit, True))
    if whole and slow:
        times = whole["generating"]["tokens_per_second"] / slow["tokens_per_second"]
        found.append(("x_notebook_loop", times, 10 if tiny else 600, "times", True))
        if top := slow["ceiling_tokens_per_second"]:
            speed = whole["scored_tokens"] / whole["seconds"]["scoring"]
            found.append(("scoring_share_of_ceiling", speed / top, 0.55, "share", True))
    if low and low["reserved_gb"]:
        found.append(("peak_gb_low_memory", low["reserved_gb"], 8, "GB of GPU memory for tensors", False))
    return [bar(name, value, limit, unit, larger=larger) for name, value, limit, unit, larger in found]


def run_part(part: str, work: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Run a part in its own process, on the Hub of the work folder; return the result in its last line of output."""
    from local_hub.server import start

    command = [sys.executable, str(Path(__file__).resolve()), "--part", part, "--work", str(work)]
    command += ["--tiny"] * asked.tiny + (["--train-rows", str(asked.train_rows)] if asked.train_rows else [])
    environment = os.environ | start(work / "hub").environment(work / "home") | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        raise SystemExit(f"the part {part} ended with status {process.returncode}")
    return {**json.loads(lines[-1]), "process_seconds": round(time.perf_counter() - started, 1)}


def device() -> str:
    """Return the GPU's name, or "cpu"."""
    from titlecraft.models.base.model import device_name

    return device_name()


def main() -> None:
    """Run each part; print the bars."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, help="default: results/evaluation.json, evaluation_tiny.json with --tiny")
    options.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="parts; `loop` publishes for the others"
    )
    options.add_argument(
        "--tiny",
        action="store_true",
        help="a tiny base: what runs is the same; beside the notebook's loop on a CPU, its speed means something",
    )
    options.add_argument("--train-rows", type=int, help="rows of the training split, which is searched for copies")
    options.add_argument("--work", type=Path, help="folder for Hub and reports; kept, and found again")
    options.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    asked = options.parse_args()
    work = asked.work or BASE.with_name(f"titlecraft-evaluation-{'tiny' if asked.tiny else '8b'}")
    if asked.part:
        run = {"loop": loop, "evaluation": evaluation, "low-memory": low_memory}[asked.part]
        print(json.dumps(run(work, asked)))
        return
    asked.out = asked.out or (RESULTS.with_name("evaluation_tiny.json") if asked.tiny else RESULTS)
    import shutil

    from local_hub.server import stop

    if "loop" in asked.only:
        stop(work / "hub")
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    before = json.loads(asked.out.read_text()) if asked.out.exists() and len(asked.only) < len(PARTS) else {}
    gpu = device()
    parts = before.get("measured", {}) if before.get("gpu") == gpu else {}
    try:
        for part in asked.only:
            parts[part] = run_part(part, work, asked)
            result = {
                "gpu": gpu,
                "titles": SIZES[asked.tiny][0],
                "new_tokens": SIZES[asked.tiny][1],
                "bars": bars(parts, asked.tiny),
                "measured": parts,
            }
            write_results(asked.out, result)
    finally:
        stop(work / "hub")
    print(json.dumps(result["bars"]))


if __name__ == "__main__":
    main()
