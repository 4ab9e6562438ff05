"""python benchmarks/answers.py      on a machine with a GPU, and again on one without

Measures the latency of `ask` and `play` with a loaded model: time to the first token and tokens per second of each arm asked
alone, and of both asked together, with the seconds until both answers are complete. On a GPU: an 8B base with random weights in bfloat16, loaded as
titlecraft/models/adapter/load.py does on a large GPU, with an adapter of r 16. On a CPU: the tiny model of the tests. Three
prompts after one to warm up; 256 new tokens each. Writes its part of benchmarks/results/answers.json.
"""

import json
import os
import sys
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import bar  # noqa: E402

RESULTS = HERE / "results" / "answers.json"
NEW_TOKENS, QUESTIONS = 256, 3
BOTH_ON_CPU = 2.0  # seconds
ON_GPU = {  # bar, unit, larger is better
    "tokens_per_second_base": (140, "tokens/s, asked alone, the prompt included", True),
    "tokens_per_second_tuned": (130, "tokens/s, asked alone, the prompt included", True),
    "first_token_seconds_gpu": (0.1, "s, the slower arm", False),
    "start_up_seconds_gpu": (3.0, "s beyond loading", False),
}


def random_8b() -> Any:
    """Return a PeftModel with Llama-3-8B's shape on the GPU, with a nonzero adapter."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from benchmarks.world.random_8b import awaken, config_8b

    torch.manual_seed(0)
    with torch.device("cuda"):
        torch.set_default_dtype(torch.bfloat16)
        base = AutoModelForCausalLM.from_config(config_8b(), trust_remote_code=False)
        targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        model = get_peft_model(base, LoraConfig(r=16, lora_alpha=32, target_modules=targets, task_type="CAUSAL_LM"))
        torch.set_default_dtype(torch.float32)
    for name, one in model.named_parameters():
        if "lora_" in name:
            one.data = one.data.to(torch.bfloat16)
    awaken(model, 0.01)
    return model.eval()


def engine_over(model: Any, tokenizer: Any, precision: str) -> tuple[Any, dict[str, float]]:
    """Return an engine for a model that is not published, and the seconds of the parts of its start-up."""
    started, seconds = perf_counter(), dict[str, float]()
    from evaluation.inputs import Inputs
    from playground.ask import engine as module
    from playground.ask.engine import Engine
    from tests.evaluation.published_world import training_record
    from titlecraft.models.adapter.load import Loaded
    from titlecraft.models.base.model import LoadedBase
    from titlecraft.prompt import PromptFormat
    from titlecraft.records import Pin
    from titlecraft.settings import Evaluation, Prompt

    pins = [Pin(type=kind, repo=f"ns/{kind}", revision="0" * 40) for kind in ("dataset", "model")]
    prompt = PromptFormat.from_settings(Prompt())
    seconds["importing"] = perf_counter() - started
    timed(module, "open_decoder", "opening the decoder: stacked weights, kernels compiled, logits compared", seconds)
    timed(Engine, "warm_up", "capturing a step of each kind", seconds)
    dataset, base = pins
    inputs = Inputs(
        base, training_record(dataset, base, "none"), prompt, weights={}, evaluation=Evaluation(), key="0" * 64
    )
    engine = Engine(inputs, Loaded(model, tokenizer, LoadedBase(model, tokenizer, "none", None, precision), checks=[]))
    return engine, {name: round(one, 2) for name, one in seconds.items()}


def timed(owner: Any, function: str, part: str, seconds: dict[str, float]) -> None:
    """Store the seconds of the calls of owner.function under `part` from now on."""
    call = getattr(owner, function)

    def measured(*arguments: Any) -> Any:
        started = perf_counter()
        try:
            return call(*arguments)
        finally:
            seconds[part] = seconds.get(part, 0.0) + perf_counter() - started

    setattr(owner, function, measured)


def measure(engine: Any, arms: Any) -> dict[str, Any]:
    """Sample the arms with the recipe's defaults; return medians over the prompts, and the slowest first token."""
    from playground.ask.decoding import Decoding
    from titlecraft.settings import Generation

    found, whole, used = [], [], []
    for number in range(QUESTIONS + 1):
        prompt = engine.prompt.render_title(f"The red lamp of the kitchen, volume {number}")
        started, begun = perf_counter(), process_time()
        *_, answers = engine.answer(prompt, Decoding(Generation(max_new_tokens=NEW_TOKENS), seed=number), arms)
        if number:
            whole.append(perf_counter() - started)
            used.append(process_time() - begun)
            found.append(answers)
    by_arm = list(zip(*found, strict=True))
    return {
        "first_token_seconds": {one[0].arm: round(max(answer.first_seconds for answer in one), 3) for one in by_arm},
        "tokens_per_second": {
            one[0].arm: round(median(answer.tokens_per_second for answer in one), 1) for one in by_arm
        },
        "tokens": [[answer.tokens for answer in answers] for answers in found],
        "both_seconds": [round(seconds, 2) for seconds in whole],
        "both_cpu_seconds": [round(seconds, 2) for seconds in used],
        "load_per_core": round(os.getloadavg()[0] / (os.cpu_count() or 1), 2),
    }


def main() -> None:
    """Measure the part for this machine; keep the part that the other machine measured."""
    import torch

    from tests.tiny_world import add_adapter, make_base, train_tokenizer
    from titlecraft.models.base.model import device_name

    tokenizer, on_gpu = train_tokenizer(), torch.cuda.is_available()
    model = random_8b() if on_gpu else add_adapter(make_base(len(tokenizer)))
    started = perf_counter()
    engine, parts = engine_over(model, tokenizer, "bfloat16" if on_gpu else "float32")
    found: dict[str, Any] = {
        "start_up_seconds": round(perf_counter() - started, 2),
        "start_up_parts": parts,
        "device": device_name(),
    }
    alone = {arm: measure(engine, (arm,)) for arm in ("base", "tuned")}
    found |= measure(engine, ("base", "tuned")) | {"alone": alone}
    values = {"tiny_both_answers_cpu": max(found["both_seconds"])}
    bars = {"tiny_both_answers_cpu": (BOTH_ON_CPU, "s, both arms", False)}
    if on_gpu:
        bars = ON_GPU
        values = {f"tokens_per_second_{arm}": of_arm["tokens_per_second"][arm] for arm, of_arm in alone.items()}
        values["first_token_seconds_gpu"] = max(found["first_token_seconds"].values())
        values["start_up_seconds_gpu"] = found["start_up_seconds"]
    result = (
        json.loads(RESULTS.read_text()) if RESULTS.exists() else {"new_tokens": NEW_TOKENS, "bars": [], "measured": {}}
    )
    held = [bar(name, values[name], limit, unit, larger=larger) for name, (limit, unit, larger) in bars.items()]
    kept = [one for one in result["bars"] if one["name"] not in bars]
    result["bars"] = sorted([*kept, *held], key=lambda one: one["name"])
    result["measured"]["gpu" if on_gpu else "cpu"] = found
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
