"""python benchmarks/reproducibility.py
python benchmarks/reproducibility.py --device cuda      adds the comparison with a GPU to the same file; on a machine with one

Measures how far scores and greedy answers differ if an evaluation runs differently: other batch sizes, two threads instead of
one, a GPU instead of the CPU. Writes benchmarks/results/reproducibility.json. Some minutes on two CPU cores; times are not
measured.

The base is the demo's, pre-trained here in float32, with a random LoRA adapter; both arms answer titles of invented products.
Every variant is compared with the first one, title by title, and the first one is repeated at the end. `check` fails if the
repeated run is not identical bit for bit.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import write_results  # noqa: E402

os.environ.setdefault("GOMP_SPINCOUNT", "0")  # two threads that wait without spinning: other programs may use a core
RESULTS = HERE / "results" / "reproducibility.json"
TITLES, NEW_TOKENS, STEPS = 100, 64, 200
BATCHES, THREADS = (25, 1, 8, 64), (1, 2)  # the first of each is what the others are compared with


def make_world(folder: Path) -> tuple[Any, Any, list[Any]]:
    """Return model with an adapter, tokenizer, and tokenised titles."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from evaluation.titles.draw import TokenLimits, encode
    from tests.tiny_world import add_adapter
    from titlecraft.command_line.demo.pretraining import CONTEXT, pretrain
    from titlecraft.command_line.demo.products import BOOKS, OTHERS
    from titlecraft.prompt import PromptFormat
    from titlecraft.settings import Prompt

    pretrain(folder, STEPS, seed=1)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    model = add_adapter(AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False).eval())
    prompt, random = PromptFormat.from_settings(Prompt()), Random("reproducibility")
    products = dict(random.choice(BOOKS + OTHERS)(random) for _ in range(4 * TITLES))
    room = TokenLimits(scored=CONTEXT, context=2 * CONTEXT, new_tokens=NEW_TOKENS)
    titles = [
        encode(
            {
                "uid": title,
                "title": title,
                "output": text,
                "instruction": prompt.instruction,
                "input": prompt.input_for(title),
            },
            prompt,
            tokenizer,
            room,
        )
        for title, text in products.items()
    ]
    return model, tokenizer, [title for title in titles if title is not None][:TITLES]


def run(model: Any, tokenizer: Any, titles: list[Any], size: int, threads: int) -> dict[Any, tuple[float, list[int]]]:
    """Return (arm, title) -> NLL per token of the reference, and the greedy answer; batches as in an evaluation."""
    import torch

    from titlecraft.models.adapter.load import Loaded
    from titlecraft.models.attention.grouped import attention_of
    from titlecraft.models.base.model import LoadedBase
    from titlecraft.models.batches import length_sorted
    from titlecraft.models.decoding.open import open_decoder
    from titlecraft.models.decoding.request import Request
    from titlecraft.models.loss.answer_nll import reference_nll

    torch.set_num_threads(threads)
    pad, on_gpu = tokenizer.pad_token_id, model.device.type == "cuda"
    base = LoadedBase(model, tokenizer, "none", None, str(model.dtype).removeprefix("torch."))
    decoder = open_decoder(Loaded(model, tokenizer, base, checks=[]), size)
    nll, written = {}, {}
    for arm in ("before", "after"):
        with nullcontext() if arm == "after" else model.disable_adapter(), attention_of("scoring", model, on_gpu):
            for some in length_sorted(titles, lambda one: len(one.prompt_tokens) + len(one.reference_tokens), size):
                losses = reference_nll(model, [(one.prompt_tokens, one.reference_tokens) for one in some], pad)
                for one, loss in zip(some, losses, strict=True):
                    nll[arm, one.title] = loss / len(one.reference_tokens)
        for some in length_sorted(titles, lambda one: len(one.prompt_tokens), decoder.at_once):
            of_arm = "base" if arm == "before" else "tuned"
            requests = [Request(one.prompt_tokens, NEW_TOKENS, (tokenizer.eos_token_id,), of_arm) for one in some]
            for one, answer in zip(some, decoder.answers(requests), strict=True):
                written[arm, one.title] = answer
    return {key: (nll[key], written[key]) for key in nll}


def differences(first: dict[Any, tuple[float, list[int]]], other: dict[Any, tuple[float, list[int]]]) -> dict[str, Any]:
    """Return the differences of two runs, over all titles of both arms."""
    apart = [other[key][0] - first[key][0] for key in first]
    return {
        "nll_per_token": {
            "identical": sum(not one for one in apart),
            "largest_difference": max(map(abs, apart)),
            "difference_of_the_mean": abs(sum(apart) / len(apart)),
        },
        "greedy_answers_identical": sum(first[key][1] == other[key][1] for key in first),
        "of": len(first),
    }


def effect(run: dict[Any, tuple[float, list[int]]]) -> float:
    """Return the mean NLL per token after − before, as an evaluation reports it."""
    sums = {arm: sum(nll for (where, _), (nll, _) in run.items() if where == arm) for arm in ("before", "after")}
    return 2 * (sums["after"] - sums["before"]) / len(run)


def on_gpu(model: Any, tokenizer: Any, titles: list[Any]) -> dict[str, Any]:
    """Compare the CPU in float32 with the GPU in float32 and in bfloat16, and each GPU run with its repetition."""
    import torch

    first, ways = run(model, tokenizer, titles, BATCHES[0], 1), []
    for precision in ("float32", "bfloat16"):
        model.to("cuda", getattr(torch, precision))
        other, again = (run(model, tokenizer, titles, BATCHES[0], 1) for _ in range(2))
        ways.append(
            {
                "precision": precision,
                **differences(first, other),
                "mean_after_less_before": {"cpu": effect(first), "gpu": effect(other)},
                "the_same_twice": other == again,
            }
        )
        print(json.dumps(ways[-1]), flush=True)
    return {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "batch_size": BATCHES[0],
        "compared_with": f"cpu ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()}), float32",
        "ways": ways,
    }


def main() -> None:
    """Run every variant, compare it with the first, and write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    asked = options.parse_args()
    import torch

    if asked.device == "cuda":
        with tempfile.TemporaryDirectory() as folder:
            found = on_gpu(*make_world(Path(folder)))
        there = json.loads(asked.out.read_text()) if asked.out.exists() else {}
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(there | {"gpu": found}, indent=2) + "\n")
        return
    there = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    ways = [(size, threads) for threads in THREADS for size in BATCHES]
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder))
    parameters = sum(one.numel() for name, one in world[0].named_parameters() if "lora_" not in name)
    first = run(*world, *ways[0])
    found = []
    for size, threads in [*ways[1:], ways[0]]:
        found.append({"batch_size": size, "threads": threads, **differences(first, run(*world, size, threads))})
        print(json.dumps(found[-1]), flush=True)
    again = found.pop()
    whole = again["nll_per_token"]["identical"] == again["greedy_answers_identical"] == again["of"]
    other = [one["nll_per_token"] for one in found]
    result = {
        "device": f"cpu ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()})",
        "torch": torch.__version__,
        "base": "the demo's, float32",
        "parameters": parameters,
        "titles": len(world[2]),
        "arms": 2,
        "new_tokens": NEW_TOKENS,
        "compared_with": dict(zip(("batch_size", "threads"), ways[0], strict=True)),
        "mean_nll_per_token": sum(one for one, _ in first.values()) / len(first),
        "check": {"name": "the same batch size and threads give the same bits", "holds": whole},
        "largest": {
            "nll_per_token": max(one["largest_difference"] for one in other),
            "mean_nll_per_token": max(one["difference_of_the_mean"] for one in other),
            "greedy_answers_that_differ": max(one["of"] - one["greedy_answers_identical"] for one in found),
            "of": again["of"],
        },
        "ways": found,
        **({"gpu": there["gpu"]} if "gpu" in there else {}),
    }
    write_results(asked.out, result)
    print(json.dumps(result["check"]))


if __name__ == "__main__":
    main()
